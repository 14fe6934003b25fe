"""One billed model call of the example company, with the truth about whether it was worth it."""

from __future__ import annotations

from dataclasses import dataclass

# Verdict of some tokens: (step, token class, tokens). The steps are those of the report.
Lot = tuple[str, str, int]
INPUT_CLASSES = ("in_uncached", "in_cache_read")
USEFUL, UNPROVEN, OVERHEAD = "useful", "unproven", "overhead"
REJECTED_PREDICTION = "wasted.rejected_prediction"


@dataclass(slots=True)
class Attempt:
    """Times in milliseconds since the window's start; token counts are disjoint classes.

    ``verdict`` is that of the input and the reasoning; ``kept_ppm`` and ``delivered`` split the visible output.
    ``late_verdict`` is the verdict once the late outcomes have arrived (empty: unchanged). ``log``: where it is
    written: spend (LiteLLM_SpendLogs), payload (LiteLLM's logging payload) or requests (the product's own log).
    """

    number: int
    request_id: str
    call_id: str
    app: str
    team: str
    customer: str
    provider: str
    model: str
    replica: str
    start_ms: int
    first_ms: int
    end_ms: int
    in_uncached: int
    in_cache_read: int
    out_text: int
    out_reasoning: int = 0
    out_rejected_prediction: int = 0
    purpose: str = "production"
    status: str = "ok"
    finish_reason: str = "stop"
    delivered: int | None = None
    session_id: str = ""
    attempt_number: int = 1
    retry_of: str = ""
    agent_run_id: str = ""
    log: str = "spend"
    verdict: str = UNPROVEN
    late_verdict: str = ""
    kept_ppm: int | None = None

    @property
    def occupies(self) -> bool:
        """Whether an engine of ours worked on it: an upstream that refuses at once computes nothing."""
        return bool(self.replica) and self.prompt_tokens > 0

    @property
    def prompt_tokens(self) -> int:
        """All input, as an OpenAI-style usage object counts it (cached tokens inside)."""
        return self.in_uncached + self.in_cache_read

    @property
    def completion_tokens(self) -> int:
        """All output, reasoning and rejected prediction inside."""
        return self.out_text + self.out_reasoning + self.out_rejected_prediction

    @property
    def engine_reason(self) -> str:
        """vLLM's finished_reason for this attempt."""
        return {"error": "error", "aborted": "abort"}.get(
            self.status, "length" if self.finish_reason == "length" else "stop"
        )

    def lots(self, late: bool) -> list[Lot]:
        """Every token of the attempt under exactly one step."""
        verdict = (self.late_verdict if late else "") or self.verdict
        lots = [(verdict, name, getattr(self, name)) for name in (*INPUT_CLASSES, "out_reasoning")]
        lots.append((REJECTED_PREDICTION, "out_rejected_prediction", self.out_rejected_prediction))
        lots += [(step, "out_text", tokens) for step, tokens in self._visible(verdict)]
        return [lot for lot in lots if lot[2]]

    def _visible(self, verdict: str) -> list[tuple[str, int]]:
        if self.kept_ppm is not None:
            kept = self.out_text * self.kept_ppm // 1_000_000
            return [(verdict, kept), ("wasted.rejected_by_user", self.out_text - kept)]
        if self.status == "aborted" and self.delivered is not None:
            return [(verdict, self.delivered), ("wasted.aborted_undelivered", self.out_text - self.delivered)]
        return [(verdict, self.out_text)]
