"""Published own-or-API studies: their own inputs give their own figures; with utilisation from a real trace verdicts change.

Every study keeps its hardware, its prices and its tokens in and out. Only when the requests come changes: in place of the
study's full hours the minutes of a recorded trace, as many requests as let the busiest minute fill the same hardware.
"""

from __future__ import annotations

import gzip
import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from placement_cases import MONTH, api, case, demand, own, rent
from test_placement_published import KIMI, SPILL, TP4, cline

from netyield.economics.placement.compare import Comparison, compare
from netyield.economics.placement.demand import Demand, binned
from netyield.economics.placement.uncertain import Float64

ROOT = Path(__file__).parents[3]
TRACES = {"code": 3.5, "conv": 1.9}  # Azure 2023, one hour each; peak over mean of the same services' week in 2024
STAFF = {"minimum_fte": 1.5, "staff_usd_per_year": 220_000, "gpus_per_fte": 64}


@cache
def shape(trace: str) -> Float64:
    """Demand of each minute of the recorded hour over its mean, by tokens."""
    packed = ROOT / "tests" / "data" / "serving" / f"azure2023_AzureLLMInferenceTrace_{trace}.csv.gz"
    lines = [line.split(",") for line in gzip.decompress(packed.read_bytes()).decode().splitlines()[1:]]
    stamps = np.array([np.datetime64(line[0].replace(" ", "T")[:26]) for line in lines])
    seconds = (stamps - stamps[0]) / np.timedelta64(1, "s")
    return binned(seconds, np.array([float(line[1]) + float(line[2]) for line in lines]))


@dataclass(frozen=True)
class Study:
    """Hardware that does ``tokens_per_second``, ``busy_hours`` of a month in the study, and what it is compared with."""

    hardware: float
    tokens_per_second: float
    busy_hours: float
    output_share: float
    others: tuple[dict[str, Any], ...]
    life_months: float = 60.0
    kilowatts: float = 0.0
    usd_per_kwh: float = 0.15

    def traffic(self, trace: str | None) -> Demand:
        """A month as the study has it, or an hour of a trace whose busiest minute fills the hardware."""
        if trace is None:
            points = 730
            rate = np.zeros(points)
            rate[: round(self.busy_hours)] = points / round(self.busy_hours)
            tokens, window = self.tokens_per_second * self.busy_hours * 3600.0, MONTH
        else:
            rate, window = shape(trace), 3600.0
            tokens = self.tokens_per_second * window / rate.max()
        output = int(tokens * self.output_share)
        return demand(
            input_tokens=int(tokens) - output, cache_read_tokens=0, output_tokens=output, span_seconds=window, rate=rate,
        )  # fmt: skip

    def compared(self, trace: str | None = None, **left_out: Any) -> Comparison:
        """The study's comparison; ``left_out``: what it leaves out, put in."""
        seen = self.traffic(trace)
        hours = self.busy_hours if trace is None else 730 / (shape(trace).max() * TRACES[trace])  # powered while it works
        box = own(
            gpu="box", usd_per_gpu=self.hardware, life_years=self.life_months / 12, residual_share=0, cost_of_capital=0,
            usd_per_kw_month=0, usd_per_kwh=self.usd_per_kwh, pue=1, draw_share=min(1.0, hours / 730), kw_per_gpu=self.kilowatts or 1e-9,
            maintenance_share=0, **left_out,
        )  # fmt: skip
        rates = {"gpu": "box", "processed": self.tokens_per_second * 1.000001, "log_sd": 0, "dated": "2025-09-01", "source": "the study"}
        terms = {"growth": 1, "source": "the study", **({} if trace is None else {"weekly_peak_to_mean": TRACES[trace]})}
        return compare(case([box, *self.others], seen, capacity=[rates], traffic=terms, draws=50))

    def months_to_break_even(self, found: Comparison, other: str) -> float:
        """Hardware over what the other bill is above the running cost; infinite where it is not."""
        costs = {way.name: way.cost for way in found.ways}
        box = costs["owned"]
        running = float(np.median(box.usd_per_month - box.parts["depreciation"] - box.parts["cost of capital"]))
        saved = float(np.median(costs[other].usd_per_month)) - running
        return self.hardware / saved if saved > 0 else np.inf


def used(found: Comparison) -> float:
    """Utilisation of the owned fleet."""
    utilisation = found.ways[0].cost.utilisation
    assert utilisation is not None
    return float(np.median(utilisation))


