"""What is each way out worth? Every exit in every month, for all units and for the parts worth letting go, against keeping.

Value of leaving in month t by some exit = chance * (what leaving saves - what it costs), in money of the day asked about, weighted
over the futures. Renegotiation is weighed as offered, taken at once.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import ROUND_CEILING, Decimal
from functools import cache, cached_property

from netyield.economics.commitments.contract import HOURS_OF_DAY, Commitment
from netyield.economics.commitments.exit_cost import ALLOWED, ExitQuote, exit_quote, exit_quotes, most_units
from netyield.economics.commitments.keep_value import Future, Keeping, Saved, Timeline, growth
from netyield.economics.commitments.products import ExitTerm, Product
from netyield.economics.commitments.renegotiate import OFFERED, RENEGOTIATE, renegotiation


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


def weigh(
    commitment: Commitment, product: Product, day: date, futures: Sequence[Future], discount_per_year: Decimal
) -> list[Leaving]:
    """Every exit that can be had, in every month, for all units and for the parts worth letting go."""
    question = Weighing(commitment, product, Timeline.of(commitment, day), tuple(futures), discount_per_year)
    terms = [term for term in product.exits if term.kind != "not_allowed"]
    found: list[Leaving] = []
    for units in releasable(commitment, terms, question.timeline.days[0]) if terms else ():
        found += question.options(terms, units)
    if commitment.hourly_use is not None:
        for term in terms:
            found += question.refined(term, [option for option in found if option.kind == term.kind])
    if offered(commitment):
        found.append(question.offer())
    return found


@dataclass(frozen=True)
class Weighing:
    """One commitment, its months, the futures and the discount: what every way out is weighed with."""

    commitment: Commitment
    product: Product
    timeline: Timeline
    futures: tuple[Future, ...]
    discount_per_year: Decimal

    @cached_property
    def keeping(self) -> Keeping:
        """What keeping it is worth; worked out when the first exit is weighed against it."""
        return Keeping(self.commitment, self.timeline, self.discount_per_year)

    @cached_property
    def weights(self) -> tuple[Decimal, ...]:
        """The share of each future in the mean."""
        whole = sum([future.weight for future in self.futures], Decimal(0))
        return tuple(future.weight / whole for future in self.futures)

    def saved(self, units: int) -> list[Saved]:
        """What leaving so many units saves, in every future."""
        return [self.keeping.saved(future, units) for future in self.futures]

    def options(self, terms: Sequence[ExitTerm], units: int) -> list[Leaving]:
        """Leaving with so many units, by every term and in every month in which it can be had."""
        days = self.timeline.days[:-1]
        quotes = [
            (month, quote)
            for term in terms
            for month, quote in enumerate(exit_quotes(self.commitment, term, days, units))
            if quote.status == ALLOWED
        ]
        if not quotes:
            return []
        saved = self.saved(units)
        return [self.option(quote, units, month, saved) for month, quote in quotes]

    def option(self, quote: ExitQuote, units: int, month: int, saved: Sequence[Saved]) -> Leaving:
        """Until the notice is over everything goes on as before: those hours save nothing, and are paid."""
        day, cost = self.timeline.days[month], quote.cost or Decimal(0)
        lines = [one.until_end[month] - cost for one in saved]
        if noticed := self._notice_hours(day):
            lines = [line - noticed * one.hourly[month] for line, one in zip(lines, saved, strict=True)]
            cost += self.commitment.rate * units * noticed
        factor = quote.chance / growth(self.discount_per_year, month) if self.discount_per_year else quote.chance
        values = tuple(lines) if factor == 1 else tuple([factor * line for line in lines])
        weighted = sum([line * weight for line, weight in zip(values, self.weights, strict=True)], Decimal(0))
        return Leaving(quote.kind, units, month, day, cost, quote.chance, values, weighted)

    def without_notice(self, option: Leaving) -> Decimal:
        """The cost of an option but for what is paid until the notice is over."""
        return option.cost - self.commitment.rate * option.units * self._notice_hours(option.day)

    def _notice_hours(self, day: date) -> int:
        """Hours still paid between telling and leaving."""
        product = self.product
        days = int(self.commitment.inputs.get("notice_days", 0 if product.renews else product.notice_days))
        return min(days * HOURS_OF_DAY, self.commitment.hours_after(day)) if days else 0

    def refined(self, term: ExitTerm, options: Sequence[Leaving]) -> list[Leaving]:
        """The number of units that is best to let go by a term, found from the best of the tried ones; every month of it.

        Each further unit of an hourly use is needed in more hours than the one before, so that the value rises to
        one best number and falls from there: the number is found by halving.
        """
        best = max(options, key=lambda one: one.value, default=None)
        if best is None or not term.partial:
            return []
        tried = {option.units for option in options}
        start, month, total = self.timeline.days[best.month], best.month, self.commitment.quantity

        @cache
        def value(units: int) -> Decimal | None:
            quote = exit_quote(self.commitment, term, start, units)
            return self.option(quote, units, month, self.saved(units)).value if quote.status == ALLOWED else None

        use = self.commitment.use
        never = 0 if use is None else total - int(use.peak.to_integral_value(rounding=ROUND_CEILING))
        low, high = max(1, never), total  # what no hour needs goes before what some hours need
        while low < high:
            middle = (low + high) // 2
            here, further = value(middle), value(middle + 1)
            low, high = (middle + 1, high) if here is not None and further is not None and further > here else (low, middle)
        return [] if low in tried else self.options([term], low)

    def offer(self) -> Leaving:
        """The renegotiation as offered, taken at once."""
        day = self.timeline.days[0]
        values = tuple(renegotiation(self.commitment, day, one, self.discount_per_year) or Decimal(0) for one in self.futures)
        units, weighted = self.commitment.quantity, mean(values, self.futures)
        return Leaving(RENEGOTIATE, units, 0, day, Decimal(0), Decimal(1), values, weighted)


def mean(values: Sequence[Decimal], futures: Sequence[Future]) -> Decimal:
    """The mean over the futures by their weights."""
    return sum([v * f.weight for v, f in zip(values, futures, strict=True)]) / sum([f.weight for f in futures], Decimal(0))


def offered(commitment: Commitment) -> bool:
    """Whether a renegotiation is on the table with all it needs."""
    return all(name in commitment.inputs for name in OFFERED)


def releasable(commitment: Commitment, exits: Iterable[ExitTerm], day: date) -> list[int]:
    """All units; and where a part can go, those no hour of its use needs and as many as a rolling pool lets go."""
    partial = [term for term in exits if term.partial]
    use, quantity = commitment.use, commitment.quantity
    parts = {most for term in partial if (most := most_units(commitment, term, day)) is not None}
    if partial and use is not None:
        parts.add(quantity - int(use.peak.to_integral_value(rounding=ROUND_CEILING)))
    return [quantity, *sorted(units for units in parts if 0 < units < quantity)]
