"""An event log of any shape, read by a mapping: which column holds what, and what does the file not say?

    columns = {time = "ts", model = "model", input_tokens = "usage.prompt_tokens"}   # a dot leads into objects
    set = {provider = "openai"}                                                      # constants
    time_unit = "iso"                                                                # or s, ms, us, ns since 1970

With ``columns`` left out, columns with usual names are taken. Only mapped columns are read.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pydantic import Field, field_validator

from netyield.sources.event_columns import TimeUnit, words
from netyield.sources.event_keys import content
from netyield.sources.event_log import EventLog, EventLogSettings, Events
from netyield.sources.files import file_format, header, read_rows
from netyield.sources.mapped_columns import cells, check_words, mapping_findings, proposed_columns
from netyield.sources.opened import Block, Place
from netyield.sources.refusals import Refusals, shown

Columns = Mapping[str, pa.Array]


class MappedSettings(EventLogSettings):
    """Keys of every mapped event log."""

    words: ClassVar[Collection[str]]
    aliases: ClassVar[Mapping[str, str]] = {}

    columns: dict[str, str] = Field(default_factory=dict)
    set: dict[str, str | int | float] = Field(default_factory=dict)
    time_unit: TimeUnit = "iso"

    @field_validator("columns", "set")
    @classmethod
    def _known(cls, given: dict[str, Any]) -> dict[str, Any]:
        check_words(given, [*cls.words, *cls.aliases])
        return {cls.aliases.get(word, word): value for word, value in given.items()}


class MappedLog(EventLog):
    """A subclass says what its words are and how mapped columns become rows of its table."""

    words: ClassVar[Collection[str]]
    number_words: ClassVar[Collection[str]]
    unsaid: ClassVar[Collection[str]] = ()  # words whose values neither tell events apart nor stand in quarantine
    settings: MappedSettings

    @abstractmethod
    def usual(self) -> Mapping[str, str]:
        """Usual column names (lower case, underscores) and the word each stands for."""

    @abstractmethod
    def needed(self, mapping: Mapping[str, str]) -> Sequence[Collection[str]]:
        """Groups of words; of each at least one must be mapped and in the file."""

    @abstractmethod
    def rows(self, columns: Columns, refusals: Refusals) -> tuple[pa.Table, pa.Array | None]:
        """The rows that stand, and what each is known by (null: its content)."""

    def at_the_edge(self, mapped: Columns) -> Columns:
        """The mapped columns as everything after sees them."""
        return mapped

    def read(self, path: Path, place: Place) -> Iterator[Events]:
        """The rows of one file in blocks."""
        names, kind = header(path, place), file_format(path)
        mapping = dict(self.settings.columns) or proposed_columns(names, self.words, self.usual())
        findings = mapping_findings(mapping, names, self.needed(mapping), place) if names else []
        if any(finding.severity == "error" for finding in findings):
            yield Events(pa.table({}), findings=findings)
            return
        wanted = list(mapping.values())
        if kind == "parquet":
            wanted += [name.split(".")[0] for name in wanted]
        if kind == "jsonl":  # a line may lack any key, and have others
            findings = []
        for block in read_rows(path, place, wanted):
            events = self._events(block, mapping, place)
            events.findings = findings + events.findings
            findings = []
            yield events

    def _events(self, block: Block, mapping: Mapping[str, str], place: Place) -> Events:
        found = {word: cells(block.rows, column) for word, column in mapping.items()}
        mapped = self.at_the_edge({word: column for word, column in found.items() if column is not None})
        numbers = block.numbers.to_numpy(zero_copy_only=False).astype(np.int64)
        findings = list(block.findings)
        if not numbers.size or "time" not in mapped:
            if numbers.size:
                message = "the rows have no time column; none of them was read"
                findings.append(place.error("missing_column", message, "Is this the right file?", int(numbers[0])))
            return Events(pa.table({}), rejected=list(block.rejected), findings=findings)
        refusals = Refusals(place, numbers, lambda at: self._record(mapped, at))
        rows, ids = self.rows(self._with_constants(mapped, numbers.size), refusals)
        texts = None
        if ids is None or ids.null_count:
            texts = content({word: words(column) for word, column in mapped.items() if word not in self.unsaid})
            texts = texts.filter(refusals.good) if refusals.bad.any() else texts
        rejected = [*block.rejected, *refusals.rejected]
        return Events(rows, ids, texts, rejected, [*findings, *refusals.findings])

    def _with_constants(self, mapped: Columns, count: int) -> dict[str, pa.Array]:
        """Constants fill what is not mapped, and the empty cells of what is."""
        columns = dict(mapped)
        for word, value in self.settings.set.items():
            constant = pa.repeat(pa.scalar(str(value)), count)
            columns[word] = pc.coalesce(words(mapped[word]), constant) if word in mapped else constant
        return columns

    def _record(self, mapped: Columns, at: int) -> dict[str, object]:
        return {
            word: shown(column[at].as_py(), number=word in self.number_words)
            for word, column in mapped.items()
            if word not in self.unsaid
        }
