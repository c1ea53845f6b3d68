"""What a team does with a stock MLflow client: run in an environment of it.

`python stock.py MODEL` asks MLFLOW_REGISTRY_URI, and prints what it was told as JSON.
"""

import importlib
import json
import sys
from pathlib import Path
from typing import Any

mlflow: Any = importlib.import_module("mlflow")  # it is installed where this runs alone
errors: Any = importlib.import_module("mlflow.exceptions")
pyfunc: Any = importlib.import_module("mlflow.pyfunc")


def main() -> None:
    """Load, look up, search, tag and move, and tell what came of each."""
    model = sys.argv[1]
    client = mlflow.MlflowClient()
    told: dict[str, Any] = {"version": mlflow.__version__}
    told["loaded"] = {
        uri: pyfunc.load_model(f"models:/{model}{uri}").predict([1, 2])
        for uri in ("@production", "/1", "/2", "/latest")
    }
    folder = mlflow.artifacts.download_artifacts(f"models:/{model}/1")
    told["files"] = sorted(
        str(each.relative_to(folder)) for each in Path(folder).rglob("*") if each.is_file()
    )
    _look(client, model, told)
    _change(client, model, told)
    told["refused"] = _refused(client, model)
    print(json.dumps(told))  # noqa: T201 - what the test reads


def _look(client: Any, model: str, told: dict[str, Any]) -> None:
    found = client.get_registered_model(model)
    told["model"] = {
        "description": found.description,
        "latest": [each.version for each in found.latest_versions],
        "aliases": {name: str(version) for name, version in found.aliases.items()},
    }
    version = client.get_model_version(model, "1")
    told["one"] = {
        "status": version.status,
        "stage": version.current_stage,
        "run_id": version.run_id,
        "tags": version.tags,
        "description": version.description,
        "aliases": list(version.aliases),
    }
    searches = {
        "by name": f"name = '{model}'",
        "by number": f"name = '{model}' AND version_number > 1",
        "by tag": f"name = '{model}' AND tags.`team.owner` = 'risk'",
        "by tag, like": f"name LIKE '{model}' AND tag.stage ILIKE 'CAND%'",
        "by run": f"run_id = 'run-of-{model}'",
    }
    told["versions"] = {
        name: sorted(str(each.version) for each in client.search_model_versions(text))
        for name, text in searches.items()
    }
    pages: list[str] = []
    token = None
    while True:
        page = client.search_model_versions(
            f"name='{model}'", max_results=1, order_by=["version_number DESC"], page_token=token
        )
        pages += [str(each.version) for each in page]
        token = page.token
        if not token:
            break
    told["pages"] = pages
    told["models"] = [
        each.name for each in client.search_registered_models(f"name = '{model}'", max_results=5)
    ]


def _change(client: Any, model: str, told: dict[str, Any]) -> None:
    client.set_registered_model_tag(model, "cost.centre", "12")
    client.set_model_version_tag(model, "2", "validation.status", "passed")
    client.set_model_version_tag(model, "2", "dropped", "yes")
    client.delete_model_version_tag(model, "2", "dropped")
    client.update_model_version(model, "2", description="Said by MLflow.")
    client.update_registered_model(model, description="Also said by MLflow.")
    client.set_registered_model_alias(model, "champion", "1")
    client.set_registered_model_alias(model, "champion", "2")
    client.set_registered_model_alias(model, "passing", "2")
    client.delete_registered_model_alias(model, "passing")
    client.delete_registered_model_alias(model, "passing")
    found = client.get_model_version_by_alias(model, "champion")
    told["champion"] = [str(found.version), found.tags, found.description]
    made = client.create_registered_model(f"{model}.made", {"a.b": "c"}, "Before any version.")
    told["made"] = [made.name, made.tags, made.description]
    client.update_registered_model(f"{model}.made", description="Still without a version.")
    read = client.get_registered_model(f"{model}.made")
    told["empty"] = [list(read.latest_versions), read.tags, read.description]
    copied = client.copy_model_version(f"models:/{model}@champion", f"{model}.made")
    told["copied"] = [copied.name, str(copied.version), copied.tags]
    client.delete_model_version(f"{model}.made", copied.version)


def _refused(client: Any, model: str) -> dict[str, str]:
    calls: dict[str, Any] = {
        "missing model": lambda: client.get_registered_model("no-such-model"),
        "missing version": lambda: client.get_model_version(model, "99"),
        "missing alias": lambda: client.get_model_version_by_alias(model, "nobody"),
        "deleted": lambda: client.get_model_version(f"{model}.made", "1"),
        "made twice": lambda: client.create_registered_model(model),
        "bad name": lambda: client.create_registered_model("a b"),
        "rename": lambda: client.rename_registered_model(model, "other"),
        "delete": lambda: client.delete_registered_model(model),
        "stage": lambda: client.transition_model_version_stage(model, "1", "Production"),
        "source": lambda: client.create_model_version(model, "s3://elsewhere/model"),
        "filter": lambda: client.search_model_versions("weather = 'fine'"),
        "order": lambda: client.search_registered_models(order_by=["weather"]),
        "aliased": lambda: client.delete_model_version(model, "2"),
    }
    return {name: _refusal(call) for name, call in calls.items()}


def _refusal(call: Any) -> str:
    try:
        call()
    except errors.MlflowException as error:
        return f"{error.error_code}: {error}"
    return "done"


main()
