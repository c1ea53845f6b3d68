"""MLflow's clients in environments of their own, and a model that each of them can load."""

import json
from pathlib import Path
from typing import Any, Final

from local.servers.services import CHECKOUT
from tests.support.client_environments import client_environment, run_client

SCRIPTS: Final = Path(__file__).parent / "mlflow_clients"
NEWEST: Final = "3.17.2"
OLD: Final = "2.22.0"
MODEL_FILES: Final = {
    "MLmodel": (
        "flavors:\n  python_function:\n    code: code\n    loader_module: {name}\n"
        "    python_version: 3.11.0\nmlflow_version: 2.22.0\nmodel_uuid: 0123456789abcdef\n"
    ),
    "code/{name}.py": (
        "class Times:\n"
        "    def predict(self, model_input, params=None):\n"
        "        return [{factor} * each for each in model_input]\n\n\n"
        "def _load_pyfunc(path):\n    return Times()\n"
    ),
    "notes/read me.txt": "A name with a space.",
}


def skinny(version: str, *further: str) -> Path:
    """The programs of an environment with this MLflow, with as little as loading a model takes."""
    return client_environment(f"mlflow-skinny=={version}", "numpy", "pandas", *further)


def write_model(folder: Path, factor: int) -> Path:
    """Write a model that multiplies by the factor, as MLflow lays one out."""
    name = f"times_{factor}"  # each has a module of its own: one process loads several
    for path, text in MODEL_FILES.items():
        file = folder / path.format(name=name)
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text.format(name=name, factor=factor))
    return folder


def run_script(
    programs: Path, script: str, *arguments: str, folder: Path, environment: dict[str, str]
) -> dict[str, Any]:
    """Run one of the scripts in an environment; returns what it printed as JSON."""
    told = {
        "MLFLOW_TRACKING_URI": (folder / "mlruns").as_uri(),  # a skinny one has no database
        "MLFLOW_ALLOW_FILE_STORE": "true",
        "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "2",
        "GIT_PYTHON_REFRESH": "quiet",
        **environment,
    }
    ended = run_client(
        programs / "python",
        "-W",
        "ignore",
        SCRIPTS / f"{script}.py",
        *arguments,
        folder=folder,
        environment=told,
    )
    assert ended.returncode == 0, ended.stderr[-4000:]
    return json.loads(ended.stdout.splitlines()[-1])


def with_plugin(version: str) -> Path:
    """The programs of an environment with this MLflow, our client and the plugin, as they are."""
    plugin = CHECKOUT / "integrations" / "mlflow"
    return skinny(version, "cloudpickle", "-e", str(CHECKOUT), "-e", str(plugin))
