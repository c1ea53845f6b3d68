"""What a topic must be like so that what Kafka confirmed stays: pure rules, and how to mend it."""

from collections.abc import Mapping
from dataclasses import dataclass

KEPT = {
    # Kafka forgets after seven days unless told otherwise; records are rebuilt from the first.
    "retention.ms": "-1",
    "retention.bytes": "-1",
    "cleanup.policy": "delete",
    # A copy that lacks what was confirmed may not become the one that counts.
    "unclean.leader.election.enable": "false",
}
"""Settings of a topic that forgets nothing; `min.insync.replicas` comes to them."""


@dataclass(frozen=True, slots=True)
class TopicFacts:
    """A topic as Kafka describes it."""

    name: str
    partitions: int
    copies: int
    """Of the partition that has the fewest."""
    configs: Mapping[str, str]
    """Its settings as they hold, whether they are its own or the broker's."""


@dataclass(frozen=True, slots=True)
class Flaw:
    """Why a topic may lose what was confirmed, and what mends it."""

    told: str
    setting: str = ""
    """The topic's setting as it should be; empty where something else has to be changed."""


def flaws_of(topic: TopicFacts, *, copies: int, min_insync: int) -> list[Flaw]:
    """Return what is wrong with a topic that must forget nothing."""
    configs, found = topic.configs, list[Flaw]()
    for name, unit in (("retention.ms", "ms"), ("retention.bytes", "bytes a partition")):
        if (kept := configs.get(name, "-1")) != "-1":
            found.append(Flaw(f"forgets after {kept} {unit}", f"{name}=-1"))
    if "compact" in configs.get("cleanup.policy", ""):
        found.append(Flaw("keeps only the newest event of a model", "cleanup.policy=delete"))
    needed = int(configs.get("min.insync.replicas", min_insync))
    if needed < min_insync:
        told = f"confirms with {needed} of {min_insync} copies"
        found.append(Flaw(told, f"min.insync.replicas={min_insync}"))
    if topic.copies > 1 and configs.get("unclean.leader.election.enable") == "true":
        told = "lets a copy count that lacks what was confirmed"
        found.append(Flaw(told, "unclean.leader.election.enable=false"))
    if topic.copies < copies:
        told = f"has {topic.copies} of {copies} copies (kafka-reassign-partitions.sh makes more)"
        found.append(Flaw(told))
    return found


def explain(topic: TopicFacts, flaws: list[Flaw], servers: str) -> str:
    """Tell a person what is wrong, and the command that mends it."""
    told = f"{topic.name} {', '.join(flaw.told for flaw in flaws)}"
    settings = ",".join(flaw.setting for flaw in flaws if flaw.setting)
    if not settings:
        return told
    return (
        f"{told}: kafka-configs.sh --bootstrap-server {servers} --alter --entity-type topics"
        f" --entity-name {topic.name} --add-config {settings}"
    )
