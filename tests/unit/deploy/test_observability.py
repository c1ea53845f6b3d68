"""Dashboards, alert rules and the profile that shows them: they name what there is."""

import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import yaml

from local.processes.state import SERVICES
from shared.runtime.settings import Settings
from tests.support.isolation import SETTINGS
from tests.support.promql import grouped_by, selectors
from tools.metrics import all_metrics

CHECKOUT = Path(__file__).parents[3]
FOLDER = CHECKOUT / "deploy" / "observability"
DASHBOARDS = sorted((CHECKOUT / "docs" / "dashboards").glob("*.json"))
SERIES = {series: set(each.labels) for each in all_metrics() for series in each.series}
OF_PROMETHEUS = {"up": set[str]()}
"""What Prometheus itself adds."""
OF_EVERY_SERIES = {"job", "instance", "le"}
NOTICED_SECONDS = 15
PROFILE = ("prometheus", "grafana", "jaeger")
OTLP_HTTP_PORT = 4318
"""The services send OTLP over HTTP; at 4317 is gRPC."""


def loaded(path: Path) -> Any:
    return yaml.safe_load(path.read_text(encoding="utf-8"))


def rules() -> list[dict[str, Any]]:
    groups = loaded(FOLDER / "alerts.yml")["groups"]
    return [rule for group in groups for rule in group["rules"]]


def panels(path: Path) -> list[dict[str, Any]]:
    return json.loads(path.read_text(encoding="utf-8"))["panels"]


def expressions() -> Iterator[str]:
    yield from (rule["expr"] for rule in rules())
    for path in DASHBOARDS:
        for panel in panels(path):
            yield from (target["expr"] for target in panel["targets"])


def seconds(duration: str) -> int:
    found = re.fullmatch(r"(\d+)(s|m)", duration)
    assert found, duration
    return int(found[1]) * {"s": 1, "m": 60}[found[2]]


def anchors(page: Path) -> set[str]:
    headings = re.findall(r"^#+ (.+)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^a-z0-9 -]", "", each.lower()).replace(" ", "-") for each in headings}


@pytest.mark.parametrize("expression", sorted(set(expressions())))
def test_every_metric_and_label_that_is_asked_for_is_told_by_a_service(expression: str) -> None:
    known = SERIES | OF_PROMETHEUS
    asked = list(selectors(expression))
    assert asked, "an expression asks for something"
    may_group = set(OF_EVERY_SERIES)
    for name, labels in asked:
        assert name in known
        assert labels <= known[name] | OF_EVERY_SERIES
        may_group |= known[name]
    assert grouped_by(expression) <= may_group


@pytest.mark.parametrize(
    ("expression", "names"),
    [
        ('sum by (job) (rate(a_total{b=~"c|up"}[5m])) / d > 0.5', ["a_total", "d"]),
        ("histogram_quantile(0.9, sum by (le) (rate(x_bucket[$__rate_interval])))", ["x_bucket"]),
        ("time() - process_start_time_seconds", ["process_start_time_seconds"]),
    ],
)
def test_the_names_of_an_expression_are_found(expression: str, names: list[str]) -> None:
    assert [name for name, _ in selectors(expression)] == names


@pytest.mark.parametrize("rule", rules(), ids=lambda rule: rule["alert"])
def test_an_alert_says_what_it_means_and_leads_to_its_mending(rule: dict[str, Any]) -> None:
    assert rule.keys() <= {"alert", "expr", "for", "labels", "annotations"}
    assert re.fullmatch(r"([A-Z][a-z]+)+", rule["alert"])
    assert seconds(rule.get("for", "0s")) <= 300
    assert rule["labels"]["severity"] in ("critical", "warning")
    told = rule["annotations"]
    assert told.keys() == {"summary", "description", "runbook"}
    assert all(told.values())
    page, anchor = told["runbook"].split("#")
    assert anchor in anchors(CHECKOUT / page)
    assert f"`{rule['alert']}`" in (CHECKOUT / page).read_text(encoding="utf-8")
    used = re.findall(r"\$labels\.([a-z_]+)", told["summary"] + told["description"])
    of_series: set[str] = set()
    for name, _ in selectors(rule["expr"]):
        of_series |= OF_EVERY_SERIES if name in OF_PROMETHEUS else set()
    assert set(used) <= grouped_by(rule["expr"]) | of_series


def test_no_two_alerts_have_one_name() -> None:
    names = [rule["alert"] for rule in rules()]
    assert len(names) == len(set(names))


def test_what_is_killed_or_frozen_is_named_within_its_time() -> None:
    times = loaded(FOLDER / "prometheus.yml")["global"]
    assert seconds(times["scrape_timeout"]) > 3, "longer than a service takes to answer"
    to_see = sum(seconds(times[each]) for each in times)
    for rule in rules():
        if rule["alert"] in ("ServiceDown", "ServerAway"):
            assert to_see + seconds(rule["for"]) <= NOTICED_SECONDS


