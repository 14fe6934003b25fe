"""How much to commit: closed form against brute force, the program against exhaustive search and layers, the guard's ratio."""

from __future__ import annotations

import itertools
import random
from decimal import Decimal

import numpy as np
import pytest

from netyield.core.errors import WrongUse
from netyield.economics.commitments import newsvendor, ski_rental
from netyield.economics.commitments.layers import layer_plan, layer_use
from netyield.economics.commitments.linear_program import free_plan, whole_plan
from netyield.economics.commitments.offers import Offer, OfferBook
from netyield.economics.commitments.plan_cost import MICRO, Micros, plan_cost

D = Decimal
YEAR = 8760
UNIFORM = list(range(1, 11))


def micros(units: list[float] | list[int]) -> Micros:
    return np.array([round(unit * MICRO) for unit in units], dtype=np.int64)


@pytest.mark.parametrize(
    ("quantity", "cost"), [(0, "5.50"), (3, "4.60"), (4, "4.50"), (5, "4.50"), (10, "6.00")]
)
def test_published_newsvendor_costs_without_resale(quantity: int, cost: str) -> None:
    assert newsvendor.expected_cost(quantity, UNIFORM, D(1), D("0.6")) == D(cost)


@pytest.mark.parametrize(("quantity", "cost"), [(5, "4.20"), (6, "4.15"), (7, "4.17")])
def test_published_newsvendor_costs_with_resale(quantity: int, cost: str) -> None:
    assert newsvendor.expected_cost(quantity, UNIFORM, D(1), D("0.6"), D("0.3")) == D(cost)


def test_published_newsvendor_optima() -> None:
    assert newsvendor.best_quantity(UNIFORM, D(1), D("0.6")) == 4
    assert newsvendor.best_quantity(UNIFORM, D(1), D("0.6"), D("0.3")) == 6
    assert f"{newsvendor.normal_quantity(100, 20, D(1), D('0.6')):.3f}" == "94.933"
    assert f"{newsvendor.normal_quantity(100, 20, D(1), D('0.6'), D('0.3')):.3f}" == "103.600"


def test_rates_that_leave_nothing_to_weigh_are_refused() -> None:
    for rates in ((D(1), D(1), D(0)), (D(1), D("0.5"), D("0.5")), (D(1), D(2), D(0))):
        with pytest.raises(WrongUse, match="does not hold"):
            newsvendor.best_quantity(UNIFORM, *rates)


def test_closed_form_is_brute_force_on_random_whole_demand() -> None:
    chance = random.Random(11)
    for _ in range(300):
        demand = [chance.randrange(0, 13) for _ in range(chance.randrange(1, 25))]
        on_demand = D(chance.randrange(20, 100)) / 10
        committed = on_demand * chance.randrange(20, 99) / 100
        resale = committed * chance.choice([0, 0, 20, 70]) / 100
        found = newsvendor.best_quantity(demand, on_demand, committed, resale)
        costs = [newsvendor.expected_cost(k, demand, on_demand, committed, resale) for k in range(15)]
        assert costs[found] == min(costs)
        assert found == costs.index(min(costs)), "of equal quantities the least is meant"


def test_plan_cost_is_the_newsvendor_cost_of_every_hour() -> None:
    book = OfferBook(D(1), (Offer("a", D("0.6"), YEAR, resale_rate=D("0.3")),))
    for quantity in range(12):
        cost = plan_cost({"a": quantity}, micros(UNIFORM), book)
        assert cost.total == 10 * newsvendor.expected_cost(quantity, UNIFORM, D(1), D("0.6"), D("0.3"))


def test_layers_use_what_each_unit_is_needed_for() -> None:
    assert layer_use(micros([0, 1, 2.5, 2.5])).tolist() == [3 * MICRO, 2 * MICRO, MICRO]
    assert layer_use(micros([])).tolist() == []


def random_book(chance: random.Random, offers: int, *, limits: bool) -> OfferBook:
    on_demand = D(chance.randrange(50, 200)) / 100
    made = []
    for number in range(offers):
        rate = on_demand * chance.randrange(20, 110) / 100
        resale = rate * chance.choice([0, 0, 30, 80]) / 100
        most = chance.choice([None, 1, 3]) if limits else None
        made.append(Offer(f"o{number}", rate, YEAR, D(0), resale, most, chance.choice([1, 2]) if limits else 1))
    return OfferBook(on_demand, tuple(made))


def exhaustive(demand: Micros, book: OfferBook, most: int) -> Decimal:
    """The least cost over every combination of quantities up to ``most``."""
    choices = [
        range(0, min(most, offer.at_most if offer.at_most is not None else most) + 1, offer.step) for offer in book.offers
    ]
    names = [offer.name for offer in book.offers]
    return min(plan_cost(dict(zip(names, q, strict=True)), demand, book).total for q in itertools.product(*choices))


