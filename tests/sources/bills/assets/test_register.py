"""What an asset register may say, and every way in which it may contradict itself."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction
from pathlib import Path

import pytest
from registers import GPU, codes, sound, written

from netyield.core.depreciation import month_number
from netyield.sources.bills.assets.history import history

BAD = {
    "negative_cost": "cost = -1\nin_service = 2026-01-01\nuseful_life = '6y'",
    "negative_residual": "cost = 10\nresidual = -1\nin_service = 2026-01-01\nuseful_life = '6y'",
    "residual_above_cost": "cost = 10\nresidual = 11\nin_service = 2026-01-01\nuseful_life = '6y'",
    "no_life": "cost = 10\nin_service = 2026-01-01",
    "no_units_total": "cost = 10\nin_service = 2026-01-01\nmethod = 'units'",
    "two_lives": "cost = 10\nin_service = 2026-01-01\nuseful_life = '6y'\nremaining_life = '3y'",
    "impossible_life": "cost = 10\nin_service = 2026-01-01\nuseful_life = '0m'",
    "impossible_factor": "cost = 10\nin_service = 2026-01-01\nuseful_life = '6y'\nmethod = 'declining'\nfactor = 0",
    "served_before_purchase": "cost = 10\npurchased = 2026-02-01\nin_service = 2026-01-01\nuseful_life = '6y'",
    "disposed_before_service": "cost = 10\nin_service = 2026-01-01\nuseful_life = '6y'\ndisposed = 2025-01-01",
    "proceeds_without_disposal": "cost = 10\nin_service = 2026-01-01\nuseful_life = '6y'\nproceeds = 5",
    "finer_than_a_coin": "cost = 10.001\nin_service = 2026-01-01\nuseful_life = '6y'",
    "bad_units": "cost = 10\nin_service = 2026-01-01\nmethod = 'units'\nunits_total = 9\nunits = { '2026' = 1, '2026-03' = 2 }",
    "bad_terms": "cost = 10\nin_service = 2026-01-01\nuseful_life = 'six years'",
}
CHANGES = {
    "change_before_service": "effective = 2025-08-01\nuseful_life = '4y'",
    "retroactive_change": "effective = 2026-08-01\nrecorded = 2027-01-15\nuseful_life = '4y'",
    "life_over": "effective = 2030-08-01\nuseful_life = '4y'",
    "negative_residual": "effective = 2027-08-01\nresidual = -5",
}


@pytest.mark.parametrize("code", BAD)
def test_a_contradiction_is_a_finding_and_the_asset_is_left_out(code: str, tmp_path: Path) -> None:
    found = written(tmp_path, f"currency = 'USD'\n[[asset]]\nid = 'bad'\n{BAD[code]}\n{GPU.partition('[[asset]]')[1]}{GPU.partition('[[asset]]')[2]}")
    assert code in codes(found)
    assert [asset.id for asset in found.assets] == ["gpu"]
    assert all(finding.repair for finding in found.findings)


@pytest.mark.parametrize("code", CHANGES)
def test_a_change_that_cannot_be(code: str, tmp_path: Path) -> None:
    found = written(tmp_path, f"{GPU}[[asset.change]]\n{CHANGES[code]}\n")
    assert codes(found) == [code]
    assert not found.assets


def test_no_currency_and_a_currency_without_a_rate(tmp_path: Path) -> None:
    assert codes(written(tmp_path, GPU.replace('currency = "USD"', ""))) == ["no_currency"]
    foreign = GPU.replace('currency = "USD"', 'currency = "EUR"\nfunctional_currency = "USD"')
    assert codes(written(tmp_path, foreign)) == ["no_rate"]
    rate = '[[rate]]\ndate = 2026-01-01\nbase = "EUR"\nquote = "USD"\nrate = "1.175"\n'
    (asset,) = sound(tmp_path, foreign + rate).assets
    assert (asset.currency, asset.cost) == ("USD", 47_000_00)


def test_the_same_asset_twice(tmp_path: Path) -> None:
    twin = GPU.partition("[[asset]]")[2]
    assert codes(written(tmp_path, f"{GPU}[[asset]]{twin}")) == ["same_id"]
    first = GPU.replace('id = "gpu"', 'id = "one"\nserial = "S1"')
    second = twin.replace('id = "gpu"', 'id = "two"\nserial = "S1"').replace("2026-01-01", "2027-01-01")
    assert codes(written(tmp_path, f"{first}[[asset]]{second}")) == ["overlapping"]
    gone = first.replace('serial = "S1"', 'serial = "S1"\ndisposed = 2027-01-01\nproceeds = 0')
    assert len(sound(tmp_path, f"{gone}[[asset]]{second}").assets) == 2


def test_one_asset_may_stand_at_the_top_and_many_in_a_csv(tmp_path: Path) -> None:
    (asset,) = sound(tmp_path, GPU.replace("[[asset]]", "")).assets
    assert asset.cost == 40_000_00
    rows = "id,cost,in_service,useful_life,residual,gpus\na,100.50,2026-01-01,5y,0,8\nb,x,2026-01-01,5y,,8\nc,70,2026-03-01,36m,,\n"
    (tmp_path / "fleet.csv").write_text(rows, encoding="utf-8")
    found = written(tmp_path, 'currency = "USD"\nassets_csv = "fleet.csv"\n[[change]]\nassets = "a"\neffective = 2027-01-01\nuseful_life = "3y"\n')
    assert [(asset.id, asset.cost, len(asset.changes)) for asset in found.assets] == [("a", 100_50, 1), ("c", 70_00, 0)]
    assert [(finding.file, finding.row) for finding in found.findings] == [("fleet.csv", 3)]


@pytest.mark.parametrize("text", ["", "[[asset]\n", "cost = 5\nnonsense = 1\nin_service = 2026-01-01", "asset = 5"])
def test_what_is_no_register_says_so(text: str, tmp_path: Path) -> None:
    found = written(tmp_path, text)
    assert not found.assets
    assert found.findings


def test_units_of_a_year_are_spread_over_its_months_in_service(tmp_path: Path) -> None:
    text = "currency='USD'\ncost=1200\nin_service=2026-07-01\nmethod='units'\nunits_total=100\nunits={ '2026'=12, '2027-01'=5 }"
    (asset,) = sound(tmp_path, text).assets
    assert asset.units == {month_number(f"2026-{n:02d}"): Fraction(2) for n in range(7, 13)} | {month_number("2027-01"): Fraction(5)}
    found = history(asset, "ifrs")
    assert found.charges() == [24_00] * 6 + [60_00]


def test_a_month_without_units_ends_the_rows(tmp_path: Path) -> None:
    text = "currency='USD'\ncost=1200\nin_service=2026-01-01\nmethod='units'\nunits_total=100\nunits={ '2026-01'=12, '2026-03'=5 }"
    found = history(sound(tmp_path, text).assets[0], "ifrs")
    assert found.charges() == [144_00]
    assert found.missing == month_number("2026-02")


def test_books_may_differ(tmp_path: Path) -> None:
    text = GPU + "method = 'straight_line'\n[asset.us_gaap]\nuseful_life = '4y'\nresidual = 4000\n"
    (asset,) = sound(tmp_path, text).assets
    assert history(asset, "ifrs").charges()[0] == 555_56
    assert history(asset, "us_gaap").charges()[0] == 750_00


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("[[asset.write_down]]\ndate = 2027-01-01\namount = 34000\n", "write_down_above_carrying"),
        ("[[asset.write_down]]\ndate = 2027-01-01\namount = 0\n", "impossible_amount"),
        ("[[asset.write_down]]\ndate = 2025-12-31\namount = 5\n", "write_down_out_of_service"),
        ("disposed = 2027-03-01\nproceeds = 0\n[[asset.write_down]]\ndate = 2027-03-31\namount = 5\n", "write_down_out_of_service"),
        ("[[asset.write_down]]\ndate = 2027-01-01\namount = 5000\n[[asset.reversal]]\ndate = 2028-01-01\namount = 100\n", "reversal_under_us_gaap"),
        (
            "[[asset.write_down]]\ndate = 2027-01-01\namount = 5000\nbook = 'ifrs'\n"
            "[[asset.reversal]]\ndate = 2028-01-01\namount = 4000.02\nbook = 'ifrs'\n", "reversal_above_cap",
        ),
    ],
    ids=["above-carrying", "nothing", "before-service", "after-disposal", "us-reversal", "above-the-cap"],
)  # fmt: skip
def test_write_downs_and_reversals_that_cannot_be(text: str, code: str, tmp_path: Path) -> None:
    assert codes(written(tmp_path, GPU + text)) == [code]


def test_a_reversal_up_to_the_cap_is_booked(tmp_path: Path) -> None:
    """IAS 36.117: after a year written down by 5,000 over five years left, 4,000 (and a cent of rounding) can come back."""
    text = (
        "[[asset.write_down]]\ndate = 2027-01-01\namount = 5000\nbook = 'ifrs'\n"
        "[[asset.reversal]]\ndate = 2028-01-01\namount = 4000.01\nbook = 'ifrs'\n"
    )
    (asset,) = sound(tmp_path, GPU + text).assets
    plain = history(sound(tmp_path, GPU).assets[0], "ifrs")
    found = history(asset, "ifrs")
    assert found.at_end(month_number("2028-01"))[2] == plain.at_end(month_number("2028-01"))[2]
    assert history(asset, "us_gaap").accumulated == plain.accumulated
    assert Decimal(found.at_end(month_number("2031-12"))[2]) == 0
