"""Labelled series to canonical tables: identities, units, sentinels, copies, allocation."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

from netyield.core.contract import contract
from netyield.core.finding import Finding, Severity
from netyield.sources.gpu.series import Reading, Translator, translate

Tables = dict[str, list[dict[str, Any]]]
SECOND = 1_000_000
STEP = 30 * SECOND
START = 1_790_812_800 * SECOND
UUID = "GPU-6f0c9b9e-0000-4000-8000-000000000001"
MASKED = "GPU-00000000-0000-0000-0000-000000000000"
GPU = {"UUID": UUID, "gpu": "0", "Hostname": "node-a", "modelName": "NVIDIA H100 80GB HBM3", "job": "dcgm",
       "instance": "10.0.0.1:9400"}
OWN_POD = {"pod": "nvidia-dcgm-exporter-x", "namespace": "gpu-operator"}
WORKLOAD = {"exported_pod": "llama-0", "exported_namespace": "ml"}


def series(name: str, labels: dict[str, str], values: Sequence[float], first: int = 0, step: int = STEP) -> Any:
    times = START + first * step + np.arange(len(values), dtype=np.int64) * step
    return name, labels, times, np.array(values, dtype=np.float64)


def read(*given: Any, **options: Any) -> tuple[Tables, dict[str, Finding], list[dict[str, Any]]]:
    """Rows by table, findings by code, quarantined records."""
    rows: Tables = {"gpu_samples": [], "gpu_owners": [], "gpu_slices": [], "engine_samples": []}
    findings: dict[str, Finding] = {}
    refused: list[dict[str, Any]] = []
    for chunk in translate(given, Reading(**options)):
        for table, content in chunk.tables.items():
            assert content.schema.equals(contract(table).source_schema)
            rows[table] += content.to_pylist()
        findings |= {finding.code: finding for finding in chunk.findings}
        refused += chunk.rejected.to_pylist() if chunk.rejected is not None else []
    return rows, findings, refused


def values_of(rows: Tables) -> list[float]:
    return [row["value"] for row in rows["gpu_samples"]]


def test_a_reading_becomes_one_row_with_identity_unit_and_hold() -> None:
    rows, findings, _ = read(series("DCGM_FI_DEV_FB_USED", GPU, [1, 2, 3, 4]), pool="h100-a")
    row = rows["gpu_samples"][1]
    assert findings == {}
    assert len(rows["gpu_samples"]) == 4
    assert (row["device_id"], row["slice_id"], row["host"], row["gpu_model"], row["pool"]) == (
        UUID, "", "node-a", "NVIDIA H100 80GB HBM3", "h100-a")
    assert (row["metric"], row["value"], row["hold_us"]) == ("memory_used_bytes", 2 * 2**20, 3 * STEP)
    assert [row["row_number"] for row in rows["gpu_samples"]] == [1, 2, 3, 4]


def test_event_keys_depend_on_what_was_read_and_not_on_how_it_was_cut_or_labelled() -> None:
    whole, _, _ = read(series("DCGM_FI_DEV_GPU_UTIL", GPU, range(10)))
    later, _, _ = read(series("DCGM_FI_DEV_GPU_UTIL", GPU | WORKLOAD, range(4, 10), first=4))
    keys = [row["event_key"] for row in whole["gpu_samples"]]
    assert len(set(keys)) == 10
    assert [row["event_key"] for row in later["gpu_samples"]] == keys[4:]


def test_the_hold_follows_the_scrape_interval_a_fixed_hold_or_a_declared_interval() -> None:
    slow = series("DCGM_FI_DEV_GPU_UTIL", GPU, [1] * 5, step=60 * SECOND)
    jittered = (*slow[:2], slow[2] + np.array([0, 3000, -2000, 4000, 0]), slow[3])
    assert {row["hold_us"] for row in read(jittered)[0]["gpu_samples"]} == {180 * SECOND}
    assert {row["hold_us"] for row in read(slow, hold_factor=2)[0]["gpu_samples"]} == {120 * SECOND}
    assert {row["hold_us"] for row in read(slow, interval_us=15 * SECOND)[0]["gpu_samples"]} == {45 * SECOND}
    assert {row["hold_us"] for row in read(slow, hold_us=7 * SECOND)[0]["gpu_samples"]} == {7 * SECOND}
    single = series("DCGM_FI_DEV_GPU_UTIL", GPU, [1])
    assert read(single)[0]["gpu_samples"][0]["hold_us"] == 90 * SECOND


@pytest.mark.parametrize("sentinel", [0x7FFFFFFFFFFFFFF0, 0x7FFFFFFFFFFFFFF3, 9223372036854775794, 2.0**62])
def test_int64_blanks_are_missing_not_zero_in_gauges_and_counters(sentinel: float) -> None:
    for name in ("DCGM_FI_DEV_GPU_UTIL", "DCGM_FI_DEV_TOTAL_ENERGY_CONSUMPTION", "DCGM_FI_DEV_FB_USED_BYTES"):
        rows, findings, refused = read(series(name, GPU, [5, sentinel, 7]))
        assert len(rows["gpu_samples"]) == 2
        assert (findings["gpu.sentinel"].severity, findings["gpu.sentinel"].count) == (Severity.INFO, 1)
        assert refused == []


def test_int32_and_fp64_blanks_are_missing_but_a_counter_may_grow_past_them() -> None:
    assert values_of(read(series("DCGM_FI_DEV_GPU_UTIL", GPU, [2147483632, 2147483635, 5]))[0]) == [5]
    assert values_of(read(series("DCGM_FI_DEV_POWER_USAGE", GPU, [2.0**47, 100]))[0]) == [100]
    energy = [2.0**47, 2.0**47 + 1000]
    assert values_of(read(series("DCGM_FI_DEV_TOTAL_ENERGY_CONSUMPTION", GPU, energy))[0]) == [e / 1000 for e in energy]
    assert values_of(read(series("DCGM_FI_DEV_FB_USED_BYTES", GPU, [2147483632]))[0]) == [2147483632]


def test_what_cannot_be_true_is_refused_with_its_record() -> None:
    rows, findings, refused = read(series("DCGM_FI_DEV_GPU_UTIL", GPU, [-1, float("nan"), float("inf"), 9800, 50]))
    assert values_of(rows) == [50]
    assert {code: finding.count for code, finding in findings.items()} == {
        "gpu.negative": 1, "gpu.not_a_number": 2, "gpu.out_of_range": 1}
    assert findings["gpu.out_of_range"].severity is Severity.ERROR
    assert "util_scale" in findings["gpu.out_of_range"].repair
    assert sorted(row["code"] for row in refused) == ["gpu.negative", "gpu.out_of_range"]
    record = json.loads(next(row["record"] for row in refused if row["code"] == "gpu.out_of_range"))
    assert (record["device_id"], record["metric"], record["value"]) == (UUID, "gpu_util_percent", 9800)


def test_a_flood_of_bad_readings_keeps_a_thousand_records_and_the_whole_count() -> None:
    _, findings, refused = read(series("DCGM_FI_DEV_GPU_UTIL", GPU, [-1.0] * 2500))
    assert findings["gpu.negative"].count == 2500
    assert len(refused) == 1000


def test_a_ratio_name_without_a_marker_is_left_out_and_says_how_to_decide() -> None:
    low = series("DCGM_FI_DEV_GPU_UTIL_RATIO", GPU, [0.0, 1.0])  # idle in percent, or busy as ratio: nobody can know
    rows, findings, _ = read(low)
    assert rows["gpu_samples"] == []
    assert findings["gpu.scale_unknown"].severity is Severity.WARNING
    assert 'util_scale = "percent"' in findings["gpu.scale_unknown"].repair
    assert values_of(read(low, util_scale="ratio")[0]) == [0, 100]
    assert values_of(read(low, util_scale="percent")[0]) == [0, 1]
    marked = series("DCGM_FI_DEV_GPU_UTIL_RATIO", GPU | {"DCGM_FI_SYSTEM_DRIVER_VERSION": "590"}, [0.0, 1.0])
    assert values_of(read(marked)[0]) == [0, 100]
    help_texts = {"DCGM_FI_DEV_GPU_UTIL_RATIO": "GPU utilization (in %)."}
    assert values_of(read(low, help_texts=help_texts)[0]) == [0, 1]


@pytest.mark.parametrize(
    ("name", "labels", "device", "slice_id", "host"),
    [
        ("DCGM_FI_DEV_GPU_UTIL", {"UUID": UUID, "hostname": "n"}, UUID, "", "n"),
        ("dcgm_gpu_utilization", {"uuid": UUID.upper(), "Hostname": "n"}, UUID, "", "n"),
        ("DCGM_FI_DEV_GPU_UTIL", {"UUID": MASKED, "gpu": "3", "Hostname": "n"}, "n/3", "", "n"),
        ("DCGM_FI_DEV_GPU_UTIL", {"pci_bus_id": "00000000:09:00.0", "Hostname": "n"}, "n/00000000:09:00.0", "", "n"),
        ("DCGM_FI_PROF_SM_ACTIVE", {"UUID": UUID, "GPU_I_ID": "7", "GPU_I_PROFILE": "1g.10gb"}, UUID, "7", "dflt"),
        ("DCGM_FI_DEV_GPU_UTIL", {"UUID": MASKED, "gpu": "3", "instance": "n:9400"}, "dflt/3", "", "dflt"),
        ("nvidia_smi_power_draw_watts", {"uuid": UUID.removeprefix("GPU-")}, UUID, "", "dflt"),
        ("gpu_gfx_activity", {"serial_number": "692", "gpu_uuid": "cc-1", "hostname": "tw", "gpu_id": "2",
                              "gpu_compute_partition_type": "spx", "gpu_partition_id": "0"}, "692", "", "tw"),
        ("GPU_PACKAGE_POWER", {"serial_number": "692", "hostname": "tw", "gpu_compute_partition_type": "cpx",
                               "gpu_partition_id": "5"}, "692", "5", "tw"),
    ],
)
def test_device_identity(name, labels, device, slice_id, host) -> None:
    row = read(series(name, labels, [1.0]), host="dflt")[0]["gpu_samples"][0]
    assert (row["device_id"], row["slice_id"], row["host"]) == (device, slice_id, host)


def test_a_series_that_names_no_device_is_a_finding() -> None:
    rows, findings, _ = read(series("DCGM_FI_DEV_GPU_UTIL", {"UUID": MASKED, "Hostname": "n"}, [1, 2]))
    assert rows["gpu_samples"] == []
    assert findings["gpu.no_device"].count == 2


def test_nvidia_gpu_exporter_takes_name_and_index_from_its_information_series() -> None:
    masked = {"uuid": "00000000-0000-0000-0000-000000000000", "instance": "h1:9835"}
    info = masked | {"name": "NVIDIA H200", "index": "4", "pci_bus_id": "00000000:83:00.0"}
    rows, _, _ = read(series("nvidia_smi_utilization_gpu_ratio", masked, [0.97]),
                      series("nvidia_smi_gpu_info", info, [1]))
    row = rows["gpu_samples"][0]
    assert (row["device_id"], row["gpu_model"], row["value"]) == ("h1/4", "NVIDIA H200", 97)
    assert rows["gpu_owners"] == []


def test_copies_for_time_slicing_are_one_sample_and_two_owners() -> None:
    copies = [series("DCGM_FI_DEV_GPU_UTIL", GPU | {"exported_pod": pod, "exported_namespace": "ml"}, [40, 60])
              for pod in ("a", "b")]
    rows, findings, _ = read(*copies)
    assert values_of(rows) == [40, 60]
    assert findings["gpu.copies"].count == 2
    assert sorted((row["owner"], row["replicas"], row["state"]) for row in rows["gpu_owners"]) == [
        ("ml/a", 2, "allocated")] * 2 + [("ml/b", 2, "allocated")] * 2


def test_the_device_s_own_reading_stands_before_the_shares_of_its_pods() -> None:
    shares = [series("DCGM_FI_DEV_GPU_UTIL", GPU | {"exported_pod": pod}, [20, 0]) for pod in ("a", "b")]
    device = series("DCGM_FI_DEV_GPU_UTIL", GPU | OWN_POD, [45, 50])
    rows, findings, _ = read(*shares, device)
    assert values_of(rows) == [45, 50]
    assert "gpu.copies_differ" not in findings
    assert {row["state"] for row in rows["gpu_owners"]} == {"allocated"}


def test_differing_shares_without_a_device_reading_give_the_highest_and_a_finding() -> None:
    shares = [series("DCGM_FI_DEV_GPU_UTIL", GPU | {"exported_pod": pod}, [value])
              for pod, value in (("a", 20), ("b", 30))]
    rows, findings, _ = read(*shares)
    assert values_of(rows) == [30]
    assert findings["gpu.copies_differ"].severity is Severity.WARNING


def test_old_and_new_name_of_one_reading_count_once() -> None:
    rows, _, _ = read(series("DCGM_FI_DEV_POWER_USAGE", GPU, [100, 200]),
                      series("DCGM_FI_DEV_BOARD_POWER_WATTS", GPU, [100, 200]))
    assert values_of(rows) == [100, 200]


def test_unallocated_needs_an_exporter_that_labels_somebody() -> None:
    other = GPU | OWN_POD | {"UUID": UUID[:-1] + "2", "gpu": "1", "instance": "10.0.0.2:9400", "Hostname": "node-b"}
    free = series("DCGM_FI_DEV_GPU_UTIL", other, [0, 0])
    held = series("DCGM_FI_DEV_GPU_UTIL", GPU | WORKLOAD | OWN_POD, [50, 50])
    assert read(free)[0]["gpu_owners"] == []  # nobody is labelled: nothing is known about allocation
    rows, _, _ = read(free, held)
    assert {(row["host"], row["state"], row["owner"], row["replicas"]) for row in rows["gpu_owners"]} == {
        ("node-a", "allocated", "ml/llama-0", 1), ("node-b", "unallocated", "", 1)}
    assert {row["state"] for row in read(free, allocation="pod_labels")[0]["gpu_owners"]} == {"unallocated"}
    assert {row["state"] for row in read(free, allocating_jobs=frozenset({"dcgm"}))[0]["gpu_owners"]} == {"unallocated"}
    assert read(free, held, allocation="none")[0]["gpu_owners"] == []


def test_an_exporter_of_another_job_does_not_make_devices_unallocated() -> None:
    held = series("DCGM_FI_DEV_GPU_UTIL", GPU | WORKLOAD, [50])
    blind = series("DCGM_FI_DEV_GPU_UTIL", GPU | {"UUID": UUID[:-1] + "3", "job": "bare-metal"}, [50])
    assert {row["device_id"] for row in read(held, blind)[0]["gpu_owners"]} == {UUID}


@pytest.mark.parametrize(
    ("labels", "owner"),
    [
        (WORKLOAD | OWN_POD, "ml/llama-0"),
        ({"pod": "llama-0", "namespace": "ml"}, "ml/llama-0"),
        ({"pod_name": "llama-0", "pod_namespace": "ml", "container_name": "c"}, "ml/llama-0"),
        ({"hpc_job": "4711"}, "4711"),
        ({"exported_pod": "", "pod": "nvidia-dcgm-exporter-x"}, None),
        ({"pod": "x", "container": "dcgm-exporter"}, None),
    ],
)
def test_who_holds_the_device(labels, owner) -> None:
    owners = read(series("DCGM_FI_DEV_GPU_UTIL", GPU | labels, [1]))[0]["gpu_owners"]
    assert [row["owner"] for row in owners] == ([owner] if owner else [])


def test_the_scrape_target_tells_the_exporter_s_own_pod_whatever_its_name() -> None:
    up = series("up", {"job": "dcgm", "instance": GPU["instance"], "pod": "metrics-7", "namespace": "mon"}, [1])
    held = GPU | {"pod": "exporter-of-stories", "namespace": "ml"}  # honorLabels on: pod is the workload
    free = GPU | {"UUID": UUID[:-1] + "2", "pod": "metrics-7", "namespace": "mon"}
    rows, _, _ = read(series("DCGM_FI_DEV_GPU_UTIL", held, [1]), series("DCGM_FI_DEV_GPU_UTIL", free, [0]), up)
    assert {(row["device_id"], row["owner"], row["state"]) for row in rows["gpu_owners"]} == {
        (UUID, "ml/exporter-of-stories", "allocated"), (UUID[:-1] + "2", "", "unallocated")}


def test_the_whole_mig_device_is_not_unallocated_beside_its_slices() -> None:
    one = GPU | WORKLOAD | {"GPU_I_ID": "1", "GPU_I_PROFILE": "3g.40gb"}
    two = GPU | {"GPU_I_ID": "2", "GPU_I_PROFILE": "1g.10gb"}
    rows, _, _ = read(series("DCGM_FI_PROF_GR_ENGINE_ACTIVE", one, [0.5]),
                      series("DCGM_FI_PROF_GR_ENGINE_ACTIVE", two, [0]),
                      series("DCGM_FI_DEV_POWER_USAGE", GPU, [300]))
    assert {(row["slice_id"], row["state"]) for row in rows["gpu_owners"]} == {("1", "allocated"), ("2", "unallocated")}
    assert {(row["slice_id"], row["metric"]) for row in rows["gpu_samples"]} == {
        ("1", "engine_active_ratio"), ("2", "engine_active_ratio"), ("", "power_watts")}
    sizes = {row["slice_id"]: (row["slice_profile"], row["multiprocessors"], row["device_multiprocessors"],
                               row["compute_slices"], row["memory_slices"]) for row in rows["gpu_slices"]}
    assert sizes == {"1": ("3g.40gb", 60, 132, 3, 4), "2": ("1g.10gb", 16, 132, 1, 1)}


def test_cluster_facts_complete_the_owner() -> None:
    pod = {"namespace": "ml", "pod": "llama-0"}
    rows, _, _ = read(
        series("DCGM_FI_DEV_GPU_UTIL", GPU | WORKLOAD | {"app": "chat"}, [0, 0, 50]),
        series("kube_pod_status_phase", pod | {"phase": "Pending"}, [1, 1, 0]),
        series("kube_pod_owner", pod | {"owner_kind": "Job", "owner_name": "tune"}, [1, 1, 1]),
        series("kube_pod_labels", pod | {"label_team": "search"}, [1, 1, 1]),
        series("kube_job_status_active", {"namespace": "ml", "job_name": "tune"}, [1, 1, 1]),
    )
    owners = sorted(rows["gpu_owners"], key=lambda row: row["event_time"])
    assert [row["state"] for row in owners] == ["starting", "starting", "allocated"]
    assert {(row["workload"], row["job_state"], row["labels"], row["namespace"]) for row in owners} == {
        ("tune", "running", '{"app":"chat","team":"search"}', "ml")}


def test_a_node_that_is_not_ready_is_down_even_when_its_exporter_is_silent() -> None:
    node = {"node": "node-a", "condition": "Ready", "status": "true"}
    ready = series("kube_node_status_condition", node, [1, 1, 0, 0, 0, 1])
    rows, _, _ = read(series("DCGM_FI_DEV_GPU_UTIL", GPU | WORKLOAD, [1, 1, 1]), ready)
    states = {int((row["event_time"].timestamp() * SECOND - START) // STEP): row["state"] for row in rows["gpu_owners"]}
    assert states == {0: "allocated", 1: "allocated", 2: "down", 3: "down", 4: "down"}
    assert {row["device_id"] for row in rows["gpu_owners"]} == {UUID}


def test_engine_series_keep_every_reading_across_a_restart() -> None:
    labels = {"pod": "llama-0", "namespace": "ml", "model_name": "llama-3", "engine": "0", "job": "v"}
    rows, findings, _ = read(series("vllm:prompt_tokens_total", labels, [5, 9, 0, 4]),
                             series("vllm:prompt_tokens_total", labels | {"job": "again"}, [5, 9, 0, 4]),
                             series("vllm:prompt_tokens_created", labels, [1, 1, 1, 1]),
                             series("vllm:num_requests_running", labels, [float("nan"), 1, 2, 3]))
    found = [(row["metric"], row["kind"], row["value"]) for row in rows["engine_samples"]]
    assert found == [("vllm:num_requests_running", "gauge", v) for v in (1, 2, 3)] + [
        ("vllm:prompt_tokens", "counter", v) for v in (5, 9, 0, 4)]
    assert findings["gpu.not_a_number"].count == 1
    assert len({row["event_key"] for row in rows["engine_samples"]}) == 7


def test_a_translation_in_pieces_gives_the_same_rows() -> None:
    util = series("DCGM_FI_DEV_GPU_UTIL", GPU | WORKLOAD, range(8))
    power = series("DCGM_FI_DEV_POWER_USAGE", GPU | WORKLOAD, range(8))
    translator = Translator(Reading())
    chunks = [*translator.samples([util]), *translator.samples([power]), translator.finish()]
    pieces = [row for chunk in chunks for table in chunk.tables.values() for row in table.to_pylist()]
    whole, _, _ = read(util, power)
    keys = {row["event_key"] for rows in whole.values() for row in rows}
    assert {row["event_key"] for row in pieces} == keys
    assert [row["row_number"] for row in pieces] == list(range(1, len(pieces) + 1))
    assert len(whole["gpu_owners"]) == 8  # both signals of a scrape tell of the same owner
