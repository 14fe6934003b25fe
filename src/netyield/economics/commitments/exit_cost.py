"""What does it cost to leave on a day? One function per kind of exit; negative when it brings cash.

``cost`` comes beside what leaving saves: the payments that stop, and the use that must be rented instead (keep_value.py). A
prepayment that comes back is a negative cost; one that does not is sunk and nowhere in the sum. Source: facts sheet 2 and 3.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

from netyield.core.money import CONTEXT, quantise
from netyield.economics.commitments.contract import Commitment
from netyield.economics.commitments.products import ExitTerm

ALLOWED, NOT_ALLOWED, UNKNOWN = "allowed", "not allowed", "unknown"
YEAR_DAYS = 365


@dataclass(frozen=True, slots=True)
class ExitQuote:
    """What one way out costs. ``chance``: that it comes about (a sale). ``cash``: exact, in the commitment's currency."""

    kind: str
    status: str
    cost: Decimal | None = None
    chance: Decimal = Decimal(1)
    why: str = ""
    needs: tuple[str, ...] = ()


def exit_quote(commitment: Commitment, term: ExitTerm, day: date, units: int) -> ExitQuote:
    """The cost of leaving so many units on a day. What only the contract or a quote can say is asked for."""
    (quote,) = exit_quotes(commitment, term, [day], units)
    return quote


def exit_quotes(commitment: Commitment, term: ExitTerm, days: Sequence[date], units: int) -> list[ExitQuote]:
    """The cost of leaving so many units on each of some days."""
    if units < commitment.quantity and not term.partial:
        return [ExitQuote(term.kind, NOT_ALLOWED, why="only all units together")] * len(days)
    over = ExitQuote(term.kind, NOT_ALLOWED, why="the term is over")
    missing = tuple(name for name in term.needs if name not in commitment.inputs)
    if missing:
        asked = ExitQuote(term.kind, UNKNOWN, why=term.note or "not published", needs=missing)
        return [over if day >= commitment.end else asked for day in days]
    values, kind = {**term.values, **commitment.inputs}, _KINDS[term.kind]
    return [over if day >= commitment.end else kind(commitment, values, day, units) for day in days]


def _not_allowed(commitment: Commitment, values: Mapping[str, Any], day: date, units: int) -> ExitQuote:
    del commitment, values, day, units  # nothing would change the answer
    return ExitQuote("not_allowed", NOT_ALLOWED, why="runs to the end of its term")


def _return_window(commitment: Commitment, values: Mapping[str, Any], day: date, units: int) -> ExitQuote:
    """All of it comes back within some days of the purchase."""
    late = (day - commitment.start).days > int(values["days"])
    other_month = values.get("same_month") and (day.year, day.month) != (commitment.start.year, commitment.start.month)
    hourly = commitment.effective_rate * commitment.quantity
    if late or other_month:
        return ExitQuote("return_window", NOT_ALLOWED, why=f"only within {values['days']} days and the month of the purchase")
    if hourly > Decimal(values["most_per_hour"]):
        return ExitQuote("return_window", NOT_ALLOWED, why=f"above {values['most_per_hour']} an hour")
    returned = values.get("returns_this_year")
    if returned is None:
        return ExitQuote("return_window", UNKNOWN, why="a number of returns a year", needs=("returns_this_year",))
    if int(returned) >= int(values["most_returns_per_year"]):
        return ExitQuote("return_window", NOT_ALLOWED, why="the returns of this year are used up")
    return ExitQuote("return_window", ALLOWED, -commitment.prepaid_after(commitment.start, units))


def _wind_down(commitment: Commitment, values: Mapping[str, Any], day: date, units: int) -> ExitQuote:
    """The hours a quote still charges, for the instances it still counts."""
    quoted = values["quote_date"]
    if day != quoted:
        return ExitQuote("wind_down", UNKNOWN, why=f"the quote of {quoted} holds {values['quote_hours']} hours", needs=("quote_date",))
    del units  # the quote names the instances it charges
    hours, instances = Decimal(values["quote_hours_charged"]), Decimal(values["quote_committed_instances"])
    return ExitQuote("wind_down", ALLOWED, hours * instances * commitment.rate)


def _fee(commitment: Commitment, values: Mapping[str, Any], day: date, units: int) -> ExitQuote:
    """A share of what would still have been paid."""
    return ExitQuote("fee", ALLOWED, Decimal(values["fee_share"]) * commitment.owed_after(day, units))


def _refund(commitment: Commitment, values: Mapping[str, Any], day: date, units: int) -> ExitQuote:
    """Pro rata, less a fee, within a rolling pool of cancelled commitments."""
    prepaid = commitment.prepaid_after(day, units)
    cancelled = commitment.owed_after(day, units) + prepaid
    if commitment.currency != values["pool_currency"] and "pool_in_currency" not in values:
        return ExitQuote("refund", UNKNOWN, why=f"the pool is in {values['pool_currency']}", needs=("pool_in_currency",))
    left = _pool_left(values)
    if cancelled > left:
        return ExitQuote("refund", NOT_ALLOWED, why=f"{cancelled:,.2f} is above the {left:,.2f} left of the rolling pool")
    return ExitQuote("refund", ALLOWED, Decimal(values["fee_share"]) * cancelled - prepaid)


