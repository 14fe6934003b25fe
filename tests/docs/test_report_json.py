"""docs/reference/report-json.md names every key of the object, and no other."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path
from typing import Any

import pytest
from doc_pages import ROOT

from netyield.faces.cli.main import call

# Keys of these are words of the data; inside the others every key has its own line.
OPEN = {"usage.gpu_hours_by_state", "usage.tokens_by_class", "usage.tokens_by_verdict", "other_currencies", "where",
        "annotations.unfilled_capacity"}  # fmt: skip
CONFIGURATION = """
[project]
currency = "USD"
[[source]]
type = "capacity_csv"
path = "vc*.csv.gz"
columns = { time = "time", total = "total_gpu_num", allocated = "running_gpu_num" }
interval_seconds = 60
[[source]]
type = "rate_card"
rates = [{ usd_per_gpu_hour = "2.00" }]
"""


def documented() -> set[str]:
    page = (ROOT / "docs" / "reference" / "report-json.md").read_text(encoding="utf-8")
    return {name for line in page.splitlines() if line.startswith("| `") for name in re.findall(r"`([^`]+)`", line.split(" | ")[0])}


def spelled(value: Any, name: str = "") -> set[str]:
    """Paths of everything in the object that is no table itself."""
    if isinstance(value, list) and value and name not in OPEN:
        return {name} | {path for path in spelled(value[0], f"{name}[]")}
    if not isinstance(value, dict) or not value or name in OPEN:
        return {name}
    return {path for key, inner in value.items() for path in spelled(inner, f"{name}.{key}".lstrip("."))}


def test_every_key_of_the_object_is_documented(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    for path in (ROOT / "tests" / "data" / "helios").glob("vc*.csv.gz"):
        shutil.copy(path, tmp_path)
    (tmp_path / "netyield.toml").write_text(CONFIGURATION, encoding="utf-8")
    assert call(["ingest", "--project", str(tmp_path)]) == 0
    capfd.readouterr()
    assert call(["report", "--json", "--where", "pool=vc6YE", "--project", str(tmp_path)]) == 0
    body = json.loads(capfd.readouterr().out)
    found = spelled(body)
    assert found - documented() == set()
    assert documented() - found <= {"headline.activity"}
