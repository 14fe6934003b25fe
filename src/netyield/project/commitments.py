"""What the books know of commitments: their rows of the bill, and hourly demand beside what is paid for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any

import numpy as np

from netyield.answers.books import Books, Query
from netyield.answers.measures import capacity_filter
from netyield.core.errors import WrongUse
from netyield.core.finding import Finding, Severity
from netyield.core.period import Period, iso, micros
from netyield.economics.commitments import bill_rows
from netyield.economics.commitments.demand import ACTIVE, ALLOCATED, HOUR_US, NEEDED, PAID, RENTED, Demand
from netyield.economics.serving.needed import needed
from netyield.economics.serving.unfilled import Objective
from netyield.project.books import raw_engine
from netyield.project.commitment_currency import converted, dated_rates

if TYPE_CHECKING:
    from netyield.project.project import Project

MICRO = 1_000_000


@dataclass(frozen=True)
class CommitmentBooks:
    """Rows of commitments in one window. Money in pico-units of each row's currency: the report's where a dated rate converts it.

    ``billed``: the same rows in the currency of the bill.
    ``waterfall_pico``: the step commitment_unused of the waterfall of the same window, in ``currency``.
    """

    window: Period
    currency: str
    as_of: str
    rows: list[dict[str, Any]]
    billed: list[dict[str, Any]]
    days: list[dict[str, Any]]
    terms: list[dict[str, Any]]
    waterfall_pico: int
    findings: tuple[Finding, ...]


def commitment_books(project: Project, query: Query) -> CommitmentBooks:
    """What the bill says of every commitment in the query's window, on the effective basis."""
    if query.where:
        message = "commitments cannot be narrowed by --where: unused hours belong to nobody's team or model."
        raise WrongUse(message, "Leave it out; the table has the owner of each commitment.")
    books = project.books(Query(query.since, query.until, None, {}, "effective", query.currency, query.as_of))
    engine = raw_engine(project.folder, project.manifest(query.as_of), project.config, books)
    try:
        bill_rows.prepare(engine, books.window)
        rows = bill_rows.by_commitment(engine, books.currency)
        days = bill_rows.by_day(engine, books.currency)
        terms = bill_rows.whole_terms(engine)
    finally:
        engine.close()
    unused = int(books.engine.scalar("SELECT COALESCE(total(pico), 0) FROM leaves WHERE step = 'commitment_unused'"))
    rates = dated_rates(project, query)
    apart = [{**row, "rate_day": None} for row in rows]
    return CommitmentBooks(
        books.window, books.currency, books.as_of, converted(rows, rates, books.currency, bill_rows.MONEY_SUMS),
        converted(apart, rates, "", bill_rows.MONEY_SUMS),
        [day for day in converted(days, rates, books.currency, bill_rows.DAY_SUMS) if day["currency"] == books.currency],
        terms, unused, books.findings,
    )  # fmt: skip


def demand_history(project: Project, query: Query, hours: int | None) -> tuple[Demand, list[Finding]]:
    """GPUs paid, rented, allocated and active in every hour of the books' last ``hours`` (all of them when None).

    Rented is what the bill calls standard or dynamic pricing without a commitment or reservation; everything else is paid for
    already, unused commitments too. Time no telemetry speaks of counts as active, so that nothing is released for want of a
    reading; its share is a finding. Raises WrongUse where the books hold no GPU time.
    """
    books = project.books(last_hours(project, query, hours))
    clause = capacity_filter(books)
    placed = _hourly(books, f"SELECT hour_us, narrow(total(gpu_us)) AS v FROM fleet WHERE {clause} GROUP BY hour_us")
    if not placed:
        message = "the books hold no GPU time in this window."
        raise WrongUse(message, "Connect a bill and a telemetry source, or give --demand FILE.csv.")
    lines = capacity_hours(project, books)
    rented = {hour: min(value, placed.get(hour, 0)) for hour, value in lines.rented.items()}
    listed = sorted(placed.keys() | lines.unused.keys())
    paid = {hour: placed.get(hour, 0) - rented.get(hour, 0) + lines.unused.get(hour, 0) for hour in listed}
    held = _hourly(books, f"SELECT hour_us, narrow(total(held_us)) AS v FROM activity WHERE {clause} GROUP BY hour_us")
    unknown = f"FROM fleet WHERE {clause} AND state = 'unknown'"
    blind = _hourly(books, f"SELECT hour_us, narrow(total(gpu_us)) AS v {unknown} GROUP BY hour_us")
    seen = f"FROM activity WHERE {clause} AND state <> 'unknown'"
    signal = _hourly(books, f"SELECT hour_us, narrow(total(signal_us)) AS v {seen} GROUP BY hour_us")
    known_us = _hourly(books, f"SELECT hour_us, narrow(total(us)) AS v {seen} GROUP BY hour_us")
    known = bool(books.engine.scalar(f"SELECT COALESCE(BOOL_OR(allocation_known), FALSE) FROM activity WHERE {clause}"))
    series = {
        PAID: _array(paid, listed),
        RENTED: _array(rented, listed),
        ACTIVE: _array({hour: _active(hour, placed, blind, signal, known_us) for hour in listed}, listed),
    }
    if known:
        series[ALLOCATED] = _array(held, listed)
    demand = with_serving(books, Demand(np.array(listed, dtype=np.int64), series))
    everything = sum(paid.values()) + sum(rented.values())
    return demand, [*_blind(sum(blind.values()), everything), *_unpriced(sum(lines.unsaid.values()), everything)]


