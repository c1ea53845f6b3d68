"""Apache Kafka, run as one KRaft node."""

import asyncio
import base64
import os
import socket
import subprocess
import uuid
from pathlib import Path

from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError

from local.errors import NotReadyError
from local.processes.ports import HOST
from local.processes.process import ProcessPlan

JVM_OPTIONS = ("-Xmx512m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1")
"""A small heap, and a compiler and a collector that suit a short life on few cores."""

_SERVER_PROPERTIES = """\
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@{host}:{controller_port}
listeners=PLAINTEXT://{host}:{port},CONTROLLER://{host}:{controller_port}
advertised.listeners=PLAINTEXT://{host}:{port}
controller.listener.names=CONTROLLER
listener.security.protocol.map=CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT
log.dirs={data}
auto.create.topics.enable=true
num.partitions={partitions}
offsets.topic.replication.factor=1
offsets.topic.num.partitions=5
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
transaction.state.log.num.partitions=5
group.initial.rebalance.delay.ms=0
# After a crash the broker cannot register again before its old session has ended.
broker.session.timeout.ms=4000
broker.heartbeat.interval.ms=500
"""

_LOG_PROPERTIES = """\
status=error
appender.console.type=Console
appender.console.name=console
appender.console.layout.type=PatternLayout
appender.console.layout.pattern=[%d] %p %m (%c)%n
rootLogger.level=info
rootLogger.appenderRef.console.ref=console
"""


def plan_kafka(
    java: Path, jars: Path, data: Path, ports: tuple[int, int], partitions: int
) -> ProcessPlan:
    """A broker on `ports` (clients, controller); topics it creates itself get `partitions`."""
    server, logging = data.with_name("kafka.properties"), data.with_name("kafka-log.properties")
    java_command = (str(java), *JVM_OPTIONS, f"-Dlog4j2.configurationFile={logging.as_uri()}")
    command = (*java_command, "-cp", f"{jars}/*")
    properties = _SERVER_PROPERTIES.format(
        host=HOST, port=ports[0], controller_port=ports[1], data=data, partitions=partitions
    )

    def configure() -> None:
        data.mkdir(parents=True, exist_ok=True)
        server.write_text(properties, encoding="utf-8")
        logging.write_text(_LOG_PROPERTIES, encoding="utf-8")
        if not (data / "meta.properties").exists():
            _format_storage(command, server)

    return ProcessPlan(
        name="kafka",
        command=(*command, "kafka.Kafka", str(server)),
        environment={"PATH": os.defpath, "HOME": str(Path.home())},
        folder=data.parent,
        port=ports[0],
        is_ready=lambda: _is_ready(ports[0]),
        before_start=configure,
        scheme="",
    )


def new_cluster_id() -> str:
    """A cluster id as Kafka writes them: 16 random bytes, base64url, no leading dash."""
    while True:
        text = base64.urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")
        if not text.startswith("-"):  # it would be read as an option
            return text


def _format_storage(command: tuple[str, ...], server: Path) -> None:
    format_command = ("kafka.tools.StorageTool", "format", "-t", new_cluster_id())
    done = subprocess.run([*command, *format_command, "-c", server], capture_output=True, text=True)
    if done.returncode != 0:
        log = server.with_name("kafka-format.log")
        log.write_text(done.stdout + done.stderr, encoding="utf-8")
        raise NotReadyError("kafka", "could not format its storage", log)


def _is_ready(port: int) -> bool:
    # A plain connection first: aiokafka logs an error for each broker it cannot reach.
    try:
        socket.create_connection((HOST, port), timeout=1).close()
    except OSError:
        return False
    return asyncio.run(_has_broker(f"{HOST}:{port}"))


async def _has_broker(address: str) -> bool:
    """Whether the cluster's metadata names a broker; the port opens a moment earlier."""
    admin = AIOKafkaAdminClient(bootstrap_servers=address, request_timeout_ms=5000)
    try:
        await admin.start()
        cluster = await admin.describe_cluster()
    except KafkaError:
        return False
    finally:
        await admin.close()
    return bool(cluster["brokers"])
