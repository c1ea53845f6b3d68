"""Runs ingest: `python -m services.ingest`."""

import uvicorn

from services.ingest.app import create_app
from shared.logs import configure_logs
from shared.settings import Settings


def main() -> None:
    """Serve until a signal ends the process."""
    settings = Settings()  # pyright: ignore[reportCallIssue] - required values come from the environment
    configure_logs(settings, "ingest")
    uvicorn.run(
        create_app(settings),
        host=settings.registry_host,
        port=settings.registry_port,
        log_config=None,
        access_log=False,
    )


main()
