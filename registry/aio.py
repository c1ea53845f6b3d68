"""The asynchronous client. `registry.client` has the same one for code without `async`.

Example:
    import asyncio
    from registry.aio import AsyncModelRegistryClient

    async def main() -> None:
        async with AsyncModelRegistryClient("http://localhost:8000") as client:
            version = await client.upload("churn", b"model bytes", path="churn.bin")
            await client.download("churn", version.number, to="churn.bin")

    asyncio.run(main())
"""

import os
from collections.abc import Iterable, Sequence
from functools import partial
from glob import escape as glob_escape
from pathlib import Path
from typing import Self

import anyio.to_thread
import httpx

from registry._api import Api
from registry._certificates import find_certificates
from registry._credentials import find_credentials, registry_url
from registry._defaults import DOWNLOADS_AT_ONCE, UPLOADS_AT_ONCE
from registry._legacy import EarlierCalls
from registry._refs import Ref, parse_ref
from registry._retry import RetryPolicy
from registry.cache.cache import Cache
from registry.cache.fetching import CacheFetcher
from registry.cache.settings import WAIT_SECONDS, is_offline
from registry.transfer.download.connections import Connections
from registry.transfer.download.downloader import Downloader
from registry.transfer.download.fetcher import Fetcher
from registry.transfer.progress import Progress
from registry.transfer.reading import RangeReader
from registry.transfer.storage import Storage
from registry.transfer.upload.uploader import Uploader


class AsyncModelRegistryClient(EarlierCalls):
    """Uploads, finds and downloads model versions, in one event loop.

    Args:
        url: address of either HTTP service; the rest is discovered. None: REGISTRY_URL, the
            default that the profiles name, or that of a registry on this machine.
        token: proves who asks; None: REGISTRY_TOKEN, or that of the registry's profile.
        origins: addresses beside `url` that the token may be sent to; those of the registry's
            profile and of REGISTRY_ORIGINS are added.
        ca_file: PEM file of certificate authorities that are trusted beside the usual ones; None:
            REGISTRY_CA_FILE.
        timeout_seconds: longest wait for any single answer.
        concurrency: files or parts that travel at once; None: 4 of uploads, and 8 of downloads,
            which also wait for the disk.
        retry: how often and how patiently failed requests are sent again.
        transport: replaces the network for requests to services and for uploads, for tests;
            downloads read from the signed URLs themselves.

    Raises:
        ConnectionSettingsError: the certificate authorities cannot be read.
    """

    def __init__(
        self,
        url: str | None = None,
        *,
        token: str | None = None,
        origins: Iterable[str] = (),
        ca_file: str | os.PathLike[str] | None = None,
        timeout_seconds: float = 60.0,
        concurrency: int | None = None,
        retry: RetryPolicy | None = None,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        retry = retry or RetryPolicy()
        uploads, downloads = concurrency or UPLOADS_AT_ONCE, concurrency or DOWNLOADS_AT_ONCE
        # Loading the certificates takes longer than anything else here, so both share them.
        certificates = find_certificates(ca_file)
        api = Api(
            find_credentials(registry_url(url), token, origins),
            timeout_seconds=timeout_seconds,
            retry=retry,
            transport=transport,
            certificates=certificates,
        )
        self._storage = Storage(
            timeout_seconds=timeout_seconds,
            concurrency=uploads,
            transport=transport,
            certificates=certificates,
        )
        self._connections = Connections(certificates, read_seconds=timeout_seconds)
        self._reader = RangeReader(api, retry, certificates, timeout_seconds)
        super().__init__(
            api,
            Uploader(api, self._storage, retry, uploads),
            Downloader(api, Fetcher(self._connections, retry, downloads)),
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def close(self) -> None:
        """Close the connections; a second time does nothing."""
        self._connections.close()
        await self._reader.aclose()
        await self._storage.aclose()
        await self._api.aclose()

    async def download(
        self,
        model: str,
        version: str | int = "latest",
        *,
        to: str | os.PathLike[str],
        path: str | None = None,
        progress: Progress | None = None,
    ) -> Path:
        """Download a version, or with `path` one file of it, and return where it lies.

        A version of one file becomes the file `to` (or a file in it, if `to` is a folder); one of
        several becomes the folder `to`. Bytes are verified part by part while they arrive in a
        staging folder `.registry-download-...` beside the files. Files get their names when all
        of them are right; otherwise the next call continues, and fetches no verified part again.

        Raises:
            NotFoundError, VersionNotReadyError: there is nothing to download.
            DestinationError: `to` cannot be written, e.g. for lack of rights or of space, or the
                same download is at work there.
            DigestMismatchError: the bytes are not the ones that were verified.
            UnsafePathError: a file's path would lead out of `to`.
            UnavailableError: storage stayed away; what arrived is kept.
        """
        return await self._downloader.download(model, version, Path(to), progress, path)

    async def fetch(
        self,
        model: str,
        version: str | int | None = None,
        *,
        files: Sequence[str] | None = None,
        cache: Cache | None = None,
        offline: bool | None = None,
        wait_seconds: float = WAIT_SECONDS,
        progress: Progress | None = None,
    ) -> Path:
        """Return a folder with a version's files, from the cache on this machine.

        What is not there yet is downloaded once, however many processes ask; what is stays for as
        long as this process runs, or until `release`. The files are read-only, since others share
        them.

        Args:
            model: a model, or what names a version: "churn@production", "churn:3".
            version: number, label, "@alias" or "latest", where `model` is the model alone.
            files: only files that one of these patterns matches, such as "*.safetensors".
            cache: None: that of REGISTRY_CACHE, else the usual one of the user.
            offline: only what the cache has, without asking; an alias is the version that it named
                when it was last asked for. None: as REGISTRY_OFFLINE says.
            wait_seconds: longest wait for another process that downloads the same.
            progress: called with the bytes done and the bytes in all, where any are downloaded.

        Raises what `download` raises, and:
            NotCachedError: offline, and it is not there.
            CacheFullError: it does not fit beside what is in use.
            CacheBusyError: the wait was over.
        """
        cache = Cache() if cache is None else cache
        ref = parse_ref(model) if version is None else Ref(model, str(version))
        wanted = sorted(set(files or ()))
        if ref.path and not wanted:  # a file, or all that a folder has
            wanted = [glob_escape(ref.path), f"{glob_escape(ref.path)}/*"]
        if is_offline(offline):
            look = partial(cache.recall, self._api.url, ref, wanted)
            return await anyio.to_thread.run_sync(look)
        fetcher = CacheFetcher(self._api, self._downloader, cache)
        return await fetcher.fetch(ref, wanted, wait_seconds, progress)

    async def read(self, model: str, number: int, path: str, *, start: int, end: int) -> bytes:
        """Return a range of a file of a version, from `start` to before `end`, not verified.

        It is for readers that want a part of a large file, such as its header; `registry://` is
        made of it. Raises NotFoundError, StorageError, UnavailableError.
        """
        return await self._reader.read((model, number, path), start, end)
