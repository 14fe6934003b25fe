"""A real Prometheus server, loaded with captures and a made-up fleet: every sample arrives, none is invented."""

from __future__ import annotations

import gzip
import json
import math
import re
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import live_fleet
import pytest
from live_fleet import END_MS, START_MS, STEP_MS, STEPS, Fleet
from live_server import ask, serving

from netyield.core.finding import Severity
from netyield.sources.gpu.prometheus import Prometheus
from netyield.sources.gpu.prometheus_http import TooMuch
from netyield.sources.gpu.prometheus_reply import series_of, spooled
from netyield.sources.gpu.prometheus_settings import PrometheusSettings
from netyield.sources.registry import build
from netyield.testing.conformance import check_source

pytestmark = pytest.mark.prometheus
CAPTURES = Path(__file__).parents[2] / "data" / "captures"
SINCE, UNTIL = "2026-10-01T00:00:00Z", "2026-10-01T02:00:00Z"
# capture, host, and the signals nvidia_gpu_exporter gives there (in MIG mode utilization is absent)
HOSTS = {
    "linux-x86_64__nvidia-h100-80gb-hbm3__590.48.01": "h100",
    "linux-x86_64__nvidia-h100-mig__590.48.01": "h100-mig",
    "linux-x86_64__nvidia-h200-mig__590.48.01": "h200-mig",
}
CAPTURED = {
    "nvidia_smi_utilization_gpu_ratio": ("gpu_util_percent", 100),
    "nvidia_smi_power_draw_watts": ("power_watts", 1),
    "nvidia_smi_memory_used_bytes": ("memory_used_bytes", 1),
    "nvidia_smi_memory_total_bytes": ("memory_total_bytes", 1),
    "nvidia_smi_energy_joules_total": ("energy_joules", 1),
}


def load_captures(fleet: Fleet) -> None:
    """Each capture as two scrapes, idle then load; the truth is read off the text by a pattern of its own."""
    for name, host in HOSTS.items():
        for place, load in enumerate(("idle", "load")):
            moment = START_MS + place * 60_000 + 250
            for line in (CAPTURES / f"{name}__{load}.metrics").read_text(encoding="utf-8").splitlines():
                found = re.fullmatch(r"(nvidia_smi_\w+)(?:\{(.*)\})? (\S+)", line)
                if not found:
                    continue
                labels = f'instance="{host}:9835",job="smi"' + (f",{found[2]}" if found[2] else "")
                fleet.lines[found[1]].append(f"{found[1]}{{{labels}}} {found[3]} {moment / 1000:.3f}")
                if found[1] in CAPTURED:
                    metric, factor = CAPTURED[found[1]]
                    fleet.gpu[f"{host}/0", "", metric][moment] = float(found[3]) * factor


@dataclass
class Server:
    url: str
    fleet: Fleet


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    fleet = live_fleet.build()
    load_captures(fleet)
    with serving(tmp_path_factory.mktemp("prometheus"), fleet.text()) as url:
        yield Server(url, fleet)


def source(url: str, **options: Any) -> Prometheus:
    settings = {"type": "prometheus", "url": url, "since": SINCE, "until": UNTIL, **options}
    built = build(settings, Path.cwd())
    assert isinstance(built, Prometheus)
    return built


@dataclass
class Got:
    """Everything a read gave."""

    rows: dict[str, list[dict[str, Any]]]
    findings: dict[str, Any]
    deliveries: list[str]
    hashes: list[str]
    cursors: list[Any]
    exchanges: list[tuple[dict[str, Any], dict[str, Any]]]


def read(origin: Prometheus, cursor: Any = None, most: int = 10_000) -> Got:
    got = Got(defaultdict(list), {}, [], [], [], [])
    for delivery in origin.deliveries(cursor or {}):
        got.deliveries.append(delivery.name)
        got.hashes.append(delivery.content_hash)
        assert isinstance(delivery.raw, Path)
        got.exchanges += list(spooled(delivery.raw))
        for chunk in delivery.chunks():
            for table, content in chunk.tables.items():
                got.rows[table] += content.to_pylist()
            got.findings |= {finding.code: finding for finding in chunk.findings}
        got.cursors.append(json.loads(json.dumps(delivery.next_cursor())))
        if len(got.deliveries) == most:
            break
    return got


