"""How much will a read bring, and how does this server count at the edges of a window?"""

from __future__ import annotations

from dataclasses import dataclass

from netyield.core.errors import SourceError
from netyield.sources.gpu.prometheus_fetch import is_windowed
from netyield.sources.gpu.prometheus_http import PrometheusClient
from netyield.sources.gpu.prometheus_plan import Plan
from netyield.sources.gpu.prometheus_settings import PrometheusSettings
from netyield.sources.gpu.prometheus_windows import FUNCTIONS

JSON_BYTES_PER_SAMPLE = 30
_PROBE_SECONDS = 1_600_000_000  # any multiple of ten


@dataclass(frozen=True, slots=True)
class Volume:
    """An estimate: series x window / interval, from counts at a few moments."""

    rows: int
    bytes: int
    requests: int
    tables: tuple[str, ...]


def estimate(plan: Plan, settings: PrometheusSettings, window_ms: tuple[int, int]) -> Volume:
    """What reading ``window_ms`` brings."""
    span_seconds = (window_ms[1] - window_ms[0]) / 1000
    deliveries = -(-(window_ms[1] - window_ms[0]) // plan.width_ms)
    rows = requests = size = 0
    for group, names in plan.groups.items():
        if is_windowed(settings, group):
            means = sum(plan.series[name] for name in names) * span_seconds / settings.window_seconds
            rows += round(means)
            size += round(means) * len(FUNCTIONS) * JSON_BYTES_PER_SAMPLE
            requests += deliveries * len(names) * len(FUNCTIONS)
        else:
            samples = round(plan.per_second(names) * span_seconds)
            rows += samples
            size += samples * JSON_BYTES_PER_SAMPLE
            requests += max(deliveries, -(-samples // settings.max_samples_per_request))
    engines = any(group.startswith("engine ") for group in plan.groups)
    tables = ["gpu_samples"] if plan.gpu_names else []
    tables += ["gpu_owners"] if plan.allocating_jobs or settings.allocation == "pod_labels" else []
    return Volume(rows, size, requests, tuple(tables + (["engine_samples"] if engines else [])))


def describe(plan: Plan, settings: PrometheusSettings, volume: Volume, window_ms: tuple[int, int]) -> str:
    """The estimate in one sentence."""
    gpu = sum(plan.series[name] for name in plan.gpu_names)
    engine = sum(plan.series.values()) - gpu
    steps = sorted({plan.interval_us[name] / 1e6 for name in plan.series})
    every = f" every {steps[0]:g} s" if len(steps) == 1 else f" every {steps[0]:g} to {steps[-1]:g} s" if steps else ""
    days = (window_ms[1] - window_ms[0]) / 86_400_000
    what = f"{gpu:,} GPU and {engine:,} engine series{every}"
    pods = "pod labels" if plan.allocating_jobs else "no pod labels"
    cluster = "kube-state-metrics" if plan.cluster_prefix is not None else "no kube-state-metrics"
    size = f"{volume.rows:,} rows, {volume.bytes / 1e6:,.1f} MB in {volume.requests:,} requests"
    return (f"Prometheus {plan.version or '(version not told)'}: {what}, {pods}, {cluster}; "
            f"{days:.4g} days in mode {settings.mode} are about {size}")


def edges_closed(client: PrometheusClient, plan: Plan) -> bool:
    """True when a range includes a sample exactly at its left edge (Prometheus 2), False when not (3).

    Asked of the engine itself, with a subquery over a constant; front ends report versions of their own.
    Raises SourceError when the answer is neither, since windows would then not be exact.
    """
    params = {"query": "count_over_time(vector(1)[10s:10s])", "time": str(_PROBE_SECONDS)}
    result = client.data("/api/v1/query", params)["result"]
    points = float(result[0]["value"][1]) if result else 0.0
    if points not in (1.0, 2.0):
        message = f"this server ({plan.version or 'unknown version'}) counts window edges in a way of its own;"
        raise SourceError(message, 'use mode = "raw".')
    return points == 2.0
