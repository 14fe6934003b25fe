"""Depreciation taken out of leaves, or replaced: exact to the last pico-unit, in proportion, and nothing dropped."""

from __future__ import annotations

from collections import defaultdict
from datetime import UTC, datetime
from decimal import Decimal

import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st

from netyield.answers.books import Books, Query
from netyield.core.depreciation import month_number
from netyield.core.period import Period, micros
from netyield.project.owned_costs import KEY, Line, restated
from netyield.store.engine import Engine

SINCE, UNTIL = datetime(2026, 2, 1, tzinfo=UTC), datetime(2026, 2, 1, 2, tzinfo=UTC)
HOURS = (micros(SINCE), micros(SINCE) + 3_600_000_000)
MONTH = (int(SINCE.timestamp()), int(datetime(2026, 3, 1, tzinfo=UTC).timestamp()))
BOUGHT = ("gpu", "Owned hardware", "Owned GPUs", "a.toml", "llm")
RENTED = ("gpu", "rent", "H100", "x", "llm")
MONTH_NUMBER = month_number("2026-02")
Leaf = tuple[int, tuple[str, ...], str, int, int]  # hour, key, method, pico, gpu_us


def books(leaves: list[Leaf]) -> Books:
    rows = [{"hour_us": hour, "method": method, "pico": Decimal(pico), "gpu_us": gpu, **dict(zip(KEY, key, strict=True))}
            for hour, key, method, pico, gpu in leaves]  # fmt: skip
    texts = [(name, pa.string()) for name in ("method", *KEY)]
    schema = pa.schema([("hour_us", pa.int64()), ("pico", pa.decimal128(38, 0)), ("gpu_us", pa.int64()), *texts])
    engine = Engine()
    engine.register("leaves", pa.Table.from_pylist(rows, schema=schema))
    window = Period(SINCE, UNTIL)
    return Books(engine, window, "USD", "effective", "", "UTC", Query(), {}, {})


def after(leaves: list[Leaf], booked: int, charge: int | None) -> tuple[dict[tuple[int, str], list[int]], int]:
    """Pico-units of the leaves by hour and provider with another charge in coins (None: none), and what no leaf can take."""
    line = Line("dgx", MONTH_NUMBER, *MONTH, BOUGHT, booked, booked, "USD")
    amounts = None if charge is None else {("dgx", MONTH_NUMBER): (charge, "USD")}
    found, left = restated(books(leaves), [line], amounts)
    sums: dict[tuple[int, str], list[int]] = defaultdict(list)
    for row in found.engine.query("SELECT * FROM leaves ORDER BY hour_us, pico").to_pylist():
        sums[row["hour_us"], row["provider"]].append(int(row["pico"]))
    return sums, left


def due(change: int, hour: int) -> int:
    """What an hour of the month's 672 takes, by cumulative seconds truncated toward zero."""
    ends = [abs(change) * (hour + n) // 672 for n in (0, 1)]
    return (ends[1] - ends[0]) * (1 if change > 0 else -1)


def test_each_leaf_gives_its_part() -> None:
    """672 booked: 1 in the hour, shared 30 : 10 by the leaves of the asset's own bill line; the rented one keeps its money."""
    leaves: list[Leaf] = [(HOURS[0], BOUGHT, "m", 30, 5), (HOURS[0], BOUGHT, "m", 10, 5), (HOURS[0], RENTED, "m", 50, 5)]
    sums, _ = after(leaves, 672 * 4, None)
    assert sums[HOURS[0], BOUGHT[1]] == [9, 27]
    assert sums[HOURS[0], RENTED[1]] == [50]


def test_an_hour_without_money_shares_by_gpu_time() -> None:
    """An asset whose life was over and is not any more: its leaves carry nothing yet."""
    leaves: list[Leaf] = [(HOURS[0], BOUGHT, "m", 0, 3), (HOURS[0], BOUGHT, "m", 0, 1)]
    sums, _ = after(leaves, 0, 672)  # 6.72 dollars, a cent an hour
    assert sums[HOURS[0], BOUGHT[1]] == [25 * 10**8, 75 * 10**8]


def test_what_no_leaf_can_take_is_counted() -> None:
    leaves: list[Leaf] = [(HOURS[0], BOUGHT, "m", 30, 5), (HOURS[1], BOUGHT, "adjustment of 2026-01", 40, 0)]
    sums, left = after(leaves, 672 * 4, None)
    assert left == 4  # the second hour has only a correction of another month
    assert sums[HOURS[1], BOUGHT[1]] == [40]


def test_a_charge_in_another_currency_or_of_nobody_changes_nothing() -> None:
    line = Line("dgx", MONTH_NUMBER, *MONTH, BOUGHT, 672, 672, "USD")
    leaves: list[Leaf] = [(HOURS[0], BOUGHT, "m", 30, 5)]
    for amounts in ({}, {("dgx", MONTH_NUMBER): (5, "EUR")}, {("other", MONTH_NUMBER): (5, "USD")}):
        found, left = restated(books(leaves), [line], amounts)
        assert (found.engine.query("SELECT pico FROM leaves").to_pylist(), left) == ([{"pico": 30}], 0)


def test_a_foreign_charge_is_converted_at_the_rate_of_its_line() -> None:
    """5.00 euros an hour were booked as 6.00 dollars; 10.00 euros instead add another 6.00."""
    line = Line("dgx", MONTH_NUMBER, *MONTH, BOUGHT, 672 * 6 * 10**12, 672 * 5 * 10**12, "EUR")
    leaves: list[Leaf] = [(HOURS[0], BOUGHT, "m", 6 * 10**12, 5), (HOURS[1], BOUGHT, "m", 6 * 10**12, 5)]
    found, left = restated(books(leaves), [line], {("dgx", MONTH_NUMBER): (672 * 10_00, "EUR")})
    assert (found.engine.query("SELECT pico FROM leaves").to_pylist(), left) == ([{"pico": 12 * 10**12}] * 2, 0)


@settings(deadline=None, max_examples=30)
@given(
    st.lists(st.tuples(st.integers(1, 10**14), st.integers(0, 10**9)), min_size=1, max_size=8), st.integers(1, 10**17),
    st.one_of(st.none(), st.integers(0, 10**7)),
)  # fmt: skip
def test_the_parts_of_an_hour_add_up_to_its_change(drawn: list[tuple[int, int]], booked: int, charge: int | None) -> None:
    leaves: list[Leaf] = [(hour, BOUGHT, "m", *each) for hour in HOURS for each in drawn]
    sums, left = after(leaves, booked, charge)
    change = (charge or 0) * 10**10 - booked
    before = sum(pico for pico, _ in drawn)
    assert left == 0
    assert [sum(sums[hour, BOUGHT[1]]) - before for hour in HOURS] == [due(change, n) for n in range(2)]
