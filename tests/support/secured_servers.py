"""The servers as managed ones are: each with TLS, Kafka with users, and certificates of clients."""

import asyncio
import os
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import httpx
from pymongo import MongoClient
from pymongo.errors import PyMongoError

from local.environment import ensure_credentials
from local.processes.ports import HOST
from local.processes.process import ProcessPlan
from local.processes.supervisor import Supervisor
from local.programs.prepare import Programs, prepare
from local.servers.kafka import new_cluster_id, plan_kafka
from local.servers.minio import NOTIFY_TARGET, plan_minio
from local.servers.mongo import mongodb_url, plan_mongo
from registry.kafka import KafkaSecurity
from registry.kafka.reaching import KafkaAway, KafkaRefuses, reach
from tests.support.certificates import Issued

KAFKA_USER, KAFKA_PASSWORD = "registry", "a-password-of-the-tests"
EVENTS_TOPIC = "bucket-events"
STORAGE_DOMAIN = "storage.localhost"
"""MinIO also takes a bucket's name before this one: bucket.storage.localhost."""
HOSTS = ("localhost", HOST, STORAGE_DOMAIN, f"*.{STORAGE_DOMAIN}")
"""What the servers' certificate has to name."""
_PLAIN = "org.apache.kafka.common.security.plain.PlainLoginModule required"
_SCRAM = "org.apache.kafka.common.security.scram.ScramLoginModule required"
_OAUTH = "org.apache.kafka.common.security.oauthbearer.OAuthBearerLoginModule required"
_IDENTITY = f'username="{KAFKA_USER}" password="{KAFKA_PASSWORD}"'

# Brokers also ask clients for a certificate. Tokens are taken unsigned: by Kafka's own validator
# for tests, which reads a real token and its expiry.
_PROPERTIES = """\
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@{host}:{controller_port}
listeners=SASL_SSL://{host}:{port},CONTROLLER://{host}:{controller_port}
advertised.listeners=SASL_SSL://{host}:{port}
controller.listener.names=CONTROLLER
listener.security.protocol.map=CONTROLLER:PLAINTEXT,SASL_SSL:SASL_SSL
inter.broker.listener.name=SASL_SSL
sasl.mechanism.inter.broker.protocol=SCRAM-SHA-512
sasl.enabled.mechanisms=SCRAM-SHA-256,SCRAM-SHA-512,PLAIN,OAUTHBEARER
listener.name.sasl_ssl.scram-sha-256.sasl.jaas.config={scram} {identity};
listener.name.sasl_ssl.scram-sha-512.sasl.jaas.config={scram} {identity};
listener.name.sasl_ssl.plain.sasl.jaas.config={plain} {identity} user_{user}="{password}";
listener.name.sasl_ssl.oauthbearer.sasl.jaas.config={oauth} unsecuredLoginStringClaim_sub="{user}";
listener.name.sasl_ssl.ssl.client.auth=required
ssl.keystore.type=PEM
ssl.keystore.location={both}
ssl.truststore.type=PEM
ssl.truststore.location={ca}
log.dirs={data}
auto.create.topics.enable=true
num.partitions=3
offsets.topic.replication.factor=1
offsets.topic.num.partitions=3
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
group.initial.rebalance.delay.ms=0
"""


