"""Runs a service with its process tampered with; the service's own code stays as it is.

python -m tests.faults.harness.tampered services.indexer crash:after_verification lease:2
"""

import runpy
import sys

from tests.faults.harness.tampering import tamper


def main() -> None:
    """Tamper as the arguments say, then run the service as `python -m` would."""
    service, *tamperings = sys.argv[1:]
    for specification in tamperings:
        tamper(specification)
    sys.argv = [service]
    runpy.run_module(service, run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main()
