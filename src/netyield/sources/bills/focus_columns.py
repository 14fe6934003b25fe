"""Which column of a FOCUS file is which? Names, versions and spellings as data, so that a new version is a new line.

Names match whatever their case and underscores are (``ChargePeriodStart`` = ``charge_period_start``). The lists are
``data/focus_columns.csv`` and ``data/focus_versions.csv``; a user's ``columns`` mapping comes first.
"""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib import resources

NEEDED = ("charge_start", "charge_end", "currency")
COSTS = ("billed_cost", "effective_cost", "list_cost", "contracted_cost")
# Columns of the other FOCUS datasets, which a folder of exports holds beside the bill.
OTHER_DATASETS = {
    "contractcommitmentid": "Contract Commitment",
    "invoicedetailgrain": "Invoice Detail",
    "billingperiodstatus": "Billing Period",
}


@dataclass(frozen=True, slots=True)
class Layout:
    """``columns``: charges column -> the file's columns for it, best first. ``kinds``: charges column -> kind."""

    header: tuple[str, ...]
    columns: Mapping[str, tuple[str, ...]]
    kinds: Mapping[str, str]
    version: str
    unknown: tuple[str, ...]
    missing: tuple[str, ...]
    other_dataset: str | None

    @property
    def file_columns(self) -> tuple[str, ...]:
        """Every file column that is read."""
        return tuple(dict.fromkeys(name for names in self.columns.values() for name in names))


@dataclass(frozen=True, slots=True)
class _Known:
    column: str
    kind: str
    names: tuple[str, ...]


def plain(name: str) -> str:
    """A column name without case, underscores and spaces."""
    return name.replace("_", "").replace(" ", "").replace("-", "").casefold()


def read_data(name: str) -> list[dict[str, str]]:
    """The rows of one of this room's data files."""
    text = resources.files("netyield.sources.bills").joinpath("data", f"{name}.csv").read_text(encoding="utf-8")
    return list(csv.DictReader(text.splitlines()))


@cache
def _known() -> tuple[_Known, ...]:
    rows = read_data("focus_columns")
    return tuple(_Known(row["column"], row["kind"], tuple(row["names"].split(";"))) for row in rows)


def focus_name(column: str) -> str:
    """The FOCUS name of a charges column, for messages people read next to their file."""
    return next((known.names[0] for known in _known() if known.column == column), column)


def layout(header: Sequence[str], overrides: Mapping[str, str]) -> Layout:
    """Read a header. ``overrides`` maps a charges or FOCUS name to the file's own column name."""
    present: dict[str, str] = {}
    for name in header:
        present.setdefault(plain(name), name)
    wanted = {plain(key): name for key, name in overrides.items()}
    columns: dict[str, tuple[str, ...]] = {}
    kinds: dict[str, str] = {}
    used = set(overrides.values())
    for known in _known():
        found = [present[plain(name)] for name in known.names if plain(name) in present]
        used.update(found)
        if not known.column:
            continue
        chosen = [wanted[plain(n)] for n in (known.column, *known.names) if plain(n) in wanted]
        names = tuple(dict.fromkeys(name for name in (*chosen, *found) if name in header))
        kinds[known.column] = known.kind
        if names:
            columns[known.column] = names[:1] if chosen else names
    missing = [focus_name(column) for column in NEEDED if column not in columns]
    if "billed_cost" not in columns and "effective_cost" not in columns:
        missing.append("BilledCost")
    unknown = tuple(name for name in header if name not in used and not name.lower().startswith("x_"))
    other = next((dataset for name, dataset in OTHER_DATASETS.items() if name in present), None) if missing else None
    return Layout(tuple(header), columns, kinds, version(header), unknown, tuple(missing), other)


def version(header: Sequence[str]) -> str:
    """The newest FOCUS version whose own columns the header has; 1.0 when it has none of the later ones."""
    present = {plain(name) for name in header}
    for row in read_data("focus_versions"):
        has = {plain(name) for name in row["has"].split(";") if name}
        lacks = {plain(name) for name in row["lacks"].split(";") if name}
        if (not has or has & present) and not lacks & present:
            return row["version"]
    return "1.0"
