"""`python -m bench`: run benchmarks, print their tables, keep their figures."""

import argparse
import functools
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import NoReturn

from rich.console import Console

from bench import (
    backlog,
    deliveries,
    downloads,
    hub_downloads,
    imports,
    instructions,
    large_headers,
    latency,
    lookups,
    pages,
    search,
    stored,
    telemetry,
    uploads,
    waiting,
    webhooks,
)
from bench.common import running_system
from bench.report import Finding, default_path, save, show

BENCHMARKS: dict[str, Callable[..., Finding]] = {
    "a": uploads.run,
    "b": latency.run,
    "c": backlog.run,
    "d": lookups.run,
    "e": waiting.run,
    "f": downloads.run,
    "g": stored.run,
    "h": large_headers.run,
    "i": search.run,
    "j": hub_downloads.run,
    "k": deliveries.run,
    "l": webhooks.run,
    "m": imports.run,
    "n": pages.run,
    "o": telemetry.run,
    "p": instructions.run,
}

DESCRIPTION = """\
Measure the registry beside plain programs, on the same servers and in the same run:
  a  upload of large files, beside boto3's upload_file
  b  from the PUT's reply to "ready" on query, beside a bare consumer
  c  a backlog of bucket events, beside a bare loop
  d  lookups a second, beside a bare handler
  e  the indexer's memory while few events wait, beside while many do
  f  downloads, beside boto3's download_file
  g  from the PUT's reply to "ready" beside 50,000 versions, and 64 openings at once
  h  an ordinary upload's time to ready while headers of 90 MB are checked
  i  search at 100,000 versions, beside MLflow's, and how late it is
  j  downloads by huggingface_hub, beside the same from plain files
  k  from the PUT's reply to receivers: by Kafka, by a stream, by a webhook
  l  webhooks under fire, beside MLflow's
  m  imports from MLflow and from folders, beside plain loops
  n  pages at 100,000 versions, beside the API's answers
  o  what telemetry costs: b, c and d without it, with figures, and with traces
  p  the same of c and d in instructions, where valgrind is installed"""


def stop(number: int, frame: FrameType | None) -> NoReturn:
    """End as by an error, so that no server is left behind."""
    sys.exit(f"stopped by signal {number}")


def main() -> None:
    """Run what the arguments name; without any, everything."""
    parser = argparse.ArgumentParser(
        "python -m bench",
        description=DESCRIPTION,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("names", nargs="*", metavar="a|b|…|p", help="which; default: all")
    parser.add_argument("--quick", action="store_true", help="small and rough, to see it work")
    parser.add_argument(
        "--sizes",
        type=downloads.parse_sizes,
        metavar="LIST",
        help="what f downloads, in MiB: 2048 is one file, 1000x1 a thousand;"
        f" default: {downloads.DEFAULT_SIZES}",
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="where the figures go")
    parser.add_argument(
        "--servers",
        type=Path,
        metavar="ENV_FILE",
        help="use running servers with these settings, as in .local/env; services are our own",
    )
    parser.add_argument(
        "--traces",
        default="",
        metavar="URL",
        help="have the services send traces there by OTLP over HTTP, to see what that costs",
    )
    parser.add_argument(
        "--no-metrics",
        action="store_true",
        help="have the services tell no figures, to see what these cost",
    )
    arguments = parser.parse_args()
    benchmarks = BENCHMARKS | {"f": functools.partial(downloads.run, sizes=arguments.sizes)}
    names: list[str] = arguments.names or list(benchmarks)
    if unknown := set(names) - set(benchmarks):
        parser.error(f"no benchmark {', '.join(sorted(unknown))}")
    signal.signal(signal.SIGTERM, stop)
    path: Path = arguments.json or default_path()
    console = Console()
    findings: list[Finding] = []
    with running_system(arguments.servers) as system:
        system.environment["OTEL_EXPORTER_OTLP_ENDPOINT"] = arguments.traces
        system.environment["METRICS_ENABLED"] = str(not arguments.no_metrics)
        for name in names:
            findings.append(benchmarks[name](system, quick=arguments.quick))
            show(findings[-1], console)
            save(findings, path)  # each time, so that an interrupted run keeps the rest
    console.print(f"Figures: {path}", highlight=False)


main()
