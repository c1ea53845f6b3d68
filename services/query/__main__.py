"""Runs query: `python -m services.query`."""

from shared.runtime.process import run_service

run_service("query", "services.query.app:create_app", lambda settings: settings.query_port)
