"""How to fetch a version by code, with the addresses that the reader's own tools need."""

import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from registry.schemas import Version
from shared.domain.hub_names import repo_of_model
from shared.runtime.settings import Settings

_CURL: Final = """\
(set -e
cursor=
while :; do
  page=$(curl -fsS -H "Authorization: Bearer $REGISTRY_TOKEN" {address}"$cursor")
  files=$(printf %s "$page" | PYTHONUTF8=1 python3 -c 'import json, sys
for each in json.load(sys.stdin)["files"]:
    if each["first_part"] == 1:
        for name, value in ("url", each["url"]), ("output", sys.argv[1] + "/" + each["path"]):
            print(name, "=", json.dumps(value, ensure_ascii=False))' {folder})
  if [ -n "$files" ]; then
    printf "%s\\n" "$files" | curl -fgsS --fail-early --create-dirs -K -
  fi
  cursor=$(printf %s "$page" | python3 -c 'import json, sys
print(json.load(sys.stdin)["next_cursor"] or "")')
  if [ -z "$cursor" ]; then break; fi
done)"""
"""Page by page: signed URLs are asked for, made a config of curl, and fetched by it. It is in a
shell of its own, so that an error ends it and not the one it is pasted into. A file that has more
parts than a page tells is on several, and fetched at its first."""


@dataclass(frozen=True, slots=True)
class Snippet:
    """A way to fetch it, and the text to be pasted."""

    name: str
    text: str


def snippets(version: Version, settings: Settings) -> Sequence[Snippet]:
    """Return the ways to fetch a version; each asks for a token in REGISTRY_TOKEN."""
    model, number = version.model, version.number
    quoted = shlex.quote(model)
    ingest, query = settings.ingest_url, settings.query_url
    python = (
        "from registry import ModelRegistryClient\n\n"
        f"client = ModelRegistryClient({ingest!r}, origins=[{ingest!r}, {query!r}])\n"
        f"client.download({model!r}, {number}, to={model!r})"
    )
    shell = (
        f"export REGISTRY_URL={shlex.quote(ingest)} REGISTRY_ORIGINS={shlex.quote(query)}\n"
        f"registry download {quoted} {number} --to {quoted}"
    )
    downloads = f"{query}/v1/models/{model}/versions/{number}/downloads?cursor="
    curl = _CURL.format(address=shlex.quote(downloads), folder=quoted)
    fsspec = (
        "import fsspec\n\n"
        f"files = fsspec.filesystem('registry', url={ingest!r}, origins=({ingest!r}, {query!r}))\n"
        f"files.get({f'{model}:{number}/'!r}, {f'{model}/'!r}, recursive=True)"
    )
    mlflow = (
        f"export MLFLOW_REGISTRY_URI={shlex.quote(query)}/mlflow"
        " MLFLOW_TRACKING_TOKEN=$REGISTRY_TOKEN\n"
        f"mkdir -p {quoted}\n"
        f"mlflow artifacts download -u {shlex.quote(f'models:/{model}/{number}')} -d {quoted}"
    )
    found = [Snippet("Python", python), Snippet("Command", shell), Snippet("curl", curl)]
    found += [Snippet("fsspec", fsspec), Snippet("MLflow", mlflow)]
    if (repo := repo_of_model(model)) is not None:
        hub = (
            f"export HF_ENDPOINT={shlex.quote(query)} HF_TOKEN=$REGISTRY_TOKEN\n"
            f"hf download {shlex.quote(repo)} --revision {number}"
        )
        found.append(Snippet("Hugging Face", hub))
    return found
