"""Certificate authorities that are made on the spot, and what they sign."""

from dataclasses import dataclass
from pathlib import Path

import trustme
from cryptography.hazmat.primitives import serialization

HOSTS = ("localhost", "127.0.0.1")


@dataclass(frozen=True)
class Issued:
    """A certificate for servers of this machine, and for clients; PEM files."""

    ca: Path
    cert: Path
    key: Path
    both: Path
    """Key and certificate in one file, as MongoDB's and Kafka's settings want it."""


class Authority:
    """An authority below a folder of its own."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._folder, self._authority = folder, trustme.CA()
        self.ca = folder / "ca.pem"
        self._authority.cert_pem.write_to_path(str(self.ca))

    def issue(self, name: str, *hosts: str) -> Issued:
        """Sign a certificate for these hosts; without any, for this machine."""
        issued = self._authority.issue_cert(*(hosts or HOSTS))
        key = serialization.load_pem_private_key(issued.private_key_pem.bytes(), password=None)
        pkcs8 = key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,  # the one that Kafka reads
            serialization.NoEncryption(),
        )
        chain = b"".join(part.bytes() for part in issued.cert_chain_pems)
        found = Issued(self.ca, *(self._folder / f"{name}.{end}" for end in ("crt", "key", "pem")))
        found.cert.write_bytes(chain)
        found.key.write_bytes(pkcs8)
        found.both.write_bytes(pkcs8 + chain)
        return found
