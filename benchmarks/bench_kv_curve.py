"""How many block accesses per CPU-second does the whole exact hit curve take, beside one capacity by each peer?

The trace: agent-like sessions (agent_sessions.py). Ours answers every capacity at once, the peers one. CPU-seconds (user
and system, all threads), best of three for ours, once for the peers; loops are compiled before. Reading is left out for all
(bench_kv_reading.py): kvcache-simulator's time is that of its compiled core alone, libCacheSim's that of process_trace.
The peers replay the same trace, or its first requests; their hits are compared with ours.

    python benchmarks/bench_kv_curve.py [million accesses] [million accesses for the peers]
"""

from __future__ import annotations

import resource
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import agent_sessions
import numpy as np
from peers import peer_python, run_peer

from netyield.economics.kv.curve import lru_curve
from netyield.economics.kv.definition import Definition, Match, Weight
from netyield.economics.kv.parts import part
from netyield.economics.kv.replay import REPLAYED, Policy, replayer
from netyield.economics.kv.replay import hits as counted
from netyield.sources.traces.trace import Trace

AIM, TIMES_FASTER = 150e6, 50
PEER_MILLION = 90.0  # the same trace; about a minute and 2 GB of disk
PLAIN = Definition(warmup=0, weight=Weight.BLOCKS, match=Match.ANY)
RECORD = np.dtype([("time", "<u4"), ("id", "<u8"), ("size", "<u4"), ("next", "<i8")])  # libCacheSim's oracleGeneral


def cpu_seconds() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def best(work: Callable[[], object], repeats: int = 3) -> float:
    costs = []
    for _ in range(repeats):
        start = cpu_seconds()
        work()
        costs.append(cpu_seconds() - start)
    return min(costs)


def main(million: float = 90, peer_million: float = PEER_MILLION) -> bool:
    """Print the rates; are the aims reached?"""
    warm = agent_sessions.sessions(50_000)
    trace = agent_sessions.sessions(int(million * 1e6))
    print(agent_sessions.statistics(trace))
    lru_curve(warm, Definition())
    rate = _line("whole exact LRU curve, every capacity", trace, best(lambda: lru_curve(trace, Definition())))
    _replays(warm, trace)
    reached = rate >= AIM
    print(f"aim: {AIM / 1e6:.0f} M accesses per CPU-second: {'reached' if reached else 'not reached'}")
    return _peers(first_accesses(trace, int(peer_million * 1e6)), rate) and reached


def first_accesses(trace: Trace, accesses: int) -> Trace:
    """The first requests that make so many accesses."""
    return trace if accesses >= trace.accesses * 0.999 else part(trace, trace.first[1:] <= accesses)


def _line(name: str, trace: Trace, cost: float) -> float:
    print(f"{name:<52}{cost:9.3f} CPU-s {trace.accesses / cost / 1e6:9.2f} M accesses per CPU-second")
    return trace.accesses / cost


def _replays(warm: Trace, trace: Trace) -> None:
    capacity = trace.unique_blocks // 10
    for policy, match in [(Policy.LRU, Match.PREFIX), (Policy.OPT, Match.PREFIX), *((p, Match.ANY) for p in REPLAYED)]:
        replayer(warm, policy, match)(100)
        run = replayer(trace, policy, match)
        kind = "tree" if match is Match.PREFIX else "single blocks"
        _line(f"one capacity by replay: {policy.value}, {kind}", trace, best(lambda run=run: run(capacity), 1))


def _peers(trace: Trace, rate: float) -> bool:
    """Each peer at one capacity, its hits against ours; are ours enough times faster?"""
    python = peer_python()
    if python is None:
        return False
    capacity = trace.unique_blocks // 10
    print(f"peers, one capacity ({capacity:,} blocks), the first {trace.accesses:,} accesses:")
    own = _line("whole exact LRU curve of the same", trace, best(lambda: lru_curve(trace, Definition())))
    enough = True
    with tempfile.TemporaryDirectory() as folder:
        for name, work, ours in (
            ("kvcache-simulator 0.1.3, LRU", _kvcache_simulator, lru_curve(trace, Definition()).hit_tokens(capacity)),
            ("libCacheSim 0.3.5, LRU over single blocks", _libcachesim, _flat_ratio(trace, capacity)),
        ):
            found = work(python, Path(folder), trace, capacity)
            if found is None:
                enough = False
                continue
            cost, hits = found
            peer = _line(name, trace, cost)
            agrees = abs(hits - ours) <= (5e-7 if isinstance(ours, float) else 0)
            faster = min(own, rate) / peer
            print(f"    hits {hits} against {ours}: {'equal' if agrees else 'DIFFERENT'}; ours is {faster:,.0f} times faster")
            enough = enough and agrees and faster >= TIMES_FASTER
    print(f"aim: {TIMES_FASTER} times both peers: {'reached' if enough else 'not reached'}")
    return enough


def _flat_ratio(trace: Trace, capacity: int) -> float:
    return counted(trace, Policy.LRU, capacity, replayer(trace, Policy.LRU, Match.ANY)(capacity), PLAIN).ratio


def _kvcache_simulator(python: Path, folder: Path, trace: Trace, capacity: int) -> tuple[float, float] | None:
    blocks = np.diff(trace.first)
    tokens = np.repeat(trace.block_tokens, blocks)
    tokens[trace.first[1:] - 1] = trace.last_tokens
    trace.nodes.astype("<u4").tofile(folder / "ids.u32")
    tokens.astype("<u2").tofile(folder / "tokens.u16")
    trace.first[1:].astype("<u4").tofile(folder / "ends.u32")
    found = run_peer(python, "kvcache_simulator_lru.py", folder, trace.requests, trace.accesses, capacity)
    return None if found is None else (found["cpu_seconds"], found["hit_tokens"])


def _libcachesim(python: Path, folder: Path, trace: Trace, capacity: int) -> tuple[float, float] | None:
    path = folder / "trace.oracleGeneral"
    records = np.zeros(trace.accesses, RECORD)
    records["id"], records["size"], records["next"] = trace.nodes.astype(np.uint64) + 1, 1, -1
    records["time"] = np.repeat(trace.arrival_us // 1_000_000, np.diff(trace.first))
    records.tofile(path)
    found = run_peer(python, "libcachesim_lru.py", path, capacity)
    path.unlink()
    return None if found is None else (found["cpu_seconds"], found["hit_ratio"])


if __name__ == "__main__":
    words = sys.argv[1:]
    size = float(words[0]) if words else 90.0
    beside = float(words[1]) if len(words) > 1 else PEER_MILLION
    sys.exit(0 if main(size, beside) else 1)
