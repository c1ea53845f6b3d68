"""One download by huggingface_hub, in an environment that has it and nothing of the registry.

`python hub_once.py REPO TARGET` with HF_ENDPOINT in its environment. It waits for a line on its
input, downloads, and prints what it measured as JSON.
"""

import json
import sys
from time import perf_counter, process_time


def main() -> None:
    """Download the model that the arguments name."""
    from huggingface_hub import (  # pyright: ignore[reportMissingImports]
        snapshot_download,  # pyright: ignore[reportUnknownVariableType]
    )

    repo, target = sys.argv[1:]
    print("waiting", flush=True)
    sys.stdin.readline()
    begun, begun_cpu = perf_counter(), process_time()
    snapshot_download(repo, cache_dir=target)
    measured = {"seconds": perf_counter() - begun, "cpu_seconds": process_time() - begun_cpu}
    print(json.dumps(measured), flush=True)


if __name__ == "__main__":
    main()
