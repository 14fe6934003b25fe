"""What is locked in, and is it used? Utilisation, coverage and savings of every commitment, and who answers for the waste."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from decimal import Decimal
from typing import Any

import pyarrow as pa

from netyield.answers.answer import Answer, AnswerColumn
from netyield.core.finding import Finding, Severity
from netyield.core.money import MONEY, from_pico, quantise, text
from netyield.core.period import Period, from_micros, iso
from netyield.economics.commitments.contract import Commitment
from netyield.economics.commitments.metrics import Metrics, Sums, metrics, total

PLACES = 6
HOUR_US = 3_600_000_000
TERM_TOLERANCE = 10**4  # pico-units: a line of a bill may be rounded
METRIC_COLUMNS = (
    AnswerColumn("utilisation", "share", "of what was paid", "Effective cost used / used + unused"),
    AnswerColumn("utilisation_hours", "share", "of the hours", "The same of unit-hours"),
    AnswerColumn("break_even_utilisation", "share", "of the hours", "Below it, on demand would have been cheaper"),
    AnswerColumn("effective_savings_rate", "share", "of on demand", "1 - actual cost, unused and fees included / on demand"),
)
COLUMNS = (
    AnswerColumn("commitment", "text", "", "Commitment or capacity reservation"),
    AnswerColumn("name", "text", "", "Its name"),
    AnswerColumn("owner", "text", "", "Who answers for it: declared, a tag, or the account"),
    AnswerColumn("used", "money", "currency", "Effective cost of what was used"),
    AnswerColumn("unused", "money", "currency", "Effective cost of what nobody used"),
    AnswerColumn("fees", "money", "currency", "Effective cost of its other rows"),
    *METRIC_COLUMNS,
    AnswerColumn("unused_hours", "hours", "unit-hours", "Hours nobody used"),
    AnswerColumn("ends", "text", "", "Day it ends; empty = not declared"),
    AnswerColumn("currency", "text", "", "Currency of its bill"),
)
OWNER_COLUMNS = (
    AnswerColumn("owner", "text", "", "Who answers for it"),
    AnswerColumn("unused", "money", "currency", "Effective cost of what nobody used"),
    AnswerColumn("unused_hours", "hours", "unit-hours", "Hours nobody used"),
    AnswerColumn("share", "share", "of all unused", "Share of the waste"),
)
OTHER_COLUMNS = (
    AnswerColumn("commitment", "text", "", "Commitment or capacity reservation"),
    AnswerColumn("owner", "text", "", "Who answers for it"),
    AnswerColumn("used", "text", "", "Effective cost of what was used"),
    AnswerColumn("unused", "text", "", "Effective cost of what nobody used"),
    AnswerColumn("fees", "text", "", "Effective cost of its other rows"),
    AnswerColumn("utilisation", "share", "of what was paid", "Effective cost used / used + unused"),
    AnswerColumn("unused_hours", "hours", "unit-hours", "Hours nobody used"),
)
LADDER_COLUMNS = (
    AnswerColumn("commitment", "text", "", "Commitment"),
    AnswerColumn("ends", "text", "", "Day it ends"),
    AnswerColumn("months_left", "number", "months", "From the end of the window"),
    AnswerColumn("units", "number", "units", "Units it binds"),
    AnswerColumn("owed", "text", "", "Still to be paid until then, in its own currency"),
)
DAY_COLUMNS = (
    AnswerColumn("day", "time", "UTC", "Day"),
    AnswerColumn("kind", "text", "", "covered, unused, or on demand"),
    AnswerColumn("hours", "hours", "unit-hours", "GPU-hours; empty = the bill does not say"),
    AnswerColumn("amount", "money", "currency", "Effective cost"),
)


def answer(
    rows: Sequence[Mapping[str, Any]],
    days: Sequence[Mapping[str, Any]],
    terms: Sequence[Mapping[str, Any]],
    declared: Sequence[Commitment],
    *,
    window: Period,
    currency: str,
    as_of: str,
    waterfall_pico: int,
    findings: tuple[Finding, ...] = (),
) -> Answer:
    """Every commitment of the window with its metrics; by owner; by day; when each ends."""
    contracts = {one.id: one for one in declared}
    merged = _by_id(rows, contracts)
    mine = [one for one in merged if one["currency"] == currency]
    table = [_row(one, contracts) for one in merged]
    others = [row for row in table if row["currency"] != currency]
    body = _body(mine, days, table, waterfall_pico, currency)
    noticed = (*findings, *_identities(terms, window), *_findings(merged, contracts))
    ladder = ladder_rows(declared, window)
    body |= {
        "answer": "coverage",
        "as_of": as_of,
        "window": {"since": iso(window.since), "until": iso(window.until)},
        "currency": currency,
        "expiry": [{**row, "owed": text(row["owed"])} for row in ladder],
        "other_currencies": sorted({row["currency"] for row in others}),
        "definition": DEFINITION,
    }
    views = {
        "owners": (_arrow(_owners(mine), OWNER_COLUMNS), OWNER_COLUMNS),
        "other_currencies": (_arrow([_in_words(row) for row in others], OTHER_COLUMNS), OTHER_COLUMNS),
        "expiry_ladder": (_arrow([{**row, "owed": _amount(row["owed"], row["currency"])} for row in ladder], LADDER_COLUMNS),
                          LADDER_COLUMNS),
        "coverage_days": (_arrow(_days(days), DAY_COLUMNS), DAY_COLUMNS),
    }
    return Answer(
        name="coverage",
        title="What is locked in, and whether it is used",
        as_of=as_of,
        window=window,
        currency=currency,
        basis="effective",
        table=_arrow([row for row in table if row["currency"] == currency], COLUMNS),
        columns=COLUMNS,
        headline=body["total"],
        description=_sentence(body, currency),
        caveats=(*(f"{key}: {value}" for key, value in DEFINITION.items()), *_caveats(body)),
        views={name: view for name, view in views.items() if view[0].num_rows},
        findings=noticed,
        body=body,
    )


DEFINITION = {
    "utilisation": "effective cost used / (used + unused), from sums",
    "coverage": "list cost of covered use / list cost of GPU and provisioned use that is not spot",
    "effective_savings_rate": "1 - (used + unused + fees) / list cost of the covered use; tax left out",
    "break_even_utilisation": "effective cost used / list cost of the same use",
    "fees": "rows of a commitment that are neither used, unused nor tax, by their effective cost",
    "unused": "CommitmentDiscountStatus or CapacityReservationStatus is Unused",
}


def _by_id(rows: Sequence[Mapping[str, Any]], contracts: Mapping[str, Commitment]) -> list[dict[str, Any]]:
    """One entry per commitment and currency: its sums, and its unused money by owner."""
    merged: dict[tuple[str, str], dict[str, Any]] = {}
    for row in rows:
        entry = merged.setdefault(
            (row["id"], row["currency"]),
            {"id": row["id"], "currency": row["currency"], "name": row["name"], "type": row["type"], "sums": Sums(),
             "owners": {}, "in_waterfall": 0, "purchase_effective": 0, "lines": 0},
        )  # fmt: skip
        contract = contracts.get(row["id"])
        owner = (contract.owner if contract and contract.owner else row["owner"]) or "(none)"
        sums = Sums(
            used=int(row["used"]), unused=int(row["unused"]), fees=int(row["fees"]), billed=int(row["billed"]),
            list_used=None if row["list_missing"] else int(row["list_used"]), eligible=None,
            used_us=None if row["hours_missing"] else int(row["used_us"]),
            unused_us=None if row["hours_missing"] else int(row["unused_us"]), eligible_us=None,
        )  # fmt: skip
        entry["sums"] = entry["sums"] + sums
        waste = entry["owners"].setdefault(owner, [0, 0])
        waste[0] += sums.unused
        waste[1] += sums.unused_us or 0
        for name in ("in_waterfall", "purchase_effective", "lines"):
            entry[name] += int(row[name])
    return list(merged.values())


def _row(entry: Mapping[str, Any], contracts: Mapping[str, Commitment]) -> dict[str, Any]:
    sums, contract = entry["sums"], contracts.get(entry["id"])
    owners = sorted(entry["owners"], key=lambda name: (-entry["owners"][name][0], name))
    return {
        "commitment": entry["id"],
        "name": entry["name"] or entry["type"] or "",
        "owner": ", ".join(owners),
        "used": from_pico(sums.used),
        "unused": from_pico(sums.unused),
        "fees": from_pico(sums.fees),
        **_shares(metrics(sums)),
        "unused_hours": _hours(sums.unused_us),
        "ends": f"{contract.end:%Y-%m-%d}" if contract else "",
        "currency": entry["currency"],
    }


def _in_words(row: Mapping[str, Any]) -> dict[str, Any]:
    """A row of another currency, which no face can take for one of the report's."""
    words = {name: _amount(row[name], row["currency"]) for name in ("used", "unused", "fees")}
    return {column.name: words.get(column.name, row[column.name]) for column in OTHER_COLUMNS}


