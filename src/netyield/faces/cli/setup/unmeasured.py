"""Which waterfall steps stay unmeasured with these sources, and what would fill them?"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Gap:
    """Steps nobody measures yet, and the source that would."""

    steps: str
    filler: str


@dataclass(frozen=True, slots=True)
class _Need:
    tables: frozenset[str]  # any one of them measures the steps
    gap: Gap


_NEEDS = (
    _Need(
        frozenset({"charges", "rate_cards"}),
        Gap(
            "the bill itself (amounts are list-price estimates of the traffic)", "a FOCUS bill, a cost report or --rate"
        ),
    ),
    _Need(
        frozenset({"gpu_owners", "capacity_samples"}),
        Gap("unallocated, down", "Prometheus with DCGM and kube-state-metrics, or a capacity_csv"),
    ),
    _Need(
        frozenset({"gpu_samples"}),
        Gap("idle, idle_held, starting, active_unattributed", "GPU telemetry: Prometheus, metrics_text or gpu_csv"),
    ),
    _Need(frozenset({"gpu_slices"}), Gap("fragmented", "the MIG layout: metrics_text of nvidia-smi -q, or DCGM")),
    _Need(
        frozenset({"attempts"}),
        Gap("unproven, wasted, overhead, unpriced, unreconciled", "a request log or LiteLLM's spend logs"),
    ),
    _Need(frozenset({"outcomes"}), Gap("useful, and with it the net yield", "outcome events (was the answer used?)")),
)


def gaps(tables: Iterable[str]) -> list[Gap]:
    """What stays "not measured" when the sources deliver these tables."""
    present = set(tables)
    return [need.gap for need in _NEEDS if not need.tables & present]
