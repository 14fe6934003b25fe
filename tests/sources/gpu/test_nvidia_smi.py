from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from netyield.core.finding import Severity
from netyield.core.period import micros
from netyield.sources.files import Place
from netyield.sources.gpu.nvidia_smi import SmiOptions, SmiRows, read_smi
from netyield.sources.gpu.nvidia_smi_text import parse_smi

CAPTURES = Path(__file__).parents[2] / "data" / "captures"
H100 = (CAPTURES / "linux-x86_64__nvidia-h100-mig__590.48.01.txt").read_text()
H200 = (CAPTURES / "linux-x86_64__nvidia-h200-mig__590.48.01.txt").read_text()
PLACE = Place("metrics_text", "capture.txt")
MIB = 1 << 20
PLAIN = """
==============NVSMI LOG==============

Timestamp                                 : Fri May  1 00:00:00 2026
Driver Version                            : 550.1

Attached GPUs                             : 2
GPU 00000000:0A:00.0
    Product Name                          : NVIDIA A100-SXM4-40GB
    MIG Mode
        Current                           : Disabled
    GPU UUID                              : GPU-AAAAAAAA-0000-0000-0000-000000000001
    FB Memory Usage
        Total                             : 40960 MiB
        Used                              : 512 MiB
    Utilization
        Gpu                               : 37 %
    Power Readings
        Power Draw                        : 250.50 W
GPU 00000000:0B:00.0
    Product Name                          : NVIDIA A100-SXM4-40GB
    GPU UUID                              : GPU-00000000-0000-0000-0000-000000000000
    FB Memory Usage
        Total                             : 40960 MiB
        Used                              : [N/A]
    Utilization
        Gpu                               : ERR!
    Power Readings
        Power Draw                        : 60.00 W
"""


def options(**given: object) -> SmiOptions:
    return SmiOptions(**({"host": "node-a", "hold_us": 60_000_000} | given))  # type: ignore[arg-type]


def values(rows: SmiRows, metric: str) -> dict[tuple[str, str], float]:
    return {(row["device_id"], row["slice_id"]): row["value"] for row in rows.samples if row["metric"] == metric}


def codes(rows: SmiRows) -> dict[str, Severity]:
    return {finding.code: finding.severity for finding in rows.findings}


def test_h100_mig_strands_8_of_132_multiprocessors() -> None:
    rows = read_smi(H100, options(), PLACE)
    assert [(r["slice_id"], r["slice_profile"], r["multiprocessors"], r["compute_slices"], r["memory_slices"])
            for r in rows.slices] == [
        ("2/0", "3g.40gb", 60, 3, 4), ("3/0", "2g.20gb", 32, 2, 2), ("9/0", "1g.10gb", 16, 1, 1),
        ("10/0", "1g.10gb", 16, 1, 1),
    ]
    assert {r["device_multiprocessors"] for r in rows.slices} == {132}
    assert sum(r["multiprocessors"] for r in rows.slices) == 124
    assert sum(r["compute_slices"] for r in rows.slices) == 7
    assert sum(r["memory_slices"] for r in rows.slices) == 8
    (remark,) = [finding for finding in rows.findings if finding.code == "metrics_text.stranded"]
    assert "8 of 132 multiprocessors are in no MIG slice (8 by partitioning, 0 by splitting)" in remark.message


def test_h200_mig_strands_20_of_132_and_counts_memory_once_per_gpu_instance() -> None:
    rows = read_smi(H200, options(), PLACE)
    assert [(r["slice_id"], r["slice_profile"], r["multiprocessors"]) for r in rows.slices] == [
        ("2/0", "1c.3g.71gb", 16), ("2/1", "2c.3g.71gb", 32), ("3/0", "2g.35gb", 32), ("9/0", "1g.18gb", 16),
        ("10/0", "1g.18gb", 16),
    ]
    assert sum(r["multiprocessors"] for r in rows.slices) == 112
    assert sum(r["compute_slices"] for r in rows.slices) == 7
    assert sum(r["memory_slices"] or 0 for r in rows.slices) == 8
    assert sum(r["memory_bytes"] or 0 for r in rows.slices) == 137_472 * MIB
    totals = values(rows, "memory_total_bytes")
    assert sum(value for (_, slice_id), value in totals.items() if slice_id) == 137_472 * MIB
    assert totals["node-a/0", ""] == 143_771 * MIB
    (remark,) = [finding for finding in rows.findings if finding.code == "metrics_text.stranded"]
    assert "20 of 132 multiprocessors are in no MIG slice (8 by partitioning, 12 by splitting)" in remark.message


def test_the_split_is_known_without_profile_names_too() -> None:
    log = H200[H200.index("# load :: query (-q)"):]
    rows = read_smi(log, options(section="load"), PLACE)
    assert {r["slice_profile"] for r in rows.slices} == {None}
    assert any("(8 by partitioning, 12 by splitting)" in finding.message for finding in rows.findings)
    assert [r["compute_slices"] for r in rows.slices] == [1, 2, 2, 1, 1]


