"""What are rows of a bill worth in the report's currency? By the dated rate of each charge's day; what has none keeps its own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from netyield.answers.books import Query
from netyield.core.period import from_micros
from netyield.ledger.currency import Rates
from netyield.project.inputs import rates_of, views
from netyield.store.engine import Engine

if TYPE_CHECKING:
    from netyield.project.project import Project


def dated_rates(project: Project, query: Query) -> Rates:
    """The exchange rates of the books."""
    engine = Engine()
    try:
        views(engine, project.folder, project.manifest(query.as_of), "fx_rates")
        return rates_of(engine)
    finally:
        engine.close()


def converted(rows: Sequence[Mapping[str, Any]], rates: Rates, currency: str, money: Sequence[str]) -> list[dict[str, Any]]:
    """Rows in a currency, by the rate of each row's ``rate_day``, added up again. Those without a rate keep their own."""
    found: dict[tuple[Any, ...], dict[str, Any]] = {}
    for row in rows:
        day = None if row["rate_day"] is None else from_micros(row["rate_day"]).date().isoformat()
        amounts = {name: _in(rates, int(row[name]), row["currency"], currency, day) for name in money}
        known = day is not None and None not in amounts.values()
        one = {**row, "currency": currency if known else row["currency"], "rate_day": None, **(amounts if known else {})}
        key = tuple(value for name, value in one.items() if isinstance(value, str | None) or name == "day_us")
        found[key] = _added(found[key], one) if key in found else one
    return list(found.values())


def _in(rates: Rates, pico: int, base: str, quote: str, day: str | None) -> int | None:
    return None if day is None else rates.convert(pico, base, quote, day)


def _added(left: dict[str, Any], right: dict[str, Any]) -> dict[str, Any]:
    """Two rows of one thing: amounts added, a time from the earlier and to the later."""
    ends = {"use_from_us": min, "use_to_us": max}
    one = dict(left)
    for name, value in right.items():
        if name in ends:
            known = [each for each in (left[name], value) if each is not None]
            one[name] = ends[name](known) if known else None
        elif value is not None and not isinstance(value, str) and name != "day_us":
            one[name] = left[name] + value
    return one
