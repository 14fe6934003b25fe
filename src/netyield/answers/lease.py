"""What does a reserved cluster cost when it is a lease? The same payments under IFRS 16 and ASC 842, period by period."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from netyield.answers.answer import Answer, AnswerColumn
from netyield.answers.statements import statement
from netyield.core.finding import Finding, Severity
from netyield.core.money import quantise, text
from netyield.economics.assets.lease_class import Classified
from netyield.economics.assets.lease_terms import Lease
from netyield.economics.assets.leases import LeaseRow, Measured, asc842, ifrs16

RATE_PLACES = 9
YEAR_MONTHS = 12
BOOKS = {"ifrs": "IFRS 16", "us_gaap": "ASC 842"}
WORDS = {
    "payment": "Paid in the period", "interest": "Growth of the liability", "amortisation": "Write-off of the right of use",
    "cost": "What the period costs", "liability": "Liability at its end", "right_of_use": "Right of use at its end",
}  # fmt: skip
COLUMNS = (
    AnswerColumn("book", "text", "", "IFRS 16, or ASC 842 with the lease's class there"),
    AnswerColumn("period", "text", "", "Period of the lease"),
    *(AnswerColumn(name, "money", "currency", words) for name, words in WORDS.items()),
)
CHANGES = {
    "liability_before": "Liability before", "right_of_use_before": "Right of use before",
    "gain": "Gain, or loss below zero, on what ends", "liability": "Liability measured anew",
    "adjustment": "What the rest of the right of use takes of the difference", "right_of_use": "Right of use after",
}  # fmt: skip
CHANGE_COLUMNS = (
    COLUMNS[0],
    AnswerColumn("after", "text", "", "Periods before the change"),
    *(AnswerColumn(name, "money", "currency", words) for name, words in CHANGES.items()),
)
TEST_COLUMNS = (
    AnswerColumn("paragraph", "text", "", "Paragraph of ASC 842"),
    AnswerColumn("test", "text", "", "What makes it a finance lease"),
    AnswerColumn("met", "text", "", "yes, no, or not told"),
)


def answer(lease: Lease, file: str = "") -> Answer:
    """Both books' schedules; ``body`` is the JSON object. Raises ValueError when no rate fits the liability."""
    books = {"ifrs": ifrs16(lease), "us_gaap": asc842(lease)}
    kind = books["us_gaap"].classified
    assert kind is not None
    findings = _findings(lease, kind, file)
    plain = {name: _plain(measured) for name, measured in books.items()}
    tests = [{"paragraph": each.paragraph, "test": each.question, "met": _told(each.met)} for each in kind.tests]
    body: dict[str, Any] = {
        "answer": "lease", "title": lease.title, "currency": lease.currency, "is_lease": lease.is_lease,
        "rate": text(quantise(books["ifrs"].rate, RATE_PLACES)), **plain,
        "classification": {"us_gaap": kind.kind, "assumed": kind.assumed, "why": kind.why, "tests": tests},
        "definition": _definition(lease, kind), "description": _sentence(lease, books["ifrs"], books["us_gaap"]),
        "findings": len(findings),
    }  # fmt: skip
    words = {"ifrs": BOOKS["ifrs"], "us_gaap": f"{BOOKS['us_gaap']} {kind.kind}"}
    rows = [{"book": words[name], **row} for name, each in plain.items() for row in each["rows"]]
    changes = [
        {"book": words[name], **row, "after": str(row["after"])} for name, each in plain.items() for row in each["modifications"]
    ]
    headline = {name: {"liability": each["liability"], "right_of_use": each["right_of_use"]} for name, each in plain.items()}
    views = {"changes": (changes, CHANGE_COLUMNS), "classification": (tests, TEST_COLUMNS)}
    return statement(
        "A lease in both books", body, (rows, COLUMNS), headline=headline, findings=findings, views=views, currency=lease.currency
    )


def _plain(measured: Measured) -> dict[str, Any]:
    return {
        "liability": text(measured.liability),
        "right_of_use": text(measured.right_of_use),
        "rows": [_row(row) for row in measured.rows],
        "modifications": [
            {key: value if key == "after" else text(value) for key, value in asdict(each).items()} for each in measured.modifications
        ],
    }


