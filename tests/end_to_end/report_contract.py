"""The contract of ``netyield report --json`` as a stranger reads it: every key, its type, when it may be null.

Written from the contract's text, not from the code: steps, sums and headline are worked out again from the rows.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import datetime
from decimal import Decimal
from typing import Any

DECIMAL = re.compile(r"-?(0|[1-9][0-9]*)(\.[0-9]{1,12})?")
MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z")
STEPS = frozenset({
    "commitment_unused", "down", "unallocated", "fragmented", "starting", "idle", "idle_held", "active_unattributed",
    "seats", "platform", "overhead", "unproven", "unproven.attested", "useful", "unknown", "unpriced", "unreconciled",
    "credits", "tax", "unclassified", "non_ai",
})
STATES = frozenset(["down", "unallocated", "fragmented", "starting", "idle", "idle_held", "active", "unknown"])
OPEN = ("useful", "unproven", "unproven.attested", "unknown", "unpriced", "active_unattributed", "unclassified")
WASTE = (
    "commitment_unused", "unallocated", "fragmented", "idle", "idle_held", "wasted.errored_no_output",
    "wasted.rejected_prediction", "wasted.aborted_undelivered", "wasted.superseded",
)
HEADLINE = {
    "in_scope_total", "activity", "certain_waste", "net_yield", "cost_per_useful_mtok", "cost_per_useful_answer",
    "cost_per_served_mtok", "coverage",
}
USAGE = {"gpu_hours_paid", "gpu_hours_allocated", "gpu_hours_by_state", "tokens_by_class", "tokens_by_verdict"}
TOP = {"answer", "as_of", "window", "currency", "basis", "total", "rows", "headline", "usage", "findings"}
CLASSES = re.compile(r"(in|out)_[a-z0-9_]+")
ROUNDING = Decimal("0.000001")


def check(body: dict[str, Any]) -> dict[str, Decimal]:
    """Everything the contract promises of any report; returns the amount of each step."""
    assert set(body) >= TOP
    assert body["answer"] == "waterfall"
    assert MOMENT.fullmatch(body["as_of"])
    window = [datetime.fromisoformat(body["window"][name]) for name in ("since", "until")]
    assert window[0] < window[1]
    assert re.fullmatch("[A-Z]{3}", body["currency"])
    assert body["basis"] in {"effective", "billed", "list", "contracted", "list_estimate"}
    steps = _rows(body)
    _headline(body["headline"], steps)
    _usage(body["usage"])
    assert set(body["findings"]) == {"error", "warning", "info"}
    assert all(type(number) is int and number >= 0 for number in body["findings"].values())
    return steps


def amount(text: Any) -> Decimal:
    """A decimal string with at most twelve places."""
    assert isinstance(text, str)
    assert DECIMAL.fullmatch(text), text
    return Decimal(text)


def _rows(body: dict[str, Any]) -> dict[str, Decimal]:
    total = amount(body["total"])
    steps: dict[str, Decimal] = {}
    for row in body["rows"]:
        assert set(row) >= {"step", "amount", "share", "evidence"}
        assert row["step"] in STEPS or re.fullmatch(r"(wasted|training)\.[a-z_]+", row["step"]), row["step"]
        assert row["step"] not in steps, "a step stands in one row"
        assert row["evidence"] in {"measured", "derived", "modelled", "assumed"}
        steps[row["step"]] = amount(row["amount"])
        if total > 0:
            assert abs(Decimal(repr(row["share"])) - steps[row["step"]] / total) <= ROUNDING
        else:
            assert row["share"] is None
    assert sum(steps.values(), Decimal(0)) == total
    return steps


def _of(steps: dict[str, Decimal], names: Iterable[str]) -> Decimal:
    return sum((steps.get(name, Decimal(0)) for name in names), Decimal(0))


def _headline(found: dict[str, Any], steps: dict[str, Decimal]) -> None:
    assert set(found) >= HEADLINE
    outside = [name for name in steps if name in {"non_ai", "tax"} or name.startswith("training.")]
    in_scope = sum(steps.values(), Decimal(0)) - _of(steps, outside)
    assert amount(found["in_scope_total"]) == in_scope
    waste = _of(steps, WASTE)
    assert amount(found["certain_waste"]["amount"]) == waste
    high = _of(steps, OPEN) + max(Decimal(0), steps.get("unreconciled", Decimal(0)))
    shares = (found["certain_waste"]["share"], found["net_yield"]["low"], found["net_yield"]["high"])
    if in_scope <= 0:
        assert shares == (None, None, None)
        assert found["cost_per_useful_mtok"] == {"low": None, "high": None}
        assert found["cost_per_useful_answer"] is None
        assert found["cost_per_served_mtok"]["all_in"] is None
    else:
        for share, part in zip(shares, (waste, steps.get("useful", Decimal(0)), high), strict=True):
            assert type(share) is float
            assert abs(Decimal(repr(share)) - part / in_scope) <= ROUNDING
    cost = found["cost_per_useful_mtok"]
    assert set(cost) == {"low", "high"}
    assert set(found["cost_per_served_mtok"]) == {"all_in", "active"}
    for text in (*cost.values(), *found["cost_per_served_mtok"].values(), found["cost_per_useful_answer"]):
        assert text is None or amount(text) >= 0
    if cost["high"] is not None:
        assert amount(cost["low"]) <= amount(cost["high"])
    if not steps.get("useful"):
        assert cost["high"] is None, "nothing is proven useful: the cost has no upper end"
    coverage = found["coverage"]
    assert coverage is None or (type(coverage) is float and 0 <= coverage <= 1)
    activity = found["activity"]
    if activity is not None:
        assert 0 <= activity["low"] <= activity["high"] <= 1
        assert activity["active_above"] >= 0


def _usage(found: dict[str, Any]) -> None:
    assert set(found) >= USAGE
    paid, states = found["gpu_hours_paid"], found["gpu_hours_by_state"]
    assert (paid is None) == (states is None)
    if states is not None:
        assert set(states) <= STATES
        assert all(hours > 0 for hours in states.values())
        assert abs(sum(states.values()) - paid) < 1e-5 * len(states)
        allocated = found["gpu_hours_allocated"]
        assert allocated is None or 0 <= allocated <= paid + 1e-6
    for name in ("tokens_by_class", "tokens_by_verdict"):
        assert all(type(number) is int and number >= 0 for number in found[name].values())
    assert all(CLASSES.fullmatch(name) for name in found["tokens_by_class"])
    verdicts = STEPS | {"unproven"}
    assert all(name in verdicts or re.fullmatch(r"wasted\.[a-z_]+", name) for name in found["tokens_by_verdict"])
