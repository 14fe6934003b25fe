"""What must be written down, and what does each standard say? IFRS and US GAAP side by side on the same unit of assets.

An estimate rests on the case's own forecasts; it posts nothing. What the case does not decide is null, with its bounds.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from netyield.answers.answer import Answer, AnswerColumn
from netyield.answers.depreciation_tables import BOOK_WORDS
from netyield.answers.statements import statement
from netyield.core.finding import Finding, Severity
from netyield.core.money import quantise, text
from netyield.economics.assets.after_loss import carried
from netyield.economics.assets.allocation import Share
from netyield.economics.assets.impairment import Flows, Result, flows_of, ifrs, us_gaap
from netyield.economics.assets.impairment_terms import Case, Part
from netyield.economics.assets.onerous import Provision, ifrs_provision, us_gaap_provision
from netyield.sources.bills.assets.asset import Asset

PLACES = 6
COLUMNS = (
    AnswerColumn("line", "text", "", "What is measured"),
    AnswerColumn("ifrs", "money", "currency", "Under IFRS (IAS 36, IAS 37); blank = –"),
    AnswerColumn("us_gaap", "money", "currency", "Under US GAAP (ASC 360, ASC 420); blank = –"),
)
PART_COLUMNS = (
    AnswerColumn("book", "text", "", "IFRS or US GAAP"),
    AnswerColumn("asset", "text", "", "Asset of the unit, or goodwill"),
    AnswerColumn("before", "money", "currency", "Carrying amount before"),
    AnswerColumn("loss", "money", "currency", "Its part of the loss"),
    AnswerColumn("after", "money", "currency", "Carrying amount after"),
)
CARRYING_COLUMNS = (
    PART_COLUMNS[0],
    AnswerColumn("period", "text", "", "Month or calendar year"),
    AnswerColumn("before", "money", "currency", "Carrying amount at its end as it was"),
    AnswerColumn("after", "money", "currency", "Carrying amount at its end with the write-down"),
)


@dataclass(frozen=True)
class Asked:
    """A case with its parts in each book and, when flows were worked out from output, those and their monthly rate."""

    case: Case
    parts: tuple[Sequence[Part], Sequence[Part]]
    flows: Sequence[Decimal] = ()
    rate: Decimal | None = None
    findings: Sequence[Finding] = ()
    scenario: str | None = None
    origin: Mapping[str, str] = field(default_factory=dict)  # where tokens and prices of [output] come from
    assets: Sequence[Asset] = ()  # of the case's register


def answer(asked: Asked) -> Answer:
    """Both books' figures; ``body`` is the JSON object."""
    case, found = asked.case, measured(asked)
    flows = flows_of(case, asked.flows, asked.rate)
    books = {name: result for name, (result, _) in found.items()}
    provisions = {name: provision for name, (_, provision) in found.items() if provision is not None}
    plain = {name: _plain(result, provisions.get(name), case) for name, result in books.items()}
    findings = (*asked.findings, *_contradictions(case), *_findings(books, provisions))
    words = _sentence(plain, case.currency)
    body: dict[str, Any] = {
        "answer": "impairment",
        "title": case.title,
        "scenario": asked.scenario,
        "currency": case.currency,
        **plain,
        "cash_flows": {
            "undiscounted": _text(flows.undiscounted), "value_in_use": _text(flows.value_in_use),
            "value_in_use_unrounded": _text(flows.unrounded),
        },
        "carrying": [row for name, result in books.items() for row in _carried(asked, name, result)],
        "definition": _definition(case) | dict(asked.origin),
        "description": words,
        "findings": len(findings),
    }  # fmt: skip
    parts = [row for name, result in books.items() for row in _parts(BOOK_WORDS[name], result, case)]
    paths = [{**row, "book": BOOK_WORDS[row["book"]]} for row in body["carrying"]]
    return statement(
        "Write-downs under IFRS and US GAAP", body, (_rows(plain, flows), COLUMNS), findings=findings,
        headline={name: {"loss": each["loss"]} for name, each in plain.items()},
        views={"parts": (parts, PART_COLUMNS), "carrying": (paths, CARRYING_COLUMNS)},
        currency=case.currency,
    )  # fmt: skip


def measured(asked: Asked) -> dict[str, tuple[Result, Provision | None]]:
    """Both books' results, and provisions where there is an onerous contract."""
    case, contract = asked.case, asked.case.onerous
    flows = flows_of(case, asked.flows, asked.rate)
    return {
        "ifrs": (ifrs(case, asked.parts[0], flows), ifrs_provision(contract, case.unit) if contract else None),
        "us_gaap": (us_gaap(case, asked.parts[1], flows), us_gaap_provision(contract, case.unit) if contract else None),
    }


def _plain(result: Result, provision: Provision | None, case: Case) -> dict[str, Any]:
    """One book. ``loss`` is all that goes through profit or loss: impairment, dedicated assets, provision."""
    impairment = result.loss
    extra = Decimal(0)
    undecided = impairment is None
    if provision is not None:
        undecided = undecided or provision.amount is None
        extra = (provision.amount or Decimal(0)) + provision.written_down
    loss = None if undecided or impairment is None else impairment + extra
    return {
        "loss": _text(loss),
        "loss_low": _text(result.low + extra if undecided else loss),
        "loss_high": _text(loss) if not undecided else _text(None if result.high is None else result.high + extra),
        "impairment": _text(impairment),
        "reversal": _text(result.reversal),
        "carrying": _text(result.carrying),
        "recoverable": _text(result.recoverable),
        "goodwill_loss": _text(result.goodwill_loss),
        "parts": [_part(each, case) for each in result.parts],
        "unallocated": _text(result.unallocated),
        "why": result.why,
        "provision": None if provision is None else _text(provision.amount),
        "net_cost_of_contract": None if provision is None else _text(provision.net_cost),
        "dedicated_assets_written_down": None if provision is None else _text(provision.written_down),
        "provision_why": None if provision is None else provision.why,
    }


