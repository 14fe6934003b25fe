"""Words that mean the same in many logs. What is this status, finish reason or tier in Netyield's words?

The words stand in ``vocabulary.toml``. A word nobody knows is kept only when it looks like a word and not like text
(an error message or a prompt must not slip in through a wrongly mapped column).
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from functools import cache
from importlib import resources

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from netyield.sources.event_columns import translate

A_WORD = r"^[A-Za-z0-9_][\w.:/-]{0,79}$"
A_HASH = r"^[A-Za-z0-9+/=_:.-]{8,128}$"
OTHER = "other"


@cache
def words_for(kind: str) -> Mapping[str, str]:
    """Spelling to word for one kind (``status``, ``finish_reason`` ...)."""
    text = resources.files("netyield.sources.traffic").joinpath("vocabulary.toml").read_text(encoding="utf-8")
    return {spelling: word for word, spellings in tomllib.loads(text)[kind].items() for spelling in spellings}


def known_word(column: pa.Array, kind: str) -> tuple[pa.Array, NDArray[np.bool_]]:
    """(Netyield's word, mask of cells with an unknown one, which are null)."""
    return translate(column, words_for(kind))


def word_or_itself(column: pa.Array, kind: str) -> pa.Array:
    """Netyield's word; an unknown one stays as it is in lower case, text becomes ``other``."""
    found, unknown = known_word(column, kind)
    if not unknown.any():
        return found
    return pc.if_else(pa.array(unknown), pc.utf8_lower(only_words(column)), found)


def only_words(column: pa.Array, pattern: str = A_WORD) -> pa.Array:
    """Cells that are one word; text becomes ``other``."""
    fine = pc.match_substring_regex(column, pattern)
    return pc.if_else(pc.fill_null(fine, True), column, OTHER)


def status_of_code(codes: pa.Array) -> pa.Array:
    """HTTP status codes (text) as a status: below 400 ok, 499 aborted (client closed), others error; else null."""
    number = pc.if_else(pc.fill_null(pc.match_substring_regex(codes, r"^[1-5][0-9][0-9]$"), False), codes, None)
    value = number.cast(pa.int64())
    failed = pc.if_else(pc.equal(value, 499), "aborted", "error")
    return pc.if_else(pc.less(value, 400), "ok", failed)