@pytest.mark.skipif(shutil.which("promtool") is None, reason="promtool is not installed")
def test_prometheus_takes_its_settings_and_the_rules() -> None:
    command = ("promtool", "check", "config", str(FOLDER / "prometheus.yml"))
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("path", DASHBOARDS, ids=lambda path: path.stem)
def test_a_dashboard_asks_the_source_that_is_there_and_its_panels_do_not_overlap(
    path: Path,
) -> None:
    [prometheus, _] = loaded(FOLDER / "grafana/datasources/datasources.yml")["datasources"]
    taken: set[tuple[int, int]] = set()
    for panel in panels(path):
        assert panel["title"]
        assert panel["datasource"]["uid"] == prometheus["uid"]
        assert all(each["datasource"]["uid"] == prometheus["uid"] for each in panel["targets"])
        at = panel["gridPos"]
        assert at["x"] + at["w"] <= 24
        cells = {
            (x, y)
            for x in range(at["x"], at["x"] + at["w"])
            for y in range(at["y"], at["y"] + at["h"])
        }
        assert not cells & taken
        taken |= cells


def test_a_panel_of_how_things_stand_asks_for_this_moment() -> None:
    """Else it shows the last value of the hour of a service that is gone."""
    found = [each for path in DASHBOARDS for each in panels(path) if each["type"] == "stat"]
    assert found
    for panel in found:
        asked = {(each.get("instant"), each.get("range")) for each in panel["targets"]}
        assert asked == {(True, False)}, panel["title"]


def test_dashboards_have_names_of_their_own() -> None:
    assert {path.stem for path in DASHBOARDS} == {"line", "http", "resources"}
    uids = {json.loads(path.read_text(encoding="utf-8"))["uid"] for path in DASHBOARDS}
    assert len(uids) == len(DASHBOARDS)


def test_every_metric_of_ours_is_on_a_dashboard_or_in_an_alert() -> None:
    asked = {name for each in expressions() for name, _ in selectors(each)}
    ours = [each for each in all_metrics() if each.name.startswith("registry_")]
    assert [each.name for each in ours if not asked & set(each.series)] == []


def compose() -> dict[str, Any]:
    return loaded(CHECKOUT / "docker-compose.yml")["services"]


@pytest.mark.parametrize("name", PROFILE)
def test_what_watches_runs_only_when_asked_for_pinned_and_for_this_machine_alone(name: str) -> None:
    service = compose()[name]
    assert service["profiles"] == ["observability"]
    assert re.fullmatch(r"[a-z]+/[a-z]+:v?\d+\.\d+\.\d+", service["image"])
    assert all(port.startswith("127.0.0.1:") for port in service["ports"])
    for volume in service.get("volumes", ()):
        source = volume.split(":")[0]
        assert not source.startswith(".") or (CHECKOUT / source).exists()


def test_the_endpoint_for_traces_that_the_page_names_is_jaegers_and_reaches_each_service() -> None:
    page = (CHECKOUT / "docs" / "telemetry.md").read_text(encoding="utf-8")
    [steps] = re.findall(r"```sh\n(.*?--profile observability up.*?)```", page, re.DOTALL)
    [endpoint] = re.findall(r'echo "OTEL_EXPORTER_OTLP_ENDPOINT=(\S+)" >> \.env', steps)
    example = (CHECKOUT / ".env.example").read_text(encoding="utf-8")
    assert f"compose's profile observability {endpoint}." in example
    settings = {**SETTINGS.model_dump(), "otel_exporter_otlp_endpoint": endpoint}
    assert Settings.model_validate(settings).is_traced
    services = compose()
    address = urlsplit(str(endpoint))
    assert (address.scheme, address.port) == ("http", OTLP_HTTP_PORT)
    assert str(address.port) in services[str(address.hostname)]["expose"]
    for name in SERVICES:
        assert services[name]["environment"]["OTEL_EXPORTER_OTLP_ENDPOINT"] is None, "passed on"


def test_no_service_of_the_registry_needs_the_profile() -> None:
    services = compose()
    others = {name for name in services if name not in PROFILE}
    assert set(SERVICES) <= others
    for name in others:
        assert "profiles" not in services[name]
        assert not set(services[name].get("depends_on", {})) & set(PROFILE)


def test_grafana_has_no_password_but_the_one_of_the_settings() -> None:
    grafana = compose()["grafana"]
    assert grafana["environment"]["GF_SECURITY_ADMIN_PASSWORD"] == "${GRAFANA_PASSWORD:-}"
    script = grafana["entrypoint"][-1].replace("$$", "$").replace("exec /run.sh", "echo started")
    command = [*grafana["entrypoint"][:-1], script]
    for password, starts in (("", False), ("secret", True)):
        environment = {"GF_SECURITY_ADMIN_PASSWORD": password, "PATH": "/usr/bin:/bin"}
        done = subprocess.run(
            command, env=environment, capture_output=True, timeout=10, check=False
        )
        assert (done.returncode == 0) == starts
        assert (done.stdout == b"started\n") == starts


def test_prometheus_scrapes_every_service_at_its_port() -> None:
    scraped = {
        job["job_name"]: job["static_configs"][0]["targets"]
        for job in loaded(FOLDER / "prometheus.yml")["scrape_configs"]
    }
    ports = {name: compose()[name]["ports"][0].rsplit(":", 1)[1] for name in SERVICES}
    assert scraped == {name: [f"{name}:{port}"] for name, port in ports.items()}
