"""Servers and services below one root folder; what the runner, the tests and the demo share.

    addresses = start_servers(root, "free")
    settings = start_services(root, addresses.settings_env(), "free")
    ...
    stop(root)

Calling a start function again leaves alone what runs and starts what does not, on the ports and
the data it had before.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path

from local.environment import ensure_credentials, read_env_file
from local.processes.ports import HOST, PortPolicy
from local.processes.process import ProcessPlan, stop_process
from local.processes.state import SERVERS, SERVICES, START_ORDER, ProcessRecord, State
from local.processes.supervisor import STOP_SECONDS, Report, Supervisor, ignore
from local.programs.cache import exclusive
from local.programs.prepare import Programs, prepare
from local.servers.kafka import plan_kafka
from local.servers.minio import plan_minio
from local.servers.mongo import mongodb_url, plan_mongo
from local.servers.services import PORT_SETTINGS as PORTS
from local.servers.services import plan_service, provision
from shared.runtime.service_users import USER_SECRETS
from shared.runtime.settings import Settings

CREDENTIALS = "credentials.env"
"""The file, below a root folder, of the credentials that are made at the first start."""


@dataclass(frozen=True)
class ServerAddresses:
    """Where the servers are, with an administrator's credentials."""

    minio_access_key: str
    minio_secret_key: str
    minio_endpoint: str
    """host:port"""
    kafka_bootstrap_servers: str
    """host:port"""
    mongodb_url: str

    def settings_env(self) -> dict[str, str]:
        """The same as environment variables, by the names of `shared.settings`."""
        return {name.upper(): value for name, value in vars(self).items()}


def start_servers(
    root: Path,
    ports: PortPolicy = "usual",
    *,
    settings: Mapping[str, str] | None = None,
    programs: Programs | None = None,
    report: Report = ignore,
) -> ServerAddresses:
    """Have MinIO, Kafka and a MongoDB-protocol server running and ready.

    `settings` may name MinIO's credentials, the topic of bucket events, its partitions and
    another Kafka to send them to, by the names of `shared.settings`. Without `programs`, what
    is missing is downloaded and built.

    Raises UnavailableError when a program is not to be had, NotReadyError when a server does
    not come up.
    """
    root = root.absolute()
    programs = programs or prepare()
    with exclusive(root / "lock"):
        settings = {**ensure_credentials(root / CREDENTIALS), **(settings or {})}
        supervisor = Supervisor(root, report)
        chosen = supervisor.choose_ports((*SERVERS, "kafka-controller"), ports)
        kafka, mongo, minio = _plan_servers(root / "data", programs, chosen, settings)
        supervisor.ensure_all([kafka, mongo])
        supervisor.ensure(minio)  # after Kafka, to which it connects when it starts
    storage = (settings["MINIO_ACCESS_KEY"], settings["MINIO_SECRET_KEY"])
    return ServerAddresses(*storage, **_addresses(chosen, settings))


def start_services(
    root: Path,
    settings: Mapping[str, str],
    ports: PortPolicy = "usual",
    *,
    names: Collection[str] = SERVICES,
    report: Report = ignore,
) -> dict[str, str]:
    """Have the services running and ready, and return the settings that they run with.

    `settings` are environment variables by the names of `shared.settings`; ports that they do
    not name are chosen. Where they name secrets of the services' users, these users are made
    first, and each service runs with its own. Raises PortTakenError or NotReadyError.
    """
    root = root.absolute()
    with exclusive(root / "lock"):
        supervisor = Supervisor(root, report)
        named = {name: int(settings[PORTS[name]]) for name in names if PORTS[name] in settings}
        chosen = supervisor.choose_ports(names, ports, named)
        complete = {**settings, **{PORTS[name]: str(port) for name, port in chosen.items()}}
        plans = [plan_service(name, complete) for name in names]
        if any(map(complete.get, USER_SECRETS)) and not all(map(supervisor.runs, plans)):
            provision(complete, root / "logs" / "provision.log")
        supervisor.ensure_all(plans)
    return complete


def stop(
    root: Path, names: Collection[str] = START_ORDER, timeout_seconds: float = STOP_SECONDS
) -> list[str]:
    """Stop servers and services, the last started first; returns those that were running.

    A process that does not end within the limit is killed.
    """
    root = root.absolute()
    with exclusive(root / "lock"):
        return Supervisor(root).stop(names, timeout_seconds)


def kill(root: Path, name: str) -> None:
    """End a server or service as a crash would (SIGKILL); start it again by a start function."""
    record = processes(root)[name]
    stop_process(record.pid, record.identity, timeout_seconds=None)


def processes(root: Path) -> dict[str, ProcessRecord]:
    """What was started below `root`, by name, in start order, alive or dead."""
    return State(root.absolute()).records()


def recorded_settings(root: Path) -> dict[str, str]:
    """The addresses and ports that were chosen at the last start, as environment variables."""
    ports = State(root.absolute()).ports()
    settings = {PORTS[name]: str(ports[name]) for name in SERVICES if name in ports}
    if ports.keys() >= set(SERVERS):
        credentials = read_env_file(root / CREDENTIALS)
        addresses = _addresses(ports, credentials)
        settings |= {name.upper(): value for name, value in addresses.items()}
    return settings


def _addresses(ports: Mapping[str, int], settings: Mapping[str, str]) -> dict[str, str]:
    administrator = (settings["MONGODB_USERNAME"], settings["MONGODB_PASSWORD"])
    return {
        "minio_endpoint": f"{HOST}:{ports['minio']}",
        "kafka_bootstrap_servers": f"{HOST}:{ports['kafka']}",
        "mongodb_url": mongodb_url(ports["mongo"], administrator),
    }


def _plan_servers(
    data: Path,
    programs: Programs,
    ports: Mapping[str, int],
    settings: Mapping[str, str],
) -> tuple[ProcessPlan, ProcessPlan, ProcessPlan]:
    partitions = int(_setting(settings, "KAFKA_TOPIC_PARTITIONS"))
    kafka_ports = (ports["kafka"], ports["kafka-controller"])
    brokers = settings.get("KAFKA_BOOTSTRAP_SERVERS") or f"{HOST}:{ports['kafka']}"
    events = (brokers, _setting(settings, "KAFKA_BUCKET_EVENTS_TOPIC"))
    administrator = (settings["MONGODB_USERNAME"], settings["MONGODB_PASSWORD"])
    root = (settings["MINIO_ACCESS_KEY"], settings["MINIO_SECRET_KEY"])
    return (
        plan_kafka(programs.java, programs.kafka_jars, data / "kafka", kafka_ports, partitions),
        plan_mongo(programs.mongo, data / "mongo", ports["mongo"], administrator),
        plan_minio(programs.minio, data / "minio", ports["minio"], root, events),
    )


def _setting(settings: Mapping[str, str], name: str) -> str:
    return settings.get(name) or str(Settings.model_fields[name.lower()].default)
