from __future__ import annotations

import gzip
import os
import shutil
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from netyield.core.finding import Finding, Severity
from netyield.core.period import iso
from netyield.sources.gpu.metrics_text import MetricsText
from netyield.sources.registry import build

CAPTURES = Path(__file__).parents[2] / "data" / "captures"
AT = "2026-07-14T09:00:00Z"
MIB = 1 << 20


class Got:
    """Everything one source delivered."""

    def __init__(self, source: MetricsText) -> None:
        self.tables: dict[str, list[dict[str, Any]]] = {}
        self.findings: list[Finding] = []
        for delivery in source.deliveries({}):
            for chunk in delivery.chunks():
                self.findings += chunk.findings
                for name, table in chunk.tables.items():
                    self.tables.setdefault(name, []).extend(table.to_pylist())

    @property
    def codes(self) -> dict[str, Severity]:
        return {finding.code: finding.severity for finding in self.findings}

    def values(self, metric: str) -> list[tuple[str, float]]:
        return [(r["device_id"], r["value"]) for r in self.tables.get("gpu_samples", []) if r["metric"] == metric]


def source(root: Path, path: str, **given: Any) -> MetricsText:
    return MetricsText(MetricsText.Settings(**({"type": "metrics_text", "path": path} | given)), root)


def capture(name: str, **given: Any) -> Got:
    return Got(source(CAPTURES, f"linux-x86_64__nvidia-{name}", **({"at": AT, "host": "node-a"} | given)))


@pytest.mark.parametrize(
    ("model", "idle_watts", "load_watts"),
    [
        ("h100-80gb-hbm3__590.48.01", 69.85, 631.95), ("h200__590.48.01", 77.71, 627.4),
        ("h100-mig__590.48.01", 71.15, 433.78), ("h200-mig__590.48.01", 78.28, 295.01),
        ("l40s__595.80", 144.97, 110.23),  # its "load" is a video encode: labels and signals are inverted
    ],
)
def test_captures_idle_and_load(model: str, idle_watts: float, load_watts: float) -> None:
    for state, watts in (("idle", idle_watts), ("load", load_watts)):
        got = capture(f"{model}__{state}.metrics")
        assert got.values("power_watts") == [("node-a/0", watts)]
        assert {iso(row["event_time"]) for row in got.tables["gpu_samples"]} == {AT}
        assert {row["hold_us"] for row in got.tables["gpu_samples"]} == {90_000_000}
        if "mig" in model:
            assert got.values("gpu_util_percent") == []  # absent, not 0
        else:
            assert len(got.values("gpu_util_percent")) == 1


def test_both_kinds_of_text_agree_on_the_same_machine() -> None:
    for model in ("h100-mig__590.48.01", "h200-mig__590.48.01"):
        text = capture(f"{model}.txt", kind="nvidia_smi")
        scrape = capture(f"{model}__load.metrics")
        whole = [row for row in text.tables["gpu_samples"] if not row["slice_id"]]
        for metric in ("memory_used_bytes", "memory_total_bytes"):
            assert [(r["device_id"], r["value"]) for r in whole if r["metric"] == metric] == scrape.values(metric)


@pytest.mark.parametrize(("model", "used"), [("h100-mig__590.48.01", 124), ("h200-mig__590.48.01", 112)])
def test_mig_layouts_leave_multiprocessors_over(model: str, used: int) -> None:
    got = capture(f"{model}.txt", kind="nvidia_smi", hold_seconds=3600)
    rows = got.tables["gpu_slices"]
    assert sum(row["multiprocessors"] for row in rows) == used
    assert {row["device_multiprocessors"] for row in rows} == {132}
    assert {(iso(row["event_time"]), row["hold_us"], row["device_id"]) for row in rows} == {
        (AT, 3_600_000_000, "node-a/0"),
    }
    assert got.codes["metrics_text.stranded"] == Severity.INFO


def test_masked_gpus_of_several_files_stay_apart_without_a_host() -> None:
    got = Got(source(CAPTURES, "*__load.metrics", at=AT))
    assert len({device for device, _ in got.values("power_watts")}) == 5


