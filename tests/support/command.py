"""The command `registry`, as a process of its own."""

import subprocess
import sys

CODE = "from registry.cli import main; main()"


def registry_command(*arguments: str, url: str, status: int = 0) -> str:
    """Run the command and return what it prints; fails for another exit status."""
    command = [sys.executable, "-c", CODE, *arguments, "--url", url]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == status, done.stderr
    return done.stdout if status == 0 else done.stderr
