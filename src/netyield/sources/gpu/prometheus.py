"""A live Prometheus server: what did the GPUs do, who held them, and what did the inference servers count?

Read in bounded windows, each one delivery: its answers are spooled to a file, hashed, and translated by ``series``.
After an interruption the read goes on at the last window booked. ``mode = "raw"`` takes every sample; ``"windows"``
has the server compute exact means, for fleets too large to move.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import ClassVar

from netyield.core.errors import SourceError
from netyield.core.finding import Finding, Severity
from netyield.core.period import Period, from_micros, iso
from netyield.sources.contract import Cursor, Delivery, Probe
from netyield.sources.gpu.prometheus_estimate import describe, edges_closed, estimate
from netyield.sources.gpu.prometheus_fetch import Fetch
from netyield.sources.gpu.prometheus_http import PrometheusClient
from netyield.sources.gpu.prometheus_plan import Plan, make_plan, server_now
from netyield.sources.gpu.prometheus_replay import replay
from netyield.sources.gpu.prometheus_reply import Spool
from netyield.sources.gpu.prometheus_settings import PrometheusSettings


class Prometheus:
    """``[[source]] type = "prometheus"``. ``now`` is given by tests; it bounds a read without ``until``."""

    type: ClassVar[str] = "prometheus"
    Settings = PrometheusSettings

    def __init__(
        self, settings: PrometheusSettings, root: Path, now: Callable[[], datetime] = lambda: datetime.now(UTC)
    ) -> None:
        self.settings = settings
        self._root = root
        self._now = now

    def probe(self) -> Probe:
        """Reach the server and estimate how much the read will bring; nothing but counts is asked for."""
        window_ms = self.settings.window_ms(self._now())
        try:
            with PrometheusClient(self.settings, self._root) as client:
                plan = make_plan(client, self.settings, window_ms)
        except SourceError as error:
            finding = Finding("prometheus.unreachable", Severity.ERROR, error.message, error.repair, self.settings.url)
            return Probe(reachable=False, found=str(error), findings=(finding,))
        volume = estimate(plan, self.settings, window_ms)
        findings = () if plan.groups else (_nothing(self.settings, window_ms),)
        return Probe(
            reachable=True, found=describe(plan, self.settings, volume, window_ms), window=_period(*window_ms),
            rows=volume.rows, bytes=volume.bytes, tables=volume.tables, findings=findings,
        )

    def deliveries(self, cursor: Cursor) -> Iterator[Delivery]:
        """The windows after ``cursor``, oldest first; a window without any sample is passed over."""
        with PrometheusClient(self.settings, self._root) as client, TemporaryDirectory(prefix="netyield-") as folder:
            start_ms, end_ms = self.settings.window_ms(server_now(client, self._now()))
            if cursor.get("reading") == self._reading():
                start_ms = max(start_ms, int(cursor.get("until_ms", start_ms)))
            if start_ms >= end_ms:
                return
            plan = make_plan(client, self.settings, (start_ms, end_ms))
            plan = replace(plan, allocating_jobs=plan.allocating_jobs | frozenset(cursor.get("jobs", ())))
            closed = edges_closed(client, plan) if self.settings.mode == "windows" else True
            first = start_ms
            while first < end_ms and plan.groups:
                last = min(first - first % plan.width_ms + plan.width_ms, end_ms)
                spool = Spool(Path(folder) / f"{first}.jsonl.gz", self._header(plan, first, last))
                fetch = Fetch(client, self.settings, plan, spool, first, last, end_ms, closed)
                fetch.run()
                digest = spool.close()
                if fetch.found:
                    yield self._delivery(spool, digest, plan, first, last)
                spool.path.unlink(missing_ok=True)
                first = last

    def _delivery(self, spool: Spool, digest: str, plan: Plan, first: int, last: int) -> Delivery:
        after = {"until_ms": last, "jobs": sorted(plan.allocating_jobs), "reading": self._reading()}
        return Delivery(
            name=f"{self.settings.url} {iso(_period(first, last).since)}/{iso(_period(first, last).until)}",
            kind="append",
            content_hash=digest,
            chunks=partial(replay, spool.path, self.settings),
            raw=spool.path,
            next_cursor=lambda: after,
            size_bytes=spool.bytes,
        )

    def _header(self, plan: Plan, first: int, last: int) -> dict[str, object]:
        """What the answers need to be read again: no secrets, no times of asking."""
        return {
            "url": self.settings.url, "version": plan.version, "start_ms": first, "end_ms": last,
            "reading": self._reading(), "mode": self.settings.mode, "window_seconds": self.settings.window_seconds,
            "interval_us": plan.interval_us, "allocating_jobs": sorted(plan.allocating_jobs),
            "help_texts": plan.help_texts,
        }

    def _reading(self) -> str:
        """Changes when a setting changes what was left out before; then the window is read again."""
        options = [self.settings.util_scale, self.settings.allocation, sorted(self.settings.metrics),
                   self.settings.engines, self.settings.kubernetes, self.settings.selectors,
                   self.settings.gpu_selectors, self.settings.host]
        return hashlib.sha256(json.dumps(options).encode()).hexdigest()[:16]


def _period(start_ms: int, end_ms: int) -> Period:
    return Period(from_micros(start_ms * 1000), from_micros(end_ms * 1000))


def _nothing(settings: PrometheusSettings, window_ms: tuple[int, int]) -> Finding:
    message = f"no GPU or engine series between {_period(*window_ms)}"
    return Finding("prometheus.no_series", Severity.WARNING, message,
                   "Check selectors, since and until, and that dcgm-exporter is scraped.", settings.url)
