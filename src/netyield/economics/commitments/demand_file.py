"""Reads hourly demand from a CSV. Which column is which, and which lines are no demand?

Columns: a time (hour, time, timestamp, ...), and any of allocated, active, needed, paid and rented in units; one column of another name
such as demand is what its author says is needed. Without a time the lines are hours that follow each other. Several lines within
one hour are averaged.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Sequence
from decimal import Decimal
from pathlib import Path

import numpy as np

from netyield.core.errors import WrongUse
from netyield.core.finding import Finding, Severity
from netyield.core.money import parse_amount
from netyield.core.period import micros, parse_time
from netyield.economics.commitments.demand import HOUR_US, NEEDED, PAID, RENTED, SERIES, Demand
from netyield.economics.commitments.plan_cost import MICRO

TIMES = ("hour", "time", "timestamp", "datetime", "date", "start", "hour_start", "charge_period_start")
NAMES = {name: name for name in (*SERIES, PAID, RENTED)} | {
    **dict.fromkeys(("allocated_gpus", "gpus_allocated", "running", "running_gpus"), "allocated"),
    **dict.fromkeys(("active_gpus", "gpus_active"), "active"),
    **dict.fromkeys(("needed_gpus", "gpus_needed", "demand", "gpus", "units", "quantity", "value", "usage"), NEEDED),
    **dict.fromkeys(("rented_gpus", "on_demand", "on_demand_gpus"), RENTED),
    **dict.fromkeys(("paid_gpus", "gpus_paid", "committed", "capacity", "total"), PAID),
}
MOST_UNITS = 1_000_000


def read_demand(path: Path, zone: str = "UTC") -> tuple[Demand, list[Finding]]:
    """The demand of a file and what was wrong with its lines (those are left out). Raises WrongUse."""
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except OSError as error:
        message = f"{path} cannot be read: {error.strerror}."
        raise WrongUse(message, "Give --demand the path of a CSV file.") from None
    except UnicodeDecodeError:
        message = f"{path} is not UTF-8."
        raise WrongUse(message, "Save the CSV as UTF-8.") from None
    lines = csv.reader(io.StringIO(text, newline=""))
    header = [name.strip().lower() for name in next(lines, [])]
    time, columns = _columns(header, path)
    findings: list[Finding] = []
    kept: dict[int, list[list[Decimal]]] = {}
    seen: set[int] = set()
    for row, (moment, values) in _rows(lines, time, columns, str(path), zone, findings):
        if moment in seen:
            message = "two lines are of the same time; the first counts"
            findings.append(_finding("demand.twice", Severity.ERROR, message, "Take one of them out.", path, row))
            continue
        seen.add(moment)
        kept.setdefault(moment - moment % HOUR_US, []).append(values)
    if not kept:
        message = f"{path} has no hour of demand."
        raise WrongUse(message, "Give lines such as 2026-11-01T00:00Z,12 below a header hour,needed.")
    hours = sorted(kept)
    means = [[_mean_micros([values[i] for values in kept[hour]]) for hour in hours] for i in range(len(columns))]
    series = {name: np.array(mean, dtype=np.int64) for name, mean in zip(columns.values(), means, strict=True)}
    demand = Demand(np.array(hours, dtype=np.int64), series, dated=time is not None)
    if missing := demand.span_hours - demand.hours:
        text = f"{missing} hours between the first and the last have no line: unknown, and left out"
        findings.append(_finding("demand.gap", Severity.WARNING, text, "Deliver them, or judge with care.", path, None))
    return demand, findings


def _columns(header: Sequence[str], path: Path) -> tuple[int | None, dict[int, str]]:
    """Position of the time, and the series by position."""
    time = next((header.index(name) for name in TIMES if name in header), None)
    columns: dict[int, str] = {}
    for index, name in enumerate(header):
        series = NAMES.get(name.replace(" ", "_"))
        if series is None or index == time:
            continue
        if series in columns.values():
            message = f"{path}: two columns say {series}."
            raise WrongUse(message, "Keep one of them.")
        columns[index] = series
    if not set(columns.values()) & set(SERIES):
        message = f"{path} has no column allocated, active, needed or demand (it has {', '.join(header) or 'no header'})."
        raise WrongUse(message, "Name the columns in the first line, for example hour,allocated,active,needed.")
    return time, columns


def _rows(
    lines: Iterator[list[str]], time: int | None, columns: dict[int, str], path: str, zone: str, findings: list[Finding]
) -> Iterator[tuple[int, tuple[int, list[Decimal]]]]:
    """(row, (time in microseconds, values)) of every good line."""
    for row, line in enumerate(lines, start=2):
        if not any(cell.strip() for cell in line):
            continue
        try:
            moment = (row - 2) * HOUR_US if time is None else micros(parse_time(line[time].strip(), zone))
            values = [parse_amount(line[index]) for index in columns]
        except (ValueError, IndexError) as error:
            text = f"a line is no demand: {error}" if isinstance(error, ValueError) else "a line is too short"
            findings.append(_finding("demand.bad_line", Severity.ERROR, text, "Mend it; it is left out.", path, row))
            continue
        if not all(0 <= value <= MOST_UNITS for value in values):
            text = f"a demand is negative or above {MOST_UNITS:,}"
            findings.append(_finding("demand.bad_line", Severity.ERROR, text, "Mend it; it is left out.", path, row))
            continue
        yield row, (moment, values)


def _mean_micros(values: Sequence[Decimal]) -> int:
    return int((sum(values, Decimal(0)) * MICRO / len(values)).to_integral_value())


def _finding(code: str, severity: Severity, text: str, repair: str, path: Path | str, row: int | None) -> Finding:
    return Finding(code, severity, text, repair, str(path), row)
