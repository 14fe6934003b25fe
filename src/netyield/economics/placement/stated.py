"""Is a price one to decide on? It has a date and a source, a rent its term as well, and it is not old."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

from netyield.core.finding import Finding, Severity
from netyield.economics.placement.case import Case
from netyield.economics.placement.costs import finding
from netyield.economics.placement.uncertain import Uncertain
from netyield.economics.placement.ways import Option

OLD_DAYS = 180
REPAIRS = {
    "date": "dated = YYYY-MM-DD", "term": 'term = "on_demand", "spot" or "12 months"', "source": 'source = "whose quote or list"',
}  # fmt: skip


def unstated(option: Option, what: str, value: Uncertain, lacks: Sequence[str] = ()) -> list[Finding]:
    """What the price does not say of itself, beside what ``lacks`` names already; nothing when it says all."""
    missing = [*lacks]
    if option.dated is None and not value.dated:
        missing.insert(0, "date")
    if not (option.source or value.source):
        missing.append("source")
    if not missing:
        return []
    message = f"{option.name}: its {what} has no {' and no '.join(missing)}."
    repair = f"Write {' and '.join(REPAIRS[each] for each in missing)}: prices moved threefold in two years."
    return [finding("undated_price", Severity.ERROR, message, repair)]


def too_old(case: Case, option: Option, what: str, value: Uncertain) -> list[Finding]:
    """A remark on a price older than half a year on the day of the decision, or from a day after it."""
    day = date.fromisoformat(value.dated) if value.dated else option.dated
    if day is None:
        return []
    age = (case.as_of - day).days
    if age < 0:
        message = f"{option.name}: its {what} is of {day}, {-age} days after the day of the decision."
        return [finding("future_price", Severity.WARNING, message, "Correct dated, or as_of under [decision].")]
    if age <= OLD_DAYS:
        return []
    message = f"{option.name}: its {what} is {age} days old."
    return [finding("old_price", Severity.WARNING, message, "Ask for a new quote, or give an interval.")]
