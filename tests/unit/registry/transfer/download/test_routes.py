"""The environment's proxies are chosen as httpx chooses them."""

from pathlib import Path

import httpx
import pytest
from httpx._utils import URLPattern, get_environment_proxies  # pyright: ignore[reportPrivateImportUsage] - the reference

from registry.transfer.download.positions import PositionedFile
from registry.transfer.download.routes import UnusableProxyError, find_route

NAMES = ("http_proxy", "https_proxy", "all_proxy", "no_proxy")


@pytest.fixture(autouse=True)
def no_proxies(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in NAMES:
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)


def by_httpx(url: str) -> str | None:
    """The proxy that httpx would take: its most specific pattern decides."""
    patterns = sorted((URLPattern(key), proxy) for key, proxy in get_environment_proxies().items())
    return next((proxy for pattern, proxy in patterns if pattern.matches(httpx.URL(url))), None)


@pytest.mark.parametrize(
    "url", ["http://s3.a.test/k", "https://s3.a.test:9000/k", "http://10.1.2.3/k"]
)
@pytest.mark.parametrize(
    "no_proxy",
    [
        "",
        "*",
        "a.test",
        ".a.test",
        "s3.a.test",
        "b.test, a.test",
        "10.1.2.3",
        "s3.a.test:9000",
        "3.a.test",
        "http://a.test",
    ],
)
@pytest.mark.parametrize("name", ["http_proxy", "https_proxy", "all_proxy"])
def test_a_proxy_is_taken_where_httpx_takes_it(
    monkeypatch: pytest.MonkeyPatch, name: str, no_proxy: str, url: str
) -> None:
    monkeypatch.setenv(name, "http://proxy.test:3128")
    monkeypatch.setenv("no_proxy", no_proxy)
    proxy = find_route(url).proxy
    assert (proxy and proxy.geturl()) == by_httpx(url)


def test_a_proxy_that_is_spoken_to_by_tls_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", "https://user:secret@proxy.test")
    with pytest.raises(UnusableProxyError, match="https") as caught:
        find_route("http://s3.test/k")
    assert "secret" not in str(caught.value)


def test_a_password_of_a_proxy_is_not_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", "http://user:secret@proxy.test")
    assert "secret" not in repr(find_route("http://s3.test/k"))


@pytest.mark.parametrize("has_places", [True, False])
def test_bytes_go_to_their_places_also_where_the_system_has_no_pwrite(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, has_places: bool
) -> None:
    monkeypatch.setattr(PositionedFile, "has_places", has_places)
    with (tmp_path / "x").open("w+b") as opened:
        file = PositionedFile(opened.fileno())
        for offset, data in ((5, b"world"), (0, b"hello")):
            file.write(memoryview(data), offset)
        buffer = memoryview(bytearray(20))
        assert bytes(buffer[: file.read_into(buffer, 3)]) == b"loworld"
        assert file.read_into(buffer, 10) == 0
