"""Tells on stderr, in one line for each outage, that Kafka is away.

aiokafka connects again by itself, for ever, and its log is the only place that tells of it: several
lines a second. They are replaced here by one.
"""

import logging
from collections.abc import Generator
from contextlib import contextmanager

import typer

from registry.cli.printable import printable


class KafkaOutages(logging.Handler):
    """Prints one line for the first error that aiokafka logs, and none for those that follow."""

    def __init__(self, kafka: str) -> None:
        super().__init__(logging.ERROR)
        self._kafka, self._told = kafka, False

    def emit(self, record: logging.LogRecord) -> None:
        """Tell of an outage, unless that was done."""
        if not self._told:
            self._told = True
            typer.echo(f"registry: waiting for Kafka at {printable(self._kafka)}", err=True)

    def over(self) -> None:
        """Take note that Kafka answers: the next error begins another outage."""
        self._told = False


@contextmanager
def told_outages(kafka: str) -> Generator[KafkaOutages]:
    """Replace the log of aiokafka while the block runs; `kafka` is its address for people."""
    outages, log = KafkaOutages(kafka), logging.getLogger("aiokafka")
    propagated, log.propagate = log.propagate, False
    log.addHandler(outages)
    try:
        yield outages
    finally:
        log.removeHandler(outages)
        log.propagate = propagated
