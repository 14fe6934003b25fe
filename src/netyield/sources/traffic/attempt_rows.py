"""Rows of the attempts table: what did one call do, in the words and classes of the ledger?

Takes the columns of some rows of a log by Netyield's words (those of ``columns = {...}`` in the configuration) and
gives the table, with the rows that cannot be booked refused. Every source of requests ends here, so that a count, a
status or a time means the same whichever log it came from.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from netyield.core.contract import contract
from netyield.core.period import TIMESTAMP
from netyield.core.token_counts import whole_numbers
from netyield.core.tokens import COUNT_LIMIT, leaves
from netyield.sources.event_columns import Times, TimeUnit, amounts, flat, scaled, times, words
from netyield.sources.event_start import start_times
from netyield.sources.refusals import Refusals
from netyield.sources.traffic.prefix import BLOCK_TOKENS, BLOCKS, TOKENS, given_hashes
from netyield.sources.traffic.vocabulary import A_HASH, known_word, only_words, status_of_code, word_or_itself

COUNTS_REPAIR = 'Correct the row, or say how the log counts: counts = "inclusive" | "exclusive" | "exclusive_input".'
TIME_WORDS = ("time", "end_time", "first_token_time")
DURATIONS = {
    f"{name}_{unit}": (f"{name}_us", unit) for name in ("prefill", "decode", "queue") for unit in ("us", "ms", "s")
}
AFTER_START = {
    f"{name}_{unit}": (target, unit)
    for name, target in (("duration", "end_time"), ("first_token", "first_token_time"))
    for unit in ("us", "ms", "s")
}
PLAIN_WORDS = tuple(
    column.name for column in contract("attempts").own
    if column.type == "string" and column.name not in ("status", "finish_reason", "tariff", "operation", "purpose",
                                                       "error_kind", "fingerprint", "provenance", "prefix_blocks")
)
WHOLE_NUMBERS = {"attempt_number": 2**31, "delivered_output_tokens": COUNT_LIMIT, "accepted_ppm": 1_000_000} | {
    BLOCK_TOKENS: COUNT_LIMIT, TOKENS: COUNT_LIMIT,
}
OTHER_WORDS = (
    "status", "http_status", "finish_reason", "tariff", "operation", "purpose", "error_kind", "fingerprint",
    "provenance", "reported_cost", BLOCKS,
)


@dataclass(frozen=True, slots=True)
class Reading:
    """How the log is written: class equations, unit and zone of its times; ``now`` judges which times lie ahead."""

    dialect: str
    time_unit: TimeUnit
    zone: str
    now: datetime
    currency: str = "USD"


def attempt_rows(columns: Mapping[str, pa.Array], refusals: Refusals, reading: Reading) -> pa.Table:
    """The rows that stand, without ``event_key``; ``refusals`` says which of the given ones do not and why."""
    count = refusals.numbers.size
    start = start_times(columns["time"], reading.time_unit, reading.zone, reading.now, refusals)
    tokens = leaves(reading.dialect, {"": pa.nulls(count), **{name: flat(one) for name, one in columns.items()}})
    bad = tokens.bad.to_numpy(zero_copy_only=False)
    message = "the token counts contradict each other or are no counts"
    refusals.refuse(bad, "bad_tokens", message, COUNTS_REPAIR, reasons=tokens.reasons)
    given: dict[str, pa.Array] = {"event_time": start.array(), **tokens.classes}
    given |= {name: words(columns[name]) for name in PLAIN_WORDS if name in columns}
    given |= _numbers(columns, refusals)
    given |= _ends(columns, start, refusals, reading)
    given |= _words(columns, refusals, count)
    given |= _cost(columns, given.get("cost_currency"), refusals, reading.currency)
    given["row_number"] = pa.array(refusals.numbers)
    given["version"] = pa.repeat(pa.scalar(1, pa.int64()), count)
    rows = pa.table(given)
    return rows.filter(refusals.good) if refusals.bad.any() else rows


def _numbers(columns: Mapping[str, pa.Array], refusals: Refusals) -> dict[str, pa.Array]:
    """Whole numbers beside the token classes; what is none is left out with a remark."""
    found = {}
    for name, largest in WHOLE_NUMBERS.items():
        if name in columns:
            number, wrong = whole_numbers(flat(columns[name]))
            value = pc.fill_null(number, 0).to_numpy(zero_copy_only=False)
            wrong = wrong | (value < 0) | (value > largest)
            _left_out(wrong, name, refusals)
            found[name] = pc.if_else(pa.array(wrong), None, number)
    for name, (target, unit) in DURATIONS.items():
        if name in columns:
            found[target] = _positive(scaled(columns[name], unit), columns[name], name, refusals)  # type: ignore[arg-type]
    return found


def _positive(micro: pa.Array, column: pa.Array, name: str, refusals: Refusals) -> pa.Array:
    fine = pc.fill_null(pc.and_(pc.greater_equal(micro, 0), pc.less(micro, COUNT_LIMIT)), False)
    wrong = pc.and_(pc.is_valid(words(column)), pc.invert(fine)).to_numpy(zero_copy_only=False)
    _left_out(wrong, name, refusals)
    return pc.if_else(fine, micro, None)


def _left_out(wrong: NDArray[np.bool_], name: str, refusals: Refusals) -> None:
    message = f"{name} cannot be read or is negative; the row is booked without it"
    refusals.remark(wrong, f"bad_{name}", message, f"Check columns.{name}.")


def _ends(
    columns: Mapping[str, pa.Array], start: Times, refusals: Refusals, reading: Reading
) -> dict[str, pa.Array]:
    found: dict[str, pa.Array] = {}
    for name in ("end_time", "first_token_time"):
        if name in columns:
            end = times(columns[name], reading.time_unit, reading.zone)
            _left_out(end.given & ~end.good, name, refusals)
            found[name] = _not_before(pa.array(end.us, mask=~end.good), start, name, refusals)
    for name, (target, unit) in AFTER_START.items():
        if name in columns and target not in found:
            taken = _positive(scaled(columns[name], unit), columns[name], name, refusals)  # type: ignore[arg-type]
            found[target] = pc.add(pa.array(start.us, mask=~start.good), taken).cast(TIMESTAMP)
    return found


def _not_before(end: pa.Array, start: Times, name: str, refusals: Refusals) -> pa.Array:
    early = pc.fill_null(pc.less(end, pa.array(start.us)), False)
    message = f"{name} is before the start; the row is booked without it"
    refusals.remark(early.to_numpy(zero_copy_only=False) & start.good, "clock_skew", message, "Check the clocks.")
    return pc.if_else(early, None, end).cast(TIMESTAMP)


def _words(columns: Mapping[str, pa.Array], refusals: Refusals, count: int) -> dict[str, pa.Array]:
    found = {
        name: word_or_itself(words(columns[name]), name)
        for name in ("finish_reason", "tariff", "operation", "purpose")
        if name in columns
    }
    if "error_kind" in columns:
        found["error_kind"] = only_words(words(columns["error_kind"]))
    if "fingerprint" in columns:
        cells = words(columns["fingerprint"])
        found["fingerprint"] = pc.if_else(pc.match_substring_regex(cells, A_HASH), cells, None)
        message = "fingerprint is not a hash; the row is booked without it"
        refusals.remark(
            pc.fill_null(pc.invert(pc.match_substring_regex(cells, A_HASH)), False).to_numpy(zero_copy_only=False),
            "bad_fingerprint", message, "Map a keyed hash of the request, never its text.",
        )
    if BLOCKS in columns:
        found[BLOCKS] = given_hashes(columns[BLOCKS], refusals)
    reported = pa.repeat(pa.scalar("provider_reported"), count)
    if "provenance" in columns:
        known, unknown = known_word(words(columns["provenance"]), "provenance")
        refusals.remark(unknown, "unknown_provenance", "provenance has an unknown word", "See the docs for the words.")
        reported = pc.coalesce(known, reported)
    return {**found, "provenance": reported, "status": _status(columns, found.get("finish_reason"), refusals, count)}


def _status(
    columns: Mapping[str, pa.Array], finish: pa.Array | None, refusals: Refusals, count: int
) -> pa.Array:
    """The log's status; else its HTTP code; else what the finish reason implies; else unknown. Silence is not ok."""
    found = pa.nulls(count, pa.string())
    if "status" in columns:
        cells = words(columns["status"])
        word, unknown = known_word(cells, "status")
        found = pc.coalesce(word, status_of_code(cells))
        odd = unknown & pc.is_null(found).to_numpy(zero_copy_only=False)
        message = "the status is a word Netyield does not know; it counts as unknown"
        refusals.remark(odd, "unknown_status", message, "Map another column, or set = {status = ...}.", info=True)
        found = pc.if_else(pa.array(odd), "unknown", found)
    if "http_status" in columns:
        found = pc.coalesce(found, status_of_code(words(columns["http_status"])))
    if finish is not None:
        found = pc.coalesce(found, known_word(finish, "status_of_finish_reason")[0])
    return pc.coalesce(found, pa.repeat(pa.scalar("unknown"), count))


def _cost(
    columns: Mapping[str, pa.Array], currency: pa.Array | None, refusals: Refusals, default: str
) -> dict[str, pa.Array]:
    if "reported_cost" not in columns:
        return {}
    cost, wrong = amounts(columns["reported_cost"])
    _left_out(wrong, "reported_cost", refusals)
    named = pa.repeat(pa.scalar(default), len(cost)) if currency is None else pc.coalesce(currency, pa.scalar(default))
    return {"reported_cost": cost, "cost_currency": pc.if_else(pc.is_valid(cost), named, None)}
