"""States of devices against a slow reference, minute by minute, and the rules one by one."""

from __future__ import annotations

import itertools
from collections import defaultdict
from typing import Any

import pytest
from capacity_tables import MINUTE_US, claim, counted, layout, period, run, sample, states, us
from fleet_simulator import GIB, extent_ends, minutes
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from netyield.attribution.capacity import HOUR_US, STRANDED, grid_table
from netyield.attribution.settings import AttributionSettings, CapacitySettings
from netyield.attribution.slices import parts_table

SEGMENT = (130, 400)  # not on an hour, with readings before and after
METRICS = ("gpu_util_percent", "gpu_util_percent", "sm_active_ratio", "power_watts", "memory_used_bytes")
VALUES: dict[str, list[float]] = {
    "gpu_util_percent": [0.0, 0.0, 25.0, 100.0],
    "sm_active_ratio": [0.0, 0.125, 1.0],
    "power_watts": [70.0, 102.0, 640.0],
    "memory_used_bytes": [0.0, float(GIB), float(GIB + 1)],
}
MODELS = ("NVIDIA H100 80GB HBM3", "NVIDIA H200", "NVIDIA L4")
HOLDS = st.sampled_from([1, 3, 20, 90])
TIMES = st.integers(SEGMENT[0] - 60, SEGMENT[1] + 20)


@st.composite
def device(draw: st.DrawFn, name: str) -> tuple[list[dict[str, Any]], list[dict[str, Any]], list[dict[str, Any]]]:
    """Samples, claims and layout rows of one device, whole or in 2, 4 or 5 equal slices (each slice-minute is whole)."""
    parts = [str(n) for n in range(draw(st.sampled_from([0, 0, 2, 4, 5])))] or [""]
    model = draw(st.sampled_from(MODELS))
    metrics = draw(st.lists(st.sampled_from(METRICS), min_size=1, max_size=3))
    samples, owners, slices = [], [], []
    times = sorted(draw(st.sets(TIMES, min_size=1, max_size=14)))
    hold = draw(HOLDS)
    for part in parts:
        slices += [layout(t, part, device=name, hold=hold) for t in times] if part else []
        for metric in metrics:
            mine = [t for t in times if draw(st.integers(0, 3))]
            samples += [sample(t, draw(st.sampled_from(VALUES[metric])), name, metric, hold, part, model) for t in mine]
        for t in sorted(draw(st.sets(TIMES, max_size=5))):
            names = draw(st.sampled_from([[""], ["a"], ["a", "b"], ["a", "b", "c"], ["", "a"]]))
            long = draw(HOLDS)
            owners += [
                claim(
                    t,
                    "unallocated" if not who else draw(st.sampled_from(["allocated", "allocated", "starting", "down"])),
                    who,
                    name,
                    long,
                    part,
                )
                for who in names
            ]
    unique = {(r["slice"], r["metric"], r["t"]): r for r in samples}
    return list(unique.values()), owners, slices


@settings(
    max_examples=15,
    deadline=None,
    suppress_health_check=list(HealthCheck),
    phases=[Phase.explicit, Phase.reuse, Phase.generate],
)
@given(st.tuples(device("g"), device("h")), st.sampled_from([0.0, 0.25]), st.sampled_from([300, 900, 3600]))
def test_states_and_device_time_agree_with_a_minute_by_minute_simulation(devices: Any, above: float, slot: int) -> None:
    samples, owners, slices = ([row for one in devices for row in one[kind]] for kind in range(3))
    ends = extent_ends(samples, slices)
    # A day is loaded without what comes after it; its devices' extents know of that.
    seen = {r["device"] for r in (*samples, *slices) if r["t"] < SEGMENT[1]}
    samples, owners, slices = (
        [r for r in rows if r["t"] < SEGMENT[1] and r["device"] in seen] for rows in (samples, owners, slices)
    )
    engine = run(
        period(*SEGMENT),
        samples,
        owners,
        slices,
        ends=ends,
        settings=CapacitySettings(active_above=above),
        slot_seconds=slot,
    )
    truth = minutes(samples, owners, slices, ends, SEGMENT, round(above * 10**6))
    shares = {name: len({r["slice"] for r in slices if r["device"] == name}) or 1 for name in ends}
    want: dict[tuple[Any, ...], int] = defaultdict(int)
    activity: dict[tuple[str, int, int], int] = defaultdict(int)
    for (name, part, minute), (state, ppm, holders) in truth.items():
        begin = us(minute)
        each = MINUTE_US // shares[name] // max(len(holders), 1)
        for owner in holders or ("",):
            want[name, part, owner, state, begin - begin % (slot * 10**6), begin - begin % HOUR_US] += each
        if ppm is not None:
            activity[name, begin - begin % HOUR_US, ppm] += MINUTE_US
    found = engine.query("SELECT * FROM state_slots").to_pylist()
    have = {tuple(r[n] for n in ("device", "slice", "owner", "state", "slot_us", "hour_us")): r["us"] for r in found}
    assert [
        (key, have.get(key), want.get(key)) for key in have.keys() | want.keys() if have.get(key) != want.get(key)
    ] == []
    values = engine.query(
        "SELECT device, hour_us, ppm, SUM(us)::BIGINT AS us FROM signal_values GROUP BY ALL"
    ).to_pylist()
    assert {(r["device"], r["hour_us"], r["ppm"]): r["us"] for r in values} == dict(activity)
    engine.close()


