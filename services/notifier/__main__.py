"""Entry of the notifier: `python -m services.notifier`."""

from shared.runtime.process import run_service

run_service("notifier", "services.notifier.app:create_app", lambda settings: settings.notifier_port)