def test_masked_gpus_of_one_file_are_told_apart_by_their_index(tmp_path: Path) -> None:
    zeros = ["00000000-0000-0000-0000-000000000000", "00000000-0000-0000-0000-000000000001"]
    real = "11111111-2222-3333-4444-555555555555"
    lines = [f'nvidia_smi_index{{uuid="{zeros[0]}"}} 3', f'nvidia_smi_power_draw_watts{{uuid="{zeros[0]}"}} 100',
             f'nvidia_smi_index{{uuid="{real}"}} 1', f'nvidia_smi_power_draw_watts{{uuid="{real}"}} 200']
    (tmp_path / "a.prom").write_text("\n".join(lines) + "\n")
    got = Got(source(tmp_path, "a.prom", at=AT, host="n"))
    assert sorted(got.values("power_watts")) == [(f"GPU-{real}", 200.0), ("n/3", 100.0)]


def test_a_sample_with_its_own_time_keeps_it_and_repeats_become_one_series(tmp_path: Path) -> None:
    (tmp_path / "a.prom").write_text(
        'DCGM_FI_DEV_GPU_UTIL{gpu="0",UUID="GPU-11111111-2222-3333-4444-555555555555"} 10 1777593600000\n'
        'DCGM_FI_DEV_GPU_UTIL{gpu="0",UUID="GPU-11111111-2222-3333-4444-555555555555"} 20 1777593615000\n'
        'DCGM_FI_DEV_GPU_UTIL{gpu="0",UUID="GPU-11111111-2222-3333-4444-555555555555"} 30\n'
    )
    got = Got(source(tmp_path, "a.prom", at="2026-05-01T02:00:30", timezone="Europe/Berlin", pool="{filename}"))
    assert [(iso(row["event_time"]), row["value"], row["pool"]) for row in got.tables["gpu_samples"]] == [
        ("2026-05-01T00:00:00Z", 10.0, "a"), ("2026-05-01T00:00:15Z", 20.0, "a"), ("2026-05-01T00:00:30Z", 30.0, "a"),
    ]


def test_openmetrics_and_gzip(tmp_path: Path) -> None:
    name = "DCGM_FI_DEV_POWER_USAGE"
    text = f'# TYPE {name} gauge\n{name}{{gpu="2",Hostname="n7"}} 300 1777593600.25\n# EOF\n'
    (tmp_path / "a.om.gz").write_bytes(gzip.compress(text.encode()))
    got = Got(source(tmp_path, "a.om.gz", at=AT))
    assert got.values("power_watts") == [("n7/2", 300.0)]
    assert iso(got.tables["gpu_samples"][0]["event_time"]) == "2026-05-01T00:00:00.250000Z"


def test_engine_counters_come_from_the_same_text(tmp_path: Path) -> None:
    (tmp_path / "a.prom").write_text('vllm:prompt_tokens_total{model_name="llama",engine="0"} 12345\n')
    got = Got(source(tmp_path, "a.prom", at=AT, host="n7"))
    (row,) = got.tables["engine_samples"]
    assert (row["metric"], row["kind"]) == ("vllm:prompt_tokens", "counter")
    assert (row["model"], row["value"]) == ("llama", 12345.0)


def test_without_a_time_the_files_own_stands_and_it_is_said(tmp_path: Path) -> None:
    path = tmp_path / "a.metrics"
    shutil.copy(CAPTURES / "linux-x86_64__nvidia-l40s__595.80__idle.metrics", path)
    modified = datetime(2026, 7, 3, 8, 30, tzinfo=UTC)
    os.utime(path, (modified.timestamp(), modified.timestamp()))
    said, wished = Got(source(tmp_path, "a.metrics")), Got(source(tmp_path, "a.metrics", at="mtime"))
    assert {row["event_time"] for row in said.tables["gpu_samples"]} == {modified}
    assert {row["event_time"] for row in wished.tables["gpu_samples"]} == {modified}
    assert said.codes["metrics_text.file_time"] == Severity.INFO
    assert "metrics_text.file_time" not in wished.codes


