"""What does a lease cost in each period, and what stands on the balance sheet? IFRS 16 and ASC 842 on the same payments.

    liability        present value of the payments still due; grows by interest, shrinks by payments
    right of use     liability + payments made before + initial direct cost - incentive
    IFRS 16          cost = interest + right of use / periods: more at the start (IFRS 16.31, .36)
    ASC 842          operating: cost = (payments + direct cost - incentive) / periods, every period the same; the right
                     of use takes what interest leaves of it (ASC 842-20-25-6, 842-20-35-3)

Balances are exact and rounded once, at each period's end; interest and amortisation are differences of balances.
A partial return (IFRS 16.45, .46a): the returned share of liability and right of use goes, the difference is gain or loss;
the rest of the liability is measured anew at the new payments and rate, and the right of use takes the difference.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from netyield.economics.assets.lease_terms import Lease
from netyield.economics.assets.present_value import CONTEXT, ONE, implied_rate, present_value, rounded, total

ZERO = Decimal(0)


@dataclass(frozen=True, slots=True)
class LeaseRow:
    """One period: balances at its end, and what it cost. In advance, its payment was made at its start."""

    period: int
    payment: Decimal
    interest: Decimal
    amortisation: Decimal
    cost: Decimal
    liability: Decimal
    right_of_use: Decimal


@dataclass(frozen=True, slots=True)
class Remeasured:
    """What a modification did, rounded."""

    after: int
    liability_before: Decimal
    right_of_use_before: Decimal
    gain: Decimal
    liability: Decimal
    adjustment: Decimal
    right_of_use: Decimal


@dataclass(frozen=True, slots=True)
class Measured:
    """A lease in one book. ``liability`` at the start: after the first payment when they come in advance."""

    liability: Decimal
    right_of_use: Decimal
    rate: Decimal
    rows: list[LeaseRow]
    modifications: list[Remeasured]


def rate_of(lease: Lease) -> Decimal:
    """The rate per period: as given, or solved from the liability (all payments, before the first). Raises ValueError."""
    if lease.rate is not None:
        return lease.rate
    return implied_rate(lease.flows, lease.liability or ZERO, in_advance=lease.timing == "advance")


def balances(flows: list[Decimal], rate: Decimal, advance: bool) -> list[Decimal]:
    """The liability at the start (after a payment in advance) and at the end of each period, exact.

    In advance, a period's end comes before the next payment.
    """
    found = []
    for done in range(len(flows) + 1):
        due = flows[done:]
        if advance and done == 0:
            found.append(present_value(flows, rate, in_advance=True) - flows[0])
        else:
            found.append(present_value(due, rate, in_advance=advance))
    return found


def ifrs16(lease: Lease) -> Measured:
    """Front-loaded interest and a right of use written off evenly; with at most one partial return."""
    rate, flows, advance = rate_of(lease), lease.flows, lease.timing == "advance"
    owed = balances(flows, rate, advance)
    start = _right_of_use(lease, owed[0], flows, advance)
    change = next(iter(lease.modification), None)
    used = len(flows) if change is None else change.after
    asset = [CONTEXT.multiply(start, CONTEXT.divide(Decimal(len(flows) - n), Decimal(len(flows)))) for n in range(used + 1)]
    rows = _rows(lease, flows[:used], owed[: used + 1], asset, 1)
    changed: list[Remeasured] = []
    if change is not None:
        kept = ONE - change.returned_share
        new_owed = balances(change.payments, change.rate, advance)
        new_liability = present_value(change.payments, change.rate, in_advance=advance)
        left, held = CONTEXT.multiply(owed[used], kept), CONTEXT.multiply(asset[used], kept)
        adjustment = new_liability - left
        gain = (owed[used] - left) - (asset[used] - held)
        amounts = (owed[used], asset[used], gain, new_liability, adjustment, held + adjustment)
        changed.append(Remeasured(used, *(rounded(each, lease.unit) for each in amounts)))
        more = len(change.payments)
        shares = [CONTEXT.divide(Decimal(more - n), Decimal(more)) for n in range(more + 1)]
        rest = [CONTEXT.multiply(held + adjustment, share) for share in shares]
        rows += _rows(lease, change.payments, new_owed, rest, used + 1)
    return Measured(rounded(owed[0], lease.unit), rounded(start, lease.unit), rate, rows, changed)


def asc842_operating(lease: Lease) -> Measured:
    """One even cost per period; the right of use is what closes it. Modifications are not measured here."""
    rate, flows, advance = rate_of(lease), lease.flows, lease.timing == "advance"
    owed = balances(flows, rate, advance)
    start = _right_of_use(lease, owed[0], flows, advance)
    count = Decimal(len(flows))
    even = CONTEXT.divide(total(flows) + lease.initial_direct_cost - lease.incentive, count)
    asset = [start]
    for n in range(len(flows)):
        asset.append(asset[-1] - (even - _interest(owed, flows, n, advance)))
    return Measured(rounded(owed[0], lease.unit), rounded(start, lease.unit), rate, _rows(lease, flows, owed, asset, 1), [])


def _right_of_use(lease: Lease, liability: Decimal, flows: list[Decimal], advance: bool) -> Decimal:
    return liability + (flows[0] if advance else ZERO) + lease.initial_direct_cost - lease.incentive


def _interest(owed: list[Decimal], flows: list[Decimal], n: int, advance: bool) -> Decimal:
    """Interest of period n (from 0): what the liability grew by."""
    if advance:
        paid = flows[n] if n else ZERO  # the first payment is behind the opening balance already
        return owed[n + 1] - (owed[n] - paid)
    return owed[n + 1] - owed[n] + flows[n]


def _rows(
    lease: Lease, flows: list[Decimal], owed: list[Decimal], asset: list[Decimal], first: int
) -> list[LeaseRow]:
    """Rounded balances, and the movements between them."""
    advance, unit = lease.timing == "advance", lease.unit
    debts, rights = [rounded(each, unit) for each in owed], [rounded(each, unit) for each in asset]
    rows = []
    for n, flow in enumerate(flows):
        interest = _interest(debts, flows, n, advance)
        amortisation = rights[n] - rights[n + 1]
        rows.append(LeaseRow(first + n, flow, interest, amortisation, interest + amortisation, debts[n + 1], rights[n + 1]))
    return rows
