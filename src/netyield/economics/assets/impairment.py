"""How much must be written down, under IFRS and under US GAAP? The same unit of assets, two standards side by side.

    IAS 36      recoverable = max(fair value - cost of disposal, value in use); loss = carrying - recoverable
                a loss of before comes back up to min(recoverable, what it would be worth unimpaired), goodwill's never
    ASC 360     only when there is an indication, and only when carrying > undiscounted cash flows:
                loss = carrying - fair value; never reversed

A figure that the case leaves open is null with its bounds: nothing is guessed.
Sources: IAS 36.6, .18-21, .59, .104-105, .117, .122-124; ASC 360-10-35-17, -20, -26, -28.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from decimal import Decimal

from netyield.economics.assets.allocation import Bearer, Share, given_back, shared
from netyield.economics.assets.impairment_terms import Case, Part
from netyield.economics.assets.present_value import discounted, present_value, rounded, total

ZERO = Decimal(0)


@dataclass(frozen=True, slots=True)
class Flows:
    """What the unit is expected to bring in, and its value now; None where the case does not say."""

    undiscounted: Decimal | None
    value_in_use: Decimal | None
    unrounded: Decimal | None


@dataclass(slots=True)
class Result:
    """One book's answer. ``loss`` None: the case does not decide it; it is between ``low`` and ``high`` (None: no bound)."""

    carrying: Decimal
    loss: Decimal | None
    low: Decimal = ZERO
    high: Decimal | None = None
    reversal: Decimal = ZERO
    recoverable: Decimal | None = None
    why: str = ""
    goodwill_loss: Decimal = ZERO
    parts: list[Share] = field(default_factory=list)
    unallocated: Decimal = ZERO
    open: tuple[str, str] | None = None  # what is missing, and what to add


def flows_of(case: Case, given: Sequence[Decimal] = (), rate: Decimal | None = None) -> Flows:
    """Undiscounted sum and value in use of a case. ``given``: flows worked out from output, with their rate per period."""
    flows = list(given) or list(case.cash_flows)
    per_period = rate if given else case.rate
    undiscounted = case.undiscounted if case.undiscounted is not None else total(flows) if flows else None
    if case.value_in_use is not None:
        return Flows(undiscounted, case.value_in_use, case.value_in_use)
    if not flows or per_period is None:
        return Flows(undiscounted, None, None)
    exact = present_value(flows, per_period)
    if case.round_years:
        return Flows(undiscounted, total([rounded(each, case.unit) for each in discounted(flows, per_period)]), exact)
    return Flows(undiscounted, exact, exact)


def ifrs(case: Case, parts: Sequence[Part], flows: Flows) -> Result:
    """IAS 36 on a cash-generating unit: its goodwill and its assets."""
    carrying = total([case.goodwill, *(part.carrying for part in parts)])
    result = Result(carrying, None)
    disposal = None if case.fair_value is None else max(ZERO, case.fair_value - case.cost_of_disposal)
    if not carrying:
        result.loss, result.why = ZERO, "there is no asset to write down"
    elif case.loss is not None:
        result.loss, result.why = case.loss, "the loss as given"
    elif not case.indication and not case.goodwill:
        result.loss, result.why = ZERO, "no indication (IAS 36.9)"
    else:
        _recoverable(result, case, disposal, flows)
    if result.loss is not None:
        result.loss = min(rounded(result.loss, case.unit), rounded(carrying, case.unit))
        _share(result, case, parts, [part.recoverable for part in parts])
    _reverse(result, case, parts)
    return result


def _reverse(result: Result, case: Case, parts: Sequence[Part]) -> None:
    """What comes back of an earlier loss: up to the recoverable amount and to what the unit would be worth unimpaired."""
    caps = [part.carrying if part.unimpaired is None else part.unimpaired for part in parts]
    told = case.unimpaired is not None or any(part.unimpaired is not None for part in parts)
    if result.recoverable is None or not told:
        return
    own = result.carrying - case.goodwill
    cap = total(caps) if case.unimpaired is None else case.unimpaired
    result.reversal = rounded(max(ZERO, min(result.recoverable - case.goodwill, cap) - own), case.unit)
    if not result.reversal or all(part.unimpaired is None for part in parts):
        return
    most = [cap if part.recoverable is None else min(cap, part.recoverable) for cap, part in zip(caps, parts, strict=True)]
    bearers = [Bearer(part.id, _units(part.carrying, case), 0) for part in parts]
    result.parts, left = given_back(_units(result.reversal, case), bearers, [_units(each, case) for each in most])
    result.reversal -= left * case.unit