def ms(row: dict[str, Any]) -> int:
    return (row["event_time"] - datetime(1970, 1, 1, tzinfo=UTC)).total_seconds().__mul__(1000).__round__()


def gpu_truth_of(rows: list[dict[str, Any]]) -> dict[tuple[str, str, str], dict[int, float]]:
    found: dict[tuple[str, str, str], dict[int, float]] = defaultdict(dict)
    for row in rows:
        key = (row["device_id"], row["slice_id"], row["metric"])
        assert ms(row) not in found[key], "one reading per device, signal and time"
        found[key][ms(row)] = row["value"]
    return found


def engine_truth_of(rows: list[dict[str, Any]]) -> dict[tuple[str, str, str], dict[int, float]]:
    found: dict[tuple[str, str, str], dict[int, float]] = defaultdict(dict)
    for row in rows:
        found[row["replica"], f"{row['metric']}/{row['kind']}", row["labels"]][ms(row)] = row["value"]
    return found


def test_raw_every_sample_arrives_and_none_is_invented(server: Server) -> None:
    got = read(source(server.url))
    assert gpu_truth_of(got.rows["gpu_samples"]) == server.fleet.gpu
    assert engine_truth_of(got.rows["engine_samples"]) == server.fleet.engine
    assert len(got.rows["engine_samples"]) == sum(map(len, server.fleet.engine.values()))
    keys = [row["event_key"] for rows in got.rows.values() for row in rows]
    assert len(keys) == len(set(keys))
    assert {row["model"] for row in got.rows["engine_samples"]} == {"llama-3"}


def test_raw_counters_come_through_their_resets_unchanged(server: Server) -> None:
    rows = read(source(server.url, metrics=["energy_joules"])).rows
    energy = gpu_truth_of(rows["gpu_samples"])[live_fleet.uuid(0), "", "energy_joules"]
    ordered = [energy[moment] for moment in sorted(energy)]
    gained = sum(after - before if after >= before else after for before, after in pairwise(ordered))
    assert gained == 149 * 21_000 + 89 * 21_000  # up to the restart, and from 0 again; increase() would extrapolate
    tokens = engine_truth_of(rows["engine_samples"])["llama-7c9d8b6f5d-x2v5k", "vllm:prompt_tokens/counter",
                                                     '{"engine":"0"}']
    assert min(tokens[moment] for moment in tokens if moment >= START_MS + 150 * STEP_MS) == 0


def test_raw_holds_and_gaps(server: Server) -> None:
    rows = [row for row in read(source(server.url)).rows["gpu_samples"] if row["device_id"] == live_fleet.uuid(2)]
    assert {row["hold_us"] for row in rows} == {90_000_000}
    steps = {live_fleet.step_of(ms(row)) for row in rows}
    assert steps == set(range(STEPS)) - set(range(*live_fleet.DOWN))


def test_owners_follow_pods_jobs_and_nodes(server: Server) -> None:
    rows = read(source(server.url)).rows["gpu_owners"]
    found: dict[tuple[str, str, str], dict[int, str]] = defaultdict(dict)
    for row in rows:
        found[row["device_id"], row["slice_id"], row["owner"]][ms(row)] = row["state"]
    expected = {key: dict(states) for key, states in server.fleet.owners.items()}
    llama = expected[live_fleet.uuid(0), "", "ml/llama-7c9d8b6f5d-x2v5k"]
    llama |= {START_MS + step * STEP_MS: "starting" for step in range(10)}
    expected[live_fleet.uuid(2), "", ""] = {START_MS + step * STEP_MS: "down" for step in range(*live_fleet.DOWN)}
    assert found == expected
    by_owner = {row["owner"]: row for row in rows}
    llama_row, train_row = by_owner["ml/llama-7c9d8b6f5d-x2v5k"], by_owner["ml/train-1-abcde"]
    assert (llama_row["workload"], llama_row["job_state"]) == ("llama", None)
    assert json.loads(llama_row["labels"]) == {"app_kubernetes_io_name": "llama", "team": "search"}
    assert (train_row["workload"], train_row["job_state"], train_row["namespace"]) == ("train-1", "failed", "ml")
    shared = {(live_fleet.step_of(ms(row)) < 134, row["replicas"]) for row in rows if row["owner"] == "ml/share-a"}
    assert shared == {(True, 2), (False, 1)}


