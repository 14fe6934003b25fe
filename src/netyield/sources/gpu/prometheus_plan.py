"""What is on this server, and in which pieces is it read? A few index look-ups and instant queries, never the data.

The plan holds everything a read needs to know beforehand: the names that exist with their number of series, how often
they are scraped, which scrape jobs label workloads, and how long a delivery may be.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from netyield.core.errors import SourceError
from netyield.sources.gpu.aliases import aliases, names_of
from netyield.sources.gpu.engines import PREFIXES, engine_of
from netyield.sources.gpu.prometheus_http import PrometheusClient
from netyield.sources.gpu.prometheus_queries import any_of, quoted, samples_in, seconds, selector
from netyield.sources.gpu.prometheus_reply import series_of
from netyield.sources.gpu.prometheus_settings import MINUTE_MS, PrometheusSettings
from netyield.sources.gpu.series import DEFAULT_INTERVAL_US
from netyield.sources.gpu.series_labels import ScrapeTargets, workload_of
from netyield.sources.gpu.series_rows import usual_interval

INFO_NAMES = ("nvidia_smi_gpu_info",)
CLUSTER_PROBE = "kube_pod_status_phase"
DAY_MS = 86_400_000
WIDTHS_MS = tuple(minutes * MINUTE_MS for minutes in (1440, 720, 360, 240, 120, 60, 30, 20, 10, 5, 2, 1))
MOMENTS = 5  # at which series are counted; a fleet that comes and goes is seen at one of them


@dataclass(slots=True)
class Plan:
    """How one server is read. ``groups`` are names that must be read together, by canonical signal or engine."""

    version: str
    groups: dict[str, list[str]] = field(default_factory=dict)
    series: dict[str, int] = field(default_factory=dict)
    interval_us: dict[str, int] = field(default_factory=dict)
    allocating_jobs: frozenset[str] = frozenset()
    help_texts: dict[str, str] = field(default_factory=dict)
    cluster_prefix: str | None = None  # "" or "exported_" before namespace and pod; None without kube-state-metrics
    info_names: tuple[str, ...] = ()
    width_ms: int = DAY_MS

    @property
    def gpu_names(self) -> list[str]:
        """All GPU metric names that exist here."""
        return [name for name in self.series if name in aliases()]

    def per_second(self, names: Iterable[str]) -> float:
        """Samples these names bring per second."""
        return sum(self.series[name] * 1e6 / self.interval_us[name] for name in names)


def make_plan(client: PrometheusClient, settings: PrometheusSettings, window_ms: tuple[int, int]) -> Plan:
    """Look around once. Raises SourceError when the server cannot be asked, or answers in another language."""
    try:
        return _look_around(client, settings, window_ms)
    except (KeyError, IndexError, TypeError, ValueError, AttributeError) as error:
        message = f"{settings.url} answers in a form that is not Prometheus' ({type(error).__name__}: {error});"
        raise SourceError(message, "check url.") from None


def server_now(client: PrometheusClient, now: datetime) -> datetime:
    """The earlier of the server's clock and ours: what the server has not seen yet cannot be read."""
    with contextlib.suppress(SourceError, KeyError, IndexError, TypeError, ValueError):
        theirs = client.data("/api/v1/query", {"query": "time()"})["result"]
        return min(now, datetime.fromtimestamp(float(theirs[1]), UTC))
    return now


def _look_around(client: PrometheusClient, settings: PrometheusSettings, window_ms: tuple[int, int]) -> Plan:
    plan = Plan(version=_version(client))
    names = _names(client, settings, window_ms)
    plan.info_names = tuple(name for name in INFO_NAMES if name in names)
    for signal in settings.metrics:
        present = [name for name in names_of(signal) if name in names]
        if present:
            plan.groups[signal] = present
    engines = sorted(name for name in names if engine_of(name)) if settings.engines else []
    read = [name for group in plan.groups.values() for name in group] + engines
    plan.series = _series_counts(client, settings, read, window_ms)
    plan.interval_us = _intervals(client, settings, plan, window_ms)
    _group_engines(plan, engines, settings.max_samples_per_request)
    plan.width_ms = _width(plan, settings)
    plan.help_texts = _help_texts(client, plan)
    if plan.gpu_names:
        plan.allocating_jobs = _allocating_jobs(client, settings, plan.gpu_names, window_ms)
    if settings.kubernetes and CLUSTER_PROBE in names:
        values = label_values(client, "exported_pod", selector([CLUSTER_PROBE], settings.selectors), window_ms)
        plan.cluster_prefix = "exported_" if values else ""
    return plan


