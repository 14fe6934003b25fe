from __future__ import annotations

import csv
import gzip
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from netyield.core.finding import Finding, Severity
from netyield.sources.gpu.capacity_csv import CapacityCsv
from netyield.sources.registry import build

HELIOS = Path(__file__).parents[2] / "data" / "helios"
COLUMNS = {"time": "time", "total": "total_gpu_num", "allocated": "running_gpu_num"}
SHORT = {"time": "t", "total": "n", "allocated": "a"}


def source(root: Path, **given: Any) -> CapacityCsv:
    options = {"type": "capacity_csv", "path": "*.csv", "columns": SHORT, "interval_seconds": 60} | given
    return CapacityCsv(CapacityCsv.Settings(**options), root)


def read(given: CapacityCsv) -> tuple[list[dict[str, Any]], list[dict[str, Any]], list[Finding]]:
    rows, rejected, findings = [], [], []
    for delivery in given.deliveries({}):
        for chunk in delivery.chunks():
            findings += chunk.findings
            rejected += chunk.rejected.to_pylist() if chunk.rejected else []
            for table in chunk.tables.values():
                rows += table.to_pylist()
    return rows, rejected, findings


def gpu_hours(rows: list[dict[str, Any]], column: str) -> Fraction:
    return sum((Fraction(row[column] * row["hold_us"], 3_600_000_000) for row in rows), Fraction(0))


def test_helios_slice_totals_equal_a_count_by_the_csv_module() -> None:
    total, allocated = {}, {}
    for path in sorted(HELIOS.glob("vc*.csv.gz")):
        with gzip.open(path, "rt") as stream:
            minutes = list(csv.DictReader(stream))
        name = path.name.split(".")[0]
        total[name] = Fraction(sum(int(row["total_gpu_num"]) for row in minutes), 60)
        allocated[name] = Fraction(sum(int(row["running_gpu_num"]) for row in minutes), 60)
        assert len(minutes) == 3 * 1440
    rows, rejected, findings = read(source(HELIOS, path="vc*.csv.gz", columns=COLUMNS, interval_seconds=60))
    assert rejected == []
    assert {(finding.code, finding.severity, finding.count) for finding in findings} == {
        ("capacity_csv.unmapped_column", Severity.INFO, 21),
    }
    for name in ("vc6YE", "vchbv"):
        mine = [row for row in rows if row["pool"] == name]
        assert gpu_hours(mine, "gpus_total") == total[name]
        assert gpu_hours(mine, "gpus_allocated") == allocated[name]
    assert len(rows) < 2_000  # of 8,640 minutes


def test_the_outage_of_10_may_is_one_row_per_pool_and_never_crosses_midnight() -> None:
    rows, _, _ = read(source(HELIOS, path="vc*.csv.gz", columns=COLUMNS))
    day = datetime(2020, 5, 10, tzinfo=UTC)
    outage = [row for row in rows if day <= row["event_time"] < day + timedelta(days=1)]
    assert [(row["pool"], row["gpus_allocated"], row["hold_us"]) for row in outage] == [
        ("vc6YE", 0, 86_400_000_000), ("vchbv", 0, 86_400_000_000),
    ]
    for row in rows:
        end = row["event_time"] + timedelta(microseconds=row["hold_us"] - 1)
        assert end.date() == row["event_time"].date()


def test_rows_are_numbered_as_an_editor_counts_them(tmp_path: Path) -> None:
    (tmp_path / "p.x.csv").write_text("t,n,a\n\n2026-05-01 00:00:00,8,4\n2026-05-01 00:01:00,8,5\n")
    rows, _, _ = read(source(tmp_path))
    assert [(row["row_number"], row["pool"], row["gpus_allocated"]) for row in rows] == [(3, "p", 4), (4, "p", 5)]


def test_a_gap_ends_a_row_and_stays_uncovered(tmp_path: Path) -> None:
    (tmp_path / "p.csv").write_text(
        "t,n,a\n2026-05-01 00:00:00,8,4\n2026-05-01 00:01:00,8,4\n2026-05-01 00:05:00,8,4\n"
    )
    rows, _, _ = read(source(tmp_path))
    assert [row["hold_us"] for row in rows] == [120_000_000, 60_000_000]


