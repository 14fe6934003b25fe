"""How many units of a commitment are in use, hour by hour? From telemetry where its pool has some, else from the bill.

What the bill calls used ran under the commitment; whether it did anything the bill does not know, so that it is an upper bound. Where
the commitment pays for one pool that telemetry sees, its use is what that pool needs beyond everything else that is paid for.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import TYPE_CHECKING

import numpy as np

from netyield.answers.books import Query
from netyield.answers.measures import capacity_filter
from netyield.core.period import Period
from netyield.economics.commitments import bill_rows
from netyield.economics.commitments.contract import Commitment
from netyield.economics.commitments.demand import HOUR_US, NEEDED, PAID, with_needed
from netyield.economics.commitments.hourly_use import HourlyUse
from netyield.project.books import raw_engine
from netyield.project.commitments import demand_history, hourly, last_hours

if TYPE_CHECKING:
    from netyield.core.finding import Finding
    from netyield.project.project import Project

MICRO = 1_000_000


@dataclass(frozen=True)
class MeasuredUse:
    """The use of one commitment, in its units, with where it is from in words."""

    use: HourlyUse
    words: str
    findings: tuple[Finding, ...] = ()


def measured_use(project: Project, commitment: Commitment, hours: int | None, headroom: Decimal | None) -> MeasuredUse | None:
    """Its use in the last so many hours of the books (all of them when None); None when the bill has none of it."""
    query = last_hours(project, Query(), hours)
    own, used, pools, window, longest = _billed(project, query, commitment.id)
    if not own:
        return None
    if len(pools) == 1 and not query.where:
        seen = _needed(project, replace(query, where={"pool": pools[0]}), commitment, own, headroom)
        if seen is not None:
            return seen
    listed = sorted(own)
    # Its units in an hour are the share of that hour's own time that was used, so that instances and GPUs need no exchange.
    values = [used.get(hour, 0) * commitment.quantity * MICRO // own[hour] for hour in listed]
    use = HourlyUse.of(listed, values)
    grain = "" if longest <= HOUR_US else f"; its rows are of up to {longest // HOUR_US:,} hours, so that busy and quiet hours are one mean"
    share = f"{use.mean / commitment.quantity:.1%} of its hours"
    words = f"measured on the bill, {_span(window)}: what ran under it, {share}, an upper bound of what is needed{grain}"
    return MeasuredUse(use, words)


def _billed(
    project: Project, query: Query, commitment: str
) -> tuple[Mapping[int, int], Mapping[int, int], list[str], Period, int]:
    """Per hour what was committed and what of it was used (GPU time, else money), its pools, and the longest row."""
    books = project.books(query)
    engine = raw_engine(project.folder, project.manifest(query.as_of), project.config, books)
    try:
        bill_rows.prepare(engine, books.window)
        lines = bill_rows.use_of(engine, commitment)
    finally:
        engine.close()
    timed = all(line["us"] for line in lines)
    amounts = [{**line, "v": line["us"] if timed else line["pico"]} for line in lines]
    used, unused = (hourly(amounts, kind, books.window) for kind in ("used", "unused"))
    own = {hour: used.get(hour, 0) + unused.get(hour, 0) for hour in used.keys() | unused.keys()}
    pools = sorted({line["pool"] for line in lines if line["kind"] == "used" and line["pool"]})
    longest = max((line["end_us"] - line["start_us"] for line in lines), default=0)
    return {hour: value for hour, value in own.items() if value > 0}, used, pools, books.window, longest


def _needed(
    project: Project, query: Query, commitment: Commitment, own: Mapping[int, int], headroom: Decimal | None
) -> MeasuredUse | None:
    """What its pool needs beyond what else is paid for, in its units; None where no telemetry sees the pool."""
    sums = "COALESCE(total(gpu_us), 0) - 2 * COALESCE(total(CASE WHEN state = 'unknown' THEN gpu_us ELSE 0 END), 0)"
    books = project.books(query)
    if int(books.engine.scalar(f"SELECT {sums} FROM fleet WHERE {capacity_filter(books)}")) <= 0:
        return None  # most of it is unseen
    demand, findings = demand_history(project, query, None)
    demand = with_needed(demand, headroom)
    own_micros = np.array([own.get(hour, 0) * MICRO // HOUR_US for hour in demand.hour_us.tolist()], dtype=np.int64)
    known = own_micros > 0
    others = np.maximum(demand.series[PAID] - own_micros, 0)
    left = np.maximum(demand.series[NEEDED] - others, 0)[known]
    values = [int(value) * commitment.quantity * MICRO // int(gpus) for value, gpus in zip(left, own_micros[known], strict=True)]
    use = HourlyUse.of(demand.hour_us[known].tolist(), values)
    words = (
        f"measured, {_span(books.window)}: what pool {query.where['pool']} needs beyond what else is paid for "
        f"({demand.how_needed}), {use.mean / commitment.quantity:.1%} of its hours"
    )
    return MeasuredUse(use, words, tuple(findings))


def _span(window: Period) -> str:
    return f"{window.since:%Y-%m-%d} to {window.until:%Y-%m-%d}"