GPT5 = api(name="GPT-5", input=1.25, cache_read=1.25, output=10.0)
OPUS = api(name="Opus 4", input=15.0, cache_read=15.0, output=75.0)
DAYS, HOURS = 22, 8  # of a month and of a day
# arXiv 2509.18101: hardware, GPUs and their watts, tokens a second; months to break even against GPT-5 and against Opus 4.
# 150 tokens a second are the study's for Magistral Small. For the others the GPT-5 column says the rate, and Opus 4 checks it.
CMU = {
    "Magistral Small": (2_000, 1, 575, 150.0, 3.0, 0.4),
    "EXAONE 4.0 32B": (2_000, 1, 575, None, 2.26, 0.3),
    "Qwen3-30B": (2_000, 1, 575, None, 2.5, 0.3),
    "Llama-3.3-70B": (15_000, 1, 400, None, 17.8, 2.3),
    "gpt-oss-120B": (15_000, 1, 400, None, 30.9, 3.9),
    "GLM-4.5-Air": (30_000, 2, 400, None, 34.0, 4.3),
    "Qwen3-235B": (60_000, 4, 400, None, 34.0, 4.3),
    "Kimi-K2": (240_000, 16, 400, None, 69.3, 8.7),
}  # fmt: skip


def cmu(model: str, **changes: Any) -> Study:
    """One third of the tokens is input, two are output; electricity at 15 cents is all that runs."""
    hardware, gpus, watts, rate, months, _ = CMU[model]
    hours = DAYS * HOURS
    kilowatts = gpus * watts / 1000
    implied = (hardware / months + kilowatts * hours * 0.15) / (1.25 / 3 + 10 * 2 / 3) * 1e6 / hours / 3600
    return Study(hardware, rate or implied, hours, 2 / 3, changes.get("others", (GPT5, OPUS)), kilowatts=kilowatts)


@pytest.mark.parametrize("model", list(CMU), ids=[name.replace(" ", "-") for name in CMU])
def test_cmus_break_even_times(model: str) -> None:
    study = cmu(model)
    found = study.compared()
    *_, against_gpt5, against_opus = CMU[model]
    assert study.months_to_break_even(found, "GPT-5") == pytest.approx(against_gpt5, rel=0.02)
    assert study.months_to_break_even(found, "Opus 4") == pytest.approx(against_opus, abs=0.15)
    assert used(found) == pytest.approx(DAYS * HOURS / 730, rel=0.01)  # every working hour is full: that is what is assumed


LENOVO = Study(60 * 730 * 3600 * 33_000 * 0.11e-6, 33_000, 730, 1 / 3, (api(input=2.0, cache_read=2.0, output=2.0),))
BILL = 1e9 / 86_400 * MONTH / 1e6  # dollars a month at one dollar a million
DELL = Study(3 * BILL * 0.9943, 1e9 / 86_400, 730, 1 / 3, (api(input=1, cache_read=1, output=1),), life_months=24,
             kilowatts=0.0057 * BILL / 730 / 0.15)  # fmt: skip
CRUSOE = Study(1.74 * 730 * 48, 1.74 / 2.955 / 0.0036, 730, 1.0, (api(output=5.40),), life_months=48)


def per_mtok(found: Comparison) -> list[float]:
    """Dollars per million processed tokens of each option."""
    asked = found.case
    volume = float(np.median(asked.month())) * asked.demand.processed_tokens / 1e6
    return [float(np.median(way.cost.usd_per_month)) / volume for way in found.ways]


def test_lenovos_eighteen_times() -> None:
    """LP2368 (2026): 0.11 a million on an owned server always full, 2.00 at an API; five years, hardware and running."""
    found = LENOVO.compared()
    server, frontier = per_mtok(found)
    assert (server, frontier) == (pytest.approx(0.11, rel=0.001), pytest.approx(2.0))
    assert frontier / server == pytest.approx(18, abs=0.3)
    assert found.winner == "owned"


def test_dells_three_months_and_eighty_seven_per_cent_are_one_claim_over_two_years() -> None:
    found = DELL.compared()
    box, api_price = per_mtok(found)
    assert 1 - box / api_price == pytest.approx(0.87, abs=0.005)
    assert DELL.months_to_break_even(found, "API") == pytest.approx(3.0, rel=0.01)
    assert DELL.tokens_per_second * 86_400 == pytest.approx(1e9)


def test_inferencexs_margin_is_that_of_a_gpu_always_full() -> None:
    """DeepSeek-R1 in FP8 on H200 at 35 tokens a second and user: 2.955 a million output tokens against 5.40 paid: 45 %."""
    cost, paid = per_mtok(CRUSOE.compared())
    assert cost == pytest.approx(2.955, rel=0.002)
    assert 1 - cost / paid == pytest.approx(0.45, abs=0.005)
    assert pytest.approx(0.83, abs=0.005) == 1 - 0.226 / 1.35


def test_a_cline_of_less_than_a_server_cannot_save() -> None:
    """Below $35k a month of API bill nothing is saved: one server of eight GPUs at $6 an hour is the least there is."""
    assert 8 * 6 * 730 == 35_040
    small = cline([KIMI | {"blended": 0.317 * 34_000 / 184_811}, TP4 | {"minimum_gpus": 8}, SPILL])
    found = compare(small)
    assert found.winner == "API"
    assert float(np.median(found.ways[1].cost.usd_per_month)) > 34_000


# --- with utilisation from a real trace ---------------------------------------------------------------------------------

