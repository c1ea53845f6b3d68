"""Running a service: settings, logs, and an ASGI server that ends in order on a signal."""

from collections.abc import Callable
from typing import Any

import uvicorn
from pydantic import ValidationError

from shared.runtime.logs import configure_logs
from shared.runtime.settings import Settings

GRACE_SECONDS = 10
"""How long requests under way may take after SIGTERM; long polls are cut then."""
KEEP_ALIVE_SECONDS = 75
"""How long an idle connection stays open: longer than a client keeps it (httpx: 5 s, as is
uvicorn's own limit), or a request may be sent into a connection that is just being closed."""


def run_service(
    name: str, create_app: Callable[[Settings], Any], port: Callable[[Settings], int]
) -> None:
    """Serve until a signal ends the process; SystemExit with one line for bad settings."""
    try:
        settings = Settings()  # pyright: ignore[reportCallIssue] - the environment has the values
    except ValidationError as error:
        raise SystemExit(explain_bad_settings(error)) from None
    configure_logs(settings, name)
    uvicorn.run(
        create_app(settings),
        host=settings.registry_host,
        port=port(settings),
        log_config=None,
        access_log=False,
        timeout_graceful_shutdown=GRACE_SECONDS,
        timeout_keep_alive=KEEP_ALIVE_SECONDS,
    )


def explain_bad_settings(error: ValidationError) -> str:
    """Name each bad setting and its rule, without its value: it may be a secret.

    Of a setting in JSON the place within is named as well: `OIDC_ISSUERS.0.rules.2.grants.0`.
    """
    found = (f"{_place(item['loc'])}: {item['msg']}" for item in error.errors())
    return "bad settings: " + "; ".join(found)


def _place(location: tuple[int | str, ...]) -> str:
    setting, *within = map(str, location)
    return ".".join([setting.upper(), *within])
