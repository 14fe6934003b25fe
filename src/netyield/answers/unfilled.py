"""How much of the active serving money would the same tokens have needed at the fleet's own reference rate?

Rows of an annotation, worded once for every answer that shows it. They stand beside the books and change no step.
"""

from __future__ import annotations

from collections.abc import Mapping
from fnmatch import fnmatchcase
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from netyield.answers.answer import AnswerColumn
from netyield.answers.books import Books
from netyield.core.money import MONEY, from_pico, quantise, text
from netyield.economics.serving.unfilled import Objective, Unfilled, unfilled

COLUMNS = (
    AnswerColumn("model", "text", "", "Model as the engine names it, else as the request log does"),
    AnswerColumn("gpu_model", "text", "", "GPU, with the profile of a MIG slice; empty = unknown"),
    AnswerColumn("engine_version", "text", "", "Version the engine reports; empty = unknown"),
    AnswerColumn(
        "busy_hours",
        "number",
        "replica-hours",
        "Hours active for at least half, wholly observed and within the latency objective",
    ),
    AnswerColumn(
        "reference_tokens_per_gpu_hour",
        "number",
        "output-token equivalents per GPU-hour",
        "P90 of the busy hours, input weighed against output",
    ),
    AnswerColumn("active_amount", "money", "currency", "Active money of the hours whose tokens were counted"),
    AnswerColumn(
        "amount_at_reference",
        "money",
        "currency",
        "What the same tokens would have cost at the reference rate (modelled)",
    ),
    AnswerColumn(
        "unfilled_amount", "money", "currency", "Active money less that, at least 0; an annotation and no step"
    ),
    AnswerColumn(
        "headroom_amount", "money", "currency", "The part of it that the declared peak and spare replicas require"
    ),
    AnswerColumn(
        "unfilled_low", "money", "currency", "Lower bound: the P90 may be no higher than the rate of this rank"
    ),
    AnswerColumn("unfilled_high", "money", "currency", "Upper bound"),
    AnswerColumn("status", "text", "", "How it was measured, or why it was not"),
)
_KEYS = ("pool", "owner", "model")


def rows(books: Books) -> list[dict[str, Any]]:
    """One row per model, GPU and engine version with counted tokens in what the filter leaves; null = not measured."""
    words = {word: value for word, value in books.query.where.items() if word != "scope" or value != "gpu"}
    if set(words) - set(_KEYS):
        return []  # a replica's hour is not split by team or day
    hours = books.engine.query("SELECT * FROM replica_hours")
    return [_row(found) for found in unfilled(hours, _objective(books.settings["serving"]), _chosen(hours, words))]


def table(found: list[dict[str, Any]]) -> pa.Table:
    """The rows as the view ``unfilled``."""
    types = {"money": MONEY, "number": pa.float64()}
    schema = pa.schema(
        [(c.name, pa.int64() if c.name == "busy_hours" else types.get(c.kind, pa.string())) for c in COLUMNS]
    )
    return pa.Table.from_pylist(found, schema=schema)


def plain(found: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The rows for a JSON body: money as decimal strings."""
    amounts = [c.name for c in COLUMNS if c.kind == "money"]
    return [row | {name: None if row[name] is None else text(row[name]) for name in amounts} for row in found]


def sentences(found: list[dict[str, Any]], currency: str) -> tuple[str, ...]:
    """What a report says of the measured rows."""
    told = []
    for row in found:
        if row["amount_at_reference"] is not None:
            active, enough, kept = (
                quantise(row[name], 2) for name in ("active_amount", "amount_at_reference", "headroom_amount")
            )
            told.append(
                f"Of {active:,} {currency} active on {row['model']} ({row['gpu_model']}), {enough:,} would have served the same tokens at the "
                f"reference rate (modelled); of the rest, the declared peak and spare replicas require {kept:,}."
            )
    return tuple(told)


def _objective(serving: Mapping[str, Any]) -> Objective:
    names = ("ttft_seconds_p95", "tpot_seconds_p95", "peak_factor", "spare_replicas")
    return Objective(**{name: serving[name] for name in names if name in serving})


def _chosen(hours: pa.Table, words: Mapping[str, str]) -> npt.NDArray[np.bool_]:
    kept = np.ones(hours.num_rows, dtype=np.bool_)
    for word, pattern in words.items():
        kept &= np.array([fnmatchcase(value, pattern) for value in hours.column(word).to_pylist()], dtype=np.bool_)
    return kept


def _row(found: Unfilled) -> dict[str, Any]:
    def money(pico: int | None) -> Any:
        return None if pico is None else from_pico(pico)

    rate = found.reference_tokens_per_gpu_hour
    return {
        "model": found.model,
        "gpu_model": found.gpu_model,
        "engine_version": found.engine_version,
        "busy_hours": found.busy_hours,
        "reference_tokens_per_gpu_hour": None if rate is None else round(rate, 1),
        "active_amount": money(found.active_pico),
        "amount_at_reference": money(found.at_reference_pico),
        "unfilled_amount": money(found.unfilled_pico),
        "headroom_amount": money(found.headroom_pico),
        "unfilled_low": money(found.unfilled_low_pico),
        "unfilled_high": money(found.unfilled_high_pico),
        "status": found.status,
    }
