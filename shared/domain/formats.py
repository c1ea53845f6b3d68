"""Which formats a file of a name can turn out to have, before there is a byte of it.

What a file is, is found out by the checks; their table is `shared/formats`. A test
holds this one against it.
"""

from collections.abc import Mapping

from shared.domain.file_names import extension_of

UNKNOWN = "unknown"
"""Format of a file that no check is for."""
_ZIPS = frozenset(("zip", "npz", "keras", "pytorch-zip"))
_PICKLES = frozenset(("pickle",)) | _ZIPS
"""torch.save under any name writes its ZIP."""
_BY_NAME: Mapping[str, frozenset[str]] = {
    ".safetensors": frozenset(("safetensors",)),
    ".gguf": frozenset(("gguf",)),
    ".onnx": frozenset(("onnx",)),
    ".zip": _ZIPS,
    ".npz": _ZIPS,
    ".keras": _ZIPS | {"hdf5"},
    ".h5": frozenset(("hdf5",)),
    ".hdf5": frozenset(("hdf5",)),
    ".pt": _PICKLES,
    ".pth": _PICKLES,
    ".pkl": _PICKLES,
    ".pickle": _PICKLES,
    ".joblib": _PICKLES,
}
_BY_BYTES = _PICKLES | {"gguf", "hdf5", UNKNOWN}
"""Those that the first bytes alone tell, under any other name."""
FORMATS = _BY_BYTES.union(*_BY_NAME.values())
"""Every format that a file can have."""


def possible_formats(path: str) -> frozenset[str]:
    """Return the formats that a file of this name can have, once it is verified."""
    return _BY_NAME.get(extension_of(path), _BY_BYTES)
