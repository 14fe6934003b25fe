"""Which charts does an answer have? One list, for the page and for exported files."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from netyield.answers.answer import Answer
from netyield.charts import (
    allocation,
    break_even,
    commit_plan,
    coverage,
    depreciation,
    depreciation_what_if,
    exit,
    fleet,
    impairment,
    kv_curve,
    kv_plan,
    lease,
    placement,
    prompt_cache,
    reconciliation,
    sizing,
    unit_cost,
    usefulness,
    waterfall,
)
from netyield.charts.drawing import Drawing


def drawings(answer: Answer) -> list[Drawing]:
    """Every chart of an answer, none for one that is a table only. Raises TooManyMarks."""
    draw = _CHARTS.get(answer.name)
    return draw(answer) if draw else []


def _reconciliation(answer: Answer) -> list[Drawing]:
    days = reconciliation.daily(answer)
    return [reconciliation.chart(answer), *([days] if days else [])]


_CHARTS: Mapping[str, Callable[[Answer], list[Drawing]]] = {
    "waterfall": lambda answer: [waterfall.chart(answer), *waterfall.groups(answer)],
    "unit_cost": unit_cost.charts,
    "fleet": fleet.charts,
    "allocation": lambda answer: [allocation.chart(answer)],
    "usefulness": lambda answer: [usefulness.chart(answer)],
    "reconciliation": _reconciliation,
    "coverage": coverage.charts,
    "exit": exit.charts,
    "commit_plan": commit_plan.charts,
    "depreciation": depreciation.charts,
    "depreciation_what_if": depreciation_what_if.charts,
    "impairment": impairment.charts,
    "lease": lease.charts,
    "kv_curve": kv_curve.charts,
    "prompt_cache": prompt_cache.charts,
    "kv_plan": kv_plan.charts,
    "placement": placement.charts,
    "sizing": sizing.charts,
    "break_even": break_even.charts,
}
