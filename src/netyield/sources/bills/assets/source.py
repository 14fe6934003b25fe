"""Owned hardware as a source: an asset register (TOML or CSV) makes charges like any bill.

    [[source]]
    type = "assets"
    path = "assets.toml"

Charges are made up to the end of the current month (or ``until``). A changed register replaces what it said before; what
differs in a closed month is posted as a correction.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from datetime import UTC, date, datetime
from functools import partial
from pathlib import Path
from typing import ClassVar

from pydantic import Field, field_validator

from netyield.core.depreciation import clock, first_day
from netyield.core.finding import Finding
from netyield.sources.bills.assets.admit import CODE
from netyield.sources.bills.assets.charges import lines, open_ends
from netyield.sources.bills.assets.register import Register, read_register
from netyield.sources.contract import Chunk, Cursor, Delivery, Probe, SourceSettings, unreadable
from netyield.sources.files import Place, matching, no_file


class Assets:
    """``charges`` from an asset register."""

    type: ClassVar[str] = "assets"

    class Settings(SourceSettings):
        """Keys of ``type = "assets"``."""

        path: str = Field(description="Asset register, TOML or CSV; a glob names several")
        until: date | None = Field(None, description="First day without charges, a first of a month (default: of next month)")

        @field_validator("until")
        @classmethod
        def _first(cls, day: date | None) -> date | None:
            if day is not None and day.day != 1:
                message = f"until is the first of a month, not {day}"
                raise ValueError(message)
            return day

    def __init__(self, settings: Settings, root: Path) -> None:
        self.settings = settings
        self.root = root

    def registers(self) -> list[tuple[str, Register]]:
        """Every register the path names, read."""
        return [(path.name, read_register(path, path.name)) for path in matching(self.root, self.settings.path)]

    def probe(self) -> Probe:
        """How many assets there are and what they cost."""
        found = self.registers()
        if not found:
            missing = no_file(self.type, self.settings.path, self.root)
            return Probe(False, missing.message, findings=(missing,))
        findings = [finding for name, each in found for finding in self._findings(name, each)]
        assets = [asset for _, each in found for asset in each.assets]
        gpus = sum(asset.terms.gpus for asset in assets)
        words = f"{len(assets):,} owned asset{'s' if len(assets) != 1 else ''} with {gpus:,} GPUs"
        return Probe(True, words, None, None, None, ("charges",), tuple(findings))

    def deliveries(self, cursor: Cursor) -> Iterator[Delivery]:
        """One snapshot per register."""
        for path in matching(self.root, self.settings.path):
            register = read_register(path, path.name)
            try:
                raw = b"\0".join(file.read_bytes() for file in register.files if file.is_file())
            except OSError as error:
                yield unreadable(self.type, path.name, error)
                continue
            until = self._until()
            key = f"{self.settings.name or self.type}|{path.name}"
            named = f"{self.type}|{key}|{until}|".encode()
            yield Delivery(
                name=path.name,
                kind="snapshot",
                content_hash=hashlib.sha256(named + raw).hexdigest(),
                chunks=partial(self._chunks, path.name, register, until),
                raw=raw,
                next_cursor=partial(dict, cursor),
                snapshot_keys=partial(tuple, [key]),
                size_bytes=len(raw),
            )

    def _until(self) -> date:
        if self.settings.until is not None:
            return self.settings.until
        return first_day(int(clock(datetime.now(UTC).date())) + 1)

    def _findings(self, name: str, register: Register) -> list[Finding]:
        return [*register.findings, *open_ends(register, Place(CODE, name), self._until())]

    def _chunks(self, name: str, register: Register, until: date) -> Iterator[Chunk]:
        tables = {"charges": lines(register, name, until)} if register.assets else {}
        yield Chunk(tables=tables, findings=self._findings(name, register))