def _units(amount: Decimal | None, case: Case) -> int:
    """An amount in units of the statement."""
    return int(rounded(amount or ZERO, case.unit) / case.unit)


def _recoverable(result: Result, case: Case, disposal: Decimal | None, flows: Flows) -> None:
    """The recoverable amount and the loss, as far as the case decides them."""
    known = [each for each in (disposal, flows.value_in_use) if each is not None]
    best = max(known, default=None)
    result.high = None if best is None else max(ZERO, result.carrying - best)
    enough = flows.value_in_use is not None or case.fair_value_is_recoverable
    if best is not None and (enough or best >= result.carrying):
        result.recoverable, result.loss = best, max(ZERO, result.carrying - best)
        result.why = _why(disposal, flows.value_in_use)
        return
    limit = None if flows.undiscounted is None or disposal is None else max(disposal, flows.undiscounted)
    result.low = ZERO if limit is None else max(ZERO, result.carrying - limit)
    result.high = result.carrying if result.high is None else result.high
    result.why = "the recoverable amount is the higher of fair value less cost of disposal and value in use (IAS 36.18)"
    result.open = (
        "value in use is not known, so neither is the recoverable amount",
        "Add cash_flows and rate, or value_in_use; or fair_value_is_recoverable = true where IAS 36.21 allows it.",
    )


def _why(disposal: Decimal | None, in_use: Decimal | None) -> str:
    if in_use is None:
        return "fair value less cost of disposal (IAS 36.19, .21)"
    if disposal is None:
        return "value in use, as fair value is not given (IAS 36.20)"
    return "value in use" if in_use >= disposal else "fair value less cost of disposal"


def us_gaap(case: Case, parts: Sequence[Part], flows: Flows) -> Result:
    """ASC 360 on an asset group held and used: without goodwill, which ASC 350 tests on its own."""
    result = Result(total([part.carrying for part in parts]), None)
    if not result.carrying:
        result.loss, result.why = ZERO, "there is no asset to write down"
    elif case.loss is not None:
        result.loss, result.why = case.loss, "the loss as given"
    elif not case.indication:
        result.loss, result.why = ZERO, "no triggering event (ASC 360-10-35-21)"
    elif flows.undiscounted is None:
        result.high = result.carrying if case.fair_value is None else max(ZERO, result.carrying - case.fair_value)
        result.open = ("undiscounted cash flows are not known, so the first step cannot be taken", "Add cash_flows or undiscounted.")
    elif result.carrying <= flows.undiscounted:
        result.loss, result.why = ZERO, "carrying amount is not above the undiscounted cash flows: step 1 ends it"
    elif case.fair_value is None:
        result.high = result.carrying
        result.open = ("it fails the first step and its fair value is not known", "Add fair_value.")
    else:
        result.recoverable = case.fair_value
        result.loss = max(ZERO, result.carrying - case.fair_value)
        result.why = "carrying amount is above the undiscounted cash flows: down to fair value"
    if result.loss is not None:
        result.loss = min(rounded(result.loss, case.unit), rounded(result.carrying, case.unit))
        _share(result, case, parts, [part.fair_value for part in parts], goodwill=False)
    return result


def _share(
    result: Result, case: Case, parts: Sequence[Part], floors: Sequence[Decimal | None], *, goodwill: bool = True
) -> None:
    """Spread the loss over goodwill and assets, in units of the statement."""
    bearers = [Bearer(part.id, _units(part.carrying, case), _units(floor, case)) for part, floor in zip(parts, floors, strict=True)]
    taken, result.parts, left = shared(_units(result.loss, case), _units(case.goodwill, case) if goodwill else 0, bearers)
    result.goodwill_loss, result.unallocated = taken * case.unit, left * case.unit
