"""Capacity per pool and the heat map, reckoned by hand."""

from __future__ import annotations

from typing import Any

import pytest
from made_books import dollars, make, read, seen, stood

from netyield.answers import fleet
from netyield.answers.books import Query
from netyield.charts.drawings import drawings

HELD = [
    stood("g0", "active", 3, 30),
    stood("g0", "idle", 1, 10),
    stood("g1", "idle_held", 2, 20),
    stood("", "unknown", 2, 20),
    stood("h0", "unallocated", 4, 4, pool="b"),
]
OBSERVED = [
    seen("g0", "active", 3, 0.5),
    seen("g0", "idle", 1),
    seen("g1", "idle_held", 2),
    seen("h0", "unallocated", 4, held=False, pool="b"),
]


def rows(where: dict[str, str] | None = None, **tables: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    books = make(Query(where=where or {}), **({"fleet": HELD, "activity": OBSERVED} | tables))
    return {r["pool"]: r for r in fleet.answer(books).body["rows"]}


def test_paid_hours_add_up_over_states_and_money_over_devices() -> None:
    a = rows()["a"]
    assert (a["gpu_hours_paid"], a["amount"], a["gpu_hours_allocated"]) == (8, "80", 6)
    assert (a["hours_active"], a["hours_idle"], a["hours_idle_held"], a["hours_unknown"], a["hours_down"]) == (
        3,
        1,
        2,
        2,
        0,
    )
    answer = fleet.answer(make(fleet=HELD, activity=OBSERVED))
    assert answer.headline == {"pools": 2, "gpu_hours_paid": 12}
    assert answer.description == "2 pools, 12.0 GPU-hours paid, 7.0 of them idle or unallocated, 2.0 unknown."


def test_activity_counts_unknown_time_as_nothing_and_as_full() -> None:
    a = rows()["a"]
    assert (a["activity_low"], a["activity_high"]) == (pytest.approx(1.5 / 8), pytest.approx(3.5 / 8))


def test_paid_time_stretches_or_shrinks_what_was_observed() -> None:
    """Twice as much was paid for as telemetry saw (say a count on the bill): the observed hours stand for the known part."""
    held = [stood("g0", "active", 6), stood("g0", "idle", 2)]
    observed = [seen("g0", "active", 3, 0.5), seen("g0", "idle", 1)]
    assert rows(fleet=held, activity=observed)["a"]["activity_low"] == pytest.approx(3 / 8)


def test_without_an_allocation_source_nothing_is_said_of_what_was_held() -> None:
    observed = [seen("g0", "active", 3, held=False)]
    assert rows(activity=observed)["a"]["gpu_hours_allocated"] is None


def test_the_distribution_weighs_readings_by_how_long_they_stood() -> None:
    readings = [read("g0", 0, 3), read("g0", 20, 1), read("g1", 100, 2), read("g1", 50, 1)]
    a = rows(signal_values=readings)["a"]
    assert (a["median_signal"], a["mean_signal"], a["share_at_zero"]) == (
        0.2,
        pytest.approx(2.7 / 7, abs=1e-6),
        pytest.approx(3 / 7, abs=1e-6),
    )
    assert rows()["a"]["median_signal"] is None


def test_the_best_rung_of_the_ladder_is_named_whatever_it_read() -> None:
    readings = [read("g0", 0, 3), read("g1", 100, 2, "sm_active_ratio"), read("g2", 0, 1, "power_watts")]
    assert rows(signal_values=readings)["a"]["signal"] == "sm_active_ratio"


def test_the_heat_map_names_the_state_that_took_most_of_the_hour() -> None:
    heat = fleet.answer(make(fleet=HELD, activity=OBSERVED)).views["heat"][0].to_pylist()
    cells = {r["device"]: (r["state"], r["active_share"], r["gpu_hours"], r["amount"]) for r in heat}
    assert cells["g0"] == ("active", 0.75, 4, 40)
    assert cells["g1"] == ("idle_held", 0, 2, 20)
    assert cells["a"] == ("unknown", None, 2, 20)  # counts of a pool without a device stand under the pool's name
    assert {r["hour"] for r in heat} == {"2026-10-05T00:00:00Z"}


@pytest.mark.parametrize("order", [1, -1])
def test_a_tie_in_the_heat_map_is_broken_by_name_and_not_by_row_order(order: int) -> None:
    held = [stood("g0", "active", 1), stood("g0", "idle", 1), stood("g0", "down", 1)][::order]
    assert [r["state"] for r in fleet.answer(make(fleet=held)).views["heat"][0].to_pylist()] == ["idle"]


@pytest.mark.parametrize(
    ("where", "pools"),
    [({"pool": "b"}, {"b"}), ({"pool": "[ab]"}, {"a", "b"}), ({"pool": "*"}, {"a", "b"}), ({"pool": "c"}, set())],
)
def test_the_pool_filter_takes_a_name_or_a_glob(where: dict[str, str], pools: set[str]) -> None:
    assert set(rows(where)) == pools


def test_the_device_filter_narrows_time_money_and_the_heat_map() -> None:
    answer = fleet.answer(make(Query(where={"device": "g0"}), fleet=HELD, activity=OBSERVED))
    assert [(r["pool"], r["gpu_hours_paid"], r["amount"]) for r in answer.body["rows"]] == [("a", 4, "40")]
    assert [r["device"] for r in answer.views["heat"][0].to_pylist()] == ["g0"]


def test_a_filter_capacity_does_not_know_is_said_to_be_left_out() -> None:
    answer = fleet.answer(make(Query(where={"team": "red", "pool": "a"}), fleet=HELD, activity=OBSERVED))
    assert any("--where team is not applied" in caveat for caveat in answer.caveats)
    assert not any("--where" in caveat for caveat in fleet.answer(make(fleet=HELD)).caveats)


def test_a_reading_of_money_alone_is_no_division_by_zero() -> None:
    spent = [{**stood("g0", "idle", 0), "pico": dollars(5)}]
    answer = fleet.answer(make(fleet=spent))
    assert answer.body["rows"][0]["activity_low"] is None
    assert answer.views["heat"][0].to_pylist()[0]["active_share"] is None


@pytest.mark.parametrize(
    ("devices", "hours"), [(1, 1), (8, 500), (8, 744), (512, 24), (512, 744), (8000, 8760), (1, 4001), (3, 200_000), (4001, 1)]
)
def test_a_map_never_has_more_cells_or_rows_than_can_be_read(devices: int, hours: int) -> None:
    per_row, step = fleet.heat_grain(devices, hours)
    rows_drawn = -(-devices // per_row)
    assert rows_drawn * (-(-hours // step) + (step > 1)) <= fleet.HEAT_CELLS
    assert (per_row, step) == (1, 1) or devices * hours > fleet.HEAT_CELLS
    assert rows_drawn <= fleet.HEAT_ROWS or per_row == 1


def test_a_large_pool_is_merged_without_losing_an_hour_or_a_cent_and_a_small_one_is_not() -> None:
    large = [
        {**stood(f"g{d:03}", "active" if (d + h) % 2 else "idle", 1, 2), "hour_us": stood("g", "idle", 1)["hour_us"] + h * 3_600_000_000}
        for d in range(200)
        for h in range(48)
    ]
    held = [*large, stood("h0", "unallocated", 4, 4, pool="b")]
    heat = fleet.answer(make(fleet=held)).views["heat"][0].to_pylist()
    mine = [r for r in heat if r["pool"] == "a"]
    assert len(mine) <= fleet.HEAT_CELLS
    assert {r["devices"] for r in mine} == {4}
    assert mine[0]["device"] == "g000 to g003 (4)"
    assert sum(r["gpu_hours"] for r in mine) == 200 * 48
    assert sum(r["amount"] for r in mine) == 200 * 48 * 2
    assert {r["active_share"] for r in mine} == {0.5}
    small = [r for r in heat if r["pool"] == "b"]
    assert [(r["device"], r["devices"]) for r in small] == [("h0", 1)]
    assert [drawing.title for drawing in drawings(fleet.answer(make(fleet=held)))] == ["a", "b"]
    first, second = drawings(fleet.answer(make(fleet=held)))
    assert "each row is up to 4 devices" in first.note
    assert "Activity of 200 devices" in first.description
    assert "Too many" not in second.note
