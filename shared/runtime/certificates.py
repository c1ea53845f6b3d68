"""The certificate that an HTTP service shows, and its renewal without a restart."""

import ssl
from pathlib import Path

from shared.runtime.logs import get_logger
from shared.runtime.pem_files import MinimumVersion, load_certificate

log = get_logger(__name__)

_Stamp = tuple[tuple[int, int, int], ...]
"""What tells that files were replaced: inode, size and time of each."""


class Certificate:
    """A certificate and its key, read again when their files change.

    Each new connection looks whether they have, which costs two calls of `stat`. What cannot be
    used is logged once, and the one before stays in use: a certificate may be written a moment
    before its key. Raises ValueError where the first one cannot be used.
    """

    def __init__(self, cert_file: str, key_file: str, minimum: MinimumVersion) -> None:
        self._cert_file, self._key_file = cert_file, key_file
        self._minimum: MinimumVersion = minimum
        self._stamp = self._look()
        self._newest = self._load()
        self.context = self._load()
        """What a server listens with."""
        self.context.sni_callback = self._on_connection

    def refresh(self) -> ssl.SSLContext:
        """Return the context of the newest certificate that can be used."""
        stamp = self._look()
        if stamp != self._stamp:
            self._stamp = stamp
            try:
                self._newest = self._load()
            except ValueError as error:
                log.error("certificate not renewed", detail=str(error))
            else:
                log.info("certificate renewed", file=self._cert_file)
        return self._newest

    def _on_connection(
        self, connection: ssl.SSLObject, _name: str | None, _context: ssl.SSLContext
    ) -> None:
        # OpenSSL calls it in every handshake, also in one that names no server.
        connection.context = self.refresh()

    def _look(self) -> _Stamp:
        """Return the stamp of the files; an empty one while one of them is missing."""
        try:
            found = [Path(name).stat() for name in (self._cert_file, self._key_file)]
        except OSError:
            return ()
        return tuple((each.st_ino, each.st_size, each.st_mtime_ns) for each in found)

    def _load(self) -> ssl.SSLContext:
        return load_certificate(self._cert_file, self._key_file, self._minimum)
