"""Commitments in the books: identities of generated bills, the unused part in the waterfall, history for a plan."""

from __future__ import annotations

import json
import random
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from ledger_rows import START, make_project

from netyield.answers import coverage
from netyield.answers.answer import Answer
from netyield.answers.books import Books
from netyield.core.errors import WrongUse
from netyield.core.period import Period, parse_time
from netyield.economics.commitments.bill_rows import OWNED
from netyield.economics.commitments.buy import Question, buy
from netyield.economics.commitments.contract import Commitment
from netyield.economics.commitments.demand import Demand, with_needed
from netyield.economics.commitments.known_terms import Told, known
from netyield.economics.commitments.offers import Offer, OfferBook
from netyield.project import Project, Query
from netyield.project.commitment_contracts import known_commitments
from netyield.project.commitment_use import measured_use
from netyield.project.commitments import commitment_books, demand_history, with_serving
from netyield.sources.bills.assets.charges import ISSUER
from netyield.store.engine import Engine

D = Decimal
HOUR = timedelta(hours=1)
RATE, LIST = D("2.10"), D("3.99")
TOML = '[project]\nname = "x"\ncurrency = "USD"\n[[pool]]\nname = "a"\ntags = {pool = "a"}\ndevices = ["a*"]\n'
DAYS = Query(since="2026-10-05", until="2026-10-09")
HOURS = 96


def usage(hour: int, units: int, status: str, **more: Any) -> dict[str, Any]:
    """One hour of so many GPUs of the commitment, Used or Unused."""
    cost = units * RATE
    used = status == "Used"
    return {
        "charge_start": START + hour * HOUR,
        "charge_end": START + (hour + 1) * HOUR,
        "billed_cost": D(0),
        "effective_cost": cost,
        "list_cost": units * LIST if used else D(0),
        "contracted_cost": cost,
        "gpu_count": units,
        "tags": '{"pool": "a", "team": "research"}',
        "commitment_id": "c1",
        "commitment_name": "block",
        "commitment_status": status,
        "commitment_quantity": D(1),
        "commitment_unit": "Hours",
        "consumed_quantity": D(1) if used else None,
        "consumed_unit": "Hours" if used else None,
        "pricing_quantity": D(1),
        "pricing_unit": "Hours",
        "pricing_category": "Committed",
    } | more


def purchase(units: int, hours: int = HOURS, **more: Any) -> dict[str, Any]:
    """Paid at once for the whole term; amortised on the rows it covers."""
    return {
        "charge_start": START,
        "charge_end": START + hours * HOUR,
        "charge_category": "Purchase",
        "charge_frequency": "One-Time",
        "billed_cost": units * RATE * hours,
        "effective_cost": D(0),
        "list_cost": units * RATE * hours,
        "gpu_count": units,
        "tags": '{"pool": "a", "team": "research"}',
        "commitment_id": "c1",
    } | more


def books(folder: Path, *rows: dict[str, Any], toml: str = TOML, **more: Any) -> Project:
    return make_project(folder, toml, charges=rows, **more)


def report(project: Project, query: Query = DAYS) -> Answer:
    found = commitment_books(project, query)
    return coverage.answer(
        found.rows, found.days, found.terms, known([declared(project)]).commitments,
        window=found.window, currency=found.currency, as_of=found.as_of, waterfall_pico=found.waterfall_pico, findings=found.findings,
    )  # fmt: skip


def declared(project: Project) -> Told:
    return Told("netyield.toml", {rule.id: rule.said() for rule in project.config.commitment})


def codes(answer: Answer) -> set[str]:
    return {finding.code for finding in answer.findings if finding.code.startswith("commitments.")}


def unused_step(project: Project, query: Query = DAYS) -> Decimal:
    rows = {row["step"]: D(row["amount"]) for row in project.answer("waterfall", query).body["rows"]}
    return rows.get("commitment_unused", D(0))


def sixty_per_cent_unused() -> list[dict[str, Any]]:
    return [row for hour in range(HOURS) for row in (usage(hour, 4, "Used"), usage(hour, 6, "Unused"))]


