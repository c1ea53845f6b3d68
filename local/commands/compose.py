"""The same system in containers: `docker-compose.yml` by an engine that answers.

The file reads the names of `shared.settings`; random credentials are handed over as an env file.
"""

import json
import re
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from local.environment import SETTING_NAMES
from local.errors import LocalError
from local.processes.ports import HOST
from local.servers.services import PORT_SETTINGS

ENGINE_SECONDS = 10.0
"""Limit for the engine to answer a question."""
PULL_SECONDS = 300.0
"""Limit for getting the images that are missing."""
ONE_SHOT = frozenset({"provision"})
"""Services of the file that end by themselves."""
UP_SECONDS = 900.0
"""Limit for building the services' image and for everything to become healthy."""


class ComposeError(LocalError):
    """Docker compose cannot run the system; the text says why."""


class Compose:
    """The project's compose file, run with values from env files; the last one wins."""

    def __init__(self, file: Path, env_files: Sequence[Path]) -> None:
        self._file = file
        self._env_files = env_files
        self._docker = shutil.which("docker") or "docker"

    def check(self) -> None:
        """Raise ComposeError unless the engine answers and the images are there or come."""
        if not self._file.exists():
            raise ComposeError(f"there is no {self._file.name}")
        self._ask(self._docker, "info")
        wanted = {
            service["image"]
            for service in self._config()["services"].values()
            if "image" in service and "build" not in service
        }
        if not all(self._has_image(image) for image in wanted):
            self._do("pull", "--quiet", "--ignore-buildable", timeout_seconds=PULL_SECONDS)

    def up(self, *, servers_only: bool) -> None:
        """Start what does not run and wait until it is healthy. Raises ComposeError."""
        services = self._config()["services"]
        ours = PORT_SETTINGS.keys() | ONE_SHOT
        names = [name for name in services if name not in ours] if servers_only else []
        self._do("up", "--detach", "--build", "--wait", *names)

    def down(self, *, with_data: bool = False) -> None:
        """Stop and remove the containers, and the volumes `with_data`. Raises ComposeError."""
        self._do("down", *(["--volumes"] if with_data else []))

    def status(self) -> str:
        """Compose's own table of containers. Raises ComposeError."""
        return self._ask(*self._compose(), "ps", "--all").rstrip()

    def is_up(self) -> bool:
        """Whether there are containers and all of them run that should. Raises ComposeError."""
        names = [name for name in self._config()["services"] if name not in ONE_SHOT]
        all_ids = self._ask(*self._compose(), "ps", "--all", "--quiet", *names).split()
        running = self._ask(*self._compose(), "ps", "--quiet", *names).split()
        return bool(all_ids) and len(running) == len(all_ids)

    def settings_env(self) -> dict[str, str]:
        """The settings as they hold on this side of the containers. Raises ComposeError."""
        return host_settings(self._config())

    def _config(self) -> dict[str, Any]:
        return json.loads(self._ask(*self._compose(), "config", "--format", "json"))

    def _has_image(self, image: str) -> bool:
        try:
            self._ask(self._docker, "image", "inspect", image)
        except ComposeError:
            return False
        return True

    def _compose(self) -> tuple[str, ...]:
        env_files = [f"--env-file={path}" for path in self._env_files if path.exists()]
        return (self._docker, "compose", f"--file={self._file}", *env_files)

    def _do(self, *arguments: str, timeout_seconds: float = UP_SECONDS) -> None:
        _run((*self._compose(), *arguments), timeout_seconds, shown=True)

    def _ask(self, *command: str) -> str:
        return _run(command, ENGINE_SECONDS, shown=False)


def host_settings(config: Mapping[str, Any]) -> dict[str, str]:
    """The settings of compose's provisioning, with addresses that this machine reaches.

    They are the operator's: its users may do everything at the servers.
    `config` is what `docker compose config --format json` says.
    """
    services: Mapping[str, Any] = config["services"]
    settings = {
        name: str(value)
        for name, value in services["provision"]["environment"].items()
        if name in SETTING_NAMES and value is not None
    }
    mongo = f"{HOST}:{_published(services['mongodb'], 27017)}"
    settings["MONGODB_URL"] = _with_address(settings["MONGODB_URL"], mongo)
    settings["MINIO_ENDPOINT"] = f"{HOST}:{_published(services['minio'], 9000)}"
    settings["KAFKA_BOOTSTRAP_SERVERS"] = settings.get(
        "KAFKA_PUBLIC_BOOTSTRAP_SERVERS", f"{HOST}:{_published(services['kafka'])}"
    )
    for name, setting in PORT_SETTINGS.items():
        if port := _published(services[name]):
            settings[setting] = port
    return settings


def _with_address(url: str, address: str) -> str:
    """The URL with another host and port, and the credentials that it had."""
    return re.sub(r"(?<=//)([^@/]*@)?[^/?]+", lambda found: f"{found[1] or ''}{address}", url)


def _published(service: Mapping[str, Any], target: int | None = None) -> str:
    """The port on this machine for a container's port, or for its first one; empty without."""
    ports: list[dict[str, Any]] = service.get("ports", [])
    published = (str(port["published"]) for port in ports if target in (None, port["target"]))
    return next(published, "")


def _run(command: tuple[str, ...], timeout_seconds: float, *, shown: bool) -> str:
    try:
        done = subprocess.run(command, capture_output=not shown, text=True, timeout=timeout_seconds)
    except FileNotFoundError:
        raise ComposeError("there is no docker on the PATH") from None
    except subprocess.TimeoutExpired:
        reason = f"{Path(command[0]).name} gave no answer in {timeout_seconds:.0f} s"
        raise ComposeError(reason) from None
    if done.returncode != 0:
        lines = (done.stderr or "").strip().splitlines()
        raise ComposeError(lines[-1] if lines else "docker compose failed, as it says above")
    return done.stdout or ""
