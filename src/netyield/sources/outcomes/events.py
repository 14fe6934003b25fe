"""Outcome events: was the answer used, and how well is that known?

    columns = {time = "ts", verdict = "feedback", request_id = "call"}
    set = {signal = "thumbs"}
    verdicts = {stars = "accepted"}       # words of your own
    positive_above = "0.5"                # a number (verdict or score) above it is accepted, others are rejected
    grade = 4                             # of every record; or grades = {my_signal = 3} by kind

An event joins its call by the first key that is given: response id, span, request id, turn of a conversation, agent
run, event key. It may come late, twice or contradict another: the ledger matches and decides. Its identity is its
outcome id, else its content. See mapped_log for ``columns`` and ``set``, verdicts for words and grades.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any, ClassVar, Literal

import pyarrow as pa
import pyarrow.compute as pc
from pydantic import Field, field_validator

from netyield.sources.event_columns import words
from netyield.sources.event_start import start_times
from netyield.sources.mapped_log import Columns, MappedLog, MappedSettings
from netyield.sources.outcomes.verdicts import Policy, grades, known_verdicts, shares, signals, verdicts, words_for
from netyield.sources.refusals import Refusals

# The ladder, in the order in which keys are tried; several words make one key, joined with "/".
LADDER = {
    "response_id": ("response_id",),
    "span": ("trace_id", "span_id"),
    "request_id": ("request_id",),
    "turn": ("conversation_id", "turn"),
    "agent_run_id": ("agent_run_id",),
    "event_key": ("event_key",),
}
KEY_WORDS = tuple(word for several in LADDER.values() for word in several)
NUMBERS = ("time", "score", "share", "share_percent", "accepted_ppm", "grade")
KNOWN_WORDS = (*NUMBERS, "verdict", "signal", "outcome_id", *KEY_WORDS)
SAYS = ("verdict", "score", "share")


class OutcomeEvents(MappedLog):
    """Source type ``outcomes``."""

    type: ClassVar[str] = "outcomes"
    table: ClassVar[str] = "outcomes"
    words: ClassVar[Collection[str]] = KNOWN_WORDS
    number_words: ClassVar[Collection[str]] = NUMBERS

    class Settings(MappedSettings):
        """Keys of an ``outcomes`` source."""

        words: ClassVar[Collection[str]] = KNOWN_WORDS
        aliases: ClassVar[Mapping[str, str]] = {"run_id": "agent_run_id", "litellm_call_id": "request_id"}

        verdicts: dict[str, str] = Field(default_factory=dict)
        positive_above: Decimal | None = None
        negative_below: Decimal | None = None
        grade: Literal[1, 2, 3, 4] | None = None
        grades: dict[str, Literal[1, 2, 3, 4]] = Field(default_factory=dict)

        @field_validator("positive_above", "negative_below", mode="before")
        @classmethod
        def _exact(cls, given: Any) -> Any:
            return repr(given) if isinstance(given, float) else given

        @field_validator("verdicts")
        @classmethod
        def _known_verdict(cls, given: dict[str, str]) -> dict[str, str]:
            for word, verdict in given.items():
                if verdict not in known_verdicts():
                    message = f"{word!r} = {verdict!r}: the verdicts are {', '.join(known_verdicts())}"
                    raise ValueError(message)
            return given

    settings: Settings

    def __init__(self, settings: Settings, root: Path) -> None:
        super().__init__(settings, root)

    def usual(self) -> Mapping[str, str]:
        """How feedback logs usually call their columns."""
        return words_for("columns")

    def needed(self, mapping: Mapping[str, str]) -> Sequence[Collection[str]]:
        """A time, a verdict in some form (or a constant one) and a key."""
        del mapping
        groups: list[Collection[str]] = [("time",), KEY_WORDS]
        return groups if "verdict" in self.settings.set else [*groups, SAYS]

    def rows(self, columns: Columns, refusals: Refusals) -> tuple[pa.Table, pa.Array | None]:
        """Outcomes, and their ids where the log gives any."""
        settings = self.settings
        policy = Policy(
            settings.verdicts, settings.grades, settings.positive_above, settings.negative_below, settings.grade
        )
        start = start_times(columns["time"], settings.time_unit, settings.timezone, self.clock(), refusals)
        verdict = verdicts(columns, policy, refusals)
        accepted = shares(columns, refusals)
        key_type, key = _keys(columns, refusals)
        grade = grades(columns, verdict, policy, refusals)
        signal = signals(columns)
        rows = pa.table(
            {
                "row_number": pa.array(refusals.numbers), "event_time": start.array(), "key_type": key_type, "key": key,
                "verdict": verdict, "accepted_ppm": accepted, "grade": grade,
                **({} if signal is None else {"signal": signal}),
            }
        )
        ids = words(columns["outcome_id"]) if "outcome_id" in columns else None
        good = refusals.good
        return rows.filter(good), None if ids is None else ids.filter(good)


def _keys(columns: Columns, refusals: Refusals) -> tuple[pa.Array, pa.Array]:
    """(kind of key, key): the first of the ladder that a row gives."""
    kinds: pa.Array = pa.nulls(refusals.numbers.size, pa.string())
    keys = kinds
    for kind, parts in LADDER.items():
        if all(part in columns for part in parts):
            cells = [words(columns[part]) for part in parts]
            key = cells[0] if len(cells) == 1 else pc.binary_join_element_wise(*cells, "/")
            kinds = pc.coalesce(kinds, pc.if_else(pc.is_valid(key), kind, None))
            keys = pc.coalesce(keys, key)
    message = "the row has no key that leads to a call"
    repair = f"Map one of {', '.join(KEY_WORDS)}."
    refusals.refuse(pc.is_null(keys).to_numpy(zero_copy_only=False), "no_key", message, repair)
    return kinds, keys
