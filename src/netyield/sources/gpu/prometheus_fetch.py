"""One delivery from the server into a spool file: every question asked for a window, with its answer.

Facts come first (scrape targets, device information, kube-state-metrics), then the samples, signal by signal. Requests
that turn out too large are asked again in halves.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from netyield.sources.gpu.aliases import COUNTERS, aliases
from netyield.sources.gpu.prometheus_cluster import QUESTION, ClusterReader
from netyield.sources.gpu.prometheus_http import Params, PrometheusClient, TooMuch, answer
from netyield.sources.gpu.prometheus_plan import Plan, label_values, matchers_for
from netyield.sources.gpu.prometheus_queries import (
    aggregate_windows,
    any_of,
    batches,
    samples_in,
    seconds,
    selector,
)
from netyield.sources.gpu.prometheus_reply import Spool, series_of
from netyield.sources.gpu.prometheus_settings import MINUTE_MS, PrometheusSettings
from netyield.sources.gpu.prometheus_windows import FUNCTIONS, WindowTable
from netyield.sources.gpu.series import Series
from netyield.sources.gpu.series_labels import Inventory

_EMPTY = b'"result":[]'
_SUCCESS = b'{"status":"success"'


def is_windowed(settings: PrometheusSettings, group: str) -> bool:
    """Whether a group is read as window means. Counters never are: a mean would hide their resets."""
    return settings.mode == "windows" and not group.startswith("engine ") and group not in COUNTERS


@dataclass(slots=True)
class Fetch:
    """Fetches [start, end) into ``spool``. ``found`` tells whether there was any sample."""

    client: PrometheusClient
    settings: PrometheusSettings
    plan: Plan
    spool: Spool
    start_ms: int
    end_ms: int
    known_until_ms: int
    closed_left: bool = True
    found: bool = False
    inventory: Inventory = field(default_factory=Inventory)

    def run(self) -> None:
        """Ask for everything the delivery holds."""
        self._targets()
        if self.plan.cluster_prefix is not None and self.plan.gpu_names:
            ClusterReader(self.client, self.settings, self.plan, self._facts, self.start_ms, self.end_ms,
                          self.known_until_ms).read()
        for group, names in self.plan.groups.items():
            if is_windowed(self.settings, group):
                self._windows(group, names)
            else:
                self._samples("samples", group, selector(names, matchers_for(self.settings, names[0])),
                              self.start_ms, self.end_ms, self.plan.per_second(names))

    def _targets(self) -> None:
        """Who the scrape targets are, and what information series say of devices."""
        window = {"start": seconds(self.start_ms), "end": seconds(self.end_ms)}
        if self.plan.gpu_names:
            match = selector(self.plan.gpu_names, [*self.settings.selectors, *self.settings.gpu_selectors])
            jobs = label_values(self.client, "job", match, (self.start_ms, self.end_ms))
            for batch in batches(jobs):
                up = selector(["up"], [*self.settings.selectors, f"job=~{any_of(batch)}"])
                self._facts("/api/v1/series", {"match[]": up, **window}, "up", self.start_ms, self.end_ms)
        for name in self.plan.info_names:
            match = selector([name], [*self.settings.selectors, *self.settings.gpu_selectors])
            for item in self._facts("/api/v1/series", {"match[]": match, **window}, name, self.start_ms, self.end_ms):
                self.inventory.add(item.labels, self.settings.host)

    def _facts(self, path: str, params: dict[str, str], name: str, start_ms: int, end_ms: int) -> list[Series]:
        body = self.client.ask(path, params)
        parsed = answer(body, self.settings.url)
        kind = "devices" if name == "devices" else "question" if name.startswith(QUESTION) else "facts"
        asked = _asked(kind, "facts", params, start_ms, end_ms, name=name)
        self.spool.add(asked, body)
        series = series_of(parsed, asked)
        if name == "kube_node_status_condition" and any((item.values == 0).any() for item in series):
            self.found = True
        return series

    def _samples(self, kind: str, group: str, series: str, start_ms: int, end_ms: int, per_second: float) -> None:
        """Every sample of [start, end), in requests of at most so many samples by estimate."""
        most = int(self.settings.max_samples_per_request / max(per_second, 1e-9) * 1000)
        span = max(min(most, end_ms - start_ms), MINUTE_MS)
        for first in range(start_ms, end_ms, span):
            self._piece(kind, group, series, first, min(first + span, end_ms))

    def _piece(self, kind: str, group: str, series: str, start_ms: int, end_ms: int) -> None:
        params = samples_in(series, start_ms, end_ms)
        try:
            body = self._ask_query("/api/v1/query", params)
        except TooMuch:
            if end_ms - start_ms <= MINUTE_MS:
                raise
            middle = (start_ms + end_ms) // 2
            self._piece(kind, group, series, start_ms, middle)
            self._piece(kind, group, series, middle, end_ms)
            return
        self.spool.add(_asked(kind, group, params, start_ms, end_ms), body)
        self.found = self.found or _EMPTY not in body[:400]

    def _ask_query(self, path: str, params: Params) -> bytes:
        body = self.client.ask(path, params)
        if not (body.startswith(_SUCCESS) and body.rstrip().endswith(b"}")):
            answer(body, self.settings.url)
        return body

    def _windows(self, group: str, names: Sequence[str]) -> None:
        """Aggregates per window, and the raw samples of the windows the aggregates cannot decide."""
        window_ms = self.settings.window_seconds * 1000
        table = window_table(self.settings, self.plan.interval_us, self.start_ms, self.end_ms)
        table.inventory = self.inventory
        for name in names:
            for function in FUNCTIONS:
                self._aggregate(group, name, function, table, self.start_ms, self.end_ms, window_ms)
        doubtful = table.doubtful()
        if not doubtful:
            return
        numbers = [number for doubt in doubtful.values() for number in doubt.nonzero()[0].tolist()]
        start_ms = self.start_ms + min(numbers) * window_ms
        end_ms = self.start_ms + (max(numbers) + 1) * window_ms
        found = table.raw_matchers(doubtful)
        plain = matchers_for(self.settings, names[0])
        per_second = self.plan.per_second(names)
        if found is None:
            self._samples("raw_windows", group, selector(names, plain), start_ms, end_ms, per_second)
            return
        label, values = found
        for batch in batches(values):
            series = selector(names, [*plain, f"{label}=~{any_of(batch)}"])
            self._samples("raw_windows", group, series, start_ms, end_ms, per_second * len(batch) / len(table.rows))

    def _aggregate(self, group: str, name: str, function: str, table: WindowTable, start_ms: int, end_ms: int,
                   window_ms: int) -> None:
        series = selector([name], matchers_for(self.settings, name))
        params = aggregate_windows(function, series, start_ms, end_ms, window_ms, self.closed_left)
        try:
            body = self.client.ask("/api/v1/query_range", params)
        except TooMuch:
            windows = (end_ms - start_ms) // window_ms
            if windows <= 1:
                raise
            middle = start_ms + windows // 2 * window_ms
            self._aggregate(group, name, function, table, start_ms, middle, window_ms)
            self._aggregate(group, name, function, table, middle, end_ms, window_ms)
            return
        asked = _asked("window", group, params, start_ms, end_ms, name=name, function=function)
        self.spool.add(asked, body)
        series_found = series_of(answer(body, self.settings.url), asked)
        self.found = self.found or bool(series_found)
        table.add(function, series_found)


def window_table(
    settings: PrometheusSettings, interval_us: dict[str, int], start_ms: int, end_ms: int
) -> WindowTable:
    """An empty table of the windows of [start, end)."""
    window_us = settings.window_seconds * 1_000_000
    windows = (end_ms - start_ms) * 1000 // window_us
    known = {name: interval_us[name] for name in interval_us if name in aliases()}
    return WindowTable(start_ms * 1000, window_us, windows, known, settings.host)


def _asked(kind: str, group: str, params: Params, start_ms: int, end_ms: int, **more: str) -> dict[str, Any]:
    return {"kind": kind, "group": group, "params": dict(params), "start_ms": start_ms, "end_ms": end_ms, **more}
