"""Signatures that the real library verifies, and CloudEvents in both modes."""

import json
import time
from typing import Any

import pytest
from standardwebhooks import Webhook as Verifier
from standardwebhooks import WebhookVerificationError

from shared.domain.webhooks.signing import cloud_event, new_secret, signature, signed_headers

BODY = b'{"a": 1}'
EVENT = {
    "specversion": "1.0",
    "id": "v-1",
    "source": "/model-registry",
    "type": "registry.version.ready.v1",
    "subject": "küche.churn/1",
    "time": "2026-11-28T00:00:00Z",
    "datacontenttype": "application/json",
    "sequence": 7,
    "data": {"model": "küche.churn"},
}


def now() -> int:
    return int(time.time())


def test_the_specifications_own_example() -> None:
    """https://github.com/standard-webhooks/standard-webhooks, tests of its libraries."""
    secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
    body = b'{"test": 2432232314}'
    found = signature(secret, "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, body)
    assert found == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


def test_the_library_verifies_each_of_two_secrets_while_they_are_exchanged() -> None:
    old, new, other = new_secret(), new_secret(), new_secret()
    headers = signed_headers([new, old], "v-1", now(), BODY)
    for secret in (old, new):
        assert Verifier(secret).verify(BODY, headers) == {"a": 1}
    with pytest.raises(WebhookVerificationError):
        Verifier(other).verify(BODY, headers)
    with pytest.raises(WebhookVerificationError):
        Verifier(new).verify(BODY + b" ", headers)


def test_secrets_are_long_and_never_the_same() -> None:
    made = {new_secret() for _ in range(100)}
    assert len(made) == 100
    assert all(each.startswith("whsec_") and len(each) == 6 + 44 for each in made)


def test_structured_mode_sends_the_event_as_it_is_on_the_topic() -> None:
    text = json.dumps(EVENT, ensure_ascii=False)
    headers, body = cloud_event(text, "structured")
    assert headers == {"content-type": "application/cloudevents+json; charset=utf-8"}
    assert body == text.encode()


def test_binary_mode_sends_its_data_and_the_rest_in_headers() -> None:
    headers, body = cloud_event(json.dumps(EVENT), "binary")
    assert json.loads(body) == EVENT["data"]
    expected: dict[str, Any] = {
        "content-type": "application/json",
        "ce-specversion": "1.0",
        "ce-id": "v-1",
        "ce-source": "/model-registry",
        "ce-type": "registry.version.ready.v1",
        "ce-subject": "k%C3%BCche.churn/1",
        "ce-time": "2026-11-28T00:00:00Z",
        "ce-sequence": "7",
    }
    assert headers == expected


def test_no_header_can_be_broken_out_of() -> None:
    text = json.dumps({**EVENT, "subject": 'a\r\nx: y "%'})
    headers, _ = cloud_event(text, "binary")
    assert headers["ce-subject"] == "a%0D%0Ax:%20y%20%22%25"