def test_bad_lines_are_said_with_their_row_and_the_rest_is_read(tmp_path: Path) -> None:
    good = (CAPTURES / "linux-x86_64__nvidia-h200__590.48.01__load.metrics").read_text()
    (tmp_path / "a.metrics").write_text(f"{good}half a li\nnvidia_smi_power_draw_watts{{uuid=\n")
    got = Got(source(tmp_path, "a.metrics", at=AT, host="n"))
    (bad,) = [finding for finding in got.findings if finding.code == "metrics_text.bad_line"]
    assert (bad.severity, bad.row, bad.count) == (Severity.ERROR, good.count("\n") + 1, 2)
    assert got.values("power_watts") == [("n/0", 627.4)]


@pytest.mark.parametrize(
    ("content", "kind", "code"),
    [
        (b"", "prometheus", "metrics_text.no_sample"),
        (b"\xff\xfe\x00\x01 not a text", "prometheus", "metrics_text.no_sample"),
        (gzip.compress(b"up 1\n" * 1000, mtime=0)[:20], "prometheus", "metrics_text.truncated"),
        (b"", "nvidia_smi", "metrics_text.no_log"),
        (b"\x00" * 100, "nvidia_smi", "metrics_text.no_log"),
    ],
)
def test_what_is_no_metrics_text_is_said(tmp_path: Path, content: bytes, kind: str, code: str) -> None:
    (tmp_path / "a.txt").write_bytes(content)
    got = Got(source(tmp_path, "a.txt", kind=kind, at=AT))
    assert got.codes[code] == Severity.ERROR


def test_no_file_is_told_by_the_probe_and_a_found_one_by_its_window(tmp_path: Path) -> None:
    missing = source(tmp_path, "*.prom").probe()
    assert (missing.reachable, [finding.code for finding in missing.findings]) == (False, ["metrics_text.no_file"])
    probe = source(CAPTURES, "*h200__*__idle.metrics", at=AT).probe()
    assert probe.window is not None
    assert str(probe.window) == "2026-07-14T09:00:00Z to 2026-07-14T09:01:30Z"


@pytest.mark.parametrize("given", [{"at": "soon"}, {"kind": "csv"}, {"hold_seconds": 0}, {"hostname": "x"}])
def test_settings_that_make_no_sense_are_refused(tmp_path: Path, given: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        source(tmp_path, "x", **given)


def test_the_registry_finds_the_source(tmp_path: Path) -> None:
    assert isinstance(build({"type": "metrics_text", "path": "x", "kind": "nvidia_smi"}, tmp_path), MetricsText)


def test_a_reading_stands_for_three_of_the_files_own_intervals(tmp_path: Path) -> None:
    lines = [f'DCGM_FI_DEV_GPU_UTIL{{gpu="0",Hostname="n7"}} {n} {1777593600000 + n * 300_000}\n' for n in range(5)]
    (tmp_path / "a.prom").write_text("".join(lines))
    assert {row["hold_us"] for row in Got(source(tmp_path, "a.prom")).tables["gpu_samples"]} == {900_000_000}
    declared = Got(source(tmp_path, "a.prom", hold_seconds=10))
    assert {row["hold_us"] for row in declared.tables["gpu_samples"]} == {10_000_000}


def test_a_loop_of_nvidia_smi_likewise(tmp_path: Path) -> None:
    lines = (CAPTURES / "linux-x86_64__nvidia-h100-mig__590.48.01.txt").read_text().splitlines()
    start = next(n for n, line in enumerate(lines) if "NVSMI LOG" in line)
    end = next(n for n, line in enumerate(lines) if n > start and line.startswith("####"))
    log = "\n".join(lines[start:end])
    loops = [log.replace("Jul 14 09:00:27", f"Jul 14 09:{minute:02d}:27") for minute in (10, 12, 14)]
    (tmp_path / "loop.txt").write_text("\n".join(loops))
    got = Got(source(tmp_path, "loop.txt", kind="nvidia_smi", host="a"))
    assert len({row["event_time"] for row in got.tables["gpu_samples"]}) == 3
    assert {row["hold_us"] for row in got.tables["gpu_samples"]} == {360_000_000}
