"""The roll-forward of owned assets: worked cases, and identities over random registers."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal

from hypothesis import given, settings
from hypothesis import strategies as st

from netyield.core.depreciation import month_number
from netyield.economics.assets.schedule import Schedule, schedule
from netyield.sources.bills.assets.admit import RegisterTerms, admitted
from netyield.sources.bills.assets.asset import Asset
from netyield.sources.opened import Place

GPU = {"id": "gpu", "cost": 40_000, "in_service": "2026-01-01", "useful_life": "6y"}
CUT = {"effective": "2027-08-01", "recorded": "2027-08-03", "useful_life": "4y"}


def made(**words: object) -> Asset:
    asset, findings = admitted(RegisterTerms(currency="USD"), Place("assets", "test"), None, {**GPU, **words}, {})
    assert asset is not None, findings
    return asset


def charges(found: Schedule) -> list[str]:
    return [f"{row.charge / 100:.2f}" for row in found.rows]


def test_a_shorter_life_changes_later_years_only() -> None:
    """The sheet's case: 40,000 over six years, after two the life is cut to four: 13,333.33 for two years."""
    found = schedule([made(change=[{"effective": "2028-01-01", "useful_life": "4y"}])], "ifrs", "year")
    assert charges(found) == ["6666.67", "6666.66", "13333.34", "13333.33"]
    assert found.rows[1].carrying == 26_666_67
    assert found.rows[-1].carrying == 0


def test_a_change_in_month_20_leaves_the_first_19_as_they_were() -> None:
    before, after = schedule([made()], "ifrs").rows, schedule([made(change=[CUT])], "ifrs").rows
    assert after[:19] == before[:19]
    assert len(after) == 48
    assert [f"{row.charge / 100:.2f}" for row in after[19:21]] == ["1015.33", "1015.32"]  # 29,444.44 over 29 months
    assert all(new.charge != old.charge for new, old in zip(after[19:], before[19:], strict=False))


def test_the_schedule_as_of_a_day_before_the_change_was_recorded_is_the_old_one() -> None:
    asset = made(change=[CUT])
    assert schedule([asset], "ifrs", as_of=date(2027, 8, 2)).rows == schedule([made()], "ifrs").rows
    assert schedule([asset], "ifrs", as_of=date(2027, 8, 3)).rows == schedule([asset], "ifrs").rows


def test_a_disposal_takes_cost_and_depreciation_off_the_books() -> None:
    found = schedule([made(disposed="2028-03-17", proceeds=20_000), made(id="other")], "ifrs")
    row = next(row for row in found.rows if row.period == "2028-03")
    assert (row.charge, row.disposed, row.accumulated) == (555_56, 25_555_56, 15_000_00)
    assert row.carrying == 25_000_00


def test_days_of_a_partial_month() -> None:
    found = schedule([made(in_service="2026-01-17", convention="day", cost=7_200, useful_life="6y")], "ifrs")
    assert charges(found)[:2] == ["48.39", "100.00"]  # 15 of 31 days of 100.00
    assert charges(found)[-1] == "51.61"
    later = schedule([made(in_service="2026-01-17", convention="next_month", cost=7_200)], "ifrs")
    assert later.rows[0].period == "2026-02"


def test_a_loss_at_the_years_end_changes_later_months_only() -> None:
    """IAS 36.63: 40,000 over six years, 6,666.67 in the first; 8,000 off on 31 December, 25,333.33 left over 60 months."""
    loss = {"date": "2026-12-31", "amount": 8_000}
    found = schedule([made(write_down=[loss])], "ifrs").rows
    assert found[:11] == schedule([made()], "ifrs").rows[:11]
    assert (found[11].charge, found[11].written, found[11].carrying) == (555_56, 8_000_00, 25_333_33)
    assert found[12].charge == 422_22
    same = schedule([made(write_down=[{**loss, "date": "2027-01-01"}])], "ifrs").rows
    assert [row.charge for row in same] == [row.charge for row in found]  # on the day after, it opens January
    assert (same[11].written, same[12].written) == (0, 8_000_00)
    by_days = schedule([made(convention="day", write_down=[loss])], "ifrs").rows
    assert found[11].charge > by_days[11].charge > 550_00  # one day of 31 on less


def test_a_residual_above_the_carrying_amount_stops_depreciation() -> None:
    found = schedule([made(change=[{"effective": "2027-01-01", "residual": 39_000}])], "ifrs", "year")
    assert charges(found)[:3] == ["6666.67", "0.00", "0.00"]


def test_currencies_stay_apart() -> None:
    yen = {"currency": "JPY", "cost": 6_000_000, "id": "yen"}
    found = schedule([made(), made(**yen)], "ifrs", "year")
    assert {row.currency: row.charge for row in found.rows if row.period == "2026"} == {"USD": 6_666_67, "JPY": 1_000_000}


DAYS = st.integers(0, 2000).map(lambda n: date(2024, 1, 1) + timedelta(days=n))


@st.composite
def assets(draw: st.DrawFn) -> Asset:
    """An asset with a random method, a change of estimate, and perhaps a disposal."""
    start, life = draw(DAYS), draw(st.integers(1, 120))
    cost = draw(st.integers(1, 10**9))
    later = start + timedelta(days=draw(st.integers(0, 2000)))
    change = {"remaining_life": f"{draw(st.integers(1, 60))}m", "method": draw(st.sampled_from(["straight_line", "sum_of_years"]))}
    words = {
        "cost": Decimal(cost) / 100, "in_service": start, "useful_life": f"{life}m", "id": f"a{draw(st.integers(0, 10**6))}",
        "residual": Decimal(draw(st.integers(0, cost))) / 100, "convention": draw(st.sampled_from(["month", "next_month", "day"])),
        "method": draw(st.sampled_from(["straight_line", "declining", "sum_of_years"])),
        "change": [{"effective": later, **change}],
    }  # fmt: skip
    if cost > 10_000 and draw(st.booleans()):
        words |= {"write_down": [{"date": start + timedelta(days=draw(st.integers(0, 40))), "amount": Decimal(cost // 100) / 100}]}
        words["residual"] = 0
        if life < 3:
            words["useful_life"] = "3m"
    if draw(st.booleans()):
        words |= {"disposed": max(later, start + timedelta(days=40)) + timedelta(days=draw(st.integers(0, 900))), "proceeds": 0}
    return made(**words)


@settings(deadline=None, max_examples=60)
@given(st.lists(assets(), min_size=1, max_size=4, unique_by=lambda asset: asset.id), st.sampled_from(["month", "year"]))
def test_every_row_rolls_forward_and_everything_paid_leaves_again(listed: list[Asset], grain: str) -> None:
    found = schedule(listed, "ifrs", "month" if grain == "month" else "year")
    opening = 0
    for row in found.rows:
        assert row.opening == opening
        assert row.carrying == row.opening + row.additions - row.charge - row.written - row.disposed
        assert row.charge >= 0
        assert row.carrying >= 0
        opening = row.carrying
    left = sum(each.at_end(month_number("2100-01"))[2] for each in found.histories)
    assert sum(asset.cost for asset in listed) == sum(row.charge + row.written + row.disposed for row in found.rows) + left
    each = [row for _, rows in found.by_asset() for row in rows]
    assert sum(row.charge for row in each) == sum(row.charge for row in found.rows)
