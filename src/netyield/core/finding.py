"""A remark or fault in the data, as a value: what is wrong, where, what was done with it, how to repair it.

Findings are aggregated by code and file with a count, so that ten million bad rows are one line.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from enum import StrEnum


class Severity(StrEnum):
    """error: figures may be wrong until repaired. warning: a gap or a doubt. info: worth knowing."""

    ERROR = "error"
    WARNING = "warning"
    INFO = "info"


RANK = {Severity.INFO: 0, Severity.WARNING: 1, Severity.ERROR: 2}


@dataclass(frozen=True, slots=True)
class Finding:
    """One remark. ``code`` is stable and dotted (``focus.bad_amount``); ``row`` is the first row, 1-based,
    counted as an editor counts lines (a CSV header is row 1)."""

    code: str
    severity: Severity
    message: str
    repair: str
    file: str = ""
    row: int | None = None
    count: int = 1

    @property
    def where(self) -> str:
        """``file:row``, or the file, or nothing."""
        return f"{self.file}:{self.row}" if self.file and self.row is not None else self.file

    def line(self) -> str:
        """``file:row: severity code: message. (n times) repair``, one line for a terminal or a CI log."""
        times = f" ({self.count} times)" if self.count > 1 else ""
        place = f"{self.where}: " if self.where else ""
        end = "." if self.repair and not self.message.endswith((".", "!", "?")) else ""
        return f"{place}{self.severity} {self.code}: {self.message}{end}{times} {self.repair}".rstrip()


def aggregate(findings: Iterable[Finding]) -> list[Finding]:
    """One finding per (code, file), with the counts added and the first row kept; worst first."""
    merged: dict[tuple[str, str], Finding] = {}
    for finding in findings:
        key = (finding.code, finding.file)
        seen = merged.get(key)
        if seen is None:
            merged[key] = finding
            continue
        rows = [row for row in (seen.row, finding.row) if row is not None]
        first = finding if rows and finding.row == min(rows) and seen.row != finding.row else seen
        merged[key] = replace(first, count=seen.count + finding.count, row=min(rows, default=None))
    return sorted(merged.values(), key=lambda f: (-RANK[f.severity], f.file, f.row or 0, f.code))