def test_the_program_is_exhaustive_search_on_small_cases() -> None:
    chance = random.Random(5)
    for case in range(60):
        book = random_book(chance, chance.choice([1, 2, 3]), limits=case % 2 == 1)
        fractions = case % 3 == 0
        demand = micros([chance.randrange(0, 6) + (0.5 if fractions else 0) for _ in range(8)])
        found = plan_cost(whole_plan(demand, book), demand, book).total
        assert found == exhaustive(demand, book, 8), (case, book)


def test_layers_are_the_program_on_one_offer_and_on_several_without_limits() -> None:
    chance = random.Random(6)
    for case in range(60):
        book = random_book(chance, 1 if case < 30 else 3, limits=False)
        demand = micros([chance.randrange(0, 40) + chance.choice([0, 0.25]) for _ in range(50)])
        greedy = plan_cost(layer_plan(demand, book), demand, book).total
        assert greedy == plan_cost(whole_plan(demand, book), demand, book).total


def test_layers_on_whole_demand_are_the_newsvendor_quantile() -> None:
    chance = random.Random(7)
    for _ in range(40):
        demand = [chance.randrange(0, 30) for _ in range(40)]
        book = OfferBook(D("1.7"), (Offer("a", D("1.01"), YEAR, resale_rate=D("0.2")),))
        wanted = newsvendor.best_quantity(demand, D("1.7"), D("1.01"), D("0.2"))
        assert layer_plan(micros(demand), book) == {"a": wanted}


def test_hindsight_with_terms_is_exhaustive_search_over_starts() -> None:
    chance = random.Random(8)
    for _ in range(30):
        demand = micros([chance.randrange(0, 3) for _ in range(4)])
        book = OfferBook(D(1), (Offer("short", D(chance.randrange(30, 95)) / 100, 2), Offer("long", D("0.55"), 9)))
        purchases, cost = free_plan(demand, book, 1)
        assert cost == starts_search(demand, book)
        assert all(0 <= purchase.start < 4 and purchase.units > 0 for purchase in purchases)


def starts_search(demand: Micros, book: OfferBook) -> Decimal:
    """Every number of units of each offer at each of the four hours; hours after the history are not paid."""
    costs = []
    every = list(itertools.product(range(3), repeat=4))
    for short, long in itertools.product(every, every):
        cost = D(0)
        for hour, asked in enumerate(demand.tolist()):
            few, many = sum(short[max(0, hour - 1) : hour + 1]), sum(long[: hour + 1])
            cost += book.offers[0].rate * few + book.offers[1].rate * many
            cost += book.on_demand * max(0, asked // MICRO - few - many)
        costs.append(cost)
    return min(costs)


@pytest.mark.parametrize(("share", "deterministic", "randomised"), [(0.0, 2.0, 1.582), (0.6, 1.40, 1.17)])
def test_published_ratios_of_the_break_even_rules(share: float, deterministic: float, randomised: float) -> None:
    assert ski_rental.deterministic_ratio(share) == pytest.approx(deterministic)
    assert ski_rental.randomised_ratio(share) == pytest.approx(randomised, abs=0.005)


def hindsight(demand: list[int], on_demand: Decimal, committed: Decimal, term: int) -> Decimal:
    """The optimum in hindsight where a reservation costs its whole term, also when the history ends before it does.

    As many hours without demand follow as the term is long; those cost nothing on demand.
    """
    book = OfferBook(on_demand, (Offer("r", committed, term),))
    return free_plan(micros(demand + [0] * term), book, 1)[1]


def adversaries(chance: random.Random, term: int) -> list[list[int]]:
    """Demand that stops just when the rule has bought, in one and many units, and random demand."""
    found = [[1] * length for length in range(1, 2 * term, max(1, term // 6))]
    found += [([1] * run + [0] * rest) * 3 for run in range(1, term + 2) for rest in (1, term)]
    found += [[chance.choice([0, 0, 1, 2, 3]) for _ in range(3 * term)] for _ in range(25)]
    return found


@pytest.mark.parametrize(("committed", "term"), [("0.5", 6), ("0.6", 5), ("0.9", 4), ("0.3", 10)])
def test_the_break_even_rule_never_costs_more_than_twice_hindsight(committed: str, term: int) -> None:
    worst = D(0)
    for demand in adversaries(random.Random(3), term):
        done = ski_rental.reserve_online(demand, D(1), D(committed), term)
        best = hindsight(demand, D(1), D(committed), term)
        if best:
            worst = max(worst, done.cost / best)
    assert worst <= 2
    assert worst > D("1.3"), "an adversary that does not hurt proves nothing"


def test_the_rule_buys_at_break_even() -> None:
    done = ski_rental.reserve_online([1] * 10, D(1), D("0.5"), 6)  # a reservation costs 3: three hours of rent
    assert done.reservations[:3] == (0, 0, 1)
    assert (done.on_demand_unit_hours, done.cost) == (4, D(7)), "two hours before and two after the six reserved"
