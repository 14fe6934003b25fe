"""The request workload of the benchmark, as segments the ledger would hold: 30 days of one company, all on GPUs.

50 models of the price catalogue, each served by 4 replicas (200 GPUs), 4 token classes, 30 % of the requests with an
outcome, 2 % retries (half name the attempt they replace, half share a logical request). 40 apps of 10 teams, each app
with two models; a quarter of the apps is used by 20 customers. Request keys are UUIDs. Written once, used again.
"""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from netyield.attribution.price_sheets import TOKEN_CLASSES
from netyield.core.contract import contract
from netyield.core.event_number import event_numbers
from netyield.core.period import micros
from netyield.sources.prices.genai_catalogue import catalogue_rows
from netyield.sources.prices.model_match import resolve_model
from netyield.store.folder import Folder

SINCE = datetime(2026, 10, 1, tzinfo=UTC)
DAY = timedelta(days=1)
DAY_US = 86_400_000_000
ROWS_PER_DAY = 1_666_667  # 50 million in 30 days
VERSION = 2  # of this file's data: another number makes another folder
MODELS, REPLICAS, APPS, TEAMS, CUSTOMERS = 50, 200, 40, 10, 20
USED = ("in_uncached", "in_cache_read", "out_text", "out_reasoning")
WITH_OUTCOME, RETRIES = 0.30, 0.02

Ints = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Workload:
    """A folder with books of ``days`` days of ``rows`` requests each."""

    folder: Folder
    days: int
    rows: int

    @property
    def requests(self) -> int:
        """All requests of it."""
        return self.days * self.rows


def priced_models(count: int = MODELS) -> list[tuple[str, str]]:
    """(provider, model) of large providers, those with the most price sheets first, whose own id finds them."""
    sheets: dict[tuple[str, str], int] = {}
    for row in catalogue_rows():
        if row.provider in ("openai", "anthropic", "google", "deepseek", "mistral") and "/" not in row.model:
            sheets[row.key] = sheets.get(row.key, 0) + 1
    ranked = sorted(sheets, key=lambda key: (-sheets[key], key))
    return [key for key in ranked if resolve_model(*key) == key][:count]


def replica(number: int) -> str:
    """The name of a replica; replica n serves model n modulo 50."""
    return f"llm-{number:03d}"


def workload(days: int, rows: int = ROWS_PER_DAY, place: Path | None = None) -> Workload:
    """The books, made when they are not there yet. ``place``: default in the folder for temporary files."""
    root = (place or Path(tempfile.gettempdir()) / "netyield-bench") / f"v{VERSION}-{_schemas()}-{days}x{rows}"
    if not (root / "complete").exists():
        root.mkdir(parents=True, exist_ok=True)
        folder = Folder.create(root)
        names = priced_models()
        with folder.writer() as writer:
            for day in range(days):
                attempts, outcomes = _day(day, rows, names)
                writer.write_segments("attempts", attempts, "bench", recorded_at=SINCE)
                writer.write_segments("outcomes", outcomes, "bench", recorded_at=SINCE)
            writer.commit(recorded_at=SINCE)
        (root / "complete").touch()
    return Workload(Folder.open(root), days, rows)


def _schemas() -> str:
    """Books written under other table contracts are not these books."""
    text = "\n".join(contract(name).schema.to_string() for name in ("attempts", "outcomes"))
    return hashlib.sha256(text.encode()).hexdigest()[:8]


def _day(day: int, rows: int, names: Sequence[tuple[str, str]]) -> tuple[pa.Table, pa.Table]:
    draw = np.random.default_rng([2, day])
    start = micros(SINCE + day * DAY)
    times = np.sort(start + draw.integers(0, DAY_US, rows))
    keys = _uuids(draw, rows)
    columns = _request_columns(draw, rows, names) | _counts(draw, rows) | _ends(draw, times) | _links(draw, keys)
    columns |= {"event_time": _time(times), "event_key": keys, "request_id": keys, "response_id": _uuids(draw, rows)}
    columns["attempt_id"] = event_numbers("gateway", keys)
    return _filled("attempts", columns, rows), _outcomes(draw, times, keys, columns["attempt_id"])


