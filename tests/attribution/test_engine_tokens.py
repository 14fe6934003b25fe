"""Tokens an engine counted and no request log explains: found per slot, their money unproven, nothing counted twice."""

from __future__ import annotations

import itertools
import tempfile
from collections.abc import Sequence
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from ledger_rows import MINUTE, START, make_project

from netyield.attribution import engine_leaves
from netyield.attribution.engine_tokens import replica_map
from netyield.core.period import iso
from netyield.project import Project, Query
from netyield.usefulness.policy import verdicts

POOL = '[[pool]]\nname = "a"\ntags = {pool = "a"}\ndevices = ["a*"]\n'
HOUR = 60
# Four dollars an hour for two devices that run one replica.
CHARGE = {
    "charge_start": START,
    "charge_end": START + timedelta(hours=2),
    "effective_cost": Decimal(8),
    "gpu_count": 2,
    "consumed_quantity": Decimal(2),
    "consumed_unit": "Hours",
    "tags": '{"pool": "a"}',
    "service_name": "Compute",
}
WINDOW = Query(since=iso(START), until=iso(START + timedelta(hours=2)))


def telemetry(minutes: int = 2 * HOUR) -> dict[str, list[dict[str, Any]]]:
    """Two devices at full signal, held by one replica."""
    instants = [(device, START + minute * MINUTE) for device in ("a0", "a1") for minute in range(minutes)]
    return {
        "gpu_samples": [{"device_id": d, "event_time": t, "value": 100.0} for d, t in instants],
        "gpu_owners": [
            {"device_id": d, "event_time": t, "owner": "serve/llm-0", "namespace": "serve", "state": "allocated"}
            for d, t in instants
        ],
    }


def counter(metric: str, values: Sequence[float], first: int = 0, **extra: Any) -> list[dict[str, Any]]:
    """One reading a minute of one series."""
    row = {
        "replica": "llm-0",
        "namespace": "serve",
        "engine": "vllm",
        "model": "llama",
        "metric": metric,
        "kind": "counter",
        **extra,
    }
    return [row | {"event_time": START + (first + m) * MINUTE, "value": float(v)} for m, v in enumerate(values)]


def call(minute: int, prompt: int, output: int) -> dict[str, Any]:
    return {
        "event_time": START + minute * MINUTE,
        "end_time": START + (minute + 1) * MINUTE,
        "pool": "a",
        "replica": "llm-0",
        "model": "gateway-name",
        "in_uncached": prompt,
        "out_text": output,
    }


def steps(project: Project) -> dict[str, Decimal]:
    return {row["step"]: Decimal(row["amount"]) for row in project.answer("waterfall", WINDOW).body["rows"]}


def engine_only(project: Project) -> dict[str, Any]:
    found = project.books(WINDOW).engine.query(
        """SELECT CAST(SUM(pico) AS BIGINT) AS pico, CAST(SUM(unit_tokens) AS BIGINT) AS unit, CAST(SUM(out_text) AS BIGINT) AS out_text,
                  CAST(SUM(in_uncached) AS BIGINT) AS uncached, CAST(SUM(in_cache_read) AS BIGINT) AS cached, MAX(model) AS model
           FROM leaves WHERE step = 'unproven' AND reason = 'engine_only'"""
    )
    return dict(found.to_pylist()[0])


def test_half_an_hour_no_log_knows_is_unproven_with_the_tokens_the_engine_counted(tmp_path: Path) -> None:
    # Hour 0 is logged. In hour 1 the engine counts on for 30 minutes, restarting in the middle: 30 * (100 + 10) tokens.
    # The restarted process had served its first minute when it was first read, at minute 75.
    minutes = [m if m < 75 else min(m - 74, 16) for m in range(2 * HOUR)]
    prompt, output = [100 * m for m in minutes], [10 * m for m in minutes]
    project = make_project(
        tmp_path,
        POOL,
        charges=[CHARGE],
        **telemetry(),
        attempts=[call(m, 100, 10) for m in range(HOUR)],
        engine_samples=[*counter("vllm:prompt_tokens", prompt), *counter("vllm:generation_tokens", output)],
    )
    found = steps(project)
    # Active half hours: one with requests' hour before it ($4), one the engine explains ($2), one nobody explains ($2).
    assert found["active_unattributed"] == Decimal(2)
    assert found["unproven"] == Decimal(6)
    assert engine_only(project) == {
        "pico": 2 * 10**12,
        "unit": 300,
        "out_text": 300,
        "uncached": 3000,
        "cached": 0,
        "model": "llama",
    }
    told = project.answer("waterfall", WINDOW).body
    assert sum(Decimal(row["amount"]) for row in told["rows"]) == Decimal(told["total"]) == Decimal(8)
    assert told["usage"]["tokens_by_verdict"]["unproven"] == 600 + 300