# Multiprocessors, compute slices of 7 and memory slices of 8: shipped profiles of A100, H100, H200 and B200.
PROFILES = (
    (14, 1, 1),
    (16, 1, 2),
    (28, 2, 2),
    (42, 3, 4),
    (56, 4, 4),
    (16, 1, 1),
    (32, 2, 2),
    (60, 3, 4),
    (18, 1, 1),
    (36, 2, 2),
    (70, 3, 4),
)


@settings(max_examples=6, deadline=None, phases=[Phase.explicit, Phase.reuse, Phase.generate])
@given(st.lists(st.sampled_from(PROFILES), min_size=1, max_size=7), st.integers(1, 3), st.integers(0, 59))
def test_slices_of_any_layout_add_up_to_the_device_and_each_gets_its_part(
    parts: list[tuple[int, int, int]], sharers: int, since: int
) -> None:
    total = sum(sms for sms, _, _ in parts) + 7
    slices = [
        layout(0, str(n), sms, total, compute, memory, hold=600) for n, (sms, compute, memory) in enumerate(parts)
    ]
    samples = [
        sample(t, 50.0 * (t % 2), part=str(n), hold=600) for n in range(len(parts)) for t in range(0, 120, 7 + n)
    ]
    owners = [claim(0, "allocated", f"o{k}", part=str(n), hold=600) for n in range(len(parts)) for k in range(sharers)]
    engine = run(period(since, 180), samples, owners, slices)
    span = (180 - since) * MINUTE_US
    found = {
        r["slice"]: r["us"]
        for r in engine.query("SELECT slice, SUM(us)::BIGINT AS us FROM state_slots GROUP BY ALL").to_pylist()
    }
    assert sum(found.values()) == span
    for part in parts_table(slices_as_rows(slices)).to_pylist():
        exact = span * part["high"] // part["parts"] - span * part["low"] // part["parts"]
        assert found.get(part["slice"], 0) == exact
    assert set(states(engine, "slice, state")) >= {(STRANDED, "fragmented")}
    held = (
        engine.query("SELECT owner, SUM(us)::BIGINT AS us FROM state_slots WHERE owner <> '' GROUP BY ALL")
        .column("us")
        .to_pylist()
    )
    cuts = len(parts) * 400
    assert len(held) == sharers
    assert max(held) - min(held) <= cuts  # at most one microsecond per cut
    engine.close()


