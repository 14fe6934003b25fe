"""The vLLM series of the example replicas, as a PodMonitor collects them: here ``pod`` is the replica itself."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from netyield.testing.example.identity import pod_address
from netyield.testing.example.openmetrics import Family, Samples, labels_of
from netyield.testing.example.plan import PODS, Pod, heard, node
from netyield.testing.example.serving import Counts, EngineSeries

KV_CAPACITY_TOKENS = 400_000
Replicas = Mapping[int, EngineSeries]  # by place in PODS: each restart is a process of its own
Value = Callable[[EngineSeries], Counts]
FINISH_REASONS = ("stop", "length", "abort", "error")
SOURCES = ("local_compute", "local_cache_hit")


def families(replicas: Replicas, window: range) -> list[Family]:
    """The families of one file."""
    scrape = _Scrape(replicas, window)
    counter, timing, gauge = scrape.counter, scrape.timing, scrape.gauge
    return [
        counter("vllm:prompt_tokens", "Number of prefill tokens processed."),
        counter("vllm:generation_tokens", "Number of generation tokens processed."),
        counter("vllm:prompt_tokens_by_source", "Number of prompt tokens by source.", "source", SOURCES),
        counter("vllm:request_success", "Count of finished requests.", "finished_reason", FINISH_REASONS),
        counter("vllm:num_preemptions", "Cumulative number of preemption from the engine."),
        timing(
            "vllm:request_prefill_time_seconds", "prefill_ms", "Histogram of time spent in PREFILL phase for request."
        ),
        timing(
            "vllm:request_decode_time_seconds", "decode_ms", "Histogram of time spent in DECODE phase for request."
        ),
        gauge("vllm:num_requests_running", "Number of requests in model execution batches.", lambda e: e.running),
        gauge("vllm:num_requests_waiting", "Number of requests waiting to be processed.", lambda e: e.running * 0),
        gauge(
            "vllm:kv_cache_usage_perc", "KV-cache usage. 1 means 100 percent usage.", lambda e: e.kv_tokens, _kv_share
        ),
    ]


@dataclass(frozen=True, slots=True)
class _Scrape:
    replicas: Replicas
    window: range

    def series(
        self, name: str, value: Value, extra: str = "", printed: Callable[[int], object] = int
    ) -> Iterator[Samples]:
        """One series per serving process, over the minutes in which it could be scraped."""
        for number, engine in self.replicas.items():
            pod = PODS[number]
            minutes = [m for m in heard(node(pod.node), self.window) if max(pod.loaded, 0) <= m < pod.end]
            if minutes:
                labels = f"{_labels(pod)},{extra}" if extra else _labels(pod)
                yield Samples(name, labels, minutes, [printed(v) for v in value(engine)[minutes].tolist()])

    def gauge(self, name: str, text: str, value: Value, printed: Callable[[int], object] = int) -> Family:
        return Family(name, "gauge", text, self.series(name, value, printed=printed))

    def counter(self, name: str, text: str, label: str = "", splits: Sequence[str] = ("",)) -> Family:
        pieces: list[Samples] = []
        for split in splits:
            extra = labels_of(**{label: split}) if label else ""
            pieces += self.series(f"{name}_total", _counted(name, split), extra)
        return Family(name, "counter", text, pieces)

    def timing(self, name: str, key: str, text: str) -> Family:
        pieces = [
            *self.series(f"{name}_bucket", _counted("finished"), 'le="+Inf"'),
            *self.series(f"{name}_count", _counted("finished")),
            *self.series(f"{name}_sum", _counted(key), printed=_seconds),
        ]
        return Family(name, "histogram", text, pieces)


def _counted(metric: str, split: str = "") -> Value:
    return lambda engine: engine.counters[metric, split]


def _labels(pod: Pod) -> str:
    return labels_of(
        model_name=pod.model,
        engine="0",
        container=pod.container,
        namespace=pod.namespace,
        pod=pod.name,
        node=pod.node,
        instance=f"{pod_address(pod.name)}:8000",
        job="serving/vllm",
    )


def _seconds(milliseconds: int) -> str:
    """Exact seconds of whole milliseconds."""
    return f"{milliseconds // 1000}.{milliseconds % 1000:03d}"


def _kv_share(tokens: int) -> float:
    return tokens / KV_CAPACITY_TOKENS
