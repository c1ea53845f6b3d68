"""Runs the indexer: `python -m services.indexer`."""

import uvicorn

from services.indexer.app import create_app
from shared.logs import configure_logs
from shared.settings import Settings


def main() -> None:
    """Work until a signal ends the process."""
    settings = Settings()  # pyright: ignore[reportCallIssue] - required values come from the environment
    configure_logs(settings, "indexer")
    uvicorn.run(
        create_app(settings),
        host=settings.registry_host,
        port=settings.indexer_port,
        log_config=None,
        access_log=False,
    )


main()
