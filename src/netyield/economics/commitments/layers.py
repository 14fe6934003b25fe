"""How many units of each offer are cheapest? Layer by layer, exact for offers without limits.

The k-th unit is needed for a part of each hour, min(1, max(0, D - k + 1)). Over all hours it costs p times that on demand, or
c - s (1 - that) under an offer: each layer takes what is cheapest for it. Layers do not interact, hence the sum is the
optimum. For one offer it is the newsvendor quantile. Source: facts sheet section 5.
"""

from __future__ import annotations

import numpy as np

from netyield.core.money import PICO_DIGITS
from netyield.economics.commitments.offers import OfferBook
from netyield.economics.commitments.plan_cost import MICRO, Micros


def layer_use(demand: Micros) -> Micros:
    """Unit-micro-hours needed of the first, second, ... unit over all the hours."""
    units = int(-(-int(demand.max(initial=0)) // MICRO))
    ordered = np.sort(np.maximum(demand, 0))
    # Demand up to each level: everything below it, and the level itself for the hours above.
    levels = np.arange(units + 1, dtype=np.int64) * MICRO
    below = np.searchsorted(ordered, levels, side="right")
    sums = np.concatenate([np.zeros(1, np.int64), np.cumsum(ordered)])
    served = sums[below] + (len(ordered) - below) * levels
    return np.asarray(np.diff(served), dtype=np.int64)


def layer_plan(demand: Micros, book: OfferBook) -> dict[str, int]:
    """Units of each offer. A layer that costs the same on demand stays on demand; of equal offers the first is taken."""
    quantities = {offer.name: 0 for offer in book.offers}
    use = layer_use(demand)
    hours = len(demand)
    if not len(use):
        return quantities
    # Costs are compared as whole numbers of the rates' smallest step, at most twelve places.
    steps = _steps(book)
    chosen: list[str | None] = []
    for needed in use.tolist():
        best, name = needed * int(book.on_demand * steps), None
        for offer in book.offers:
            cost = hours * MICRO * int(offer.rate * steps) - (hours * MICRO - needed) * int(offer.resale_rate * steps)
            if cost < best:
                best, name = cost, offer.name
        chosen.append(name)
    for name in chosen:
        if name is not None:
            quantities[name] += 1
    return quantities


def _steps(book: OfferBook) -> int:
    """Rate steps in a currency unit: the power of ten that makes every rate whole, at most 10**12."""
    rates = (book.on_demand, *(rate for offer in book.offers for rate in (offer.rate, offer.resale_rate)))
    places = max(-int(rate.normalize().as_tuple().exponent) for rate in rates)
    return int(10 ** min(max(places, 0), PICO_DIGITS))
