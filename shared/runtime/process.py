"""Running a service: settings, logs, and an ASGI server that ends in order on a signal."""

import gc
import resource
from collections.abc import Callable
from contextlib import suppress
from ssl import SSLContext
from typing import Any

import uvicorn
from pydantic import ValidationError
from uvicorn.config import STARTUP_FAILURE
from uvicorn.importer import import_from_string

from shared.runtime.answer_headers import answer_headers
from shared.runtime.certificates import Certificate
from shared.runtime.connections import MAX_CONNECTIONS, BoundedProtocol
from shared.runtime.ending import OrderlyServer
from shared.runtime.logs import configure_logs
from shared.runtime.settings import Settings
from shared.runtime.telemetry.tracing import prepare_tracing

GRACE_SECONDS = 10
"""How long requests under way may take after SIGTERM; long polls are cut then."""
KEEP_ALIVE_SECONDS = 75
"""How long an idle connection stays open: longer than a client keeps it (httpx: 5 s, as is
uvicorn's own limit), or a request may be sent into a connection that is just being closed."""
OWN_FILES = 1024
"""Files that a process may need beside its connections."""


def run_service(name: str, application: str, port: Callable[[Settings], int]) -> None:
    """Serve until a signal ends the process; SystemExit with one line for bad settings.

    `application` is what makes the app from settings, as uvicorn names it: `module:function`. It is
    imported here, where no garbage is collected meanwhile: of a start that was a fifth of the time.
    """
    gc.disable()
    try:
        settings = Settings()  # pyright: ignore[reportCallIssue] - the environment has the values
    except ValidationError as error:
        raise SystemExit(explain_bad_settings(error)) from None
    configure_logs(settings, name)
    _allow_files(MAX_CONNECTIONS + OWN_FILES)
    create_app: Callable[[Settings], Any] = import_from_string(application)
    app = create_app(settings)
    prepare_tracing(settings)
    _keep_what_stays()
    _serve(_config(app, port(settings), settings))


def _serve(config: uvicorn.Config) -> None:
    server = OrderlyServer(config)
    with suppress(KeyboardInterrupt):  # Ctrl+C, once all has ended
        server.run()
    if not server.started:
        raise SystemExit(STARTUP_FAILURE)


def _config(app: Any, port: int, settings: Settings) -> uvicorn.Config:
    return uvicorn.Config(
        app,
        host=settings.registry_host,
        port=port,
        log_config=None,
        access_log=False,
        timeout_graceful_shutdown=GRACE_SECONDS,
        timeout_keep_alive=KEEP_ALIVE_SECONDS,
        ssl_context_factory=_make_context(settings),
        http=BoundedProtocol,
        ws="none",  # its requests would pass by every limit
        server_header=False,
        headers=answer_headers(settings),
        # By default uvicorn believes whoever connects from this machine, or FORWARDED_ALLOW_IPS.
        proxy_headers=bool(settings.proxies),
        forwarded_allow_ips=settings.proxies,
    )


def _make_context(settings: Settings) -> Callable[..., SSLContext] | None:
    """Return what gives uvicorn its certificate; None without HTTPS."""
    if not settings.is_https:
        return None
    certificate = Certificate(
        settings.tls_cert_file, settings.tls_key_file, settings.tls_min_version
    )
    return lambda *_: certificate.context


def explain_bad_settings(error: ValidationError) -> str:
    """Name each bad setting and its rule, without its value: it may be a secret.

    Of a setting in JSON the place within is named as well: `OIDC_ISSUERS.0.rules.2.grants.0`.
    """
    found = (f"{_place(item['loc'])}: {item['msg']}" for item in error.errors())
    return "bad settings: " + "; ".join(found)


def _keep_what_stays() -> None:
    """Have garbage collections pass over modules and routes, which live as long as the process.

    A full one takes 60 ms over their 120,000 objects, in which nobody is answered.
    """
    gc.collect()
    gc.freeze()
    gc.enable()


def _allow_files(count: int) -> None:
    """Let the process open so many files, where the system lets it: each connection is one."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = count if hard == resource.RLIM_INFINITY else min(count, hard)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def _place(location: tuple[int | str, ...]) -> str:
    setting, *within = map(str, location)
    return ".".join([setting.upper(), *within])
