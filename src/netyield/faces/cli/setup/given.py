"""Which sources do init's options name? Each becomes the [[source]] it means, with a secret only by reference."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from netyield.core.errors import WrongUse
from netyield.faces.cli.setup.discover import Proposal, recognise

LIVE_BILLS = {
    "openai": {"type": "openai_costs", "url": "https://api.openai.com", "key": "env:OPENAI_ADMIN_KEY"},
    "anthropic": {"type": "anthropic_costs", "url": "https://api.anthropic.com", "key": "env:ANTHROPIC_ADMIN_KEY"},
}
REFERENCE = re.compile(r"(env|file):.+")


@dataclass(frozen=True)
class Given:
    """What was given on the command line or answered, as typed."""

    bill: str = ""
    metrics_url: str = ""
    metrics_bearer: str = ""
    metrics_basic: str = ""
    metrics_tenant: str = ""
    traffic: str = ""
    traffic_dsn: str = ""
    outcomes: str = ""
    rates: Sequence[str] = ()

    def proposals(self, folder: Path) -> list[Proposal]:
        """The sources these words name. Raises WrongUse with what to write instead."""
        found = []
        if self.bill:
            found.append(bill(self.bill, folder))
        if self.rates:
            found.append(rate_card(self.rates))
        if self.metrics_url:
            found.append(self._metrics())
        if self.traffic:
            found.append(file_source(self.traffic, folder, "traffic", "a request log"))
        if self.traffic_dsn:
            options = {"type": "litellm", "dsn": reference(self.traffic_dsn, "--traffic-dsn")}
            found.append(Proposal("traffic", options, "LiteLLM's database"))
        if self.outcomes:
            found.append(file_source(self.outcomes, folder, "outcomes", "outcome events"))
        return found

    def _metrics(self) -> Proposal:
        options: dict[str, Any] = {"type": "prometheus", "url": self.metrics_url}
        if self.metrics_bearer:
            options["bearer"] = reference(self.metrics_bearer, "--metrics-bearer")
        if self.metrics_basic:
            user, _, secret = self.metrics_basic.partition(":")
            options |= {"user": user, "password": reference(secret, "--metrics-basic")}
        if self.metrics_tenant:
            options["tenant"] = self.metrics_tenant
        return Proposal("metrics", options, "a Prometheus server")


def reference(text: str, option: str) -> str:
    """A secret's reference, checked; the message never repeats what was typed."""
    if not REFERENCE.fullmatch(text):
        message = f"{option} takes a reference to a secret, never the secret."
        wanted = "user:env:NAME" if option == "--metrics-basic" else "env:NAME"
        raise WrongUse(message, f"Write {wanted} (or file:/path instead of env:NAME).")
    return text


def bill(text: str, folder: Path) -> Proposal:
    """A vendor's live cost report by name, or a file."""
    if text.lower() in LIVE_BILLS:
        return Proposal("bill", LIVE_BILLS[text.lower()], f"{text}'s cost report, live")
    return file_source(text, folder, "bill", "a bill")


def file_source(pattern: str, folder: Path, kind: str, what: str) -> Proposal:
    """The source a path or glob is, told by its first file. Raises WrongUse when it is not ``what``."""
    from netyield.sources.files import matching

    paths = matching(folder, pattern)
    if not paths:
        message = f"No file matches {pattern!r} in {folder}."
        raise WrongUse(message, "Give a path or a quoted glob, relative to the project folder.")
    proposal = recognise(paths[0], folder)
    if proposal is None or proposal.kind != kind:
        seen = f"looks like {proposal.why}" if proposal else "is nothing Netyield recognises"
        message = f"{paths[0]} {seen}, not {what}."
        raise WrongUse(message, "Describe it by hand as a [[source]] in netyield.toml (docs/sources).")
    return Proposal(kind, {**proposal.options, "path": pattern}, proposal.why)


def rate_card(rates: Sequence[str]) -> Proposal:
    """``pool=h100-*:2.00``, ``*:2.00`` or ``2.00``: dollars per GPU-hour by pool."""
    listed = []
    for text in rates:
        pool, colon, amount = text.removeprefix("pool=").rpartition(":")
        if not re.fullmatch(r"\d+(\.\d+)?", amount):
            message = f"--rate {text!r} is not a rate."
            raise WrongUse(message, 'Write dollars per GPU-hour by pool: --rate "pool=*:2.00".')
        listed.append({"pool": pool if colon else "*", "usd_per_gpu_hour": amount})
    return Proposal("bill", {"type": "rate_card", "rates": listed}, "a rate card")
