"""Request logs of any shape: which calls were made, how many tokens did each take, and how did it end?

``counts`` says whether cached and reasoning tokens are inside the input and output counts (inclusive), beside them
(exclusive), or cache beside and reasoning inside (exclusive_input, as Anthropic counts). See mapped_log for
``columns`` and ``set``.

With ``fingerprint_key`` (a secret by reference) the column mapped as ``prompt`` becomes keyed fingerprints of its blocks;
without it no prompt is read.

An attempt is known by its response id, else its request id, else its span, always with its start time: careless
servers send the same id twice. Without any id its mapped content is its key.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import ClassVar, Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pydantic import model_validator

from netyield.sources.fingerprints import Fingerprints
from netyield.sources.mapped_log import Columns, MappedLog, MappedSettings
from netyield.sources.refusals import Refusals
from netyield.sources.traffic.attempt_rows import Reading, attempt_rows
from netyield.sources.traffic.prefix import PREFIX_WORDS, PROMPT, PrefixSettings, maker, of_cells
from netyield.sources.traffic.request_columns import ALIASES, COUNT_WORDS, KNOWN_WORDS, NUMBER_WORDS
from netyield.sources.traffic.vocabulary import words_for


class Requests(MappedLog):
    """Source type ``requests``."""

    type: ClassVar[str] = "requests"
    table: ClassVar[str] = "attempts"
    words: ClassVar[Collection[str]] = tuple(word for word in KNOWN_WORDS if word != PROMPT)  # never by its name alone
    number_words: ClassVar[Collection[str]] = NUMBER_WORDS
    unsaid: ClassVar[Collection[str]] = PREFIX_WORDS

    class Settings(MappedSettings, PrefixSettings):
        """Keys of a ``requests`` source."""

        words: ClassVar[Collection[str]] = KNOWN_WORDS
        aliases: ClassVar[Mapping[str, str]] = ALIASES

        counts: Literal["inclusive", "exclusive", "exclusive_input"] = "inclusive"
        currency: str = "USD"

        @model_validator(mode="after")
        def _no_prompt_without_key(self) -> Requests.Settings:
            if PROMPT in self.set or (PROMPT in self.columns and not self.fingerprint_key):
                message = 'columns.prompt needs fingerprint_key = "env:NAME" or "file:/path": only keyed hashes are kept'
                raise ValueError(message)
            return self

    settings: Settings

    def __init__(self, settings: Settings, root: Path) -> None:
        super().__init__(settings, root)
        self._maker: Fingerprints | None = None

    def at_the_edge(self, mapped: Columns) -> Columns:
        """The prompt becomes fingerprints before anything else sees the row."""
        if PROMPT not in mapped:
            return mapped
        if self._maker is None:
            self._maker = maker(self.settings, self.root)
        rest = {word: column for word, column in mapped.items() if word != PROMPT}
        return rest | of_cells(mapped[PROMPT].to_pylist(), self._maker) if self._maker else rest

    def usual(self) -> Mapping[str, str]:
        """How logs usually call their columns."""
        return words_for("columns")

    def needed(self, mapping: Mapping[str, str]) -> Sequence[Collection[str]]:
        """A time, and some count: the mapped ones, or those a person would map first."""
        counts = [word for word in mapping if word in COUNT_WORDS]
        return ("time",), counts or ("input_tokens", "output_tokens")

    def rows(self, columns: Columns, refusals: Refusals) -> tuple[pa.Table, pa.Array | None]:
        """Attempts, and their ids with their start."""
        settings = self.settings
        reading = Reading(
            f"mapped_{settings.counts}", settings.time_unit, settings.timezone, self.clock(), settings.currency
        )
        rows = attempt_rows(columns, refusals, reading)
        known = _known_by(rows)
        ids = _with_start(known, rows)
        _remark_shared_ids(known, ids, refusals)
        return rows, ids


def _known_by(rows: pa.Table) -> pa.Array | None:
    """The id an attempt is known by besides its start; null where the log gives none."""
    names = rows.column_names
    found = [
        pc.binary_join_element_wise(name, rows[name], ":") for name in ("response_id", "request_id") if name in names
    ]
    if {"trace_id", "span_id"} <= set(names):
        found.append(pc.binary_join_element_wise("span", rows["trace_id"], rows["span_id"], ":"))
    if not found:
        return None
    known = pc.coalesce(*found)
    if "attempt_number" in names:
        number = pc.binary_join_element_wise("", rows["attempt_number"].cast(pa.string()), "#")
        known = pc.binary_join_element_wise(known, pc.coalesce(number, ""), "")
    return known.combine_chunks() if isinstance(known, pa.ChunkedArray) else known


def _with_start(known: pa.Array | None, rows: pa.Table) -> pa.Array | None:
    if known is None:
        return None
    full = pc.binary_join_element_wise(known, rows["event_time"].cast(pa.int64()).cast(pa.string()), "@")
    return full.combine_chunks() if isinstance(full, pa.ChunkedArray) else full


def _remark_shared_ids(known: pa.Array | None, ids: pa.Array | None, refusals: Refusals) -> None:
    """One id on rows with different start times: two calls, and a server or a log that does not tell them apart."""
    if known is None or pc.count_distinct(known).as_py() == pc.count_distinct(ids).as_py():
        return
    counts = pc.value_counts(known)
    shared = counts.field("values").filter(pc.greater(counts.field("counts"), 1))
    mask = np.zeros(refusals.numbers.size, bool)
    mask[~refusals.bad] = pc.is_in(known, value_set=shared.drop_null()).to_numpy(zero_copy_only=False)
    message = "several rows have the same id and different start times; each is booked as an attempt of its own"
    refusals.remark(mask, "shared_id", message, "If they are one call, log its start time in all of them.")
