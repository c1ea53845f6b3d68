"""Files of a version at an MLflow server: where they are, what there is, and fetching them."""

import asyncio
from http import HTTPStatus
from pathlib import Path
from urllib.parse import unquote, urlsplit

import httpx

from registry._retry import TRANSIENT_STATUS
from registry.importing.mlflow.server import Fields, MlflowServer, NotThere, listed, understood
from registry.importing.sources import ImportRefused, require_path
from registry.schemas.uploads import MAX_FILES, MAX_OBJECT_BYTES
from registry.transfer.download.placement import writing

PROXIED = "/mlflow-artifacts/artifacts"
MAX_DEPTH = 32
"""Folders within each other."""
MOST_LISTED = 20_000
"""Files and folders of one version that are listed."""
CHUNK_BYTES = 1024 * 1024
WITHOUT_BYTES = "no file of it has a byte"


async def fetch_files(
    server: MlflowServer, place: str, folder: Path, local_root: Path | None
) -> Path:
    """Return a folder of this machine with the files that an artifact URI names.

    Those that the server hands out are streamed into `folder`; those below `local_root` are read
    where they are, and no others of this machine: else a server could have any folder of it
    published. Raises ImportRefused, DestinationError, ProtocolError and UnavailableError.
    """
    local = _local(place)
    if local is not None:
        return await asyncio.to_thread(_checked, local, local_root)
    root = proxied_path(place, server.address)
    found = await _listed(server, root)
    for path, size in found.items():
        target = folder / path
        # What the disk refuses here, such as a file and a folder of one name, stops this version.
        with writing(target):
            await asyncio.to_thread(target.parent.mkdir, parents=True, exist_ok=True)
            await _fetch(server, f"{root}/{path}", target, size)
    return folder


def proxied_path(place: str, address: str) -> str:
    """Return the path below the server's proxied artifacts; raises ImportRefused."""
    parts = urlsplit(place)
    if parts.scheme == "mlflow-artifacts":
        return unquote(parts.path).strip("/")
    is_there = place.startswith(f"{address}/") or parts.scheme in ("http", "https")
    if is_there and PROXIED in parts.path:
        return unquote(parts.path.partition(PROXIED)[2]).strip("/")
    told = (
        f"its files are at {_without_secret(place)}, which the server does not hand out: start it "
        "with --serve-artifacts (it may stand beside the other one, on the same store)"
    )
    raise ImportRefused(told)


async def _listed(server: MlflowServer, root: str) -> dict[str, int | None]:
    """Return size by path of all files below a path."""
    found: dict[str, int | None] = {}
    waiting = [("", 0)]
    seen = 0
    while waiting:
        base, depth = waiting.pop()
        query = {"path": f"{root}/{base}".rstrip("/")}
        for each in listed(await server.get("mlflow-artifacts/artifacts", query), "files"):
            name, size = _named(each)
            path = f"{base}/{name}" if base else name
            require_path(path)
            seen += 1
            if seen > MOST_LISTED or depth >= MAX_DEPTH:
                raise ImportRefused("it has more files than can be listed")
            if each.get("is_dir"):
                waiting.append((path, depth + 1))
            else:
                found[path] = size
    if not any(size != 0 for size in found.values()):
        raise ImportRefused(WITHOUT_BYTES if found else "it has no files")
    if sum(size != 0 for size in found.values()) > MAX_FILES:
        raise ImportRefused(f"it has more than {MAX_FILES} files")
    return dict(sorted(found.items()))


def _named(told: Fields) -> tuple[str, int | None]:
    """Return the name and size of what is listed; raises ProtocolError."""
    with understood():
        size = told.get("file_size")
        # Some servers name what lies in the folder, others its whole path below the root.
        name = str(told["path"]).rstrip("/").rpartition("/")[2]
        return name, None if size is None else int(size)


async def _fetch(server: MlflowServer, path: str, target: Path, size: int | None) -> None:
    """Stream a file to this machine, and again where it does not come whole."""
    failures = 0
    while True:
        retry_after = None
        try:
            async with server.streamed(path) as answer:
                if answer.status_code == HTTPStatus.OK:
                    received = await _write(answer, target, size)
                    if size is None or received == size:
                        return
                    told = f"{path} has {received} bytes or more, and not {size}"
                elif answer.status_code in TRANSIENT_STATUS:
                    told = str(answer.status_code)
                    retry_after = answer.headers.get("retry-after")
                elif answer.status_code == HTTPStatus.NOT_FOUND:
                    raise NotThere(f"the server lists {path}, and does not have it")
                else:
                    raise ImportRefused(f"the server refuses {path}: {answer.status_code}")
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            told = str(error) or type(error).__name__
        failures += 1
        await server.pause(failures, told, retry_after)


async def _write(answer: httpx.Response, target: Path, size: int | None) -> int:
    """Write what arrives to a file, but for what is more than was listed; returns its bytes."""
    most = MAX_OBJECT_BYTES if size is None else size
    received = 0
    stream = await asyncio.to_thread(target.open, "wb")
    try:
        async for chunk in answer.aiter_bytes(CHUNK_BYTES):
            received += len(chunk)
            if received > most:
                break
            await asyncio.to_thread(stream.write, chunk)
    finally:
        await asyncio.to_thread(stream.close)
    return received


def _local(place: str) -> Path | None:
    parts = urlsplit(place)
    if parts.scheme == "file" and parts.netloc in ("", "localhost"):
        return Path(unquote(parts.path))
    return None if parts.scheme else Path(place)


def _checked(local: Path, root: Path | None) -> Path:
    if root is None or not local.resolve().is_relative_to(root.resolve()):
        told = (
            f"its files are in the folder {local}, which only --local-artifacts DIR allows to read"
        )
        raise ImportRefused(told)
    if not local.is_dir():
        raise ImportRefused(f"its files are in the folder {local}, which is not on this machine")
    return local


def _without_secret(place: str) -> str:
    """Return scheme, host and path: a query or a user may hold a secret."""
    parts = urlsplit(place)
    return f"{parts.scheme}://{parts.hostname or ''}{parts.path}"
