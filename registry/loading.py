"""A version's files in one call, from the cache on this machine.

Example:
    import registry

    folder = registry.load("churn@production")
    print(*folder.iterdir())
"""

from collections.abc import Sequence
from pathlib import Path

from registry._refs import parse_ref
from registry.cache.cache import Cache
from registry.cache.settings import WAIT_SECONDS
from registry.client import ModelRegistryClient
from registry.transfer.progress import Progress


def load(
    ref: str,
    *,
    url: str | None = None,
    token: str | None = None,
    files: Sequence[str] | None = None,
    cache: Cache | None = None,
    offline: bool | None = None,
    wait_seconds: float = WAIT_SECONDS,
    progress: Progress | None = None,
) -> Path:
    """Return a folder with the files of a version; of `MODEL@ALIAS/PATH`, the file itself.

    The version is downloaded and verified where the cache does not have it; `client.fetch` says the
    rest of it. `url` and `token` are as of a client.

    Args:
        ref: what names a version: "churn", "churn@production", "churn:3", "churn:1.2.0",
            "churn@production?at=2026-11-01T00:00:00Z", each perhaps with `registry://` before it.
        url: address of the registry; None: as of a client.
        token: proves who asks; None: as of a client.
        files: only files that one of these patterns matches, such as "*.safetensors".
        cache: None: that of REGISTRY_CACHE, else the usual one of the user.
        offline: only what the cache has, without asking; None: as REGISTRY_OFFLINE says.
        wait_seconds: longest wait for another process that downloads the same.
        progress: called with the bytes done and the bytes in all, where any are downloaded.

    Raises what `client.fetch` raises.
    """
    named = parse_ref(ref)
    with ModelRegistryClient(url, token=token) as client:
        folder = client.fetch(
            ref,
            files=files,
            cache=cache,
            offline=offline,
            wait_seconds=wait_seconds,
            progress=progress,
        )
    return folder / named.path if named.path else folder


def release(folder: Path, *, cache: Cache | None = None) -> None:
    """Say that this process no longer uses a folder that it was given: it may be evicted again."""
    (cache or Cache()).release_folder(folder)
