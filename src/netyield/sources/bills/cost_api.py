"""What the cost APIs of token vendors have in common: saved pages or live ones, one snapshot per day.

A newer answer about a day replaces the older one (the vendors correct recent days), so that saved pages, overlapping
windows and repeated live reads give the same books.
"""

from __future__ import annotations

import hashlib
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any, ClassVar

from netyield.core.errors import SourceError
from netyield.core.finding import Finding
from netyield.core.period import Period, iso, parse_time
from netyield.sources.bills.cost_api_settings import CostApiSettings
from netyield.sources.bills.snapshot import snapshot_key
from netyield.sources.bills.vendor_charges import BadLine, CostLine, Vendor, charges
from netyield.sources.bills.vendor_pages import (
    CostApiClient,
    Params,
    incomplete,
    pages,
    saved_bytes,
    unreadable,
    windows,
)
from netyield.sources.contract import Chunk, Cursor, Delivery, Probe
from netyield.sources.contract import unreadable as unreadable_file
from netyield.sources.files import Place, label, matching, no_file, size_bytes
from netyield.sources.secret import read_secret


class CostApi(ABC):
    """A source of daily cost lines. Subclasses know the vendor's address, headers and words."""

    type: ClassVar[str]
    vendor_name: ClassVar[str]
    service: ClassVar[str]
    endpoint: ClassVar[str]

    def __init__(self, settings: CostApiSettings, root: Path) -> None:
        self.settings = settings
        self.root = root

    @abstractmethod
    def headers(self, key: str) -> Mapping[str, str]:
        """Headers of a live request."""

    @abstractmethod
    def params(self, window: Period) -> Params:
        """Query of a live request for the days of ``window``."""

    @abstractmethod
    def bucket(self, bucket: Mapping[str, Any]) -> tuple[datetime, datetime]:
        """Start and end of a day's bucket. Raises ValueError or KeyError when it says none."""

    @abstractmethod
    def line(self, result: Mapping[str, Any]) -> tuple[str, str, dict[str, Any]]:
        """(amount in whole units, currency, charges columns). Raises ValueError or KeyError."""

    def remarks(self, place: Place) -> list[Finding]:
        """What everyone should know about this vendor's report."""
        del place
        return []

    def probe(self) -> Probe:
        """Saved: read the pages. Live: ask for today only, which shows whether the key is accepted."""
        if self.settings.url:
            return self._probe_live()
        paths = matching(self.root, self.settings.path)
        if not paths:
            missing = no_file(self.type, self.settings.path, self.root)
            return Probe(False, f"no file at {self.settings.path}", findings=(missing,))
        days: list[tuple[datetime, datetime]] = []
        rows, findings = 0, []
        for path in paths:
            try:
                listed = pages(saved_bytes(path))
            except (ValueError, OSError) as error:
                findings.append(unreadable(Place(self.type, label(self.root, path)), error))
                continue
            lines = [line for line in self._lines(listed) if isinstance(line, CostLine)]
            days += [(line.start, line.end) for line in lines]
            rows += len(lines)
        window = Period(min(d[0] for d in days), max(d[1] for d in days)) if days else None
        found = f"{len(paths)} {self.vendor_name} cost file{'s' if len(paths) > 1 else ''}, {rows:,} lines"
        size = size_bytes(*paths)
        return Probe(bool(days), found, window, rows, size, ("charges",), tuple(findings))

    def _probe_live(self) -> Probe:
        now = datetime.now(UTC)
        try:
            listed = pages(self._client().fetch(self.params(next(windows(now, now)))))
        except SourceError as error:
            finding = Place(self.type, self._address()).error("unreachable", error.message, error.repair)
            return Probe(False, f"{self.vendor_name} does not answer", findings=(finding,))
        rows = sum(1 for _ in self._lines(listed))
        window = Period(self._since({}), now)
        return Probe(True, f"{self.vendor_name} costs, {rows} lines today", window, tables=("charges",))

    def deliveries(self, cursor: Cursor) -> Iterator[Delivery]:
        """Saved files in name order, or one delivery per window of at most 31 days since the cursor."""
        if not self.settings.url:
            for path in matching(self.root, self.settings.path):
                try:
                    content = saved_bytes(path)
                except OSError as error:
                    yield unreadable_file(self.type, label(self.root, path), error)
                    continue
                yield self._delivery(label(self.root, path), content, path, cursor)
            return
        client = self._client()
        for window in windows(self._since(cursor), datetime.now(UTC)):
            content = client.fetch(self.params(window))
            name = f"{self.vendor_name} costs {window}"
            yield self._delivery(name, content, content, {**cursor, "until": iso(window.until)})

    def _delivery(self, name: str, content: bytes, raw: Path | bytes, cursor: Cursor) -> Delivery:
        place = Place(self.type, name)
        identity = hashlib.sha256(content).hexdigest()
        return Delivery(
            name=name,
            kind="snapshot",
            content_hash=identity,
            chunks=partial(self._chunks, content, place, identity),
            raw=raw,
            next_cursor=lambda: cursor,
            snapshot_keys=partial(self._keys, content),
            size_bytes=len(content),
        )

    def _chunks(self, content: bytes, place: Place, identity: str) -> Iterator[Chunk]:
        try:
            listed = pages(content)
        except ValueError as error:
            yield Chunk(findings=[unreadable(place, error)])
            return
        vendor = Vendor(self.vendor_name, self.service, self.settings.organization)
        chunk = charges(self._lines(listed), vendor, place, identity)
        chunk.findings += self.remarks(place)
        if incomplete(listed) and self.settings.path:
            message = "the last page says that more pages follow; days after it are missing"
            chunk.findings.append(place.warning("more_pages", message, "Save the pages up to the last one."))
        yield chunk

    def _keys(self, content: bytes) -> tuple[str, ...]:
        """One key per day of the answer, also for a day without costs: an emptied day replaces the old one."""
        try:
            listed = pages(content)
        except ValueError:
            return ()
        starts = {start for _, start, _ in self._buckets(listed) if start is not None}
        return tuple(sorted(snapshot_key(self.vendor_name, self.settings.organization, start) for start in starts))

    def _buckets(
        self, listed: list[dict[str, Any]]
    ) -> Iterator[tuple[Mapping[str, Any], datetime | None, datetime | None]]:
        for page in listed:
            for bucket in page["data"]:
                try:
                    start, end = self.bucket(bucket)
                    if start >= end:
                        start, end = start, start + timedelta(days=1)
                    yield bucket, start, end
                except (KeyError, ValueError, TypeError, OverflowError, OSError):
                    yield bucket if isinstance(bucket, dict) else {}, None, None

    def _lines(self, listed: list[dict[str, Any]]) -> Iterator[CostLine | BadLine]:
        """Every result of every bucket, numbered from 1 through the whole delivery."""
        number = 0
        for bucket, start, end in self._buckets(listed):
            results = bucket.get("results")
            if start is None or end is None or not isinstance(results, list):
                number += 1
                yield BadLine(number, "a day has no readable time or no results", {})
                continue
            for result in results:
                number += 1
                try:
                    amount, currency, columns = self.line(result)
                except (KeyError, ValueError, TypeError, AttributeError) as error:
                    yield BadLine(number, f"the line says no amount or currency ({error})", {"start": start})
                    continue
                yield CostLine(number, start, end, amount, currency, columns)

    def _since(self, cursor: Cursor) -> datetime:
        first = datetime.now(UTC) - timedelta(days=self.settings.lookback_days)
        if self.settings.since:
            first = parse_time(self.settings.since, self.settings.timezone)
        if "until" not in cursor:
            return first
        return max(first, parse_time(str(cursor["until"])) - timedelta(days=self.settings.revisit_days + 1))

    def _address(self) -> str:
        base = self.settings.url.rstrip("/")
        return base if base.endswith(self.endpoint) else base + self.endpoint

    def _client(self) -> CostApiClient:
        key = read_secret(self.settings.key, self.root)
        return CostApiClient(self.vendor_name, self._address(), self.headers(key))


def currency_code(written: Any) -> str:
    """An ISO 4217 code in capitals. Raises ValueError for anything else."""
    code = str(written).strip().upper()
    if len(code) != 3 or not code.isascii() or not code.isalpha():
        message = f"{written!r} is no currency"
        raise ValueError(message)
    return code
