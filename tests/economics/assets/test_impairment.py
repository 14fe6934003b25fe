"""Write-downs against published cases, the rules between them, and what a loss shared must always keep."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netyield.answers import impairment
from netyield.core.errors import WrongUse
from netyield.economics.assets import cases
from netyield.economics.assets.allocation import Bearer, shared
from netyield.economics.assets.impairment_terms import Case
from netyield.economics.assets.present_value import implied_rate, monthly_rate, present_value
from netyield.sources.bills.assets.terms import BOOKS

DATA = Path(__file__).parents[2] / "data" / "assets"


def body(case: Case, folder: Path = DATA) -> dict[str, Any]:
    assets, _ = cases.held_assets(case, folder)
    ours, theirs = (cases.parts_of(case, book, assets) for book in BOOKS)
    return dict(impairment.answer(impairment.Asked(case, (ours, theirs), assets=assets)).body)


def told(**words: object) -> dict[str, Any]:
    return body(Case.model_validate(words))


def published(name: str, scenario: str | None = None) -> dict[str, Any]:
    return body(cases.read_terms(DATA / f"{name}.toml", Case, scenario))


def test_asc_360_takes_two_steps() -> None:
    """Case I1."""
    found = published("asc360_two_steps")
    assert found["us_gaap"]["loss"] == "75000"
    assert published("asc360_two_steps", "better")["us_gaap"]["loss"] == "0"
    # IFRS is open: value in use lies between fair value and the undiscounted flows, or below both.
    assert (found["ifrs"]["loss"], found["ifrs"]["loss_low"], found["ifrs"]["loss_high"]) == (None, "20000", "75000")


def test_the_books_diverge() -> None:
    """Case I2."""
    found = published("divergence")
    assert (found["ifrs"]["loss"], found["us_gaap"]["loss"]) == ("20", "0")
    assert found["ifrs"]["recoverable"] == "180"


def test_value_in_use_rounded_year_by_year_and_not() -> None:
    """Case I3: both values are kept."""
    found = published("ias36_value_in_use")
    assert (found["ifrs"]["loss"], found["ifrs"]["goodwill_loss"]) == ("973", "973")
    assert found["cash_flows"]["value_in_use"] == "1360"
    assert found["cash_flows"]["value_in_use_unrounded"].startswith("1361.20")
    assert published("ias36_value_in_use", "unrounded")["ifrs"]["loss"] == "971.8"


def test_a_units_loss_is_shared_by_carrying_amount() -> None:
    """Case I4, without and with the third asset at its floor."""
    assert [part["loss"] for part in published("unit_loss")["ifrs"]["parts"]] == ["84783", "135652", "169565"]
    case = cases.read_terms(DATA / "unit_loss.toml", Case)
    case.asset[2].recoverable = Decimal(1_500_000)
    assert [part["loss"] for part in body(case)["ifrs"]["parts"]] == ["150000", "240000", "0"]


def test_an_onerous_contract() -> None:
    """Case O1, and the difference between the books."""
    found = published("onerous")
    assert (found["ifrs"]["loss"], found["ifrs"]["provision"]) == ("120000", "120000")
    assert (found["us_gaap"]["loss"], found["us_gaap"]["provision"]) == ("0", "0")
    words = {"periods": 60, "income": 5000, "cost": 7000}
    assert told(onerous=words | {"penalty": 80_000})["ifrs"]["provision"] == "80000"
    assert told(onerous=words | {"penalty": 80_000, "us_status": "terminated"})["us_gaap"]["provision"] == "80000"
    assert told(onerous=words | {"us_status": "ceased_use"})["us_gaap"]["loss"] is None
    assert told(onerous=words | {"income": 8000})["ifrs"]["provision"] == "0"
    dedicated = told(onerous=words | {"dedicated_carrying": 50_000})["ifrs"]
    assert (dedicated["dedicated_assets_written_down"], dedicated["provision"], dedicated["loss"]) == ("50000", "70000", "120000")


def test_a_terminated_contract_without_its_penalty_is_refused() -> None:
    with pytest.raises(ValueError, match="not guessed"):
        Case.model_validate({"onerous": {"income": 1, "cost": 2, "us_status": "terminated"}})


def test_a_reversal_comes_back_to_the_unimpaired_amount_and_only_under_ifrs() -> None:
    words = {"carrying": 60, "value_in_use": 100, "fair_value": 90, "undiscounted": 120}
    assert told(**words, unimpaired=80)["ifrs"]["reversal"] == "20"
    assert told(**words, unimpaired=130)["ifrs"]["reversal"] == "40"
    assert told(**words, unimpaired=80)["us_gaap"]["reversal"] == "0"
    assert told(**words)["ifrs"]["loss"] == "0"


def test_a_units_reversal_is_shared_up_to_each_assets_own_cap() -> None:
    """IAS 36.122-123: 60 come back by carrying amounts 100 : 200 : 300, the first may take 4 and the third has no loss."""
    parts = [
        {"id": "a", "carrying": 100, "unimpaired": 104}, {"id": "b", "carrying": 200, "unimpaired": 290}, {"id": "c", "carrying": 300},
    ]  # fmt: skip
    found = told(asset=parts, value_in_use=660, undiscounted=700, fair_value=650)
    assert found["ifrs"]["reversal"] == "60"
    assert [part["after"] for part in found["ifrs"]["parts"]] == ["104", "256", "300"]
    assert found["us_gaap"]["reversal"] == "0"
    assert told(asset=parts, value_in_use=900, undiscounted=900)["ifrs"]["reversal"] == "94"


def test_a_register_knows_what_it_would_be_worth_unimpaired(tmp_path: Path) -> None:
    """8,000 off a GPU of 40,000 at the end of 2026; a year later 20,266.66 stand where 26,666.67 would."""
    loss = '[[asset.write_down]]\ndate = 2026-12-31\namount = 8000\nbook = "ifrs"\n'
    text = f'currency="USD"\n[[asset]]\nid="g"\ncost=40000\nin_service=2026-01-01\nuseful_life="6y"\n{loss}'
    (tmp_path / "r.toml").write_text(text, encoding="utf-8")
    case = Case.model_validate({"register": "r.toml", "at": "2027-12-31", "value_in_use": 30_000, "undiscounted": 31_000})
    found = body(case, tmp_path)
    assert (found["ifrs"]["carrying"], found["ifrs"]["reversal"]) == ("20266.66", "6400.01")
    assert (found["us_gaap"]["carrying"], found["us_gaap"]["reversal"]) == ("26666.67", "0")


@pytest.mark.parametrize(
    ("words", "said"),
    [({"assets": "zz*"}, "no sound asset"), ({"currency": "EUR"}, "is in USD, the case in EUR"), ({"at": "2025-01-01"}, "in service")],
    ids=["glob", "currency", "before-service"],
)
def test_a_case_that_does_not_fit_its_register_is_refused(words: dict[str, str], said: str, tmp_path: Path) -> None:
    (tmp_path / "r.toml").write_text('currency="USD"\nid="g"\ncost=40000\nin_service=2026-01-01\nuseful_life="5y"\n', encoding="utf-8")
    case = Case.model_validate({"register": "r.toml", "at": "2028-01-01", "value_in_use": 1, **words})
    with pytest.raises(WrongUse, match=said):
        body(case, tmp_path)


def test_a_value_in_use_above_its_own_cash_flows_is_told() -> None:
    case = Case.model_validate({"carrying": 100, "value_in_use": 90, "undiscounted": 80, "fair_value": 70})
    parts = cases.parts_of(case, "ifrs", [])
    assert [each.code for each in impairment.answer(impairment.Asked(case, (parts, parts))).findings] == ["impairment.contradictory_flows"]


def test_yen_have_no_cents() -> None:
    found = told(currency="JPY", carrying=1_000_000, value_in_use="333333.5", undiscounted=1)
    assert found["ifrs"]["loss"] == "666667"
    with pytest.raises(ValueError, match="finer"):
        told(currency="JPY", unit="0.01", carrying=1)


def test_what_the_case_does_not_decide_is_null_with_bounds() -> None:
    found = told(carrying=100, fair_value=70)
    assert (found["ifrs"]["loss"], found["ifrs"]["loss_low"], found["ifrs"]["loss_high"]) == (None, "0", "30")
    assert (found["us_gaap"]["loss"], found["us_gaap"]["loss_high"]) == (None, "30")
    assert told(carrying=100, fair_value=70, fair_value_is_recoverable=True)["ifrs"]["loss"] == "30"
    assert told(carrying=100, fair_value=130)["ifrs"]["loss"] == "0"  # one figure above carrying is enough (IAS 36.19)
    assert told(carrying=100, undiscounted=90)["us_gaap"]["loss"] is None
    assert told(carrying=100, indication=False)["ifrs"]["loss"] == "0"


def test_fair_value_is_less_cost_of_disposal_under_ifrs_only() -> None:
    found = told(carrying=100, fair_value=80, cost_of_disposal=5, value_in_use=60, undiscounted=70)
    assert (found["ifrs"]["loss"], found["us_gaap"]["loss"]) == ("25", "20")


def test_carrying_amounts_come_from_the_register_and_differ_by_book(tmp_path: Path) -> None:
    register = 'currency="USD"\nid="g"\ncost=40000\nin_service=2026-01-01\nuseful_life="5y"\n[us_gaap]\nuseful_life="4y"\n'
    (tmp_path / "r.toml").write_text(register, encoding="utf-8")
    case = Case.model_validate({"register": "r.toml", "at": "2028-01-01", "value_in_use": 15_000, "fair_value": 14_000, "undiscounted": 19_000})
    found = body(case, tmp_path)
    assert (found["ifrs"]["carrying"], found["ifrs"]["loss"]) == ("24000", "9000")
    assert (found["us_gaap"]["carrying"], found["us_gaap"]["loss"]) == ("20000", "6000")
    # What is left runs out over what is left of the life: 15,000 over 36 months, 14,000 over 24.
    path = {(row["book"], row["period"]): (row["before"], row["after"]) for row in found["carrying"]}
    assert path["ifrs", "2028"] == ("16000", "10000")
    assert path["us_gaap", "2028-12"] == ("10000", "7000")
    assert path["ifrs", "2030"] == path["us_gaap", "2029-12"] == ("0", "0")


def test_cash_flows_of_useful_output_at_dated_prices() -> None:
    output = {
        "start": "2026-11-01", "months": 3, "mtok_per_month": 100, "running_cost_per_month": 50, "disposal_proceeds": 10,
        "price_per_mtok": [{"since": "2026-01-01", "price": "2"}, {"since": "2027-01-01", "price": "1"}],
    }  # fmt: skip
    case = Case.model_validate({"carrying": 1000, "output": output})
    assert case.output is not None
    assert cases.output_flows(case.output, Decimal(100)) == [150, 150, 60]
    assert cases.output_flows(case.output, Decimal(50))[0] == 50
    assert cases.price_words(case.output).endswith("2 from 2026-01-01, 1 from 2027-01-01")
    with pytest.raises(ValueError, match="price_of"):
        Case.model_validate({"carrying": 1000, "output": {**output, "price_of": "gpt-4o"}})


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("carrying = 5\ncost = 4\naccumulated_depreciation = 1", "once"),
        ("fair_value = 5", "worth on the books"),
        ("carrying = 5\nnonsense = 1", "nonsense"),
        ("carrying = -[", "TOML"),
    ],
)
def test_a_case_that_contradicts_itself_is_refused(text: str, words: str, tmp_path: Path) -> None:
    (tmp_path / "c.toml").write_text(text, encoding="utf-8")
    with pytest.raises(WrongUse, match=words):
        cases.read_terms(tmp_path / "c.toml", Case)
    with pytest.raises(WrongUse, match="cannot be read"):
        cases.read_terms(tmp_path / "none.toml", Case)


@given(
    st.integers(0, 10**9),
    st.integers(0, 10**6),
    st.lists(st.tuples(st.integers(0, 10**8), st.integers(0, 10**8)), min_size=1, max_size=6),
)
def test_a_loss_is_shared_to_the_last_unit_and_no_asset_goes_below_its_floor(
    loss: int, goodwill: int, assets: list[tuple[int, int]]
) -> None:
    bearers = [Bearer(str(n), carrying, floor) for n, (carrying, floor) in enumerate(assets)]
    of_goodwill, shares, left = shared(loss, goodwill, bearers)
    assert of_goodwill == min(loss, goodwill)
    assert of_goodwill + sum(share.loss for share in shares) + left == loss
    for share, bearer in zip(shares, bearers, strict=True):
        assert share.loss >= 0
        assert share.after >= min(bearer.carrying, bearer.floor)
    if left:
        assert all(share.loss == max(0, each.carrying - each.floor) for share, each in zip(shares, bearers, strict=True))


def test_rates() -> None:
    assert round(present_value([Decimal(100)] * 3, Decimal("0.1")), 6) == Decimal("248.685199")
    assert round((1 + monthly_rate(Decimal("0.1"))) ** 12, 20) == Decimal("1.1")
    assert round(implied_rate([Decimal(10_000), Decimal(12_000), Decimal(14_000)], Decimal(33_000)), 7) == Decimal("0.0423556")
