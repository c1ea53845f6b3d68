"""The registry's own services, as processes of the checkout's interpreter."""

import os
import ssl
import sys
from collections.abc import Mapping
from pathlib import Path

import httpx

from local.processes.ports import HOST
from local.processes.process import ProcessPlan

CHECKOUT = Path(__file__).parents[2]
PORT_SETTINGS: Mapping[str, str] = {
    "ingest": "REGISTRY_PORT",
    "query": "QUERY_PORT",
    "indexer": "INDEXER_PORT",
}
"""The services, and the setting that names the port of each."""


def plan_service(name: str, settings: Mapping[str, str]) -> ProcessPlan:
    """`python -m services.NAME` with `settings` on top of this process's environment."""
    port = int(settings[PORT_SETTINGS[name]])
    scheme = "https" if settings.get("TLS_CERT_FILE") else "http"
    return ProcessPlan(
        name=name,
        command=(sys.executable, "-m", f"services.{name}"),
        environment={**_inherited(), **settings},
        folder=CHECKOUT,
        port=port,
        is_ready=lambda: _is_ready(f"{scheme}://{HOST}:{port}/health/ready"),
        scheme=scheme,
    )


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