def label_values(client: PrometheusClient, label: str, match: str, window_ms: tuple[int, int]) -> list[str]:
    """The values of a label, from the server's index."""
    params = {"match[]": match, "start": seconds(window_ms[0]), "end": seconds(window_ms[1])}
    return [str(value) for value in client.data(f"/api/v1/label/{label}/values", params)]


def _version(client: PrometheusClient) -> str:
    """The version the server gives; compatible servers may give none."""
    with contextlib.suppress(SourceError):
        return str(client.data("/api/v1/status/buildinfo").get("version", ""))
    return ""


def _names(client: PrometheusClient, settings: PrometheusSettings, window_ms: tuple[int, int]) -> set[str]:
    """The metric names of interest that had samples in the window."""
    known = [*aliases(), *INFO_NAMES]
    found = set(label_values(
        client, "__name__", selector(known, [*settings.selectors, *settings.gpu_selectors]), window_ms))
    wanted = [CLUSTER_PROBE] if settings.kubernetes else []
    if wanted:
        found |= set(label_values(client, "__name__", selector(wanted, settings.selectors), window_ms))
    if settings.engines:
        prefixes = quoted("|".join(f"{prefix}.+" for prefix in PREFIXES))
        match = "{" + ",".join([f"__name__=~{prefixes}", *settings.selectors]) + "}"
        found |= {name for name in label_values(client, "__name__", match, window_ms) if engine_of(name)}
    return found & {*known, *wanted} | {name for name in found if engine_of(name)}


def matchers_for(settings: PrometheusSettings, name: str) -> list[str]:
    """The extra matchers that apply to a metric name."""
    return [*settings.selectors, *(settings.gpu_selectors if name in aliases() else [])]