STUDIES = {
    "CMU, Magistral Small on a $2,000 GPU against GPT-5": cmu("Magistral Small", others=(GPT5,)),
    "CMU, Llama-3.3-70B on a $15,000 GPU against GPT-5": cmu("Llama-3.3-70B", others=(GPT5,)),
    "CMU, Kimi-K2 on $240,000 against GPT-5": cmu("Kimi-K2", others=(GPT5,)),
    "Lenovo LP2368": LENOVO,
    "Dell, deskside": DELL,
    "InferenceX, DeepSeek-R1 on H200": CRUSOE,
}


def verdict(found: Comparison) -> str:
    """What is cheapest, and how much cheaper it is than the other."""
    owned, other = (float(np.median(way.cost.usd_per_month)) for way in found.ways)
    if owned < other:
        return f"own, {other / owned:.3g} times cheaper"
    return f"API, {owned / other:.3g} times cheaper"


def documented() -> dict[str, list[str]]:
    """The rows of the documentation's table of studies."""
    page = (ROOT / "docs" / "placement.md").read_text(encoding="utf-8")
    table = page.partition("| study, its own inputs |")[2].partition("\n\n")[0]
    rows = [[cell.strip() for cell in line.strip("| ").split("|")] for line in table.splitlines()[2:]]
    return {row[0]: row[1:] for row in rows}


@pytest.mark.parametrize("name", list(STUDIES), ids=[re.sub(r"[^A-Za-z0-9]+", "-", name) for name in STUDIES])
def test_the_documented_verdict_with_utilisation_from_a_real_trace(name: str) -> None:
    study = STUDIES[name]
    as_published, chat, code = study.compared(), study.compared("conv"), study.compared("code")
    staffed = study.compared("code", **STAFF)
    assert used(code) < used(chat) < 0.5  # comes out of the traces: nobody put it in
    assert used(chat) == pytest.approx(1 / (shape("conv").max() * 1.9), rel=0.01)
    told = [f"{used(as_published):.0%}, {verdict(as_published)}", f"{used(chat):.0%}, {verdict(chat)}",
            f"{used(code):.0%}, {verdict(code)}", verdict(staffed)]  # fmt: skip
    assert documented()[name] == told


def test_cmus_break_even_times_on_a_real_trace() -> None:
    """As the page tells them: 11, 64 and 250 months in place of 3.0, 17.8 and 69.3; never with people."""
    months = []
    for model in ("Magistral Small", "Llama-3.3-70B", "Kimi-K2"):
        study = cmu(model)
        months.append(study.months_to_break_even(study.compared("code"), "GPT-5"))
        assert study.months_to_break_even(study.compared("code", **STAFF), "GPT-5") == np.inf
    assert months == pytest.approx([11, 64, 250], rel=0.01)


def test_every_study_loses_what_it_claims_when_utilisation_is_real_and_people_are_paid() -> None:
    for study in STUDIES.values():
        published, staffed = study.compared(), study.compared("code", **STAFF)
        ratio = [float(np.median(found.ways[1].cost.usd_per_month / found.ways[0].cost.usd_per_month)) for found in (published, staffed)]
        assert ratio[1] < ratio[0] / 3
        assert staffed.winner != "owned"


def test_clines_trough_is_empty_where_the_load_is_a_companys_own() -> None:
    """Its fleet is busy all day because the load never falls below a third of its peak; that of one company's code does."""
    asked = cline([KIMI, TP4, SPILL])
    real = cline([KIMI, TP4, SPILL], rate=shape("code"), span_seconds=3600.0)
    published, own_load = compare(asked), compare(real)
    saved = [1 - float(np.median(found.ways[2].cost.usd_per_month / found.ways[0].cost.usd_per_month)) for found in (published, own_load)]
    assert saved[0] == pytest.approx(0.10, abs=0.002)
    assert saved[1] < 0.02
    assert published.winner == "trough and spill"


def test_rented_by_the_hour_a_full_gpu_and_a_real_one() -> None:
    """vllm-cost-meter, C1: 0.31 a million output tokens when full; the same GPU under the code trace's hours costs many times that."""
    rates = {"gpu": "h100", "processed": 6238, "log_sd": 0, "dated": "2026-06-01", "source": "vllm-cost-meter, C1"}
    paid = {}
    for name, rate, window, weekly in (("full", np.ones(60), MONTH, 1.0), ("code", shape("code"), 3600.0, 3.5)):
        tokens = int(6237 * window / rate.max())
        seen = demand(input_tokens=0, cache_read_tokens=0, output_tokens=tokens, span_seconds=window, rate=rate)
        terms = {"growth": 1, "weekly_peak_to_mean": weekly, "source": "traces"}
        found = compare(case([rent(usd_per_gpu_hour=6.98)], seen, capacity=[rates], traffic=terms, draws=50))
        paid[name] = per_mtok(found)[0]
    assert paid["full"] == pytest.approx(0.311, abs=0.001)
    assert paid["code"] / paid["full"] == pytest.approx(shape("code").max() * 3.5, rel=0.01)
