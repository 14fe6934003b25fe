"""FOCUS Contract Commitment dataset (1.3 and 1.4): what was signed, as its issuer says it, in CSV or Parquet.

    [[source]]
    type = "contract_commitments"
    path = "contracts/*.csv"

A later row of the same commitment replaces an earlier one when the commitments are read; all of them stay in the books. What
FOCUS has no column for (exit terms) comes from a custom column ``x_ExitTerms``, or from [[commitment]].
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import ClassVar

import pyarrow.compute as pc
from pydantic import Field

from netyield.core.period import Period
from netyield.sources.bills.contract_commitment_rows import TABLE, ContractReader, found_columns
from netyield.sources.contract import Chunk, Cursor, Delivery, Probe, SourceSettings
from netyield.sources.file_deliveries import file_deliveries
from netyield.sources.files import Place, header, label, matching, no_file, read_rows, size_bytes


class ContractCommitments:
    """``contract_commitments`` from FOCUS files."""

    type: ClassVar[str] = "contract_commitments"

    class Settings(SourceSettings):
        """Keys of ``type = "contract_commitments"``."""

        path: str = Field(description="Files of the dataset: CSV, JSON Lines or Parquet; a glob names several")

    def __init__(self, settings: Settings, root: Path) -> None:
        self.settings = settings
        self.root = root

    def probe(self) -> Probe:
        """How many commitments, and from when to when; reads the files, which are small."""
        paths = matching(self.root, self.settings.path)
        if not paths:
            missing = no_file(self.type, self.settings.path, self.root)
            return Probe(False, f"no file at {self.settings.path}", findings=(missing,))
        deliveries = list(self.deliveries({}))
        chunks = [chunk for delivery in deliveries for chunk in delivery.chunks()]
        tables = [chunk.tables[TABLE] for chunk in chunks if TABLE in chunk.tables]
        findings = tuple(finding for chunk in chunks for finding in chunk.findings)
        rows = sum(table.num_rows for table in tables)
        ids = {name for table in tables for name in table["commitment_id"].to_pylist()}
        starts, ends = ([end(table[name]).as_py() for table in tables] for end, name in ((pc.min, "period_start"), (pc.max, "period_end")))
        window = Period(min(starts), max(ends)) if tables else None
        found = f"{len(ids):,} contract commitments in {rows:,} rows" if tables else "no contract commitments found"
        return Probe(bool(tables), found, window, rows, size_bytes(*paths), (TABLE,), findings)

    def deliveries(self, cursor: Cursor) -> Iterator[Delivery]:
        """Every matching file, in name order."""

        def make(path: Path, name: str, identity: str) -> Delivery:
            return Delivery(
                name=name, kind="immutable", content_hash=identity, chunks=partial(self._chunks, path, identity), raw=path,
                next_cursor=partial(dict, cursor), size_bytes=size_bytes(path),
            )  # fmt: skip

        yield from file_deliveries(self.type, self.root, self.settings.path, make)

    def _chunks(self, path: Path, identity: str) -> Iterator[Chunk]:
        place = Place(self.type, label(self.root, path))
        names = header(path, place)
        columns, missing = found_columns(names)
        if missing:
            block = next(iter(read_rows(path, place)), None)
            findings = list(block.findings) if block else []
            if names:
                message = f"the file is no FOCUS Contract Commitment dataset: columns {', '.join(missing)} are missing"
                findings.append(place.error("missing_columns", message, "Narrow the path to files of that dataset."))
            yield Chunk(findings=findings)
            return
        reader = ContractReader(place, identity[:32], columns, self.settings.timezone)
        read = False
        for block in read_rows(path, place, list(columns.values())):
            chunk = reader.chunk(block)
            read = read or bool(chunk.tables or chunk.rejected or chunk.findings)
            yield chunk
        if not read:
            yield Chunk(findings=[place.warning("no_rows", "the file has a header and no commitment", "Deliver it whole.")])
