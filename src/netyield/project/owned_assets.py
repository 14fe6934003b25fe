"""The asset registers of a project's sources, and what a useful token cost in each month of its books beside them."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

from netyield.answers.books import Query
from netyield.core.currencies import from_coins
from netyield.core.depreciation import clock, first_day, month_name
from netyield.core.errors import ConfigError
from netyield.core.finding import Finding, Severity
from netyield.core.money import CONTEXT
from netyield.economics.assets.schedule import schedule
from netyield.economics.assets.unit_costs import UnitCost
from netyield.project.project import Project
from netyield.sources.bills.assets.asset import Asset
from netyield.sources.bills.assets.register import Register
from netyield.sources.bills.assets.source import Assets
from netyield.sources.bills.assets.terms import BookName

MTOK = 1_000_000
DAY_SECONDS = 86_400
MONTH_SECONDS = 2_629_800  # 365.25 days in twelve parts


def registers(project: Project) -> list[tuple[str, Register]]:
    """Every asset register of the project's sources. Raises ConfigError when there is none."""
    found: list[tuple[str, Register]] = []
    for source in project.sources().values():
        if isinstance(source, Assets):
            found += source.registers()
    if not found:
        message = "the project has no asset register."
        raise ConfigError(message, 'Add [[source]] type = "assets" with its path, or give --asset FILE.')
    return found


def unit_costs(
    project: Project, assets: Sequence[Asset], book: BookName, months: int | None = None
) -> tuple[list[UnitCost], list[Finding]]:
    """Cost per useful million tokens of every whole month of the default window (the last ``months``), and what it lacks."""
    window, _ = project.default_window()
    if window is None:
        return [], []
    first, last = clock(window.since.date()), clock(window.until.date())
    whole = range(-int(-first // 1), int(last))
    found, findings = [], []
    rows = schedule(assets, book).rows
    for month in whole if months is None else whole[-months:]:
        since, until = first_day(month).isoformat(), first_day(month + 1).isoformat()
        answer = project.answer("waterfall", Query(since=since, until=until))
        name = month_name(month)
        own = [row for row in rows if row.period == name]
        other = sorted({row.currency for row in own if row.charge and row.currency != answer.currency})
        if other:
            message = f"depreciation in {', '.join(other)} is not in the unit costs of {name}, which are in {answer.currency}."
            findings.append(Finding("assets.no_rate", Severity.WARNING, message, "Give the register functional_currency and [[rate]]."))
        charged = sum((from_coins(row.charge, row.currency) for row in own if row.currency == answer.currency), Decimal(0))
        cost, total = answer.headline["cost_per_useful_mtok"], Decimal(answer.headline["in_scope_total"])
        found.append(UnitCost(name, total, charged, _decimal(cost["low"]), _decimal(cost["high"])))
    return found, findings


def useful_mtok_per_month(project: Project) -> tuple[Decimal, str]:
    """Million output tokens proven useful per month, from the whole default window, and how that was worked out."""
    answer = project.answer("waterfall", Query())
    tokens = Decimal((answer.body["usage"].get("tokens_by_verdict") or {}).get("useful", 0))
    seconds = Decimal(answer.window.seconds)
    if not seconds:
        return Decimal(0), "the books have no window"
    per_month = CONTEXT.divide(tokens * MONTH_SECONDS, seconds * MTOK)
    days = CONTEXT.divide(seconds, Decimal(DAY_SECONDS))
    return per_month, f"{tokens:,f} output tokens proven useful in {days:,.1f} days of the ledger, per month of 30.4375 days"


def _decimal(value: str | None) -> Decimal | None:
    return None if value is None else Decimal(value)
