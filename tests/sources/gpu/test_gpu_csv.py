from __future__ import annotations

import csv
import gzip
import json
import statistics
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from netyield.core.finding import Finding, Severity
from netyield.sources.gpu.gpu_csv import GpuCsv
from netyield.sources.gpu.readings import device_id
from netyield.sources.registry import build

ACME = Path(__file__).parents[2] / "data" / "acme" / "util_gpu_cdfs.csv.gz"
START = datetime(2026, 5, 1, tzinfo=UTC)
LONG = {"time": "t", "device": "d", "value": "v"}
SECOND = 1_000_000


class Got:
    """Everything one source delivered."""

    def __init__(self, source: GpuCsv) -> None:
        self.samples: list[dict[str, Any]] = []
        self.owners: list[dict[str, Any]] = []
        self.rejected: list[dict[str, Any]] = []
        self.findings: list[Finding] = []
        for delivery in source.deliveries({}):
            for chunk in delivery.chunks():
                self.findings += chunk.findings
                self.rejected += chunk.rejected.to_pylist() if chunk.rejected else []
                for name, kept in (("gpu_samples", self.samples), ("gpu_owners", self.owners)):
                    if name in chunk.tables:
                        kept += chunk.tables[name].to_pylist()

    @property
    def codes(self) -> dict[str, Finding]:
        return {finding.code.removeprefix("gpu_csv."): finding for finding in self.findings}


def source(root: Path, **given: Any) -> GpuCsv:
    options = {
        "type": "gpu_csv", "path": "*.csv", "metric": "gpu_util_percent", "columns": LONG, "interval_seconds": 60,
    } | given
    return GpuCsv(GpuCsv.Settings(**options), root)


def written(root: Path, *lines: str, name: str = "x.csv") -> Path:
    (root / name).write_text("\n".join(lines) + "\n")
    return root


def minute(number: int) -> str:
    return (START + timedelta(minutes=number)).strftime("%Y-%m-%d %H:%M:%S")


@pytest.mark.parametrize(
    ("name", "median", "mean", "zeros"),
    [("util_gpu_seren", 99, 66.14714714714715, 314), ("util_gpu_kalos", 97, 62.06206206206206, 338)],
)
@pytest.mark.parametrize("layout", ["long", "wide"])
def test_acme_distributions_are_read_back(
    tmp_path: Path, name: str, median: int, mean: float, zeros: int, layout: str
) -> None:
    """999 right-end steps of the CDF as equal intervals of one device (NSDI '24: medians 99 and 97)."""
    with gzip.open(ACME, "rt") as stream:
        steps = [row["x"] for row in csv.DictReader(stream) if row["file"] == name][1:]
    times = [int(START.timestamp()) + 15 * place for place in range(999)]
    if layout == "long":
        lines = ["t,d,v", *(f"{at},acme-0,{x}" for at, x in zip(times, steps, strict=True))]
        got = Got(source(written(tmp_path, *lines), time_unit="s", interval_seconds=15, pool="{filename}"))
    else:
        lines = ["t,acme-0", *(f"{at},{x}" for at, x in zip(times, steps, strict=True))]
        got = Got(source(written(tmp_path, *lines), layout="wide", columns={"time": "t"}, time_unit="s"))
    values = [row["value"] for row in got.samples]
    assert statistics.median(values) == median
    assert sum(value == 0 for value in values) == zeros
    assert sum(values) / 999 == pytest.approx(mean, abs=1e-9)
    assert {row["hold_us"] for row in got.samples} == {(15 if layout == "long" else 60) * SECOND}
    assert {row["pool"] for row in got.samples} == {"x" if layout == "long" else None}
    assert not got.rejected
    if layout == "long":
        assert [(row["state"], row["hold_us"]) for row in got.owners] == [("allocated", 999 * 15 * SECOND)]


