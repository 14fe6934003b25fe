"""Published and recomputed figures of real telemetry, through ingest and report: Helios, Acme, MIG captures."""

from __future__ import annotations

import csv
import gzip
import io
from collections import defaultdict
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from command import DATA, MakeProduct, Product
from report_contract import check

HELIOS = """
[[source]]
type = "capacity_csv"
path = "vc/*.csv*"
pool = "{filename}"
columns = {time = "time", total = "total_gpu_num", allocated = "running_gpu_num"}
interval_seconds = 60
[[source]]
type = "rate_card"
rates = [{pool = "*", usd_per_gpu_hour = "2.00", since = "2020-01-01"}]
"""
CENT = Decimal("0.01")


def _outages(product: Product) -> list[dict[str, Any]]:
    said = product.run("check", "--json")
    return [remark for remark in said.body["remarks"] if remark["code"] == "gpu.outage"]


@pytest.fixture(scope="session")
def earth(make_shared: MakeProduct) -> Product:
    """All sixteen virtual clusters of May 2020, a row a minute again."""
    product = make_shared(HELIOS)
    text = gzip.decompress((DATA / "helios" / "earth_2020_05.runs.csv.gz").read_bytes()).decode()
    minutes: dict[str, list[tuple[str, str, str]]] = defaultdict(list)
    for run in csv.DictReader(io.StringIO(text)):
        minutes[run["vc"]] += [(run["total"], run["running"], run["pending"])] * int(run["minutes"])
    start = datetime(2020, 5, 1)
    assert len(minutes) == 16
    times = [str(start + timedelta(minutes=n)) for n in range(44_640)]
    for cluster, counts in minutes.items():
        lines = ["time,total_gpu_num,running_gpu_num,pending_gpu_num,idle_gpu_num"]
        lines += [f"{t},{a},{b},{c},{int(a) - int(b)}" for t, (a, b, c) in zip(times, counts, strict=True)]
        product.put(f"vc/{cluster}.csv", "\n".join(lines) + "\n")
    assert product.ingest().code == 0
    return product


@pytest.mark.timeout(900)  # 714,240 rows and 31 days
def test_helios_earth_has_its_published_hours_and_dollars(earth: Product) -> None:
    body = earth.report()
    steps = check(body)
    assert body["window"] == {"since": "2020-05-01T00:00:00Z", "until": "2020-06-01T00:00:00Z"}
    assert Decimal(body["total"]) == Decimal("1273728.00")
    assert set(steps) <= {"unknown", "unallocated", "down"}
    assert steps["unknown"].quantize(CENT) == Decimal("849545.23")
    assert (steps["unallocated"] + steps["down"]).quantize(CENT) == Decimal("424182.77")
    usage = body["usage"]
    assert usage["gpu_hours_paid"] == 636_864
    assert usage["gpu_hours_allocated"] == pytest.approx(424_772.6167, abs=5e-5)
    free = usage["gpu_hours_by_state"]["unallocated"] + usage["gpu_hours_by_state"]["down"]
    assert free == pytest.approx(212_091.3833, abs=5e-5)
    # What somebody held may have been anything: never idle, never useful, and no activity is known.
    assert body["headline"]["activity"]["low"] == 0
    assert body["headline"]["cost_per_useful_mtok"] == {"low": None, "high": None}


def test_the_outage_of_10_may_is_a_finding_and_costs_41_088_dollars(earth: Product) -> None:
    day = [remark for remark in _outages(earth) if "2020-05-10" in remark["message"]]
    assert len(day) == 1
    assert day[0]["severity"] == "warning"
    assert "20,544.0 GPU-hours" in day[0]["message"]
    assert "41,088.00 USD" in day[0]["message"]
    body = earth.report("--since", "2020-05-10", "--until", "2020-05-11")
    assert check(body) == {"down": Decimal(41_088)}
    assert body["usage"]["gpu_hours_by_state"] == {"down": 20_544}


def test_an_outage_does_not_fail_the_command(earth: Product) -> None:
    assert earth.run("report", "--json").code == 0
    assert earth.run("report", "--json", "--fail-on", "warning").code == 1


def test_a_slice_of_the_original_files_agrees_with_counting_by_hand(make: MakeProduct) -> None:
    product = make(HELIOS)
    paid = held = 0
    per_day: dict[str, int] = defaultdict(int)
    for source in sorted((DATA / "helios").glob("*.cluster_sequence_vc.csv.gz")):
        product.put(f"vc/{source.name}", source.read_bytes())
        for row in csv.DictReader(io.StringIO(gzip.decompress(source.read_bytes()).decode())):
            paid += int(row["total_gpu_num"])
            held += int(row["running_gpu_num"])
            per_day[row["time"][:10]] += int(row["running_gpu_num"])
    assert per_day["2020-05-10"] == 0
    assert product.ingest().code == 0
    body = product.report()
    steps = check(body)
    assert Decimal(body["total"]) == Decimal(paid) * 2 / 60
    assert abs(steps["unknown"] - Decimal(held) * 2 / 60) < Decimal("1e-6")
    assert body["usage"]["gpu_hours_paid"] == pytest.approx(paid / 60, abs=1e-6)
    assert body["usage"]["gpu_hours_allocated"] == pytest.approx(held / 60, abs=1e-6)
    assert any("2020-05-10" in remark["message"] for remark in _outages(product))


