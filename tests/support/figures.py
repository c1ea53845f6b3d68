"""What the running services tell at `/metrics`."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import httpx
from prometheus_client import Metric
from prometheus_client.parser import text_string_to_metric_families

from tests.support.eventually import eventually


@dataclass(frozen=True)
class Figures:
    """One scrape of one service."""

    families: Mapping[str, Metric]
    """By name, as their head has it: a counter's is without `_total`."""

    @classmethod
    async def of(cls, http: httpx.AsyncClient, address: str) -> "Figures":
        """Scrape a service."""
        answer = await http.get(f"{address}/metrics")
        assert answer.status_code == 200, answer.text
        found = text_string_to_metric_families(answer.text)
        return cls({family.name: family for family in found})

    @property
    def names(self) -> set[str]:
        """The names of all metrics; a counter's ends with `_total`."""
        return {
            f"{name}_total" if family.type == "counter" else name
            for name, family in self.families.items()
        }

    def value(self, name: str, **labels: str) -> float:
        """Return the sum of the samples that have these labels; 0 where there is none."""
        return sum(
            sample.value
            for family in self.families.values()
            for sample in family.samples
            if sample.name == name and labels.items() <= sample.labels.items()
        )

    def label_values(self) -> set[str]:
        """Every value of every label."""
        return {
            value
            for family in self.families.values()
            for sample in family.samples
            for value in sample.labels.values()
        }


async def until_told(
    http: httpx.AsyncClient,
    address: str,
    holds: Callable[[Figures], bool],
    seconds: float = 30,
) -> Figures:
    """Scrape until something holds, and return that scrape."""

    async def look() -> Figures | None:
        found = await Figures.of(http, address)
        return found if holds(found) else None

    return await eventually(look, seconds)
