"""Fingerprints of prompts, made where a log is read: which calls could have shared a cached prefix?

The prompt's text is turned into keyed fingerprints of its blocks (see fingerprints) and goes no further: not into a
table, not into quarantine, not into a message. Off unless a secret is named.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
from pydantic import BaseModel, Field, field_validator

from netyield.sources.event_columns import words
from netyield.sources.fingerprints import Fingerprints, prompt_text, prompt_tokens, tokenizer_named
from netyield.sources.refusals import Refusals
from netyield.sources.secret import check_reference, read_secret

PROMPT = "prompt"
BLOCKS, BLOCK_TOKENS, TOKENS = PREFIX_WORDS = ("prefix_blocks", "prefix_block_tokens", "prefix_tokens")
USUAL_BLOCK = 256  # tokens: 64 fingerprints for a prompt of 16,384 tokens
HASHES = r"^[0-9a-fA-F]{1,64}( [0-9a-fA-F]{1,64})*$"
LIST_MARKS = r"[\[\]\",\s]+"
REDACTED = "redacted-by-litellm"


class PrefixSettings(BaseModel):
    """Keys of a source that can fingerprint prompts."""

    fingerprint_key: str = ""
    prefix_block_tokens: int = Field(default=USUAL_BLOCK, ge=1)
    prefix_tokenizer: str = "approximate"

    _reference = field_validator("fingerprint_key")(check_reference)


def maker(settings: PrefixSettings, root: Path) -> Fingerprints | None:
    """What makes the fingerprints under these settings; None when no secret is named."""
    if not settings.fingerprint_key:
        return None
    secret = read_secret(settings.fingerprint_key, root).encode()
    kind, colon, place = settings.prefix_tokenizer.partition(":")
    name = f"file:{root / Path(place).expanduser()}" if colon and kind == "file" else settings.prefix_tokenizer
    return Fingerprints(secret, settings.prefix_block_tokens, tokenizer_named(name))


def of_cells(cells: Iterable[Any], made: Fingerprints) -> dict[str, pa.Array]:
    """The three columns for prompts as a log has them: text, JSON text, or lists of messages."""
    found = [of_prompt(cell, made) for cell in cells]
    return {
        BLOCKS: pa.array([one and one[1] for one in found], pa.string()),
        BLOCK_TOKENS: pa.array([one and made.block_size for one in found], pa.int64()),
        TOKENS: pa.array([one and one[0] for one in found], pa.int64()),
    }


def of_prompt(cell: Any, made: Fingerprints) -> tuple[int, str] | None:
    """Tokens of one prompt and its fingerprints in hexadecimal; None when there is no prompt, or a blanked one."""
    record = _record(cell)
    tokens = prompt_tokens(record)
    if tokens is not None:
        count, numbers = made.of_tokens(tokens)
    else:
        text = prompt_text(record)
        if not text or REDACTED in text:
            return None
        count, numbers = made.of_text(text)
    return count, " ".join(f"{number & 0xFFFFFFFFFFFFFFFF:016x}" for number in numbers)


def given_hashes(column: pa.Array, refusals: Refusals) -> pa.Array:
    """Fingerprints the log brings itself, one space between them; what is not hexadecimal is left out and remarked."""
    cells = pc.utf8_trim_whitespace(pc.replace_substring_regex(words(column), LIST_MARKS, " "))
    cells = pc.if_else(pc.equal(cells, ""), None, cells)
    fine = pc.match_substring_regex(cells, HASHES)
    message = "prefix_blocks is not a list of hexadecimal hashes; the row is booked without it"
    wrong = pc.fill_null(pc.invert(fine), False).to_numpy(zero_copy_only=False)
    refusals.remark(wrong, "bad_prefix_blocks", message, "Map keyed hashes of the prompt's blocks, never its text.")
    return pc.if_else(pc.fill_null(fine, False), cells, None)


def _record(cell: Any) -> dict[str, Any]:
    if isinstance(cell, str) and cell[:1] in ("[", "{"):
        try:
            cell = json.loads(cell)
        except (ValueError, RecursionError):
            return {"text": cell}
    if isinstance(cell, dict):
        return cell
    if isinstance(cell, list):
        return {"token_ids": cell} if cell and isinstance(cell[0], int) else {"messages": cell}
    return {"text": cell} if isinstance(cell, str) else {}
