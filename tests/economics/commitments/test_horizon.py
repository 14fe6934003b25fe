"""Terms against each other through the longest of them: against a sum by hand, and what falling prices and demand do to a long one."""

from __future__ import annotations

from decimal import Decimal

import numpy as np
import pytest

from netyield.economics.commitments.horizon import MONTH_HOURS, Horizon, over_terms
from netyield.economics.commitments.keep_value import Future
from netyield.economics.commitments.offers import Offer, OfferBook
from netyield.economics.commitments.plan_cost import MICRO, Micros

D = Decimal
YEAR = 8760
BOOK = OfferBook(D(2), (Offer("1y", D("1.4"), YEAR), Offer("3y", D(1), 3 * YEAR)))
FLAT: Micros = np.full(168, 10 * MICRO, dtype=np.int64)


def carried(*futures: Future, book: OfferBook = BOOK, plan: dict[str, int] | None = None) -> Horizon:
    found = over_terms(FLAT, book, {"3y": 10} if plan is None else plan, futures)
    assert found is not None
    return found


def costs(found: Horizon) -> dict[str, Decimal]:
    return {one.strategy: one.cost for one in found.strategies}


def test_where_nothing_changes_the_lower_rate_is_cheaper() -> None:
    found = carried(Future("as now"))
    hours = 36 * MONTH_HOURS
    assert found.months == 36
    assert costs(found) == {
        "this plan": 10 * hours, "only 1y": D(14) * hours, "only 3y": 10 * hours, "nothing committed": 20 * hours,
    }  # fmt: skip
    assert found.cheapest.strategy == "this plan"
    assert [one.units for one in found.strategies] == [10, 10, 10, 0]


def test_a_year_is_bought_anew_for_the_demand_and_the_price_of_that_day() -> None:
    """Prices halve every year: the second year costs half of the first, the third a quarter; three years stay what they were."""
    year = 12 * MONTH_HOURS
    found = costs(carried(Future("cheaper", price_per_year=D("-0.5"))))
    assert found["only 1y"] == D(14) * year * (1 + D("0.5") + D("0.25"))
    assert found["only 3y"] == 10 * 3 * year
    falling = carried(Future("less", demand_per_year=D("-0.5")))
    # Ten units held through the first year, five in the second, 2.5 needed in the third: two held, half a unit rented by then and less later.
    assert costs(falling)["only 1y"] < costs(falling)["only 3y"]
    assert falling.cheapest.strategy == "only 1y"


def test_more_demand_is_committed_to_once_a_year() -> None:
    """Demand doubles every year: ten units for three years, ten more after a year, twenty after two."""
    found = carried(Future("more", demand_per_year=D(1)))
    by_hand = sum(
        (10 * 2**year + 2 * max(D(0), 10 * D(2) ** (year + D(month) / 12) - 10 * 2**year)) * MONTH_HOURS for year in range(3) for month in range(12)
    )
    assert costs(found)["only 3y"] == costs(found)["this plan"] == pytest.approx(by_hand, rel=D("1e-6"))


def test_regret_is_against_the_best_of_each_future_and_cost_is_weighted() -> None:
    futures = (Future("as now", weight=D(3)), Future("cheaper", price_per_year=D("-0.5")))
    found = carried(*futures)
    alone = [costs(carried(future)) for future in futures]
    for one in found.strategies:
        assert one.cost == (3 * alone[0][one.strategy] + alone[1][one.strategy]) / 4
        assert one.regret == max(each[one.strategy] - min(each.values()) for each in alone)
    assert found.safest.regret == min(one.regret for one in found.strategies)


def test_limits_hold_when_bought_anew() -> None:
    limited = OfferBook(D(2), (Offer("1y", D("1.4"), YEAR, at_most=6, step=4), Offer("2y", D("1.9"), 2 * YEAR)))
    found = carried(Future("as now"), book=limited, plan={"1y": 4})
    hours = 24 * MONTH_HOURS
    assert costs(found)["only 1y"] == (D("1.4") * 4 + 2 * 6) * hours
    assert costs(found)["this plan"] == costs(found)["only 1y"], "the cheaper offer is wanted for all, and only four can be had"


def test_spare_units_are_resold_at_the_price_of_the_day() -> None:
    book = OfferBook(D(2), (Offer("1y", D(1), YEAR, resale_rate=D("0.5")),))
    found = over_terms(np.full(24, 4 * MICRO, dtype=np.int64), book, {"1y": 6}, (Future("as now"), Future("x", price_per_year=D(1))))
    assert found is not None
    plan = found.strategies[0]
    assert plan.costs[0] == (6 - D("0.5") * 2) * 12 * MONTH_HOURS
    prices = [round(D(2) ** (D(month) / 12), 6) for month in range(12)]
    assert plan.costs[1] == sum((6 - D("0.5") * price * 2) * MONTH_HOURS for price in prices)


def test_no_demand_is_no_horizon() -> None:
    assert over_terms(np.zeros(0, dtype=np.int64), BOOK, {}, (Future("as now"),)) is None
    idle = over_terms(np.zeros(24, dtype=np.int64), BOOK, {}, (Future("as now"),))
    assert idle is not None
    assert {one.cost for one in idle.strategies} == {0}
    assert idle.cheapest.units == pytest.approx(0)
