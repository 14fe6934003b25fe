"""How fast are requests priced, apportioned and judged, and in how much memory? CPU-seconds of the process, per pass, on one thread.

The workload (workload.py): 4 token classes, 50 models, 200 replicas, 30 % with outcomes, 2 % retries, all on GPUs; day by
day, as the product works. Beside the passes stands the plain scan of the same Parquet columns, the physical limit.

    python benchmarks/bench_requests.py [days]      # 1.67 million requests a day; 30 days are 50 million
"""

from __future__ import annotations

import resource
import sys
from collections.abc import Callable

import numpy as np
import pyarrow as pa
from workload import DAY, REPLICAS, SINCE, Workload, priced_models, replica, workload

from netyield.attribution import attempts, coverage, pricing, serving
from netyield.attribution.attempts import CLASSES
from netyield.attribution.settings import AttributionSettings
from netyield.core.contract import contract
from netyield.core.period import Period, micros
from netyield.sources.prices.genai_catalogue import catalogue_table
from netyield.sources.prices.model_match import resolve_models
from netyield.store.engine import Engine
from netyield.store.reused import KEEP_BYTES, ReusedEngine
from netyield.usefulness import judge, leaves
from netyield.usefulness.policy import UsefulnessSettings

SLOT_US = 300_000_000
PASSES = ("load", "apportion", "price", "judge")


def cpu_seconds() -> float:
    """User and system time of this process, all threads."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def peak_gib() -> float:
    """The most memory this process ever held, in GiB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1 << 20)


class Clock:
    """CPU-seconds per pass, added up over days."""

    def __init__(self) -> None:
        self.spent = dict.fromkeys(PASSES, 0.0)

    def take(self, name: str, work: Callable[[], object]) -> None:
        """Run one pass and add what it cost."""
        start = cpu_seconds()
        work()
        self.spent[name] += cpu_seconds() - start


def scan(books: Workload) -> float:
    """CPU-seconds of reading and adding up the token columns of every request."""
    engine = Engine(threads=1)
    engine.parquet("attempts", "attempts", books.folder.paths(books.folder.manifest().of("attempts")))
    start = cpu_seconds()
    engine.query("SELECT SUM(in_uncached), SUM(in_cache_read), SUM(out_text), SUM(out_reasoning), COUNT(model) FROM attempts")
    spent = cpu_seconds() - start
    engine.close()
    return spent


def day_engine() -> ReusedEngine:
    """The engine of one day after the other, as the product has it, on one thread."""
    return ReusedEngine(lambda: Engine(threads=1, keep_bytes=KEEP_BYTES))


def one_day(books: Workload, number: int, clock: Clock, prices: pa.Table, resolved: pa.Table, reused: ReusedEngine) -> None:
    """All passes over one day; checks that the day's money is conserved."""
    with reused.emptied() as engine:
        _passes(engine, books, number, clock, prices, resolved)


def _passes(engine: Engine, books: Workload, number: int, clock: Clock, prices: pa.Table, resolved: pa.Table) -> None:
    segment = Period(SINCE + number * DAY, SINCE + (number + 1) * DAY)
    settings = AttributionSettings()
    clock.take("load", lambda: load(engine, books, segment))
    clock.take("apportion", lambda: serving.weigh(engine, settings))
    clock.take("apportion", lambda: serving.cut_attempts(engine, settings))
    engine.keep("slot_money", _SLOT_MONEY)
    clock.take("apportion", lambda: serving.split_slots(engine, settings.slot_seconds))
    clock.take("price", lambda: pricing.price(engine, "all_attempts", prices, "priced_all", resolved, "price_words"))
    engine.keep("priced", "SELECT *, CAST(NULL AS VARCHAR) AS reason FROM priced_all WHERE FALSE")
    clock.take("judge", lambda: judge.run(engine, UsefulnessSettings(), [], segment.since.date()))
    # One scan gives every attempt its verdict and its share of the money, and adds both up to leaves.
    clock.take("judge", lambda: _leaves(engine, segment))
    given = engine.scalar("SELECT total(pico) FROM slot_money WHERE slot_id IN (SELECT slot_id FROM slot_weights)")
    held = engine.scalar("SELECT total(pico) FROM all_leaves")
    if given != held:
        message = f"{given} pico-units went in and {held} came out"
        raise SystemExit(message)