def test_sixty_per_cent_unused_is_exactly_that_in_the_waterfall(tmp_path: Path) -> None:
    project = books(tmp_path, purchase(10), *sixty_per_cent_unused())
    answer = report(project)
    body = answer.body
    paid = 10 * RATE * HOURS
    assert unused_step(project) == paid * 6 / 10
    assert D(project.answer("waterfall", DAYS).body["total"]) == paid
    assert D(body["total"]["unused"]) == paid * 6 / 10
    assert body["total"]["utilisation"] == body["total"]["utilisation_hours"] == 0.4
    assert body["total"]["unused_hours"] == 6 * HOURS
    assert body["total"]["coverage"] == body["total"]["coverage_hours"] == 1
    assert body["total"]["break_even_utilisation"] == pytest.approx(float(RATE / LIST), abs=1e-6)
    assert body["total"]["effective_savings_rate"] == pytest.approx(float(1 - 10 * RATE / (4 * LIST)), abs=1e-6)
    assert body["waste_by_owner"] == [
        {"owner": "research", "unused": f"{(paid * 6 / 10).normalize():f}", "unused_hours": 576.0, "share": 1.0}
    ]
    assert body["reconciliation"]["difference"] == "0"
    assert codes(answer) == {"commitments.not_declared"}
    assert json.loads(json.dumps(body, allow_nan=False)) == body


def generated(seed: int) -> tuple[list[dict[str, Any]], dict[str, Decimal]]:
    """A bill of one commitment with Used and Unused rows, a purchase, a correction, wind-down, tax, and on-demand beside it.

    Returns the rows and what was planted.
    """
    chance = random.Random(seed)
    rows, planted = [purchase(10)], {"used": D(0), "unused": D(0), "on_demand": D(0)}
    for hour in range(HOURS):
        used = chance.randrange(0, 11)
        for units, status, name in ((used, "Used", "used"), (10 - used, "Unused", "unused")):
            if units:
                rows.append(usage(hour, units, status))
                planted[name] += units * RATE
        rented = chance.randrange(0, 3)
        if rented:
            none = {"commitment_id": None, "commitment_status": None, "commitment_quantity": None, "commitment_unit": None}
            rows.append(usage(hour, rented, "Used", **none, effective_cost=rented * LIST, billed_cost=rented * LIST, pricing_category="Standard"))
            planted["on_demand"] += rented * LIST
    moved = D(chance.randrange(1, 500)) / 100  # used hours that turn out to have been unused: two corrections
    no_time = {"charge_class": "Correction", "commitment_quantity": D(0), "pricing_quantity": D(0), "list_cost": D(0)}
    rows.append(usage(5, 1, "Used", **no_time, consumed_quantity=D(0), effective_cost=-moved))
    rows.append(usage(5, 1, "Unused", **no_time, effective_cost=moved))
    planted |= {"used": planted["used"] - moved, "unused": planted["unused"] + moved}
    fee = D(chance.randrange(1, 90_000)) / 100
    rows.append(usage(90, 1, "Used", commitment_status=None, charge_category="Adjustment", effective_cost=fee, billed_cost=fee, list_cost=D(0)))
    rows.append(purchase(1, charge_category="Tax", effective_cost=D("17.5"), billed_cost=D("17.5")))
    return rows, planted | {"fees": fee}


@pytest.mark.parametrize("seed", range(3))
def test_identities_of_generated_bills(tmp_path: Path, seed: int) -> None:
    rows, planted = generated(seed)
    project = books(tmp_path, *rows)
    answer = report(project)
    body = answer.body
    for name in ("used", "unused", "fees"):
        assert D(body["total"][name]) == planted[name]
    assert planted["used"] + planted["unused"] == 10 * RATE * HOURS, "what is billed at once is what is amortised"
    assert codes(answer) == {"commitments.not_declared"}
    assert unused_step(project) == planted["unused"]
    reconciled = body["reconciliation"]
    assert (reconciled["difference"], D(reconciled["waterfall_commitment_unused"])) == ("0", planted["unused"])
    total = D(project.answer("waterfall", DAYS).body["total"])
    assert total == planted["used"] + planted["unused"] + planted["fees"] + planted["on_demand"] + D("17.5")
    listed = sum((row["list_cost"] for row in rows if row.get("commitment_status") == "Used" and row["commitment_id"]), D(0))
    assert body["total"]["effective_savings_rate"] == pytest.approx(
        float(1 - (planted["used"] + planted["unused"] + planted["fees"]) / listed), abs=1e-6
    )
    assert body["total"]["coverage"] == pytest.approx(float(listed / (listed + planted["on_demand"])), abs=1e-6)


