"""Files of a version, fetched and verified by the registry's client."""

# pyright: basic, reportMissingImports=false
# MLflow is not in the environment in which the project is checked.

import posixpath
import shutil
import tempfile
from pathlib import Path

from mlflow.entities import FileInfo
from mlflow.exceptions import MlflowException
from mlflow.store.artifact.artifact_repo import ArtifactRepository

from registry import Version
from registry.schemas.mlflow import empty_files
from registry_mlflow.connection import address_of, client_of

READ_ONLY = "a version's files do not change: register another version"


class RegistryArtifacts(ArtifactRepository):
    """The files of `registry+http(s)://ADDRESS/MODEL/NUMBER`."""

    def __init__(self, artifact_uri: str, *arguments: object, **options: object) -> None:
        super().__init__(artifact_uri, *arguments, **options)
        rest, _, number = artifact_uri.rstrip("/").rpartition("/")
        address, _, self._model = rest.rpartition("/")
        self._number = int(number)
        self._client = client_of(address_of(address))

    def list_artifacts(self, path: str | None = None) -> list[FileInfo]:
        """Return what lies directly in a folder; nothing where it is a file."""
        base = f"{path.strip('/')}/" if path and path.strip("/") else ""
        found: dict[str, FileInfo] = {}
        for name, size in self._sizes(self._version()).items():
            if name.startswith(base):
                child, slash, _ = name[len(base) :].partition("/")
                place = base + child
                found[place] = FileInfo(place, bool(slash), None if slash else size)
        return [found[place] for place in sorted(found)]

    def download_artifacts(
        self, artifact_path: str, dst_path: str | None = None, **options: object
    ) -> str:
        """Return where a file, a folder or with "" the whole version lies now, verified."""
        folder = Path(dst_path or tempfile.mkdtemp())
        wanted = posixpath.normpath(artifact_path) if artifact_path else ""
        if wanted.startswith(("/", "..")):
            raise MlflowException(f"{artifact_path} leads out of the version")
        self._fetch(folder, "" if wanted == "." else wanted)
        target = folder / wanted if wanted != "." else folder
        if not target.exists():
            told = f"version {self._number} of model {self._model!r} has no {artifact_path}"
            raise MlflowException(told)
        return str(target)

    def _download_file(self, remote_file_path: str, local_path: str) -> None:
        with tempfile.TemporaryDirectory(dir=Path(local_path).parent) as folder:
            shutil.move(self.download_artifacts(remote_file_path, folder), local_path)

    def log_artifact(self, local_file: str, artifact_path: str | None = None) -> None:
        """Refuse it."""
        raise MlflowException(READ_ONLY)

    def log_artifacts(self, local_dir: str, artifact_path: str | None = None) -> None:
        """Refuse it."""
        raise MlflowException(READ_ONLY)

    def _version(self) -> Version:
        return self._client.get_version(self._model, self._number)

    def _sizes(self, version: Version) -> dict[str, int]:
        sizes = {each.path: each.size_bytes for each in version.artifacts}
        return sizes | dict.fromkeys(empty_files(version.properties), 0)

    def _fetch(self, folder: Path, wanted: str) -> None:
        """Put what was asked for into the folder, below its own path."""
        version = self._version()
        empty = [each for each in empty_files(version.properties) if _is_within(each, wanted)]
        paths = [each.path for each in version.artifacts if _is_within(each.path, wanted)]
        is_whole = len(paths) == len(version.artifacts)
        # In a folder of its own: where files are there already, a download continues.
        with tempfile.TemporaryDirectory(dir=folder, prefix=".registry-") as made:
            fetched = Path(made)
            for path in (None,) if is_whole else paths:
                self._client.download(self._model, self._number, to=fetched, path=path)
            for path in paths:
                target = folder / path
                target.parent.mkdir(parents=True, exist_ok=True)
                shutil.move(fetched / path, target)
        for path in empty:
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            (folder / path).touch()


def _is_within(path: str, wanted: str) -> bool:
    return not wanted or path == wanted or path.startswith(f"{wanted}/")
