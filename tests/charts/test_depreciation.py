"""The charts of owned assets: what is drawn is the table, renders, and is told in words."""

from __future__ import annotations

from netyield.answers import depreciation
from netyield.answers.answer import Answer
from netyield.charts.drawings import drawings
from netyield.charts.render import svg
from netyield.economics.assets.schedule import schedule
from netyield.sources.bills.assets.admit import RegisterTerms, admitted
from netyield.sources.opened import Place

GPU = {"cost": 40_000, "in_service": "2026-01-01", "useful_life": "6y", "write_down": [{"date": "2028-01-01", "amount": 6_000}]}


def made(*currencies: str) -> Answer:
    words = [{**GPU, "id": each, "currency": each} for each in currencies]
    assets = [admitted(RegisterTerms(), Place("assets", "test"), None, each, {})[0] for each in words]
    return depreciation.answer(schedule([asset for asset in assets if asset is not None], "ifrs"))


def test_carrying_amount_and_charges_are_those_of_the_table() -> None:
    answer = made("USD")
    carrying, charge = drawings(answer)
    table = answer.table.to_pylist()
    assert len(carrying.sentences) == len(charge.sentences) == len(table) == 72
    assert carrying.description == "Carrying amount of owned assets: $39,444.44 at most, $0.00 at the end."
    assert charge.sentences[24].startswith("2028-01: $430.56 of depreciation, $6,000.00 written down, ")
    for drawing in (carrying, charge):
        assert svg(drawing).count("<svg") == 1


def test_each_currency_has_its_own_scale() -> None:
    assert [drawing.name for drawing in drawings(made("EUR", "USD"))] == [
        "depreciation_carrying_eur", "depreciation_charge_eur", "depreciation_carrying_usd", "depreciation_charge_usd",
    ]  # fmt: skip


def test_an_empty_schedule_has_no_chart() -> None:
    assert drawings(depreciation.answer(schedule([], "ifrs"))) == []
