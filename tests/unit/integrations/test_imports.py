"""What the wheels beside the client may import: the client, and the tool that they are for."""

import ast
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
MLFLOW = ROOT / "integrations" / "mlflow"


def imported(module: Path) -> Iterator[str]:
    """The packages that a module imports."""
    for node in ast.walk(ast.parse(module.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (each.name.partition(".")[0] for each in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{module} imports by a relative name"
            yield (node.module or "").partition(".")[0]


@pytest.mark.parametrize("module", sorted(MLFLOW.rglob("*.py")), ids=lambda each: each.name)
def test_the_mlflow_wheel_imports_the_client_and_mlflow_alone(module: Path) -> None:
    ours = set(imported(module)) - sys.stdlib_module_names
    assert ours <= {"mlflow", "registry", "registry_mlflow"}


def test_the_mlflow_wheel_names_classes_that_are_there() -> None:
    project = tomllib.loads((MLFLOW / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    for group in ("mlflow.model_registry_store", "mlflow.artifact_repository"):
        entries = project["entry-points"][group]
        assert set(entries) == {"registry+http", "registry+https"}
        for target in entries.values():
            module, _, name = target.partition(":")
            text = (MLFLOW / f"{module.replace('.', '/')}.py").read_text(encoding="utf-8")
            assert f"\nclass {name}(" in text
