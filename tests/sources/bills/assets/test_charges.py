"""Owned hardware as bill lines: money over a whole life, GPU-hours, running costs by hand, and re-reading."""

from __future__ import annotations

from collections import defaultdict
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from netyield.sources.registry import build

REGISTER = """
currency = "USD"
[[asset]]
id = "dgx-1"
cost = "400000"
purchased = 2025-12-10
in_service = 2026-01-01
useful_life = "4y"
residual = "16000"
gpus = 8
pool = "h100"
tags = { team = "search" }
[[running]]
kind = "power"
kilowatts = "10.2"
pue = "1.3"
per_kwh = "0.09"
[[running]]
kind = "colocation"
kilowatts = "10.2"
per_kw_month = "150"
until = 2026-02-15
[[running]]
kind = "maintenance"
share_of_cost_per_year = "0.05"
"""
STAFF = """
[[running]]
kind = "staff"
gpus_per_person = 500
per_person_month = "18000"
"""


def rows(folder: Path, text: str, until: str) -> list[dict[str, Any]]:
    (folder / "assets.toml").write_text(text, encoding="utf-8")
    source = build({"type": "assets", "path": "assets.toml", "until": until}, folder)
    tables = [chunk.tables["charges"] for delivery in source.deliveries({}) for chunk in delivery.chunks()]
    found: list[dict[str, Any]] = pa.concat_tables(tables).to_pylist()
    return found


def by_kind(listed: list[dict[str, Any]], column: str = "effective_cost") -> dict[str, Decimal]:
    sums: dict[str, Decimal] = defaultdict(Decimal)
    for row in listed:
        sums[row["sku_id"]] += row[column]
    return dict(sums)


def test_a_month_of_depreciation_and_running_cost(tmp_path: Path) -> None:
    january = [row for row in rows(tmp_path, REGISTER, "2026-04-01") if f"{row['charge_start']:%Y-%m}" == "2026-01"]
    assert by_kind(january) == {
        "depreciation": Decimal("8000"),  # 384,000 over 48 months
        "power": Decimal("887.89"),  # 10.2 kW * 1.3 * 744 h * 0.09
        "colocation": Decimal("1530"),  # 10.2 kW * 150
        "maintenance": Decimal("1666.67"),  # 5 % of 400,000 in 12 months
    }
    charge = next(row for row in january if row["sku_id"] == "depreciation")
    assert (charge["consumed_quantity"], charge["consumed_unit"], charge["gpu_count"]) == (744 * 8, "GPU Hours", 8)
    assert charge["tags"] == '{"pool": "h100", "team": "search"}'
    assert charge["billed_cost"] == 0
    february = [row for row in rows(tmp_path, REGISTER, "2026-04-01") if f"{row['charge_start']:%Y-%m}" == "2026-02"]
    assert by_kind(february)["colocation"] == Decimal("765")  # 14 of 28 days


def test_over_its_life_effective_is_billed(tmp_path: Path) -> None:
    gone = REGISTER.replace("gpus = 8", 'gpus = 8\ndisposed = 2029-07-01\nproceeds = "70000"')
    listed = rows(tmp_path, gone, "2031-01-01")
    effective, billed = by_kind(listed), by_kind(listed, "billed_cost")
    assert sum(effective.values()) == sum(billed.values())
    assert billed["purchase"] == 400_000
    assert billed["disposal"] == -70_000
    assert effective["depreciation"] == 42 * 8_000
    assert effective["disposal"] == -6_000  # carrying 64,000, sold for 70,000
    assert max(row["charge_end"] for row in listed if row["sku_id"] == "depreciation").isoformat()[:10] == "2029-07-01"


def test_an_asset_that_outlives_its_life_still_has_gpu_hours(tmp_path: Path) -> None:
    listed = rows(tmp_path, REGISTER, "2030-03-01")
    late = [row for row in listed if row["charge_start"].year == 2030 and row["sku_id"] == "depreciation"]
    assert [(row["effective_cost"], row["consumed_quantity"]) for row in late] == [(0, 744 * 8), (0, 672 * 8)]


@pytest.mark.parametrize(("servers", "persons"), [(62, 1), (63, 2)])
def test_staff_is_a_step_function_shared_by_gpus(servers: int, persons: int, tmp_path: Path) -> None:
    one = '[[asset]]\nid = "s{n}"\ncost = 100\nin_service = 2026-01-01\nuseful_life = "4y"\ngpus = 8\n'
    text = "currency = 'USD'\n" + "".join(one.format(n=n) for n in range(servers)) + STAFF
    listed = [row for row in rows(tmp_path, text, "2026-02-01") if row["sku_id"] == "staff"]
    assert sum(row["effective_cost"] for row in listed) == 18_000 * persons
    assert max(row["effective_cost"] for row in listed) - min(row["effective_cost"] for row in listed) <= Decimal("0.01")


def test_a_change_of_life_leaves_the_lines_of_earlier_months_as_they_were(tmp_path: Path) -> None:
    before = rows(tmp_path, REGISTER, "2030-01-01")
    change = "[[asset.change]]\neffective = 2027-08-01\nuseful_life = '3y'\n[[running]]\nkind = \"power\""
    after = rows(tmp_path, REGISTER.replace('[[running]]\nkind = "power"', change), "2030-01-01")

    def early(listed: list[dict[str, Any]]) -> list[dict[str, Any]]:
        known = [{**row, "row_number": 0} for row in listed if f"{row['charge_start']:%Y-%m}" < "2027-08"]
        return sorted(known, key=lambda row: str(row["event_key"]))

    assert early(before) == early(after)
    assert before != after


def test_what_is_open_is_said(tmp_path: Path) -> None:
    text = "currency='USD'\ncost=1200\nin_service=2026-01-01\nmethod='units'\nunits_total=100\nunits={ '2026-01'=12 }"
    (tmp_path / "a.toml").write_text(text, encoding="utf-8")
    probe = build({"type": "assets", "path": "a.toml", "until": "2026-04-01"}, tmp_path).probe()
    assert [finding.code for finding in probe.findings] == ["assets.units_missing"]
    (tmp_path / "a.toml").write_text("currency='USD'\ncost=1200\nin_service=2026-01-01\nuseful_life='5y'\ndisposed=2026-02-01", encoding="utf-8")
    probe = build({"type": "assets", "path": "a.toml", "until": "2026-04-01"}, tmp_path).probe()
    assert [finding.code for finding in probe.findings] == ["assets.no_proceeds"]
    assert not build({"type": "assets", "path": "none.toml"}, tmp_path).probe().reachable
