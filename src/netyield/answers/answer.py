"""What every face receives: a table, a headline, the words for it, and how it is known."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa

from netyield.core.finding import Finding
from netyield.core.period import Period


@dataclass(frozen=True, slots=True)
class AnswerColumn:
    """A column of an answer's table: its unit and meaning, printed as the table's header and tooltip.

    ``kind`` tells a face how to print it: text, money, share (0..1), number, hours, tokens, time, or flag.
    """

    name: str
    kind: str
    unit: str
    description: str


@dataclass(frozen=True)
class Answer:
    """One question answered over one window.

    ``table``: one row per line, money as DECIMAL(38,12), unknown as null. ``views``: further tables by name (trend,
    heat map) with their own columns. ``headline``: the JSON object of the contract, amounts as decimal strings.
    ``description``: the one sentence a screen reader and an e-mail use. ``drill``: the words ``netyield explain``
    takes for each row. The same inputs and ``as_of`` give the same bytes.
    """

    name: str
    title: str
    as_of: str
    window: Period
    currency: str
    basis: str
    table: pa.Table
    columns: tuple[AnswerColumn, ...]
    headline: Mapping[str, Any]
    description: str
    caveats: tuple[str, ...] = ()
    drill: Mapping[str, str] = field(default_factory=dict)
    views: Mapping[str, tuple[pa.Table, tuple[AnswerColumn, ...]]] = field(default_factory=dict)
    findings: tuple[Finding, ...] = ()
    body: Mapping[str, Any] = field(default_factory=dict)  # the --json object, ready to serialise
