"""What does a reserved cluster cost when it is a lease? The same payments under IFRS 16 and ASC 842, period by period."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

import pyarrow as pa

from netyield.answers.answer import Answer, AnswerColumn
from netyield.core.finding import Finding, Severity
from netyield.core.money import MONEY, quantise, text
from netyield.core.period import Period
from netyield.economics.assets.lease_terms import Lease
from netyield.economics.assets.leases import LeaseRow, Measured, asc842_operating, ifrs16

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
RATE_PLACES = 9
BOOKS = {"ifrs": "IFRS 16", "us_gaap": "ASC 842"}
WORDS = {
    "payment": "Paid in the period", "interest": "Growth of the liability", "amortisation": "Write-off of the right of use",
    "cost": "What the period costs", "liability": "Liability at its end", "right_of_use": "Right of use at its end",
}  # fmt: skip
COLUMNS = (
    AnswerColumn("book", "text", "", "IFRS 16, or ASC 842 as an operating lease"),
    AnswerColumn("period", "text", "", "Period of the lease"),
    *(AnswerColumn(name, "money", "currency", words) for name, words in WORDS.items()),
)


def answer(lease: Lease, file: str = "") -> Answer:
    """Both books' schedules; ``body`` is the JSON object. Raises ValueError when no rate fits the liability."""
    ours = ifrs16(lease)
    theirs = None if lease.modification else asc842_operating(lease)
    findings = tuple(_findings(lease, file))
    books = {"ifrs": ours} | ({"us_gaap": theirs} if theirs is not None else {})
    plain = {name: _plain(measured) for name, measured in books.items()}
    words = _sentence(lease, ours, theirs)
    body: dict[str, Any] = {
        "answer": "lease",
        "title": lease.title,
        "currency": lease.currency,
        "is_lease": lease.is_lease,
        "rate": text(quantise(ours.rate, RATE_PLACES)),
        "ifrs": plain["ifrs"],
        "us_gaap": plain.get("us_gaap"),
        "definition": _definition(lease),
        "description": words,
        "findings": len(findings),
    }
    rows = [{"book": BOOKS[name], **row} for name, each in plain.items() for row in each["rows"]]
    return Answer(
        name="lease", title="A lease in both books", as_of="", window=Period(EPOCH, EPOCH), currency=lease.currency, basis="",
        table=_table(rows), columns=COLUMNS,
        headline={name: {"liability": each["liability"], "right_of_use": each["right_of_use"]} for name, each in plain.items()},
        description=words, caveats=tuple(f"{key}: {value}" for key, value in body["definition"].items()),
        findings=findings, body=body,
    )  # fmt: skip


def _plain(measured: Measured) -> dict[str, Any]:
    return {
        "liability": text(measured.liability),
        "right_of_use": text(measured.right_of_use),
        "rows": [_row(row) for row in measured.rows],
        "modifications": [
            {key: value if key == "after" else text(value) for key, value in asdict(each).items()}
            for each in measured.modifications
        ],
    }


def _row(row: LeaseRow) -> dict[str, Any]:
    return {"period": str(row.period)} | {name: text(getattr(row, name)) for name in WORDS}


def _findings(lease: Lease, file: str) -> list[Finding]:
    found = []
    if lease.is_lease is False:
        message = "by what the case says this is no lease: no identified asset, or the customer does not control it."
        repair = "Book it as a service contract; the schedule below only shows what a lease would be."
        found.append(Finding("lease.no_lease", Severity.WARNING, message, repair, file))
    if lease.modification:
        message = "a modification is measured under IFRS 16 only; ASC 842 has no schedule here."
        found.append(Finding("lease.us_modification", Severity.WARNING, message, "Remove it to see ASC 842 without it.", file))
    return found


def _definition(lease: Lease) -> dict[str, str]:
    told = {None: "not told by the case: taken as a lease", True: "yes, by the case's answers", False: "no, by the case's answers"}
    return {
        "lease": f"{told[lease.is_lease]} (IFRS 16.9, ASC 842-10-15-3)",
        "rate": "per period, as given" if lease.rate is not None else "per period, solved so that the payments are worth the liability",
        "timing": f"payments in {lease.timing}; in advance, the opening liability is after the first payment",
        "ifrs": "interest on the liability, right of use written off evenly (IFRS 16.36, .31)",
        "us_gaap": "operating: one even cost a period, right of use is what closes it (ASC 842-20-25-6, 842-20-35-3)",
        "rounding": f"balances to {text(lease.unit)} once; movements are differences of balances",
    }


def _sentence(lease: Lease, ours: Measured, theirs: Measured | None) -> str:
    first = f"IFRS 16 costs {ours.rows[0].cost:,f} {lease.currency} in the first period and {ours.rows[-1].cost:,f} in the last"
    if theirs is not None:
        return f"{first}; ASC 842 costs {theirs.rows[0].cost:,f} in each. The payments are the same."
    change = ours.modifications[0]
    word = "gain" if change.gain >= 0 else "loss"
    return f"{first}; after period {change.after} the change brings a {word} of {abs(change.gain):,f} {lease.currency}."


def _table(listed: Sequence[dict[str, Any]]) -> pa.Table:
    arrays = {}
    for column in COLUMNS:
        values = pa.array([row[column.name] for row in listed], pa.string())
        arrays[column.name] = values.cast(MONEY) if column.kind == "money" else values
    return pa.table(arrays)


