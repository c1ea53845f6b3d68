"""The registry's own services, as processes of the checkout's interpreter."""

import os
import ssl
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import httpx

from local.errors import NotReadyError
from local.processes.ports import HOST
from local.processes.process import ProcessPlan
from shared.runtime.service_users import settings_of_service

CHECKOUT = Path(__file__).parents[2]
PORT_SETTINGS: Mapping[str, str] = {
    "ingest": "REGISTRY_PORT",
    "query": "QUERY_PORT",
    "indexer": "INDEXER_PORT",
    "notifier": "NOTIFIER_PORT",
}
"""The services, and the setting that names the port of each."""
PROVISION_SECONDS = 120.0
"""How long making their users may take; it is a second or two."""


def plan_service(name: str, settings: Mapping[str, str]) -> ProcessPlan:
    """`python -m services.NAME` with its part of `settings` on top of this process's environment.

    Of the services' users it gets its own.
    """
    port = int(settings[PORT_SETTINGS[name]])
    scheme = "https" if settings.get("TLS_CERT_FILE") else "http"
    return ProcessPlan(
        name=name,
        command=(sys.executable, "-m", f"services.{name}"),
        environment={**_inherited(), **settings_of_service(name, settings)},
        folder=CHECKOUT,
        port=port,
        is_ready=lambda: _is_ready(f"{scheme}://{HOST}:{port}/health/ready"),
        scheme=scheme,
    )


def provision(settings: Mapping[str, str], log: Path) -> None:
    """Make the services' users, and what else they may not make; raises NotReadyError."""
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("wb") as output:
        try:
            done = subprocess.run(
                (sys.executable, "-m", "services.admin", "provision"),
                cwd=CHECKOUT,
                env={**_inherited(), **settings},
                stdout=output,
                stderr=subprocess.STDOUT,
                timeout=PROVISION_SECONDS,
            )
        except subprocess.TimeoutExpired:
            reason = f"did not end within {PROVISION_SECONDS:.0f} s"
            raise NotReadyError("provision", reason, log) from None
    if done.returncode != 0:
        raise NotReadyError("provision", "failed", log)


def _inherited() -> dict[str, str]:
    # What changes from one terminal to the next must not look like a changed plan.
    kept = ("PATH", "HOME", "LANG", "TMPDIR", "VIRTUAL_ENV", "PYTHONPATH")
    prefixes = ("LC_", "SSL_", "COVERAGE_", "COV_CORE_")
    return {
        name: value
        for name, value in os.environ.items()
        if name in kept or name.startswith(prefixes)
    }


def _is_ready(url: str) -> bool:
    try:
        return httpx.get(url, timeout=5, verify=_anybody()).is_success
    except httpx.TransportError:
        return False


def _anybody() -> ssl.SSLContext:
    """Trust whoever answers: it is asked on this machine, and certificates name other hosts."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context
