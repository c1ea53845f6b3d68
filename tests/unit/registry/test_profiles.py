"""The file of profiles: what it keeps, who may read it, and who may not."""

import stat
import threading
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from registry._profiles import (
    MAX_BYTES,
    Profile,
    Profiles,
    change_profiles,
    look_up_profiles,
    origin_of,
    profiles_path,
    read_profiles,
)
from registry.errors import ProfileError

HERE = Profile("http://localhost:8000", ("http://localhost:8001",), "a token")
THERE = Profile("https://registry.example", (), "another token")


@pytest.fixture(autouse=True)
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    return profiles_path()


def keep(*profiles: Profile, default: str | None = None) -> None:
    change_profiles(lambda _before: Profiles(profiles, default))


def test_what_is_kept_comes_back() -> None:
    assert read_profiles() == Profiles()
    keep(HERE, THERE, default=THERE.url)
    assert read_profiles() == Profiles((HERE, THERE), THERE.url)


def test_only_the_owner_can_read_the_file_and_look_into_the_folder(path: Path) -> None:
    keep(HERE)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660])
def test_a_file_that_others_can_read_is_refused_and_left_as_it_is(path: Path, mode: int) -> None:
    keep(HERE)
    path.chmod(mode)
    for use in (read_profiles, look_up_profiles, lambda: keep(THERE)):
        with pytest.raises(ProfileError, match=f"others can read it: chmod 600 {path}"):
            use()
    assert stat.S_IMODE(path.stat().st_mode) == mode
    path.chmod(0o600)
    assert read_profiles().kept == (HERE,)


def test_a_folder_that_others_can_write_to_is_refused(path: Path) -> None:
    keep(HERE)
    path.parent.chmod(0o770)
    with pytest.raises(ProfileError, match=f"chmod 700 {path.parent}"):
        read_profiles()


def test_a_user_without_a_home_folder_has_no_profiles(monkeypatch: pytest.MonkeyPatch) -> None:
    def none() -> Path:
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.delenv("XDG_CONFIG_HOME")
    monkeypatch.setattr(Path, "home", none)
    assert look_up_profiles() == Profiles()
    with pytest.raises(ProfileError, match="no folder for profiles"):
        keep(HERE)


def test_a_user_who_may_not_look_into_the_home_folder_has_no_profiles(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def forbidden(*_: object, **__: object) -> object:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "stat", forbidden)
    monkeypatch.setattr(Path, "open", forbidden)
    assert look_up_profiles() == Profiles()
    with pytest.raises(ProfileError, match="Permission denied"):
        read_profiles()


@pytest.mark.parametrize(
    "text",
    [
        "[[profiles",
        "profiles = 3",
        "profiles = ['mr_1_5ec2e7']",
        "default = 3",
        "default = 'nonsense'",
        "[[profiles]]\ntoken = 'mr_1_5ec2e7'",
        "[[profiles]]\nurl = 'http://a'\ntoken = ['mr_1_5ec2e7']",
        "[[profiles]]\nurl = 'nonsense'\ntoken = 'mr_1_5ec2e7'",
        "[[profiles]]\nurl = 'http://a'\norigins = 'http://b'\ntoken = 'mr_1_5ec2e7'",
        "[[profiles]]\nurl = 'http://a'\norigins = ['b']\ntoken = 'mr_1_5ec2e7'",
        f"# {MAX_BYTES * ' '}",
    ],
)
def test_a_file_that_is_none_is_told_by_its_path_and_without_its_tokens(
    path: Path, text: str
) -> None:
    keep()
    path.write_text(text)
    with pytest.raises(ProfileError) as caught:
        read_profiles()
    assert str(path) in str(caught.value)
    assert "5ec2e7" not in str(caught.value)


def test_no_token_is_in_a_repr() -> None:
    assert "token" not in repr(Profiles((HERE,)))


def test_a_profile_takes_the_place_of_that_of_the_same_address_alone() -> None:
    newer = Profile("HTTP://LOCALHOST:8000/", (), "newer")
    assert Profiles((HERE, THERE)).put(newer).kept == (THERE, newer)
    query = Profile("http://localhost:8001", (), "of another registry, as far as is known")
    assert Profiles((HERE,)).put(query).kept == (HERE, query)


def test_a_profile_is_found_by_its_address_before_those_that_only_name_it() -> None:
    claims = Profile("http://claims.example", ("https://registry.example",), "theirs")
    assert Profiles((claims, THERE)).find("https://registry.example/") == THERE
    assert Profiles((HERE,)).find("http://localhost:8001/v1") == HERE
    assert Profiles((HERE,)).find("http://localhost:8002") is None


def test_the_default_goes_with_its_profile() -> None:
    both = Profiles((HERE, THERE), THERE.url)
    assert both.without(THERE) == Profiles((HERE,))
    assert both.without(HERE) == Profiles((THERE,), THERE.url)


def test_changes_at_once_are_all_kept() -> None:
    added = [Profile(f"http://{n}.example", (), "t") for n in range(12)]

    def add(one: Profile) -> None:
        change_profiles(lambda kept: kept.put(one))

    threads = [threading.Thread(target=add, args=(one,)) for one in added]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert set(read_profiles().kept) == set(added)


@given(st.sampled_from(["a.example", "10.0.0.1", "[::1]"]), st.sampled_from(["http", "https"]))
def test_an_origin_has_one_form(host: str, scheme: str) -> None:
    port = {"http": 80, "https": 443}[scheme]
    forms = (f"{scheme}://{host}", f"{scheme.upper()}://{host.upper()}:{port}/v1?x#y")
    assert {origin_of(form) for form in forms} == {f"{scheme}://{host}"}


@pytest.mark.parametrize("text", ["", "localhost:8000", "ftp://a", "http://", "http://a:99999"])
def test_what_is_no_address_has_no_origin(text: str) -> None:
    with pytest.raises(ValueError, match=r"no http or https address|Port"):
        origin_of(text)