def test_prompt_tokens_from_a_cache_are_cache_reads(tmp_path: Path) -> None:
    rows = [
        *counter("vllm:prompt_tokens", [0, 1000]),
        *counter("vllm:generation_tokens", [0, 7]),
        *counter("vllm:prompt_tokens_by_source", [0, 300], labels='{"engine":"0","source":"local_compute"}'),
        *counter("vllm:prompt_tokens_by_source", [0, 700], labels='{"engine":"0","source":"local_cache_hit"}'),
    ]
    project = make_project(tmp_path, POOL, charges=[CHARGE], **telemetry(), engine_samples=rows)
    found = engine_only(project)
    assert (found["uncached"], found["cached"], found["unit"]) == (300, 700, 7)


def test_series_of_several_ranks_add_up(tmp_path: Path) -> None:
    rows = [row for rank in "01" for row in counter("vllm:generation_tokens", [5, 9], labels=f'{{"engine":"{rank}"}}')]
    assert engine_only(make_project(tmp_path, POOL, charges=[CHARGE], **telemetry(), engine_samples=rows))["unit"] == 8


def test_growth_that_reaches_out_of_a_logged_slot_is_not_counted_again(tmp_path: Path) -> None:
    # Read at half past each minute: the growth of 00:04:30 to 00:05:30 may be that of the call that ended at 00:05.
    rows = counter("vllm:generation_tokens", [0, 0, 0, 0, 0, 50, 50, 50])
    shifted = [row | {"event_time": row["event_time"] + timedelta(seconds=30)} for row in rows]
    project = make_project(
        tmp_path, POOL, charges=[CHARGE], **telemetry(), attempts=[call(4, 10, 50)], engine_samples=shifted
    )
    assert engine_only(project)["pico"] is None
    assert project.answer("waterfall", WINDOW).body["usage"]["tokens_by_verdict"] == {"unproven": 50}


def test_without_growth_an_active_device_stays_unattributed(tmp_path: Path) -> None:
    rows = [*counter("vllm:generation_tokens", [900] * HOUR), *counter("vllm:prompt_tokens", [4000] * HOUR)]
    project = make_project(tmp_path, POOL, charges=[CHARGE], **telemetry(), engine_samples=rows)
    assert steps(project)["active_unattributed"] == Decimal(8)
    assert engine_only(project)["unit"] is None


def test_nothing_that_is_no_count_becomes_tokens(tmp_path: Path) -> None:
    rows = counter("vllm:generation_tokens", [float("nan"), -5, 1e300, float("inf"), 3, 10])
    project = make_project(tmp_path, POOL, charges=[CHARGE], **telemetry(), engine_samples=rows)
    assert engine_only(project)["unit"] == 7


def test_an_idle_device_gets_no_tokens_and_an_idle_engine_no_money(tmp_path: Path) -> None:
    idle = telemetry()
    idle["gpu_samples"] = [row | {"value": 0.0} for row in idle["gpu_samples"]]
    rows = counter("vllm:generation_tokens", range(2 * HOUR))
    project = make_project(tmp_path, POOL, charges=[CHARGE], **idle, engine_samples=rows)
    assert steps(project)["idle"] == Decimal(8)
    assert engine_only(project)["unit"] is None


def test_the_words_are_those_of_the_policy() -> None:
    rule = next(v for v in verdicts() if v.code == 33)
    assert rule.step == engine_leaves.STEP
    assert rule.reason == engine_leaves.REASON_WORD


def test_processes_find_their_holders_by_name() -> None:
    owners = [("a", "serve/llm-0"), ("b", "other/llm-0"), ("a", "llm-1"), ("c", "x/twin"), ("c", "y/twin")]
    said = [
        ("llm-0", "serve"),
        ("llm-0", "other"),
        ("llm-1", "elsewhere"),
        ("twin", ""),
        ("10.0.0.7:8000", ""),
        ("logged", ""),
    ]
    processes = [{"replica": r, "namespace": n, "model": ""} for r, n in said]
    rows = replica_map(processes, owners, (), {"logged": "d", "llm-0": "never asked"}).to_pylist()
    assert {(row["replica"], row["namespace"]): (row["pool"], row["owner"]) for row in rows} == {
        ("llm-0", "serve"): ("a", "serve/llm-0"),
        ("llm-0", "other"): ("b", "other/llm-0"),
        ("llm-1", "elsewhere"): ("a", "llm-1"),
        ("twin", ""): ("", ""),
        ("10.0.0.7:8000", ""): ("", ""),
        ("logged", ""): ("d", ""),
    }


