"""Models opened by the libraries that wrote them, in an environment that has what we do not."""

from pathlib import Path

from local.processes.ports import HOST
from local.servers.services import CHECKOUT
from registry import AsyncModelRegistryClient
from shared.runtime.settings import Settings
from tests.support.access import token_of
from tests.support.client_environments import client_environment, run_client

LIBRARIES = ("--editable", str(CHECKOUT), "skops", "gguf", "numpy")

MADE = """
import collections, sys, gguf, numpy, skops.io
from sklearn.linear_model import LogisticRegression

folder = sys.argv[1]
model = LogisticRegression().fit([[0.0], [1.0]], [0, 1])
skops.io.dump(model, f"{folder}/model.skops")
skops.io.dump({"count": collections.Counter}, f"{folder}/odd.skops")
writer = gguf.GGUFWriter(f"{folder}/model.gguf", "llama")
writer.add_tensor("w", numpy.arange(4, dtype="float32"))
writer.write_header_to_file()
writer.write_kv_data_to_file()
writer.write_tensors_to_file()
writer.close()
"""

OPENED = """
import sys
import registry
from registry import openers

ref = sys.argv[1]
model = openers.sklearn(f"{ref}/model.skops")
print(model.predict([[0.9]])[0])
print([tensor.name for tensor in openers.gguf(ref).tensors])
try:
    openers.sklearn(f"{ref}/odd.skops")
except registry.UntrustedModelError as error:
    print(error)
print(openers.sklearn(f"{ref}/odd.skops", trusted=["collections.Counter"])["count"])
"""


async def test_skops_and_gguf_files_are_opened(
    client: AsyncModelRegistryClient, model: str, settings: Settings, tmp_path: Path
) -> None:
    python = client_environment(*LIBRARIES) / "python"
    source = tmp_path / "source"
    source.mkdir()
    made = run_client(python, "-c", MADE, source)
    assert made.returncode == 0, made.stderr
    await client.upload(model, source)
    environment = {
        "REGISTRY_URL": f"http://{HOST}:{settings.registry_port}",
        "REGISTRY_ORIGINS": f"{settings.ingest_url},{settings.query_url}",
        "REGISTRY_TOKEN": token_of(settings),
    }
    opened = run_client(python, "-c", OPENED, model, environment=environment, folder=tmp_path)
    assert opened.returncode == 0, opened.stderr
    predicted, tensors, refused, trusted = opened.stdout.splitlines()
    assert (predicted, tensors) == ("1", "['w']")
    assert "types that are not trusted: collections.Counter; name those" in refused
    assert trusted == "<class 'collections.Counter'>"
