"""LiteLLM: what did the gateway log of every call?

    [[source]]
    type = "litellm"
    path = "litellm/*.jsonl"        # spend log exports or logged payloads: CSV, Parquet, JSON
    # or: dsn = "env:LITELLM_DATABASE_URL"   the table LiteLLM_SpendLogs, read live and read only

Its spend is kept as a cross-check (``reported_cost``, USD) and is never the price: it is a float, with the gateway's
own margins and discounts. See litellm_payload for what its fields mean.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import ClassVar

from pydantic import field_validator, model_validator

from netyield.sources.contract import Cursor, Delivery, Probe
from netyield.sources.event_log import EventLog, EventLogSettings, Events
from netyield.sources.files import file_format
from netyield.sources.opened import Place
from netyield.sources.secret import check_reference, read_secret
from netyield.sources.traffic.litellm_file import framing, records
from netyield.sources.traffic.litellm_rows import MESSAGES, events_of
from netyield.sources.traffic.litellm_table import SpendTable
from netyield.sources.traffic.prefix import PrefixSettings, maker


class LiteLLM(EventLog):
    """Source type ``litellm``."""

    type: ClassVar[str] = "litellm"
    table: ClassVar[str] = "attempts"

    class Settings(EventLogSettings, PrefixSettings):
        """Keys of a ``litellm`` source: ``path`` or ``dsn``. Times are UTC in LiteLLM's table."""

        path: str = ""
        dsn: str = ""
        page_rows: int = 50_000
        overlap_minutes: int = 360  # rows are written when a call ends: long calls arrive late
        statement_timeout_seconds: int = 60

        _reference = field_validator("dsn")(check_reference)

        @model_validator(mode="after")
        def _one_place(self) -> LiteLLM.Settings:
            if bool(self.path) == bool(self.dsn):
                message = 'give either path = "..." or dsn = "env:NAME"'
                raise ValueError(message)
            if self.dsn and self.fingerprint_key:
                message = "fingerprint_key works with path: prompts never leave the database"
                raise ValueError(message)
            return self

    settings: Settings

    def __init__(self, settings: Settings, root: Path) -> None:
        super().__init__(settings, root)

    def probe(self) -> Probe:
        """The files, or the table, and what they cover."""
        return self._spend_table().probe() if self.settings.dsn else super().probe()

    def deliveries(self, cursor: Cursor) -> Iterator[Delivery]:
        """New rows of the files, or pages of the table."""
        return self._spend_table().deliveries(cursor) if self.settings.dsn else super().deliveries(cursor)

    def _spend_table(self) -> SpendTable:
        settings = self.settings
        return SpendTable(
            read_secret(settings.dsn, self.root), settings.page_rows, settings.overlap_minutes,
            settings.statement_timeout_seconds, self.clock,
        )

    def line_by_line(self, path: Path) -> bool:
        """One record per line, so that it can be read from the middle?"""
        kind = framing(path)
        return kind == "lines" or (kind == "table" and file_format(path) == "csv")

    def read(self, path: Path, place: Place) -> Iterator[Events]:
        """The records of one file as attempts."""
        made = maker(self.settings, self.root)
        for numbered, rejected, findings in records(path, place, (MESSAGES,) if made else ()):
            events = events_of(numbered, place, self.clock(), made)
            events.rejected = [*rejected, *events.rejected]
            events.findings = [*findings, *events.findings]
            yield events
