"""Invoice - purchases + amortisation +- corrections = bill total, by hand and in any window."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from itertools import pairwise
from pathlib import Path
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from ledger_rows import START, make_project, table_of

from netyield.core.money import PICO, cut, from_pico
from netyield.core.period import Period, micros
from netyield.ledger.currency import Rates
from netyield.project import Query, bridge
from netyield.store.engine import Engine

HOUR = timedelta(hours=1)
BASE = micros(START) // 1_000_000


def row(
    billed: int, amount: int, category: str = "Usage", corrects: str = "", start: int = 0, hours: int = 24
) -> dict[str, Any]:
    a = BASE + 3600 * start
    return {
        "start": a,
        "end": a + 3600 * hours,
        "category": category,
        "class": corrects,
        "billed": billed * PICO,
        "amount": amount * PICO,
    }


def bridged(rows: list[dict[str, Any]], since: int, until: int) -> dict[str, Decimal]:
    window = Period(START + since * HOUR, START + until * HOUR)
    lo, hi = BASE + 3600 * since, BASE + 3600 * until
    bill = sum(
        cut(r["amount"], r["end"] - r["start"], max(r["start"], lo) - r["start"], min(r["end"], hi) - r["start"])
        for r in rows
        if r["start"] < hi and r["end"] > lo
    )
    return bridge.lines(rows, window, from_pico(bill))


def test_a_prepaid_year_is_amortised_into_the_days_it_is_used() -> None:
    """8760 is paid on the first day; each day uses 24 of it; 48 a day are paid as they are used; 6 were refunded."""
    rows = [
        row(8760, 0, "Purchase"),
        row(0, 24),
        row(48, 48),
        row(-6, -6, corrects="Correction"),
        row(0, 24, start=24),
        row(48, 48, start=24),
    ]
    assert bridged(rows, 0, 24) == {"invoice": 8808, "purchases": 8760, "corrections": -6, "amortisation": 24}
    assert bridged(rows, 24, 48) == {"invoice": 48, "purchases": 0, "corrections": 0, "amortisation": 24}


def test_a_line_is_cut_to_the_window_and_one_outside_is_left_out() -> None:
    assert bridged([row(24, 12), row(100, 100, start=48)], 6, 12) == {
        "invoice": 6,
        "purchases": 0,
        "corrections": 0,
        "amortisation": -3,
    }


lines = st.builds(
    row,
    st.integers(-(10**6), 10**8),
    st.integers(-(10**6), 10**8),
    st.sampled_from(["Usage", "Purchase", "Tax", "Credit"]),
    st.sampled_from(["", "", "Correction"]),
    st.integers(-48, 48),
    st.sampled_from([1, 24, 720]),
)


@settings(max_examples=60, deadline=None)
@given(st.lists(lines, max_size=10), st.lists(st.integers(-60, 60), min_size=2, max_size=5, unique=True))
def test_the_bridge_always_meets_the_bill_and_windows_add_up(rows: list[dict[str, Any]], edges: list[int]) -> None:
    edges.sort()
    whole = bridged(rows, edges[0], edges[-1])
    parts = [bridged(rows, a, b) for a, b in pairwise(edges)]
    assert {name: sum((part[name] for part in parts), Decimal(0)) for name in whole} == whole


def charge(**more: Any) -> dict[str, Any]:
    return {
        "charge_start": START,
        "charge_end": START + 24 * HOUR,
        "billed_cost": Decimal(10),
        "effective_cost": Decimal(8),
    } | more


def test_lines_are_added_up_in_the_reporting_currency_at_the_rate_of_their_day() -> None:
    engine = Engine(threads=1)
    huge = Decimal("999999999999999.999999999999")
    engine.register(
        "charges",
        table_of(
            "charges",
            [
                charge(),
                charge(billed_cost=None),
                charge(currency="EUR"),
                charge(currency="KRW"),
                charge(charge_end=START),
                charge(charge_class="Correction", billed_cost=-huge, effective_cost=huge),
            ],
        ),
    )
    rates = Rates([("2026-10-05", "EUR", "USD", Decimal("1.5"))])
    found = bridge.groups(engine, "effective", "USD", rates)
    assert [(r["class"], Decimal(r["billed"]) / PICO, Decimal(r["amount"])) for r in found] == [
        ("", Decimal(15), Decimal(12 * PICO)),
        ("", Decimal(10), Decimal(16 * PICO)),
        ("Correction", -huge, huge.scaleb(12)),
    ]
    engine.close()


def test_a_commitment_is_used_plus_unused_and_the_books_agree_with_the_invoice(tmp_path: Path) -> None:
    """1000 were prepaid; of this day's 24 the reservation was used for 18 and idle for 6. Tax and other lines are billed."""
    term = {
        "billing_period_start": START.replace(day=1),
        "commitment_id": "r",
        "provider": "AWS",
        "gpu_count": 1,
        "service_name": "Compute",
    }
    rows = [
        charge(billed_cost=Decimal(1000), effective_cost=Decimal(0), charge_category="Purchase", **term),
        charge(
            billed_cost=Decimal(0),
            effective_cost=Decimal(18),
            commitment_status="Used",
            charge_end=START + 18 * HOUR,
            **term,
        ),
        charge(
            billed_cost=Decimal(0),
            effective_cost=Decimal(6),
            commitment_status="Unused",
            charge_start=START + 18 * HOUR,
            **term,
        ),
        charge(billed_cost=Decimal(2), effective_cost=Decimal(2), charge_category="Tax"),
        charge(billed_cost=Decimal(5), effective_cost=Decimal(5), service_name="Amazon Simple Queue Service"),
        charge(billed_cost=Decimal(-1), effective_cost=Decimal(-1), charge_class="Correction"),
    ]
    project = make_project(tmp_path, "", charges=rows)
    day = Query(since="2026-10-05", until="2026-10-06")
    steps = {r["step"]: r["amount"] for r in project.answer("waterfall", day).body["rows"]}
    assert (steps["commitment_unused"], steps["tax"], steps["non_ai"]) == ("6", "2", "5")
    bridge_lines = {r["line"]: r["amount"] for r in project.answer("reconciliation", day).body["bridge"]}
    assert bridge_lines == {
        "Invoice": "1007",
        "Less purchases": "-1000",
        "Plus amortisation": "24",
        "Corrections": "-1",
        "Rate card": "0",
        "List estimate": "0",
        "Adjustments": "0",
        "Waterfall total": "30",
    }