def last_hours(project: Project, query: Query, hours: int | None) -> Query:
    """The query over the last so many hours of the default window; as it is where it says since when, or no length is asked for."""
    window = None if hours is None or query.since else project.default_window()[0]
    if window is None or hours is None:
        return query
    since = max(window.since, window.until - timedelta(hours=hours))
    return replace(query, since=iso(since), until=iso(window.until))


def _hourly(books: Books, sql: str) -> dict[int, int]:
    return {int(row["hour_us"]): int(row["v"] or 0) for row in books.engine.query(sql).to_pylist()}


def _active(
    hour: int, placed: dict[int, int], blind: dict[int, int], signal: dict[int, int], known_us: dict[int, int]
) -> int:
    """The signal over the paid time that telemetry saw, as the waterfall has it; the rest of the paid time as active."""
    unknown, seen = blind.get(hour, 0), known_us.get(hour, 0)
    known = placed.get(hour, 0) - unknown
    return unknown + (signal.get(hour, 0) * known // seen if seen else 0)


def _array(values: dict[int, int], hours: list[int]) -> np.ndarray[Any, np.dtype[np.int64]]:
    """Unit-microseconds of each hour as millionths of a unit."""
    return np.array([values.get(hour, 0) * MICRO // HOUR_US for hour in hours], dtype=np.int64)


@dataclass(frozen=True)
class CapacityHours:
    """GPU-microseconds of the bill per hour: commitments nobody used, what is rented by the hour, and lines that say neither."""

    unused: dict[int, int]
    rented: dict[int, int]
    unsaid: dict[int, int]


def capacity_hours(project: Project, books: Books) -> CapacityHours:
    """What the bill says of GPU time, hour by hour, of the pools asked for."""
    engine = raw_engine(project.folder, project.manifest(books.query.as_of), project.config, books)
    try:
        bill_rows.prepare(engine, books.window)
        pools = capacity_filter(books) if "pool" in books.query.where else "TRUE"
        lines = bill_rows.gpu_time(engine, pools)
    finally:
        engine.close()
    return CapacityHours(*(hourly(lines, kind, books.window) for kind in ("unused", "rented", "unsaid")))


def hourly(lines: Sequence[Mapping[str, Any]], kind: str, window: Period) -> dict[int, int]:
    """Amounts of lines (``start_us``, ``end_us``, ``kind``, ``v``) of one kind spread over the hours of the window."""
    found: dict[int, int] = {}
    lo, hi = micros(window.since), micros(window.until)
    for line in lines:
        if line["kind"] != kind:
            continue
        first, last = max(line["start_us"], lo), min(line["end_us"], hi)
        for hour in range(first - first % HOUR_US, last, HOUR_US):
            part = min(last, hour + HOUR_US) - max(first, hour)
            found[hour] = found.get(hour, 0) + int(line["v"]) * part // (last - first)
    return found


def with_serving(books: Books, demand: Demand) -> Demand:
    """Needed GPUs from the serving room where it knows a reference rate; the rest of the active GPUs as they are."""
    words = {word: value for word, value in books.query.where.items() if word in ("pool", "model")}
    hours = books.engine.query("SELECT * FROM replica_hours")
    chosen = np.ones(hours.num_rows, dtype=np.bool_)
    for word, pattern in words.items():
        chosen &= np.array([fnmatchcase(value or "", pattern) for value in hours.column(word).to_pylist()], dtype=np.bool_)
    names = ("ttft_seconds_p95", "tpot_seconds_p95", "peak_factor", "spare_replicas")
    objective = Objective(**{name: books.settings["serving"][name] for name in names})
    found = needed(hours, objective, chosen)
    if not found.gpus:
        return demand
    clause = capacity_filter(books)
    busy = _hourly(books, f"SELECT hour_us, narrow(total(us)) AS v FROM activity WHERE {clause} AND state = 'active' GROUP BY hour_us")
    values = []
    for hour, active in zip(demand.hour_us.tolist(), demand.series[ACTIVE].tolist(), strict=True):
        whole = busy.get(hour, 0)
        rest = active * max(0, whole - found.measured_us.get(hour, 0)) // whole if whole else active
        values.append(rest + round(found.gpus.get(hour, 0.0) * MICRO))
    series = {**demand.series, NEEDED: np.array(values, dtype=np.int64)}
    return replace(demand, series=series, how_needed="what its traffic needs at the fleet's reference rate, else active")


def _unpriced(unsaid_us: int, whole_us: int) -> list[Finding]:
    if not unsaid_us:
        return []
    words = f"of {unsaid_us / max(whole_us, 1):.1%} of the GPU time the bill does not say whether it is committed or rented: taken as committed"
    repair = "Deliver PricingCategory, or give --demand with columns paid and rented; until then less is bought than could be."
    return [Finding("demand.unknown_pricing", Severity.INFO, words, repair)]


def _blind(unknown_us: int, paid_us: int) -> list[Finding]:
    if not unknown_us:
        return []
    text = f"{unknown_us / max(paid_us, 1):.1%} of the GPU time has no telemetry and is taken as active"
    repair = "Connect a telemetry source for it; until then less is released than could be."
    return [Finding("demand.unknown_activity", Severity.INFO, text, repair)]
