"""Runs ingest: `python -m services.ingest`."""

from shared.runtime.process import run_service

run_service("ingest", "services.ingest.app:create_app", lambda settings: settings.registry_port)
