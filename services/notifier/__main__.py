"""Entry of the notifier: `python -m services.notifier`."""

from services.notifier.app import create_app
from shared.runtime.process import run_service

run_service("notifier", create_app, lambda settings: settings.notifier_port)
