"""How much of each request does a cache of any size hold, when requests are spread over several caches?

One exact pass per *scope* (every replica's cache, every node's, one for all) gives the leading blocks of every request
at every capacity. Admission on the second touch is exact as well: a request's blocks that were never seen before are
a tail of its path, so the trace without first touches is a trace again, and its stack is that of a cache which only
takes blocks asked for before (with unlimited memory of what was asked for).
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np

from netyield.economics.kv.definition import Match
from netyield.economics.kv.replay import Policy, replayer
from netyield.economics.kv.runs import Runs, leading_blocks, request_ranks
from netyield.sources.traces.trace import Int32, Int64, Trace


@dataclass(frozen=True, slots=True)
class Stack:
    """The stacks of one scope: ``part`` of every request, ``parts`` caches of the same size.

    ``touches``: block accesses these caches see; without those their admission keeps out.
    """

    trace: Trace
    part: Int32
    parts: int
    runs: Runs
    touches: int
    seen: dict[int, Int64] = field(default_factory=dict)
    replayed: dict[tuple[str, int], Int64] = field(default_factory=dict)

    def leading(self, capacity_blocks: int) -> Int64:
        """Leading blocks of every request held by LRU caches of this capacity each."""
        if capacity_blocks not in self.seen:
            self.seen[capacity_blocks] = leading_blocks(self.runs, self.trace.requests, capacity_blocks)
        return self.seen[capacity_blocks]

    def leading_under(self, policy: Policy, capacity_blocks: int) -> Int64:
        """The same under another policy, replayed (each cache on its own)."""
        key = (str(policy), capacity_blocks)
        if key not in self.replayed:
            found = np.zeros(self.trace.requests, np.int64)
            for chosen, subset in _subsets(self.trace, self.part, self.parts):
                found[chosen] = replayer(subset, policy, Match.PREFIX)(capacity_blocks).leading
            self.replayed[key] = found
        return self.replayed[key]

    def inserted(self, leading: Int64) -> int:
        """Blocks written when every missing one is written: touches that found nothing."""
        return self.touches - int(leading.sum())


def stack_of(trace: Trace, part: Int32, parts: int, *, second_touch: bool = False, whole: Runs | None = None) -> Stack:
    """The stacks of caches that requests are spread over by ``part``; ``whole``: the ranks of one cache, when known."""
    runs = whole if parts == 1 and whole is not None else _runs_of(trace, part, parts)
    if not second_touch:
        return Stack(trace, part, parts, runs, trace.accesses)
    seen = leading_blocks(runs, trace.requests, trace.accesses + 1)
    shorter = _shortened(trace, seen)
    return Stack(shorter, part, parts, _runs_of(shorter, part, parts), shorter.accesses)


def _runs_of(trace: Trace, part: Int32, parts: int) -> Runs:
    if parts == 1:
        return request_ranks(trace)
    found = []
    for chosen, subset in _subsets(trace, part, parts):
        runs = request_ranks(subset)
        found.append(replace(runs, request=chosen[runs.request], owner=chosen[runs.owner]))
    return Runs(*(np.concatenate([getattr(runs, name) for runs in found]) for name in Runs.__slots__))


def _subsets(trace: Trace, part: Int32, parts: int) -> list[tuple[Int32, Trace]]:
    """The requests of each part, and the trace of them alone."""
    if parts == 1:
        return [(np.arange(trace.requests, dtype=np.int32), trace)]
    lengths = np.diff(trace.first)
    of_access = np.repeat(part, lengths)
    found = []
    for number in range(parts):
        chosen = np.flatnonzero(part == number).astype(np.int32)
        first = np.concatenate([np.zeros(1, np.int64), np.cumsum(lengths[chosen])])
        subset = replace(
            trace, first=first, nodes=trace.nodes[of_access == number], arrival_us=trace.arrival_us[chosen],
            input_tokens=trace.input_tokens[chosen], output_tokens=trace.output_tokens[chosen],
            block_tokens=trace.block_tokens[chosen], last_tokens=trace.last_tokens[chosen],
            tenant=trace.tenant[chosen], session=trace.session[chosen], content=None,
        )  # fmt: skip
        found.append((chosen, subset))
    return found


def _shortened(trace: Trace, keep: Int64) -> Trace:
    """The trace with only the first ``keep`` blocks of each request."""
    lengths = np.diff(trace.first)
    depth = np.arange(trace.accesses) - np.repeat(trace.first[:-1], lengths)
    nodes = trace.nodes[depth < np.repeat(keep, lengths)]
    first = np.concatenate([np.zeros(1, np.int64), np.cumsum(keep)])
    return replace(trace, first=first, nodes=nodes, content=None)
