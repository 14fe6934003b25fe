"""The example company: its files agree with its truth, with each other, and with people who never heard of us."""

from __future__ import annotations

import gzip
import hashlib
import json
import os
import shutil
import subprocess
from collections import defaultdict
from decimal import Decimal
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from company import Company
from focus_data_toolkit.model.validator import lint_focus_1_4_structure
from genai_prices import Usage, calc_price

from netyield.testing.example import generate
from netyield.testing.example.apps import PRICES, UNKNOWN_MODEL
from netyield.testing.example.plan import END, START
from netyield.testing.example.traffic import simulate

HOUR_US = 3_600_000_000
MIG_DUST = Decimal("0.000001")


def _hashes(folder: Path) -> dict[str, str]:
    files = [path for path in folder.rglob("*") if path.is_file()]
    return {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def test_the_same_seed_writes_the_same_bytes_and_another_seed_does_not(company: Company, tmp_path: Path) -> None:
    generate(tmp_path)
    assert _hashes(tmp_path) == _hashes(company.folder)
    assert simulate(2).outcomes != simulate(1).outcomes


def test_it_is_small(company: Company) -> None:
    assert sum(path.stat().st_size for path in company.folder.rglob("*") if path.is_file()) < 30_000_000


# The bill


def test_the_bill_file_adds_up_to_the_truth(company: Company) -> None:
    bill = company.truth["bill"]
    assert len(company.bill) == bill["rows"]
    for column, total in bill["file_totals"].items():
        assert sum(Decimal(row[column]) for row in company.bill) == Decimal(total)


def test_the_bill_is_a_focus_1_4_file_for_somebody_elses_linter(company: Company) -> None:
    conditions = ["SupportsUnitPricing", "SupportsMultiplePricingCategories"]
    report = lint_focus_1_4_structure("cost and usage", company.bill, supported_conditions=conditions)
    assert report.row_count == len(company.bill)
    assert report.messages() == []
    assert len(company.bill[0]) == 65


def test_a_commitment_costs_what_its_month_was_billed(company: Company) -> None:
    """FOCUS: sum(EffectiveCost of Usage) = sum(BilledCost of Purchase), hour for hour of a recurring fee."""
    mine = [row for row in company.bill if row["CommitmentDiscountId"]]
    fee = sum(Decimal(row["BilledCost"]) for row in mine if row["ChargeCategory"] == "Purchase")
    spread = sum(Decimal(row["EffectiveCost"]) for row in mine)
    assert spread * 744 == fee * 48
    assert {row["CommitmentDiscountStatus"] for row in mine} == {"Used", "Unused", ""}


def test_every_dollar_of_the_window_is_planted_somewhere(company: Company) -> None:
    """Fixed steps + API attempts + serving GPU time = the window's amortised bill; intervals embrace the rest."""
    truth = company.truth
    total = Decimal(truth["bill"]["window_totals"]["EffectiveCost"])
    serving = Decimal(0)
    for name, pool in truth["pools"].items():
        prices = _minute_prices(company, name)
        serving += sum(prices * row.get("serving", 0) / 60_000_000 for row in pool["active_us"].values())
    for known in (truth["early"], truth["late"]):
        judged = set(known["api_money"]) | set(known["gpu_reference"])
        fixed = sum(Decimal(amount["low"]) for step, amount in known["steps"].items() if step not in judged)
        api = sum(map(Decimal, known["api_money"].values()))
        assert abs(fixed + api + serving - total) <= MIG_DUST
        assert sum(map(Decimal, known["gpu_reference"].values())) == serving
        assert sum(Decimal(a["low"]) for a in known["steps"].values()) <= total
        assert sum(Decimal(a["high"]) for a in known["steps"].values()) >= total
        for step, share in known["gpu_reference"].items():
            for slots in known["gpu_money"].values():
                assert Decimal(slots[step]["low"]) <= Decimal(share) <= Decimal(slots[step]["high"])


def _minute_prices(company: Company, pool: str) -> Decimal:
    row = next(row for row in _gpu_rows(company, pool) if not _unused(row))
    gpus = 1 if pool == "h100-mig" else 8
    return Decimal(row["EffectiveCost"]) / gpus / 60


def _gpu_rows(company: Company, pool: str) -> list[dict[str, str]]:
    mine = [row for row in company.bill if f'"pool": "{pool}"' in row["Tags"]]
    return [row for row in mine if row["ChargeCategory"] == "Usage"]


def _unused(row: dict[str, str]) -> bool:
    return "Unused" in (row["CommitmentDiscountStatus"], row["CapacityReservationStatus"])


def test_pool_hours_hold_as_much_device_time_as_was_paid(company: Company) -> None:
    for name, pool in company.truth["pools"].items():
        gpus: dict[str, int] = defaultdict(int)
        cost: dict[str, Decimal] = defaultdict(Decimal)
        for row in _gpu_rows(company, name):
            if not _unused(row):
                gpus[row["ChargePeriodStart"]] += 1 if name == "h100-mig" else 8
                cost[row["ChargePeriodStart"]] += Decimal(row["EffectiveCost"])
        assert {hour: sum(states.values()) for hour, states in pool["state_us"].items()} == {
            hour: count * HOUR_US for hour, count in gpus.items()
        }
        assert {hour: Decimal(amount) for hour, amount in pool["cost_by_hour"].items()} == cost
        assert Decimal(pool["gpu_hours_paid"]) == sum(gpus.values())
        assert abs(sum(map(Decimal, pool["money_by_state"].values())) - Decimal(pool["used_cost"])) <= MIG_DUST
        for hour, uses in pool["active_us"].items():
            assert sum(uses.values()) == pool["state_us"][hour]["active"]


def test_the_planted_hours_are_the_ones_we_meant(company: Company) -> None:
    """Worked out by hand from what the README promises."""
    pools = company.truth["pools"]
    hours: dict[str, Fraction] = defaultdict(Fraction)
    for pool in pools.values():
        for row in pool["state_us"].values():
            for state, us in row.items():
                hours[state] += Fraction(us, HOUR_US)
        for row in pool["active_us"].values():
            for use, us in row.items():
                hours[use] += Fraction(us, HOUR_US)
    assert hours["down"] == 3 * 8  # the node dies 01:00 to 04:00 on the second day
    assert hours["unknown"] * 60 == 13 * 8  # 15 silent minutes, of which a reading stands for two more
    assert hours["starting"] * 60 == 20 * 4 + (10 + 2 + 2) * 8 + 2 * 3 * 2
    assert hours["training.completed"] * 60 == (13 * 60 + 40) * 8  # 06:20 to 20:00
    assert hours["training.failed"] * 60 == (5 * 60 - 2) * 8  # 22:02 to 03:00
    assert hours["training.running"] * 60 == (20 * 60 - 2) * 8
    assert hours["active_unattributed"] * 60 == 2 * (6 * 60 - 3) * 2
    assert abs(hours["fragmented"] - Fraction(48 * 8, 132)) < Fraction(1, 1_000_000)
    assert Decimal(pools["h100-b"]["gpu_hours_unused"]) == 48 * 8
    assert Decimal(pools["a100-train"]["gpu_hours_unused"]) == 6 * 8


# Traffic


def test_every_real_request_is_served_with_its_real_tokens(company: Company) -> None:
    """The totals of the published traces: the last attempt of each request carries them."""
    replaced = {call.retry_of for call in company.calls}
    replaced |= {event["call"] for event in company.outcomes(late=False) if event["verdict"] == "superseded"}
    real = [call for call in company.calls if call.call not in replaced and call.app != "canary"]
    assert len(real) == 8_819 + 19_366
    assert sum(call.prompt for call in real) == 18_059_974 + 22_361_870
    assert sum(call.completion for call in real) == 245_896 + 4_088_665


def test_log_tokens_equal_truth_tokens_before_and_after_late_outcomes(company: Company) -> None:
    truth = company.truth
    assert len(company.calls) == truth["attempts"]["all"] == len({call.call for call in company.calls})
    classes = truth["tokens_by_class"]
    assert sum(call.prompt for call in company.calls) == classes["in_uncached"] + classes["in_cache_read"]
    output = classes["out_text"] + classes["out_reasoning"] + classes["out_rejected_prediction"]
    assert sum(call.completion for call in company.calls) == output
    for known in (truth["early"], truth["late"]):
        summed: dict[str, int] = defaultdict(int)
        for table in (known["tokens"], known["unpriced_tokens"]):
            for row in table.values():
                for name, tokens in row.items():
                    summed[name] += tokens
        assert summed == classes


def test_the_logs_hold_no_content_and_no_address(company: Company) -> None:
    contents = {json.dumps(call.record.get("messages")) for call in company.calls}
    contents |= {json.dumps(choice["message"]) for call in company.calls for choice in _choices(call.record)}
    assert {text for text in contents if "redacted-by-litellm" not in text} == {"null"}
    forbidden = {"proxy_server_request", "requester_ip_address"}
    assert not forbidden & {key for call in company.calls for key in (*call.record, *call.record.get("metadata", ()))}


def _choices(record: dict[str, Any]) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = record.get("response", {}).get("choices", []) if "id" in record else []
    return found


def test_outcomes_name_attempts_or_runs_of_the_logs(company: Company) -> None:
    known = {"call": {call.call for call in company.calls}, "run": {call.run for call in company.calls}}
    for late in (False, True):
        events = company.outcomes(late=late)
        assert len(events) == company.truth["planted"]["late_outcomes" if late else "outcomes"] > 0
        assert all(event[key] in known[key] for event in events for key in known if key in event)
        assert all(("call" in event) != ("run" in event) for event in events)
    early, late_ones = (company.truth[name]["tokens"]["useful"]["out_text"] for name in ("early", "late"))
    assert late_ones != early


def test_list_prices_are_those_of_genai_prices(company: Company) -> None:
    providers = {call.model: call.provider for call in company.calls}
    for model, rates in PRICES.items():
        usage = Usage(input_tokens=1_000, cache_read_tokens=400, output_tokens=100)
        price = calc_price(usage, model, provider_id=providers[model], genai_request_timestamp=START)
        assert price.total_price * 10**12 == 600 * rates.in_uncached + 400 * rates.in_cache_read + 100 * rates.out
    with pytest.raises(LookupError):
        calc_price(Usage(input_tokens=1), UNKNOWN_MODEL, genai_request_timestamp=START)


def test_billed_minus_priced_is_the_planted_difference(company: Company) -> None:
    rows = {(row["day"], row["model"]): row for row in company.truth["api"]}
    differences = {key: Decimal(row["unreconciled"]) for key, row in rows.items() if row["unreconciled"] is not None}
    planted = {key: amount for key, amount in differences.items() if amount}
    first, second = START.strftime("%Y-%m-%dT00:00:00Z"), "2026-10-06T00:00:00Z"
    assert planted == {
        (first, "gpt-4o-mini"): Decimal("0.15") * 31_415_927 / 10**6,
        (first, "text-embedding-3-small"): Decimal("0.02") * 100_000_123 / 10**6,
        (second, "claude-haiku-4-5"): Decimal(1) * 2_718_281 / 10**6,
        (second, "claude-sonnet-4-5"): Decimal(15) * -1_234 / 10**6,
    }
    assert [row["model"] for row in rows.values() if row["priced"] is None] == [UNKNOWN_MODEL] * 2


# Telemetry


def test_a_replica_minute_is_active_exactly_when_a_request_overlaps_it(company: Company) -> None:
    served: dict[str, set[int]] = defaultdict(set)
    for call in company.calls:
        if call.replica and call.prompt:  # an upstream that refused at once computed nothing
            served[call.replica] |= set(range(call.start_ms // 60_000, (call.end_ms - 1) // 60_000 + 1))
    active: dict[str, set[int]] = defaultdict(set)
    for labels, samples in company.metrics["DCGM_FI_PROF_GR_ENGINE_ACTIVE"].items():
        pod = dict(labels).get("exported_pod", "")
        if pod in served:
            active[pod] |= {moment // 60 for moment, value in samples.items() if value > 0}
    assert active == served


def test_engine_counters_count_the_tokens_of_the_log(company: Company) -> None:
    """Increases by scrape, a fall being a restart from zero."""
    for replica, tokens in company.truth["engine_tokens"].items():
        for kind, total in tokens.items():
            series = company.metrics[f"vllm:{kind}_tokens_total"]
            samples = [found for labels, found in series.items() if dict(labels)["pod"] == replica]
            values = [samples[0][moment] for moment in sorted(samples[0])]
            grown = sum(b - a if b >= a else b for a, b in pairwise(values))
            assert grown == total, replica


def test_prompt_tokens_by_source_add_up(company: Company) -> None:
    parts: dict[tuple[str, int], float] = defaultdict(float)
    for labels, samples in company.metrics["vllm:prompt_tokens_by_source_total"].items():
        for moment, value in samples.items():
            parts[dict(labels)["pod"], moment] += value
    whole = {
        (dict(labels)["pod"], moment): value
        for labels, samples in company.metrics["vllm:prompt_tokens_total"].items()
        for moment, value in samples.items()
    }
    assert parts == whole


def test_every_device_reports_every_minute_it_can(company: Company) -> None:
    minutes: dict[tuple[str, str], set[int]] = defaultdict(set)
    for labels, samples in company.metrics["DCGM_FI_DEV_FB_USED"].items():
        names = dict(labels)
        minutes[names["Hostname"], names["UUID"] + names.get("GPU_I_ID", "")] |= set(samples)
    counts = {
        host: sorted({len(found) for (name, _), found in minutes.items() if name == host}) for host, _ in minutes
    }
    whole = int((END - START).total_seconds()) // 60
    silent = {"gpu-a-2": 3 * 60 + 2, "gpu-b-1": 15, "gpu-t-1": 6 * 60}
    assert counts == {host: [whole - silent.get(host, 0)] for host in counts}
    assert len(minutes) == 3 * 8 + 4 + 8


@pytest.mark.prometheus
@pytest.mark.skipif(
    shutil.which("promtool") is None and not os.environ.get("CI"),
    reason="promtool is not installed; apt-get install prometheus",
)
def test_a_real_prometheus_takes_every_sample(company: Company, tmp_path: Path) -> None:
    for packed in sorted((company.folder / "metrics").glob("*.om.gz")):
        text = gzip.decompress(packed.read_bytes())
        plain = tmp_path / packed.stem
        plain.write_bytes(text)
        target = tmp_path / f"{packed.stem}.blocks"
        command = ["promtool", "tsdb", "create-blocks-from", "openmetrics", str(plain), str(target)]
        done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True)
        blocks = [line.split() for line in done.stdout.splitlines() if line.startswith("01")]
        samples = sum(1 for line in text.splitlines() if not line.startswith(b"#"))
        assert sum(int(block[4]) for block in blocks) == samples
