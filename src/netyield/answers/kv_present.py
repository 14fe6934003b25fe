"""What do the counters of running engines say of the present configuration? Beside what a plan models of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from netyield.core.finding import Finding, Severity
from netyield.economics.kv.curve import lru_curve
from netyield.economics.kv.observed_hits import AS_COUNTED, Effective, ObservedHits, effective_capacity, together
from netyield.economics.kv.runs import Runs
from netyield.sources.traces.trace import Trace

FAR = 0.05  # share of the input tokens by which model and engines may differ unsaid


@dataclass(frozen=True)
class Counted:
    """Counters of running engines, by process, and where they are from."""

    processes: tuple[ObservedHits, ...]
    source: str


@dataclass(frozen=True)
class Seen:
    """The hit ratios engines counted, and the LRU caches of the trace that hit as much: their own memory, all tiers."""

    source: str
    own: Effective
    every: Effective

    def body(self) -> dict[str, Any]:
        """As JSON."""
        return {
            "source": self.source,
            "hit_ratio": self.every.ratio,
            "own_hit_ratio": self.own.ratio,
            "effective_capacity_blocks": self.every.capacity_blocks,
            "own_effective_capacity_blocks": self.own.capacity_blocks,
            "note": self.every.note,
        }

    @property
    def words(self) -> str:
        """``The engines hit 31.0% (counters.txt), as an LRU cache of 9,000 blocks would``."""
        start = f"The engines hit {self.every.ratio:.1%} of all input tokens ({self.source})"
        if self.every.capacity_blocks is None:
            return f"{start}; no cache of this trace hits that much"
        return f"{start}, as an LRU cache of {self.every.capacity_blocks:,} blocks would"

    def findings(self) -> list[Finding]:
        """That the counters are of other traffic than the trace."""
        if self.every.capacity_blocks is not None:
            return []
        repair = "Give the trace of the same traffic."
        return [Finding("kv.trace_of_other_traffic", Severity.WARNING, f"{self.every.note}.", repair)]


def seen(trace: Trace, counted: Counted | None, runs: Runs) -> Seen | None:
    """What the counters say on this trace; None when no engine counted anything."""
    whole = together(counted.processes) if counted else None
    if counted is None or whole is None or whole.local_ratio is None or whole.ratio is None or not trace.accesses:
        return None
    curve = lru_curve(trace, AS_COUNTED, runs=runs)
    return Seen(counted.source, effective_capacity(curve, whole.local_ratio), effective_capacity(curve, whole.ratio))


def beside_model(found: Seen, modelled: float) -> tuple[dict[str, Any], str, list[Finding]]:
    """The counters beside the modelled hit ratio of the present configuration, both of the whole trace."""
    words = f"{found.words}; the present configuration as modelled hits {modelled:.1%}."
    findings = found.findings()
    if not findings and abs(found.every.ratio - modelled) > FAR:
        message = f"the engines hit {found.every.ratio:.1%}, the present configuration as modelled {modelled:.1%}."
        repair = (
            "Say what runs: [present] in --tiers, --hbm-cache-gib, --routing, --gpus; what is left is what replicas, eviction"
            " under load and block sizes cost, and every modelled plan may miss by as much."
        )
        findings = [Finding("kv_plan.present_differs", Severity.WARNING, message, repair)]
    return found.body() | {"modelled_hit_ratio": modelled}, words, findings
