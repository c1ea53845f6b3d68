"""Runs indexer: `python -m services.indexer`."""

from services.indexer.app import create_app
from shared.runtime.process import run_service

run_service("indexer", create_app, lambda settings: settings.indexer_port)