def _amount(value: Decimal, currency: str) -> str:
    return f"{quantise(value, 2):,} {currency}"


def _shares(found: Metrics) -> dict[str, float | None]:
    return {column.name: _float(getattr(found, column.name)) for column in METRIC_COLUMNS}


def _float(value: Decimal | None) -> float | None:
    return None if value is None else float(quantise(value, PLACES))


def _hours(us: int | None) -> float | None:
    return None if us is None else round(us / HOUR_US, 6)


def _body(
    mine: Sequence[Mapping[str, Any]],
    days: Sequence[Mapping[str, Any]],
    table: Sequence[Mapping[str, Any]],
    waterfall_pico: int,
    currency: str,
) -> dict[str, Any]:
    sums = total(one["sums"] for one in mine)
    known = not any(day["hours_missing"] for day in days)
    listed = not any(day["list_missing"] for day in days)
    covered, rented = (sum(int(day[name]) for day in days) for name in ("covered_list", "on_demand_list"))
    covered_us, rented_us = (sum(int(day[name]) for day in days) for name in ("covered_us", "on_demand_us"))
    whole = Sums(
        sums.used, sums.unused, sums.fees, sums.billed, sums.list_used if mine else 0, covered + rented if listed else None,
        sums.used_us, sums.unused_us, covered_us + rented_us if known else None,
    )  # fmt: skip
    found = metrics(whole)
    placed = sum(one["in_waterfall"] for one in mine)
    return {
        "total": {
            "commitments": len(mine),
            "used": text(from_pico(whole.used)),
            "unused": text(from_pico(whole.unused)),
            "fees": text(from_pico(whole.fees)),
            **_shares(found),
            "coverage": _float(metrics(Sums(list_used=covered, eligible=whole.eligible)).coverage),
            "coverage_hours": _float(metrics(Sums(used_us=covered_us, eligible_us=whole.eligible_us)).coverage_hours),
            "unused_hours": _hours(whole.unused_us),
        },
        "rows": [
            {**row, **{name: text(row[name]) for name in ("used", "unused", "fees")}, "ends": row["ends"] or None}
            for row in table
        ],
        "waste_by_owner": [{**row, "unused": text(row["unused"])} for row in _owners(mine)],
        "reconciliation": {
            "waterfall_commitment_unused": text(from_pico(waterfall_pico)),
            "unused_of_these": text(from_pico(placed)),
            "unused_not_ai": text(from_pico(whole.unused - placed)),
            "difference": text(from_pico(waterfall_pico - placed)),
            "currency": currency,
        },
    }