def _leaves(engine: Engine, segment: Period) -> None:
    coverage.mark(engine, coverage.ApiBills({}), {})
    leaves.run(engine, segment, "USD")
    engine.keep("all_leaves", "SELECT * FROM leaves_attempts")


# Every replica is active in every slot, at a price that differs by slot.
_SLOT_MONEY = f"""
SELECT serving_id * 100000000 + slot_us // {SLOT_US} AS slot_id, 'bill' AS line_id,
       CAST(166666666666 + (serving_id * 7919 + slot_us // {SLOT_US}) % 1000000007 AS BIGINT) AS pico,
       CAST({SLOT_US} AS BIGINT) AS gpu_us, 0 AS prefill_share, 0 AS phase_whole
FROM servings, grid
"""


def load(engine: Engine, books: Workload, segment: Period) -> None:
    """The day's requests as integers, mapped to their replicas."""
    lo, hi = micros(segment.since), micros(segment.until)
    for table in ("attempts", "outcomes"):
        found = books.folder.segments(books.folder.manifest(), table, segment.since, segment.until)
        engine.parquet(table, table, books.folder.paths(found))
    starts = np.arange(lo, hi, SLOT_US)
    engine.register("grid", pa.table({"slot_us": starts, "a": starts, "b": starts + SLOT_US}))
    engine.register("engine_samples", contract("engine_samples").schema.empty_table())
    engine.keep("state_slots", "SELECT '' AS owner, 0 AS slot_us, 0 AS us, 'active' AS state WHERE FALSE")
    owners = [("h100", f"serve/{replica(number)}") for number in range(REPLICAS)]
    attempts.load(engine, [], owners, ["h100"])
    engine.keep(
        "servings",
        "SELECT DISTINCT serving_id, resolved_pool AS pool, serving FROM attempt_map WHERE serving_id IS NOT NULL",
    )
    facts = {"line_id": ["bill"], "scope": ["gpu"], "provider": ["AWS"], "service": ["EC2"], "account": ["1"], "evidence": ["measured"]}
    engine.register("line_facts", pa.table(facts))
    classes = ", ".join(CLASSES)
    engine.run(
        "CREATE OR REPLACE TEMP VIEW all_attempts AS SELECT attempt_id, t AS time_us, words_id, "
        f"1 AS calls, {classes} FROM attempts_in"
    )


def main(days: int = 3) -> dict[str, float]:
    """Run and print; returns the figures."""
    books = workload(days)
    prices, resolved = catalogue_table(), resolve_models(priced_models())
    clock = Clock()
    with day_engine() as reused:
        for number in range(days):
            one_day(books, number, clock, prices, resolved, reused)
    limit = scan(books)
    whole = sum(clock.spent.values())
    work = whole - clock.spent["load"]
    print(f"requests                      {books.requests:>14,}")
    for name, spent in clock.spent.items():
        print(f"  {name:<28}{spent:>10.2f} CPU-s {books.requests / spent / 1e6:>8.2f} M requests/CPU-s")
    rate = books.requests / work / 1e6
    print(f"price + apportion + judge     {work:>10.2f} CPU-s {rate:>8.2f} M requests/CPU-s, with the roll-up to leaves")
    print(f"the same with the load        {whole:>10.2f} CPU-s {books.requests / whole / 1e6:>8.2f} M requests/CPU-s")
    print(f"plain Parquet scan            {limit:>10.2f} CPU-s {books.requests / limit / 1e6:>8.2f} M requests/CPU-s, the physical limit")
    print(f"peak memory                   {peak_gib():>10.2f} GiB")
    return {
        "requests": books.requests, "m_requests_per_cpu_second": rate, "with_load": books.requests / whole / 1e6,
        "scan": books.requests / limit / 1e6, "peak_gib": peak_gib(),
    }


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 3)