def slices_as_rows(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return sorted(rows, key=lambda r: (r["device"], r["slice"]))


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        ([sample(0, 0.0), sample(0, 80.0, metric="sm_active_ratio") | {"value": 0.8}], "active"),
        ([sample(0, 100.0), sample(0, 0.0, metric="sm_active_ratio")], "idle"),
        ([sample(0, 0.0), sample(0, 2.0**30, metric="memory_used_bytes")], "idle"),
        ([sample(0, 0.0), sample(0, 2.0**30 + 1, metric="memory_used_bytes")], "idle_held"),
        ([sample(0, 1e-9, metric="sm_active_ratio")], "active"),
        ([sample(0, 102.0, metric="power_watts")], "idle"),
        ([sample(0, 102.1, metric="power_watts")], "active"),
        ([sample(0, 102.0, metric="power_watts", model="NVIDIA H100 80GB HBM3")], "active"),
        (
            [sample(0, 600.0, metric="power_watts", model="NVIDIA L4"), sample(0, 0.0, metric="memory_used_bytes")],
            "unknown",
        ),
        ([sample(0, 600.0, metric="power_watts"), sample(0, 0.0)], "idle"),
        ([sample(0, 7.0, metric="memory_total_bytes"), sample(0, 7.0, metric="memory_used_bytes")], "unknown"),
    ],
)
def test_the_best_rung_that_says_anything_decides(rows: list[dict[str, Any]], expected: str) -> None:
    assert states(run(period(0, 60), rows)) == {expected: 3}


@pytest.mark.parametrize(
    ("state", "value", "expected"),
    [
        ("unallocated", 0.0, "unallocated"),
        ("unallocated", 5.0, "active"),
        ("allocated", 0.0, "idle"),
        ("starting", 0.0, "starting"),
        ("starting", 5.0, "active"),
        ("down", 5.0, "down"),
        ("down", 0.0, "down"),
    ],
)
def test_what_the_allocation_source_says_and_what_the_device_does(state: str, value: float, expected: str) -> None:
    assert states(run(period(0, 60), [sample(0, value)], [claim(0, state)])) == {expected: 3}


def test_without_an_allocation_source_an_idle_device_is_never_called_unallocated() -> None:
    assert states(run(period(0, 60), [sample(t, 0.0) for t in range(0, 60, 2)], ends={"g": (0, 58, 60)})) == {
        "idle": 60
    }


def test_where_only_the_allocation_speaks_a_held_device_is_unknown_and_a_free_one_unallocated() -> None:
    engine = run(
        period(0, 60),
        [sample(0, 0.0, hold=1)],
        [claim(0, "allocated", "a", hold=10), claim(10, "unallocated", hold=10)],
    )
    assert states(engine, "state, owner") == {("idle", "a"): 1, ("unknown", "a"): 9, ("unallocated", ""): 10}


def test_a_gap_longer_than_the_hold_is_unknown_and_not_zero() -> None:
    assert states(run(period(0, 60), [sample(0, 0.0), sample(10, 0.0)])) == {"idle": 6, "unknown": 7}


def test_a_reading_that_comes_just_as_the_hold_ends_leaves_no_gap() -> None:
    assert states(run(period(0, 60), [sample(0, 0.0), sample(3, 9.0), sample(6, 0.0)])) == {"idle": 6, "active": 3}


def test_the_last_reading_of_a_device_stands_for_its_usual_step_only() -> None:
    rows = [sample(t, 9.0, hold=30) for t in range(0, 50, 5)]
    assert states(run(period(0, 120), rows, ends=extent_ends(rows, []))) == {"active": 50}


def test_a_device_that_ended_just_before_midnight_does_not_live_on_in_the_next_day() -> None:
    rows = [sample(t, 9.0, hold=30) for t in (-15, -10, -5)]
    assert states(run(period(0, 60), rows, ends=extent_ends(rows, []))) == {}
    rows = [sample(t, 9.0, hold=30) for t in (-12, -7, -2)]
    assert states(run(period(0, 60), rows, ends=extent_ends(rows, []))) == {"active": 3}


def test_a_metric_read_a_moment_before_the_last_one_ends_with_the_device() -> None:
    rows = [sample(t, 9.0, hold=30) for t in range(0, 50, 5)] + [
        sample(t + 1, 0.0, metric="memory_used_bytes", hold=30) for t in range(0, 50, 5)
    ]
    assert states(run(period(0, 120), rows, ends=extent_ends(rows, []))) == {"active": 51}


def test_a_reading_from_before_the_segment_still_stands_in_it() -> None:
    assert states(run(period(10, 60), [sample(0, 9.0, hold=25)])) == {"active": 15}


def test_the_better_rung_speaks_in_its_own_hours_only() -> None:
    rows = [
        *(sample(t, 100.0, hold=10) for t in range(0, 120, 10)),
        *(sample(t, 0.0, metric="sm_active_ratio", hold=10) for t in range(0, 60, 10)),
    ]
    assert states(run(period(0, 120), rows), "hour_us, state") == {(us(0), "idle"): 60, (us(60), "active"): 60}


