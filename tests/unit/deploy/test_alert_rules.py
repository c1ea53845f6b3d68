"""What alerts fire at, as Prometheus itself judges series that it is given."""

import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

ALERTS = Path(__file__).parents[3] / "deploy" / "observability" / "alerts.yml"
MINUTES = 10
ATTEMPTS = 'registry_delivery_attempts_total{{job="notifier",instance="a",outcome="{}"}}'

pytestmark = pytest.mark.skipif(
    shutil.which("promtool") is None, reason="promtool is not installed"
)


def fires(folder: Path, alert: str, series: Mapping[str, str]) -> bool:
    """Whether the alert fires after some minutes of the series, which have a value each minute."""
    given = [{"series": name, "values": values} for name, values in series.items()]
    silent: dict[str, Any] = {
        "interval": "1m",
        "input_series": given,
        "alert_rule_test": [{"eval_time": f"{MINUTES}m", "alertname": alert, "exp_alerts": []}],
    }
    file = folder / "test.yml"
    file.write_text(yaml.safe_dump({"rule_files": [str(ALERTS)], "tests": [silent]}))
    command = ("promtool", "test", "rules", str(file))
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    told = done.stdout + done.stderr
    assert done.returncode == 0 or f"alertname: {alert}" in told, told
    return done.returncode != 0


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
