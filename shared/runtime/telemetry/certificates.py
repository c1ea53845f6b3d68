"""When the certificate of an HTTP service ends: who renews it may have failed in silence."""

import asyncio
from pathlib import Path

from cryptography import x509

from shared.runtime.telemetry.samples import Figure, Question, Readings

ENDS = Figure(
    "registry_certificate_expires_timestamp_seconds",
    "When the certificate in TLS_CERT_FILE ends, in seconds since 1970; nothing without one",
)


def certificate(cert_file: str) -> Question:
    """Return the question when the first certificate of a file ends; empty: there is none."""

    async def ask() -> Readings:
        if not cert_file:
            return {}
        return {ENDS: {(): await asyncio.to_thread(_end_of, Path(cert_file))}}

    return Question("certificate", (ENDS,), ask)


def _end_of(file: Path) -> float:
    return x509.load_pem_x509_certificate(file.read_bytes()).not_valid_after_utc.timestamp()
