"""What answers read: the leaves of one window in an engine, with the words and settings that go with them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from netyield.core.errors import WrongUse
from netyield.core.finding import Finding
from netyield.core.names import DIMENSION_ALIASES, DIMENSIONS
from netyield.core.period import Period
from netyield.store.engine import Engine

TIME_DIMENSIONS = ("day", "month", "hour")


@dataclass(frozen=True)
class Query:
    """The filter words every answer takes. Times are ISO text; None is the default of the books."""

    since: str | None = None
    until: str | None = None
    by: str | None = None
    where: Mapping[str, str] = field(default_factory=dict)
    basis: str = "effective"
    currency: str | None = None
    as_of: str | None = None


@dataclass(frozen=True)
class Books:
    """One window of leaves. Tables in ``engine``: leaves, fleet, activity, signal_values, reconciliation, methods, spreads.

    ``leaves`` is already filtered by the query's ``where``; all other tables are of the whole window.
    ``bill``: control totals of the window before any split (for the bridge). ``settings`` are what figures must name.
    """

    engine: Engine
    window: Period
    currency: str
    basis: str
    as_of: str
    timezone: str
    query: Query
    bill: Mapping[str, Any]
    settings: Mapping[str, Any]
    findings: tuple[Finding, ...] = ()

    def dimension(self, default: str) -> str:
        """The checked --by word. Raises WrongUse with the words there are."""
        return dimension(self.query.by or default)


def dimension(word: str) -> str:
    """A dimension's column name from what a person wrote."""
    name = DIMENSION_ALIASES.get(word, word)
    if name not in DIMENSIONS and name not in TIME_DIMENSIONS:
        message = f"there is no dimension {word!r}."
        raise WrongUse(message, f"Known: {', '.join((*DIMENSIONS, *DIMENSION_ALIASES, *TIME_DIMENSIONS))}.")
    return name


def time_sql(name: str, zone: str) -> str:
    """SQL for a leaf's day, month or hour label in the reporting zone; other dimensions are their own column."""
    local = f"timezone('{zone}', make_timestamptz(hour_us))"
    forms = {"day": "%Y-%m-%d", "month": "%Y-%m", "hour": "%Y-%m-%d %H:00"}
    return f"strftime({local}, '{forms[name]}')" if name in forms else name