ACME = """
[[source]]
type = "gpu_csv"
name = "seren"
layout = "long"
path = "seren.csv"
pool = "seren"
metric = "gpu_util_percent"
columns = {time = "second", device = "gpu", value = "util"}
time_unit = "s"
interval_seconds = 60
[[source]]
type = "gpu_csv"
name = "kalos"
layout = "wide"
path = "kalos.csv.gz"
pool = "kalos"
metric = "gpu_util_percent"
columns = {time = "when"}
time_unit = "ms"
interval_seconds = 60
[[source]]
type = "rate_card"
rates = [{pool = "*", usd_per_gpu_hour = "1.50"}]
"""


@pytest.fixture(scope="session")
def acme(make_shared: MakeProduct) -> Product:
    product = make_shared(ACME)
    text = gzip.decompress((DATA / "acme" / "util_gpu_cdfs.csv.gz").read_bytes()).decode()
    points: dict[str, list[str]] = defaultdict(list)
    for row in csv.DictReader(io.StringIO(text)):
        points["seren" if "seren" in row["file"] else "kalos"].append(row["x"])
    start = 1_690_000_000 // 60 * 60
    ends = {name: xs[1:] for name, xs in points.items()}  # 1,000 points make 999 steps; their right ends
    assert {name: len(xs) for name, xs in ends.items()} == {"seren": 999, "kalos": 999}
    lines = [f"{start + 60 * n},gpu-0,{x}" for n, x in enumerate(ends["seren"])]
    product.put("seren.csv", "second,gpu,util\n" + "\n".join(lines) + "\n")
    lines = [f"{(start + 60 * n) * 1000},{x}" for n, x in enumerate(ends["kalos"])]
    product.put("kalos.csv.gz", gzip.compress(("when,gpu-1\n" + "\n".join(lines) + "\n").encode()))
    assert product.ingest().code == 0
    return product


@pytest.mark.parametrize(("pool", "median", "zero", "mean"), [("seren", 0.99, 0.314, 0.6615), ("kalos", 0.97, 0.338, 0.6206)])
def test_acme_distributions_come_back_through_the_fleet(acme: Product, pool: str, median: float, zero: float, mean: float) -> None:
    body = acme.report("fleet")
    row = next(row for row in body["rows"] if row["pool"] == pool)
    assert row["median_signal"] == median
    assert round(row["share_at_zero"], 3) == zero
    assert round(row["mean_signal"], 4) == mean
    assert row["gpu_hours_paid"] == pytest.approx(999 / 60, abs=1e-6)
    # Every interval is known: idle is exactly the share at zero, and activity is no interval but a figure.
    assert row["hours_unknown"] == 0
    assert (row["hours_idle"] + row["hours_idle_held"]) / row["gpu_hours_paid"] == pytest.approx(row["share_at_zero"], abs=1e-5)
    assert row["activity_low"] == row["activity_high"] == pytest.approx(row["mean_signal"], abs=2e-6)


def test_acme_money_follows_the_hours(acme: Product) -> None:
    body = acme.report()
    steps = check(body)
    assert Decimal(body["total"]) == Decimal("1.50") * 2 * 999 / 60
    # A GPU that was active without requests or a job is not called useful, and not called waste.
    assert set(steps) == {"idle", "active_unattributed"}
    assert body["headline"]["net_yield"]["low"] == 0


@pytest.mark.parametrize(("device", "stranded"), [("h100-mig", 8), ("h200-mig", 20)])
def test_stranded_multiprocessors_of_real_mig_captures_are_fragmented(make: MakeProduct, device: str, stranded: int) -> None:
    product = make(f"""
[[source]]
type = "metrics_text"
kind = "nvidia_smi"
path = "{device}.txt"
at = "2026-07-03T22:00:00Z"
hold_seconds = 3600
[[source]]
type = "rate_card"
rates = [{{pool = "*", usd_per_gpu_hour = "3.30"}}]
""")
    capture = next((DATA / "captures").glob(f"*nvidia-{device}*.txt"))
    product.put(f"{device}.txt", capture.read_bytes())
    assert product.ingest().code == 0
    body = product.report("--since", "2026-07-03T22:00Z", "--until", "2026-07-03T23:00Z")
    steps = check(body)
    assert Decimal(body["total"]) == Decimal("3.30")
    assert abs(steps["fragmented"] - Decimal("3.30") * stranded / 132) < Decimal("1e-6")
    states = body["usage"]["gpu_hours_by_state"]
    assert states["fragmented"] == pytest.approx(stranded / 132, abs=2e-6)
    assert body["usage"]["gpu_hours_paid"] == 1
    # Under MIG nvidia-smi reports no activity: the slices are unknown, not idle.
    assert set(states) == {"fragmented", "unknown"}


def test_the_compact_helios_file_is_small_and_attributed() -> None:
    folder: Path = DATA / "helios"
    assert (folder / "earth_2020_05.runs.csv.gz").stat().st_size < 200_000
    assert "earth_2020_05.runs.csv.gz" in (folder / "README.md").read_text()