def _owners(mine: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    waste: dict[str, list[int]] = {}
    for one in mine:
        for owner, (pico, us) in one["owners"].items():
            kept = waste.setdefault(owner, [0, 0])
            kept[0] += pico
            kept[1] += us
    whole = sum(pico for pico, _ in waste.values())
    ordered = sorted(waste.items(), key=lambda pair: (-pair[1][0], pair[0]))
    return [
        {
            "owner": owner,
            "unused": from_pico(pico),
            "unused_hours": _hours(us),
            "share": _float(Decimal(pico) / whole) if whole > 0 else None,
        }
        for owner, (pico, us) in ordered
        if pico or us
    ]


def _days(days: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    return [
        {
            "day": f"{from_micros(int(day['day_us'])):%Y-%m-%d}",
            "kind": kind,
            "hours": None if day["hours_missing"] else _hours(int(day[f"{column}_us"])),
            "amount": from_pico(int(day[column])),
        }
        for day in days
        for kind, column in (("covered", "covered"), ("unused", "unused"), ("on demand", "on_demand"))
    ]


def ladder_rows(declared: Sequence[Commitment], window: Period) -> list[dict[str, Any]]:
    """Commitments in the order in which they end, with what is still to be paid after the window."""
    today = window.until.date()
    rows = [
        {
            "commitment": one.id,
            "ends": f"{one.end:%Y-%m-%d}",
            "months_left": _months(today, one.end),
            "units": float(one.quantity),
            "owed": one.owed_after(today),
            "currency": one.currency,
        }
        for one in declared
        if one.end > today
    ]
    return sorted(rows, key=lambda row: (str(row["ends"]), str(row["commitment"])))


def _months(since: date, until: date) -> float:
    return round((until - since).days * 12 / 365.25, 1)


def _identities(terms: Sequence[Mapping[str, Any]], window: Period) -> list[Finding]:
    """FOCUS identities over whole commitments: purchases billed = use amortised, and no purchase is counted twice."""
    found = []
    for one in terms:
        if not one["purchases"]:
            continue
        billed, used = int(one["purchased"]), int(one["amortised"])
        if int(one["purchase_effective"]) and used:
            text_ = f"{one['id']}: purchases carry an effective cost beside the rows they cover: counted twice"
            repair = "Ask the issuer: EffectiveCost of a purchase that covers other rows is 0."
            found.append(Finding("commitments.counted_twice", Severity.ERROR, text_, repair))
        end = one["purchase_end_us"]
        ended = end is not None and one["last_us"] >= end and from_micros(end) <= window.until
        if ended and abs(billed - used - int(one["purchase_effective"])) > TERM_TOLERANCE:
            words = f"{one['id']}: billed {from_pico(billed):,.2f} {one['currency']}, amortised {from_pico(used):,.2f} over its whole term"
            found.append(Finding("commitments.identity", Severity.WARNING, words, "A month of the bill may be missing, or wrong."))
    return found


def _findings(merged: Sequence[Mapping[str, Any]], contracts: Mapping[str, Commitment]) -> list[Finding]:
    found = []
    undeclared = [one for one in merged if one["id"] not in contracts]
    if undeclared:
        many = "s of the bill are" if len(undeclared) > 1 else " of the bill is"
        words = f"{len(undeclared)} commitment{many} not declared: {', '.join(one['id'] for one in undeclared[:3])}"
        repair = "Declare them with [[commitment]] (docs/commitments.md) for their end, exit terms and owner."
        found.append(Finding("commitments.not_declared", Severity.INFO, words, repair))
    if any(one["sums"].list_used is None for one in merged):
        words = "some covered use has no list cost: savings and coverage in dollars cannot be known"
        found.append(Finding("commitments.no_list_cost", Severity.WARNING, words, "Ask the sender for ListCost."))
    return found


def _caveats(body: Mapping[str, Any]) -> tuple[str, ...]:
    difference = body["reconciliation"]["difference"]
    names = ", ".join(body["other_currencies"])
    apart = [f"Commitments billed in {names} have no dated rate to {body['currency']}: they stand apart and in no sum."] if names else []
    return (
        *apart,
        f"The waterfall's commitment_unused is {body['reconciliation']['waterfall_commitment_unused']}"
        + ("; these rows add up to it." if difference == "0" else f", {difference} more than these rows (cut to seconds)."),
    )


def _sentence(body: Mapping[str, Any], currency: str) -> str:
    whole = body["total"]
    if not whole["commitments"]:
        return "The bill shows no commitment and no capacity reservation in this window."
    spent = Decimal(whole["used"]) + Decimal(whole["unused"])
    plural = "" if whole["commitments"] == 1 else "s"
    words = f"{whole['commitments']} commitment{plural}: {quantise(Decimal(whole['unused']), 2):,} {currency} of {quantise(spent, 2):,} unused"
    rate = whole["effective_savings_rate"]
    if rate is None:
        return f"{words}."
    return f"{words}; against on demand they {'saved' if rate >= 0 else 'cost'} {abs(rate):.1%}{'' if rate >= 0 else ' more'}."


def _arrow(rows: Sequence[Mapping[str, Any]], columns: Sequence[AnswerColumn]) -> pa.Table:
    types = {"money": MONEY, "text": pa.string(), "time": pa.string()}
    schema = pa.schema([(c.name, types.get(c.kind, pa.float64())) for c in columns])
    return pa.Table.from_pylist([{name: row[name] for name in schema.names} for row in rows], schema=schema)