def test_slices_of_the_mig_device(server: Server) -> None:
    rows = read(source(server.url)).rows["gpu_slices"]
    assert len(rows) == 2 * 24  # one per slice and five minutes
    assert {row["hold_us"] for row in rows} == {9 * STEP_MS * 1000 + 90_000_000}
    assert {(row["slice_id"], row["slice_profile"], row["multiprocessors"], row["memory_slices"]) for row in rows} == {
        ("1", "3g.40gb", 60, 4), ("2", "2g.20gb", 32, 2)}


def test_findings_say_what_is_missing(server: Server) -> None:
    findings = read(source(server.url)).findings
    assert {code: finding.severity for code, finding in findings.items()} == {
        "gpu.copies": Severity.INFO, "gpu.sentinel": Severity.INFO,
        "kubernetes.pods_on_no_device": Severity.WARNING, "kubernetes.fewer_devices": Severity.INFO,
    }
    assert "ml/ghost-0" in findings["kubernetes.pods_on_no_device"].message


def test_small_requests_and_an_interruption_give_the_same_rows(server: Server) -> None:
    whole = read(source(server.url))
    small = source(server.url, max_samples_per_request=200)
    first = read(small, most=3)
    rest = read(small, cursor=first.cursors[-1])
    assert len(whole.deliveries) == 1
    assert len(first.deliveries) == 3
    assert len(rest.deliveries) > 1
    for table, rows in whole.rows.items():
        plain = {(row["event_key"], tuple(sorted((k, str(v)) for k, v in row.items() if k != "row_number")))
                 for row in rows}
        pieces = [*first.rows[table], *rest.rows[table]]
        assert len(pieces) == len(rows)
        assert {(row["event_key"], tuple(sorted((k, str(v)) for k, v in row.items() if k != "row_number")))
                for row in pieces} == plain
    assert len({*first.hashes, *rest.hashes}) == len(first.hashes) + len(rest.hashes)


def test_reading_again_gives_the_same_content_and_a_finished_read_nothing(server: Server) -> None:
    first, again = read(source(server.url)), read(source(server.url))
    assert first.hashes == again.hashes
    assert read(source(server.url), cursor=first.cursors[-1]).deliveries == []
    assert first.cursors[-1]["until_ms"] == END_MS
    assert first.cursors[-1]["jobs"] == ["dcgm"]


def test_a_setting_that_brings_more_reads_the_window_again(server: Server) -> None:
    cursor = read(source(server.url)).cursors[-1]
    assert read(source(server.url, util_scale="percent"), cursor=cursor).deliveries != []


@pytest.mark.parametrize("window_seconds", [300, 420])
def test_windows_are_exactly_the_means_of_the_raw_samples(server: Server, window_seconds: int) -> None:
    until = START_MS + 17 * 420_000  # whole windows of both lengths
    options: dict[str, Any] = {"mode": "windows", "window_seconds": window_seconds}
    if window_seconds == 420:
        options["until"] = datetime.fromtimestamp(until / 1000, UTC).isoformat()
        options["since"] = datetime.fromtimestamp((START_MS - START_MS % 420_000) / 1000, UTC).isoformat()
    got = read(source(server.url, **options))
    end = until if window_seconds == 420 else END_MS
    end -= end % (window_seconds * 1000)
    expected: dict[tuple[str, str, str], dict[int, tuple[float, int]]] = defaultdict(dict)
    for key, samples in server.fleet.gpu.items():
        if key[2] == "energy_joules":
            continue
        windows: dict[int, list[float]] = defaultdict(list)
        for moment, value in samples.items():
            if moment < end:
                windows[moment - moment % (window_seconds * 1000)].append(value)
        step = 60_000 if "/" in key[0] else STEP_MS
        for start, values in windows.items():
            hold = min(len(values) * step * 1000, window_seconds * 1_000_000)
            expected[key][start] = (math.fsum(values) / len(values), hold)
    found: dict[tuple[str, str, str], dict[int, tuple[float, int]]] = defaultdict(dict)
    for row in got.rows["gpu_samples"]:
        key = (row["device_id"], row["slice_id"], row["metric"])
        if row["metric"] != "energy_joules":
            found[key][ms(row)] = (row["value"], row["hold_us"])
    assert found.keys() == expected.keys()
    for key, windows_found in found.items():
        assert windows_found.keys() == expected[key].keys(), key
        for start, (mean, hold) in windows_found.items():
            assert mean == pytest.approx(expected[key][start][0], rel=1e-15), key
            if "/" not in key[0]:  # two scrapes of a capture tell no interval
                assert hold == expected[key][start][1], key


