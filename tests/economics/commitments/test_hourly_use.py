"""Value of keeping over hourly use: against a sum over every hour, by season, and with the best number of units to let go."""

from __future__ import annotations

import random
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest

from netyield.core.period import micros
from netyield.economics.commitments.contract import Commitment
from netyield.economics.commitments.exit_plan import exit_plan
from netyield.economics.commitments.hourly_use import HOUR_US, MICRO, HourlyUse
from netyield.economics.commitments.keep_value import Future, Keeping, Timeline
from netyield.economics.commitments.products import find_product
from netyield.economics.commitments.renegotiate import renegotiation

D = Decimal
ONE = D(1)
NOW = (Future("as now"),)
DAY = [0] * 12 + [10] * 12  # full for half of the day, idle at night


def contract(**more: Any) -> Commitment:
    values: dict[str, Any] = {
        "id": "one", "product": "fee_of_remaining", "quantity": 10, "start": date(2026, 1, 1), "end": date(2027, 1, 1),
        "rate": D(2), "on_demand_rate": D(3), "inputs": {"fee_share": D(0)},
    }  # fmt: skip
    return Commitment(**{**values, **more})


def use_of(units: list[int], start: datetime | None = None) -> HourlyUse:
    first = micros(start or datetime(2026, 1, 1, tzinfo=UTC))
    return HourlyUse.of([first + hour * HOUR_US for hour in range(len(units))], [unit * MICRO for unit in units])


def summed(units: list[int], quantity: int, released: int, hours: int, price: Decimal, growth: Decimal = ONE) -> Decimal:
    """The rule hour by hour: what is no longer paid less what is then rented."""
    each = [min(u * growth, D(quantity)) - min(u * growth, D(quantity - released)) for u in units]
    return (D(2) * released - price * sum(each) / len(each)) * hours


@pytest.mark.parametrize("seed", range(5))
def test_it_is_the_sum_over_the_hours(seed: int) -> None:
    chance = random.Random(seed)
    units = [chance.randrange(0, 15) for _ in range(24)]
    one = contract().with_use(use_of(units))
    timeline = Timeline.of(one, one.start)
    for released in range(1, 11):
        saved = Keeping(one, timeline).saved(NOW[0], released)
        assert saved.until_end[0] == pytest.approx(summed(units, 10, released, 8760, D(3)), abs=D("1e-15"))
        growing = Keeping(one, timeline).saved(Future("x", D(1), D("-0.5")), released)
        assert growing.hourly[0] == pytest.approx(summed(units, 10, released, 1, D(3)), abs=D("1e-15"))
        half = summed(units, 10, released, 1, D(3) * D("0.5") ** D("0.5"), D(2) ** D("0.5"))
        assert growing.hourly[6] == pytest.approx(half, abs=D("1e-15"))


def test_full_by_day_and_idle_by_night_is_not_its_mean() -> None:
    """Ten units, five in use on average. All day alike, five of them go for nothing; by day and night all ten are needed at noon."""
    flat = exit_plan(contract(used_units=D(5)), find_product("fee_of_remaining"), date(2026, 1, 1), NOW)
    uneven = exit_plan(contract().with_use(use_of(DAY)), find_product("fee_of_remaining"), date(2026, 1, 1), NOW)
    assert flat.best is not None
    assert uneven.best is not None
    assert (flat.best.units, flat.best.value) == (5, D(2) * 5 * 8760)
    # Needed in half of the hours: on demand 3 * 0.5 is less than 2 for each of the ten.
    assert (uneven.best.units, uneven.best.value) == (10, (D(2) - D("1.5")) * 10 * 8760)
    assert uneven.commitment.used_units == 5


@pytest.mark.parametrize("seed", range(5))
def test_the_number_of_units_let_go_is_the_best_of_all(seed: int) -> None:
    chance = random.Random(seed)
    units = [chance.randrange(0, 14) for _ in range(168)]
    one = contract(inputs={"fee_share": D(chance.randrange(0, 40)) / 100}).with_use(use_of(units))
    plan = exit_plan(one, find_product("fee_of_remaining"), date(2026, 1, 1), NOW)
    left = one.inputs["fee_share"] * 2
    values = {m: summed(units, 10, m, 8760, D(3)) - left * m * 8760 for m in range(1, 11)}
    best = max(values.values())
    assert plan.best is not None if best > 0 else plan.best is None
    if plan.best is not None and plan.best.month == 0:
        assert plan.best.value == pytest.approx(best, abs=D("1e-12"))


