"""The profile of a registry that runs on this machine."""

import os
from pathlib import Path

import pytest

from local.commands.profile import (
    client_environment,
    forget_profile,
    keep_profile,
    local_profile,
)
from local.commands.runner import Runner
from local.environment import read_env_file, write_env_file
from registry._credentials import find_credentials
from registry._profiles import Profile, profiles_path, read_profiles

TOKEN = 8 * "5ec2e7"
SETTINGS = {
    "REGISTRY_PORT": "8000",
    "QUERY_PORT": "8001",
    "REGISTRY_ADMIN_TOKEN": TOKEN,
    "MONGODB_URL": "mongodb://unused",
    "MINIO_ENDPOINT": "unused:9000",
    "MINIO_ACCESS_KEY": "unused",
    "MINIO_SECRET_KEY": "unused",
}


@pytest.fixture(autouse=True)
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "config"
    monkeypatch.setenv("XDG_CONFIG_HOME", str(folder))
    return folder


def profile_of(**changed: str) -> Profile:
    found = local_profile({**SETTINGS, **changed})
    assert found is not None
    return found


def test_both_services_are_known_however_a_person_writes_them() -> None:
    keep_profile(profile_of())
    for asked in ("http://localhost:8000", "http://127.0.0.1:8000", "http://127.0.0.1:8001"):
        credentials = find_credentials(asked)
        for service in ("http://localhost:8001/v1", "http://127.0.0.1:8000/v1"):
            assert credentials.headers_for(service) == {"authorization": f"Bearer {TOKEN}"}


def test_public_addresses_are_those_of_the_settings() -> None:
    profile = profile_of(
        INGEST_PUBLIC_URL="https://a.example", QUERY_PUBLIC_URL="https://b.example"
    )
    assert profile.url == "https://a.example"
    assert {"https://b.example", "http://localhost:8000"} <= set(profile.origins)


def test_without_ports_or_a_token_there_is_no_profile() -> None:
    for name in ("REGISTRY_PORT", "QUERY_PORT", "REGISTRY_ADMIN_TOKEN"):
        assert local_profile({key: SETTINGS[key] for key in SETTINGS.keys() - {name}}) is None


def test_a_client_that_has_only_the_environment_finds_the_same(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name, value in client_environment(profile_of()).items():
        monkeypatch.setitem(os.environ, name, value)
    found = find_credentials(os.environ["REGISTRY_URL"])
    assert found.headers_for("http://localhost:8001")


def test_a_second_checkout_is_another_profile() -> None:
    here, there = profile_of(), profile_of(REGISTRY_PORT="8100", QUERY_PORT="8101")
    assert keep_profile(here)
    assert keep_profile(there)
    assert not keep_profile(here), "it is there already"
    assert set(read_profiles().kept) == {here, there}
    forget_profile(here)
    assert read_profiles().kept == (there,)


def test_a_new_token_takes_the_place_of_the_old_one_which_is_then_not_ours_to_remove() -> None:
    before, after = profile_of(), profile_of(REGISTRY_ADMIN_TOKEN=f"{TOKEN}-new")
    keep_profile(before)
    keep_profile(after)
    forget_profile(before)
    assert read_profiles().kept == (after,)


@pytest.fixture
def runner(tmp_path: Path) -> tuple[Runner, list[str]]:
    said: list[str] = []
    return Runner(tmp_path / "checkout", said.append), said


def test_a_start_writes_the_token_for_shells_and_keeps_the_profile(
    runner: tuple[Runner, list[str]],
) -> None:
    running, said = runner
    running.tell_clients(SETTINGS)
    written = read_env_file(running.env_file)
    assert written["REGISTRY_TOKEN"] == written["REGISTRY_ADMIN_TOKEN"] == TOKEN
    assert written["REGISTRY_URL"] == "http://localhost:8000"
    assert read_profiles().kept == (profile_of(),)
    assert said == [f"The token of http://localhost:8000 is kept in {profiles_path()}."]
    running.tell_clients(SETTINGS)
    assert len(said) == 1, "nothing is new"


def test_where_no_profile_can_be_kept_one_line_says_so_and_the_start_goes_on(
    runner: tuple[Runner, list[str]], config: Path
) -> None:
    running, said = runner
    config.write_text("a file where the folder should be")
    running.tell_clients(SETTINGS)
    assert read_env_file(running.env_file)["REGISTRY_TOKEN"] == TOKEN
    (line,) = said
    assert line.startswith("No profile: ")
    assert "python -m local env" in line
    assert TOKEN not in line


def test_clean_removes_the_profile_of_this_registry_and_stop_leaves_it(
    runner: tuple[Runner, list[str]],
) -> None:
    running, _ = runner
    other = profile_of(REGISTRY_PORT="8100", QUERY_PORT="8101")
    keep_profile(other)
    running.tell_clients(SETTINGS)
    running.stop()
    assert len(read_profiles().kept) == 2
    running.clean()
    assert read_profiles().kept == (other,)
    assert not running.root.exists()


def test_clean_ends_also_where_the_profiles_cannot_be_read(
    runner: tuple[Runner, list[str]],
) -> None:
    running, said = runner
    running.tell_clients(SETTINGS)
    profiles_path().chmod(0o644)
    running.clean()
    assert said[-1].startswith("The profile stays: ")
    assert not running.root.exists()


def test_clean_of_a_checkout_that_never_started_services_removes_nothing(
    runner: tuple[Runner, list[str]],
) -> None:
    running, _ = runner
    keep_profile(profile_of())
    write_env_file(running.env_file, {"REGISTRY_ADMIN_TOKEN": TOKEN})
    running.clean()
    assert read_profiles().kept == (profile_of(),)
