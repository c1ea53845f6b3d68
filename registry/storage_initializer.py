"""Brings a version into a folder before a server starts: `registry://churn@production /mnt/models`.

It is what KServe's ClusterStorageContainer runs, with the same two arguments as KServe's own:

    python -m registry.storage_initializer registry://churn@production /mnt/models

The registry and the token come from REGISTRY_URL, REGISTRY_ORIGINS and REGISTRY_TOKEN. Killed, and
started again on the same folder, it goes on with the parts that were verified.
"""

import sys
from collections.abc import Sequence
from pathlib import Path

from registry._refs import SCHEME, parse_ref
from registry.cli.exit_codes import ExitCode, exit_code
from registry.cli.printable import printable
from registry.client import ModelRegistryClient
from registry.errors import RegistryError

USAGE = "usage: python -m registry.storage_initializer registry://MODEL[@ALIAS|:VERSION] FOLDER"


def main(arguments: Sequence[str]) -> int:
    """Download, and return the exit status; an error is one line on stderr."""
    if len(arguments) != 2 or not arguments[0].startswith(SCHEME):
        return _fail(USAGE, ExitCode.USAGE)
    uri, folder = arguments[0], Path(arguments[1])
    try:
        ref = parse_ref(uri)
        if ref.path:
            return _fail("the URI names a file: whole versions are downloaded", ExitCode.USAGE)
        folder.mkdir(parents=True, exist_ok=True)
        with ModelRegistryClient() as client:
            # Looked up first: an alias that moves meanwhile does not mix two versions.
            version = client.get_version(ref.model, ref.version)
            client.download(version.model, version.number, to=folder)
    except RegistryError as error:
        return _fail(str(error), exit_code(error))
    except OSError as error:
        return _fail(f"cannot write {folder}: {error.strerror or error}", ExitCode.USAGE)
    told = f"{version.model} version {version.number} is in {folder}"
    sys.stdout.write(f"{printable(told)}\n")
    return ExitCode.OK


def _fail(text: str, status: int) -> int:
    sys.stderr.write(f"storage_initializer: error: {printable(' '.join(text.split()))}\n")
    return status


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
