"""How a service begins: its app is imported and made, and only then served."""

import gc
from collections.abc import Iterator

import pytest

from shared.runtime.ending import OrderlyServer
from shared.runtime.process import run_service
from shared.runtime.settings import Settings

MADE: list[bool] = []
"""Whether garbage was collected while each app was made."""


def create_app(settings: Settings) -> object:
    MADE.append(gc.isenabled())
    return settings


@pytest.fixture
def served(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[tuple[object, int]]]:
    """What is served, and on which port; nothing is."""
    found: list[tuple[object, int]] = []

    def run(server: OrderlyServer) -> None:
        found.append((server.config.app, server.config.port))
        server.started = True

    monkeypatch.setattr(OrderlyServer, "run", run)

    def keep_logs(settings: Settings, service: str) -> None:
        """Leave this process's logs as they are."""

    monkeypatch.setattr("shared.runtime.process.configure_logs", keep_logs)
    for name in ("MONGODB_URL", "MINIO_ENDPOINT", "MINIO_ACCESS_KEY", "MINIO_SECRET_KEY"):
        monkeypatch.setenv(name, "mongodb://nowhere")
    yield found
    gc.enable()
    gc.unfreeze()


def test_garbage_is_collected_again_once_what_stays_is_made(
    served: list[tuple[object, int]],
) -> None:
    MADE.clear()
    run_service("indexer", f"{__name__}:create_app", lambda _: 7)
    [(app, port)] = served
    assert isinstance(app, Settings)
    assert port == 7
    assert MADE == [False]
    assert gc.isenabled()
    assert gc.get_freeze_count() > 0


def test_an_app_that_is_not_there_is_named(served: list[tuple[object, int]]) -> None:
    with pytest.raises(Exception, match="nowhere"):
        run_service("indexer", "services.nowhere:create_app", lambda _: 7)
    assert served == []
