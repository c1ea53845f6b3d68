"""One request for adjacent parts of a file: read, hashed, written and checked while they arrive."""

import http.client
import re
from collections import deque
from collections.abc import Sequence
from typing import NamedTuple
from urllib.parse import urlsplit

from registry._certificates import told_certificates
from registry._retry import TRANSIENT_STATUS
from registry.transfer.download.abort import Abort
from registry.transfer.download.connections import Connection, Connections, ProxyRefusedError
from registry.transfer.download.pieces import Piece
from registry.transfer.download.routes import Route, UnusableProxyError, find_route
from registry.transfer.download.transfers import FileTransfer, Received
from registry.transfer.storage import Outcome, refusal

ERROR_BODY_BYTES = 64 * 1024
_CONTENT_RANGE = re.compile(r"bytes (\d+)-(\d+)/(\d+|\*)")


class Fetched(NamedTuple):
    """What came of one request."""

    outcome: Outcome
    wrong: Piece | None = None
    """A piece whose digest came out another; it starts anew."""


class _Intake:
    """Cuts a stream of bytes into the pieces that it was asked for."""

    def __init__(self, transfer: FileTransfer, run: Sequence[Piece], received: Received) -> None:
        self._transfer, self._pieces, self._received = transfer, deque(run), received

    def take(self, data: memoryview) -> Piece | None:
        """Take the next bytes; returns a piece whose digest came out wrong."""
        while self._pieces:
            piece = self._pieces[0]
            taken = data[: piece.missing_bytes]
            if len(taken):
                self._transfer.write(taken, piece.position)
                piece.take(taken)
                self._received(len(taken))
                data = data[len(taken) :]
            if piece.missing_bytes:
                return None
            if not self._transfer.settle(piece, None):
                self._received(-piece.part.size_bytes)
                return piece
            self._pieces.popleft()
        return None


def fetch_run(
    connections: Connections,
    transfer: FileTransfer,
    run: Sequence[Piece],
    abort: Abort,
    received: Received,
) -> Fetched:
    """Fetch adjacent pieces by one request. Blocking.

    Raises Aborted, and CertificateError; never names the URL.
    """
    try:
        route = find_route(transfer.url)
    except UnusableProxyError as error:
        return Fetched(Outcome("refused", detail=str(error)))
    intake, fresh = _Intake(transfer, run, received), False
    while True:
        connection, was_used, is_read = None, False, False
        try:
            with told_certificates(route.origin):
                connection, was_used = connections.take(route, abort, fresh=fresh)
            response = _ask(connection, route, transfer, run)
            was_used = False  # it answered: from here on a failure is no stale connection
            fetched = _receive(response, connection, transfer, run, intake, abort)
            is_read = response.isclosed() and not response.will_close
        except ProxyRefusedError as error:
            kind = "transient" if error.status in TRANSIENT_STATUS else "refused"
            fetched = Fetched(Outcome(kind, error.status, detail=str(error)))
        except (OSError, http.client.HTTPException) as error:
            abort.check()
            if was_used:
                fresh = True  # storage had closed the idle connection, which is no failure
                continue
            fetched = Fetched(_lost(error))
        finally:
            if connection is not None:
                connections.give(connection, keep=is_read)
        return fetched


def _lost(error: Exception) -> Outcome:
    # The text of an HTTPException can hold the URL; that of an OSError never does.
    text = f": {error}" if isinstance(error, OSError) else ""
    return Outcome("transient", detail=f"storage: {type(error).__name__}{text}".rstrip(": "))


def _ask(
    connection: Connection, route: Route, transfer: FileTransfer, run: Sequence[Piece]
) -> http.client.HTTPResponse:
    split = urlsplit(transfer.url)
    headers = {"Host": split.netloc.rpartition("@")[2], "Accept-Encoding": "identity"}
    first, last = run[0].position, run[-1].part.end
    if (first, last) != (0, transfer.file.size_bytes):
        # A file of one part is asked for to its end, like any download that is continued.
        end = "" if transfer.file.part_count == 1 else last - 1
        headers["Range"] = f"bytes={first}-{end}"
    if any(piece.refetches for piece in run):
        headers["Cache-Control"] = "no-cache"  # whatever lies between gave wrong bytes before
    place = f"{split.path or '/'}?{split.query}"
    if route.proxy is not None and route.scheme == "http":
        headers |= route.proxy_headers()
        place = f"http://{headers['Host']}{place}"
    connection.request("GET", place, headers=headers)
    return connection.getresponse()


def _receive(
    response: http.client.HTTPResponse,
    connection: Connection,
    transfer: FileTransfer,
    run: Sequence[Piece],
    intake: _Intake,
    abort: Abort,
) -> Fetched:
    if response.status not in (200, 206):  # a redirect among them: nobody follows it
        body = response.read(ERROR_BODY_BYTES)
        return Fetched(refusal(response.status, body, response.getheader("retry-after")))
    first, last, size = run[0].position, run[-1].part.end, transfer.file.size_bytes
    skipped, expected = (first, size) if response.status == 200 else (0, last - first)
    if problem := _misfit(response, first, last, size, expected):
        return Fetched(Outcome("refused", response.status, detail=problem))
    left = last - first
    wrong = intake.take(connection.buffer[:0])  # an empty file is whole already
    while left and wrong is None:
        abort.check()
        limit = min(len(connection.buffer), skipped or left)
        count = response.readinto(connection.buffer[:limit])
        if not count:
            return Fetched(Outcome("transient", detail="storage sent fewer bytes than it stated"))
        if skipped:  # storage that knows no ranges sends the file from its beginning
            skipped -= count
            continue
        left -= count
        wrong = intake.take(connection.buffer[:count])
    if wrong is None and response.length is None and last == size and response.read(1):
        return Fetched(Outcome("refused", response.status, detail="storage sent more bytes"))
    return Fetched(Outcome("done", response.status), wrong)


def _misfit(
    response: http.client.HTTPResponse, first: int, last: int, size: int, expected: int
) -> str:
    """Say what of an answer's headers does not fit what was asked for; empty where all does."""
    if response.status == 206:
        stated = _CONTENT_RANGE.fullmatch(response.getheader("content-range") or "")
        if stated is None or (int(stated[1]), int(stated[2])) != (first, last - 1):
            return "storage sent another range"
        if stated[3] not in ("*", str(size)):
            return "storage holds another size than was verified"
    if response.length is not None and response.length != expected:
        return f"storage states {'more' if response.length > expected else 'fewer'} bytes"
    return ""
