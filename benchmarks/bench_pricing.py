"""How fast is pricing by a join, against one library call per event and against just reading the file?

Workload: 4 token classes, 50 models of the catalogue that have dates, tiers or tariffs where it has such, 30 days,
20 % batch. CPU-seconds (user + system, all threads) of this process; best of three runs. The plain Parquet scan sums
the same four columns: no engine prices faster than it reads.

    python benchmarks/bench_pricing.py [events] [library calls]
"""

from __future__ import annotations

import resource
import sys
import tempfile
from collections.abc import Callable
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

import genai_prices
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from netyield.attribution.price_sheets import TOKEN_CLASSES
from netyield.attribution.pricing import price
from netyield.core.money import round_half_up
from netyield.core.period import from_micros, micros
from netyield.sources.prices.genai_catalogue import CONTEXTS, catalogue_rows, catalogue_table
from netyield.sources.prices.model_match import resolve_model, resolve_models
from netyield.store.engine import Engine

USED = ("in_uncached", "in_cache_read", "out_text", "out_reasoning")
SINCE = micros(datetime(2026, 10, 1, tzinfo=UTC))
THIRTY_DAYS_US = 30 * 86_400_000_000
ROW_GROUP = 122_880


def cpu_seconds() -> float:
    """User and system time of this process so far."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def best(work: Callable[[], object], repeats: int = 3) -> float:
    """CPU-seconds of the cheapest run."""
    costs = []
    for _ in range(repeats):
        start = cpu_seconds()
        work()
        costs.append(cpu_seconds() - start)
    return min(costs)


def models() -> list[tuple[str, str]]:
    """50 models of large providers, those with the most price sheets first, whose own id finds them."""
    sheets: dict[tuple[str, str], int] = {}
    for row in catalogue_rows():
        if row.provider in ("openai", "anthropic", "google", "deepseek", "mistral") and "/" not in row.model:
            sheets[row.key] = sheets.get(row.key, 0) + 1
    ranked = sorted(sheets, key=lambda key: (-sheets[key], key))
    return [key for key in ranked if resolve_model(*key) == key][:50]


def write_events(path: Path, events: int) -> None:
    """Attempts as a segment holds them; unused classes are null."""
    draw = np.random.default_rng(2)
    chosen = models()
    which = pa.array(draw.integers(0, len(chosen), events), pa.int32())
    batch = pa.array((draw.random(events) < 0.2).astype(np.int32))

    def names(values: list[str], index: pa.Array) -> pa.Array:
        return pa.DictionaryArray.from_arrays(index, pa.array(values)).cast(pa.string())

    columns: dict[str, pa.Array] = {
        "attempt_id": pa.array(np.arange(events)),
        "time_us": pa.array(np.sort(SINCE + draw.integers(0, THIRTY_DAYS_US, events))),
        "provider": names([provider for provider, _ in chosen], which),
        "model": names([model for _, model in chosen], which),
        "tariff": names(["standard", "batch"], batch),
        "calls": pa.nulls(events, pa.int64()),
    }
    for name in TOKEN_CLASSES:
        columns[name] = pa.nulls(events, pa.int64())
    for name, most in zip(USED, (8_000, 60_000, 1_500, 3_000), strict=True):
        columns[name] = pa.array(draw.integers(0, most, events))
    pq.write_table(pa.table(columns), path, compression="zstd", row_group_size=ROW_GROUP)


def by_library(rows: list[dict[str, object]]) -> list[int]:
    """Each event's cost in pico-units by a call of genai-prices."""
    costs = []
    for row in rows:
        new, cached, text, reasoning = (int(str(row[name])) for name in USED)
        usage = genai_prices.Usage(
            input_tokens=new + cached, cache_read_tokens=cached, output_tokens=text + reasoning,
            output_reasoning_tokens=reasoning,
        )
        found = genai_prices.calc_price(
            usage, str(row["model"]), provider_id=str(row["provider"]),
            genai_request_timestamp=from_micros(int(str(row["time_us"]))), price_context=CONTEXTS[str(row["tariff"])],
        )
        top, bottom = found.total_price.as_integer_ratio()
        costs.append(round_half_up(top * 10**12, bottom))
    return costs


def main(events: int = 5_000_000, calls: int = 10_000) -> None:
    """Run and print the table."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "attempts.parquet"
        write_events(path, events)
        engine = Engine()
        engine.run(f"CREATE VIEW attempts AS SELECT * FROM read_parquet('{path}')")
        prices = catalogue_table()
        resolved = resolve_models(models())
        sums = ", ".join(f"SUM({name})" for name in USED)
        scan = best(lambda: engine.query(f"SELECT {sums} FROM attempts"))
        joined = best(lambda: price(engine, "attempts", prices, "priced", resolved))
        first = engine.query(f"SELECT * FROM attempts ORDER BY attempt_id LIMIT {calls}").to_pylist()
        by_library(first[:200])  # its matcher and data are loaded once
        costs: list[int] = []
        called = best(lambda: costs.extend(by_library(first)), repeats=1)
        ours = engine.query(f"SELECT cost_pico FROM priced ORDER BY attempt_id LIMIT {calls}")["cost_pico"].to_pylist()
        engine.close()
    assert ours == costs, "the two methods disagree"
    rates = {
        "Parquet scan, four columns summed": events / scan,
        "Netyield: price() from Parquet to a table": events / joined,
        "genai-prices: calc_price per event": calls / called,
    }
    slowest = min(rates.values())
    print(f"duckdb {version('duckdb')}, pyarrow {version('pyarrow')}, genai-prices {version('genai-prices')},"
          f" Python {sys.version.split()[0]}; {events:,} events, {calls:,} library calls, costs equal")
    print(f"{'method':45} {'events per CPU-second':>22} {'ratio':>10}")
    for name, rate in rates.items():
        print(f"{name:45} {rate:22,.0f} {rate / slowest:10,.0f}")


if __name__ == "__main__":
    main(*(int(argument) for argument in sys.argv[1:]))
