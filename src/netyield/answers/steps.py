"""The steps of the waterfall: their order, labels and meaning, as data (steps.csv)."""

from __future__ import annotations

import csv
from functools import cache
from importlib import resources
from typing import NamedTuple


class Step(NamedTuple):
    """One step. kind: waste, loss, own (its own productive use), open (may have been useful), good, out (of scope)."""

    rank: int
    step: str
    label: str
    kind: str
    meaning: str


class Group(NamedTuple):
    """Steps that a first look takes together; ``steps`` with a trailing dot stand for their family."""

    group: str
    label: str
    kind: str
    steps: tuple[str, ...]

    def has(self, step: str) -> bool:
        """Whether a step (``wasted.superseded``) belongs to it."""
        return any(step == own or step == own.rstrip(".") or (own.endswith(".") and step.startswith(own)) for own in self.steps)


# Every step is in exactly one of them; shown in this order.
GROUPS = (
    Group("useful", "Proven useful", "good", ("useful",)),
    Group("open", "May have been useful", "open", (
        "unproven", "unproven.attested", "active_unattributed", "unknown", "unpriced", "unreconciled", "unclassified")),
    Group("wasted", "Answers nobody used", "waste", ("wasted.",)),
    Group("unused_capacity", "Capacity paid for and not used", "waste", (
        "commitment_unused", "unallocated", "fragmented", "idle", "idle_held", "starting", "down")),
    Group("overhead", "Overhead, seats and platform", "own", ("overhead", "seats", "platform")),
    Group("training", "Training", "own", ("training.",)),
    Group("credits", "Credits", "own", ("credits",)),
    Group("outside", "Tax, and what is not AI", "out", ("tax", "non_ai")),
)  # fmt: skip


@cache
def known_steps() -> tuple[Step, ...]:
    """All steps in the order in which a report shows them; a name with a trailing dot stands for its family."""
    text = resources.files("netyield.answers").joinpath("steps.csv").read_text(encoding="utf-8")
    return tuple(
        Step(rank, row["step"], row["label"], row["kind"], row["meaning"])
        for rank, row in enumerate(csv.DictReader(text.splitlines()))
    )


def step_of(name: str) -> Step:
    """The step of a name such as ``wasted.superseded``: label and place come from its family."""
    for step in known_steps():
        if step.step == name:
            return step
    for step in known_steps():
        if step.step.endswith(".") and name.startswith(step.step):
            detail = name.removeprefix(step.step).replace("_", " ")
            return Step(step.rank, name, f"{step.label}: {detail}", step.kind, step.meaning)
    return Step(len(known_steps()), name, name, "open", "")


# Out of the in-scope total; and what may have been useful (the upper bound), beside training.* and unreconciled > 0.
OUT_OF_SCOPE = ("non_ai", "tax")
MAY_BE_USEFUL = (
    "useful",
    "unproven",
    "unproven.attested",
    "unknown",
    "unpriced",
    "active_unattributed",
    "unclassified",
)
CERTAIN_WASTE = (
    "commitment_unused",
    "unallocated",
    "fragmented",
    "idle",
    "idle_held",
    "wasted.errored_no_output",
    "wasted.rejected_prediction",
    "wasted.aborted_undelivered",
    "wasted.superseded",
)
REQUEST_STEPS = ("useful", "overhead", "unproven", "unproven.attested")


def is_request_step(step: str) -> bool:
    """Whether the money of a step is that of requests."""
    return step in REQUEST_STEPS or step.startswith("wasted.")


def in_scope(step: str) -> bool:
    """Whether a step counts in the in-scope total (total less non_ai, training and tax)."""
    return step not in OUT_OF_SCOPE and not step.startswith("training.")
