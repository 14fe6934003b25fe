"""What does init ask a person? One line each; Enter skips; nothing is asked twice."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from netyield.core.errors import WrongUse
from netyield.faces.cli.output import say
from netyield.faces.cli.setup.discover import Proposal
from netyield.faces.cli.setup.given import Given

Ask = Callable[[str], str]
REFERENCES = ("env:", "file:")
# Where a secret may already stand; only its name is ever shown.
DATABASE_HINTS = ("LITELLM_DATABASE_URL", "DATABASE_URL")
BILL_HINTS = {"OPENAI_ADMIN_KEY": "openai", "ANTHROPIC_ADMIN_KEY": "anthropic"}


def ask(question: str) -> str:
    """A line from the person; empty at Enter and at the end of the input."""
    print(question, end=" ", file=sys.stderr, flush=True)  # noqa: T201
    return sys.stdin.readline().strip()


def choose(found: Sequence[Proposal], asking: Ask) -> list[Proposal]:
    """Which of the files found are to be read."""
    chosen = []
    for proposal in found:
        answer = asking(f"Found {proposal.why}: {proposal.options.get('path', '')}. Read it? [Y/n]")
        if answer.lower() not in {"n", "no"}:
            chosen.append(proposal)
    return chosen


def missing(given: Given, known: set[str], folder: Path, asking: Ask) -> Given:
    """Ask for each kind of source nothing is known of yet; an answer that cannot be used is asked for again."""

    def until_usable(question: str, take: Callable[[str], Given]) -> Given:
        while text := asking(question):
            try:
                answered = take(text)
                answered.proposals(folder)
            except WrongUse as wrong:
                say(f"  {wrong.message} {wrong.repair}")
                continue
            return answered
        return given

    if "bill" not in known:
        question = f"A bill: a file, openai or anthropic{_hint(BILL_HINTS)} [Enter: none]"
        given = until_usable(question, lambda text: replace(given, bill=text))
        if not given.bill:
            question = "Dollars per GPU-hour, for a rate card [Enter: none]"
            given = until_usable(question, lambda text: replace(given, rates=(text,)))
    if "metrics" not in known:
        given = until_usable("A Prometheus URL [Enter: none]", lambda text: replace(given, metrics_url=text))
        if given.metrics_url:
            question = "Its access: env:NAME of a bearer token, or user:env:NAME [Enter: open]"
            given = until_usable(question, lambda text: _with_access(given, text))
    if "traffic" not in known:
        question = f"A request log, or env:NAME of LiteLLM's database{_hint(DATABASE_HINTS)} [Enter: none]"
        given = until_usable(question, lambda text: _with_traffic(given, text))
    if "outcomes" not in known:
        given = until_usable("Outcome events: a file [Enter: none]", lambda text: replace(given, outcomes=text))
    return given


def _with_access(given: Given, text: str) -> Given:
    bearer = text.startswith(REFERENCES)
    return replace(given, metrics_bearer=text) if bearer else replace(given, metrics_basic=text)


def _with_traffic(given: Given, text: str) -> Given:
    database = text.startswith(REFERENCES)
    return replace(given, traffic_dsn=text) if database else replace(given, traffic=text)


def _hint(names: Sequence[str] | dict[str, str]) -> str:
    """Which of these environment variables are set, by name only."""
    present = [name for name in names if os.environ.get(name)]
    return f" ({', '.join(present)} is set)" if present else ""
