"""Runs ingest: `python -m services.ingest`."""

from services.ingest.app import create_app
from shared.runtime.process import run_service

run_service("ingest", create_app, lambda settings: settings.registry_port)