@pytest.mark.parametrize(
    ("cell", "unit", "zone", "expected"),
    [
        ("2026-05-01T00:00:00Z", "iso", "UTC", datetime(2026, 5, 1, tzinfo=UTC)),
        ("2026-05-01 00:00:00", "iso", "Asia/Shanghai", datetime(2026, 4, 30, 16, tzinfo=UTC)),
        ("2026-05-01T02:00:00+02:00", "iso", "Asia/Shanghai", datetime(2026, 5, 1, tzinfo=UTC)),
        ("2026/05/01 00:00:00.000", "iso", "UTC", datetime(2026, 5, 1, tzinfo=UTC)),
        ("1777593600", "s", "UTC", datetime(2026, 5, 1, tzinfo=UTC)),
        ("1777593600.5", "s", "UTC", datetime(2026, 5, 1, 0, 0, 0, 500_000, tzinfo=UTC)),
        ("1777593600000", "ms", "Asia/Shanghai", datetime(2026, 5, 1, tzinfo=UTC)),
    ],
)
def test_time_units_and_zones(tmp_path: Path, cell: str, unit: str, zone: str, expected: datetime) -> None:
    (tmp_path / "p.csv").write_text(f"t,n,a\n{cell},8,4\n")
    rows, _, _ = read(source(tmp_path, time_unit=unit, timezone=zone))
    assert [row["event_time"] for row in rows] == [expected]


def test_bad_rows_go_to_quarantine_and_the_good_ones_stay(tmp_path: Path) -> None:
    bad = {
        3: ("yesterday,8,4", "bad_time"),
        4: ("2026-05-01 00:02:00,eight,4", "bad_total"),
        5: ("2026-05-01 00:03:00,8,", "bad_allocated"),
        6: ("2026-05-01 00:04:00,8,9", "over_allocated"),
        7: ("2026-05-01 00:05:00,-8,-9", "negative_total"),
        8: ("2026-05-01 00:06:00,8,-1", "negative_allocated"),
        9: ("2026-05-01 00:07:00,8.5,1", "bad_total"),
        10: ("2026-05-01 00:08:00,1e12,1", "absurd_total"),
        11: ("2026-05-01 00:09:00,NaN,1", "bad_total"),
        12: ("2026-05-01 00:00:00,8,5", "conflicting_row"),
        13: ("1e300,8,5", "bad_time"),
        14: ("2026-05-01 00:11:00,8", "ragged_row"),
    }
    lines = ["t,n,a", "2026-05-01 00:00:00,8,4", *(line for line, _ in bad.values())]
    lines += ["2026-05-01 00:00:00,8,4", "2026-05-01 00:12:00,8,4"]
    (tmp_path / "p.csv").write_text("\n".join(lines) + "\n")
    rows, rejected, findings = read(source(tmp_path))
    assert [(row["row_number"], row["gpus_allocated"]) for row in rows] == [(2, 4), (16, 4)]
    assert {row["row_number"]: row["code"] for row in rejected} == {
        number: f"capacity_csv.{code}" for number, (_, code) in bad.items()
    }
    assert {row["table"] for row in rejected} == {"capacity_samples"}
    by_code = {finding.code: finding for finding in findings}
    assert by_code["capacity_csv.bad_total"].row == 4
    assert by_code["capacity_csv.bad_total"].count == 3
    assert by_code["capacity_csv.conflicting_row"].severity == Severity.WARNING
    assert by_code["capacity_csv.repeated_row"].severity == Severity.INFO
    assert all(finding.repair for finding in findings if finding.severity != Severity.INFO)


def test_a_missing_column_is_an_error_with_the_nearest_name(tmp_path: Path) -> None:
    (tmp_path / "p.csv").write_text("time,total_gpus,running_gpu_num\n2026-05-01,1,1\n")
    rows, _, findings = read(source(tmp_path, columns=COLUMNS))
    assert rows == []
    assert [finding.code for finding in findings] == ["capacity_csv.missing_column"]
    assert "Did you mean 'total_gpus'?" in findings[0].repair


