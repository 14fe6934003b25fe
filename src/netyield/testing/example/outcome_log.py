"""The outcome events: what the company's own systems recorded about the answers, as JSON lines."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from netyield.testing.example.identity import named_uuid
from netyield.testing.example.litellm_log import moment
from netyield.testing.example.traffic import Outcome


def write_outcomes(path: Path, outcomes: Sequence[Outcome]) -> None:
    """The events by time."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", encoding="utf-8") as stream:
        for outcome in sorted(outcomes, key=lambda o: (o.happened_ms, o.key)):
            stream.write(json.dumps(_event(outcome), separators=(",", ":")) + "\n")


def _event(outcome: Outcome) -> dict[str, object]:
    event: dict[str, object] = {
        "event_id": named_uuid(f"outcome/{outcome.key}/{outcome.signal}/{outcome.verdict}"),
        "time": moment(outcome.happened_ms),
        "run" if outcome.key_type == "agent_run_id" else "call": outcome.key,
        "verdict": outcome.verdict,
        "kind": outcome.signal,
        "grade": outcome.grade,
    }
    if outcome.share_ppm is not None:
        event["kept_share"] = outcome.share_ppm / 1_000_000
    return event