def _part(share: Share, case: Case) -> dict[str, Any]:
    amounts = {"before": share.before, "loss": share.loss, "after": share.after}
    return {"asset": share.id} | {key: _text(value * case.unit) for key, value in amounts.items()}


def _carried(asked: Asked, book: str, result: Result) -> list[dict[str, Any]]:
    """The unit's carrying amount over time in a book, as it was and with the loss; only for assets of a register."""
    case = asked.case
    if not asked.assets or case.at is None or result.loss is None:
        return []
    losses = {share.id: share.loss * case.unit for share in result.parts}
    rows = carried(asked.assets, losses, case.at, "ifrs" if book == "ifrs" else "us_gaap")
    return [{"book": book, "period": row.period, "before": text(row.before), "after": text(row.after)} for row in rows]


def _parts(book: str, result: Result, case: Case) -> list[dict[str, Any]]:
    rows = [{"book": book, **_part(share, case)} for share in result.parts]
    if result.goodwill_loss:
        goodwill = {"before": case.goodwill, "loss": result.goodwill_loss, "after": case.goodwill - result.goodwill_loss}
        rows.insert(0, {"book": book, "asset": "goodwill"} | {key: _text(value) for key, value in goodwill.items()})
    return rows if len(rows) > 1 else []


def _rows(plain: dict[str, dict[str, Any]], flows: Flows) -> list[dict[str, Any]]:
    lines = {
        "Carrying amount": "carrying", "Recoverable amount or fair value": "recoverable", "Impairment loss": "impairment",
        "Reversal of an earlier loss": "reversal", "Dedicated assets written down": "dedicated_assets_written_down",
        "Provision for the onerous contract": "provision", "Through profit or loss": "loss",
    }  # fmt: skip
    rows = [{"line": words, **{book: plain[book][key] for book in plain}} for words, key in lines.items()]
    for place, (words, amount) in enumerate({"Undiscounted cash flows": flows.undiscounted, "Value in use": flows.value_in_use}.items(), 1):
        rows.insert(place, {"line": words} | dict.fromkeys(plain, _text(amount)))
    if any(each["loss"] is None for each in plain.values()):
        for words, key in (("At least", "loss_low"), ("At most", "loss_high")):
            rows.append({"line": words, **{book: plain[book][key] for book in plain}})
    return [row for row in rows if any(row[book] not in (None, "0") for book in plain) or row["line"] == "Through profit or loss"]


def _contradictions(case: Case) -> list[Finding]:
    if case.value_in_use is None or case.undiscounted is None or case.value_in_use <= case.undiscounted:
        return []
    message = f"value in use {text(case.value_in_use)} is above the undiscounted cash flows {text(case.undiscounted)} it is the value of."
    return [Finding("impairment.contradictory_flows", Severity.WARNING, message, "Correct one of them, or give cash_flows and rate.")]


def _findings(books: dict[str, Result], provisions: dict[str, Provision]) -> list[Finding]:
    found = []
    for name, result in books.items():
        if result.open is not None:
            message, repair = result.open
            found.append(Finding(f"impairment.undecided_{name}", Severity.WARNING, f"{message}.", repair))
        if result.unallocated:
            message = f"{text(result.unallocated)} of the loss can be borne by no asset: all are at their floor."
            found.append(Finding(f"impairment.unallocated_{name}", Severity.WARNING, message, "Check the floors (IAS 36.105, .108)."))
        if provisions and provisions[name].amount is None:
            message = "the contract is no longer used, and the fair value of what is still due is not given."
            found.append(Finding(f"impairment.undecided_provision_{name}", Severity.WARNING, message, "Add ceased_use_fair_value."))
    return found


def _definition(case: Case) -> dict[str, str]:
    years = "each year's present value is rounded before they are added" if case.round_years else "unrounded until the end"
    said = {
        "ifrs": "recoverable = max(fair value - cost of disposal, value in use), IAS 36.18; loss to goodwill first, IAS 36.104",
        "us_gaap": "step 1 carrying against undiscounted flows, step 2 down to fair value, ASC 360-10-35-17; goodwill is ASC 350's",
        "present value": f"flows at period ends, {years}",
        "rounding": f"to {text(case.unit)} once; parts by largest remainder",
        "indication": "given: the case says there is one" if case.indication else "none: the case says so",
    }
    if case.onerous is not None:
        said["onerous contract"] = "IAS 37.66-69 after the dedicated assets; under US GAAP only on termination or cease-use (ASC 420)"
    return said


def _sentence(plain: dict[str, dict[str, Any]], currency: str) -> str:
    parts = []
    for name, words in (("ifrs", "IFRS"), ("us_gaap", "US GAAP")):
        each = plain[name]
        amount = f"{Decimal(each['loss']):,f} {currency}" if each["loss"] is not None else _between(each, currency)
        parts.append(f"{words} {amount}")
    return f"Through profit or loss: {'; '.join(parts)}."


def _between(each: dict[str, Any], currency: str) -> str:
    high = "no upper bound" if each["loss_high"] is None else f"at most {Decimal(each['loss_high']):,f} {currency}"
    return f"not decided by the case, at least {Decimal(each['loss_low']):,f} {currency}, {high}"


def _text(value: Decimal | None) -> str | None:
    """Plain digits, six places at most (present values have no end)."""
    return None if value is None else text(quantise(value, PLACES))

