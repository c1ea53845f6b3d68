"""Runs indexer: `python -m services.indexer`."""

from shared.runtime.process import run_service

run_service("indexer", "services.indexer.app:create_app", lambda settings: settings.indexer_port)
