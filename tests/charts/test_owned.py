"""The charts of a change of estimate, a write-down and a lease: what is drawn is what the answer says, and it renders."""

from __future__ import annotations

from datetime import date
from typing import Any

from netyield.answers import depreciation_what_if, impairment, lease
from netyield.charts.drawing import Drawing
from netyield.charts.drawings import drawings
from netyield.charts.render import svg
from netyield.economics.assets.cases import parts_of
from netyield.economics.assets.impairment_terms import Case
from netyield.economics.assets.lease_terms import Lease
from netyield.economics.assets.what_if import what_if
from netyield.sources.bills.assets.admit import RegisterTerms, admitted
from netyield.sources.bills.assets.asset import Asset
from netyield.sources.bills.assets.terms import BOOKS, Change
from netyield.sources.opened import Place

PLACE = Place("assets", "test")
GPU = {"id": "gpu", "cost": 40_000, "in_service": "2026-01-01", "useful_life": "6y"}
CASE = {"at": "2027-12-31", "register": "r.toml", "value_in_use": 12_000, "fair_value": 10_000, "undiscounted": 13_000}


def gpu() -> Asset:
    asset, _ = admitted(RegisterTerms(currency="USD"), PLACE, None, GPU, {})
    assert asset is not None
    return asset


def drawn(found: list[Drawing]) -> dict[str, Drawing]:
    for drawing in found:
        assert svg(drawing).count("<svg") == 1
    return {drawing.name: drawing for drawing in found}


def test_a_change_of_estimate_beside_what_the_register_has() -> None:
    change = Change(effective=date(2027, 8, 1), useful_life="4y")
    rows, after, _ = what_if([gpu()], change, "ifrs", PLACE)
    answer = depreciation_what_if.answer(rows, after, depreciation_what_if.Wanted("useful life 4y"))
    found = drawn(drawings(answer))
    assert list(found) == ["depreciation_what_if_carrying_usd", "depreciation_what_if_charge_usd"]
    charge = found["depreciation_what_if_charge_usd"].sentences
    assert "2027-07, with the change: $555.56" in charge
    assert "2027-08, with the change: $1,015.33" in charge
    assert "2027-08, as the register has it: $555.55" in charge


def written_down(**words: Any) -> dict[str, Drawing]:
    case = Case.model_validate({**CASE, **words})
    parts = tuple(parts_of(case, book, [gpu()]) for book in BOOKS)
    return drawn(drawings(impairment.answer(impairment.Asked(case, (parts[0], parts[1]), assets=[gpu()]))))


def test_a_write_down_and_the_carrying_amount_after_it() -> None:
    """26,666.67 on the books: to 12,000 under IFRS and to 10,000 under US GAAP, then over the four years left."""
    found = written_down()
    assert found["impairment"].sentences[:3] == (
        "IFRS: on the books: $26,666.67", "IFRS: is written down: $14,666.67", "IFRS: is left: $12,000.00",
    )  # fmt: skip
    over_time = found["impairment_carrying"].sentences
    assert "2027, IFRS: with the write-down: $12,000.00" in over_time
    assert "2029, US GAAP: with the write-down: $5,000.00" in over_time
    assert "2029, US GAAP: as it was: $13,333.33" in over_time


def test_what_is_not_decided_is_an_outline() -> None:
    found = written_down(value_in_use=None, undiscounted=None)
    assert "IFRS: is written down: not decided" in found["impairment"].sentences
    assert "impairment_carrying" not in found


def test_a_lease_in_both_books() -> None:
    words = {"payment": 50_000, "periods": 10, "timing": "arrears", "rate": "0.06", "us_class": "operating"}
    found = drawn(drawings(lease.answer(Lease.model_validate(words))))
    assert "1, ASC 842 operating: $50,000.00" in found["lease_cost"].sentences
    assert "10, IFRS 16: right of use: $0.00" in found["lease_balances"].sentences
    assert len(found["lease_balances"].sentences) == 4 * 10