def _series_counts(
    client: PrometheusClient, settings: PrometheusSettings, names: list[str], window_ms: tuple[int, int]
) -> dict[str, int]:
    """The most series each name has at some moments of the window; 1 where none was seen at any of them."""
    counts = dict.fromkeys(names, 1)
    start, end = window_ms
    moments = sorted({start + (end - start) * (2 * place + 1) // (2 * MOMENTS) for place in range(MOMENTS)} | {end})
    for kind in (True, False):
        group = [name for name in names if (name in aliases()) is kind]
        if not group:
            continue
        query = f"count by (__name__) ({selector(group, matchers_for(settings, group[0]))})"
        for moment in moments:
            for item in client.data("/api/v1/query", {"query": query, "time": seconds(moment)})["result"]:
                name = item["metric"]["__name__"]
                counts[name] = max(counts[name], int(float(item["value"][1])))
    return counts


def _intervals(
    client: PrometheusClient, settings: PrometheusSettings, plan: Plan, window_ms: tuple[int, int]
) -> dict[str, int]:
    """The scrape interval of each name: declared, else the median step of one of its series."""
    if settings.interval_us:
        return dict.fromkeys(plan.series, settings.interval_us)
    intervals = dict.fromkeys(plan.series, DEFAULT_INTERVAL_US)
    groups = [names for names in plan.groups.values() if names]
    engines = [name for name in plan.series if engine_of(name)]
    for names in [*groups, engines[:1]]:
        for name in names:
            measured = _measured_interval(client, selector([name], matchers_for(settings, name)), window_ms)
            if measured:
                same = engines if name in engines else [name]
                intervals.update(dict.fromkeys(same, measured))
    return intervals


def _measured_interval(client: PrometheusClient, series: str, window_ms: tuple[int, int]) -> int | None:
    """The median step of one series of the selector, in an hour in which it has samples."""
    start, end = window_ms
    for place in range(1, 2 * MOMENTS, 2):
        moment = start + (end - start) * place // (2 * MOMENTS)
        top = client.data("/api/v1/query", {"query": f"topk(1, {series})", "time": seconds(moment)})["result"]
        if not top:
            continue
        labels: Mapping[str, str] = top[0]["metric"]
        matchers = [f"{label}={quoted(value)}" for label, value in labels.items() if label != "__name__"]
        one = selector([labels["__name__"]], matchers)
        first, last = max(moment - 60 * MINUTE_MS, start), max(min(moment + 1, end), moment + 1)
        data = client.data("/api/v1/query", samples_in(one, min(first, last - 1), last))
        for found in series_of({"data": data}, {"start_ms": first, "end_ms": last}):
            step = usual_interval(found.times_us)
            if step:
                return step
    return None


def _group_engines(plan: Plan, engines: list[str], most_samples: int) -> None:
    """Pack engine names into requests of a few minutes' worth at least."""
    most_per_second = most_samples / (30 * 60)
    batch: list[str] = []
    for name in engines:
        if batch and plan.per_second([*batch, name]) > most_per_second:
            plan.groups[f"engine {len(plan.groups)}"] = batch
            batch = []
        batch.append(name)
    if batch:
        plan.groups[f"engine {len(plan.groups)}"] = batch


def _width(plan: Plan, settings: PrometheusSettings) -> int:
    """The longest delivery whose largest group fits one request (and a few more of them altogether)."""
    largest = max((plan.per_second(names) for names in plan.groups.values()), default=0.0)
    total = sum(plan.per_second(names) for names in plan.groups.values())
    budget = settings.max_samples_per_request
    window_ms = settings.window_seconds * 1000
    if settings.mode == "windows":
        largest = max((sum(plan.series[name] for name in names) for names in plan.groups.values()), default=0)
        whole = [width - width % window_ms for width in WIDTHS_MS if width >= window_ms]
        fits = [width for width in whole if width * largest <= budget * window_ms]
        return fits[0] if fits else window_ms
    fits = [width for width in WIDTHS_MS if width * largest / 1000 <= budget and width * total / 1000 <= 8 * budget]
    return fits[0] if fits else WIDTHS_MS[-1]


def _help_texts(client: PrometheusClient, plan: Plan) -> dict[str, str]:
    """HELP lines of the names whose unit the name does not tell; a server without metadata gives none."""
    texts: dict[str, str] = {}
    for name in plan.gpu_names:
        if aliases()[name].factor is not None:
            continue
        with contextlib.suppress(SourceError):
            found: dict[str, list[dict[str, Any]]] = client.data("/api/v1/metadata", {"metric": name})
            texts |= {key: str(entries[0].get("help", "")) for key, entries in found.items() if entries}
    return texts


def _allocating_jobs(
    client: PrometheusClient, settings: PrometheusSettings, names: list[str], window_ms: tuple[int, int]
) -> frozenset[str]:
    """The scrape jobs that name a workload on some GPU series: their unlabelled devices are unallocated."""
    matchers = [*settings.selectors, *settings.gpu_selectors]
    found: set[str] = set()
    for label in ("exported_pod", "pod_name", "hpc_job", "job_id"):
        match = selector(names, [*matchers, f'{label}!=""'])
        if label_values(client, label, match, window_ms):
            found |= set(label_values(client, "job", match, window_ms)) or {""}
    jobs = set(label_values(client, "job", selector(names, [*matchers, 'pod!=""']), window_ms))
    for job in sorted(jobs - found):
        same = f"job={quoted(job)}"
        pods = label_values(client, "pod", selector(names, [*matchers, same]), window_ms)
        own = set(label_values(client, "pod", selector(["up"], [same]), window_ms))
        targets = ScrapeTargets()
        if (set(pods) - own) if own else any(workload_of({"pod": pod}, targets) for pod in pods):
            found.add(job)
    return frozenset(found)


def host_matcher(label: str, hosts: Iterable[str]) -> str:
    """A matcher for series of these hosts."""
    return f"{label}=~{any_of(hosts)}"