def test_long_and_wide_say_the_same(tmp_path: Path) -> None:
    (tmp_path / "long").mkdir()
    (tmp_path / "wide").mkdir()
    long = ["t,d,v", *(f"{minute(at)},{gpu},{at * 10 + place}" for at in range(5) for place, gpu in enumerate("ab"))]
    wide = ["t,a,b", *(f"{minute(at)},{at * 10},{at * 10 + 1}" for at in range(5))]
    one = Got(source(written(tmp_path / "long", *long)))
    two = Got(source(written(tmp_path / "wide", *wide), layout="wide", columns={"time": "t"}))
    assert {(row["event_key"], row["value"]) for row in one.samples} == {
        (row["event_key"], row["value"]) for row in two.samples
    }
    assert {row["event_key"] for row in one.owners} == {row["event_key"] for row in two.owners}
    assert len(one.samples) == 10


def test_a_listed_device_column_is_read_and_a_column_of_words_is_not(tmp_path: Path) -> None:
    written(tmp_path, "t,g0,g1,note", f"{minute(0)},1,2,hello", f"{minute(1)},3,,world")
    got = Got(source(tmp_path, layout="wide", columns={"time": "t"}))
    assert {row["device_id"] for row in got.samples} == {"g0", "g1"}
    assert "note" in got.codes["not_a_device"].message
    listed = Got(source(tmp_path, layout="wide", columns={"time": "t"}, devices=["g1"]))
    assert [(row["device_id"], row["value"], row["row_number"]) for row in listed.samples] == [("g1", 2.0, 2)]


def test_a_cell_without_a_value_is_unknown_and_not_idle(tmp_path: Path) -> None:
    got = Got(source(written(tmp_path, "t,d,v", f"{minute(0)},g,5", f"{minute(1)},g,", f"{minute(2)},g,[N/A]")))
    assert [row["value"] for row in got.samples] == [5.0]
    assert [row["hold_us"] for row in got.owners] == [180 * SECOND]  # it was held all the same
    assert (got.codes["missing_value"].severity, got.codes["missing_value"].count) == (Severity.INFO, 2)
    assert not got.rejected


def test_units_behind_numbers_as_nvidia_smi_writes_them(tmp_path: Path) -> None:
    written(tmp_path, "timestamp, index, utilization.gpu [%], memory.used [MiB]",
            "2026/05/01 00:00:00.000, 0, 45 %, 512 MiB", "2026/05/01 00:01:00.000, 0, 0 %, 0 MiB")
    names = {"time": "timestamp", "device": "index"}
    use = Got(source(tmp_path, columns=names | {"value": "utilization.gpu [%]"}, host="n1"))
    assert [(row["device_id"], row["value"]) for row in use.samples] == [("n1/0", 45.0), ("n1/0", 0.0)]
    memory = Got(source(tmp_path, columns=names | {"value": "memory.used [MiB]"}, metric="memory_used_bytes"))
    assert [row["value"] for row in memory.samples] == [512.0 * 2**20, 0.0]


def test_bad_rows_go_to_quarantine_and_the_good_ones_stay(tmp_path: Path) -> None:
    bad = {
        3: ("later,g,5", "bad_time"),
        4: (f"{minute(2)},g,101", "absurd_value"),
        5: (f"{minute(3)},g,-1", "absurd_value"),
        6: (f"{minute(4)},g,NaN", "bad_value"),
        7: (f"{minute(5)},g,busy", "bad_value"),
        8: (f"{minute(6)},,5", "no_device"),
        9: (f"{minute(0)},g,6", "conflicting_row"),
        10: (f"{minute(7)},g,9223372036854775794", "absurd_value"),
        11: (f"{minute(8)},g,5,5", "ragged_row"),
        12: (f"{minute(9)},g,5 parsecs", "bad_value"),
    }
    lines = ["t,d,v", f"{minute(0)},g,5", *(line for line, _ in bad.values()), f"{minute(0)},g,5", f"{minute(20)},g,7"]
    got = Got(source(written(tmp_path, *lines)))
    assert [(row["row_number"], row["value"]) for row in got.samples] == [(2, 5.0), (14, 7.0)]
    assert {row["row_number"]: row["code"] for row in got.rejected} == {
        number: f"gpu_csv.{code}" for number, (_, code) in bad.items()
    }
    assert json.loads(got.rejected[1]["record"]) == {"time": "2026-05-01T00:02:00Z", "device": "g", "value": "101"}
    assert got.codes["absurd_value"].count == 3
    assert got.codes["absurd_value"].row == 4
    assert got.codes["conflicting_row"].severity == Severity.WARNING
    assert got.codes["repeated_row"].severity == Severity.INFO
    assert [row["hold_us"] for row in got.owners] == [60 * SECOND, 60 * SECOND]


