"""Do the owned assets agree with the general ledger? Account by account against a trial balance, the difference a line.

The trial balance is a CSV with ``account`` and either ``balance`` (debit positive) or ``debit`` and ``credit``, and a
``currency`` column when there are several.
"""

from __future__ import annotations

import csv
import io
from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from pathlib import Path

from netyield.core.currencies import from_coins
from netyield.core.errors import WrongUse
from netyield.core.finding import Finding, Severity
from netyield.economics.assets.journal import Entry
from netyield.sources.amounts import read_number

YEARLY = ("Income:", "Expenses:")
OWN, DIFFERENCE, LEDGER = "Owned assets, as the register has them", "Difference", "General ledger"


@dataclass(frozen=True, slots=True)
class Tie:
    """One account in one currency: what the assets say, what the general ledger says (None: not in it)."""

    account: str
    currency: str
    assets: Decimal
    general_ledger: Decimal | None

    @property
    def difference(self) -> Decimal:
        """General ledger less assets."""
        return (self.general_ledger or Decimal(0)) - self.assets


def read_trial_balance(path: Path, currency: str) -> tuple[dict[tuple[str, str], Decimal], list[Finding]]:
    """Balances by (account, currency), debit positive. Raises WrongUse when the file cannot be read."""
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        message = f"{path}: the trial balance cannot be read ({error})."
        raise WrongUse(message, "Export it as CSV in UTF-8.") from None
    reader = csv.DictReader(io.StringIO(text, newline=""))
    names = {name.strip().lower(): name for name in reader.fieldnames or []}
    if "account" not in names or not ({"balance"} <= names.keys() or {"debit", "credit"} <= names.keys()):
        message = f"{path}: a trial balance has the columns account and balance, or account, debit and credit."
        raise WrongUse(message, f"It has: {', '.join(names) or 'none'}.")
    found: dict[tuple[str, str], Decimal] = defaultdict(Decimal)
    findings = []
    for row in reader:
        account = (row[names["account"]] or "").strip()
        money = (row[names["currency"]] or "").strip() if "currency" in names else ""
        try:
            amount = _balance(row, names)
            found[account, money or currency] += amount
        except ValueError as error:
            message = f"account {account!r}: {error}; the row is left out."
            findings.append(
                Finding("trial_balance.bad_amount", Severity.ERROR, message, "Correct it and run again.", path.name, reader.line_num)
            )
    return dict(found), findings


def _balance(row: Mapping[str, str | None], names: Mapping[str, str]) -> Decimal:
    def amount(name: str) -> Decimal:
        text = (row[names[name]] or "").strip()
        return read_number(text) if text else Decimal(0)

    return amount("balance") if "balance" in names else amount("debit") - amount("credit")


def tie(
    journal: Sequence[Entry], balances: Mapping[tuple[str, str], Decimal], since: date | None = None, apart: Collection[str] = ()
) -> list[Tie]:
    """Every account the assets post to, beside the general ledger's balance of it.

    ``since``: income and expenses count from this day on, for a general ledger closes them every year. ``apart``: accounts others
    post to as well (money paid), which cannot tie.
    """
    own: dict[tuple[str, str], int] = defaultdict(int)
    for entry in journal:
        for line in entry.lines:
            if line.account not in apart and (since is None or entry.day >= since or not line.account.startswith(YEARLY)):
                own[line.account, entry.currency] += line.coins
    return [
        Tie(account, currency, from_coins(amount, currency), balances.get((account, currency)))
        for (account, currency), amount in sorted(own.items())
    ]


@dataclass(frozen=True, slots=True)
class Reconciled:
    """One line from what the register says the assets are worth to what the general ledger says."""

    line: str
    currency: str
    amount: Decimal


def reconciled(ties: Sequence[Tie], worth: Collection[str]) -> list[Reconciled]:
    """The carrying amount, each difference a line of its own, the general ledger's: they add up, per currency.

    ``worth``: the accounts that make up the carrying amount (cost, accumulated depreciation, impairment).
    """
    found = []
    for currency in sorted({each.currency for each in ties}):
        own = [each for each in ties if each.currency == currency and each.account in worth]
        lines = {OWN: sum((each.assets for each in own), Decimal(0))}
        lines |= {f"{DIFFERENCE}: {each.account}": each.difference for each in own if each.difference}
        lines[LEDGER] = sum(lines.values(), Decimal(0))
        found += [Reconciled(line, currency, amount) for line, amount in lines.items()]
    return found


def differences(ties: Sequence[Tie], file: str) -> list[Finding]:
    """A finding per account that does not agree or is missing."""
    found = []
    for each in ties:
        if each.general_ledger is None:
            message = f"{each.account}: the trial balance has no such account in {each.currency}; the assets have {each.assets:,f}."
        elif each.difference:
            message = f"{each.account}: the general ledger has {each.general_ledger:,f} {each.currency}, the assets {each.assets:,f}."
        else:
            continue
        repair = "Book the difference, correct the register, or map the account with --account."
        found.append(Finding("trial_balance.difference", Severity.WARNING, message, repair, file))
    return found