def most_units(commitment: Commitment, term: ExitTerm, day: date) -> int | None:
    """How many units a rolling pool lets go at once on a day; None where no pool limits them, or nobody told how full it is."""
    values = {**term.values, **commitment.inputs}
    if "pool" not in values or "cancelled_last_12_months" not in values:
        return None
    each = cancelled_commitment(commitment, day, 1)
    return int(max(Decimal(0), _pool_left(values)) // each) if each else None


def _pool_left(values: Mapping[str, Any]) -> Decimal:
    return Decimal(values.get("pool_in_currency", values["pool"])) - Decimal(values["cancelled_last_12_months"])


def cancelled_commitment(commitment: Commitment, day: date, units: int) -> Decimal:
    """What a cancellation takes out of the commitment: still to be paid, and paid for hours to come."""
    return commitment.owed_after(day, units) + commitment.prepaid_after(day, units)


def refund_of_payments(payments: int, payment: Decimal, paid: int, pool: Decimal) -> tuple[Decimal, Decimal]:
    """(cancelled commitment, pool left) of a reservation paid in equal instalments; raises ValueError above the pool."""
    cancelled = (payments - paid) * payment
    if cancelled > pool:
        message = f"{cancelled} is above the {pool} left of the rolling pool"
        raise ValueError(message)
    return cancelled, pool - cancelled


def exchange_floor(payments: int, payment: Decimal, paid: int) -> Decimal:
    """What the new commitment of an exchange must at least be."""
    return (payments - paid) * payment


def _exchange(commitment: Commitment, values: Mapping[str, Any], day: date, units: int) -> ExitQuote:
    """A new commitment of at least what remains; worth what it replaces on demand."""
    floor = cancelled_commitment(commitment, day, units)
    before = values.get("bought_before")
    if before is not None and commitment.start >= before:
        return ExitQuote("exchange", NOT_ALLOWED, why=f"bought after {before}: no exchange where savings plans cover it")
    new = Decimal(values["exchange_new_total"])
    if new < floor:
        return ExitQuote("exchange", NOT_ALLOWED, why=f"the new commitment must be at least {floor:,.2f}")
    cost = new - commitment.prepaid_after(day, units) - Decimal(values["exchange_displaces"])
    return ExitQuote("exchange", ALLOWED, cost)


def _clawback(commitment: Commitment, values: Mapping[str, Any], day: date, units: int) -> ExitQuote:
    """The remaining deposit comes back less the discount already received."""
    del values
    if commitment.on_demand_rate is None:
        return ExitQuote("clawback", UNKNOWN, why="the discount received", needs=("on_demand_rate",))
    used_hours = commitment.term_hours - commitment.hours_after(day)
    received = (commitment.on_demand_rate - commitment.effective_rate) * units * used_hours
    return ExitQuote("clawback", ALLOWED, received - commitment.prepaid_after(day, units))


def _resale(commitment: Commitment, values: Mapping[str, Any], day: date, units: int) -> ExitQuote:
    """What a buyer pays per unit and remaining hour, less the market's fee, if one is found."""
    held, left = (day - commitment.start).days, (commitment.end - day).days
    if held < int(values.get("least_held_days", 0)):
        return ExitQuote("resale", NOT_ALLOWED, why=f"only after {values['least_held_days']} days")
    if left < int(values.get("least_left_days", 0)):
        return ExitQuote("resale", NOT_ALLOWED, why=f"only with {values['least_left_days']} days left")
    price = Decimal(values["resale_price"]) * units * commitment.hours_after(day)
    chance = Decimal(values["sale_probability"])
    return ExitQuote("resale", ALLOWED, -(1 - Decimal(values["fee_share"])) * price, chance)


def _termination_fee(commitment: Commitment, values: Mapping[str, Any], day: date, units: int) -> ExitQuote:
    """The amount the contract or the other side names."""
    del commitment, day, units
    return ExitQuote("termination_fee", ALLOWED, Decimal(values["termination_fee"]))


def _credits(commitment: Commitment, values: Mapping[str, Any], day: date, units: int) -> ExitQuote:
    """A refund in service credits, worth what they replace."""
    del commitment, day, units
    return ExitQuote("credits", ALLOWED, -Decimal(values["credit_refund"]) * Decimal(values["credit_worth"]))


_KINDS: Mapping[str, Callable[[Commitment, Mapping[str, Any], date, int], ExitQuote]] = {
    "not_allowed": _not_allowed,
    "return_window": _return_window,
    "wind_down": _wind_down,
    "fee": _fee,
    "refund": _refund,
    "exchange": _exchange,
    "clawback": _clawback,
    "resale": _resale,
    "termination_fee": _termination_fee,
    "credits": _credits,
}
KINDS = tuple(_KINDS)


def prorated(monthly: Decimal, hours: int, hours_of_month: int = 720) -> Decimal:
    """A monthly price for some hours, in cents, ties away from zero (Lambda storage: 720 hours to the month)."""
    exact = CONTEXT.divide(monthly * hours, Decimal(hours_of_month))
    return quantise(exact, 2)
