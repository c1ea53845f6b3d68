"""`registry://` as other people's tools open it: pandas, pyarrow and safetensors, new and old."""

import json
from pathlib import Path

import pytest

from local.processes.ports import HOST
from local.servers.services import CHECKOUT
from registry import AsyncModelRegistryClient
from shared.runtime.settings import Settings
from tests.support.access import token_of
from tests.support.client_environments import client_environment, run_client, versions_of

OURS = ("--editable", f"{CHECKOUT}[fsspec]")
NEW = ("fsspec==2026.9.0", "pandas==3.1.1", "pyarrow==26.0.1", "safetensors==0.8.0", "numpy")
OLD = ("fsspec==2025.3.0", "pandas==2.2.3", "pyarrow==18.1.0", "safetensors==0.4.5", "numpy<2.3")

MADE = """
import sys, numpy, pandas
from pathlib import Path
from safetensors.numpy import save_file

folder = Path(sys.argv[1])
(folder / "parts").mkdir(parents=True)
table = pandas.DataFrame({"id": range(100_000), "score": [n / 7 for n in range(100_000)]})
table.to_parquet(folder / "scores.parquet", row_group_size=10_000)
table.head(1000).to_csv(folder / "parts" / "a.csv", index=False)
table.tail(10).to_csv(folder / "parts" / "b.csv", index=False)
save_file({"w": numpy.arange(12, dtype="float32").reshape(3, 4)}, folder / "model.safetensors")
"""

READ = """
import json, sys, fsspec, numpy, pandas, pyarrow.parquet, safetensors.numpy

ref = sys.argv[1]
fs = fsspec.filesystem("registry")
csv = pandas.read_csv(f"{ref}/parts/a.csv")
table = pandas.read_parquet(f"{ref}/scores.parquet", columns=["score"])
rows = pyarrow.parquet.read_table(f"{ref[11:]}/scores.parquet", filesystem=fs,
                                  filters=[("id", ">=", 99_990)])
with fsspec.open(f"{ref}/model.safetensors") as file:
    tensors = safetensors.numpy.load(file.read())
local = fsspec.open_local(f"simplecache::{ref}/model.safetensors")
with safetensors.safe_open(local, framework="numpy") as opened:
    again = opened.get_tensor("w")
print(json.dumps({
    "csv": len(csv), "score": table["score"].iloc[-1], "rows": rows.num_rows,
    "sum": float(tensors["w"].sum()), "equal": bool((again == tensors["w"]).all()),
    "files": fs.glob(f"{ref}/parts/*.csv"),
}))
"""


@pytest.mark.parametrize("versions", versions_of(NEW, OLD))
async def test_pandas_pyarrow_and_safetensors_open_files_of_a_version(
    client: AsyncModelRegistryClient,
    model: str,
    settings: Settings,
    tmp_path: Path,
    versions: tuple[str, ...],
) -> None:
    python = client_environment(*OURS, *versions) / "python"
    source = tmp_path / "source"
    made = run_client(python, "-c", MADE, source)
    assert made.returncode == 0, made.stderr
    await client.upload(model, source)
    await client.set_alias(model, "production", 1)
    environment = {
        "REGISTRY_URL": f"http://{HOST}:{settings.registry_port}",
        "REGISTRY_ORIGINS": f"{settings.ingest_url},{settings.query_url}",
        "REGISTRY_TOKEN": token_of(settings),
    }
    ref = f"registry://{model}@production"
    found = run_client(python, "-c", READ, ref, environment=environment, folder=tmp_path)
    assert found.returncode == 0, found.stderr
    assert json.loads(found.stdout) == {
        "csv": 1000,
        "score": 99_999 / 7,
        "rows": 10,
        "sum": 66.0,
        "equal": True,
        "files": [f"{model}@production/parts/{name}.csv" for name in "ab"],
    }
