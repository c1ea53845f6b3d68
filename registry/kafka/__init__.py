"""How Kafka is reached: encryption, proof of identity, and why it refuses.

The client and the registry's own services use it alike, under the names of the same settings.
"""

from registry.kafka.security import KafkaSecurity

__all__ = ["KafkaSecurity"]
