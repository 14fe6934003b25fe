"""Which way out is cheapest, and when? The best of every exit in every month against keeping, over a set of futures.

Nothing above zero means keep. What would change the plan is found by moving one input at a time.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal

from netyield.core.money import CONTEXT
from netyield.economics.commitments.contract import Commitment
from netyield.economics.commitments.exit_cost import ALLOWED, UNKNOWN, ExitQuote, exit_quote
from netyield.economics.commitments.keep_value import FUTURES, Future, Timeline, growth
from netyield.economics.commitments.products import Product
from netyield.economics.commitments.renegotiate import OFFERED, RENEGOTIATE, renegotiation
from netyield.economics.commitments.weighing import Leaving, Weighing, mean, offered, weigh

KEEP = "keep"
BISECTIONS = 30
WIDEST = Decimal(8)


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
    if not offered(commitment):
        why = "blend and extend, another type or quantity: ask for an offer"
        refused += (ExitQuote(RENEGOTIATE, UNKNOWN, why=why, needs=OFFERED),)
    flips = tuple(_flips(commitment, product, day, futures, discount_per_year, best, options)) if explain else ()
    sunk = commitment.prepaid_after(here)
    return ExitPlan(commitment, product, day, tuple(futures), best, tuple(options), refused, flips, sunk)


def _flips(
    commitment: Commitment, product: Product, day: date, futures: Sequence[Future], discount: Decimal,
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
            lines = [renegotiation(changed, timeline.days[0], future, discount) or Decimal(0) for future in futures]
        else:
            weighing = Weighing(changed, product, timeline, tuple(futures), discount)
            quote = ExitQuote(look.kind, ALLOWED, weighing.without_notice(look), look.chance)
            return weighing.option(quote, look.units, look.month, weighing.saved(look.units)).value
        return mean(lines, futures)

    most = max(Decimal(commitment.quantity), used)
    yield Flip("used units", used, _turns(lambda x: value(_used(commitment, x)), used, most))
    yield Flip("on-demand rate", price, _turns(lambda x: value(replace(commitment, on_demand_rate=x)), price, price * WIDEST))
    if look.kind != RENEGOTIATE and look.chance:
        today = 1 / growth(discount, look.month)
        yield Flip("cost of the exit", look.cost, look.cost + look.value / (look.chance * today))


def _used(commitment: Commitment, units: Decimal) -> Commitment:
    """The commitment with another mean use; its hours keep their shape."""
    if commitment.hourly_use is None or not commitment.used_units:
        return replace(commitment, used_units=units, hourly_use=None)
    return commitment.with_use(commitment.hourly_use.scaled(CONTEXT.divide(units, commitment.used_units)))


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
