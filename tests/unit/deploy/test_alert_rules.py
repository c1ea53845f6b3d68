"""What alerts fire at and panels show, as Prometheus itself judges series that it is given."""

import json
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

CHECKOUT = Path(__file__).parents[3]
ALERTS = CHECKOUT / "deploy" / "observability" / "alerts.yml"
LINE = CHECKOUT / "docs" / "dashboards" / "line.json"
MINUTES = 10
ATTEMPTS = 'registry_delivery_attempts_total{{job="notifier",instance="a",outcome="{}"}}'

pytestmark = pytest.mark.skipif(
    shutil.which("promtool") is None, reason="promtool is not installed"
)


def judged(folder: Path, series: Mapping[str, str], **tests: Any) -> tuple[bool, str]:
    """Whether Prometheus agrees with the tests, of series which have a value each minute."""
    given = [{"series": name, "values": values} for name, values in series.items()]
    asked = {"interval": "1m", "input_series": given, **tests}
    file = folder / "test.yml"
    file.write_text(yaml.safe_dump({"rule_files": [str(ALERTS)], "tests": [asked]}))
    command = ("promtool", "test", "rules", str(file))
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    return done.returncode == 0, done.stdout + done.stderr


def fires(folder: Path, alert: str, series: Mapping[str, str]) -> bool:
    """Whether the alert fires after some minutes of the series."""
    silent: dict[str, Any] = {"eval_time": f"{MINUTES}m", "alertname": alert, "exp_alerts": []}
    is_silent, told = judged(folder, series, alert_rule_test=[silent])
    assert is_silent or f"alertname: {alert}" in told, told
    return not is_silent


@pytest.mark.parametrize(
    ("delivered", "failed", "does"), [(0, 3, True), (6, 3, False)], ids=["most fail", "few fail"]
)
def test_deliveries_fail_where_more_than_half_of_what_is_sent_does(
    tmp_path: Path, delivered: int, failed: int, *, does: bool
) -> None:
    """What is withheld is not sent, however much it is."""
    series = {
        ATTEMPTS.format(outcome): f"0+{each}x{MINUTES}"
        for outcome, each in (("delivered", delivered), ("failed", failed), ("withheld", 100))
    }
    assert fires(tmp_path, "DeliveriesFail", series) is does


def test_a_version_that_becomes_missing_is_told_though_no_comparison_has_ended(
    tmp_path: Path,
) -> None:
    labels = 'job="indexer",instance="a"'
    series = {
        f'registry_versions_settled_total{{{labels},state="missing"}}': f"0x{MINUTES - 2} 1x2",
        f'registry_repairs_total{{{labels},kind="missing"}}': f"0x{MINUTES}",
    }
    assert fires(tmp_path, "ObjectsMissing", series)


def test_a_service_that_is_gone_is_not_ready_though_another_of_its_job_is(tmp_path: Path) -> None:
    [ready] = [
        panel["targets"][0]["expr"]
        for panel in json.loads(LINE.read_text(encoding="utf-8"))["panels"]
        if panel["title"] == "Ready"
    ]
    series = {
        'up{job="ingest",instance="a"}': "1 1",
        'registry_ready{job="ingest",instance="a"}': "1 1",
        'up{job="query",instance="b"}': "1 0",
        'registry_ready{job="query",instance="b"}': "1 stale",
        'up{job="query",instance="c"}': "1 1",
        'registry_ready{job="query",instance="c"}': "1 1",
        'up{job="indexer",instance="d"}': "1 1",
        'registry_ready{job="indexer",instance="d"}': "1 0",
    }
    shown = {"ingest": 1, "query": 0, "indexer": 0}
    wanted = [{"labels": f'{{job="{job}"}}', "value": value} for job, value in shown.items()]
    question = {"expr": ready, "eval_time": "1m", "exp_samples": wanted}
    agrees, told = judged(tmp_path, series, promql_expr_test=[question])
    assert agrees, told
