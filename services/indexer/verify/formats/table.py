"""Which file must be which format: the one table, and the check that follows from it."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from services.indexer.verify.formats import gguf, hdf5, onnx, pickle, safetensors, zip
from services.indexer.verify.formats.plan import HEAD_BYTES, Candidate, Plan, read_exactly, run_plan
from services.indexer.verify.formats.report import FormatError, FormatReport, RangeReader


@dataclass(frozen=True, slots=True)
class Format:
    """A format's check, and the first bytes by which to prefer it where a name allows several."""

    check: Callable[[Candidate], Plan]
    magics: tuple[bytes, ...] = ()


SAFETENSORS: Final = Format(safetensors.check_safetensors)
GGUF: Final = Format(gguf.check_gguf, (gguf.MAGIC,))
ONNX: Final = Format(onnx.check_onnx)
ZIP: Final = Format(zip.check_zip, (zip.LOCAL_MAGIC, zip.END_MAGIC))
HDF5: Final = Format(hdf5.check_hdf5, (hdf5.MAGIC,))
PICKLE: Final = Format(pickle.check_pickle, pickle.PROTOCOL_MAGICS)

BY_EXTENSION: Final[dict[str, tuple[Format, ...]]] = {
    ".safetensors": (SAFETENSORS,),
    ".gguf": (GGUF,),
    ".onnx": (ONNX,),
    ".zip": (ZIP,),
    ".npz": (ZIP,),
    ".keras": (ZIP, HDF5),  # TensorFlow up to 2.11 wrote HDF5 under this name
    ".h5": (HDF5,),
    ".hdf5": (HDF5,),
    ".pt": (ZIP, PICKLE),
    ".pth": (ZIP, PICKLE),
    ".pkl": (PICKLE, ZIP),  # torch.save under any name writes its ZIP
    ".pickle": (PICKLE, ZIP),
    ".joblib": (PICKLE, ZIP),
}
"""A file so named must be one of these; the first is judged when no magic decides."""

BY_MAGIC: Final[tuple[tuple[bytes, Format], ...]] = (
    (zip.LOCAL_MAGIC, ZIP),
    (gguf.MAGIC, GGUF),
    (hdf5.MAGIC, HDF5),
    (pickle.LEGACY_TORCH_MAGIC, PICKLE),
)
"""First bytes that no other file has by chance: they decide under any other name."""


async def check_format(file_name: str, reader: RangeReader) -> FormatReport:
    """Verify the container format of a stored file by a few ranged reads.

    The extension of `file_name` decides what the file must be; under another name strong magic
    bytes do. Anything else passes as "unknown". A report says that the container is whole and its
    header true, not that its content is harmless.

    Raises:
        FormatError: the file is empty, or not the format that it claims to be.
        OSError: the reader failed, or gave less than the object's size promised.

    """
    size_bytes = reader.size_bytes
    if size_bytes == 0:
        raise FormatError("empty_file", "The file has no bytes.")
    head = await read_exactly(reader, 0, min(size_bytes, HEAD_BYTES))
    candidate = Candidate(_extension(file_name), size_bytes, head)
    decided = _decide(candidate)
    if decided is None:
        return FormatReport("unknown")
    return await run_plan(decided.check(candidate), reader, head)


def _extension(file_name: str) -> str:
    """Give what follows the last dot of the last path segment, a leading dot included."""
    _, dot, extension = file_name.rpartition("/")[2].rpartition(".")
    return (dot + extension).lower() if dot else ""


def _decide(candidate: Candidate) -> Format | None:
    """Find the format that the file has to satisfy."""
    claimed = BY_EXTENSION.get(candidate.extension, ())
    for claim in claimed:
        if candidate.head.startswith(claim.magics):
            return claim
    if claimed:
        return claimed[0]
    for magic, strong in BY_MAGIC:
        if candidate.head.startswith(magic):
            return strong
    return None
