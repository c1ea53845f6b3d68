"""Runs query: `python -m services.query`."""

from services.query.app import create_app
from shared.runtime.process import run_service

run_service("query", create_app, lambda settings: settings.query_port)
