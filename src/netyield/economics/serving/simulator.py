"""What would a fleet have done with this traffic? Every request at iteration level: queue, prompt, tokens, memory.

Continuous batching: each iteration takes one token of every decoding request, then prompts in chunks up to the token
budget. A request is admitted when its prompt fits into the KV memory; when decoding fills the memory the latest admitted
one is thrown out and computed again (as vLLM does). A request is routed when it arrives, and again when its replica
fails: what it had is computed anew by another one (an iteration under way still counts). Utilisation is a result.

Cached tokens come from the trace's own prefix tree, kept per replica in whatever KV memory requests leave free; a block
is taken as lost when more new tokens than that have been written since it was last used (LRU by volume, without shared
blocks counted once). Without a tree they are those the file tells. Each request holds its whole context.

Not modelled: speculative decoding (give the step time of it), pipeline bubbles, network time, client retries.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from netyield.economics.serving import loop
from netyield.economics.serving.fleet import Fleet, Routing
from netyield.economics.serving.traffic import Traffic, no_tree

Floats = NDArray[np.float64]
Int64 = NDArray[np.int64]
_ROUTES = {
    Routing.SHORTEST_QUEUE: loop.SHORTEST_QUEUE,
    Routing.PREFIX_AWARE: loop.PREFIX_AWARE,
    Routing.ROUND_ROBIN: loop.ROUND_ROBIN,
}


@dataclass(frozen=True, slots=True)
class Served:
    """What happened to each request, in the order of arrival; times in seconds, NaN where it could not be served.

    ``busy_s`` and ``paid_s`` per replica: time in iterations, and time it was kept (all the time, unless autoscaled).
    ``span_s``: from the first arrival to the end of the observed window or of the last request, whichever is later.
    """

    ttft_s: Floats
    tpot_s: Floats
    end_s: Floats
    replica: Int64
    preempted: Int64
    cached_tokens: Int64
    busy_s: Floats
    paid_s: Floats
    span_s: float

    @property
    def unservable(self) -> int:
        """Requests whose context does not fit into a replica at all."""
        return int(np.isnan(self.ttft_s).sum())

    @property
    def busy_share(self) -> float:
        """Share of the paid replica time with an iteration under way."""
        return float(self.busy_s.sum() / self.paid_s.sum())


def simulate(traffic: Traffic, fleet: Fleet) -> Served:
    """Serve every request of the traffic by the fleet."""
    outputs = np.maximum(traffic.output_tokens, 1)
    inputs = np.maximum(traffic.input_tokens, 1)
    request = np.zeros((len(inputs), loop.REQUEST_FIELDS), np.int64)
    request[:, loop.REPLICA] = -1
    request[:, loop.REMAINING] = np.where(inputs + outputs > fleet.kv_tokens, 0, outputs)
    first = np.full(len(inputs), -1.0)
    end = np.full(len(inputs), np.nan)
    replica, clock = _replicas(fleet)
    tree = traffic.tree if traffic.tree.count else no_tree(traffic.requests)
    ring = 1 << int(outputs.max(initial=1)).bit_length()
    scaling = fleet.autoscaling
    rule = (scaling.target, scaling.least, scaling.cold_start_s, scaling.hold_s, -1.0, 0.0) if scaling else (0.0,) * 6
    lost = [(each.at_s, each.replica, each.down_s) for each in sorted(fleet.failures, key=lambda each: each.at_s)]
    state = loop.State(
        replica, clock, request, np.zeros((fleet.replicas, fleet.max_batch), np.int64),
        np.full((fleet.replicas, ring), -1, np.int64), np.zeros(fleet.max_batch, np.int64),
        np.full((fleet.replicas, tree.count), -1, np.int64), first, end,
    )  # fmt: skip
    step = fleet.step
    engine = loop.Engine(
        step.decode_s, step.spare_s, float(step.per_context_token_s), float(step.per_prefill_token_s),
        float(step.per_prefill_pair_s), int(fleet.budget_tokens), int(fleet.kv_tokens), int(fleet.max_batch),
        _ROUTES[fleet.routing], int(fleet.slack),
    )  # fmt: skip
    prompts = loop.Prompts(inputs, outputs, traffic.cached_tokens, tree.first, tree.nodes, tree.tokens)
    failures = np.array(lost, np.float64).reshape(-1, 3)
    loop.run(traffic.arrival_s, prompts, state, engine, np.array(rule, np.float64), failures)
    return _served(traffic, outputs, request, clock, replica, first, end)


def _replicas(fleet: Fleet) -> tuple[Int64, Floats]:
    replica = np.zeros((fleet.replicas, loop.REPLICA_FIELDS), np.int64)
    for field in (loop.HEAD, loop.TAIL, loop.CURRENT):
        replica[:, field] = -1
    first = fleet.autoscaling.least if fleet.autoscaling else fleet.replicas
    replica[:first, loop.STATE] = loop.ON
    return replica, np.zeros((fleet.replicas, loop.CLOCK_FIELDS))


def _served(
    traffic: Traffic, outputs: Int64, request: Int64, clock: Floats, replica: Int64, first: Floats, end: Floats
) -> Served:
    first = np.where(first < 0, np.nan, first)
    with np.errstate(invalid="ignore"):
        tpot = np.where(outputs > 1, (end - first) / np.maximum(outputs - 1, 1), np.nan)
    last = float(np.nanmax(end)) if np.isfinite(end).any() else 0.0
    span = max(traffic.window_s, last)
    kept = np.where(replica[:, loop.STATE] == loop.OFF, 0.0, span - clock[:, loop.STARTED])
    return Served(
        first - traffic.arrival_s, tpot, end, request[:, loop.REPLICA], request[:, loop.PREEMPTED],
        request[:, loop.CACHED], clock[:, loop.BUSY], clock[:, loop.PAID] + kept, span,
    )  # fmt: skip


def simulate_apart(traffic: Traffic, prefill: Fleet, decode: Fleet, transfer_s_per_token: float = 0.0) -> Served:
    """Prompts on one fleet, output on another (disaggregation): the context moves between them before it goes on.

    Time to first token is the prefill fleet's; ``replica`` and ``cached_tokens`` are those of the prompt.
    """
    one = np.ones(traffic.requests, np.int64)
    before = simulate(traffic.replaced(output_tokens=one), prefill)
    first = np.where(np.isnan(before.end_s), np.inf, before.end_s)
    moved = first + transfer_s_per_token * traffic.input_tokens
    order = np.argsort(moved, kind="stable")
    going = order[np.isfinite(moved[order]) & (traffic.output_tokens[order] > 1)]
    held = traffic.input_tokens[going]
    later = Traffic(
        traffic.name, moved[going], held, np.maximum(held - 1, 0), traffic.output_tokens[going] - 1, traffic.window_s
    )
    after = simulate(later, decode)
    end = before.end_s.copy()
    end[going] = after.end_s
    preempted = before.preempted.copy()
    preempted[going] += after.preempted
    tpot = np.full(traffic.requests, np.nan)
    tpot[going] = (end[going] - before.end_s[going]) / (traffic.output_tokens[going] - 1)
    lost = np.isnan(end)
    ttft = np.where(lost, np.nan, before.ttft_s)
    span = max(before.span_s, after.span_s)
    paid = np.concatenate([before.paid_s + span - before.span_s, after.paid_s + span - after.span_s])
    busy = np.concatenate([before.busy_s, after.busy_s])
    return Served(ttft, tpot, end, before.replica, preempted, before.cached_tokens, busy, paid, span)
