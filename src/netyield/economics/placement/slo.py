"""Is the objective one that sizes a fleet? A mean or a median says nothing of those who wait longest."""

from __future__ import annotations

import re

from netyield.core.finding import Finding, Severity
from netyield.economics.placement.costs import finding

STATISTIC = re.compile(r"\b(mean|avg|average|median|p(\d{1,2}(?:\.\d+)?))\b", re.IGNORECASE)
LEAST = 90.0


def objective_findings(slo: str | None) -> list[Finding]:
    """A warning when a part of the objective is an average or a percentile below 90."""
    found = [each for each in STATISTIC.finditer(slo or "") if each[2] is None or float(each[2]) < LEAST]
    if not found:
        return []
    message = f"the objective asks for a {found[0][0]}: about half of the requests, or more, may wait longer."
    return [finding("average_objective", Severity.WARNING, message, "Write p99, for example: ttft p99 < 2s.")]
