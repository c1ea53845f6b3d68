"""Start `argv[2:]` in a session of its own, output to the file `argv[1]`; print its id and end.

Being started through this, the process is not the child of whoever asked for it.
"""

import subprocess
import sys


def main() -> None:
    """Start the command of the arguments."""
    with open(sys.argv[1], "ab") as log:
        process = subprocess.Popen(
            sys.argv[2:],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    print(process.pid)


if __name__ == "__main__":
    main()
