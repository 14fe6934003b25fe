"""How many requests does the serving simulator carry in a CPU-minute, at iteration level on eight replicas?

The recorded hour of chat (Azure 2023, shipped with the tests) sped up to a load of eight full replicas of which eleven keep
the objective, and repeated to a few million requests. CPU-seconds, user and system, after compilation; best of three.

    python benchmarks/bench_serving.py [million requests]
"""

from __future__ import annotations

import resource
import sys
from pathlib import Path

import numpy as np

from netyield.economics.serving.fleet import Fleet
from netyield.economics.serving.scenarios import sped_up
from netyield.economics.serving.simulator import simulate
from netyield.economics.serving.step_time import linear
from netyield.economics.serving.traffic import Traffic, of_trace
from netyield.sources.traces.read import read_trace

AIM = 6e6
TRACE = Path(__file__).parents[1] / "tests" / "data" / "serving" / "azure2023_AzureLLMInferenceTrace_conv.csv.gz"
STEP = linear(23.0e-3, 0.0673e-3, 2.27e-8, 0.0411e-3)


def cpu_seconds() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def repeated(traffic: Traffic, times: int) -> Traffic:
    """The recording again and again."""
    shift = np.repeat(np.arange(times) * traffic.window_s, traffic.requests)
    columns = {
        name: np.tile(getattr(traffic, name), times) for name in ("input_tokens", "cached_tokens", "output_tokens")
    }
    tree = type(traffic.tree)(
        np.zeros(times * traffic.requests + 1, np.int64), traffic.tree.nodes, traffic.tree.tokens, 0
    )
    arrival = np.tile(traffic.arrival_s, times) + shift
    return traffic.replaced(arrival_s=arrival, window_s=times * traffic.window_s, tree=tree, **columns)


def main(million: float = 2.0) -> bool:
    """Print the rates; is the aim reached?"""
    recorded = of_trace(read_trace(TRACE))
    rate = STEP.requests_per_second(float(recorded.input_tokens.mean()), float(recorded.output_tokens.mean()), 128)
    slowest = float("inf")
    for load in (2.0, 6.0):
        faster = sped_up(recorded, load * rate / recorded.requests_per_second)
        simulate(faster, Fleet(STEP, 8, 10**9))
        many = repeated(faster, max(1, round(million * 1e6 / recorded.requests)))
        costs = []
        for _ in range(3):
            start = cpu_seconds()
            simulate(many, Fleet(STEP, 8, 10**9))
            costs.append(cpu_seconds() - start)
        speed = many.requests / min(costs) * 60
        slowest = min(slowest, speed)
        print(
            f"8 replicas at a load of {load:g}: {many.requests:,} requests {min(costs):7.2f} CPU-s {speed / 1e6:8.1f} M a CPU-minute"
        )
    reached = slowest >= AIM
    print(f"aim: {AIM / 1e6:.0f} M requests a CPU-minute: {'reached' if reached else 'not reached'}")
    return reached


if __name__ == "__main__":
    sys.exit(0 if main(*map(float, sys.argv[1:])) else 1)
