"""Ends the threads of a download at once: a thread that waits for a socket cannot be cancelled."""

import socket
import threading


class Aborted(Exception):
    """The download that a thread works for was given up; nobody waits for the answer."""


class Abort:
    """Ends the reads of one download at once, from any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._sockets: set[socket.socket] = set()
        self._is_set = False

    def check(self) -> None:
        """Raise Aborted once `now` was called."""
        if self._is_set:
            raise Aborted

    def add(self, watched: socket.socket) -> None:
        """Shut this socket when the time comes; raises Aborted where it has come already."""
        with self._lock:
            self.check()
            self._sockets.add(watched)

    def discard(self, watched: socket.socket | None) -> None:
        """Leave this socket alone from now on."""
        if watched is not None:
            with self._lock:
                self._sockets.discard(watched)

    def now(self) -> None:
        """Wake every thread that waits for a socket; it raises Aborted or an OSError."""
        with self._lock:
            self._is_set = True
            for watched in self._sockets:
                try:
                    # Not the method of SSLSocket, which would take TLS away from a reading thread.
                    socket.socket.shutdown(watched, socket.SHUT_RDWR)
                except OSError:  # not connected yet or not any more: its own timeout ends it
                    continue
