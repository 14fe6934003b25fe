"""A spooled delivery -> chunks of canonical tables. The same file always gives the same rows."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import groupby
from pathlib import Path
from statistics import median
from typing import Any

from netyield.core.finding import Finding, Severity
from netyield.sources.contract import Chunk
from netyield.sources.gpu.prometheus_fetch import is_windowed, window_table
from netyield.sources.gpu.prometheus_reply import series_of, spooled
from netyield.sources.gpu.prometheus_settings import PrometheusSettings
from netyield.sources.gpu.prometheus_windows import WindowMean
from netyield.sources.gpu.series import DEFAULT_INTERVAL_US, Reading, Series, Translator

Exchange = tuple[dict[str, Any], dict[str, Any]]


def reading_of(settings: PrometheusSettings, header: Mapping[str, Any]) -> Reading:
    """How the series of a delivery are read: the settings, and what the plan knew."""
    return Reading(
        host=settings.host,
        pool=settings.pool or None,
        hold_factor=settings.hold_factor,
        interval_us=settings.interval_us,
        usual_interval_us=int(median(header["interval_us"].values() or [DEFAULT_INTERVAL_US])),
        util_scale=settings.util_scale,
        allocation=settings.allocation,
        allocating_jobs=frozenset(header["allocating_jobs"]),
        help_texts=header["help_texts"],
        from_us=int(header["start_ms"]) * 1000,
        file=settings.url,
    )


def replay(path: Path, settings: PrometheusSettings) -> Iterator[Chunk]:
    """The chunks of a delivery, streamed from its spool file."""
    exchanges = spooled(path)
    header, _ = next(exchanges)
    translator = Translator(reading_of(settings, header))
    partial: set[str] = set()
    for group, members in groupby(_noting(exchanges, partial), key=lambda exchange: str(exchange[0]["group"])):
        if group != "facts" and is_windowed(settings, group):
            yield from _windows(list(members), settings, header, translator)
            continue
        for asked, parsed in members:
            if asked["kind"] == "devices":
                translator.note_owners(series_of(parsed, asked))
            elif asked["kind"] != "question":
                yield from translator.samples(series_of(parsed, asked))
    last = translator.finish()
    last.findings += [_partial(text, settings.url) for text in sorted(partial)]
    if settings.mode == "windows":
        last.findings.append(_coarse(settings))
    yield last


def _noting(exchanges: Iterator[Exchange], partial: set[str]) -> Iterator[Exchange]:
    """The exchanges, keeping the server's warnings (a querier that misses a store answers, but not with all)."""
    for asked, parsed in exchanges:
        partial.update(str(text) for text in parsed.get("warnings") or ())
        yield asked, parsed


def _windows(
    exchanges: list[Exchange], settings: PrometheusSettings, header: Mapping[str, Any], translator: Translator
) -> Iterator[Chunk]:
    """One signal as window means: clear windows as the server computed them, the doubtful ones from their samples."""
    intervals: dict[str, int] = header["interval_us"]
    table = window_table(settings, intervals, header["start_ms"], header["end_ms"])
    table.inventory = translator.inventory
    raw: list[Series] = []
    for asked, parsed in exchanges:
        if asked["kind"] == "window":
            table.add(str(asked["function"]), series_of(parsed, asked))
        else:
            raw += series_of(parsed, asked)
    doubtful = table.doubtful()
    yield from translator.samples(table.means(doubtful))
    if doubtful:
        step_us = min(intervals[row.name] for row in table.rows.values())
        mean = WindowMean(table.first_us, table.window_us, step_us)
        yield from translator.samples(table.only_doubtful(raw, doubtful), mean)


def _partial(text: str, url: str) -> Finding:
    message = f"the server says its answer may be incomplete ({text[:200]})"
    return Finding("prometheus.partial_answer", Severity.WARNING, message,
                   "Bring the missing store back and ingest again; what is missing stays unknown.", url)


def _coarse(settings: PrometheusSettings) -> Finding:
    message = (f"GPU signals are means of {settings.window_seconds} s windows: a device active in any part of a window "
               "counts as active in all of it")
    return Finding("prometheus.windows", Severity.INFO, message,
                   'Use mode = "raw" or a smaller window_seconds for finer idle time.', settings.url)