def _request_columns(draw: np.random.Generator, rows: int, names: Sequence[tuple[str, str]]) -> dict[str, pa.Array]:
    app = draw.integers(0, APPS, rows)
    model = (app * 2 + draw.integers(0, 2, rows)) % MODELS
    # The 50 models of 40 apps with two each are 0..79 modulo 50; a replica serves one of them.
    server = model + MODELS * draw.integers(0, REPLICAS // MODELS, rows)
    customer = np.where(app % 4 == 0, 1 + draw.integers(0, CUSTOMERS, rows), 0)
    status = np.searchsorted([0.95, 0.98], draw.random(rows))
    finish = np.searchsorted([0.6, 0.95, 0.96], draw.random(rows))
    return {
        "provider": _words([p for p, _ in names], model), "model": _words([m for _, m in names], model),
        "pool": _words(["h100"], np.zeros(rows, np.int64)), "replica": _words([replica(n) for n in range(REPLICAS)], server),
        "app": _words([f"app-{n:02d}" for n in range(APPS)], app), "team": _words([f"team-{n}" for n in range(TEAMS)], app % TEAMS),
        "customer": _words(["", *(f"customer-{n:02d}" for n in range(CUSTOMERS))], customer, null=0),
        "operation": _words(["chat"], np.zeros(rows, np.int64)), "status": _words(["ok", "aborted", "error"], status),
        "finish_reason": _words(["stop", "tool_calls", "content_filter", "length"], finish),
        "tariff": _words(["standard"], np.zeros(rows, np.int64)),
        "provenance": _words(["provider_reported"], np.zeros(rows, np.int64)),
    }


def _counts(draw: np.random.Generator, rows: int) -> dict[str, pa.Array]:
    counted = {
        name: draw.integers(0, most, rows)
        for name, most in zip(USED, (4_000, 8_000, 1_000, 1_500), strict=True)
    }
    delivered = pa.array(counted["out_text"] // 2, mask=draw.random(rows) > 0.03)
    none = pa.nulls(rows, pa.int64())
    return {
        **{name: none for name in TOKEN_CLASSES}, **{name: pa.array(counts) for name, counts in counted.items()},
        "delivered_output_tokens": delivered, "version": pa.array(np.ones(rows, np.int64)),
    }


def _ends(draw: np.random.Generator, times: Ints) -> dict[str, pa.Array]:
    """Requests last 12 seconds on average: one in 25 runs on into the next five minutes."""
    return {"end_time": _time(times + draw.exponential(12_000_000, len(times)).astype(np.int64))}


def _links(draw: np.random.Generator, keys: pa.Array) -> dict[str, pa.Array]:
    """Retries: of 2 % of the rows a request up to 200 rows earlier was retried, told one way or the other."""
    rows = len(keys)
    later = np.sort(draw.choice(np.arange(200, rows), int(rows * RETRIES), replace=False))
    named, grouped = later[::2], later[1::2]
    earlier = named - draw.integers(1, 200, len(named))
    retry_of = np.full(rows, -1, np.int64)
    retry_of[named] = earlier
    logical, number = np.full(rows, -1, np.int64), np.ones(rows, np.int64)
    first = grouped - draw.integers(1, 200, len(grouped))
    logical[first], logical[grouped], number[grouped] = first, first, 2
    return {
        "retry_of": keys.take(pa.array(retry_of, mask=retry_of < 0)),
        "logical_request_id": keys.take(pa.array(logical, mask=logical < 0)), "attempt_number": pa.array(number),
    }


def _outcomes(draw: np.random.Generator, times: Ints, keys: pa.Array, numbers: pa.Array) -> pa.Table:
    """Of 30 % of the requests somebody said something, minutes later."""
    chosen = np.flatnonzero(draw.random(len(keys)) < WITH_OUTCOME)
    count = len(chosen)
    matched = keys.take(pa.array(chosen))
    verdicts = ["accepted", "rejected", "failed", "superseded"]
    share = draw.integers(0, 1_000_001, count)
    columns = {
        "event_time": _time(times[chosen] + draw.integers(0, 3_600_000_000, count)), "attempt_time": _time(times[chosen]),
        "event_key": _uuids(draw, count), "key": matched, "attempt_key": matched,
        "attempt_id": numbers.take(pa.array(chosen)),
        "key_type": _words(["request_id"], np.zeros(count, np.int64)),
        "verdict": _words(verdicts, np.searchsorted([0.8, 0.95, 0.99], draw.random(count))),
        "accepted_ppm": pa.array(share, mask=draw.random(count) < 0.8),
        "grade": pa.array(np.array([2, 3, 4])[np.searchsorted([0.1, 0.5], draw.random(count))]),
    }
    return _filled("outcomes", columns, count)


def _filled(table: str, columns: dict[str, pa.Array], rows: int) -> pa.Table:
    fixed = {
        "tenant": "default", "source": "gateway", "delivery": "bench", "run_id": "bench", "posting_period": "2026-10",
        "recorded_at": SINCE, "row_number": np.arange(rows),
    }
    arrays = []
    for field in contract(table).schema:
        values = columns.get(field.name)
        if values is None and isinstance(fixed.get(field.name), np.ndarray):
            values = pa.array(fixed[field.name])
        elif values is None:
            values = pa.repeat(pa.scalar(fixed.get(field.name), field.type), rows)
        arrays.append(values.cast(field.type))
    return pa.table(arrays, schema=contract(table).schema)


def _words(values: Sequence[str], index: Ints, null: int | None = None) -> pa.Array:
    mask = None if null is None else index == null
    return pa.DictionaryArray.from_arrays(pa.array(index.astype(np.int32), mask=mask), pa.array(values)).cast(pa.string())


def _time(us: Ints) -> pa.Array:
    return pa.array(us).cast(pa.timestamp("us")).cast(pa.timestamp("us", "UTC"))


def _uuids(draw: np.random.Generator, rows: int) -> pa.Array:
    """Random keys as 36 letters."""
    digits = np.frombuffer(draw.bytes(rows * 16).hex().encode(), np.uint8).reshape(rows, 32)
    text = np.full((rows, 36), ord("-"), np.uint8)
    for start, end, at in ((0, 8, 0), (8, 12, 9), (12, 16, 14), (16, 20, 19), (20, 32, 24)):
        text[:, at : at + end - start] = digits[:, start:end]
    offsets = np.arange(rows + 1, dtype=np.int32) * 36
    return pa.StringArray.from_buffers(rows, pa.py_buffer(offsets), pa.py_buffer(text.tobytes()))