def test_part_of_a_term_counts_by_its_hours_and_still_reconciles(tmp_path: Path) -> None:
    month = usage(0, 1, "Unused", charge_end=START + HOURS * HOUR, effective_cost=D("100.01"))
    project = books(tmp_path, month)
    query = Query(since="2026-10-06", until="2026-10-06T07:00:00Z")
    body = report(project, query).body
    assert D(body["total"]["unused"]) == unused_step(project, query)
    assert D(body["total"]["unused"]) == pytest.approx(D("100.01") * 7 / 96, abs=D("1e-11"))
    assert body["reconciliation"]["difference"] == "0"


def test_a_term_that_does_not_balance_is_told(tmp_path: Path) -> None:
    rows = [usage(hour, 10, "Used") for hour in range(HOURS - 1)]
    assert "commitments.identity" in codes(report(books(tmp_path, purchase(10, HOURS - 1), *rows[:-20], rows[-1])))


def test_a_purchase_counted_twice_is_an_error(tmp_path: Path) -> None:
    project = books(tmp_path, purchase(10, effective_cost=D(5)), usage(0, 10, "Used"))
    assert "commitments.counted_twice" in codes(report(project))


def test_a_capacity_reservation_is_one_too(tmp_path: Path) -> None:
    held = {"commitment_id": None, "commitment_status": None, "commitment_name": None, "capacity_reservation_id": "cr-1"}
    project = books(
        tmp_path, usage(0, 3, "Used", **held, capacity_reservation_status="Used"),
        usage(0, 1, "Unused", **held, capacity_reservation_status="Unused"),
    )  # fmt: skip
    (row,) = report(project).body["rows"]
    assert (row["commitment"], row["name"], row["utilisation"], row["unused_hours"]) == ("cr-1", "Capacity Reservation", 0.75, 1.0)


def test_a_general_savings_plan_is_split_as_the_waterfall_splits_it(tmp_path: Path) -> None:
    plain = {"gpu_count": None, "tags": None, "service_name": "Elastic Compute", "service_category": "Compute"}
    project = books(
        tmp_path, usage(0, 3, "Used"), usage(0, 1, "Used", **plain, resource_type="Instance", sku_id="m5.large"),
        usage(0, 2, "Unused", **plain, commitment_category="Spend"), toml=TOML + '[[scope]]\nscope = "non_ai"\nsku = "*m5*"\n',
    )  # fmt: skip
    body = report(project).body
    reconciled = body["reconciliation"]
    assert reconciled["difference"] == "0"
    assert D(reconciled["unused_of_these"]) + D(reconciled["unused_not_ai"]) == D(body["total"]["unused"])


def test_no_list_cost_leaves_savings_unknown(tmp_path: Path) -> None:
    answer = report(books(tmp_path, usage(0, 3, "Used", list_cost=None), usage(0, 1, "Unused")))
    assert answer.body["total"]["effective_savings_rate"] is None
    assert "commitments.no_list_cost" in codes(answer)
    assert answer.body["total"]["utilisation"] == 0.75


def test_hours_the_bill_does_not_say_are_no_zero(tmp_path: Path) -> None:
    silent = usage(0, 1, "Unused", gpu_count=None, commitment_id="c2")
    body = report(books(tmp_path, usage(0, 3, "Used"), usage(0, 1, "Unused"), silent)).body
    assert [row["unused_hours"] for row in body["waste_by_owner"]] == [None]
    assert body["total"]["unused_hours"] is None