def test_months_ahead_are_as_the_same_month_of_a_year_known() -> None:
    """Nothing from January to June, all ten from July: leaving is worth waiting for only until the summer."""
    hours = [datetime(2025, 1, 1, tzinfo=UTC).timestamp() + 3600 * hour for hour in range(8760)]
    values = [0 if datetime.fromtimestamp(hour, UTC).month < 7 else 10 * MICRO for hour in hours]
    use = HourlyUse.of([int(hour) * MICRO for hour in hours], values)
    assert use.seasonal
    one = contract().with_use(use)
    saved = Keeping(one, Timeline.of(one, one.start)).saved(NOW[0], 10)
    assert saved.hourly == [D(20)] * 6 + [D(-10)] * 6
    short = contract().with_use(HourlyUse.of([int(hour) * MICRO for hour in hours[:4000]], values[:4000]))
    assert not short.use or not short.use.seasonal


def test_what_some_units_serve() -> None:
    use = use_of(DAY)
    assert (use.mean, use.peak) == (5, 10)
    assert [use.served(0, D(units), D(1)) for units in (0, 4, 10, 20)] == [0, 2, 5, 5]
    assert use.served(0, D(10), D(3)) == 5, "ten units serve no more than ten"
    assert use.scaled(D("0.5")).served(0, D(10), D(1)) == D("2.5")
    constant = HourlyUse.constant(D("5.76"))
    assert (constant.mean, constant.peak, constant.served(0, D(5), D(1))) == (D("5.76"), D("5.76"), 5)


def test_a_notice_delays_the_saving_and_not_the_use() -> None:
    """Ninety days of notice: nothing is saved in them, and nothing must be rented in them either."""
    product = find_product("neocloud_take_or_pay")
    late = contract(product=product.id, used_units=D(5), inputs={"termination_fee": D(0), "notice_days": 90})
    plan = exit_plan(late, product, date(2026, 1, 1), NOW)
    assert plan.best is not None
    first = next(option for option in plan.options if option.month == 0)
    assert first.value == (D(20) - D(15)) * (365 - 90) * 24
    assert first.cost == D(20) * 90 * 24
    last = next(option for option in plan.options if option.month == 11)
    assert last.value == 0, "the notice is longer than the term"


def test_a_pool_lets_go_as_many_as_it_holds() -> None:
    product = find_product("azure_reservation")
    one = contract(product=product.id, used_units=D(0), inputs={"cancelled_last_12_months": D(0)})
    plan = exit_plan(one, product, date(2026, 1, 1), NOW)
    now = {option.units for option in plan.options if option.month == 0}
    assert now == {2}, "17,520 each, 50,000 a year"


def test_an_offer_is_weighed_over_the_hours_and_discounted() -> None:
    offer = {"new_rate": D("1.5"), "new_quantity": 5, "new_end": date(2027, 1, 1)}
    uneven = contract(inputs=offer).with_use(use_of(DAY))
    # Ten units serve 5 on average, five serve 2.5: half of the day five must be rented.
    value = (D(20) - D("7.5") - D(3) * D("2.5")) * 8760
    assert renegotiation(uneven, date(2026, 1, 1), NOW[0]) == value
    assert 0 < (renegotiation(uneven, date(2026, 1, 1), NOW[0], D("0.1")) or 0) < value
    swapped = contract(inputs={**offer, "new_unit_equals": D(2)}).with_use(use_of(DAY))
    assert renegotiation(swapped, date(2026, 1, 1), NOW[0]) == (D(20) - D("7.5")) * 8760, "five of another type do the work of ten"


def test_where_the_mean_use_turns_the_decision_its_hours_keep_their_shape() -> None:
    one = contract(product="neocloud_take_or_pay", inputs={"termination_fee": D(0)}).with_use(use_of(DAY))
    plan = exit_plan(one, find_product(one.product), date(2026, 1, 1), NOW)
    turns = {flip.what: flip.turns_at for flip in plan.flips}
    assert turns["used units"] is None, "ten units serve at most five on average of such days, and 5 * 3 is less than 20"
    assert turns["on-demand rate"] == pytest.approx(D(4), rel=D("1e-6"))
