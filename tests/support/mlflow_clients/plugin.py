"""What the plugin makes of MLflow's own calls: run in an environment of both.

`python plugin.py MODEL FOLDER` registers the model that lies in the folder in each way that there
is, and prints what became of it as JSON.
"""

import importlib
import json
import sys
from typing import Any

mlflow: Any = importlib.import_module("mlflow")
errors: Any = importlib.import_module("mlflow.exceptions")
pyfunc: Any = importlib.import_module("mlflow.pyfunc")


class Plus(pyfunc.PythonModel):  # pyright: ignore[reportUntypedBaseClass] - it is of MLflow
    """Adds one."""

    def predict(self, context: object, model_input: Any, params: object = None) -> Any:
        """Return each plus one."""
        return [each + 1 for each in model_input]


def main() -> None:
    """Register, load back, and tell."""
    model, folder = sys.argv[1:3]
    client = mlflow.MlflowClient()
    told: dict[str, Any] = {"version": mlflow.__version__}
    made = [mlflow.register_model(folder, model, tags={"from.where": "a folder"})]
    with mlflow.start_run() as run:
        mlflow.log_metric("val.auc", 0.93)
        mlflow.log_param("depth", 7)
        logged = pyfunc.log_model(
            "model", python_model=Plus(), registered_model_name=model, pip_requirements=[]
        )
    made.append(mlflow.register_model(f"runs:/{run.info.run_id}/model", model))
    if getattr(logged, "model_id", None):  # MLflow 3 has models that are logged by themselves
        made.append(mlflow.register_model(f"models:/{logged.model_id}", model))
    copied = client.copy_model_version(f"models:/{model}/1", f"{model}.copied")
    client.set_registered_model_alias(model, "production", "2")
    told["run_id"] = run.info.run_id
    told["made"] = [[str(each.version), each.status] for each in made]
    told["copied"] = [copied.name, str(copied.version)]
    told["tags"] = client.get_model_version(model, "1").tags
    told["runs"] = [
        client.get_model_version(model, str(number)).run_id for number in range(1, len(made) + 2)
    ]
    told["loaded"] = {
        uri: pyfunc.load_model(f"models:/{uri}").predict([1, 2])
        for uri in (f"{model}/1", f"{model}@production", f"{model}/latest", f"{model}.copied/1")
    }
    one = mlflow.artifacts.download_artifacts(f"models:/{model}/1/code")
    told["code"] = sorted(
        each.name for each in importlib.import_module("pathlib").Path(one).iterdir()
    )
    told["listed"] = sorted(
        each.path for each in mlflow.artifacts.list_artifacts(f"models:/{model}/1")
    )
    try:
        mlflow.register_model(f"{folder}/no-such-folder", model)
    except errors.MlflowException as error:
        told["refused"] = str(error)
    print(json.dumps(told))  # noqa: T201 - what the test reads


main()
