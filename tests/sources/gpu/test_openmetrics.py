from __future__ import annotations

import math
import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from netyield.sources.gpu.openmetrics import Fault, parse

CAPTURES = Path(__file__).parents[2] / "data" / "captures"
TEXTS = sorted(CAPTURES.glob("*.metrics"))


@pytest.mark.parametrize("path", TEXTS, ids=lambda path: path.name[14:40])
def test_every_sample_line_of_the_captures_is_one_sample(path: Path) -> None:
    text = path.read_text()
    found = parse(text)
    expected = [line for line in text.splitlines() if line and not line.startswith("#")]
    assert not found.faults
    assert [sample.name for sample in found.samples] == [line.partition("{")[0].split(" ")[0] for line in expected]
    assert [sample.value for sample in found.samples] == [float(line.rsplit(" ", 1)[1]) for line in expected]
    assert set(found.types) == set(found.helps) == {sample.name for sample in found.samples}


def test_prometheus_text_counts_times_in_milliseconds() -> None:
    found = parse('# HELP up is it\n# TYPE up gauge\nup{a="b"} 1 1700000000123\nup 0\n')
    assert not found.openmetrics
    assert [(s.value, s.time_us, s.row) for s in found.samples] == [(1.0, 1_700_000_000_123_000, 3), (0.0, None, 4)]
    assert (found.helps["up"], found.types["up"]) == ("is it", "gauge")


def test_openmetrics_counts_times_in_seconds_and_may_carry_exemplars() -> None:
    found = parse('# UNIT x bytes\nx_total{} 5 1700000000.000001 # {trace_id="a b"} 0.5 1.1\n# EOF\n')
    assert found.openmetrics
    assert [(s.value, s.time_us) for s in found.samples] == [(5.0, 1_700_000_000_000_001)]
    assert found.units == {"x": "bytes"}
    assert not found.faults


def test_quoted_names_and_escapes() -> None:
    found = parse('{"gpu.util", "my label"="a\\"b\\\\c\\nd", b="}{,"} +Inf\nx { a = "1" , } NaN\n')
    assert not found.faults
    first, second = found.samples
    assert (first.name, dict(first.labels), first.value) == (
        "gpu.util", {"my label": 'a"b\\c\nd', "b": "}{,"}, math.inf,
    )
    assert (second.name, dict(second.labels), math.isnan(second.value)) == ("x", {"a": "1"}, True)


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("x", "form"),
        ("x one", "number"),
        ("x 1_000", "number"),
        ("x 1 soon", "milliseconds"),
        ("x 1 1.5", "milliseconds"),
        ("x 1 99999999999999999999", "out of range"),
        ("x 1 2 3", "form"),
        ('x{a="1" 1', "form"),
        ('x{a="1",a="2"} 1', "twice"),
        ('x{a} 1', "no value"),
        ('x{a="\\q"} 1', "escape"),
        ('{a="1"} 1', "no metric name"),
        ('x{"y"} 1', "two metric names"),
        ('x{a="1" b="2"} 1', "cannot be read"),
        ('x{=} 1', "cannot be read"),
        ("x 1 # {} 1", "exemplar"),
        ("1", "form"),
    ],
)
def test_a_bad_line_is_a_fault_with_its_row_and_the_others_are_kept(line: str, reason: str) -> None:
    found = parse(f"good 1\n{line}\nalso_good 2\n")
    assert [sample.name for sample in found.samples] == ["good", "also_good"]
    assert [fault.row for fault in found.faults] == [2]
    assert reason in found.faults[0].reason


def test_an_exponent_of_millions_in_a_time_is_refused_at_once() -> None:
    found = parse("x 1 1e999999999\n# EOF\n")
    assert found.faults == [Fault(1, "timestamp '1e999999999' is out of range")]


def test_lines_after_the_end_mark_are_faults() -> None:
    assert [fault.row for fault in parse("x 1\n# EOF\nx 2\n# EOF\n").faults] == [3]


LABELS = st.dictionaries(
    st.from_regex(r"[a-zA-Z_][a-zA-Z0-9_]*", fullmatch=True),
    st.text(st.characters(blacklist_categories=("Cs",), blacklist_characters="\r"), max_size=12), max_size=4,
)


@settings(max_examples=200, deadline=None)
@given(LABELS, st.floats(), st.one_of(st.none(), st.integers(0, 10**13)))
def test_what_is_written_by_the_rules_is_read_back(labels: dict[str, str], value: float, time_ms: int | None) -> None:
    def escape(text: str) -> str:
        return text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")

    pairs = ",".join(f'{name}="{escape(text)}"' for name, text in labels.items())
    found = parse(f"m{{{pairs}}} {value}{'' if time_ms is None else f' {time_ms}'}\n")
    assert not found.faults
    (sample,) = found.samples
    assert dict(sample.labels) == labels
    assert sample.value == value or (math.isnan(sample.value) and math.isnan(value))
    assert sample.time_us == (None if time_ms is None else time_ms * 1000)


@given(st.text(max_size=60))
@settings(max_examples=200, deadline=None)
def test_no_text_raises(text: str) -> None:
    found = parse(text)
    assert len(found.samples) + len(found.faults) <= text.count("\n") + 1


@pytest.mark.prometheus
@pytest.mark.skipif(
    shutil.which("promtool") is None and not os.environ.get("CI"),
    reason="promtool is missing; install it with: apt-get install prometheus",
)
def test_prometheus_itself_reads_the_same_samples(tmp_path: Path) -> None:
    """promtool's own OpenMetrics parser and a dump of what it stored, against ours, sample by sample."""
    lines = [
        f'gpu_util{{UUID="GPU-{gpu}",note="a \\"b\\" \\\\ c, d"}} {gpu * 7 + step} {1_700_000_000 + 15 * step}'
        for gpu in range(3) for step in range(50)
    ]
    text = "\n".join(["# HELP gpu_util in %", "# TYPE gpu_util gauge", *lines, "# EOF", ""])
    (tmp_path / "in.om").write_text(text)
    subprocess.run(
        ["promtool", "tsdb", "create-blocks-from", "openmetrics", "in.om", "data"],
        cwd=tmp_path, check=True, capture_output=True,
    )
    (tmp_path / "data" / "wal").mkdir()  # dump opens a whole database
    dump = subprocess.run(
        ["promtool", "tsdb", "dump", "data"], cwd=tmp_path, check=True, capture_output=True, text=True
    ).stdout
    stored = re.findall(r'UUID="(GPU-\d)".*\} (\S+) (\d+)$', dump, re.MULTILINE)
    ours = parse(text).samples
    assert sorted((s.labels["UUID"], s.value, (s.time_us or 0) // 1000) for s in ours) == sorted(
        (uuid, float(value), int(time)) for uuid, value, time in stored
    )
    assert len(ours) == 150
    assert all(sample.labels["note"] == 'a "b" \\ c, d' for sample in ours)