def test_copies_in_a_later_block_are_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("netyield.sources.csv_rows.csv_blocks.__defaults__", (None, 1 << 10))
    rows = 40_000
    start = int(START.timestamp())
    lines = [f"{start + 60 * at},gpu-{at % 3},{at % 90}" for at in range(rows)]
    written(tmp_path, "t,d,v", *lines, *lines[::-1], f"{start + 60 * 50},gpu-{50 % 3},1")
    given = source(tmp_path, time_unit="s")
    (delivery,) = given.deliveries({})
    assert len(list(delivery.chunks())) > 1
    got = Got(given)
    assert len(got.samples) == rows
    assert sum(finding.count for finding in got.findings if finding.code == "gpu_csv.repeated_row") == rows
    assert [row["row_number"] for row in got.rejected] == [2 * rows + 2]


def test_who_held_the_device(tmp_path: Path) -> None:
    written(
        tmp_path, "t,d,v,held,who,ns,state,team",
        f"{minute(0)},g,1,yes,job-1,research,RUNNING,vision",
        f"{minute(1)},g,1,yes,job-1,research,RUNNING,vision",
        f"{minute(2)},g,1,0,,,,",
        f"{minute(3)},g,1,,,,,",
        f"{minute(4)},g,1,True,job-2,research,CANCELLED by 1000,speech",
        f"{minute(5)},g,1,true,job-2,research,odd,speech",
        f"{minute(6)},g,1,down,,,,",
        f"{minute(7)},g,1,perhaps,,,,",
    )
    columns = LONG | {"owner": "who", "namespace": "ns", "job_state": "state", "team": "team"}
    got = Got(source(tmp_path, columns=columns, allocated="held"))
    assert [(row["state"], row["owner"], row["owner_kind"], row["job_state"], row["labels"],
             row["hold_us"] // (60 * SECOND)) for row in got.owners] == [
        ("allocated", "job-1", "job", "running", '{"team":"vision"}', 2),
        ("unallocated", "", "empty", None, None, 1),
        ("allocated", "job-2", "job", "cancelled", '{"team":"speech"}', 1),
        ("allocated", "job-2", "job", None, '{"team":"speech"}', 1),
        ("down", "", "empty", None, None, 1),
    ]
    assert len(got.samples) == 7  # the reading of the blank row stands, only who held the device is not known
    assert [row["code"] for row in got.rejected] == ["gpu_csv.bad_allocated"]
    assert got.codes["odd_job_state"].severity == Severity.WARNING


@pytest.mark.parametrize(
    ("allocated", "state", "kind"), [(True, "allocated", "declared"), (False, "unallocated", "empty")]
)
def test_a_declared_allocation(tmp_path: Path, allocated: bool, state: str, kind: str) -> None:
    got = Got(source(written(tmp_path, "t,d,v", f"{minute(0)},g,1"), allocated=allocated))
    assert [(row["state"], row["owner_kind"], row["replicas"]) for row in got.owners] == [(state, kind, 1)]


def test_the_interval_is_inferred_per_device_and_said(tmp_path: Path) -> None:
    lines = [f"{minute(at)},slow,1" for at in range(0, 50, 5)] + [f"{minute(at)},fast,1" for at in range(10)]
    lines += [f"{minute(60)},slow,1", f"{minute(0)},once,1"]
    got = Got(source(written(tmp_path, "t,d,v", *lines), interval_seconds=None))
    held = {(row["device_id"], row["hold_us"] // SECOND) for row in got.samples}
    assert held == {("slow", 300), ("fast", 60), ("once", 180)}
    assert got.codes["interval_inferred"].severity == Severity.INFO
    assert "60 to 300 s" in got.codes["interval_inferred"].message


def test_without_any_gap_the_interval_must_be_set(tmp_path: Path) -> None:
    got = Got(source(written(tmp_path, "t,d,v", f"{minute(0)},g,1"), interval_seconds=None))
    assert (got.samples, got.owners) == ([], [])
    assert got.codes["no_interval"].severity == Severity.ERROR
    assert len(got.rejected) == 1


def test_percent_that_looks_like_a_ratio_is_doubted_and_scale_settles_it(tmp_path: Path) -> None:
    written(tmp_path, "t,d,v", *(f"{minute(at)},g,{at / 100}" for at in range(50)))
    doubted = Got(source(tmp_path))
    assert doubted.codes["scale"].severity == Severity.WARNING
    assert len(doubted.samples) == 50
    settled = Got(source(tmp_path, scale=100))
    assert "scale" not in settled.codes
    assert settled.samples[49]["value"] == pytest.approx(49)


@pytest.mark.parametrize(
    ("device", "host", "pool", "expected"),
    [
        ("GPU-AAAAAAAA-1111-2222-3333-444444444444", "n", "p", "GPU-aaaaaaaa-1111-2222-3333-444444444444"),
        ("3", "n", "p", "n/3"), ("gpu3", "", "p", "p/gpu3"), ("0", "", "", "0"), ("n7-gpu3", "n", "p", "n7-gpu3"),
        ("GPU-00000000-0000-0000-0000-000000000000", "", "", "GPU-00000000-0000-0000-0000-000000000000"),
    ],
)
def test_an_index_is_no_identity(device: str, host: str, pool: str, expected: str) -> None:
    assert device_id(device, host, pool) == expected


def test_columns_for_pool_host_model_and_slice(tmp_path: Path) -> None:
    written(tmp_path, "t,d,v,p,h,m,s", f"{minute(0)},0,1,train,n1,NVIDIA H100 80GB HBM3,2", f"{minute(0)},0,1,,n2,,")
    got = Got(source(tmp_path, columns=LONG | {"pool": "p", "host": "h", "gpu_model": "m", "slice": "s"}))
    assert [(r["device_id"], r["slice_id"], r["host"], r["pool"], r["gpu_model"]) for r in got.samples] == [
        ("n1/0", "2", "n1", "train", "NVIDIA H100 80GB HBM3"), ("n2/0", "", "n2", None, None),
    ]


def test_parquet_and_gzip_give_the_same_as_csv(tmp_path: Path) -> None:
    values = [1.0, None, 3.5]
    times = [START + timedelta(minutes=at) for at in range(3)]
    pq.write_table(pa.table({"t": times, "d": ["g"] * 3, "v": values}), tmp_path / "x.parquet")
    cells = ["" if value is None else value for value in values]
    text = "t,d,v\n" + "".join(f"{at.isoformat()},g,{cell}\n" for at, cell in zip(times, cells, strict=True))
    (tmp_path / "x.csv.gz").write_bytes(gzip.compress(text.encode()))
    one, two = Got(source(tmp_path, path="x.parquet")), Got(source(tmp_path, path="x.csv.gz"))
    assert [(row["event_key"], row["value"]) for row in one.samples] == [
        (row["event_key"], row["value"]) for row in two.samples
    ]
    assert len(one.samples) == 2


def test_a_corrected_reading_has_the_key_of_the_first(tmp_path: Path) -> None:
    before = Got(source(written(tmp_path, "t,d,v", f"{minute(0)},g,5")))
    after = Got(source(written(tmp_path, "t,d,v", f"{minute(0)},g,6")))
    assert before.samples[0]["event_key"] == after.samples[0]["event_key"]
    assert before.samples[0]["value"] != after.samples[0]["value"]


def test_a_missing_column_and_a_missing_file_are_said(tmp_path: Path) -> None:
    got = Got(source(written(tmp_path, "t,dev,v", f"{minute(0)},g,1")))
    assert got.samples == []
    assert got.codes["missing_column"].severity == Severity.ERROR
    probe = source(tmp_path, path="no/*.csv").probe()
    assert [finding.code for finding in probe.findings] == ["gpu_csv.no_file"]


@pytest.mark.parametrize(
    ("name", "content", "code", "kept"),
    [
        ("x.parquet", b"PAR1 and then nothing", "truncated", 0),
        ("x.csv", b"", "empty_file", 0),
        ("x.csv.gz", gzip.compress(b"t,d,v\n" + b"1777593600,g,5\n" * 50, mtime=0)[:-12], "truncated", 1),
        ("x.csv", "t,d,v\n1777593600,gé,5\n".encode("latin-1"), "encoding", 1),
        ("x.jsonl", b'{"t":1777593600,"d":"g","v":5}\n{"t":\n', "bad_json", 1),
        ("x.csv", b"t,d,v,w\n1777593600,g,5,6\n", "unmapped_column", 1),
    ],
)
def test_damaged_files_are_said_and_the_rest_is_read(
    tmp_path: Path, name: str, content: bytes, code: str, kept: int
) -> None:
    (tmp_path / name).write_bytes(content)
    got = Got(source(tmp_path, path=name, time_unit="s"))
    assert code in got.codes
    assert len(got.samples) == kept


def test_a_growing_file_gives_the_same_rows_again(tmp_path: Path) -> None:
    first = [f"{minute(at)},g,{at}" for at in range(3)]
    before = Got(source(written(tmp_path, "t,d,v", *first), delivery="append"))
    after = Got(source(written(tmp_path, "t,d,v", *first, f"{minute(3)},g,9"), delivery="append"))
    for old, new in ((before.samples, after.samples), (before.owners, after.owners)):
        assert [row["event_key"] for row in new][:3] == [row["event_key"] for row in old]
        assert (len(old), len(new)) == (3, 4)


@pytest.mark.parametrize(
    "given",
    [
        {"columns": {"time": "t", "value": "v"}},
        {"columns": LONG | {"colour": "c"}},
        {"layout": "wide", "columns": LONG},
        {"metric": "happiness"},
        {"interval_seconds": 0},
        {"colour": "red"},
        {"timezone": "Berlin"},
    ],
)
def test_settings_that_make_no_sense_are_refused(tmp_path: Path, given: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        source(tmp_path, **given)


def test_the_registry_finds_the_source(tmp_path: Path) -> None:
    options = {"type": "gpu_csv", "path": "x", "columns": LONG, "metric": "power_watts"}
    assert isinstance(build(options, tmp_path), GpuCsv)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(
        st.tuples(st.integers(0, 3000), st.sampled_from("ab"), st.integers(0, 2), st.sampled_from(["yes", "no", ""])),
        max_size=50,
    )
)
def test_owner_stretches_cover_exactly_the_rows_that_say_something(
    tmp_path: Path, readings: list[tuple[int, str, int, str]]
) -> None:
    lines = [f"{minute(at)},{gpu},{value},{held}" for at, gpu, value, held in readings]
    got = Got(source(written(tmp_path, "t,d,v,held", *lines), allocated="held"))
    first: dict[tuple[str, int], tuple[int, str]] = {}
    for at, gpu, value, held in readings:
        first.setdefault((gpu, at), (value, held))
    assert {(row["device_id"], row["event_time"]): row["value"] for row in got.samples} == {
        (gpu, START + timedelta(minutes=at)): value for (gpu, at), (value, _) in first.items()
    }
    covered: dict[tuple[str, int], str] = {}
    for row in got.owners:
        begin = int((row["event_time"] - START).total_seconds()) // 60
        minutes = range(begin, begin + row["hold_us"] // (60 * SECOND))
        assert minutes[0] // 1440 == minutes[-1] // 1440
        for at in minutes:
            assert (row["device_id"], at) not in covered
            covered[row["device_id"], at] = row["state"]
    words = {"yes": "allocated", "no": "unallocated"}
    assert covered == {key: words[held] for key, (_, held) in first.items() if held}