def test_copies_of_a_reading_and_of_a_count_are_taken_once() -> None:
    assert states(
        run(period(0, 60), [sample(0, 9.0), sample(0, 9.0)], [claim(0, "allocated", "a"), claim(0, "allocated", "a")])
    ) == {"active": 3}
    assert states(run(period(0, 60), counts=[counted(0, 4, 1), counted(0, 4, 1)])) == {"unknown": 5, "unallocated": 15}


def test_sharers_split_a_device_exactly_and_an_empty_name_is_no_sharer() -> None:
    claims = [claim(0, "allocated", who) for who in ("a", "b", "c")]
    assert states(run(period(0, 60), [sample(0, 9.0)], claims), "owner") == {"a": 1, "b": 1, "c": 1}
    assert states(
        run(period(0, 60), [sample(0, 9.0)], [claim(0, "allocated", "a"), claim(0, "unallocated")]), "owner"
    ) == {"a": 3}


def test_words_on_a_whole_device_say_nothing_of_its_slices() -> None:
    rows = [
        sample(0, 0.0, part="1"),
        sample(0, 0.0, part="2"),
        sample(0, 100.0),
        sample(0, 2.0**31, metric="memory_used_bytes"),
    ]
    claims = [claim(0, "allocated", "whole"), claim(0, "allocated", "a", part="1")]
    assert states(run(period(0, 60), rows, claims), "slice, owner, state") == {
        ("1", "a", "idle"): 1.5,
        ("2", "", "idle"): 1.5,
    }


def test_signal_time_is_the_reading_times_how_long_it_stood() -> None:
    engine = run(period(0, 60), [sample(0, 25.0), sample(3, 0.0), sample(6, 100.0)])
    assert engine.scalar("SELECT SUM(signal_us) FROM state_slots") == 3 * MINUTE_US * 125 // 100


# --- pools of which only counts are known ------------------------------------------------------------------------


def test_of_counted_pools_what_nobody_holds_is_unallocated_and_the_rest_unknown() -> None:
    counts = [counted(0, 8, 6), counted(5, 8, 8), counted(20, 10, 2)]
    assert states(run(period(0, 60), counts=counts)) == {
        "unknown": 6 * 5 + 8 * 5 + 2 * 5,
        "unallocated": 2 * 5 + 0 + 8 * 5,
    }


def test_a_whole_fleet_at_zero_for_an_hour_is_an_outage_and_a_shorter_one_is_not() -> None:
    def fleet(silent: int) -> dict[Any, float]:
        quiet = range(60, 60 + silent, 5)
        counts = [counted(t, 4, 0 if t in quiet else 3, pool) for pool in ("p", "q") for t in range(0, 240, 5)]
        return states(run(period(0, 240), counts=counts))

    assert fleet(60) == {"down": 8 * 60, "unallocated": 2 * 180, "unknown": 6 * 180}
    assert fleet(55) == {"unallocated": 2 * 185 + 8 * 55, "unknown": 6 * 185}


def test_one_empty_pool_beside_a_busy_one_is_unallocated_however_long() -> None:
    counts = [counted(t, 4, 0 if pool == "q" else 3, pool) for pool in ("p", "q") for t in range(0, 240, 5)]
    assert states(run(period(0, 240), counts=counts), "pool, state") == {
        ("p", "unallocated"): 240,
        ("p", "unknown"): 720,
        ("q", "unallocated"): 960,
    }


def test_a_pool_whose_counts_are_missing_does_not_make_an_outage_of_the_others() -> None:
    counts = [
        *(counted(t, 4, 0, "q") for t in range(0, 240, 5)),
        *(counted(t, 4, 3, "p") for t in (*range(0, 60, 5), *range(180, 240, 5))),
    ]
    assert states(run(period(0, 240), counts=counts), "pool, state")["q", "unallocated"] == 960


def test_minutes_of_the_rule_are_those_of_the_day_together() -> None:
    counts = [counted(t, 4, 0 if t % 120 < 30 else 4) for t in range(0, 240, 5)]
    assert states(run(period(0, 240), counts=counts)) == {"down": 240, "unknown": 720}
    strict = CapacitySettings(outage_minutes=61)
    assert states(run(period(0, 240), counts=counts, settings=strict)) == {"unallocated": 240, "unknown": 720}


