"""Which servers the client trusts: those of the public authorities, and of one of its own."""

import os
from collections.abc import Generator
from contextlib import contextmanager
from ssl import SSLCertVerificationError, SSLContext

import httpx

from registry.errors import CertificateError, ConnectionSettingsError

CA_VARIABLE = "REGISTRY_CA_FILE"


def find_certificates(ca_file: str | os.PathLike[str] | None = None) -> SSLContext:
    """Return the context of all connections: the usual authorities, and those in a PEM file.

    The usual ones are those of SSL_CERT_FILE or SSL_CERT_DIR, else the public ones. They stay,
    since storage may be somebody else's than the registry. Without `ca_file` REGISTRY_CA_FILE is
    taken. Raises ConnectionSettingsError for a file that cannot be used.
    """
    try:
        context = httpx.create_ssl_context()
    except OSError as error:  # ssl.SSLError is one
        raise ConnectionSettingsError(f"SSL_CERT_FILE cannot be used: {error}") from error
    trust_own(context, ca_file)
    return context


def trust_own(context: SSLContext, ca_file: str | os.PathLike[str] | None) -> None:
    """Let a context also trust the authorities in the file, or else those of REGISTRY_CA_FILE.

    Raises ConnectionSettingsError.
    """
    own = os.fspath(ca_file) if ca_file is not None else os.environ.get(CA_VARIABLE, "")
    if own:
        try:
            context.load_verify_locations(cafile=own)
        except OSError as error:
            told = f"{own} cannot be used as certificate authorities: {error}"
            raise ConnectionSettingsError(told) from error


@contextmanager
def told_certificates(place: str) -> Generator[None]:
    """Raise CertificateError where the block fails because a certificate is not trusted.

    `place` is the server's address for people. Other errors pass as they are.
    """
    try:
        yield
    except (httpx.TransportError, OSError) as error:
        found = _untrusted(error)
        if found is None:
            raise
        raise CertificateError(place, found.verify_message) from error


def _untrusted(error: BaseException | None) -> SSLCertVerificationError | None:
    while error is not None and not isinstance(error, SSLCertVerificationError):
        error = error.__cause__ or error.__context__
    return error
