"""Connections to storage for downloads: plain `http.client`, kept alive, abortable from outside.

Why not httpx: every byte of it passes through an event loop and three copies, which takes twice
the time and the CPU. Here a thread reads into one buffer that it uses again and again, and neither
the read nor what is done with it holds the interpreter's lock.
"""

import http.client
import socket
import threading
from collections import defaultdict
from ssl import SSLContext

from registry.transfer.download.abort import Abort
from registry.transfer.download.routes import Route

BUFFER_BYTES = 256 * 1024
"""Read, hashed and written at once: large enough to be cheap, small enough for the CPU's cache."""
CONNECT_SECONDS = 10.0


class ProxyRefusedError(OSError):
    """The proxy does not let us through."""

    def __init__(self, status: int) -> None:
        super().__init__(f"the proxy answered {status}")
        self.status = status


class Connection(http.client.HTTPConnection):
    """A connection and the buffer that its bytes are read into; used by one thread at a time."""

    def __init__(self, route: Route, tls: SSLContext, read_seconds: float) -> None:
        super().__init__(route.host, route.port, timeout=CONNECT_SECONDS)
        self.set_debuglevel(0)  # somebody's global debug level would print the signed URL
        self.route, self._tls, self._read_seconds = route, tls, read_seconds
        self.buffer = memoryview(bytearray(BUFFER_BYTES))
        self.abort = Abort()

    def connect(self) -> None:
        """Connect, through the proxy where there is one; raises OSError or Aborted."""
        proxy = self.route.proxy
        if proxy is None:
            self._reach(self.host, self.port)
        else:
            self._reach(proxy.hostname or "", proxy.port or 80)
        if self.route.scheme == "https":
            if proxy is not None:
                self._ask_proxy()
            self._secure()
        self.sock.settimeout(self._read_seconds)

    def _reach(self, host: str, port: int) -> None:
        failure: OSError = OSError("the name has no address")
        for family, kind, protocol, _, address in socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM
        ):
            self.sock = socket.socket(family, kind, protocol)
            try:
                self.abort.add(self.sock)  # before it connects, so that this can be ended too
                self.sock.settimeout(CONNECT_SECONDS)
                self.sock.connect(address)
                self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            except OSError as error:
                failure = error
                self.abort.discard(self.sock)
                self.sock.close()
            else:
                return
        self.sock = None
        raise failure

    def _secure(self) -> None:
        self.abort.discard(self.sock)
        self.sock = self._tls.wrap_socket(
            self.sock, server_hostname=self.host, do_handshake_on_connect=False
        )
        self.abort.add(self.sock)
        self.sock.do_handshake()

    def _ask_proxy(self) -> None:
        # http.client's own tunnel forgets the brackets of an IPv6 host before Python 3.12.
        host = f"[{self.host}]" if ":" in self.host else self.host
        lines = [f"CONNECT {host}:{self.port} HTTP/1.1", f"Host: {host}:{self.port}"]
        lines += [f"{name}: {value}" for name, value in self.route.proxy_headers().items()]
        self.sock.sendall("\r\n".join([*lines, "", ""]).encode("latin-1"))
        answer = http.client.HTTPResponse(self.sock, method="CONNECT")
        try:
            answer.begin()
            if answer.status != 200:
                raise ProxyRefusedError(answer.status)
        finally:
            answer.close()


class Connections:
    """Idle connections by route. One for the whole client; threads take from it and give back."""

    def __init__(self, tls: SSLContext, *, read_seconds: float) -> None:
        self._tls, self._read_seconds = tls, read_seconds
        self._lock = threading.Lock()
        self._idle: defaultdict[Route, list[Connection]] = defaultdict(list)
        self._closed = False

    def take(self, route: Route, abort: Abort, *, fresh: bool = False) -> tuple[Connection, bool]:
        """Return a connection for one request, and whether it was used before."""
        with self._lock:
            idle = self._idle[route]
            found = None if fresh or not idle else idle.pop()
        connection = found or Connection(route, self._tls, self._read_seconds)
        connection.abort = abort
        try:
            if connection.sock is not None:
                abort.add(connection.sock)
            else:
                connection.connect()
        except BaseException:
            self.give(connection, keep=False)
            raise
        return connection, found is not None

    def give(self, connection: Connection, *, keep: bool) -> None:
        """Take a connection back; it is closed unless its answer was read to the end."""
        connection.abort.discard(connection.sock)
        with self._lock:
            if keep and not self._closed and connection.sock is not None:
                self._idle[connection.route].append(connection)
                return
        connection.close()

    def close(self) -> None:
        """Close what is idle; what is in use is closed when it comes back."""
        with self._lock:
            self._closed = True
            idle = [one for many in self._idle.values() for one in many]
            self._idle.clear()
        for connection in idle:
            connection.close()
