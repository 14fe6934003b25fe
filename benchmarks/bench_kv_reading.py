"""How many block accesses of a trace file are read per CPU-second, the first time and from the cached columnar form?

The trace: agent-like sessions (agent_sessions.py), written as Mooncake JSON Lines. CPU-seconds (user + system, all threads)
of this process. Loops are compiled before (that happens once per machine; its cost is printed). First time means: from the
bytes of the file to the checked prefix tree. Beside it stand the general reader and Python's json on the first lines.

    python benchmarks/bench_kv_reading.py [million accesses]      # 90 by default: 700 MB on disk, 4 GB of memory
"""

from __future__ import annotations

import json
import resource
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import agent_sessions
import numpy as np

from netyield.sources.traces import cached, prefix_jsonl
from netyield.sources.traces.build import build
from netyield.sources.traces.read import read_trace
from netyield.sources.traces.trace import Trace

FIRST_AIM, CACHED_AIM = 5e6, 50e6
HEAD_BYTES = 64 << 20
Result = TypeVar("Result")


def cpu_seconds() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def measured(work: Callable[[], Result]) -> tuple[Result, float]:
    start = cpu_seconds()
    result = work()
    return result, cpu_seconds() - start


def same(one: Trace, two: Trace) -> bool:
    names = ("nodes", "first", "parent", "input_tokens", "output_tokens", "block_tokens", "last_tokens")
    return all(np.array_equal(getattr(one, name), getattr(two, name)) for name in names)


def main(million: float = 90) -> bool:
    """Print the rates; are the aims reached?"""
    made, cost = measured(lambda: agent_sessions.sessions(int(million * 1e6)))
    print(agent_sessions.statistics(made))
    print(f"{'generated in':<44}{cost:8.1f} CPU-s")
    with tempfile.TemporaryDirectory() as folder:
        path, cache = Path(folder) / "agents.jsonl", Path(folder) / "cache"
        agent_sessions.write(made, path)
        print(f"{'size of the file':<44}{path.stat().st_size / 1e6:8,.0f} MB")
        _, cost = measured(lambda: prefix_jsonl.parse(b"{}", "x", scanned=True))
        print(f"{'scanner compiled or loaded in':<44}{cost:8.1f} CPU-s")
        first, cost = measured(lambda: read_trace(path))
        first_rate = _line("first time", first.accesses, cost)
        _beside(path)
        kept, cost = measured(lambda: read_trace(path, cache=cache))
        _line("first time, columnar form written", kept.accesses, cost)
        again, cost = measured(lambda: read_trace(path, cache=cache))
        assert again.notes[-1].startswith("read from its cached columnar form")
        cached_rate = _line("from the columnar form, file just written", again.accesses, cost)
        cached.SETTLED_NS = -1
        next(cache.iterdir()).unlink()
        read_trace(path, cache=cache)
        again, cost = measured(lambda: read_trace(path, cache=cache))
        settled_rate = _line("from the columnar form, file settled", again.accesses, cost)
        assert same(first, made)
        assert same(again, made)
    reached = first_rate >= FIRST_AIM and min(cached_rate, settled_rate) >= CACHED_AIM
    print(f"aims: {FIRST_AIM / 1e6:.0f} M the first time, {CACHED_AIM / 1e6:.0f} M from the columnar form: "
          + ("reached" if reached else "not reached"))
    return reached


def _line(name: str, accesses: int, cost: float) -> float:
    print(f"{name:<44}{cost:8.2f} CPU-s {accesses / cost / 1e6:8.1f} M accesses per CPU-second")
    return accesses / cost


def _beside(path: Path) -> None:
    with path.open("rb") as stream:
        head = stream.read(HEAD_BYTES)
    head = head[: head.rfind(b"\n") + 1]
    trace, cost = measured(lambda: build(prefix_jsonl.parse(head, "x", scanned=False), "x", "x"))
    _line("general reader (msgspec), first 64 MB", trace.accesses, cost)
    _, cost = measured(lambda: [np.array(json.loads(line)["hash_ids"]) for line in head.splitlines()])
    _line("json and numpy, lists only, first 64 MB", trace.accesses, cost)


if __name__ == "__main__":
    sys.exit(0 if main(float(sys.argv[1]) if len(sys.argv) > 1 else 90) else 1)
