"""What does a lease cost in each period, and what stands on the balance sheet? IFRS 16 and ASC 842 on the same payments.

    liability            present value of the payments still due; grows by interest, shrinks by payments
    right of use         liability + payments made before + initial direct cost - incentive
    IFRS 16, finance     cost = interest + right of use / periods: more at the start (IFRS 16.31-32, .36; ASC 842-20-25-5,
                         842-20-35-7); periods of the hardware's life when it becomes the lessee's
    ASC 842 operating    cost = (what is still due - liability + right of use) / periods, every period the same; the right
                         of use takes what interest leaves of it (ASC 842-20-25-6, 842-20-35-3)

Balances are exact and rounded once, at each period's end; interest and amortisation are differences of balances.

A change measures the liability anew, and the right of use takes the difference, never below zero (IFRS 16.39, .46(b), ASC
842-10-25-12, 842-20-35-4). What ends goes first, with gain or loss: the returned share of both (IFRS 16.46(a), ASC
842-10-25-13), and under IFRS the periods a modification cuts off as well (a shorter term is less scope; under ASC
842-10-25-11(b) it is not).
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from netyield.economics.assets.lease_class import Classified, classified
from netyield.economics.assets.lease_terms import Lease, Modification
from netyield.economics.assets.present_value import CONTEXT, ONE, implied_rate, present_value, rounded, total
from netyield.sources.bills.assets.terms import BookName

ZERO = Decimal(0)


@dataclass(frozen=True, slots=True)
class LeaseRow:
    """One period: balances at its end, and what it cost. In advance, its payment was made at its start.

    ``even``: one lease cost (operating), not interest and amortisation apart.
    """

    period: int
    payment: Decimal
    interest: Decimal
    amortisation: Decimal
    cost: Decimal
    liability: Decimal
    right_of_use: Decimal
    even: bool = False


@dataclass(frozen=True, slots=True)
class Remeasured:
    """What a change did, rounded."""

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
    classified: Classified | None = None


@dataclass(frozen=True, slots=True)
class Stretch:
    """Periods between two changes, exact: payments due, their rate, liability and right of use at each period's end."""

    flows: list[Decimal]
    rate: Decimal
    owed: list[Decimal]
    rights: list[Decimal]


def rate_of(lease: Lease) -> Decimal:
    """The rate per period: as given, or solved from the liability (all payments, before the first). Raises ValueError."""
    if lease.rate is not None:
        return lease.rate
    return implied_rate(lease.flows, lease.liability or ZERO, in_advance=lease.timing == "advance")


def balances(flows: list[Decimal], rate: Decimal, advance: bool) -> list[Decimal]:
    """The liability at the start (after a payment in advance) and at the end of each period, exact.

    In advance, a period's end comes before the next payment.
    """
    factor = CONTEXT.divide(ONE, CONTEXT.add(ONE, rate))
    found = [ZERO]
    for flow in reversed(flows):
        later = found[-1]
        found.append(flow + CONTEXT.multiply(later, factor) if advance else CONTEXT.multiply(later + flow, factor))
    found.reverse()
    if advance:
        found[0] -= flows[0]
    return found


def ifrs16(lease: Lease) -> Measured:
    """Front-loaded interest and a right of use written off evenly."""
    return _measured(lease, "ifrs", None)


def asc842(lease: Lease) -> Measured:
    """By its class: finance as IFRS 16 has it, operating at one even cost per period."""
    value = present_value(lease.flows, rate_of(lease), in_advance=lease.timing == "advance")
    return _measured(lease, "us_gaap", classified(lease, value))


def measured(lease: Lease, book: BookName) -> Measured:
    """The lease in a book."""
    return ifrs16(lease) if book == "ifrs" else asc842(lease)


