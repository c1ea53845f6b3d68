"""(n) The web page at 100,000 versions: how soon it is there, and how much it is in all."""

import re
from collections.abc import Mapping, Sequence
from statistics import quantiles
from time import perf_counter
from urllib.parse import urlencode

import httpx
import uvloop

from bench.common import BenchmarkError, System
from bench.report import Finding, Value
from bench.search import fill, until_loaded
from bench.search_data import model_name
from bench.wire import Connection

NAME = "pages"
ASSETS = re.compile(rb'(?:href|src)="(/ui/static/[^"]+)"')


def run(system: System, *, quick: bool) -> Finding:
    """Fill the records, sign in, and read each page again and again; beside the API's answer."""
    models, of_each, asked = (100, 50, 20) if quick else (2000, 50, 200)
    system.fresh()
    system.start("ingest", "indexer")
    uvloop.run(fill(system, models, of_each))
    system.start("query")
    uvloop.run(until_loaded(system))
    rows, samples = uvloop.run(_read_all(system, models, of_each, asked))
    notes = [
        f"Milliseconds until a page is there whole, one after the other, {asked} of each;"
        f" {models * of_each:,} versions of {models:,} models. Goal: p95 of the first byte under"
        " 100, and under 300 KB with all that it loads.",
        "API: the answer of the API that has most of what the page tells, on the same connection.",
    ]
    return Finding(NAME, "(n) Pages", rows, notes, samples)


def pages(model: str, of_each: int) -> dict[str, tuple[str, str]]:
    """Return each page, and what of the API is beside it."""
    below, api = f"/ui/models/{model}", f"/v1/models/{model}"
    filtered = {"filter": "metrics.auc > 0.9 AND tags.team = risk"}
    by_metric = {**filtered, "order_by": "metrics.auc desc", "limit": "50"}
    ordered = {**filtered, "kind": "versions", "order": "metrics.auc desc"}
    ten = range(1, 11)
    return {
        "overview": ("/ui/", "/v1/search?order_by=created_at+desc"),
        "models": ("/ui/models", "/v1/search?kind=models&limit=50"),
        "versions by a filter": (
            f"/ui/models?{urlencode(ordered)}",
            f"/v1/search?{urlencode(by_metric)}",
        ),
        "model": (below, f"{api}/versions?limit=50"),
        "version": (f"{below}/versions/{of_each}", f"{api}/versions/{of_each}"),
        "compare": (
            f"{below}/compare?{urlencode([('versions', number) for number in ten])}",
            f"{api}/compare?{urlencode([('versions', number) for number in ten])}",
        ),
    }


async def _read_all(
    system: System, models: int, of_each: int, asked: int
) -> tuple[list[dict[str, Value]], dict[str, list[float]]]:
    cookie = await _sign_in(system)
    connection = await Connection.open(*system.address("query"))
    rows: list[dict[str, Value]] = []
    samples: dict[str, list[float]] = {}
    for name in pages("", of_each):
        ours: list[float] = []
        theirs: list[float] = []
        size = 0
        for number in range(asked):
            page, api = pages(model_name(number % models), of_each)[name]
            taken, body = await _ask(connection, page, cookie)
            ours.append(taken)
            theirs.append((await _ask(connection, api, system.bearer))[0])
            if number == 0:
                size = len(body) + await _size_of_assets(connection, body)
        samples[name] = ours
        rows.append({"page": name, **_figures(ours, theirs), "KB in all": size / 1000})
    connection.close()
    return rows, samples


async def _sign_in(system: System) -> dict[str, str]:
    """Return the header of a browser that has signed in."""
    host, port = system.address("query")
    form = {"token": system.environment["REGISTRY_ADMIN_TOKEN"]}
    async with httpx.AsyncClient(base_url=f"http://{host}:{port}") as browser:
        answer = await browser.post("/ui/sign-in", data=form)
        if not browser.cookies:
            raise BenchmarkError(f"no session begins: {answer.status_code}")
        return {"cookie": "; ".join(f"{name}={value}" for name, value in browser.cookies.items())}


async def _ask(
    connection: Connection, target: str, headers: Mapping[str, str]
) -> tuple[float, bytes]:
    begun = perf_counter()
    answer = await connection.request("GET", target, headers=headers)
    taken = (perf_counter() - begun) * 1000
    if answer.status != 200:
        raise BenchmarkError(f"{target}: {answer.status} {answer.body[:300]!r}")
    return taken, answer.body


async def _size_of_assets(connection: Connection, page: bytes) -> int:
    """Return the bytes of what a page loads; browsers keep it for the next one."""
    names = {name.decode() for name in ASSETS.findall(page)}
    return sum([len((await _ask(connection, name, {}))[1]) for name in names])


def _figures(ours: Sequence[float], theirs: Sequence[float]) -> dict[str, Value]:
    mine, api = (quantiles(values, n=20, method="inclusive") for values in (ours, theirs))
    return {"p50": mine[9], "p95": mine[18], "API p50": api[9], "API p95": api[18]}