def test_the_server_s_window_aggregates_equal_the_raw_samples_to_the_last_digit(server: Server) -> None:
    got = read(source(server.url, mode="windows"))
    raw: dict[tuple[str, str], dict[int, list[float]]] = defaultdict(lambda: defaultdict(list))
    for asked, parsed in read(source(server.url)).exchanges:
        if asked.get("kind") == "samples":
            for item in series_of(parsed, asked):
                identity = (item.name, json.dumps(dict(sorted(item.labels.items()))))
                for time, value in zip((item.times_us // 1000).tolist(), item.values.tolist(), strict=True):
                    raw[identity][time - time % 300_000].append(value)
    reduce = {"count_over_time": len, "sum_over_time": math.fsum, "max_over_time": max, "min_over_time": min}
    compared = 0
    for asked, parsed in got.exchanges:
        if asked.get("kind") != "window":
            continue
        for item in series_of(parsed, asked):
            identity = (item.name, json.dumps(dict(sorted(item.labels.items()))))
            answers = {time // 1000 + 1 - 300_000: value
                       for time, value in zip(item.times_us.tolist(), item.values.tolist(), strict=True)}
            assert answers == {start: reduce[asked["function"]](values) for start, values in raw[identity].items()}
            compared += len(answers)
    assert compared > 1000


def test_windows_keep_counters_owners_and_engines_exact(server: Server) -> None:
    got = read(source(server.url, mode="windows"))
    found = gpu_truth_of(got.rows["gpu_samples"])
    energy = {key: samples for key, samples in server.fleet.gpu.items() if key[2] == "energy_joules"}
    assert {key: found[key] for key in energy} == energy
    assert engine_truth_of(got.rows["engine_samples"]) == server.fleet.engine
    held: dict[tuple[str, str], int] = defaultdict(int)
    for row in got.rows["gpu_owners"]:
        if row["state"] != "down" and row["hold_us"] != 90_000_000:
            held[row["device_id"], row["owner"]] += row["hold_us"]
    assert held[live_fleet.uuid(0), "ml/llama-7c9d8b6f5d-x2v5k"] == STEPS * STEP_MS * 1000
    assert held[live_fleet.uuid(1), "ml/train-1-abcde"] == held[live_fleet.uuid(1), ""] == STEPS // 2 * STEP_MS * 1000
    # The shared device changed hands inside a window: there the owners are those of the single scrapes.
    alone = [row for row in got.rows["gpu_owners"] if row["device_id"] == live_fleet.uuid(4) and row["replicas"] == 1]
    assert min(ms(row) for row in alone) == START_MS + 134 * STEP_MS + 11_000
    assert got.findings["prometheus.windows"].severity is Severity.INFO


def test_no_bare_range_query_and_no_extrapolation_is_ever_asked(server: Server) -> None:
    for mode in ("raw", "windows"):
        for asked, _ in read(source(server.url, mode=mode)).exchanges[1:]:
            query = asked["params"].get("query", "")
            if "step" in asked["params"]:
                assert re.match(r"(count|sum|max|min)_over_time\(\{.*\}\[\d+ms\]\)$", query), query
            assert not re.search(r"increase|rate\(|\[.*:.*\]$", query)


def test_a_server_that_refuses_large_queries_is_asked_for_less(server: Server, tmp_path: Path) -> None:
    fleet = live_fleet.build()
    with serving(tmp_path, fleet.text(), "--query.max-samples=1000") as url:
        for mode in ("raw", "windows"):
            got = read(source(url, mode=mode, kubernetes=False))
            asked = [asked for asked, _ in got.exchanges[1:] if asked["kind"] == "samples"]
            assert min(one["end_ms"] - one["start_ms"] for one in asked) < END_MS - START_MS
            assert engine_truth_of(got.rows["engine_samples"]) == fleet.engine
            if mode == "raw":
                assert gpu_truth_of(got.rows["gpu_samples"]) == fleet.gpu


def test_an_answer_above_the_size_cap_is_asked_in_halves_and_refused_at_last(server: Server) -> None:
    origin = source(server.url)
    origin.settings.max_response_mib = 0
    with pytest.raises(TooMuch, match="max_response_mib"):
        read(origin)


def test_probe_estimates_without_reading(server: Server) -> None:
    origin = source(server.url, gpu_selectors=['job="dcgm"'])
    probe = origin.probe()
    assert probe.reachable
    assert probe.window is not None
    assert probe.window.seconds == 7200
    assert probe.tables == ("gpu_samples", "gpu_owners", "engine_samples")
    got = read(origin)
    actual = len(got.rows["gpu_samples"]) + len(got.rows["engine_samples"])
    assert probe.rows is not None
    assert actual <= probe.rows < 1.5 * actual  # series that follow one another are counted together
    assert "Prometheus 2." in probe.found
    assert "every 30 s" in probe.found
    assert "pod labels" in probe.found


def test_selectors_narrow_the_read(server: Server) -> None:
    got = read(source(server.url, gpu_selectors=['instance="node-b:9400"'], engines=False, kubernetes=False))
    assert {row["device_id"] for row in got.rows["gpu_samples"]} == {live_fleet.uuid(2)}
    assert "engine_samples" not in got.rows


def test_a_window_without_samples_is_a_finding_and_no_delivery(server: Server) -> None:
    empty = source(server.url, since="2026-09-01", until="2026-09-02")
    assert [finding.code for finding in empty.probe().findings] == ["prometheus.no_series"]
    assert read(empty).deliveries == []


@pytest.mark.parametrize("mode", ["raw", "windows"])
def test_the_source_passes_the_conformance_suite(server: Server, mode: str) -> None:
    deliveries = check_source(lambda: source(server.url, mode=mode, max_samples_per_request=20_000))
    assert {name for delivery in deliveries for name in delivery.tables} == {
        "gpu_samples", "gpu_owners", "gpu_slices", "engine_samples"}


def test_nothing_past_the_settled_present_is_read_and_the_cursor_stays_there(server: Server) -> None:
    now = datetime(2026, 10, 1, 1, 2, 30, tzinfo=UTC)
    settings = PrometheusSettings(url=server.url, since=SINCE, until="2026-12-01", settle_seconds=60, retries=0)
    got = read(Prometheus(settings, Path.cwd(), now=lambda: now))
    assert got.cursors[-1]["until_ms"] == START_MS + 61 * 60_000
    assert max(ms(row) for row in got.rows["gpu_samples"]) < START_MS + 61 * 60_000
    open_end = Prometheus(settings.model_copy(update={"until": "", "since": ""}), Path.cwd(), now=lambda: now).probe()
    assert open_end.window is not None
    assert open_end.window.until == now - timedelta(seconds=90)
    assert open_end.window.seconds == 15 * 86_400 - 30


def test_the_spool_holds_the_server_s_own_words(server: Server) -> None:
    origin = source(server.url, metrics=["power_watts"], engines=False, kubernetes=False)
    deliveries = origin.deliveries({})
    delivery = next(deliveries)
    assert isinstance(delivery.raw, Path)
    lines = gzip.decompress(delivery.raw.read_bytes()).decode().splitlines()
    name = "DCGM_FI_DEV_BOARD_POWER_WATTS"
    answer = next(json.loads(after) for before, after in pairwise(lines) if name in before and '"samples"' in before)
    assert {item["metric"]["__name__"] for item in answer["data"]["result"]} >= {name}
    total = ask(server.url, "/api/v1/query", query=f"count_over_time({name}[3h])", time=str(END_MS // 1000))
    mine = next(item for item in answer["data"]["result"] if item["metric"]["__name__"] == name)
    assert len(mine["values"]) == int(total["result"][0]["value"][1]) == STEPS - 40
