"""What may owned hardware be expected to bring in? The ledger's own useful output, and the dated prices it would fetch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal

import pyarrow.compute as pc

from netyield.answers.books import Query
from netyield.answers.measures import by_step, figures
from netyield.core.errors import WrongUse
from netyield.core.finding import Finding, Severity
from netyield.core.money import CONTEXT, PICO
from netyield.economics.assets.impairment_terms import DatedPrice, Output
from netyield.ledger import charges
from netyield.project.inputs import declared_pools, views
from netyield.project.pinned import prices_of
from netyield.project.project import Project
from netyield.sources.bills.assets.charges import ISSUER
from netyield.sources.prices.model_match import contract_keys, resolve_model
from netyield.store.engine import Engine

MTOK = 1_000_000
RATE_REST = 10**24
DAY_SECONDS = 86_400
MONTH_SECONDS = 2_629_800  # 365.25 days in twelve parts
UNKNOWN = "impairment.useful_output_unknown"


@dataclass(frozen=True)
class Useful:
    """Million useful output tokens a month, None where nothing proves any; how it was worked out."""

    mtok_per_month: Decimal | None
    words: str
    findings: tuple[Finding, ...] = field(default=())


def useful_output(project: Project, where: Mapping[str, str] | None) -> Useful:
    """Output tokens proven useful in the default window, per month; by default of the pools that owned hardware pays for."""
    wanted: list[Mapping[str, str]] = [where] if where is not None else [{"pool": pool} for pool in owned_pools(project)] or [{}]
    sums = [figures(by_step(books)) for books in (project.books(Query(where=each)) for each in wanted)]
    proven, possible = sum(each.useful_tokens for each in sums), sum(each.possible_tokens for each in sums)
    seconds = Decimal(project.books(Query()).window.seconds)
    of = ", ".join(f"{key} {value}" for each in wanted for key, value in each.items()) or "the whole ledger"
    if not proven:
        message = f"the ledger proves no useful output of {of}"
        message += f"; {possible:,} output tokens may have been useful." if possible else " and has no requests there."
        finding = Finding(UNKNOWN, Severity.WARNING, message, "Connect outcomes, or give mtok_per_month; it is not taken as nothing.")
        return Useful(None, f"unknown: {message}", (finding,))
    per_month = CONTEXT.divide(Decimal(proven * MONTH_SECONDS), seconds * MTOK)
    days = CONTEXT.divide(seconds, Decimal(DAY_SECONDS))
    words = f"{proven:,} output tokens of {of} proven useful in {days:,.1f} days of the ledger, per month of 30.4375 days"
    if possible > proven:
        words += f"; {possible - proven:,} more may have been useful and are not counted"
    return Useful(per_month, words)


def owned_pools(project: Project) -> list[str]:
    """The pools that charges of owned hardware go to."""
    engine = Engine(threads=1)
    try:
        views(engine, project.folder, project.manifest(), "charges", "gpu_samples", "capacity_samples")
        charges.label(engine, "effective", project.config.scope, project.config.pool, declared_pools(engine))
        found = engine.query(f"SELECT DISTINCT pool FROM labelled WHERE issuer = '{ISSUER}' AND pool IS NOT NULL ORDER BY 1")
    finally:
        engine.close()
    return [str(name) for name in found.column(0).to_pylist()]


def priced(project: Project, output: Output, currency: str) -> Output:
    """The output with the dated prices of the model it names, standard tariff, shortest context. Raises WrongUse."""
    table = prices_of(project.folder, project.manifest()).table
    key = resolve_model(None, output.price_of, contract_keys(table))
    words = {"tariff": "standard", "class": "out_text", "from_input_tokens": 0, "day_from_us": 0}
    if key is not None:
        words |= {"provider": key[0], "model": key[1]}
        for name, value in words.items():
            table = table.filter(pc.equal(table.column(name), value))
    rows = [row for row in table.to_pylist() if row["currency"] == currency] if key is not None else []
    if not rows:
        message = f"no price list has output of {output.price_of!r} in {currency}."
        raise WrongUse(message, 'Give price_per_mtok, or a name such as "gpt-4o"; docs/sources/prices.md adds your own.')
    listed = [DatedPrice(since=row["valid_from"].date(), price=_per_mtok(row["rate_pico"], row["rate_rest"])) for row in rows]
    return output.model_copy(update={"price_per_mtok": listed})


def _per_mtok(pico: int, rest: int) -> Decimal:
    return CONTEXT.divide(Decimal(pico * MTOK), Decimal(PICO)) + CONTEXT.divide(Decimal((rest or 0) * MTOK), Decimal(RATE_REST))
