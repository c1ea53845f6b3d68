"""Which file must be which format: the one table, and the check that follows from it."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from shared.formats import gguf, hdf5, onnx, pickle, safetensors, zip
from shared.formats.plan import Candidate, Plan
from shared.formats.report import FormatError, FormatReport


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


def plan_of(candidate: Candidate) -> Plan:
    """Begin the check of a file.

    The extension decides what the file must be; under another name strong magic bytes do. Anything
    else passes as "unknown".

    Raises:
        FormatError: the file is empty.

    """
    if candidate.size_bytes == 0:
        raise FormatError("empty_file", "The file has no bytes.")
    decided = _decide(candidate)
    return _unknown() if decided is None else decided.check(candidate)


def _unknown() -> Plan:
    yield from ()
    return FormatReport("unknown")


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
