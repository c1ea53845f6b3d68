"""The object key rule: `<model>/<version>/<file>`, for announced and found objects alike."""

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


def parse_key(key: str) -> ParsedKey:
    """Read a key under the rule; raises ValueError naming the part and its rule."""
    parts = key.split("/", 2)
    if len(parts) < 3 or not parts[2]:
        raise ValueError("the key is not of the form <model>/<version>/<file>")
    model, version, path = parts
    for name, check, value in (
        ("model", check_model_name, model),
        ("version", check_version, version),
        ("file", check_file_path, path),
    ):
        try:
            check(value)
        except ValueError as error:
            raise ValueError(f"the key's {name} {error}") from error
    return ParsedKey(model, check_version(version), path)
