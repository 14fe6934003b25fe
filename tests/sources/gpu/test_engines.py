"""Names, kinds and identities of inference-server series."""

from __future__ import annotations

import pytest

from netyield.sources.gpu.engines import engine_of, engine_series, metric_and_kind


@pytest.mark.parametrize(
    ("name", "metric", "kind"),
    [
        ("vllm:prompt_tokens_total", "vllm:prompt_tokens", "counter"),
        ("vllm:num_requests_running", "vllm:num_requests_running", "gauge"),
        ("vllm:iteration_tokens_total_bucket", "vllm:iteration_tokens_total", "bucket"),
        ("vllm:e2e_request_latency_seconds_sum", "vllm:e2e_request_latency_seconds", "sum"),
        ("vllm:e2e_request_latency_seconds_count", "vllm:e2e_request_latency_seconds", "count"),
        ("sglang:forward_execution_seconds_total", "sglang:forward_execution_seconds", "counter"),
    ],
)
def test_metric_and_kind(name: str, metric: str, kind: str) -> None:
    assert metric_and_kind(name) == (metric, kind)


def test_only_engine_names_and_no_creation_times() -> None:
    assert engine_of("vllm:prompt_tokens_total") == "vllm"
    assert engine_of("sglang:cache_hit_rate") == "sglang"
    assert engine_of("vllm:prompt_tokens_created") is None
    assert engine_of("DCGM_FI_DEV_GPU_UTIL") is None


def test_identity_separates_place_model_and_splitting_labels() -> None:
    series = engine_series("vllm:request_success_total", {
        "job": "vllm", "instance": "10.0.0.7:8000", "namespace": "ml", "pod": "llama-0", "container": "vllm",
        "model_name": "llama-3", "engine": "1", "finished_reason": "abort", "node": "node-a"})
    assert series is not None
    assert (series.replica, series.namespace, series.host, series.model) == ("llama-0", "ml", "node-a", "llama-3")
    assert series.labels == '{"engine":"1","finished_reason":"abort"}'


@pytest.mark.parametrize(
    ("labels", "replica", "namespace"),
    [
        ({"exported_pod": "w", "exported_namespace": "ml", "pod": "proxy", "namespace": "mon"}, "w", "ml"),
        ({"pod": "w", "namespace": "ml"}, "w", "ml"),
        ({"instance": "gpu1:8000"}, "gpu1:8000", None),
    ],
)
def test_the_replica_is_the_serving_pod_or_its_address(labels, replica, namespace) -> None:
    series = engine_series("vllm:num_requests_running", labels)
    assert series is not None
    assert (series.replica, series.namespace) == (replica, namespace)