def test_no_file_is_told_by_the_probe(tmp_path: Path) -> None:
    probe = source(tmp_path, path="nothing*.csv").probe()
    assert not probe.reachable
    assert [finding.code for finding in probe.findings] == ["capacity_csv.no_file"]
    assert list(source(tmp_path, path="nothing*.csv").deliveries({})) == []


def test_the_probe_tells_the_window() -> None:
    probe = source(HELIOS, path="vc*.csv.gz", columns=COLUMNS).probe()
    assert probe.window is not None
    assert (probe.window.since, probe.window.until) == (
        datetime(2020, 5, 9, tzinfo=UTC), datetime(2020, 5, 12, tzinfo=UTC),
    )


def test_parquet_gives_the_same_as_csv(tmp_path: Path) -> None:
    times = [datetime(2026, 5, 1, 0, minute) for minute in range(5)]
    pq.write_table(pa.table({"t": times, "n": [8, 8, 8, 8, 16], "a": [4, 4, 5, None, 5]}), tmp_path / "p.parquet")
    (tmp_path / "p.csv").write_text(
        "t,n,a\n" + "".join(f"{t},{n},{a}\n" for t, n, a in zip(times, [8, 8, 8, 8, 16], [4, 4, 5, "", 5], strict=True))
    )
    one, bad_one, _ = read(source(tmp_path, path="p.parquet"))
    two, bad_two, _ = read(source(tmp_path, path="p.csv"))
    assert [row["event_key"] for row in one] == [row["event_key"] for row in two]
    assert len(one) == 3
    assert len(bad_one) == len(bad_two) == 1


def test_a_growing_file_gives_the_same_rows_again(tmp_path: Path) -> None:
    path = tmp_path / "p.csv"
    path.write_text("t,n,a\n2026-05-01 00:00:00,8,4\n2026-05-01 00:01:00,8,4\n")
    before, _, _ = read(source(tmp_path, delivery="append"))
    path.write_text(path.read_text() + "2026-05-01 00:02:00,8,4\n")
    after, _, _ = read(source(tmp_path, delivery="append"))
    assert [row["event_key"] for row in after][:2] == [row["event_key"] for row in before]
    assert (len(before), len(after)) == (2, 3)


def test_settings_name_the_columns_and_the_registry_finds_the_source(tmp_path: Path) -> None:
    with pytest.raises(ValidationError, match="exactly time, total and allocated"):
        source(tmp_path, columns={"time": "t"})
    options = {"type": "capacity_csv", "path": "x", "columns": SHORT, "interval_seconds": 60}
    assert isinstance(build(options, tmp_path), CapacityCsv)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(st.tuples(st.integers(0, 4000), st.integers(0, 3), st.integers(0, 3)), max_size=60),
    st.sampled_from(["immutable", "append"]),
)
def test_joined_rows_cover_exactly_what_the_minutes_cover(
    tmp_path: Path, minutes: list[tuple[int, int, int]], delivery: str
) -> None:
    start = datetime(2026, 5, 1, tzinfo=UTC)
    lines = [f"{start + timedelta(minutes=at)},{free + used},{used}" for at, free, used in minutes]
    (tmp_path / "p.csv").write_text("\n".join(["t,n,a", *lines]) + "\n")
    rows, _, _ = read(source(tmp_path, delivery=delivery))
    first: dict[int, tuple[int, int]] = {}
    for at, free, used in minutes:
        first.setdefault(at, (free + used, used))
    covered: dict[int, tuple[int, int]] = {}
    for row in rows:
        begin = int((row["event_time"] - start).total_seconds()) // 60
        for minute in range(begin, begin + row["hold_us"] // 60_000_000):
            assert minute not in covered
            covered[minute] = (row["gpus_total"], row["gpus_allocated"])
    assert covered == first
