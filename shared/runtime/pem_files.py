"""PEM files that settings name, read so that one which cannot be used is told in one line."""

import ssl
from typing import Literal

MinimumVersion = Literal["1.2", "1.3"]
_VERSIONS = {"1.2": ssl.TLSVersion.TLSv1_2, "1.3": ssl.TLSVersion.TLSv1_3}


def load_certificate(cert_file: str, key_file: str, minimum: MinimumVersion) -> ssl.SSLContext:
    """Return a context for a server that shows this certificate; raises ValueError."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = _VERSIONS[minimum]
    context.set_alpn_protocols(["http/1.1"])
    try:
        context.load_cert_chain(cert_file, key_file, password=_no_password)
    except (OSError, ValueError) as error:  # ssl.SSLError is an OSError
        told = f"{cert_file} and {key_file} cannot be used as a certificate: {error}"
        raise ValueError(told) from error
    return context


def load_authorities(ca_file: str) -> ssl.SSLContext:
    """Return a context for a client that trusts these authorities; empty: the system's.

    Raises ValueError.
    """
    try:
        return ssl.create_default_context(cafile=ca_file or None)
    except OSError as error:
        raise ValueError(f"{ca_file} cannot be used as authorities: {error}") from error


def check_authorities(ca_file: str) -> str:
    """Return the path of a file that `load_authorities` takes; raises ValueError."""
    if ca_file:
        load_authorities(ca_file)
    return ca_file


def check_client_certificate(file: str) -> str:
    """Return the path of a file with a certificate and its key; raises ValueError."""
    if file:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        try:
            context.load_cert_chain(file, password=_no_password)
        except (OSError, ValueError) as error:
            told = f"cannot be used as a certificate with its key: {error}"
            raise ValueError(told) from error
    return file


def _no_password() -> str:
    # Without this, OpenSSL would ask the terminal.
    raise ValueError("the key is encrypted, which is not supported")
