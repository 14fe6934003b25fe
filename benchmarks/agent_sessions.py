"""Agent-like sessions: tens of millions of block accesses with the shape of published agent traces.

Modelled on the figures of the kv-cache-tester traces (642 coding sessions, median first prompt 20,160 tokens, median last
one 115,008, 94 % of a session's tokens seen before, blocks of 64 tokens): every session begins with one of a few system
prompts with tools, each call extends the one before by what tools returned, now and then the context is compacted (a new
branch behind the system prompt), and sub-agents run beside with a prompt of their own. Sessions start at random over eight
hours, so that their calls interleave. All drawn from one seed.

    python benchmarks/agent_sessions.py [million accesses] [file.jsonl]      # prints the statistics; writes the file
"""

from __future__ import annotations

import sys
from pathlib import Path

import msgspec
import numpy as np

from netyield.core.compiled import compiled
from netyield.sources.traces.build import build
from netyield.sources.traces.columns import Columns, starts
from netyield.sources.traces.trace import Identity, Int32, Int64, Trace

BLOCK = 64  # tokens
SPAN_SECONDS = 8 * 3_600
SYSTEM_PROMPTS = 6  # versions of system prompt and tools that sessions share
SYSTEM_BLOCKS = 237  # 15,168 tokens
AGENT_BLOCKS = 120  # the system prompt of sub-agents
LARGEST = 3_000  # blocks at which a context is compacted
CALLS = 120  # of a session, on average (geometric)
SUB_AGENT = 0.02  # share of calls that start one
SUB_AGENT_CALLS = 12


def sessions(accesses: int, seed: int = 7) -> Trace:
    """A trace of at least so many block accesses."""
    draw = np.random.default_rng(seed)
    ids: list[Int64] = []
    counts: list[int] = []
    seconds: list[float] = []
    session: list[int] = []
    fresh = SYSTEM_PROMPTS * SYSTEM_BLOCKS + AGENT_BLOCKS
    made = number = 0
    while made < accesses:
        paths, times, fresh = _session(draw, fresh)
        begin = draw.uniform(0, SPAN_SECONDS)
        for path, time in zip(paths, times, strict=True):
            ids.append(path)
            counts.append(len(path))
            seconds.append(begin + time)
            session.append(number)
            made += len(path)
        number += 1
    return _trace(ids, counts, seconds, session, draw)


def _session(draw: np.random.Generator, fresh: int) -> tuple[list[Int64], list[float], int]:
    """The path of ids of each call of one session, its seconds from the start, and the next unused id."""
    system = int(draw.integers(SYSTEM_PROMPTS)) * SYSTEM_BLOCKS
    prefix = np.arange(system, system + SYSTEM_BLOCKS)
    size = int(draw.lognormal(np.log(80), 0.8)) + 1  # the task and its files
    own = np.arange(fresh, fresh + size)
    fresh += size
    paths, times, now = [], [], 0.0
    for _ in range(int(draw.geometric(1 / CALLS))):
        paths.append(np.concatenate([prefix, own]))
        times.append(now)
        if draw.random() < SUB_AGENT:
            agent, fresh = _sub_agent(draw, fresh)
            paths += agent
            times += (now + np.cumsum(draw.exponential(8, len(agent)))).tolist()
        now += float(draw.exponential(20)) + (float(draw.exponential(900)) if draw.random() < 0.05 else 0)
        grown = int(draw.lognormal(np.log(8), 1.1)) + 1
        own = np.concatenate([own, np.arange(fresh, fresh + grown)])
        fresh += grown
        if len(own) > LARGEST:  # compacted: a summary instead of what was said
            own = np.arange(fresh, fresh + 150)
            fresh += 150
    return paths, times, fresh


def _sub_agent(draw: np.random.Generator, fresh: int) -> tuple[list[Int64], int]:
    shared = SYSTEM_PROMPTS * SYSTEM_BLOCKS
    path = np.arange(shared, shared + AGENT_BLOCKS)
    paths = []
    for _ in range(int(draw.geometric(1 / SUB_AGENT_CALLS))):
        grown = int(draw.lognormal(np.log(12), 1.0)) + 1
        path = np.concatenate([path, np.arange(fresh, fresh + grown)])
        fresh += grown
        paths.append(path)
    return paths, fresh


def _trace(
    ids: list[Int64], counts: list[int], seconds: list[float], session: list[int], draw: np.random.Generator
) -> Trace:
    order = np.argsort(np.array(seconds), kind="stable")
    size = np.array(counts, np.int64)[order]
    who = np.array(session, np.int32)[order]
    columns = Columns(
        "agent_sessions",
        Identity.PREFIX,
        BLOCK,
        np.rint(np.array(seconds)[order] * 1e6).astype(np.int64),
        size * BLOCK - draw.integers(0, BLOCK, len(size)),
        draw.geometric(1 / 400, len(size)).astype(np.int64),
        starts(size),
        np.concatenate([ids[at] for at in order]),
        np.arange(1, len(size) + 1),
        np.zeros(len(size), np.int32),
        who,
        sessions=tuple(f"session {number}" for number in range(int(who.max()) + 1)),
    )
    return build(columns, "agent_sessions", "agent_sessions")


def write(trace: Trace, path: Path) -> None:
    """The trace as Mooncake writes traces."""
    times, inputs = (trace.arrival_us // 1_000).tolist(), trace.input_tokens.tolist()
    outputs, first = trace.output_tokens.tolist(), trace.first.tolist()
    with path.open("wb") as stream:
        for r, time in enumerate(times):
            ids = trace.nodes[first[r] : first[r + 1]].tolist()
            line = {"timestamp": time, "input_length": inputs[r], "output_length": outputs[r], "hash_ids": ids}
            stream.write(msgspec.json.encode(line) + b"\n")


def statistics(trace: Trace) -> str:
    """What decides the speed of a cache simulation: how much is shared, and in runs of which length."""
    runs, seen = _runs(trace.nodes, trace.first, trace.unique_blocks)
    blocks = np.diff(trace.first)
    return (
        f"{trace.accesses:,} block accesses of {trace.requests:,} requests in {len(trace.sessions):,} sessions; "
        f"{trace.unique_blocks:,} distinct blocks of {trace.block_size} tokens; "
        f"{blocks.mean():,.0f} blocks a request on average, {blocks.max():,} at most\n"
        f"shared prefix: {seen / trace.accesses:.2%} of accesses were seen before, in {runs:,} runs of one owner, "
        f"{seen / max(runs, 1):,.0f} blocks a run, {runs / trace.requests:.2f} runs a request"
    )


@compiled
def _runs(nodes: Int32, first: Int64, unique: int) -> tuple[int, int]:
    owner = np.full(unique, -1, np.int32)
    runs = 0
    seen = 0
    for r in range(len(first) - 1):
        before = -1
        for i in range(first[r], first[r + 1]):
            held = owner[nodes[i]]
            if held >= 0:
                seen += 1
                if held != before:
                    runs += 1
            before = held
            owner[nodes[i]] = r
    return runs, seen


def main() -> None:
    trace = sessions(int(float(sys.argv[1]) * 1e6) if len(sys.argv) > 1 else 90_000_000)
    print(statistics(trace))
    if len(sys.argv) > 2:
        write(trace, Path(sys.argv[2]))


if __name__ == "__main__":
    main()