def test_another_currency_stands_beside_the_total(tmp_path: Path) -> None:
    euro = usage(0, 2, "Unused", currency="EUR", commitment_id="e1")
    answer = report(books(tmp_path, usage(0, 3, "Used"), usage(0, 1, "Unused"), euro))
    assert D(answer.body["total"]["unused"]) == RATE
    assert {row["commitment"]: row["currency"] for row in answer.body["rows"]} == {"c1": "USD", "e1": "EUR"}
    assert answer.body["reconciliation"]["difference"] == "0"
    assert answer.table.column("commitment").to_pylist() == ["c1"], "no euro under the sign of the dollar"
    (apart,) = answer.views["other_currencies"][0].to_pylist()
    assert (apart["commitment"], apart["unused"]) == ("e1", "4.20 EUR")
    assert answer.body["other_currencies"] == ["EUR"]
    assert "fx.no_rate" in {finding.code for finding in answer.findings}


def test_another_currency_is_converted_by_the_rate_of_its_day(tmp_path: Path) -> None:
    euro = [usage(hour, 2, "Unused", currency="EUR", commitment_id="e1") for hour in (0, 30)]
    day = {"rate_date": "2026-10-05", "base": "EUR", "quote": "USD", "rate": D("1.5"), "event_time": START}
    later = {**day, "rate_date": "2026-10-06", "rate": D("1.25")}
    project = books(tmp_path, usage(0, 3, "Used"), usage(0, 1, "Unused"), *euro, fx_rates=[day, later])
    answer = report(project)
    assert {row["commitment"]: (row["currency"], D(row["unused"])) for row in answer.body["rows"]} == {
        "c1": ("USD", RATE), "e1": ("USD", 2 * RATE * (D("1.5") + D("1.25"))),
    }  # fmt: skip
    assert D(answer.body["total"]["unused"]) == RATE + 2 * RATE * D("2.75") == unused_step(project)
    assert answer.body["reconciliation"]["difference"] == "0"
    assert answer.body["other_currencies"] == []
    assert sum(row["amount"] for row in answer.views["coverage_days"][0].to_pylist() if row["kind"] == "unused") == RATE + 2 * RATE * D("2.75")
    found = known_commitments(project, commitment_books(project, DAYS))
    assert found.missing == {"c1": ("start", "end"), "e1": ("start", "end")}


@pytest.mark.parametrize(("frequency", "due", "prepaid"), [("Recurring", RATE, D(0)), ("One-Time", D(0), RATE)])
def test_what_is_still_due_is_what_is_billed_again_and_again(tmp_path: Path, frequency: str, due: Decimal, prepaid: Decimal) -> None:
    """The same year: paid in instalments it is owed, paid at once it is sunk."""
    year = 24 * 365
    paid = purchase(10, year if frequency == "One-Time" else HOURS, charge_frequency=frequency)
    project = books(tmp_path, paid, *sixty_per_cent_unused(), toml=TOML + '[[commitment]]\nid = "c1"\nend = 2027-10-05\nstart = 2026-10-05\n')
    (one,) = known_commitments(project, commitment_books(project, DAYS)).commitments
    assert (one.quantity, one.unit, one.rate, one.upfront) == (10, "GPU", due, prepaid * 10 * year)
    assert one.on_demand_rate == LIST
    assert one.owed_after(one.start) + one.prepaid_after(one.start) == RATE * 10 * year


DECLARED = """
[[commitment]]
id = "c1"
product = "neocloud_take_or_pay"
owner = "platform"
quantity = 10
start = 2026-10-05
end = 2028-10-05
rate = "2.10"
on_demand_rate = "3.99"
"""


def test_what_was_declared_gives_owner_end_and_what_is_owed(tmp_path: Path) -> None:
    project = books(tmp_path, *sixty_per_cent_unused(), toml=TOML + DECLARED)
    answer = report(project)
    assert codes(answer) == set()
    (row,) = answer.body["rows"]
    assert (row["owner"], row["ends"]) == ("platform", "2028-10-05")
    (rung,) = answer.body["expiry"]
    assert D(rung["owed"]) == 10 * RATE * 24 * (365 + 366 - 4)


