"""Stores that keep no object versions or send no events, by what they answer over HTTP."""

import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

import pytest
import structlog
from aiohttp import web

from shared.database.client import Database
from shared.runtime.settings import MIB, Settings
from shared.storage.adapter import Storage, open_storage
from shared.storage.connection import StorageRefused
from shared.web.readiness import absent_servers

ERROR = "<?xml version='1.0'?><Error><Code>{code}</Code><Message>no</Message></Error>"
LARGE_OBJECT = 256 * MIB
NO_RULES = "<NotificationConfiguration/>"


@dataclass
class Store:
    """The requests about buckets, as a store answers that lacks some of them."""

    lacking: dict[str, tuple[int, str]] = field(default_factory=dict[str, tuple[int, str]])
    """By query parameter: the status and the code; without a code, there is no body."""
    open_uploads: int = 0
    instead_of_parts: bytes | None = None
    """What it answers, again and again, to who asks for the parts of an object."""
    sent_bytes: int = 0

    async def answer(self, request: web.Request) -> web.StreamResponse:
        if self.instead_of_parts is not None and "attributes" in request.query:
            return await self._stream(request, self.instead_of_parts)
        for asked, (status, code) in self.lacking.items():
            if asked in request.query:
                body = ERROR.format(code=code) if code else "not here"
                return _xml(body, status) if code else web.Response(text=body, status=status)
        if "uploads" in request.query:
            return _xml(self._page(request))
        return _xml(NO_RULES) if "notification" in request.query else web.Response()

    async def _stream(self, request: web.Request, chunk: bytes) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        with contextlib.suppress(ConnectionError):
            while self.sent_bytes < LARGE_OBJECT:
                await response.write(chunk)
                self.sent_bytes += len(chunk)
        return response

    def _page(self, request: web.Request) -> str:
        """Two uploads of a key a page, and a marker to go on from, as S3 does."""
        start = int(request.query.get("upload-id-marker") or 0)
        end = min(start + 2, self.open_uploads)
        uploads = "".join(
            f"<Upload><Key>a+b%C3%BC</Key><UploadId>{number}</UploadId>"
            "<Initiated>2026-01-01T00:00:00.000Z</Initiated></Upload>"
            for number in range(start, end)
        )
        more = str(end < self.open_uploads).lower()
        marker = f"<NextKeyMarker>a+b%C3%BC</NextKeyMarker><NextUploadIdMarker>{end}"
        return (
            '<ListMultipartUploadsResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/">'
            f"<IsTruncated>{more}</IsTruncated>{marker}</NextUploadIdMarker>{uploads}"
            "</ListMultipartUploadsResult>"
        )


def _xml(body: str, status: int = 200) -> web.Response:
    return web.Response(text=body, status=status, content_type="application/xml")


@pytest.fixture
async def store() -> Store:
    return Store()


@pytest.fixture
async def other(store: Store, settings: Settings) -> AsyncIterator[Storage]:
    application = web.Application()
    application.router.add_route("*", "/{path:.*}", store.answer)
    runner = web.AppRunner(application)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    host, port = runner.addresses[0][:2]
    elsewhere = settings.model_copy(update={"minio_endpoint": f"{host}:{port}"})
    try:
        async with open_storage(elsewhere) as storage:
            yield storage
    finally:
        await runner.cleanup()


@pytest.mark.parametrize(
    "answer",
    [(501, "NotImplemented"), (405, "MethodNotAllowed"), (400, "InvalidArgument"), (501, "")],
    ids=["not implemented", "not allowed", "no such target", "not implemented, without a word"],
)
@pytest.mark.parametrize(
    ("asked", "what"), [("versioning", "object versions"), ("notification", "bucket notifications")]
)
async def test_a_store_that_lacks_something_is_used_without_it_and_it_is_said_once(
    other: Storage,
    store: Store,
    database: Database,
    answer: tuple[int, str],
    asked: str,
    what: str,
) -> None:
    store.lacking[asked] = answer
    with structlog.testing.capture_logs() as logs:
        for _ in range(2):
            await other.buckets.provision("models")
    warnings = [entry["event"] for entry in logs if entry["log_level"] == "warning"]
    assert warnings == [f"storage has no {what}"]
    assert await absent_servers(database, other, "models") == [], "it is ready"


async def test_a_store_that_refuses_for_another_reason_is_not_used(
    other: Storage, store: Store
) -> None:
    store.lacking["versioning"] = (409, "InvalidBucketState")
    with pytest.raises(StorageRefused):
        await other.buckets.provision("models")


async def test_open_uploads_are_listed_page_by_page_where_storage_gives_a_marker(
    other: Storage, store: Store
) -> None:
    store.open_uploads = 5
    pages = [page async for page in other.multipart.open_uploads("models")]
    assert [[each.multipart_id for each in page] for page in pages] == [
        ["0", "1"],
        ["2", "3"],
        ["4"],
    ]
    assert pages[0][0].key == "a bü"


@pytest.mark.parametrize("chunk", [bytes(MIB), b"<Part>" * MIB], ids=["bytes", "XML"])
async def test_a_store_that_gives_the_object_for_its_parts_is_not_listened_to(
    other: Storage, store: Store, chunk: bytes
) -> None:
    store.instead_of_parts = chunk
    with pytest.raises(StorageRefused):
        await other.objects.parts("models", "churn/1/model.bin")
    assert store.sent_bytes < LARGE_OBJECT / 4


async def test_an_answer_about_parts_that_is_none_is_refused(other: Storage) -> None:
    with pytest.raises(StorageRefused):  # the store answers with nothing at all
        await other.objects.parts("models", "churn/1/model.bin")
