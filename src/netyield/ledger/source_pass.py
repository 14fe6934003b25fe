"""One pass over one source: which deliveries are new, and what do they make of the books?"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from datetime import datetime
from functools import partial
from typing import Any

import pyarrow as pa

from netyield.core.finding import Finding, Severity, aggregate
from netyield.core.period import TIMESTAMP
from netyield.ledger import bill_overlap
from netyield.ledger.guard import Guard, SourceFailed
from netyield.ledger.merge import SUPERSEDED, Merged
from netyield.ledger.outcome_matching import matched_until
from netyield.ledger.repeats import BookedKeys, Repeats, leave_out
from netyield.ledger.staging import QUARANTINE, Booking, Staging, by_snapshot_key, posting_periods
from netyield.sources.contract import Delivery, Source
from netyield.store.engine import Engine
from netyield.store.manifest import DeliveryRecord, Manifest, Segment
from netyield.store.writer import Writer

GIVE_UP_AFTER = 3  # failed deliveries in a row: the source is down, not one file bad
_PLACE_KEYS = {"name", "path", "url"}  # settings that say where to read, not how


@dataclass(slots=True)
class Run:
    """One call of ``ingest``: what it works with and what it has done so far."""

    writer: Writer
    engine: Engine
    tenant: str
    now: datetime
    run_id: str
    progress: Callable[[str, int], None]
    keep_raw_max_bytes: int
    findings: list[Finding] = field(default_factory=list)
    booked: list[DeliveryRecord] = field(default_factory=list)
    skipped: int = 0


class SourcePass:
    """Reads one source from its cursor and books what is new, one delivery per manifest."""

    def __init__(self, run: Run, name: str, source: Source) -> None:
        self.run, self.name, self.source = run, name, source
        self.writer = run.writer
        self.guard = Guard(name, source.type)
        self.keys = BookedKeys(run.engine, run.writer, name)
        self.settings = self.guard.call(lambda: _settings_hash(source), "reading its settings")
        self.cursor_valid = True
        self.failures = 0
        self.seen: set[str] = set()
        self.faults = 0
        self.known_snapshots: list[tuple[Delivery, DeliveryRecord]] = []
        self.booked_keys: dict[str, str] = {}

    def read(self) -> None:
        """Book all deliveries. Raises SourceFailed when they cannot be listed (what was booked before stays)."""
        try:
            cursor = self.writer.manifest.cursors.get(self.name, {})
            for delivery in self.guard.items(lambda: iter(self.source.deliveries(cursor)), "listing its deliveries"):
                if delivery.fault is not None:
                    self.run.findings.append(delivery.fault)
                    self.faults += 1
                    continue
                self.seen.add(delivery.content_hash)
                self._take(delivery)
                if self.failures >= GIVE_UP_AFTER:
                    break
            if not self.faults:  # what cannot be read just now is not gone
                self._follow_back()
            if not self.seen and not self.faults:
                probe = self.guard.call(self.source.probe, "probing it")
                self.run.findings += () if probe.reachable else probe.findings
        finally:
            self.keys.forget()

    def _take(self, delivery: Delivery) -> None:
        known = self._known(delivery)
        if known is None:
            self._try(delivery)
            return
        self.run.skipped += 1
        if known.settings != self.settings:
            message = "the settings of this source changed after deliveries were booked; their rows stand as read then."
            repair = "To read them anew, move the data folder (.netyield) aside and ingest again."
            self._remark("ledger.settings_changed", message, repair, self.name)
        if delivery.kind == "snapshot":
            self.known_snapshots.append((delivery, known))

    def _try(self, delivery: Delivery) -> None:
        try:
            self._book(delivery)
            self.failures = 0
        except SourceFailed as failed:
            self.writer.discard()
            self.run.findings.append(failed.finding)
            self.failures += 1
            self.cursor_valid = False  # a later cursor would pass over what failed

    def _known(self, delivery: Delivery) -> DeliveryRecord | None:
        for key in (delivery.content_hash, self._second_hash(delivery)):
            record = self.writer.manifest.deliveries.get(key)
            if record is not None and record.source == self.name and record.content_hash == delivery.content_hash:
                return record
        return None

    def _second_hash(self, delivery: Delivery) -> str:
        return hashlib.sha256(f"{self.name}\n{delivery.content_hash}".encode()).hexdigest()

    def _follow_back(self) -> None:
        """The newer snapshot is no longer delivered and the older one still is: the source went back to it."""
        for delivery, record in self.known_snapshots:
            holders = {holder(self.writer.manifest, self.name, key) for key in record.snapshot_keys}
            if holders and record.content_hash not in holders and not holders & self.seen:
                message = "the delivery that had replaced this one is no longer delivered; the books follow back to it."
                repair = "If the newer one was removed by mistake, put it back and ingest again."
                self._remark("ledger.period_taken_back", message, repair, delivery.name)
                self.run.skipped -= 1
                self._try(delivery)

    def _book(self, delivery: Delivery) -> None:
        """Stage, settle and commit one delivery."""
        staging = self._stage(delivery)
        keys = self._periods(delivery, staging)
        self._without_overlap(delivery, staging)
        dropped = self._replaced(delivery, staging, keys) + self._without_repeats(delivery, staging)
        self.writer.settle(staging.booking.delivery)
        raw = self._keep_raw(delivery, staging)
        cursor = self.guard.call(lambda: _plain(delivery.next_cursor()), "asking for its cursor", delivery.name)
        cursors: dict[str, Any] = {self.name: cursor} if cursor and self.cursor_valid else {}
        if delivery.kind == "snapshot" and any(segment.table == "attempts" for segment in dropped):
            cursors |= matched_until(0)
        findings = aggregate(staging.findings)
        pending = self.writer.pending
        record = DeliveryRecord(
            staging.booking.delivery, self.name, delivery.name, delivery.kind,
            _row_counts(pending, staging.booking.delivery), self.run.now, raw,
            tuple(asdict(finding) for finding in findings), delivery.content_hash, keys, self.settings,
            self.writer.manifest.number + 1, delivery.size_bytes,
        )  # fmt: skip
        self.writer.commit([record], cursors, dropped, recorded_at=self.run.now)
        self.keys.learn(pending)
        self.booked_keys |= dict.fromkeys(keys, delivery.name)
        self.run.booked.append(record)
        self.run.findings += findings

    def _stage(self, delivery: Delivery) -> Staging:
        taken = self.writer.manifest.deliveries.get(delivery.content_hash)
        own = taken is None or taken.source == self.name
        booking = Booking(
            self.run.tenant, self.name, delivery.content_hash if own else self._second_hash(delivery), delivery.name,
            self.run.run_id, self.run.now, frozenset(self.writer.manifest.closed),
            delivery.kind == "snapshot", self._declared(delivery),
        )  # fmt: skip
        self.keys.begin()
        staging = Staging(self.writer, self.run.engine, booking, self.keys.note)
        doing = f"reading {delivery.name}"
        for chunk in self.guard.items(lambda: iter(delivery.chunks()), doing, delivery.name):
            tables = self.guard.call(partial(staging.conforming, chunk), doing, delivery.name)
            staging.add(tables, chunk.findings)
            self.run.progress(self.name, staging.rows)
        staging.finish()
        return staging

    def _declared(self, delivery: Delivery) -> tuple[str, ...]:
        if delivery.kind != "snapshot":
            return ()
        doing = f"asking which periods {delivery.name} redelivers"
        return self.guard.call(lambda: tuple(sorted(set(delivery.snapshot_keys()))), doing, delivery.name)

    def _periods(self, delivery: Delivery, staging: Staging) -> tuple[str, ...]:
        """The snapshot keys this delivery stands for: those it declares and those its rows carry."""
        if delivery.kind != "snapshot":
            return ()
        name_key = staging.booking.name_key
        carried = {segment.snapshot_key for segment in staging.segments if segment.snapshot_key != name_key}
        keys = {key for key in carried if key is not None} | set(self._declared(delivery))
        return tuple(sorted(keys)) or (name_key,)

    def _replaced(self, delivery: Delivery, staging: Staging, keys: tuple[str, ...]) -> list[Segment]:
        """Booked segments of the periods this delivery redelivers."""
        again = sorted({self.booked_keys[key] for key in keys if key in self.booked_keys})
        if again:
            message = f"{again[0]}, read just before, covers the same account and billing period; this replaces it."
            repair = "If both are parts of one export, deliver them as one; otherwise move the outdated one away."
            finding = Finding("ledger.period_replaced_twice", Severity.WARNING, message, repair, delivery.name)
            staging.findings.append(finding)
        gone = {*keys, staging.booking.name_key} if keys else set()
        return [s for s in self.writer.manifest.segments if s.source == self.name and s.snapshot_key in gone]

    def _without_overlap(self, delivery: Delivery, staging: Staging) -> None:
        """Leave out lines of a bill that another file brought already."""
        if delivery.kind != "immutable":
            return
        staged = [segment for segment in staging.segments if segment.table == "charges"]
        found = bill_overlap.find(self.run.engine, self.writer, staged, delivery.name, staging.booking.delivery)
        staging.findings += found.findings
        if found.leave_out:
            for lines in bill_overlap.repeated(self.run.engine, self.writer, staged):
                staging.refuse("charges", lines, bill_overlap.REPEATED, "another file delivered this line of the bill")
            leave_out(self.writer, staged, found.leave_out)
            staging.finish()
            staging.segments = [s for s in self.writer.pending if s.delivery == staging.booking.delivery]

    def _without_repeats(self, delivery: Delivery, staging: Staging) -> list[Segment]:
        """Leave out rows that are booked already and let versions of one event become one row."""
        dropped: list[Segment] = []
        replaces = delivery.kind == "snapshot"
        for table in sorted({segment.table for segment in staging.segments} - {QUARANTINE}):
            staged = [segment for segment in staging.segments if segment.table == table]
            found = self.keys.find(table, staged, replaces)
            if found.leave_out:
                booked = [segment for segment in self.writer.manifest.of(table) if segment.source == self.name]
                dropped += leave_out(self.writer, (*staged, *booked), found.leave_out)
            if found.merged is not None:
                self._write_merged(table, found.merged, staging.booking)
            staging.findings += _remarks(table, found, delivery.name)
        return dropped

    def _write_merged(self, table: str, merged: Merged, booking: Booking) -> None:
        for name, rows in ((table, merged.standing), (QUARANTINE, merged.superseded)):
            for key, part in by_snapshot_key(name, _dated(rows, booking), booking) if rows.num_rows else ():
                self.writer.write_segments(name, part, booking.delivery, key, booking.now)

    def _keep_raw(self, delivery: Delivery, staging: Staging) -> str | None:
        raw = delivery.raw
        if raw is None:
            return None
        size = len(raw) if isinstance(raw, bytes) else self.guard.call(raw.stat, "keeping its file").st_size
        if size <= self.run.keep_raw_max_bytes:
            try:
                return self.writer.keep_raw(raw)
            except OSError as error:
                message = f"the delivered file cannot be copied: {error.strerror or type(error).__name__}."
                repair = "Make it readable and run again; nothing of it was booked."
                finding = Finding("ledger.raw_unreadable", Severity.ERROR, message, repair, delivery.name)
                raise SourceFailed(finding) from error
        message = f"the file has {size:,} bytes and was not copied; its path and hash are recorded."
        repair = "Keep it where it is, so that figures can be followed to it."
        staging.findings.append(Finding("ledger.raw_not_kept", Severity.INFO, message, repair, delivery.name))
        return None

    def _remark(self, code: str, message: str, repair: str, file: str) -> None:
        self.run.findings.append(Finding(code, Severity.WARNING, message, repair, file))


def holder(manifest: Manifest, source: str, key: str) -> str:
    """The content hash of the delivery whose rows stand for a snapshot key of a source (empty: none)."""
    records = [r for r in manifest.deliveries.values() if r.source == source and key in r.snapshot_keys]
    return max(records, key=lambda record: record.manifest).content_hash if records else ""


def _settings_hash(source: Source) -> str:
    # Without defaults, so that a key that a new version adds does not look like a change.
    text = source.settings.model_dump_json(exclude=_PLACE_KEYS, exclude_defaults=True)
    return hashlib.sha256(text.encode()).hexdigest()


def _plain(cursor: Any) -> dict[str, Any]:
    """The cursor as JSON gives it back; raises TypeError for anything JSON does not know."""
    return dict(json.loads(json.dumps(dict(cursor))))


def _row_counts(segments: tuple[Segment, ...], delivery: str) -> dict[str, int]:
    counts: dict[str, int] = {}
    for segment in segments:
        if segment.delivery == delivery:
            counts[segment.table] = counts.get(segment.table, 0) + segment.rows
    return counts


def _dated(rows: pa.Table, booking: Booking) -> pa.Table:
    """Rows that newly stand: recorded now, posted to a month that is open."""
    fresh: dict[str, Any] = {
        "recorded_at": pa.repeat(pa.scalar(booking.now, TIMESTAMP), rows.num_rows),
        "run_id": pa.repeat(pa.scalar(booking.run_id), rows.num_rows),
        "posting_period": posting_periods(rows["event_time"], booking.now, booking.closed),
    }
    arrays = [fresh.get(name, rows[name]) for name in rows.column_names]
    return pa.Table.from_arrays(arrays, schema=rows.schema)


def _remarks(table: str, found: Repeats, file: str) -> list[Finding]:
    remarks = []
    if found.repeated:
        message = f"{table} rows were delivered before (same event_key, same content) and are not booked again."
        remarks.append(
            Finding("ledger.repeated_rows", Severity.INFO, message, "", file, found.first_repeated, found.repeated)
        )
    if found.merged is not None and found.merged.superseded.num_rows:
        known = table == "attempts"
        message = f"{table} rows have the event_key of another row and other content; one version of each event stands."
        repair = "The others are in quarantine (ledger.superseded_version)."
        if not known:
            repair += " If these are different events, give the source an id column that tells them apart."
        severity = Severity.INFO if known else Severity.WARNING
        count = found.merged.superseded.num_rows
        remarks.append(Finding(SUPERSEDED, severity, message, repair, file, found.first_version, count))
    return remarks