def fleet(folder: Path, *charges: dict[str, Any]) -> Project:
    """Ten GPUs on the bill, two more committed and unused (or those lines); seven held, one active, all day."""
    devices = [f"a{n}" for n in range(10)]
    samples = [
        {"device_id": device, "value": 90.0 if device == "a0" else 0.0, "event_time": START + n * HOUR / 4, "hold_us": 900_000_000}
        for device in devices
        for n in range(96)
    ]
    owners = [
        {"device_id": device, "state": "allocated" if n < 7 else "unallocated", "owner": "pod" if n < 7 else "",
         "event_time": START + m * HOUR / 4, "hold_us": 900_000_000}
        for n, device in enumerate(devices)
        for m in range(96)
    ]  # fmt: skip
    usual = [row for hour in range(24) for row in (usage(hour, 10, "Used"), usage(hour, 2, "Unused"))]
    return books(folder, *(charges or usual), gpu_samples=samples, gpu_owners=owners)


def test_history_of_the_books_buys_nothing_and_releases(tmp_path: Path) -> None:
    project = fleet(tmp_path)
    demand, findings = demand_history(project, Query(since="2026-10-05", until="2026-10-06"), None)
    assert findings == []
    whole = {name: (values / 1_000_000).tolist() for name, values in demand.series.items()}
    assert whole["paid"] == [12.0] * 24
    assert whole["allocated"] == pytest.approx([7.0] * 24)
    assert whole["active"] == pytest.approx([0.9] * 24)
    plan = buy(with_needed(demand, D("0.5")), OfferBook(LIST, (Offer("1y", RATE, 8760),)), Question())
    assert sum(plan.plan.values()) == 0
    assert plan.released is not None
    assert plan.released.release_units == 10  # 12 paid, 1.35 needed
    assert plan.released.unused_unit_hours == 24 * 5
    assert float(plan.released.idle_unit_hours or 0) == pytest.approx(24 * 6.1)


RENTED = {
    "commitment_id": None, "commitment_status": None, "commitment_quantity": None, "commitment_unit": None, "pricing_category": "Standard",
}  # fmt: skip


def test_what_is_rented_by_the_hour_is_not_paid_for_already(tmp_path: Path) -> None:
    """Ten rented GPUs, one active: what is needed of them may be committed to, the others are stopped, not released."""
    project = fleet(tmp_path, *[usage(hour, 10, "Used", **RENTED) for hour in range(24)])
    demand, findings = demand_history(project, Query(since="2026-10-05", until="2026-10-06"), None)
    assert findings == []
    assert (demand.series["paid"].max(), set(demand.series["rented"])) == (0, {10_000_000})
    plan = buy(with_needed(demand, D("0.5")), OfferBook(LIST, (Offer("1y", RATE, 8760),)), Question())
    assert plan.plan == {"1y": 1}
    assert plan.released is not None
    assert (plan.released.release_units, plan.released.stop_units) == (0, 8)  # 1.35 of 10 needed


def test_committed_rented_and_owned_capacity_add_up_to_the_fleet(tmp_path: Path) -> None:
    rows = [
        row for hour in range(24) for row in (
            usage(hour, 3, "Used"), usage(hour, 2, "Unused"), usage(hour, 4, "Used", **RENTED),
            usage(hour, 1, "Used", **{**RENTED, "pricing_category": None}),
            usage(hour, 2, "Used", **{**RENTED, "pricing_category": None}, provider=OWNED),
        )
    ]  # fmt: skip
    demand, findings = demand_history(fleet(tmp_path, *rows), Query(since="2026-10-05", until="2026-10-06"), None)
    assert set(demand.series["rented"]) == {4_000_000}
    assert set(demand.series["paid"]) == {(3 + 2 + 1 + 2) * 1_000_000}
    assert [finding.code for finding in findings] == ["demand.unknown_pricing"]
    assert OWNED == ISSUER


CONTRACT = Commitment("c1", "neocloud_take_or_pay", 10, date(2026, 10, 5), date(2028, 10, 5), D(2), on_demand_rate=D(4))


def test_use_of_a_commitment_hour_by_hour_from_the_bill(tmp_path: Path) -> None:
    """Ten by day, two by night: half of its hours, and not five in each of them."""
    rows = [row for hour in range(HOURS) for row in (
        (usage(hour, 10, "Used"),) if hour % 24 < 12 else (usage(hour, 2, "Used"), usage(hour, 8, "Unused")))]  # fmt: skip
    found = measured_use(books(tmp_path, *rows), CONTRACT, None, None)
    assert found is not None
    assert (found.use.mean, found.use.peak, found.use.hours) == (6, 10, HOURS)
    assert found.use.served(0, D(5), D(1)) == D("3.5")
    assert "an upper bound" in found.words
    assert measured_use(books(tmp_path / "other", *rows), replace(CONTRACT, id="nobody"), None, None) is None


