"""LiteLLM records as rows of the attempts table, from files and from the database alike."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime
from typing import Any

import numpy as np
import pyarrow as pa

from netyield.core.tokens import gather
from netyield.sources.event_log import Events
from netyield.sources.fingerprints import Fingerprints
from netyield.sources.opened import Place, RejectedRow
from netyield.sources.refusals import Refusals, shown
from netyield.sources.traffic.attempt_rows import Reading, attempt_rows
from netyield.sources.traffic.litellm_payload import Record, attempt, is_litellm
from netyield.sources.traffic.prefix import of_cells
from netyield.sources.traffic.vocabulary import words_for

NUMBERS = frozenset({"time", "end_time", "first_token_time", "attempt_number", "reported_cost", "total_tokens"})
NOT_COLUMNS = frozenset({"usage", "key", "total_tokens"})
MESSAGES = "messages"  # read only to fingerprint it
NOT_LITELLM = "the record is neither a LiteLLM spend log row nor a standard logging payload"


def events_of(
    records: Sequence[tuple[int, Record]], place: Place, now: datetime, made: Fingerprints | None = None
) -> Events:
    """(row number, record) pairs as attempts. A record of another kind is refused. ``made`` fingerprints prompts."""
    strange = [number for number, record in records if not is_litellm(record)]
    known = [(number, record) for number, record in records if is_litellm(record)]
    rejected: list[RejectedRow] = [(number, f"{place.code}.bad_record", NOT_LITELLM, None) for number in strange]
    findings = []
    if strange:
        repair = "Export the table LiteLLM_SpendLogs, or log with the generic_api callback."
        findings.append(place.error("bad_record", NOT_LITELLM, repair, strange[0], len(strange)))
    if not known:
        return Events(pa.table({}), rejected=rejected, findings=findings)
    attempts = [attempt(record) for _, record in known]
    numbers = np.array([number for number, _ in known], np.int64)
    refusals = Refusals(place, numbers, lambda at: _record(attempts[at]))
    columns = _columns(attempts)
    if made:
        columns |= of_cells((record.get(MESSAGES) for _, record in known), made)
    rows = attempt_rows(columns, refusals, Reading("litellm", "us", "UTC", now))
    _remark_totals(attempts, refusals)
    standing = [one for one, bad in zip(attempts, refusals.bad, strict=True) if not bad]
    return Events(
        rows,
        pa.array([one["key"] for one in standing], pa.string()),
        pa.array([json.dumps(one, sort_keys=True, default=str) for one in standing], pa.string()),
        [*rejected, *refusals.rejected],
        [*findings, *refusals.findings],
    )


def _columns(attempts: Sequence[dict[str, Any]]) -> dict[str, pa.Array]:
    columns = gather("litellm", [one["usage"] for one in attempts])
    for word in dict.fromkeys(word for one in attempts for word in one):
        values = [one.get(word) for one in attempts]
        if word in NOT_COLUMNS or all(value is None for value in values):
            continue
        if word == "operation":
            chat = words_for("operation_of_litellm")
            values = [chat.get(str(value), value) for value in values]
        whole = all(value is None or isinstance(value, int) for value in values)
        columns[word] = pa.array(values, pa.int64() if whole else pa.string())
    columns.setdefault("time", pa.nulls(len(attempts), pa.int64()))
    return columns


def _record(one: dict[str, Any]) -> dict[str, Any]:
    return {
        word: shown(value, number=word in NUMBERS)
        for word, value in one.items()
        if value is not None and word not in ("usage", "key")
    }


def _remark_totals(attempts: Sequence[dict[str, Any]], refusals: Refusals) -> None:
    """LiteLLM's own total is a cross-check: it is a sum of the provider's counts or the gateway's own."""
    wrong = np.zeros(len(attempts), bool)
    for at, one in enumerate(attempts):
        usage, total = one["usage"] or {}, one["total_tokens"]
        counts = [usage.get("prompt_tokens"), usage.get("completion_tokens"), total]
        if all(str(count).isdigit() for count in counts):
            wrong[at] = int(counts[0]) + int(counts[1]) != int(counts[2])
    message = "total_tokens is not prompt_tokens + completion_tokens; the two were booked"
    refusals.remark(wrong, "total_differs", message, "Compare with the provider's bill.")
