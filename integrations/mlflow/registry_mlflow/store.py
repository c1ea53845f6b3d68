"""MLflow's registry store: the registry's REST interface, and uploads by the registry's client."""

# pyright: basic, reportMissingImports=false
# MLflow is not in the environment in which the project is checked.

import contextlib
import math
import os
import re
import tempfile
from collections.abc import Generator
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit
from uuid import uuid4

from mlflow.artifacts import download_artifacts
from mlflow.entities.model_registry import ModelVersion, ModelVersionTag
from mlflow.exceptions import MlflowException
from mlflow.models import Model
from mlflow.protos.databricks_pb2 import INVALID_PARAMETER_VALUE, PERMISSION_DENIED
from mlflow.store.model_registry.rest_store import RestStore
from mlflow.tracking import MlflowClient
from mlflow.utils.rest_utils import MlflowHostCreds

from registry._certificates import CA_VARIABLE
from registry._credentials import find_credentials
from registry.errors import AccessDeniedError, RegistryError
from registry.importing.folders import prepared
from registry.schemas.mlflow import entry_name, own_tags
from registry_mlflow.connection import PREFIX, address_of, client_of, query_url_of

_COPIED = re.compile(r"models:/[^/@]+(?:/[0-9]+|@[^/@]+)/?")
"""A version of this registry, by its number or by an alias: `models:/m-ID` is a logged model."""


class RegistryStore(RestStore):
    """A registry that MLflow names as `registry+http(s)://ADDRESS`, as its client does."""

    def __init__(self, store_uri: str, tracking_uri: str | None = None) -> None:
        self._address = address_of(store_uri)
        self._tracking_uri = tracking_uri
        super().__init__(self._host_creds)

    def create_model_version(
        self,
        name: str,
        source: str,
        run_id: str | None = None,
        tags: list[ModelVersionTag] | None = None,
        run_link: str | None = None,
        description: str | None = None,
        local_model_path: str | None = None,
        model_id: str | None = None,
        **further: Any,
    ) -> ModelVersion:
        """Upload the files of a source as a new version, and return it once it is ready.

        A version that is in this registry is copied there: no byte is moved.
        """
        if _COPIED.fullmatch(source):
            return super().create_model_version(
                name, source, run_id, tags, run_link, description=description
            )
        run_id = run_id or self._run_of(model_id)
        told = own_tags(run_id=run_id, run_link=run_link, source=source, model_id=model_id)
        said = {entry_name(tag.key): tag.value or "" for tag in tags or []}
        metrics, parameters = self._of_run(run_id)
        with _told(), self._files(source, local_model_path) as folder, prepared(folder) as files:
            version = client_of(self._address).upload(
                name,
                files.folder,
                idempotency_key=uuid4().hex,  # each call is another version, as in MLflow
                description=description or "",
                framework=_framework(folder),
                metrics=metrics,
                parameters=parameters,
                tags=said | told,
                properties=files.properties,
                lineage={"run": {"id": run_id}} if run_id else {},
            )
        return self.get_model_version(name, str(version.number))

    def get_model_version_download_uri(self, name: str, version: int | str) -> str:
        """Return the address from which the registry's client fetches the files."""
        self.get_model_version(name, version)
        return f"{PREFIX}{self._address}/{name}/{version}"

    def _host_creds(self) -> MlflowHostCreds:
        """Return address and token of MLflow's interface.

        The token is that of the registry's own client: MLFLOW_TRACKING_TOKEN goes to the tracking
        server, which may be somebody else's.
        """
        with _told():
            query_url = query_url_of(self._address)
            credentials = find_credentials(self._address)
            token = credentials.token if credentials.headers_for(query_url) else None
        own = os.environ.get(CA_VARIABLE)
        return MlflowHostCreds(f"{query_url}/mlflow", token=token, server_cert_path=own or None)

    @contextlib.contextmanager
    def _files(self, source: str, local_model_path: str | None) -> Generator[Path]:
        """Return a folder with the files of a source; what is not on this machine is fetched."""
        local = local_model_path or _local_path(source)
        if local is not None and Path(local).is_dir():
            yield Path(local)
            return
        with tempfile.TemporaryDirectory(prefix="registry-mlflow-") as folder:
            yield Path(
                download_artifacts(
                    artifact_uri=source, dst_path=folder, tracking_uri=self._tracking_uri
                )
            )

    def _run_of(self, model_id: str | None) -> str | None:
        """Return the run that logged a model, where the tracking server has it."""
        if not model_id:
            return None
        try:
            client = MlflowClient(tracking_uri=self._tracking_uri)
            return client.get_logged_model(model_id).source_run_id
        except MlflowException:
            return None

    def _of_run(self, run_id: str | None) -> tuple[dict[str, float], dict[str, str]]:
        """Return metrics and parameters of the run, where the tracking server has it."""
        if not run_id:
            return {}, {}
        try:
            found = MlflowClient(tracking_uri=self._tracking_uri).get_run(run_id).data
        except MlflowException:  # a run of elsewhere
            return {}, {}
        finite = {name: value for name, value in found.metrics.items() if math.isfinite(value)}
        return _entries(finite), _entries(found.params)


def _entries(told: dict[str, Any]) -> dict[str, Any]:
    return {entry_name(name): value for name, value in told.items()}


def _local_path(source: str) -> str | None:
    parts = urlsplit(source)
    if parts.scheme == "file":
        return unquote(parts.path)
    return None if parts.scheme else source


def _framework(folder: Path) -> str:
    """Return the library that made the model, as MLflow tells it; else nothing."""
    try:
        flavors = Model.load(str(folder)).flavors
    except (MlflowException, OSError):
        return ""
    named = [each for each in flavors if each != "python_function"]
    return named[0] if named else "python_function"


@contextlib.contextmanager
def _told() -> Generator[None]:
    """Raise what the registry's client raises as MLflow's own exception."""
    try:
        yield
    except AccessDeniedError as error:
        raise MlflowException(str(error), error_code=PERMISSION_DENIED) from error
    except RegistryError as error:
        raise MlflowException(str(error), error_code=INVALID_PARAMETER_VALUE) from error