@dataclass(frozen=True)
class SecuredServers:
    """Servers below one root folder, all with one certificate of this machine."""

    root: Path
    issued: Issued

    def start(self) -> dict[str, str]:
        """Start them, and return the settings of services that use them."""
        credentials = ensure_credentials(self.root / "credentials.env")
        keys = (credentials["MINIO_ACCESS_KEY"], credentials["MINIO_SECRET_KEY"])
        administrator = (credentials["MONGODB_USERNAME"], credentials["MONGODB_PASSWORD"])
        programs, supervisor = prepare(), Supervisor(self.root)
        ports = supervisor.choose_ports(("kafka", "mongo", "minio", "kafka-controller"), "free")
        data = self.root / "data"
        kafka = self._kafka(programs, data / "kafka", ports["kafka"], ports["kafka-controller"])
        supervisor.ensure_all(
            [kafka, self._mongo(programs, data / "mongo", ports["mongo"], administrator)]
        )
        supervisor.ensure(self._minio(programs, data / "minio", ports, keys))
        return {
            "MINIO_ACCESS_KEY": keys[0],
            "MINIO_SECRET_KEY": keys[1],
            "MINIO_ENDPOINT": f"{HOST}:{ports['minio']}",
            "MINIO_SECURE": "true",
            "MINIO_CA_FILE": str(self.issued.ca),
            "MONGODB_URL": mongodb_url(ports["mongo"], administrator),
            "MONGODB_CA_FILE": str(self.issued.ca),
            "MONGODB_CLIENT_CERT_FILE": str(self.issued.both),
            "KAFKA_BOOTSTRAP_SERVERS": f"{HOST}:{ports['kafka']}",
            "KAFKA_SECURITY_PROTOCOL": "SASL_SSL",
            "KAFKA_SASL_MECHANISM": "SCRAM-SHA-512",
            "KAFKA_SASL_USERNAME": KAFKA_USER,
            "KAFKA_SASL_PASSWORD": KAFKA_PASSWORD,
            "KAFKA_CA_FILE": str(self.issued.ca),
            "KAFKA_CLIENT_CERT_FILE": str(self.issued.cert),
            "KAFKA_CLIENT_KEY_FILE": str(self.issued.key),
        }

    def kafka_security(self, **changes: Any) -> KafkaSecurity:
        """Return how a client reaches Kafka."""
        given: dict[str, Any] = {
            "security_protocol": "SASL_SSL",
            "sasl_username": KAFKA_USER,
            "sasl_password": KAFKA_PASSWORD,
            "ca_file": str(self.issued.ca),
            "client_cert_file": str(self.issued.cert),
            "client_key_file": str(self.issued.key),
        }
        return KafkaSecurity(**{**given, **changes})

    def _kafka(self, programs: Programs, data: Path, port: int, controller: int) -> ProcessPlan:
        plan = plan_kafka(programs.java, programs.kafka_jars, data, (port, controller), 3)
        java, server = plan.command[:-2], Path(plan.command[-1])
        properties = _PROPERTIES.format(
            host=HOST,
            port=port,
            controller_port=controller,
            data=data,
            scram=_SCRAM,
            plain=_PLAIN,
            oauth=_OAUTH,
            identity=_IDENTITY,
            user=KAFKA_USER,
            password=KAFKA_PASSWORD,
            both=self.issued.both,
            ca=self.issued.ca,
        )

        def configure() -> None:
            data.mkdir(parents=True, exist_ok=True)
            server.write_text(properties, encoding="utf-8")
            if not (data / "meta.properties").exists():
                _format(java, server)

        async def answers() -> bool:
            try:
                await reach(f"{HOST}:{port}", self.kafka_security().options(), 5)
            except (KafkaAway, KafkaRefuses):
                return False
            return True

        return replace(plan, is_ready=lambda: asyncio.run(answers()), before_start=configure)

    def _mongo(
        self, programs: Programs, data: Path, port: int, administrator: tuple[str, str]
    ) -> ProcessPlan:
        plan = plan_mongo(programs.mongo, data, port, administrator)
        if programs.mongo.is_mongod:
            tls = ("--tlsMode", "requireTLS", "--tlsCertificateKeyFile", str(self.issued.both))
            tls += ("--tlsCAFile", str(self.issued.ca))
        else:
            tls = ("--tls-cert-file", str(self.issued.cert), "--tls-key-file", str(self.issued.key))
            tls += ("--tls-ca-file", str(self.issued.ca), "--tls-require-client-cert")

        def answers() -> bool:
            with MongoClient[dict[str, Any]](
                mongodb_url(port, administrator),
                tlsCAFile=str(self.issued.ca),
                tlsCertificateKeyFile=str(self.issued.both),
                serverSelectionTimeoutMS=1000,
            ) as client:
                try:
                    return bool(client.admin.command("hello")["isWritablePrimary"])
                except PyMongoError:
                    return False

        return replace(plan, command=(*plan.command, *tls), is_ready=answers)

    def _minio(
        self, programs: Programs, data: Path, ports: Mapping[str, int], keys: tuple[str, str]
    ) -> ProcessPlan:
        port, target = ports["minio"], NOTIFY_TARGET
        plan = plan_minio(
            programs.minio, data, port, keys, (f"{HOST}:{ports['kafka']}", EVENTS_TOPIC)
        )
        certificates = data.with_name("minio-certificates")

        def configure() -> None:
            (certificates / "CAs").mkdir(parents=True, exist_ok=True)
            data.mkdir(parents=True, exist_ok=True)
            for source, place in (
                (self.issued.cert, "public.crt"),
                (self.issued.key, "private.key"),
                (self.issued.ca, "CAs/ca.crt"),
            ):
                (certificates / place).write_bytes(source.read_bytes())

        def answers() -> bool:
            context = httpx.create_ssl_context()
            context.load_verify_locations(self.issued.ca)
            url = f"https://{HOST}:{port}/minio/health/ready"
            try:
                return httpx.get(url, timeout=2, verify=context).is_success
            except httpx.TransportError:
                return False

        further = {
            "MINIO_DOMAIN": STORAGE_DOMAIN,
            f"MINIO_NOTIFY_KAFKA_TLS_{target}": "on",
            f"MINIO_NOTIFY_KAFKA_SASL_{target}": "on",
            f"MINIO_NOTIFY_KAFKA_SASL_MECHANISM_{target}": "sha512",
            f"MINIO_NOTIFY_KAFKA_SASL_USERNAME_{target}": KAFKA_USER,
            f"MINIO_NOTIFY_KAFKA_SASL_PASSWORD_{target}": KAFKA_PASSWORD,
            f"MINIO_NOTIFY_KAFKA_CLIENT_TLS_CERT_{target}": str(self.issued.cert),
            f"MINIO_NOTIFY_KAFKA_CLIENT_TLS_KEY_{target}": str(self.issued.key),
        }
        environment = {**plan.environment, **further}
        return replace(
            plan, environment=environment, is_ready=answers, before_start=configure, scheme="https"
        )


def _format(java: Sequence[str], server: Path) -> None:
    """Format Kafka's storage with its users in it: nobody could log in to make them later."""
    identity = f"name={KAFKA_USER},password={KAFKA_PASSWORD}"
    users = [f"SCRAM-SHA-{size}=[{identity}]" for size in (256, 512)]
    command = [*java, "kafka.tools.StorageTool", "format", "-t", new_cluster_id(), "-c", server]
    for user in users:
        command += ["--add-scram", user]
    done = subprocess.run(command, capture_output=True, text=True, env={"PATH": os.defpath})
    assert done.returncode == 0, done.stdout + done.stderr
