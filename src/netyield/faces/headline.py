"""Which figures stand above everything else? At most six, each an interval where it is one.

With outcomes connected the net yield leads; without, what is certain leads (design: silence is never useful).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from netyield.answers.answer import Answer
from netyield.charts import formats


@dataclass(frozen=True, slots=True)
class Figure:
    """One key figure: its name, the figure in words, and what it is of."""

    name: str
    words: str
    detail: str


def figures(answer: Answer) -> list[Figure]:
    """The key figures of an answer's headline, the leading one first."""
    headline, currency = answer.headline, answer.currency
    certain = [_certain_waste(headline, currency), _activity(headline)]
    in_scope = Figure(
        "In scope", formats.money(headline.get("in_scope_total"), currency), "total less non-AI, training and tax"
    )
    served = _served(headline, currency)
    useful = [_net_yield(headline), _cost_per_useful(headline, currency)]
    if outcomes_known(headline):
        return [in_scope, *useful, *certain, served]
    return [in_scope, *certain, served, *useful]


def outcomes_known(headline: Mapping[str, Any]) -> bool:
    """Whether any outcome evidence stands behind the net yield."""
    coverage = formats.decimal(headline.get("coverage"))
    return bool(coverage)


def _net_yield(headline: Mapping[str, Any]) -> Figure:
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


def _activity(headline: Mapping[str, Any]) -> Figure:
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
