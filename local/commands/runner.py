"""What the commands do: containers when an engine can run them, else local processes."""

import os
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path

from local import stack
from local.commands.compose import Compose, ComposeError
from local.commands.profile import (
    client_environment,
    forget_profile,
    keep_profile,
    local_profile,
)
from local.commands.status_line import status_line
from local.environment import (
    ensure_credentials,
    read_env_file,
    user_settings,
    write_env_file,
)
from local.programs.prepare import prepare
from local.programs.progress import shown
from local.servers.services import CHECKOUT
from registry._profiles import profiles_path
from registry.errors import ProfileError
from shared.runtime.service_users import USER_SECRETS

DEFAULTS = Path(__file__).parents[1] / "defaults.env"
"""What differs from the settings' defaults on a machine of one's own."""
Say = Callable[[str], None]


class Runner:
    """The system of one checkout, its files below `.local`.

    The way it was first started in stays, because the data stays there, until `clean`.
    """

    def __init__(self, checkout: Path = CHECKOUT, say: Say = print) -> None:
        self.root = checkout / ".local"
        self.env_file = self.root / "env"
        """The settings that everything runs with, as a dotenv file."""
        self._say = say
        self._dotenv = checkout / ".env"
        self._credentials = self.root / stack.CREDENTIALS
        self._in_containers = self.root / "docker"
        """There when the data is in the volumes of containers."""
        env_files = (DEFAULTS, self._credentials, self._dotenv)
        self._compose = Compose(checkout / "docker-compose.yml", env_files)

    def start(self, *, servers_only: bool, docker: bool | None) -> None:
        """Start what does not run; `docker` None takes containers when they can be had.

        Raises LocalError.
        """
        chosen = self._usual_way() if docker is None else docker
        if chosen is None:
            try:
                return self._start_containers(servers_only)
            except ComposeError as error:
                self._say(f"Not in containers: {error}. Starting local processes.")
        if chosen:
            return self._start_containers(servers_only)
        return self._start_processes(servers_only)

    def stop(self) -> None:
        """Stop everything. Data stays. Raises ComposeError."""
        if self._in_containers.exists():
            self._compose.down()
            self._say("containers: stopped")
        for name in stack.stop(self.root):
            self._say(f"{name:8} stopped")

    def status(self) -> bool:
        """Print a line for each server and service; whether there are any, and all are alive."""
        containers_up = not self._in_containers.exists() or self._compose.is_up()
        if self._in_containers.exists():
            self._say(self._compose.status())
        records = stack.processes(self.root).values()
        for record in records:
            self._say(status_line(record))
        if not records and not self._in_containers.exists():
            self._say("Nothing is running.")
            return False
        return containers_up and all(record.is_alive for record in records)

    def clean(self) -> None:
        """Stop everything and delete data, logs, credentials and profile. Raises ComposeError."""
        if self._in_containers.exists():
            self._compose.down(with_data=True)
        stack.stop(self.root)
        profile = local_profile(read_env_file(self.env_file))
        if profile is not None:
            try:
                forget_profile(profile)
            except ProfileError as error:
                self._say(f"The profile stays: {error}.")
        shutil.rmtree(self.root, ignore_errors=True)

    def _usual_way(self) -> bool | None:
        """Whether to use containers: as at the first start; None before it."""
        if self._in_containers.exists():
            return True
        return False if (self.root / "data").exists() else None

    def _start_processes(self, servers_only: bool) -> None:
        user = self._user_settings()
        with shown() as observer:
            programs = prepare(observer)
        report = self._say_record
        servers = stack.start_servers(self.root, settings=user, programs=programs, report=report)
        credentials = read_env_file(self._credentials)
        own = {name: credentials[name] for name in ("REGISTRY_ADMIN_TOKEN", *USER_SECRETS)}
        settings = {**servers.settings_env(), **read_env_file(DEFAULTS), **own, **user}
        write_env_file(self.env_file, settings)
        if not servers_only:
            self.tell_clients(stack.start_services(self.root, settings, report=report))

    def _start_containers(self, servers_only: bool) -> None:
        ensure_credentials(self._credentials)
        self._compose.check()
        try:
            self._compose.up(servers_only=servers_only)
        except ComposeError:
            self._compose.down()
            raise
        self._in_containers.touch()
        self.tell_clients(self._compose.settings_env())
        self._say(self._compose.status())

    def tell_clients(self, settings: Mapping[str, str]) -> None:
        """Write the settings to the env file, and a profile for this user's clients."""
        profile = local_profile(settings)
        if profile is None:
            write_env_file(self.env_file, settings)
            return
        write_env_file(self.env_file, {**settings, **client_environment(profile)})
        try:
            if keep_profile(profile):
                self._say(f"The token of {profile.url} is kept in {profiles_path()}.")
        except ProfileError as error:
            self._say(f'No profile: {error}. For clients: eval "$(python -m local env)".')

    def _user_settings(self) -> dict[str, str]:
        recorded = stack.recorded_settings(self.root)
        return user_settings(os.environ, read_env_file(self._dotenv), recorded)

    def _say_record(self, record: stack.ProcessRecord) -> None:
        self._say(status_line(record))
