"""Which figures stand above everything else? At most six, each an interval where it is one.

With outcomes connected the net yield leads; without, what is certain leads (design: silence is never useful).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from netyield.answers.answer import Answer
from netyield.charts import formats

WITH_OUTCOMES = (
    "in_scope_total", "net_yield", "cost_per_useful_mtok", "certain_waste", "activity", "cost_per_served_mtok",
)  # fmt: skip
WITHOUT_OUTCOMES = (
    "in_scope_total", "certain_waste", "activity", "cost_per_served_mtok", "net_yield", "cost_per_useful_mtok",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Figure:
    """One key figure: its name, the figure in words, and what it is of."""

    name: str
    words: str
    detail: str


def figures(answer: Answer) -> list[Figure]:
    """The key figures an answer's headline speaks of, the leading one first; none when it speaks of others."""
    headline, currency = answer.headline, answer.currency
    order = WITH_OUTCOMES if outcomes_known(headline) else WITHOUT_OUTCOMES
    return [_FIGURES[key](headline, currency) for key in order if key in headline]


def key_figure(name: str, headline: Mapping[str, Any], currency: str) -> Figure | None:
    """One key figure of a headline that has it."""
    return _FIGURES[name](headline, currency) if name in headline and name in _FIGURES else None


def outcomes_known(headline: Mapping[str, Any]) -> bool:
    """Whether any outcome evidence stands behind the net yield."""
    coverage = formats.decimal(headline.get("coverage"))
    return bool(coverage)


def _in_scope(headline: Mapping[str, Any], currency: str) -> Figure:
    words = formats.money(headline["in_scope_total"], currency)
    return Figure("In scope", words, "total less non-AI, training and tax")


def _net_yield(headline: Mapping[str, Any], currency: str) -> Figure:
    del currency  # a share has none
    detail = "proven useful, to all that may have been useful"
    return Figure("Net yield", formats.interval(headline.get("net_yield"), formats.share), detail)


def _cost_per_useful(headline: Mapping[str, Any], currency: str) -> Figure:
    words = formats.interval(headline.get("cost_per_useful_mtok"), lambda value: formats.rate(value, currency))
    return Figure("Cost per useful million tokens", words, "idle, waste and overhead included")


def _certain_waste(headline: Mapping[str, Any], currency: str) -> Figure:
    waste = headline.get("certain_waste")
    if not isinstance(waste, Mapping) or waste.get("amount") is None:
        return Figure("Certain waste", formats.NOT_MEASURED, "no source shows idle, unused or failed money yet")
    part = f"{formats.share(waste['share'])} of the money in scope" if waste.get("share") is not None else ""
    return Figure("Certain waste", formats.money(waste["amount"], currency), part)


def _activity(headline: Mapping[str, Any], currency: str) -> Figure:
    del currency  # a share has none
    words = formats.interval(headline.get("activity"), formats.share)
    return Figure("GPU activity", words, "mean activity of the paid GPU-hours")


def _served(headline: Mapping[str, Any], currency: str) -> Figure:
    served = headline.get("cost_per_served_mtok")
    value = served.get("all_in") if isinstance(served, Mapping) else None
    active = served.get("active") if isinstance(served, Mapping) else None
    detail = (
        f"{formats.rate(active, currency)} while active"
        if active is not None
        else "every token delivered, useful or not"
    )
    return Figure("Cost per served million tokens", formats.rate(value, currency), detail)


def _per_answer(headline: Mapping[str, Any], currency: str) -> Figure:
    words = formats.rate(headline.get("cost_per_useful_answer"), currency)
    return Figure("Cost per useful answer", words, "withheld below the coverage floor")


def _coverage(headline: Mapping[str, Any], currency: str) -> Figure:
    del currency  # a share has none
    return Figure("Coverage", formats.share(headline.get("coverage")), "of the money of requests has a verdict")


_FIGURES: Mapping[str, Callable[[Mapping[str, Any], str], Figure]] = {
    "in_scope_total": _in_scope,
    "net_yield": _net_yield,
    "cost_per_useful_mtok": _cost_per_useful,
    "certain_waste": _certain_waste,
    "activity": _activity,
    "cost_per_served_mtok": _served,
    "cost_per_useful_answer": _per_answer,
    "coverage": _coverage,
}
