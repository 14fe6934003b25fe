"""Writes the example company into a folder: genuine source formats, and beside them the truth.

Real: arrival times and token counts (Azure LLM inference traces 2023). Simulated: everything else.
"""

from __future__ import annotations

from collections import defaultdict
from importlib import resources
from pathlib import Path

import numpy as np

from netyield.core.period import iso
from netyield.testing.example import bill as billing
from netyield.testing.example import gateway_logs, metrics, reckoning, worth
from netyield.testing.example.attempt import Attempt
from netyield.testing.example.bill_rows import Line
from netyield.testing.example.capacity import Track, tracks
from netyield.testing.example.outcome_log import write_outcomes
from netyield.testing.example.plan import END, PODS, POOLS, START
from netyield.testing.example.serving import EngineSeries, busy_ms, engine_series
from netyield.testing.example.traffic import Traffic, simulate
from netyield.testing.example.truth import Truth

LATE_FILE = "outcomes/late/outcomes-late.jsonl"


def generate(folder: Path, seed: int = 1) -> Truth:
    """Write bill/, metrics/, traffic/, outcomes/, netyield.toml, README.md and truth.json into ``folder``.

    The same seed gives the same bytes. About 30,000 attempts, 15 MB, a few seconds.
    """
    folder.mkdir(parents=True, exist_ok=True)
    traffic = simulate(seed)
    fleet, replicas = fleet_of(traffic, seed)
    bill = billing.lines(traffic.attempts)
    billing.write_bill(folder / "bill" / "focus_1.4.csv", bill)
    metrics.write_all(folder / "metrics", fleet, replicas)
    gateway_logs.write_all(folder, traffic.attempts)
    write_outcomes(folder / "outcomes" / "outcomes.jsonl", [o for o in traffic.outcomes if not o.late])
    write_outcomes(folder / LATE_FILE, [o for o in traffic.outcomes if o.late])
    for name in ("netyield.toml", "README.md"):
        text = resources.files("netyield.testing.example").joinpath("files", name).read_text(encoding="utf-8")
        (folder / name).write_text(text, encoding="utf-8")
    truth = truth_of(seed, traffic, fleet, bill)
    truth.write(folder / "truth.json")
    return truth


def fleet_of(traffic: Traffic, seed: int) -> tuple[list[Track], dict[int, EngineSeries]]:
    """What the devices did, and what each serving process (by place in PODS) counted."""
    served: dict[str, list[Attempt]] = defaultdict(list)
    for attempt in traffic.attempts:
        if attempt.occupies:
            served[attempt.replica].append(attempt)
    fleet = tracks({name: busy_ms(attempts) for name, attempts in served.items()}, np.random.default_rng(seed + 1))
    replicas = {
        number: engine_series(served[pod.name], pod.loaded) for number, pod in enumerate(PODS) if pod.use == "serving"
    }
    return fleet, replicas


def truth_of(seed: int, traffic: Traffic, fleet: list[Track], bill: list[Line]) -> Truth:
    """The whole truth of one company."""
    attempts = traffic.attempts
    pools = {own.name: reckoning.pool_truth(own, fleet, bill) for own in POOLS}
    api = reckoning.api_truth(attempts, bill)
    fixed = reckoning.fixed_steps(bill, pools, api)
    tokens: dict[str, int] = defaultdict(int)
    engines: dict[str, dict[str, int]] = defaultdict(lambda: {"prompt": 0, "generation": 0})
    counts: dict[str, int] = defaultdict(int)
    for attempt in attempts:
        counts["all"] += 1
        counts["self_hosted" if attempt.replica else "api"] += 1
        counts[attempt.status] += 1
        for _, name, count in attempt.lots(late=False):
            tokens[name] += count
        if attempt.replica:
            engines[attempt.replica]["prompt"] += attempt.prompt_tokens
            engines[attempt.replica]["generation"] += attempt.completion_tokens
    return Truth(
        seed,
        iso(START),
        iso(END),
        "USD",
        reckoning.bill_truth(bill),
        pools,
        api,
        dict(sorted(counts.items())),
        dict(sorted(tokens.items())),
        dict(engines),
        worth.verdicts(attempts, fleet, fixed, late=False),
        worth.verdicts(attempts, fleet, fixed, late=True),
        {
            "outcomes": len([o for o in traffic.outcomes if not o.late]),
            "late_outcomes": len([o for o in traffic.outcomes if o.late]),
        },
    )
