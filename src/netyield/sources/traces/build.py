"""From a file's columns to the trace every question starts from: tree, tokens of each block, checks on the way."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from netyield.core.finding import Finding, Severity, aggregate
from netyield.sources.traces.columns import Columns, take
from netyield.sources.traces.trace import Identity, Int32, Int64, Trace
from netyield.sources.traces.tree import Tree, chain, numbered, tree_of_content

FIRST_DATE_US = 978_307_200_000_000  # 2001-01-01: 31 years, which no recording lasts
SAYS_WHY_EMPTY = ("trace.unknown_format", "trace.no_fingerprints")


def build(columns: Columns, file: str, name: str) -> Trace:
    """The trace, with a finding for everything in it that makes a figure doubtful."""
    findings = [*columns.findings, *drop_negative_lengths(columns, file)]
    if not columns.requests and not any(finding.code in SAYS_WHY_EMPTY for finding in findings):
        findings.append(_error("empty", "the trace holds no request.", "Give a file with requests.", file))
    findings += check_times(columns, file)
    size = columns.block_size or 1
    block_tokens, last_tokens = columns.block_tokens, columns.last_tokens
    if block_tokens is None or last_tokens is None:
        findings += check_blocks(columns, size, file)
        block_tokens, last_tokens = block_weights(columns, size)
    numbers = numbered(columns.ids)
    identity, content = columns.identity, None
    if identity is Identity.PREFIX:
        tree, more = _chained(columns, numbers, file)
        findings += more
    else:
        tree, content = tree_of_content(numbers, columns.first), numbers
    return Trace(
        name, columns.format, identity, size, _from_start(columns.time_us), columns.input_tokens,
        columns.output_tokens, columns.first, tree.nodes, tree.parent, block_tokens, last_tokens,
        columns.tenant, columns.session, columns.tenants, columns.sessions,
        content, dated(columns.time_us), columns.cached_tokens, tuple(columns.notes), tuple(aggregate(findings)),
    )  # fmt: skip


def block_weights(columns: Columns, size: int) -> tuple[Int32, Int32]:
    """Tokens of each block but the last, and of the last: blocks are full but for what the prompt does not fill.

    Where a request has more ids than its prompt fills, its tokens are spread over them, so that their sum stays right.
    """
    counts = np.maximum(columns.blocks, 1)
    fits = columns.input_tokens > (counts - 1) * size
    block = np.where(fits, size, np.maximum(columns.input_tokens // counts, 1))
    last = np.clip(columns.input_tokens - (counts - 1) * block, 1, np.maximum(block, 1))
    spread = np.maximum(columns.input_tokens - (counts - 1) * block, 1)
    return block.astype(np.int32), np.where(fits, last, spread).astype(np.int32)


def drop_negative_lengths(columns: Columns, file: str) -> list[Finding]:
    """Requests with fewer than no input tokens are left out."""
    negative = np.flatnonzero(columns.input_tokens < 0)
    if not len(negative):
        return []
    row = _row(columns, negative[0])
    take(columns, np.flatnonzero(columns.input_tokens >= 0))
    message = "the request has a negative input length; left out."
    return [_error("negative_length", message, "Repair or remove the request.", file, row, len(negative))]


def check_times(columns: Columns, file: str) -> list[Finding]:
    """Negative times, and times that run backwards."""
    found = []
    negative = np.flatnonzero(columns.time_us < 0)
    if len(negative):
        message = "the arrival time is negative; the order of the file is kept."
        repair = "Shift all times so that the first is 0, or remove the request."
        found.append(_error("negative_time", message, repair, file, _row(columns, negative[0]), len(negative)))
    back = np.flatnonzero(np.diff(columns.time_us) < 0)
    if len(back):
        message = "the request arrives before the one above it; requests are replayed in the order of the file."
        repair = "Sort the file by time, or read it with --order time."
        row = _row(columns, back[0] + 1)
        found.append(Finding("trace.time_backwards", Severity.WARNING, message, repair, file, row, len(back)))
    return found


def check_blocks(columns: Columns, size: int, file: str) -> list[Finding]:
    """Do the ids of each request cover its prompt at this block size, and does any prompt fill a block?"""
    if not columns.requests:
        return []
    longest = int(columns.input_tokens.max())
    if longest < size:
        message = f"no prompt fills one block: the longest has {longest:,} tokens, a block {size:,}."
        repair = f"Give the block size of the engine with --block-size, at most {max(longest, 1):,}."
        return [_error("block_exceeds_prompts", message, repair, file)]
    most = -(-columns.input_tokens // size)
    least = columns.input_tokens // size if columns.full_blocks else most
    wrong = np.flatnonzero((columns.blocks > most) | (columns.blocks < least))
    if not len(wrong):
        return []
    at = int(wrong[0])
    message = (
        f"{columns.blocks[at]:,} blocks of {size:,} tokens do not make the {columns.input_tokens[at]:,} tokens of the"
        " prompt; blocks are taken as full as the prompt allows."
    )
    repair = "Give the block size the ids were made with (--block-size)."
    return [_error("block_size", message, repair, file, _row(columns, at), len(wrong))]


@dataclass(frozen=True, slots=True)
class Sizes:
    """Block sizes under which every request has exactly as many ids as blocks; none when ``low > high``."""

    low: int
    high: int

    @property
    def likely(self) -> int:
        """The power of two among them, else the smallest; 0 when there is none."""
        if self.low > self.high:
            return 0
        power = 1 << (self.low - 1).bit_length()
        return power if power <= self.high else self.low


def possible_sizes(input_tokens: Int64, blocks: Int64, full_blocks: bool = False) -> Sizes:
    """The block sizes B with ceil(tokens / B) = blocks for every request (floor when only full blocks have ids)."""
    some = blocks > 0
    tokens, count = input_tokens[some], blocks[some]
    if not len(tokens):
        return Sizes(1, 0)
    if full_blocks:
        return Sizes(int((tokens // (count + 1)).max()) + 1, int((tokens // count).min()))
    several = count > 1
    high = int(((tokens[several] - 1) // (count[several] - 1)).min()) if several.any() else int(tokens.max())
    return Sizes(int((-(-tokens // count)).max()), high)


def _chained(columns: Columns, numbers: Int32, file: str) -> tuple[Tree, list[Finding]]:
    links = chain(numbers, columns.first)
    if not links.breaks:
        return Tree(numbers, links.parent), []
    request = int(np.searchsorted(columns.first, links.first_break, side="right")) - 1
    message = (
        f"id {columns.ids[links.first_break]} follows another id than before, so ids are not chained here; blocks were"
        " told apart by the whole path to them."
    )
    repair = (
        "If ids name content wherever it stands, read the file with --format content; if ids are local to a file or"
        " a session, read it with --format sessions; else repair the export."
    )
    found = _error("broken_chain", message, repair, file, _row(columns, request), links.breaks)
    return tree_of_content(numbers, columns.first), [found]


def _from_start(time_us: Int64) -> Int64:
    moved: Int64 = time_us - time_us.min() if len(time_us) else time_us
    return moved


def dated(time_us: Int64) -> int | None:
    """The first time as microseconds since 1970, where it can be a date: a count from another origin is smaller."""
    first = int(time_us.min()) if len(time_us) else 0
    return first if first >= FIRST_DATE_US else None


def _row(columns: Columns, request: int | np.int64) -> int:
    return int(columns.row[int(request)])


def _error(code: str, message: str, repair: str, file: str, row: int | None = None, count: int = 1) -> Finding:
    return Finding(f"trace.{code}", Severity.ERROR, message, repair, file, row, count)
