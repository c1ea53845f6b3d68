"""Reference of the metrics, from the services that tell them."""

from collections.abc import Iterable

from tools.metrics import Metric, all_metrics
from tools.site.http_pages import cell


def metrics_page() -> str:
    """Return the page of all metrics: what each is, its labels, and who tells it."""
    metrics = all_metrics()
    ours = [each for each in metrics if each.name.startswith("registry_")]
    return "\n".join(
        (
            "# Metrics",
            "",
            "What each service tells at `/metrics`, and what it means for operators:"
            " [telemetry](../telemetry.md).",
            "",
            *_table(ours),
            "",
            "## Of the process and of Python",
            "",
            *_table(each for each in metrics if each not in ours),
            "",
        )
    )


def _table(metrics: Iterable[Metric]) -> Iterable[str]:
    yield from ("| metric | kind | labels | services | |", "|---|---|---|---|---|")
    for each in metrics:
        labels = ", ".join(f"`{label}`" for label in each.labels)
        services = "all" if len(each.services) == 4 else ", ".join(each.services)
        yield f"| `{each.name}` | {each.kind} | {labels} | {services} | {cell(each.explanation)} |"
