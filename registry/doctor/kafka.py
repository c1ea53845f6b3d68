"""Kafka: whether a subscription gets to it from here."""

from registry._kafka_access import KafkaAccess, find_security
from registry.doctor.asking import ASK_SECONDS, Unanswered, require_resolver, told_failures
from registry.doctor.findings import Finding
from registry.errors import MissingExtraError
from registry.schemas import Discovery

OTHER_WAY = "events come by HTTP meanwhile (registry events --via http)"


async def check_kafka(discovery: Discovery) -> Finding:
    """Connect to Kafka as a subscription does; raises Unanswered."""
    with told_failures():
        access = KafkaAccess(find_security(None), None)
        try:
            options = access.options
        except MissingExtraError:
            return Finding(
                name="kafka",
                state="skipped",
                found=f"not asked: aiokafka is not installed; {OTHER_WAY}",
            )
        servers = access.address(discovery.events).bootstrap_servers
    if not servers:
        return Finding(name="kafka", state="skipped", found=f"no address is told; {OTHER_WAY}")
    from registry.kafka.reaching import KafkaAway, KafkaRefuses, hosts_of, reach

    for host in hosts_of(servers):
        await require_resolver(host)
    try:
        await reach(servers, options, ASK_SECONDS)
    except KafkaAway as error:
        raise Unanswered(f"no broker answers at {servers} {error}".rstrip()) from error
    except KafkaRefuses as error:
        raise Unanswered(f"{servers} does not let us in: {error}") from error
    return Finding(name="kafka", state="ok", found=f"{servers} answers")
