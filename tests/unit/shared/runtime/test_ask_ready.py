"""The health check of a container asks as its service speaks."""

import ssl
import urllib.request
from typing import Any

import pytest

from shared.runtime.ask_ready import ask_ready


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, ssl.SSLContext | None]]:
    found: list[tuple[str, ssl.SSLContext | None]] = []

    class Answer:
        def close(self) -> None:
            return None

    def urlopen(url: str, *, timeout: float, context: Any) -> Answer:
        found.append((url, context))
        return Answer()

    monkeypatch.setattr(urllib.request, "urlopen", urlopen)
    monkeypatch.setenv("READY_URL", "http://127.0.0.1:8000/health/ready")
    return found


def test_without_a_certificate_by_http(
    asked: list[tuple[str, ssl.SSLContext | None]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("TLS_CERT_FILE", raising=False)
    ask_ready()
    assert asked == [("http://127.0.0.1:8000/health/ready", None)]


def test_with_one_by_https_whatever_host_it_names(
    asked: list[tuple[str, ssl.SSLContext | None]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TLS_CERT_FILE", "/certificates/registry.pem")
    ask_ready()
    [(url, context)] = asked
    assert url == "https://127.0.0.1:8000/health/ready"
    assert context is not None
    assert context.verify_mode is ssl.CERT_NONE