def _measured(lease: Lease, book: BookName, found: Classified | None) -> Measured:
    """Stretch after stretch from the start to the end, each opened by the change before it."""
    rate, flows, advance = rate_of(lease), lease.flows, lease.timing == "advance"
    even = found is not None and found.kind == "operating"
    worth = present_value(flows, rate, in_advance=advance)
    right = worth + lease.initial_direct_cost - lease.incentive
    rows: list[LeaseRow] = []
    changes: list[Remeasured] = []
    done = 0
    stretch = _stretch(lease, flows, rate, right, done, even)
    first = stretch.owed[0]
    for change in lease.modification:
        rows += _rows(lease, stretch, done, change.after - done, even)
        opened, told = _changed(lease, stretch, change, done, book)
        changes.append(told)
        if found is not None and change.us_class is not None:
            even = change.us_class == "operating"
        done = change.after
        rate = stretch.rate if change.rate is None else change.rate
        stretch = _stretch(lease, change.payments, rate, opened, done, even)
    rows += _rows(lease, stretch, done, len(stretch.flows), even)
    return Measured(rounded(first, lease.unit), rounded(right, lease.unit), rate_of(lease), rows, changes, found)


def _stretch(lease: Lease, flows: list[Decimal], rate: Decimal, right: Decimal, done: int, even: bool) -> Stretch:
    """Balances of the periods from ``done`` on, with ``right`` on the books at their start."""
    advance = lease.timing == "advance"
    owed = balances(flows, rate, advance)
    if not even:
        life = _write_off_periods(lease, len(flows), done)
        left = [max(ZERO, CONTEXT.divide(life - n, life)) for n in range(len(flows) + 1)]
        return Stretch(flows, rate, owed, [CONTEXT.multiply(right, part) for part in left])
    due = total(flows) - present_value(flows, rate, in_advance=advance)
    cost = CONTEXT.divide(due + right, Decimal(len(flows)))
    rights = [right]
    for n in range(len(flows)):
        rights.append(rights[-1] - (cost - _interest(owed, flows, n, advance)))
    return Stretch(flows, rate, owed, rights)


def _write_off_periods(lease: Lease, term: int, done: int) -> Decimal:
    """The shorter of term and life of the hardware; its life where it becomes the lessee's (IFRS 16.32, ASC 842-20-35-8)."""
    if lease.economic_life_periods is None:
        return Decimal(term)
    life = max(ONE, lease.economic_life_periods - done)
    return life if lease.becomes_owned else min(Decimal(term), life)


def _changed(
    lease: Lease, stretch: Stretch, change: Modification, done: int, book: BookName
) -> tuple[Decimal, Remeasured]:
    """The right of use after a change, exact, and the change in words of the statement."""
    advance, at = lease.timing == "advance", change.after - done
    owed, right, due = stretch.owed[at], stretch.rights[at], stretch.flows[at:]
    kept = ONE - change.returned_share
    left, held = CONTEXT.multiply(owed, kept), CONTEXT.multiply(right, kept)
    more = len(change.payments)
    if book == "ifrs" and not change.reassessment and more < len(due):
        left = CONTEXT.multiply(present_value(due[:more], stretch.rate, in_advance=advance), kept)
        held = CONTEXT.divide(CONTEXT.multiply(held, Decimal(more)), Decimal(len(due)))
    rate = stretch.rate if change.rate is None else change.rate
    liability = present_value(change.payments, rate, in_advance=advance)
    opened = max(ZERO, held + liability - left)
    gain = (owed - liability) - (right - opened)
    amounts = (owed, right, gain, liability, opened - held, opened)
    return opened, Remeasured(change.after, *(rounded(each, lease.unit) for each in amounts))


def _interest(owed: list[Decimal], flows: list[Decimal], n: int, advance: bool) -> Decimal:
    """Interest of period n (from 0): what the liability grew by."""
    if advance:
        paid = flows[n] if n else ZERO  # the first payment is behind the opening balance already
        return owed[n + 1] - (owed[n] - paid)
    return owed[n + 1] - owed[n] + flows[n]


def _rows(lease: Lease, stretch: Stretch, done: int, count: int, even: bool) -> list[LeaseRow]:
    """Rounded balances of the stretch's first periods, and the movements between them."""
    advance, unit = lease.timing == "advance", lease.unit
    debts, rights = ([rounded(each, unit) for each in listed] for listed in (stretch.owed, stretch.rights))
    rows = []
    for n, flow in enumerate(stretch.flows[:count]):
        interest = _interest(debts, stretch.flows, n, advance)
        written = rights[n] - rights[n + 1]
        rows.append(LeaseRow(done + n + 1, flow, interest, written, interest + written, debts[n + 1], rights[n + 1], even))
    return rows