def test_use_of_a_commitment_is_what_its_pool_needs_where_telemetry_sees_it(tmp_path: Path) -> None:
    """The bill says ten of twelve ran; one of them worked."""
    project = fleet(tmp_path)
    found = measured_use(project, replace(CONTRACT, quantity=12), None, D("0.5"))
    assert found is not None
    assert float(found.use.mean) == pytest.approx(0.9 * 1.5)
    assert "pool a" in found.words
    halves = measured_use(project, replace(CONTRACT, quantity=6), None, None)
    assert halves is not None
    assert float(halves.use.mean) == pytest.approx(0.45), "in its own units: six of two GPUs each"


def test_needed_is_what_the_serving_room_says_where_it_knows_a_rate() -> None:
    """A hundred busy hours of 1,000 to 100,000 tokens: the P90 is 90,000, so that hour n needs (n + 1) / 90 of a GPU and the spare one.

    Half of the active time is of other work, and counts as it is.
    """
    hour_us = 3_600_000_000
    rows = [
        {"model": "llama", "pool": "a", "gpu_model": "H100", "engine_version": "1", "hour_us": n * hour_us, "active_us": hour_us,
         "device_us": hour_us, "wall_us": hour_us, "unknown_us": 0, "gap_us": 60_000_000, "input_tokens": 0,
         "output_tokens": (n + 1) * 1_000, "ttft_p95_us": 800_000, "tpot_p95_us": 40_000, "prefill_weight": 1000, "decode_weight": 1000}
        for n in range(100)
    ]  # fmt: skip
    engine = Engine()
    engine.register("replica_hours", pa.Table.from_pylist(rows))
    engine.register("activity", pa.table({"hour_us": [n * hour_us for n in range(100)], "us": [2 * hour_us] * 100, "state": ["active"] * 100}))
    serving = {"ttft_seconds_p95": 1.0, "tpot_seconds_p95": 0.05, "peak_factor": 1.0, "spare_replicas": 1}
    window = Period(parse_time("1970-01-01"), parse_time("1970-01-06"))
    books_of = Books(engine, window, "USD", "effective", "", "UTC", Query(), {}, {"serving": serving})
    hours = np.arange(100, dtype=np.int64) * hour_us
    demand = Demand(hours, {"active": np.full(100, 1_800_000), "allocated": np.full(100, 4_000_000)})
    found = with_serving(books_of, demand)
    assert found.series["needed"][:2].tolist() == [900_000 + round((n + 1) / 90 * 1_000_000) + 1_000_000 for n in range(2)]
    assert "reference rate" in found.how_needed
    assert with_needed(found, None) is found
    silent = Books(**{**books_of.__dict__, "settings": {"serving": {**serving, "ttft_seconds_p95": None, "tpot_seconds_p95": None}}})
    assert "needed" not in with_serving(silent, demand).series


def test_time_without_telemetry_is_not_released(tmp_path: Path) -> None:
    project = books(tmp_path, *[usage(hour, 10, "Used") for hour in range(24)])
    with pytest.raises(WrongUse):
        demand_history(project, Query(since="2027-10-05", until="2027-10-06"), None)
    demand, findings = demand_history(project, Query(since="2026-10-05", until="2026-10-06"), None)
    plan = buy(with_needed(demand, None), OfferBook(LIST, (Offer("1y", RATE, 8760),)), Question())
    assert plan.released is not None
    assert plan.released.release_units == 0
    assert [finding.code for finding in findings] == ["demand.unknown_activity"]


def test_the_report_of_a_window_cannot_be_narrowed_by_team(tmp_path: Path) -> None:
    with pytest.raises(WrongUse, match="nobody's team"):
        commitment_books(books(tmp_path, usage(0, 1, "Used")), Query(since="2026-10-05", until="2026-10-06", where={"team": "x"}))
