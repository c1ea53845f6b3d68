"""What a client shows to Kafka, from arguments and from the environment."""

from typing import Any

import pytest

import registry
from registry._kafka_access import KafkaAccess, find_security
from registry.kafka import KafkaSecurity
from registry.schemas import EventsAddress

TOLD = EventsAddress(bootstrap_servers="told:9092", topic="model-events", source="/r")
PLAIN: dict[str, Any] = {
    "security_protocol": "SASL_SSL",
    "sasl_mechanism": "PLAIN",
    "sasl_username": "u",
    "sasl_password": "p",
}
TOKEN: dict[str, Any] = {
    "security_protocol": "SASL_SSL",
    "sasl_mechanism": "OAUTHBEARER",
    "oauth_token_url": "https://login.test/token",
    "oauth_client_id": "c",
    "oauth_client_secret": "s",
}


def with_changes(given: dict[str, Any], **changes: Any) -> KafkaSecurity:
    return KafkaSecurity(**(given | changes))


def test_without_arguments_it_is_a_plain_connection() -> None:
    assert KafkaSecurity().options() == {"security_protocol": "PLAINTEXT"}
    assert KafkaSecurity.from_environment({}) == KafkaSecurity()


def test_each_argument_has_a_variable_of_its_name() -> None:
    environment = {f"REGISTRY_KAFKA_{name.upper()}": text for name, text in PLAIN.items()}
    assert KafkaSecurity.from_environment(environment) == KafkaSecurity(**PLAIN)
    environment["REGISTRY_KAFKA_CA_FILE"] = ""  # as compose files pass what is not set
    assert KafkaSecurity.from_environment(environment).ca_file == ""


def test_no_secret_is_shown() -> None:
    shown = repr(with_changes(PLAIN, sasl_password="hidden-one"))
    shown += repr(with_changes(TOKEN, oauth_client_secret="hidden-two"))
    assert "hidden" not in shown


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"security_protocol": "TLS"}, "security_protocol must be one of"),
        ({"sasl_mechanism": "GSSAPI"}, "sasl_mechanism must be one of"),
        ({"sasl_password": ""}, "PLAIN needs sasl_username and sasl_password"),
        ({"security_protocol": "SSL"}, "sasl_username has no use with SSL"),
        ({"client_cert_file": "c.pem"}, "go together"),
        ({"security_protocol": "SASL_PLAINTEXT", "ca_file": "ca.pem"}, "ca_file has no use"),
    ],
)
def test_what_contradicts_itself_is_refused(changes: dict[str, Any], reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        with_changes(PLAIN, **changes)


def test_wrong_variables_are_the_clients_own_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REGISTRY_KAFKA_SECURITY_PROTOCOL", "SASL_SSL")
    with pytest.raises(registry.ConnectionSettingsError, match=r"REGISTRY_KAFKA_.*SCRAM-SHA-512"):
        find_security(None)
    given = KafkaSecurity()
    assert find_security(given) is given


@pytest.mark.parametrize("handing_over", [PLAIN, TOKEN], ids=["PLAIN", "OAUTHBEARER"])
def test_a_secret_goes_to_no_server_that_discovery_alone_names(
    handing_over: dict[str, Any],
) -> None:
    with pytest.raises(registry.ConnectionSettingsError, match="REGISTRY_KAFKA_BOOTSTRAP_SERVERS"):
        KafkaAccess(KafkaSecurity(**handing_over), None).address(TOLD)
    named = KafkaSecurity(**handing_over, bootstrap_servers="named:9093")
    assert KafkaAccess(named, None).address(TOLD).bootstrap_servers == "named:9093"


def test_a_proof_may_go_to_whom_discovery_names() -> None:
    scram = with_changes(PLAIN, sasl_mechanism="SCRAM-SHA-512")
    assert KafkaAccess(scram, None).address(TOLD) == TOLD
