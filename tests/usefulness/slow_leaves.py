"""Leaves of requests added up one call at a time, from docs/useful-tokens.md and docs/waterfall.md."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from slow_requests import (
    CACHED,
    COMPUTED,
    HOUR_US,
    OUTPUT,
    VISIBLE,
    WHO,
    Call,
    Charge,
    Piece,
    Replica,
    quotient,
    shares,
)
from slow_verdicts import FULL_PPM, Judged

CLASSES = (*COMPUTED, *CACHED, *OUTPUT)
STEPS = {"overhead": "overhead", "accepted": "useful", "attested": "unproven.attested"} | dict.fromkeys(
    ("no_signal", "weak_signal", "estimated_quantity"), "unproven"
)
Price = tuple[int, int, int]  # pico-units of input, of output, of reasoning
# A leaf: what it is told apart by, to its amounts.
Money = Counter[tuple[Any, ...]]
Tokens = dict[tuple[Any, ...], Counter[str]]


def step(reason: str) -> str:
    return STEPS.get(reason) or f"wasted.{reason}"


@dataclass(frozen=True)
class Facts:
    """Everything beside the calls: what lines of charges are, prices of API calls, names and cover of billers."""

    lines: Mapping[str, tuple[str, str, str, str]]  # scope, provider, service, account
    methods: Mapping[Replica, str]
    prices: Mapping[int, Price | None]
    billers: Mapping[str, str]
    unbilled: Collection[tuple[str, str]]


def parts(call: Call, judged: Judged, fixed: int, output: int, divisor: int) -> dict[str, int]:
    """A call's money by reason: rejected predictions, tokens never delivered and the share not kept take their part of output."""
    found: Counter[str] = Counter()
    judged_whole = judged.reason in ("overhead", "errored_no_output")
    if divisor and not judged_whole:
        found["rejected_prediction"] += quotient(output * call.tokens("out_rejected_prediction"), divisor)
        if judged.reason != "aborted_undelivered":
            found["aborted_undelivered"] += quotient(output * judged.lost_output, divisor)
        kept = call.tokens(*VISIBLE) - judged.lost_output
        found["rejected_by_user"] += quotient(output * kept * judged.unkept_ppm, divisor * FULL_PPM)
    found[judged.reason] += fixed + output - found.total()
    return found


def who(call: Call, facts: Facts) -> tuple[str, ...]:
    """provider, pool, owner and the dimensions of a call's leaves; a self-hosted model has no provider."""
    provider = "" if call.replica else facts.billers.get(call.word("provider"), call.word("provider"))
    return (provider, *(call.replica or ("", "")), *call.words(WHO))


def money(found: Sequence[Call], verdicts: Mapping[int, Judged], slots: Mapping[tuple[Replica, int], Sequence[Piece]],
          charges: Sequence[Charge], facts: Facts, since: int, slot_us: int) -> Money:
    """(hour, step, reason, scope, provider, service, account, pool, owner, model, team, app, customer, evidence, method) to pico."""
    leaves: Money = Counter()
    for charge in charges:
        of_slot = {piece.call.id: piece.call for piece in slots[charge.replica, charge.slot]}
        scope, *biller = facts.lines[charge.line]
        for number, (fixed, output) in shares(slots[charge.replica, charge.slot], charge).items():
            call = of_slot[number]
            for reason, pico in parts(call, verdicts[number], fixed, output, call.output).items():
                key = (charge.slot * slot_us // HOUR_US, step(reason), reason, scope, *biller, *who(call, facts)[1:], "modelled")
                leaves[*key, facts.methods[charge.replica]] += pico
    for call in found:
        price = facts.prices.get(call.id)
        if call.replica or not price or call.t < since:
            continue
        unbilled = (call.word("provider"), call.word("model")) in facts.unbilled
        for reason, pico in parts(call, verdicts[call.id], price[0] + price[2], price[1], call.output - call.tokens("out_reasoning")).items():
            provider, *others = who(call, facts)
            key = (call.hour, step(reason), reason, "ai_api", provider, "", "", *others, "derived")
            leaves[*key, "price list, no bill" if unbilled else "price list"] += pico
    return Counter({key: pico for key, pico in leaves.items() if pico})


def tokens(found: Sequence[Call], verdicts: Mapping[int, Judged], facts: Facts, since: int) -> Tokens:
    """(hour, step, reason, scope, provider, pool, owner, model, team, app, customer) to attempts, answers, unit and classes."""
    leaves: Tokens = defaultdict(Counter)
    for call in found:
        if call.t < since:
            continue
        judged = verdicts[call.id]
        unpriced = not call.replica and facts.prices.get(call.id) is None

        def leaf(reason: str, call: Call = call, unpriced: bool = unpriced) -> Counter[str]:
            name = ("unpriced", step(reason)) if unpriced else (step(reason), reason)
            return leaves[call.hour, *name, "gpu" if call.replica else "ai_api", *who(call, facts)]

        main = {"attempts": 1, "answers": int(judged.reason == "accepted"), "unit_tokens": judged.unit - judged.unit_not_kept}
        leaf(judged.reason).update(main | {name: call.tokens(name) for name in CLASSES})
        if judged.unit_not_kept:
            leaf("rejected_by_user").update(unit_tokens=judged.unit_not_kept)
        if judged.unit_lost:
            leaf("aborted_undelivered").update(unit_tokens=judged.unit_lost)
    return {key: Counter({name: count for name, count in amounts.items() if count}) for key, amounts in leaves.items()}
