"""What is locked in, and is it used? Utilisation, coverage and savings of every commitment, and who answers for the waste."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from netyield.answers.answer import Answer
from netyield.answers.coverage_tables import (
    COLUMNS,
    DAY_COLUMNS,
    LADDER_COLUMNS,
    METRIC_COLUMNS,
    OTHER_COLUMNS,
    OWNER_COLUMNS,
    arrow,
    as_float,
    as_hours,
    day_rows,
    in_currency,
    in_words,
    ladder_rows,
    owners,
)
from netyield.core.finding import Finding, Severity
from netyield.core.money import from_pico, quantise, text
from netyield.core.period import Period, from_micros, iso
from netyield.economics.commitments.contract import Commitment
from netyield.economics.commitments.metrics import Metrics, Sums, metrics, total

TERM_TOLERANCE = 10**4  # pico-units: a line of a bill may be rounded


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
        "owners": (arrow(owners(mine), OWNER_COLUMNS), OWNER_COLUMNS),
        "other_currencies": (arrow([in_words(row) for row in others], OTHER_COLUMNS), OTHER_COLUMNS),
        "expiry_ladder": (arrow([{**row, "owed": in_currency(row["owed"], row["currency"])} for row in ladder], LADDER_COLUMNS),
                          LADDER_COLUMNS),
        "coverage_days": (arrow(day_rows(days), DAY_COLUMNS), DAY_COLUMNS),
    }
    return Answer(
        name="coverage",
        title="What is locked in, and whether it is used",
        as_of=as_of,
        window=window,
        currency=currency,
        basis="effective",
        table=arrow([row for row in table if row["currency"] == currency], COLUMNS),
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
        waste[1] = None if None in (waste[1], sums.unused_us) else waste[1] + sums.unused_us
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
        "unused_hours": as_hours(sums.unused_us),
        "ends": f"{contract.end:%Y-%m-%d}" if contract else "",
        "currency": entry["currency"],
    }


def _shares(found: Metrics) -> dict[str, float | None]:
    return {column.name: as_float(getattr(found, column.name)) for column in METRIC_COLUMNS}


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
            "coverage": as_float(metrics(Sums(list_used=covered, eligible=whole.eligible)).coverage),
            "coverage_hours": as_float(metrics(Sums(used_us=covered_us, eligible_us=whole.eligible_us)).coverage_hours),
            "unused_hours": as_hours(whole.unused_us),
        },
        "rows": [
            {**row, **{name: text(row[name]) for name in ("used", "unused", "fees")}, "ends": row["ends"] or None}
            for row in table
        ],
        "waste_by_owner": [{**row, "unused": text(row["unused"])} for row in owners(mine)],
        "reconciliation": {
            "waterfall_commitment_unused": text(from_pico(waterfall_pico)),
            "unused_of_these": text(from_pico(placed)),
            "unused_not_ai": text(from_pico(whole.unused - placed)),
            "difference": text(from_pico(waterfall_pico - placed)),
            "currency": currency,
        },
    }


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
