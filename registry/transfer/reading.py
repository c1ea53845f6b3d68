"""Reads ranges of a version's files straight from storage, for readers that want a part of one.

Nothing is checked but lengths: digests are of parts or whole files. URLs are signed when they are
needed, kept, and signed anew once storage refuses them, also in the middle of a file.
"""

from collections import OrderedDict
from dataclasses import dataclass, field
from ssl import SSLContext

import anyio
import httpx

from registry._answers import origin
from registry._api import Api
from registry._certificates import told_certificates
from registry._retry import RetryPolicy
from registry.errors import NotFoundError, ProtocolError, StorageError, UnavailableError
from registry.transfer.download.routes import is_http_url
from registry.transfer.storage import Outcome, lost, refusal

MAX_RANGE_BYTES = 1024**3
"""Of one read, which lies in memory as a whole."""
MAX_KEPT_URLS = 1000
ERROR_BYTES = 64 * 1024

Place = tuple[str, int, str]
"""Model, number of the version, path of the file."""


@dataclass(slots=True)
class RangeReader:
    """Signed URLs, and the connections that they are read by."""

    api: Api
    retry: RetryPolicy
    certificates: SSLContext
    timeout_seconds: float
    transport: httpx.AsyncBaseTransport | None = None
    _urls: OrderedDict[Place, str] = field(default_factory=OrderedDict[Place, str], repr=False)
    _http: httpx.AsyncClient | None = None

    async def aclose(self) -> None:
        """Close the connections; a second time does nothing."""
        http, self._http = self._http, None
        if http is not None:
            await http.aclose()

    async def read(self, place: Place, start: int, end: int) -> bytes:
        """Return the bytes from `start` to before `end`, all of which the file must have.

        Raises StorageError, UnavailableError, CertificateError, ProtocolError, and what signing
        raises.
        """
        if end <= start:
            return b""
        if end - start > MAX_RANGE_BYTES:
            raise ProtocolError(f"a read takes at most {MAX_RANGE_BYTES} bytes")
        failures, was_denied = 0, False
        while True:
            url = await self._url(place)
            found = await self._read_once(url, start, end)
            if isinstance(found, bytes):
                return found
            name = f"{place[2]} of {place[0]} version {place[1]}"
            if found.kind == "denied" and not was_denied:
                was_denied = True
                self._urls.pop(place, None)
            elif found.kind == "transient":
                failures += 1
                delay = self.retry.delay(failures, found.retry_after_seconds)
                if delay is None:
                    raise UnavailableError(f"cannot read {name}: {found.detail}")
                await anyio.sleep(delay)
            else:
                told = f"cannot read {name}: {found.detail}"
                raise StorageError(told, status=found.status, code=found.code)

    async def _url(self, place: Place) -> str:
        if place not in self._urls:
            model, number, path = place
            page = await self.api.get_downloads(model, number, path)
            if not page.files:
                raise NotFoundError(f"no file {path}", code="file_not_found", status=404)
            if not is_http_url(page.files[0].url):
                raise ProtocolError(f"{path}: the registry gave no URL that can be asked for")
            self._urls[place] = page.files[0].url
            if len(self._urls) > MAX_KEPT_URLS:
                self._urls.popitem(last=False)
        return self._urls[place]

    async def _read_once(self, url: str, start: int, end: int) -> bytes | Outcome:
        if self._http is None:
            self._http = httpx.AsyncClient(
                timeout=httpx.Timeout(self.timeout_seconds, connect=10.0),
                headers={"accept-encoding": "identity"},
                verify=self.certificates,
                transport=self.transport,
            )
        request = self._http.build_request(
            "GET", url, headers={"range": f"bytes={start}-{end - 1}"}
        )
        try:
            with told_certificates(origin(request.url)):
                response = await self._http.send(request, stream=True)
                try:
                    return await _body(response, start, end)
                finally:
                    await response.aclose()
        except httpx.TransportError as error:
            return lost(error)


async def _body(response: httpx.Response, start: int, end: int) -> bytes | Outcome:
    """Return the bytes of the range; of storage that knows no ranges, cut out of the whole."""
    skipped = {200: start, 206: 0}.get(response.status_code)
    most = ERROR_BYTES if skipped is None else end - start + skipped
    body = bytearray()
    async for chunk in response.aiter_bytes():
        body += chunk
        if len(body) >= most:
            break
    if skipped is None:
        return refusal(
            response.status_code, bytes(body[:ERROR_BYTES]), response.headers.get("retry-after")
        )
    stated = f"bytes {start}-{end - 1}/"
    if response.status_code == 206 and not response.headers.get("content-range", "").startswith(
        stated
    ):
        return Outcome("refused", 206, detail="storage answered another range")
    if len(body) < most:
        return Outcome("transient", response.status_code, detail="storage broke off")
    return bytes(body[skipped:most])
