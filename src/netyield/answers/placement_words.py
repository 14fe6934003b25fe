"""How is a placement told? The verdict, one sentence, what figures mean and what they do not show."""

from __future__ import annotations

from typing import Any

import numpy as np

from netyield.economics.placement.case import Case
from netyield.economics.placement.compare import DECIDED, Comparison, Way


def verdict_words(found: Comparison) -> str:
    """The option that wins, or ``undecided: measure X first``."""
    if found.winner is not None:
        return found.winner
    if found.measure is None:
        return "undecided: no option can be compared"
    return f"undecided: measure {found.measure} first"


def sentence(found: Comparison) -> str:
    """The one sentence a reader takes away."""
    ranked = {way.name: way for way in found.ranked}
    if found.leader is None:
        return "Undecided: no option can be compared; the findings say what each of them lacks."
    best = ranked[found.leader]
    cost = _dollars(best)
    others = [way for way in found.ranked if way is not best]
    if found.winner is None:
        against = f" against {_nearest(others).name}" if others else ""
        return (
            f"Undecided: {found.leader} is cheapest in {best.p_cheapest or 0:.0%} of the draws{against}, at {cost} a month;"
            f" measure {found.measure} first."
        )
    if not others:
        return f"{best.name} is the only option, at {cost} a month."
    near = _nearest(others)
    saved = 1 - float(np.median(best.compared)) / float(np.median(near.compared))
    return (
        f"{best.name} is cheapest in {best.p_cheapest or 0:.0%} of the draws, at {cost} a month:"
        f" {saved:.0%} less than {near.name}, at the median."
    )


def _nearest(others: list[Way]) -> Way:
    return min(others, key=lambda way: float(np.median(way.compared)))


def _dollars(way: Way) -> str:
    low, middle, high = np.percentile(way.cost.usd_per_month, (10, 50, 90))
    return f"${middle:,.0f} (${low:,.0f} to ${high:,.0f})"


def definition_words(found: Comparison) -> dict[str, str]:
    """What every figure means."""
    case = found.case
    useful = case.useful_share()
    if useful is None:
        decides = "the cost of the same requests, per served token: no outcomes are known, so no cost per useful token is"
    else:
        decides = "the cost of the same useful answers"
    return {
        "month": "730 hours of the measured requests, scaled by growth and by the weekly shape",
        "decides": decides,
        "served token": "an output token of the traffic; the whole cost is divided by them, input included, for every option",
        "band": f"P10, P50 and P90 of {case.inputs.draws.count} draws, seed {case.inputs.draws.seed}",
        "interval": "[low, likely, high] is drawn from a triangle between low and high",
        "p_cheapest": f"share of the draws in which it is cheapest; the verdict needs {DECIDED:.0%}",
        "fleet": "every hour of the reservation is paid for, busy or not; utilisation is what comes out",
        "own": "a fleet of the size each draw needs: buying too much or too little is not in it",
        "horizon": f"the mean over {case.horizon} months",
        **_training(case),
        "evidence": "modelled; never posted to the books",
    }


def _training(case: Case) -> dict[str, str]:
    if case.options.training is None:
        return {}
    words = (
        "every option pays for it: on GPU-hours its fleet leaves over, the rest rented elsewhere; a cost per token is without it,"
        " at the price it has elsewhere"
    )
    return {"training": words}


def caveats(found: Comparison, body: dict[str, Any]) -> tuple[str, ...]:
    """Notes under the table."""
    words = [f"{key}: {value}" for key, value in body["definition"].items()]
    assumed = [used for used in found.case.inputs.used.values() if used.assumed]
    if assumed:
        words.append(f"assumed, because nobody gave them: {', '.join(used.input for used in assumed)}")
    unknown = [way.name for way in found.ways if way.cost.known and way.cost.meets_slo is None]
    if unknown:
        words.append(f"nobody measured the latency of {', '.join(unknown)}: write meets_slo once you have")
    return tuple(words)