@settings(
    max_examples=6,
    deadline=None,
    suppress_health_check=list(HealthCheck),
    phases=[Phase.explicit, Phase.reuse, Phase.generate],
)
@given(st.data())
def test_money_stays_whole_and_no_token_is_counted_twice(data: st.DataObject) -> None:
    minutes = st.integers(0, 2 * HOUR - 2)
    seen = telemetry()
    seen["gpu_samples"] = [row | {"value": data.draw(st.sampled_from([0.0, 100.0]))} for row in seen["gpu_samples"]]
    seconds = data.draw(st.sampled_from([0, 17, 30]))
    values = data.draw(st.lists(st.integers(0, 500), min_size=2, max_size=40))
    first = data.draw(st.integers(0, HOUR))
    rows = [
        row | {"event_time": row["event_time"] + timedelta(seconds=seconds)}
        for row in counter("vllm:generation_tokens", values, first)
    ]
    calls = [call(minute, 5, 40) for minute in data.draw(st.lists(minutes, max_size=4))]
    with tempfile.TemporaryDirectory() as folder:
        project = make_project(Path(folder), POOL, charges=[CHARGE], **seen, attempts=calls, engine_samples=rows)
        assert sum(steps(project).values()) == Decimal(8)
        grown = sum(b - a if b >= a else b for a, b in itertools.pairwise(values))
        assert 0 <= (engine_only(project)["unit"] or 0) <= grown
        assert sum(project.answer("waterfall", WINDOW).body["usage"]["tokens_by_verdict"].values()) <= grown + 40 * len(
            calls
        )


def test_what_a_counter_grows_while_nobody_reads_it_around_midnight_is_not_lost(tmp_path: Path) -> None:
    """Read until 22:00, then again from 02:00: the hold (three minutes) is long over, the growth of four hours is not."""
    read = {"event_time": START + timedelta(hours=22), "value": 1000.0, "kind": "counter", "engine": "vllm", "model": "llama"}
    series = {"replica": "llm-0", "namespace": "serve"}
    later = {**read, **series, "event_time": START + timedelta(hours=26)}
    rows = [
        {**read, **series, "metric": metric, "value": value} | more
        for metric, value, grown in (("vllm:prompt_tokens", 1000.0, 5000.0), ("vllm:generation_tokens", 100.0, 900.0))
        for more in (
            {"event_time": START + timedelta(hours=21), "value": value - 50},
            {},
            {"event_time": later["event_time"], "value": grown},
            {"event_time": later["event_time"] + MINUTE, "value": grown + 1},
        )
    ]
    held = [
        {"device_id": "a0", "event_time": START + timedelta(hours=hour), "hold_us": 3_600_000_000} for hour in range(20, 30)
    ]
    project = make_project(
        tmp_path,
        POOL,
        charges=[CHARGE | {"charge_end": START + timedelta(hours=48), "consumed_quantity": Decimal(48)}],
        gpu_samples=[row | {"value": 100.0} for row in held],
        gpu_owners=[row | {"owner": "serve/llm-0", "namespace": "serve", "state": "allocated"} for row in held],
        engine_samples=rows,
    )
    days = Query(since=iso(START), until=iso(START + timedelta(hours=48)))
    found = project.books(days).engine.query(
        "SELECT CAST(SUM(prompt_engine) AS BIGINT) AS prompt, CAST(SUM(output_engine) AS BIGINT) AS output FROM replica_hours"
    )
    assert found.to_pylist() == [{"prompt": 50 + 4000 + 1, "output": 50 + 800 + 1}]
    cut = [Query(since=iso(START + timedelta(hours=a)), until=iso(START + timedelta(hours=b))) for a, b in ((0, 23), (23, 48))]
    parts = [
        project.books(query).engine.scalar("SELECT CAST(SUM(output_engine) AS BIGINT) FROM replica_hours") for query in cut
    ]
    assert parts == [50, 801]


def test_a_reading_older_than_a_day_is_not_looked_for(tmp_path: Path) -> None:
    row = {"replica": "llm-0", "namespace": "serve", "engine": "vllm", "metric": "vllm:generation_tokens", "kind": "counter"}
    project = make_project(
        tmp_path,
        POOL,
        engine_samples=[
            row | {"event_time": START, "value": 10.0},
            row | {"event_time": START + timedelta(hours=49), "value": 500.0},
            row | {"event_time": START + timedelta(hours=50), "value": 501.0},
        ],
        gpu_samples=[{"device_id": "a0", "event_time": START, "value": 1.0}],
    )
    days = Query(since=iso(START), until=iso(START + timedelta(hours=72)))
    books = project.books(days)
    assert books.engine.scalar("SELECT CAST(SUM(output_engine) AS BIGINT) FROM replica_hours") == 1
