"""With metrics off, a service has neither their route nor anything that counts."""

from collections.abc import Callable
from typing import Any

import pytest
from starlette.applications import Starlette

from services.indexer.app import create_app as indexer
from services.ingest.app import create_app as ingest
from services.notifier.app import create_app as notifier
from services.query.app import create_app as query
from shared.runtime.settings import Settings
from shared.web.metrics import PATH
from tests.support.isolation import SETTINGS

OFF = SETTINGS.model_copy(update={"metrics_enabled": False})
APPS = [ingest, indexer, notifier, query]


def paths(app: Starlette) -> set[Any]:
    return {getattr(route, "path", None) for route in app.routes}


@pytest.mark.parametrize("create_app", APPS, ids=["ingest", "indexer", "notifier", "query"])
def test_metrics_are_there_unless_settings_switch_them_off(
    create_app: Callable[[Settings], Starlette], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert PATH in paths(create_app(SETTINGS))

    def counts(*_: object, **__: object) -> None:
        raise AssertionError("a figure is made")

    monkeypatch.setattr("prometheus_client.metrics.MetricWrapperBase.__init__", counts)
    assert PATH not in paths(create_app(OFF))
