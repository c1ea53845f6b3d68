"""The object key rule: `<model>/<version>/<file>`, for declared and found objects alike."""

from dataclasses import dataclass

from registry.schemas.names import check_file_path, check_model_name, check_version


def object_key(model: str, number: int, path: str) -> str:
    """Return the key of a file of a version: unique, since numbers are never given twice."""
    return f"{model}/{number}/{path}"


@dataclass(frozen=True, slots=True)
class ParsedKey:
    """What a key under the rule says."""

    model: str
    version: str | int
    """A number, or a label."""
    path: str

    @property
    def folder(self) -> str:
        """What the keys of all files of this version begin with."""
        return f"{self.model}/{self.version}/"


def folder_of(key: str) -> str:
    """Return the folder of a key that belongs to a version, under whatever rule it was taken."""
    model, version, _ = key.split("/", 2)
    return f"{model}/{version}/"


def parse_key(key: str) -> ParsedKey:
    """Read a key under the rule; raises ValueError naming the part and its rule.

    A number is written without leading zeros, so that no two folders are one version.
    """
    parts = key.split("/", 2)
    if len(parts) < 3 or not parts[2]:
        raise ValueError("the key is not of the form <model>/<version>/<file>")
    model, version, path = parts
    for name, check, value in (
        ("model", check_model_name, model),
        ("version", _check_version_folder, version),
        ("file", check_file_path, path),
    ):
        try:
            check(value)
        except ValueError as error:
            raise ValueError(f"the key's {name} {error}") from error
    return ParsedKey(model, check_version(version), path)


def is_folder_marker(key: str, size_bytes: int | None) -> bool:
    """Whether it is what S3 clients write to show an empty folder: it holds nothing."""
    return key.endswith("/") and not size_bytes


def _check_version_folder(value: str) -> str | int:
    version = check_version(value)
    if isinstance(version, int) and str(version) != value:
        raise ValueError("must, as a number, be written without leading zeros")
    return version
