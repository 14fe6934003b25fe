"""The versioned policy: when is a token useful, wasted, overhead or unproven? ``utok/1`` with its settings hashed.

Source: facts sheet on traffic and usefulness section 6. The order of the reasons is part of the version. Decisions this
version fixes: overhead is looked at first (a failed health check is overhead); reasoning and input follow their
attempt and do not split by partial acceptance (they are useful when any of the output was kept); an explicit positive
outcome of grade 3 or 4 outranks the inferred or linked reasons (superseded, blocked, truncated, ...), never the facts
that nothing was returned, that prediction tokens were rejected, or that bytes were not delivered.
"""

from __future__ import annotations

import csv
import hashlib
from datetime import date
from functools import cache
from importlib import resources
from typing import NamedTuple

from pydantic import BaseModel, ConfigDict, Field

VERSION = "utok/1"


class Attestation(BaseModel):
    """[[attestation]]: an owner declares that an app consumes its outputs. Its own grade; never in the lower bound."""

    model_config = ConfigDict(extra="forbid")

    app: str
    name: str
    reason: str
    expires: date


class UsefulnessSettings(BaseModel):
    """[usefulness]: the switches of the policy."""

    model_config = ConfigDict(extra="forbid")

    lowest_grade: int = Field(3, ge=2, le=4, description="2 lets model judgements move money; the default does not")
    coverage_floor: float = Field(0.5, ge=0, le=1, description="below it a single figure is withheld")


class Verdict(NamedTuple):
    """One verdict code: the waterfall step it goes to, its reason, its grade and whether it is certain waste."""

    code: int
    step: str
    verdict: str
    reason: str
    grade: int
    certain: bool


@cache
def verdicts() -> tuple[Verdict, ...]:
    """The codes of usefulness/verdicts.csv, in the order of the policy."""
    text = resources.files("netyield.usefulness").joinpath("verdicts.csv").read_text(encoding="utf-8")
    return tuple(
        Verdict(int(r["code"]), r["step"], r["verdict"], r["reason"], int(r["grade"]), r["certain"] == "yes")
        for r in csv.DictReader(text.splitlines())
    )


def policy_hash(settings: UsefulnessSettings, attestations: list[Attestation]) -> str:
    """The identity of the policy a result was made with: its settings and everything in this room that judges or adds up."""
    room = resources.files("netyield.usefulness")
    names = sorted(entry.name for entry in room.iterdir() if entry.name.endswith((".csv", ".sql")))
    parts = [VERSION, settings.model_dump_json(), *(a.model_dump_json() for a in attestations)]
    parts += [room.joinpath(name).read_text(encoding="utf-8") for name in (*names, "judge.py", "leaves.py")]
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:16]
