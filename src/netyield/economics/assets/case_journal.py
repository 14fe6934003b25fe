"""Which entries do a write-down and a lease need? Balanced, in the form of the assets' own journal."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, timedelta
from decimal import Decimal

from netyield.core.currencies import coins
from netyield.core.depreciation import first_day
from netyield.economics.assets.impairment import Result
from netyield.economics.assets.impairment_terms import Case
from netyield.economics.assets.journal import Entry, JournalLine
from netyield.economics.assets.lease_terms import Lease
from netyield.economics.assets.leases import LeaseRow, Measured
from netyield.economics.assets.onerous import Provision

CASE_ACCOUNTS: Mapping[str, str] = {
    "goodwill": "Assets:Goodwill",
    "onerous": "Expenses:OnerousContracts",
    "provision": "Liabilities:Provisions:OnerousContracts",
    "right_of_use": "Assets:RightOfUse",
    "lease_liability": "Liabilities:Leases",
    "lease_interest": "Expenses:LeaseInterest",
    "lease_amortisation": "Expenses:RightOfUseAmortisation",
    "lease_cost": "Expenses:OperatingLease",
    "lease_gain": "Income:GainOnLeaseModification",
}


def _entry(day: date, about: str, currency: str, text: str, accounts: Mapping[str, str], lines: Mapping[str, int]) -> Entry:
    listed = tuple(JournalLine(accounts[name], amount) for name, amount in lines.items() if amount)
    return Entry(day, about, currency, text, listed)


def impairment_entries(
    case: Case, result: Result, provision: Provision | None, day: date, accounts: Mapping[str, str]
) -> list[Entry]:
    """The loss per asset of the unit, goodwill's, a reversal, and the provision, in one book. Nothing for what is undecided."""
    about = case.title or "unit"

    def units(amount: Decimal) -> int:
        return coins(amount, case.currency)

    found = []
    for share in result.parts:
        loss = units(share.loss * case.unit)
        text = "impairment loss" if loss > 0 else "reversal of impairment"
        lines = {"impairment": max(0, loss), "reversal": min(0, loss), "impaired": -loss}
        found.append(_entry(day, share.id, case.currency, text, accounts, lines))
    goodwill = units(result.goodwill_loss)
    lines = {"impairment": goodwill, "goodwill": -goodwill}
    found.append(_entry(day, about, case.currency, "impairment of goodwill", accounts, lines))
    shared = -sum(min(0, share.loss) for share in result.parts) * case.unit
    back = units(result.reversal - shared)
    found.append(_entry(day, about, case.currency, "reversal of impairment", accounts, {"impaired": back, "reversal": -back}))
    if provision is not None and provision.amount is not None:
        written, amount = units(provision.written_down), units(provision.amount)
        lines = {"impairment": written, "impaired": -written}
        found.append(_entry(day, about, case.currency, "assets dedicated to an onerous contract", accounts, lines))
        lines = {"onerous": amount, "provision": -amount}
        found.append(_entry(day, about, case.currency, "onerous contract", accounts, lines))
    return [entry for entry in found if entry.lines]


def lease_entries(
    lease: Lease, measured: Measured, start: date, months: int, accounts: Mapping[str, str]
) -> list[Entry]:
    """The start, every period's end, and a modification. In advance, a payment is booked with the period it opens."""
    about = lease.title or "lease"

    def entry(day: date, text: str, **lines: Decimal) -> Entry:
        listed = {name: coins(amount, lease.currency) for name, amount in lines.items()}
        return _entry(day, about, lease.currency, text, accounts, listed)

    opening = measured.right_of_use - measured.liability
    found = [entry(start, "start of the lease", right_of_use=measured.right_of_use, lease_liability=-measured.liability, cash=-opening)]
    changes = {each.after + 1: each for each in measured.modifications}
    for row in measured.rows:
        day = _end(start, months, row.period)
        opens = row.period == 1 or row.period in changes  # its payment in advance stands in the opening balance
        if row.period in changes:
            change = changes[row.period]
            ahead = row.payment if lease.timing == "advance" else Decimal(0)
            debt, asset = change.liability_before - change.liability, change.right_of_use - change.right_of_use_before
            found.append(
                entry(_end(start, months, change.after), "modification of the lease", lease_liability=debt + ahead,
                      right_of_use=asset, lease_gain=-(debt + asset), cash=-ahead)
            )  # fmt: skip
        paid = Decimal(0) if lease.timing == "advance" and opens else row.payment
        found.append(entry(day, f"period {row.period}", **_costs(row), right_of_use=-row.amortisation,
                           lease_liability=paid - row.interest, cash=-paid))  # fmt: skip
    return [each for each in found if each.lines]


def _costs(row: LeaseRow) -> dict[str, Decimal]:
    if row.even:
        return {"lease_cost": row.cost}
    return {"lease_interest": row.interest, "lease_amortisation": row.amortisation}


def _end(start: date, months: int, period: int) -> date:
    """The last day of a period."""
    month = start.year * 12 + start.month - 1 + months * period
    try:
        return first_day(month).replace(day=start.day) - timedelta(days=1)
    except ValueError:  # the 31st of a shorter month
        return first_day(month + 1) - timedelta(days=1)
