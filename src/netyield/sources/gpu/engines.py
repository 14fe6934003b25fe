"""Counters and histograms of inference servers. What did each serving process report, under one stable name?

vLLM and SGLang expose Prometheus counters (``_total``), gauges and classic histograms (``_bucket``, ``_sum``,
``_count``). Readings stay as they are: deltas and resets are the business of attribution. ``_created`` series (the
start time of a counter, written by the Python client) are no readings and are left out.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from netyield.sources.gpu.series_labels import Labels, first, host_of, labels_json
from netyield.sources.gpu.series_rows import FloatArray, IntArray, Run, key_of

PREFIXES: Mapping[str, str] = {"vllm:": "vllm", "sglang:": "sglang"}
_SUFFIX_KINDS = {"_bucket": "bucket", "_sum": "sum", "_count": "count", "_total": "counter"}
_MODEL_LABELS = ("model_name", "served_model_name", "model")
# Labels of the scrape and the place, not of the reading.
_PLACE_LABELS = frozenset({
    "job", "instance", "namespace", "pod", "container", "endpoint", "service", "node", "host", "hostname", "Hostname",
    "exported_pod", "exported_namespace", "exported_container", "exported_job", "exported_instance", "exported_node",
    "exported_service", "exported_endpoint", "prometheus", "prometheus_replica", "cluster", "pod_name",
    "pod_namespace", "kubernetes_node", "__name__", *_MODEL_LABELS,
})


@dataclass(frozen=True, slots=True)
class EngineSeries:
    """One series of a serving process, its identity taken apart."""

    replica: str
    host: str | None
    namespace: str | None
    engine: str
    model: str | None
    metric: str
    labels: str | None
    kind: str


def engine_of(name: str) -> str | None:
    """Which engine exposes this name; None when none does, and for ``_created`` series."""
    if name.endswith("_created"):
        return None
    return next((engine for prefix, engine in PREFIXES.items() if name.startswith(prefix)), None)


def metric_and_kind(name: str) -> tuple[str, str]:
    """``vllm:prompt_tokens_total`` is ("vllm:prompt_tokens", "counter"); a histogram keeps its own ``_total``."""
    for suffix, kind in _SUFFIX_KINDS.items():
        if name.endswith(suffix):
            return name.removesuffix(suffix), kind
    return name, "gauge"


def engine_series(name: str, labels: Labels, default_host: str = "") -> EngineSeries | None:
    """The identity of a series, or None when it is no engine's. The replica is exported_pod, pod, or the address."""
    engine = engine_of(name)
    if engine is None:
        return None
    metric, kind = metric_and_kind(name)
    split = {key: value for key, value in labels.items() if value and key not in _PLACE_LABELS}
    replica = first(labels, ("exported_pod", "pod", "pod_name", "exported_instance", "instance"))
    return EngineSeries(
        replica=replica or default_host or engine,
        host=host_of({k: v for k, v in labels.items() if k != "instance"}, default_host) or None,
        namespace=first(labels, ("exported_namespace", "namespace", "pod_namespace")) or None,
        engine=engine,
        model=first(labels, _MODEL_LABELS) or None,
        metric=metric,
        labels=labels_json(split) or None,
        kind=kind,
    )


def engine_run(series: EngineSeries, times_us: IntArray, values: FloatArray, holds_us: IntArray) -> Run:
    """The rows of one series for ``engine_samples``."""
    constants = {
        "replica": series.replica, "host": series.host, "namespace": series.namespace, "engine": series.engine,
        "model": series.model, "metric": series.metric, "labels": series.labels, "kind": series.kind,
    }
    identity = (series.replica, series.namespace or "", series.model or "", series.metric, series.kind,
                series.labels or "")
    return Run(constants, key_of("engine", *identity), times_us, holds_us, values)


def engine_runs(runs: Mapping[EngineSeries, tuple[IntArray, FloatArray, IntArray]]) -> Iterator[Run]:
    """All series in a stable order."""
    for series in sorted(runs, key=lambda s: (s.replica, s.namespace or "", s.metric, s.kind, s.labels or "")):
        yield engine_run(series, *runs[series])