def _row(row: LeaseRow) -> dict[str, Any]:
    return {"period": str(row.period)} | {name: text(getattr(row, name)) for name in WORDS}


def _told(met: bool | None) -> str:
    return "not told" if met is None else "yes" if met else "no"


def _findings(lease: Lease, kind: Classified, file: str) -> list[Finding]:
    found = []
    if lease.is_lease is False:
        message = "by what the case says this is no lease: no identified asset, or the customer does not control it."
        repair = "Book it as a service contract; the schedule below only shows what a lease would be."
        found.append(Finding("lease.no_lease", Severity.WARNING, message, repair, file))
    if kind.assumed:
        message = "the ASC 842 class is not decided by the case: taken as operating."
        repair = f"Tell {', '.join(kind.missing)}, or us_class."
        found.append(Finding("lease.class_assumed", Severity.WARNING, message, repair, file))
    if any(change.us_class is None and not change.reassessment for change in lease.modification):
        message = "a modification makes the ASC 842 class to be tested anew (842-10-25-1); the case does not tell it: taken as before."
        found.append(Finding("lease.class_kept", Severity.INFO, message, "Add us_class to the modification.", file))
    months = len(lease.flows) * (lease.months_per_period or YEAR_MONTHS + 1)
    if months <= YEAR_MONTHS and not lease.purchase_certain:
        message = "a lease of twelve months or less may stay off the balance sheet (IFRS 16.5, ASC 842-20-25-2)."
        found.append(Finding("lease.short_term", Severity.INFO, message, "Then book its payments as they fall due.", file))
    return found


def _definition(lease: Lease, kind: Classified) -> dict[str, str]:
    told = {None: "not told by the case: taken as a lease", True: "yes, by the case's answers", False: "no, by the case's answers"}
    finance = "finance: interest on the liability, right of use written off evenly (ASC 842-20-25-5, 842-20-35-7)"
    operating = "operating: one even cost a period, right of use is what closes it (ASC 842-20-25-6, 842-20-35-3)"
    said = {
        "lease": f"{told[lease.is_lease]} (IFRS 16.9, ASC 842-10-15-3)",
        "rate": "per period, as given" if lease.rate is not None else "per period, solved so that the payments are worth the liability",
        "timing": f"payments in {lease.timing}; in advance, the opening liability is after the first payment",
        "ifrs": "interest on the liability, right of use written off evenly (IFRS 16.36, .31)",
        "us_gaap": f"{finance if kind.kind == 'finance' else operating}; {kind.why}",
        "rounding": f"balances to {text(lease.unit)} once; movements are differences of balances",
    }
    if lease.modification:
        said["changes"] = (
            "what is given back leaves with gain or loss, the rest is measured anew (IFRS 16.45-46, ASC 842-10-25-11 to -13); "
            "a shorter term is less scope under IFRS 16 only"
        )
    return said


def _sentence(lease: Lease, ours: Measured, theirs: Measured) -> str:
    def costs(measured: Measured, last: int) -> str:
        return f"{measured.rows[0].cost:,f} {lease.currency} in the first period and {measured.rows[last].cost:,f} in the last"

    kind = theirs.classified.kind if theirs.classified else ""
    if not lease.modification:
        words = f"{theirs.rows[0].cost:,f} in each" if kind == "operating" else costs(theirs, -1)
        return f"IFRS 16 costs {costs(ours, -1)}; ASC 842 ({kind}) costs {words}. The payments are the same."
    parts = []
    for name, measured in (("IFRS 16", ours), (f"ASC 842 ({kind})", theirs)):
        gain = sum(change.gain for change in measured.modifications)
        word = f"a {'gain' if gain > 0 else 'loss'} of {abs(gain):,f} {lease.currency}" if gain else "no gain or loss"
        parts.append(f"{name}: {word}")
    afters = " and ".join(str(change.after) for change in lease.modification)
    return f"The change after period {afters} brings, under {'; under '.join(parts)}."