@pytest.mark.parametrize("text", [H100, H200])
@pytest.mark.parametrize("section", ["idle", "load"])
def test_under_mig_utilisation_is_absent_and_not_zero(text: str, section: str) -> None:
    rows = read_smi(text, options(section=section), PLACE)
    assert not values(rows, "gpu_util_percent")
    assert values(rows, "power_watts")["node-a/0", ""] > 50


def test_idle_and_load_are_different_snapshots_at_their_printed_times() -> None:
    idle, load = (read_smi(H100, options(section=section), PLACE) for section in ("idle", "load"))
    memory = [values(rows, "memory_used_bytes") for rows in (idle, load)]
    assert [reading["node-a/0", "2"] for reading in memory] == [26 * MIB, 11_091 * MIB]
    assert [reading["node-a/0", "3"] for reading in memory] == [17 * MIB, 17 * MIB]
    assert values(idle, "power_watts")["node-a/0", ""] < 80 < values(load, "power_watts")["node-a/0", ""]
    assert idle.samples[0]["event_time"] < load.samples[0]["event_time"]
    default = read_smi(H100, options(), PLACE)
    assert default.samples == load.samples
    assert codes(default)["metrics_text.section"] == Severity.INFO


def test_a_plain_text_of_two_gpus_and_an_old_driver() -> None:
    rows = read_smi(PLAIN, options(pool="p"), PLACE)
    first, second = "GPU-aaaaaaaa-0000-0000-0000-000000000001", "node-a/1"
    assert values(rows, "gpu_util_percent") == {(first, ""): 37.0}
    assert values(rows, "memory_used_bytes") == {(first, ""): 512.0 * MIB}
    assert values(rows, "power_watts") == {(first, ""): 250.5, (second, ""): 60.0}
    assert {row["event_time"] for row in rows.samples} == {datetime(2026, 5, 1, tzinfo=UTC)}
    assert {row["pool"] for row in rows.samples} == {"p"}
    assert codes(rows) == {"metrics_text.bad_value": Severity.WARNING}
    assert PLAIN.splitlines()[rows.samples[0]["row_number"] - 1].strip().startswith("Gpu")


def test_tables_conform_and_keys_are_distinct() -> None:
    tables = read_smi(H200, options(), PLACE).tables()
    assert set(tables) == {"gpu_samples", "gpu_slices"}
    for table in tables.values():
        assert len(set(table["event_key"].to_pylist())) == table.num_rows > 0


def test_one_listed_gpu_of_several_is_known_by_its_bus_id() -> None:
    text = PLAIN.replace("Attached GPUs                             : 2", "Attached GPUs : 8")
    assert "node-a/00000000:0B:00.0" in {row["device_id"] for row in read_smi(text, options(), PLACE).samples}


def test_a_growing_log_keeps_its_steps_when_its_start_is_declared() -> None:
    later = PLAIN.replace("00:00:00 2026", "00:01:00 2026")
    at_us = micros(datetime(2026, 6, 1, tzinfo=UTC))
    rows = read_smi(PLAIN + later + later, options(at_us=at_us), PLACE)
    times = sorted({micros(row["event_time"]) for row in rows.samples})
    assert times == [at_us, at_us + 60_000_000]
    assert codes(rows)["metrics_text.repeated_time"] == Severity.INFO


def test_printed_times_are_in_the_declared_zone() -> None:
    rows = read_smi(PLAIN, options(timezone="America/New_York"), PLACE)
    assert rows.samples[0]["event_time"] == datetime(2026, 5, 1, 4, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "given", "code", "severity"),
    [
        ("nothing here", {}, "no_log", Severity.ERROR),
        (H100, {"section": "busy"}, "no_section", Severity.ERROR),
        (PLAIN.replace("Fri May  1 00:00:00 2026", "yesterday"), {}, "bad_time", Severity.ERROR),
        (H100.replace("NVIDIA H100 80GB HBM3", "NVIDIA X9000"), {}, "unknown_model", Severity.WARNING),
        (H100.replace("Multiprocessor count                   : 60", "Multiprocessor count : N/A"), {},
         "bad_mig_device", Severity.ERROR),
        (PLAIN.replace("Disabled", "Enabled"), {}, "no_mig_instance", Severity.WARNING),
    ],
)
def test_what_is_wrong_is_said(text: str, given: dict[str, object], code: str, severity: Severity) -> None:
    rows = read_smi(text, options(**given), PLACE)
    assert codes(rows)[f"metrics_text.{code}"] == severity


def test_a_declared_multiprocessor_count_stands_in_for_the_catalogue() -> None:
    text = H100.replace("NVIDIA H100 80GB HBM3", "NVIDIA X9000")
    rows = read_smi(text, options(device_multiprocessors=140), PLACE)
    assert {row["device_multiprocessors"] for row in rows.slices} == {140}


@pytest.mark.parametrize("cut", [0.3, 0.6, 0.77, 0.85, 0.9])
def test_a_text_cut_short_never_raises(cut: float) -> None:
    text = H200[: int(len(H200) * cut)]
    rows = read_smi(text, options(), PLACE)
    assert rows.findings or rows.samples
    assert len(parse_smi(text).logs) <= 2
