"""Verdicts one call at a time, from docs/useful-tokens.md: no SQL, nothing of the room this checks."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import NamedTuple

from slow_requests import VISIBLE, Call, Row

FULL_PPM = 1_000_000
OVERHEAD = ("eval", "canary", "warm_up", "health_check", "guardrail")
# What an outcome's word says of a call. Without a share all was kept; a share of zero is a rejection.
MEANING = {
    "accepted": "accepted", "succeeded": "accepted", "superseded": "superseded", "blocked": "blocked", "invalid_tool_call": "tool_call_invalid",
    "rejected": "rejected_by_user", "aborted": "rejected_by_user", "failed": "rejected_by_user", "abandoned": "run_abandoned",
    "duplicate": "duplicate_avoidable", "unreferenced": "context_unreferenced",
}
# Where two outcomes of one grade and time contradict each other, the later of these stands, so that their order does not matter.
LAST = ("superseded", "blocked", "tool_call_invalid", "rejected_by_user", "run_failed", "run_abandoned", "duplicate_avoidable",
        "context_unreferenced", "accepted")


class Heard(NamedTuple):
    """The outcome that stands (none of sufficient grade: None), the share it says was kept, any signal too weak to count."""

    said: str | None = None
    kept_ppm: int = FULL_PPM
    weak: bool = False


def hear(outcomes: Iterable[Row], floor: int) -> Heard:
    """Of several outcomes the higher grade wins, then the later one."""
    best, weak = None, False
    for outcome in outcomes:
        if outcome["grade"] < floor:
            weak = True
            continue
        meaning = MEANING[outcome["verdict"]]
        if outcome["verdict"] == "failed" and outcome["key_type"] == "agent_run_id":
            meaning = "run_failed"
        kept = 0
        if meaning == "accepted":
            kept = FULL_PPM if outcome["accepted_ppm"] is None else min(outcome["accepted_ppm"], FULL_PPM)
            meaning = meaning if kept else "rejected_by_user"
        found = (outcome["grade"], outcome["event_time"], LAST.index(meaning), kept)
        best = found if best is None or found > best else best
    return Heard(weak=weak) if best is None else Heard(LAST[best[2]], best[3], weak)


def reason(call: Call, heard: Heard, replaced: bool, attested: bool) -> str:
    """Why the call is what it is: the rules in their order, the first that matches."""
    status, finish, provenance = call.word("status"), call.word("finish_reason"), call.word("provenance")
    said, logged, delivered = heard.said, call.row["accepted_ppm"], call.row["delivered_output_tokens"]
    if call.word("purpose") in OVERHEAD:
        return "overhead"
    if status == "error" and call.output == 0:
        return "errored_no_output"
    if status == "aborted" and delivered is not None and delivered <= 0:
        return "aborted_undelivered"
    if provenance != "client_estimated" and (said == "accepted" or (said is None and logged is not None and logged > 0)):
        return "accepted"
    if replaced or said == "superseded":
        return "superseded"
    if status == "blocked" or finish in ("content_filter", "refusal", "guardrail") or said == "blocked":
        return "blocked"
    if finish == "length" and (said in ("rejected_by_user", "run_failed", "run_abandoned") or logged == 0):
        return "truncated_discarded"
    if finish == "malformed_tool_call" or said == "tool_call_invalid":
        return "tool_call_invalid"
    if said == "rejected_by_user" or logged == 0:
        return "rejected_by_user"
    if said in ("run_failed", "run_abandoned", "duplicate_avoidable", "context_unreferenced"):
        return said
    if attested:
        return "attested"
    if heard.weak:
        return "weak_signal"
    estimated = provenance == "client_estimated" or (status == "aborted" and provenance == "gateway_estimated")
    return "estimated_quantity" if estimated else "no_signal"


@dataclass(frozen=True)
class Judged:
    """A call's reason; tokens never delivered; the share of the delivered output not kept; what it counts, and of that lost."""

    reason: str
    lost_output: int
    unkept_ppm: int
    unit: int
    unit_lost: int

    @property
    def unit_not_kept(self) -> int:
        return self.unit * self.unkept_ppm // FULL_PPM


def judge(call: Call, outcomes: Iterable[Row], floor: int, replaced: bool, attested: Collection[str]) -> Judged:
    """The unit is visible output; for embeddings and rerankers the input. What never arrived is lost, part by part."""
    heard = hear(outcomes, floor)
    found = reason(call, heard, replaced, call.word("app") in attested)
    visible, delivered = call.tokens(*VISIBLE), call.row["delivered_output_tokens"]
    aborted = call.word("status") == "aborted" and delivered is not None
    lost = max(visible - max(delivered, 0), 0) if aborted else 0
    kept = FULL_PPM
    if found == "accepted":
        kept = heard.kept_ppm if heard.said else call.row["accepted_ppm"]
    if call.word("operation") in ("embedding", "embeddings", "rerank"):
        return Judged(found, lost, FULL_PPM - kept, call.input, 0)
    if found == "aborted_undelivered":
        return Judged(found, lost, 0, visible, 0)
    return Judged(found, lost, FULL_PPM - kept, visible - lost, lost)
