"""Which way out is cheapest, and when? Every exit in every month against keeping, over a set of futures.

Value of leaving in month t by some exit = chance * (what leaving saves - what it costs), in money of today, weighted over the
futures. The plan is the best of all; nothing above zero means keep. What would change it is found by moving one input at a time.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date
from decimal import ROUND_CEILING, Decimal

from netyield.economics.commitments.contract import Commitment
from netyield.economics.commitments.exit_cost import ALLOWED, UNKNOWN, ExitQuote, exit_quote
from netyield.economics.commitments.keep_value import FUTURES, Future, Timeline, gains, growth
from netyield.economics.commitments.products import ExitTerm, Product
from netyield.economics.commitments.renegotiate import OFFERED, RENEGOTIATE, renegotiation

KEEP = "keep"
BISECTIONS = 30
WIDEST = Decimal(8)


@dataclass(frozen=True, slots=True)
class Leaving:
    """One exit of so many units in one month: its cost, and its value against keeping in every future and weighted."""

    kind: str
    units: int
    month: int
    day: date
    cost: Decimal
    chance: Decimal
    values: tuple[Decimal, ...]
    value: Decimal


@dataclass(frozen=True, slots=True)
class Flip:
    """The value of an input at which the best plan is no better than keeping."""

    what: str
    now: Decimal
    turns_at: Decimal | None


@dataclass(frozen=True)
class ExitPlan:
    """Everything weighed for one commitment. ``best`` is None when keeping is cheapest. ``refused``: exits that cannot be had
    now, with the reason or what they ask for."""

    commitment: Commitment
    product: Product
    day: date
    futures: tuple[Future, ...]
    best: Leaving | None
    options: tuple[Leaving, ...]  # every exit in every month it can be had
    refused: tuple[ExitQuote, ...]
    flips: tuple[Flip, ...]
    sunk: Decimal  # prepaid for hours to come: comes back only where an exit refunds it


def exit_plan(
    commitment: Commitment,
    product: Product,
    day: date,
    futures: Sequence[Future] = FUTURES,
    discount_per_year: Decimal = Decimal(0),
    *,
    explain: bool = True,
) -> ExitPlan:
    """Weigh every exit in every month from a day on. ``explain=False`` leaves out what would change the plan."""
    options = weigh(commitment, product, day, futures, discount_per_year)
    best = max(options, key=lambda one: (one.value, -one.month), default=None)
    best = best if best is not None and best.value > 0 else None
    here = max(day, commitment.start)
    quotes = [exit_quote(commitment, term, here, commitment.quantity) for term in product.exits]
    refused = tuple(quote for quote in quotes if quote.status != ALLOWED)
    again = renegotiation(commitment, here, Future("as now"))
    if again is None:
        why = "blend and extend, another type or quantity: ask for an offer"
        refused += (ExitQuote(RENEGOTIATE, UNKNOWN, why=why, needs=OFFERED),)
    flips = tuple(_flips(commitment, day, futures, discount_per_year, best, options)) if explain else ()
    sunk = commitment.prepaid_after(here)
    return ExitPlan(commitment, product, day, tuple(futures), best, tuple(options), refused, flips, sunk)


def weigh(
    commitment: Commitment, product: Product, day: date, futures: Sequence[Future], discount_per_year: Decimal
) -> list[Leaving]:
    """Every exit that can be had, in every month, for all units and for those nobody uses."""
    timeline = Timeline.of(commitment, day)
    found: list[Leaving] = []
    terms = [term for term in product.exits if term.kind != "not_allowed"]
    for units in releasable(commitment, terms) if terms else ():
        quotes = [
            (term, month, quote)
            for term in terms
            for month, start in enumerate(timeline.days[:-1])
            if (quote := exit_quote(commitment, term, start, units)).status == ALLOWED
        ]
        saved = [gains(commitment, timeline, future, units, discount_per_year) for future in futures] if quotes else []
        noticed = _notice(commitment, product, units)
        for term, month, quote in quotes:
            cost = noticed + (quote.cost or 0)
            factor = quote.chance / growth(discount_per_year, month) if discount_per_year else quote.chance
            values = tuple(factor * (line[month] - cost) for line in saved)
            found.append(
                Leaving(term.kind, units, month, timeline.days[month], cost, quote.chance, values, _mean(values, futures))
            )
    if _offered(commitment):
        values = tuple(renegotiation(commitment, timeline.days[0], future) or Decimal(0) for future in futures)
        mean = _mean(values, futures)
        found.append(Leaving(RENEGOTIATE, commitment.quantity, 0, timeline.days[0], Decimal(0), Decimal(1), values, mean))
    return found


def _mean(values: Sequence[Decimal], futures: Sequence[Future]) -> Decimal:
    """The mean over the futures by their weights."""
    weighted, weights = Decimal(0), Decimal(0)
    for value, future in zip(values, futures, strict=True):
        weighted += value * future.weight
        weights += future.weight
    return weighted / weights


def _offered(commitment: Commitment) -> bool:
    return all(name in commitment.inputs for name in OFFERED)


def _notice(commitment: Commitment, product: Product, units: int) -> Decimal:
    """What is still paid between telling and leaving."""
    days = int(commitment.inputs.get("notice_days", 0 if product.renews else product.notice_days))
    return commitment.rate * units * days * 24


def releasable(commitment: Commitment, exits: Iterable[ExitTerm]) -> list[int]:
    """All units; and where a part can go, those beyond what is used now."""
    used = (commitment.used_units or Decimal(0)).to_integral_value(rounding=ROUND_CEILING)
    spare = max(0, commitment.quantity - int(used))
    partial = any(term.partial for term in exits)
    return [commitment.quantity, *([spare] if partial and 0 < spare < commitment.quantity else [])]


def _flips(
    commitment: Commitment, day: date, futures: Sequence[Future], discount: Decimal,
    best: Leaving | None, options: Sequence[Leaving],
) -> Iterable[Flip]:  # fmt: skip
    """Where the decision turns, one input at a time: use, on-demand price, and the cost of the exit."""
    look = best or max(options, key=lambda one: (one.value, -one.month), default=None)
    if look is None or commitment.used_units is None or commitment.on_demand_rate is None:
        return
    used, price = commitment.used_units, commitment.on_demand_rate

    def value(changed: Commitment) -> Decimal:
        timeline = Timeline.of(changed, day)
        if look.kind == RENEGOTIATE:
            lines = [renegotiation(changed, timeline.days[0], future) or Decimal(0) for future in futures]
        else:
            saved = [gains(changed, timeline, future, look.units, discount)[look.month] for future in futures]
            lines = [look.chance * (line - look.cost) / growth(discount, look.month) for line in saved]
        return _mean(lines, futures)

    yield Flip("used units", used, _turns(lambda x: value(replace(commitment, used_units=x)), used, Decimal(commitment.quantity)))
    yield Flip("on-demand rate", price, _turns(lambda x: value(replace(commitment, on_demand_rate=x)), price, price * WIDEST))
    if look.kind != RENEGOTIATE and look.chance:
        today = 1 / growth(discount, look.month)
        yield Flip("cost of the exit", look.cost, look.cost + look.value / (look.chance * today))


def _turns(value: Callable[[Decimal], Decimal], now: Decimal, most: Decimal) -> Decimal | None:
    """Where a value changes its sign between zero and ``most``, from where it is now; None where it does not."""
    here = value(now) > 0
    for edge in (most, Decimal(0)):
        if (value(edge) > 0) != here:
            inside, outside = now, edge
            for _ in range(BISECTIONS):
                middle = (inside + outside) / 2
                inside, outside = (middle, outside) if (value(middle) > 0) == here else (inside, middle)
            return outside
    return None
