"""FOCUS bills (1.0 to 1.4 and the draft AI keys of 1.5) as CSV, CSV.gz or Parquet files.

    [[source]]
    type = "focus"
    path = "bills/*.csv.gz"
    delivery = "immutable"     # or "snapshot": a newer file replaces the same issuer, account and billing period
    columns = {BilledCost = "cost_in_billing_currency"}    # only for renamed columns
    gpu_count_tag = "gpus"     # a tag that says how many GPUs an instance has, where SkuPriceDetails does not
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import ClassVar, Literal

import pyarrow.compute as pc
from pydantic import Field

from netyield.core.finding import Finding
from netyield.core.period import Period
from netyield.sources.bills.focus_columns import Layout, layout
from netyield.sources.bills.focus_rows import FocusReader
from netyield.sources.bills.snapshot import KEY_COLUMNS, snapshot_keys
from netyield.sources.contract import Chunk, Cursor, Delivery, Probe, SourceSettings
from netyield.sources.file_deliveries import file_deliveries
from netyield.sources.files import Place, estimated_rows, header, label, matching, no_file, read_rows, size_bytes

PROBED_FILES = 20
NUMBERED_PART = re.compile(r"(part[-_]?|[-_]0+)\d+", re.IGNORECASE)


class Focus:
    """Charges from FOCUS Cost and Usage files."""

    type: ClassVar[str] = "focus"

    class Settings(SourceSettings):
        """Keys of ``type = "focus"``."""

        path: str
        delivery: Literal["immutable", "snapshot"] = "immutable"
        columns: dict[str, str] = Field(default_factory=dict)
        gpu_count_tag: str | None = None

    def __init__(self, settings: Settings, root: Path) -> None:
        self.settings = settings
        self.root = root

    def probe(self) -> Probe:
        """Versions, rows (estimated), currencies and window, from the first block of at most twenty files."""
        paths = matching(self.root, self.settings.path)
        if not paths:
            missing = no_file(self.type, self.settings.path, self.root)
            return Probe(False, f"no file at {self.settings.path}", findings=(missing,))
        seen = [self._probe_file(path) for path in paths[:PROBED_FILES]]
        windows = [probe.window for probe in seen if probe.window]
        window = Period(min(w.since for w in windows), max(w.until for w in windows)) if windows else None
        rows = sum(probe.rows or 0 for probe in seen)
        kinds = ", ".join(sorted({probe.found for probe in seen if probe.found})) or "no charges found"
        sample = f" in the first {PROBED_FILES}" if len(paths) > PROBED_FILES else ""
        found = f"{len(paths)} bill file{'s' if len(paths) > 1 else ''}, {rows:,} rows{sample}: {kinds}"
        findings = [*self._parts(paths), *(finding for probe in seen for finding in probe.findings)]
        size = size_bytes(*paths)
        return Probe(any(p.reachable for p in seen), found, window, rows, size, ("charges",), tuple(findings))

    def _probe_file(self, path: Path) -> Probe:
        place, plan = self._plan(path)
        block = next(iter(read_rows(path, place, plan.file_columns or None)), None)
        if block is None or plan.missing:
            remarks = [*(block.findings if block else ()), *_not_a_bill(plan, place)]
            return Probe(False, "", findings=tuple(remarks))
        chunk = self._reader(plan, place, "probe").chunk(block)
        charges = chunk.tables.get("charges")
        if charges is None:
            return Probe(True, f"FOCUS {plan.version}", rows=0, findings=tuple(chunk.findings))
        window = Period(pc.min(charges["charge_start"]).as_py(), pc.max(charges["charge_end"]).as_py())
        currencies = "/".join(sorted(charges["currency"].unique().to_pylist()))
        rows = estimated_rows(path, block)
        return Probe(True, f"FOCUS {plan.version} in {currencies}", window, rows, findings=tuple(chunk.findings))

    def _parts(self, paths: list[Path]) -> list[Finding]:
        """Numbered parts of one export would replace each other as snapshots."""
        parts = [path for path in paths if NUMBERED_PART.search(path.stem)]
        if self.settings.delivery != "snapshot" or len({path.parent for path in parts}) == len(parts):
            return []
        message = "the files look like numbered parts of one export; as snapshots each part replaces the one before"
        repair = 'Join the parts into one file, or set delivery = "immutable".'
        return [Place(self.type, label(self.root, parts[0])).warning("parts", message, repair, count=len(parts))]

    def deliveries(self, cursor: Cursor) -> Iterator[Delivery]:
        """Every matching file, in name order (for snapshots the last one wins)."""

        def make(path: Path, name: str, identity: str) -> Delivery:
            return Delivery(
                name=name,
                kind=self.settings.delivery,
                content_hash=identity,
                chunks=partial(self._chunks, path, identity),
                raw=path,
                next_cursor=partial(dict, cursor),
                snapshot_keys=partial(self._snapshot_keys, path),
                size_bytes=size_bytes(path),
            )

        yield from file_deliveries(self.type, self.root, self.settings.path, make)

    def _chunks(self, path: Path, identity: str) -> Iterator[Chunk]:
        place, plan = self._plan(path)
        if plan.missing:
            block = next(iter(read_rows(path, place)), None)
            yield Chunk(findings=[*(block.findings if block else ()), *_not_a_bill(plan, place)])
            return
        reader = self._reader(plan, place, identity[:32])
        for block in read_rows(path, place, plan.file_columns):
            yield reader.chunk(block)
        yield from reader.finish()

    def _snapshot_keys(self, path: Path) -> tuple[str, ...]:
        if self.settings.delivery != "snapshot":
            return ()
        place, plan = self._plan(path)
        names = [name for column in KEY_COLUMNS for name in plan.columns.get(column, ())]
        return snapshot_keys(read_rows(path, place, names), plan, self.settings.timezone) if names else ()

    def _plan(self, path: Path) -> tuple[Place, Layout]:
        place = Place(self.type, label(self.root, path))
        return place, layout(header(path, place), self.settings.columns)

    def _reader(self, plan: Layout, place: Place, identity: str) -> FocusReader:
        return FocusReader(plan, place, identity, self.settings.timezone, self.settings.gpu_count_tag)


def _not_a_bill(plan: Layout, place: Place) -> list[Finding]:
    """Why a file gives no charges: another FOCUS dataset (worth knowing) or no FOCUS file (an error)."""
    if plan.other_dataset:
        message = f"this is the FOCUS {plan.other_dataset} dataset, not Cost and Usage; it was not read"
        repair = "Narrow the path if this remark is unwanted."
        if plan.other_dataset == "Contract Commitment":
            repair = 'Read it with [[source]] type = "contract_commitments".'
        return [place.info("other_dataset", message, repair)]
    if not plan.header:
        return []  # empty or damaged: the reader of the file has said so
    message = f"the file is no FOCUS bill: columns {', '.join(plan.missing)} are missing"
    return [place.error("missing_columns", message, "Name renamed columns in the source's columns setting.")]
