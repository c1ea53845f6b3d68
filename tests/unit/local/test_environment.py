"""Settings as files and variables: written, read back, and who wins."""

import stat
import tempfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from local.environment import (
    CREDENTIAL_NAMES,
    SETTING_NAMES,
    ensure_credentials,
    read_env_file,
    user_settings,
    write_env_file,
)
from local.stack import ServerAddresses

NAMES = st.from_regex(r"[A-Z][A-Z0-9_]{0,20}", fullmatch=True)
VALUES = st.text(st.characters(min_codepoint=32, max_codepoint=126))


@given(st.dictionaries(NAMES, VALUES, max_size=5))
def test_a_written_file_reads_back_the_same(values: dict[str, str]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "env"
        write_env_file(path, values)
        assert read_env_file(path) == values


def test_only_the_owner_can_read_the_file_also_when_it_was_there(tmp_path: Path) -> None:
    path = tmp_path / "env"
    path.touch(mode=0o644)
    write_env_file(path, {"A": "1"})
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_value_with_a_line_break_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="line break"):
        write_env_file(tmp_path / "env", {"A": "1\nB=2"})


def test_a_missing_file_has_no_variables(tmp_path: Path) -> None:
    assert read_env_file(tmp_path / "env") == {}


def test_the_environment_wins_over_the_file_and_foreign_names_are_dropped() -> None:
    environment = {"MINIO_BUCKET": "mine", "SHELL": "sh"}
    env_file = {"MINIO_BUCKET": "theirs", "LOG_LEVEL": "debug"}
    chosen = user_settings(environment, env_file, recorded={})
    assert chosen == {"MINIO_BUCKET": "mine", "LOG_LEVEL": "debug"}


def test_an_address_that_the_runner_chose_itself_is_not_the_users() -> None:
    recorded = {"MINIO_ENDPOINT": "127.0.0.1:9000", "REGISTRY_PORT": "8000"}
    environment = {"MINIO_ENDPOINT": "127.0.0.1:9000", "REGISTRY_PORT": "8100"}
    assert user_settings(environment, {}, recorded) == {"REGISTRY_PORT": "8100"}


def test_credentials_are_made_once(tmp_path: Path) -> None:
    path = tmp_path / "credentials.env"
    first = ensure_credentials(path)
    assert ensure_credentials(path) == first
    assert ensure_credentials(tmp_path / "other.env") != first
    assert len(set(first.values())) == len(first) == len(CREDENTIAL_NAMES)


def test_credentials_that_are_missing_are_added_to_those_that_are_there(tmp_path: Path) -> None:
    path = tmp_path / "credentials.env"
    write_env_file(path, {"MINIO_ACCESS_KEY": "mine"})
    credentials = ensure_credentials(path)
    assert credentials["MINIO_ACCESS_KEY"] == "mine"
    assert credentials["MINIO_SECRET_KEY"]


def test_server_addresses_use_names_that_are_settings() -> None:
    addresses = ServerAddresses("user", "password", "s3:1", "kafka:2", "mongodb://db:3/")
    settings = addresses.settings_env()
    assert settings.keys() <= SETTING_NAMES
    assert settings["MINIO_ENDPOINT"] == "s3:1"
    assert settings["MONGODB_URL"] == "mongodb://db:3/"
