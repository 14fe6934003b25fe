"""A trace from the attempts of the ledger: which calls shared a prefix, by the fingerprints their source made.

Tokens are those that were billed. Fingerprints count tokens with a tokenizer of their own; so the blocks of a request are
scaled until they make its billed input: block = round(block tokens x billed / counted), the last one takes the rest.
"""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from netyield.core.finding import Finding, Severity
from netyield.sources.traces.build import build
from netyield.sources.traces.columns import Columns, named, starts
from netyield.sources.traces.trace import Identity, Int32, Int64, Trace

COLUMNS = (
    "event_us", "prefix_blocks", "prefix_block_tokens", "prefix_tokens", "input_tokens", "output_tokens", "tenant",
    "session",
)  # fmt: skip
REPAIR = (
    "Name a secret (fingerprint_key) and, for request logs, columns.prompt in the [[source]] of the log, and ingest it"
    " (docs/sources/requests.md)."
)


def trace_of_attempts(rows: pa.Table, name: str) -> Trace:
    """``rows`` has COLUMNS, in replay order. Attempts without fingerprints are left out, with a finding."""
    known = rows.filter(pc.and_(pc.is_valid(rows["prefix_blocks"]), pc.is_valid(rows["prefix_block_tokens"])))
    findings = _without(rows.num_rows - known.num_rows, rows.num_rows, name)
    size, known, more = _one_size(known, name)
    counted = _numbers(known["prefix_tokens"], -1)
    lists = pc.split_pattern(known["prefix_blocks"].cast(pa.large_string()).combine_chunks(), " ")
    counts = pc.list_value_length(lists).to_numpy(zero_copy_only=False).astype(np.int64)
    full = counts * size
    counted = np.where(counted > 0, np.clip(counted, full - size + 1, full), full)
    inputs = _numbers(known["input_tokens"], -1)
    inputs = np.where(inputs > 0, inputs, counted)
    block, last = scaled(inputs, counted, counts, size)
    tenants, tenant = named(_texts(known["tenant"]))
    sessions, session = named(_texts(known["session"]))
    columns = Columns(
        "ledger",
        Identity.PREFIX,
        size,
        _numbers(known["event_us"], 0),
        inputs,
        _numbers(known["output_tokens"], -1),
        starts(counts),
        pc.list_flatten(lists).dictionary_encode().indices.to_numpy(zero_copy_only=False).astype(np.int64),
        np.arange(1, known.num_rows + 1, dtype=np.int64),
        tenant,
        session,
        tenants,
        sessions,
        block_tokens=block,
        last_tokens=last,
        notes=[f"prefix fingerprints of the ledger, blocks of {size} tokens scaled to the billed input tokens"],
        findings=[*findings, *more],
    )
    return build(columns, name, name)


def scaled(inputs: Int64, counted: Int64, blocks: Int64, size: int) -> tuple[Int32, Int32]:
    """Tokens of each block but the last, and of the last, so that each request has its billed tokens (at least 1 each)."""
    several = np.maximum(blocks - 1, 1)
    block = np.clip(np.rint(size * inputs / np.maximum(counted, 1)), 1, np.maximum((inputs - 1) // several, 1))
    last = np.maximum(inputs - (blocks - 1) * block, 1)
    return block.astype(np.int32), last.astype(np.int32)


def _one_size(known: pa.Table, name: str) -> tuple[int, pa.Table, list[Finding]]:
    counts = pc.value_counts(known["prefix_block_tokens"])
    if not len(counts):
        return 1, known, []
    sizes = sorted(zip(counts.field("counts").to_pylist(), counts.field("values").to_pylist(), strict=True))
    size = int(sizes[-1][1])
    if len(sizes) == 1:
        return size, known, []
    kept = known.filter(pc.equal(known["prefix_block_tokens"], size))
    listed = ", ".join(str(one) for _, one in sizes)
    message = f"attempts have fingerprints of blocks of {listed} tokens; only those of {size} are in the trace."
    repair = "Use one prefix_block_tokens in all sources, or a window in which only one was used."
    left = known.num_rows - kept.num_rows
    return size, kept, [Finding("trace.mixed_block_sizes", Severity.WARNING, message, repair, name, None, left)]


def _without(missing: int, total: int, name: str) -> list[Finding]:
    if not missing:
        return []
    severity = Severity.ERROR if missing == total else Severity.WARNING
    message = f"{missing:,} of {total:,} attempts have no prefix fingerprints; they are not in the trace."
    return [Finding("trace.no_fingerprints", severity, message, REPAIR, name)]


def _numbers(column: pa.ChunkedArray, missing: int) -> Int64:
    values: Int64 = pc.fill_null(column.cast(pa.int64()), missing).to_numpy().astype(np.int64)
    return values


def _texts(column: pa.ChunkedArray) -> list[str]:
    texts: list[str] = pc.fill_null(column, "").to_pylist()
    return texts
