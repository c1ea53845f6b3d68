"""Opens what a version holds, from the cache on this machine, by the library that each format has.

Example:
    from registry import openers

    tensors = openers.safetensors("churn@production")

Each takes what names a version, or one file of it (`churn@production/model.onnx`), and the options
of `registry.load`. None of them runs code that a file holds, unless asked to by name.
"""

import pickle
from collections.abc import Sequence
from fnmatch import fnmatchcase
from importlib import import_module
from pathlib import Path
from typing import Any, TypedDict, Unpack

from registry._refs import parse_ref
from registry.cache.cache import Cache
from registry.errors import MissingExtraError, NotFoundError, UntrustedModelError
from registry.loading import load

SKOPS = ("*.skops",)
PICKLES = ("*.pkl", "*.pickle", "*.joblib")


class LoadOptions(TypedDict, total=False):
    """The options of `registry.load` that openers pass on."""

    url: str | None
    token: str | None
    cache: Cache | None
    offline: bool | None


def safetensors(ref: str, **options: Unpack[LoadOptions]) -> dict[str, Any]:
    """Return the tensors of all safetensors files of a version, by name, as NumPy arrays.

    Raises MissingExtraError without safetensors and NumPy, and what `registry.load` raises.
    """
    library = _library("safetensors.numpy", "safetensors", "safetensors[numpy]")
    tensors: dict[str, Any] = {}
    for file in _files(ref, ("*.safetensors",), options):
        tensors.update(library.load_file(file))
    return tensors


def onnx(ref: str, **options: Unpack[LoadOptions]) -> Any:
    """Return the `onnx.ModelProto` of a version's only ONNX file, with external data beside it.

    Raises MissingExtraError without onnx, and what `registry.load` raises.
    """
    library = _library("onnx", "onnx", "onnx")
    return library.load(_only(ref, ("*.onnx",), options, whole=True))


def gguf(ref: str, **options: Unpack[LoadOptions]) -> Any:
    """Return a `gguf.GGUFReader` of a version's only GGUF file: its header; tensors are mapped.

    Raises MissingExtraError without gguf, and what `registry.load` raises.
    """
    library = _library("gguf", "gguf", "gguf")
    return library.GGUFReader(_only(ref, ("*.gguf",), options))


def sklearn(
    ref: str,
    *,
    trusted: Sequence[str] = (),
    trust_pickle: bool = False,
    **options: Unpack[LoadOptions],
) -> Any:
    """Return the scikit-learn model of a version, by skops.

    Args:
        ref: what names the version or the file.
        trusted: types in a skops file that are not trusted by themselves, and shall be.
        trust_pickle: unpickle a file instead. Unpickling runs whatever code the file holds: only
            for files whose origin you would let run programs here.
        **options: those of `registry.load`.

    Raises UntrustedModelError for types that are not trusted, MissingExtraError without skops, and
    what `registry.load` raises.
    """
    if trust_pickle:
        return _unpickle(_only(ref, PICKLES, options))
    library = _library("skops.io", "sklearn", "skops")
    file = _only(ref, SKOPS, options)
    unknown = sorted(set(library.get_untrusted_types(file=file)) - set(trusted))
    if unknown:
        raise UntrustedModelError(
            f"{file.name} of {ref} holds types that are not trusted: {', '.join(unknown)};"
            " name those that you trust in `trusted`"
        )
    return library.load(file, trusted=list(trusted))


def _unpickle(file: Path) -> Any:
    if file.suffix == ".joblib":
        return _library("joblib", "sklearn", "joblib").load(file)
    with file.open("rb") as opened:
        return pickle.load(opened)  # noqa: S301 - the caller asked for it by name


def _library(module: str, extra: str, packages: str) -> Any:
    try:
        return import_module(module)
    except ImportError as error:
        raise MissingExtraError(
            f"this needs {module} (the extra `{extra}`): pip install '{packages}'"
        ) from error


def _only(ref: str, patterns: Sequence[str], options: LoadOptions, *, whole: bool = False) -> Path:
    files = _files(ref, patterns, options, whole=whole)
    if len(files) > 1:
        named = ", ".join(file.name for file in files[:5])
        raise NotFoundError(
            f"{ref} has several such files: name one of {named}", code="file_not_found", status=404
        )
    return files[0]


def _files(
    ref: str, patterns: Sequence[str], options: LoadOptions, *, whole: bool = False
) -> list[Path]:
    """Return the files of a version that a pattern matches, or the one that the reference names."""
    named = parse_ref(ref)
    if named.path and not whole:
        return [load(ref, **options)]
    version = ref.removesuffix(f"/{named.path}") if named.path else ref
    folder = load(version, files=None if whole else list(patterns), **options)
    if named.path:
        return [folder / named.path]
    found = [
        path
        for path in sorted(folder.rglob("*"))
        if path.is_file() and any(fnmatchcase(path.name, pattern) for pattern in patterns)
    ]
    if not found:
        told = f"{ref} has no file {' or '.join(patterns)}"
        raise NotFoundError(told, code="file_not_found", status=404)
    return found