def test_slots_are_clipped_to_the_segment_and_carry_their_hour() -> None:
    rows = grid_table(period(7, 67), 1800).to_pylist()
    assert [(r["slot_us"] - us(0), r["hour_us"] - us(0), r["a"] - us(0), r["b"] - us(0)) for r in rows] == [
        (m * MINUTE_US, h * MINUTE_US, a * MINUTE_US, b * MINUTE_US)
        for m, h, a, b in ((0, 0, 7, 30), (30, 0, 30, 60), (60, 60, 60, 67))
    ]


def test_slots_must_fill_an_hour_exactly() -> None:
    with pytest.raises(ValidationError, match="hour"):
        AttributionSettings(slot_seconds=420)


@pytest.mark.parametrize("edges", [(0, 75, 100, 240), (0, 61, 119, 240), (0, 59, 90, 125, 240)])
def test_a_part_of_a_day_calls_an_outage_what_the_day_calls_one(edges: tuple[int, ...]) -> None:
    counts = [
        counted(t, 4, 0 if 60 <= t < 120 else 3, pool) for pool in ("p", "q") for t in range(0, 240, 5)
    ]
    parts: dict[Any, float] = defaultdict(float)
    for since, until in itertools.pairwise(edges):
        for state, minutes_of_it in states(run(period(since, until), counts=counts)).items():
            parts[state] += minutes_of_it
    assert dict(parts) == states(run(period(0, 240), counts=counts)) == {"down": 480, "unallocated": 360, "unknown": 1080}


# --- one slice, several names ------------------------------------------------------------------------------------


def test_what_is_said_of_a_gpu_instance_holds_for_its_compute_instances() -> None:
    """DCGM names the instance 1; the driver lists it as 1/0 and, where it is split, 2/0 and 2/1."""
    slices = [layout(t, part, compute=n) for t in (0, 3) for part, n in (("1/0", 4), ("2/0", 3), ("2/1", 3))]
    rows = [sample(t, value, part=part) for t in (0, 3) for part, value in (("1", 100.0), ("2", 0.0))]
    claims = [claim(t, "allocated", "a", part="1") for t in (0, 3)]
    found = states(run(period(0, 60), rows, claims, slices), "slice, owner, state")
    assert {key for key in found if key[2] != "unknown"} == {
        ("1/0", "a", "active"), ("2/0", "", "idle"), ("2/1", "", "idle"),
    }  # fmt: skip
    assert sum(found.values()) == pytest.approx(6)


def test_what_is_said_of_a_compute_instance_holds_for_an_instance_the_layout_knows_whole() -> None:
    rows = [sample(0, 100.0, part="1/0"), sample(0, 0.0, part="2")]
    found = states(run(period(0, 60), rows, [], [layout(0, "1"), layout(0, "2")]), "slice, state")
    assert found == {("1", "active"): 1.5, ("2", "idle"): 1.5}


def test_of_a_layout_in_both_names_the_finer_one_stands() -> None:
    slices = [layout(0, part, 16, 132, 1, 1) for part in ("1", "1/0", "2/0")]
    rows = [sample(0, 50.0, part=part) for part in ("1", "2")]
    found = states(run(period(0, 60), rows, [], slices), "slice, state")
    assert set(found) == {("1/0", "active"), ("2/0", "active"), (STRANDED, "fragmented")}


def test_slices_of_odd_sizes_over_a_whole_day_do_not_overflow() -> None:
    """Microseconds of a day times parts of a device: beyond 64 bits as soon as the sizes have no common divisor."""
    sizes = {"1/0": 41, "1/1": 2, "2/0": 43, "2/1": 4, "3/0": 37}
    slices = [layout(0, part, sms, 132, 1, 1, hold=1440) for part, sms in sizes.items()]
    parts = parts_table([{**row, "device": "g"} for row in slices]).column("parts").to_pylist()
    assert max(parts) * 1440 * MINUTE_US > 2**63
    rows = [sample(t, 100.0, part=part, hold=60) for part in sizes for t in range(0, 1440, 60)]
    found = states(run(period(0, 1440), rows, [], slices, ends={"g": (0, 1380, 1440)}), "state")
    assert sum(found.values()) == pytest.approx(1440)
