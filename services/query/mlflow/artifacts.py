"""Files of a version, as MLflow lists and fetches them: their bytes come from storage."""

import posixpath

from pydantic import Field

from registry.schemas import Version
from registry.schemas.mlflow import empty_files
from services.query.context import Context
from services.query.mlflow.lookups import find_there
from services.query.versions.downloads import sign_downloads
from shared.domain.errors import InvalidRequest
from shared.web.mlflow.numbers import read_number
from shared.web.mlflow.shapes import MlflowAnswer


class File(MlflowAnswer):
    """A file or a folder, by its name in the folder that is listed."""

    path: str
    is_dir: bool
    file_size: int | None = None
    """In bytes; of a folder there is none."""


class Files(MlflowAnswer):
    """What lies in a folder."""

    files: list[File] = Field(default_factory=list[File])


def named_place(path: str) -> tuple[str, str, str]:
    """Return model, number and folder of `MODEL/NUMBER/FOLDER`; raises InvalidRequest."""
    model, _, rest = path.strip("/").partition("/")
    number, _, folder = rest.partition("/")
    if not model or not number:
        raise InvalidRequest("path", "must be MODEL/VERSION, and a folder below it")
    return model, number, folder


async def list_files(model: str, number: str, folder: str, context: Context) -> Files:
    """Return what lies in a folder of a version; nothing where it is a file, or is not there.

    Raises NotFound for the version.
    """
    version = await find_there(model, str(read_number(number)), context)
    return Files(files=listed(version, folder))


def listed(version: Version, folder: str) -> list[File]:
    """Return what lies in a folder, in order of the names."""
    sizes = {each.path: each.size_bytes for each in version.artifacts}
    sizes |= dict.fromkeys(empty_files(version.properties), 0)
    base = f"{folder.strip('/')}/" if folder.strip("/") else ""
    found: dict[str, File] = {}
    for path, size in sizes.items():
        if path.startswith(base):
            name, slash, _ = path[len(base) :].partition("/")
            is_dir = bool(slash)
            found[name] = File(path=name, is_dir=is_dir, file_size=None if is_dir else size)
    return [found[name] for name in sorted(found)]


async def sign_file(model: str, number: str, path: str, context: Context) -> str | None:
    """Return a signed URL of a file; None where it has not a byte.

    Raises NotFound for the version or the file, Conflict "version_not_ready".
    """
    version = await find_there(model, str(read_number(number)), context)
    wanted = posixpath.normpath(path)
    if wanted in empty_files(version.properties):
        return None
    signed = await sign_downloads(version, wanted, None, context)
    return signed.files[0].url
