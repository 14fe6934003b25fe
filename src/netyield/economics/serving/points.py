"""Measured points of serving engines: what ships with the package, and what a user measured.

A point is one steady run: so many requests at once, prompts and outputs of these lengths, seconds per output token.
"""

from __future__ import annotations

import csv
import gzip
import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from importlib import resources

_SILICON, _METER = "silicon_sample.csv.gz", "vllm_cost_meter.csv"
SYSTEMS = {
    "h100_sxm": "H100", "h200_sxm": "H200", "b200_sxm": "B200", "b300_sxm": "B300", "gb200": "GB200", "a100_sxm": "A100",
    "h100": "H100", "a100_80gb_pcie": "A100-PCIe",
}  # fmt: skip
PRECISIONS = {"": "bf16", "float16": "bf16", "bfloat16": "bf16"}
# The name a benchmark gives a model that another name stands for; precision is its own column.
SAME_MODEL = {"deepseek-r1": "deepseek-v3", "deepseek-v3.1": "deepseek-v3"}
_SUFFIXES = ("-instruct-v0.1", "-instruct-2507", "-instruct", "-nvfp4", "-fp8")


@dataclass(frozen=True, slots=True)
class Point:
    """One steady run. ``decoding``: requests that decode at once, on average (Little's law). Times in seconds."""

    model: str
    gpu: str
    gpus: int
    engine: str
    engine_version: str
    precision: str
    input_tokens: float
    output_tokens: float
    decoding: float
    tpot_s: float
    ttft_s: float
    source: str

    @property
    def cell(self) -> tuple[str, str, str, str, int]:
        """What one replica is: model, GPU, engine, precision and GPUs."""
        return self.model, self.gpu, self.engine, self.precision, self.gpus

    @property
    def prompts_per_step(self) -> float:
        """Prompts that begin in an iteration of a steady run: each lasts as many iterations as it has output."""
        return self.decoding / self.output_tokens


def plain_name(model: str) -> str:
    """One word for the variants of a model that run alike: ``meta-llama/Meta-Llama-3.1-8B-Instruct`` is llama-3.1-8b."""
    name = model.strip().lower().rpartition("/")[2].removeprefix("meta-")
    for suffix in _SUFFIXES:
        name = name.removesuffix(suffix)
    return SAME_MODEL.get(name, name)


@cache
def shipped() -> tuple[Point, ...]:
    """Every point that ships with the package (``data/README.md`` names sources and licences).

    Public dumps tell one run under several names (DeepSeek's V3 and R1, dates, engine versions): it counts once.
    """
    once = {(each.cell, each.input_tokens, each.output_tokens, each.tpot_s, each.ttft_s): each for each in _silicon()}
    return (*once.values(), *_meter())


@cache
def shipped_until() -> str:
    """The day of the newest dated run that ships: how old is what service times rest on?"""
    return max(row["measured"] for row in _table(_SILICON))


def points_of(points: Sequence[Point], model: str, gpu: str, engine: str | None, precision: str | None) -> list[Point]:
    """Points of this model and GPU; engine and precision only where asked for."""
    name = plain_name(model)
    return [
        each
        for each in points
        if each.model == name
        and each.gpu.lower() == gpu.lower()
        and engine in (None, each.engine)
        and precision in (None, each.precision)
    ]


def _table(name: str) -> csv.DictReader[str]:
    packed = resources.files("netyield.economics.serving").joinpath("data", name).read_bytes()
    text = gzip.decompress(packed) if name.endswith(".gz") else packed
    return csv.DictReader(io.StringIO(text.decode("utf-8"), newline=""))


def _silicon() -> Iterator[Point]:
    for row in _table(_SILICON):
        outputs, ttft, tpot = float(row["output_tokens"]), float(row["ttft_ms"]) / 1e3, float(row["tpot_ms"]) / 1e3
        whole = ttft + (outputs - 1) * tpot
        decoding = float(row["concurrency"]) * (whole - ttft) / whole
        yield Point(
            plain_name(row["model"]), SYSTEMS.get(row["system"], row["system"]), int(row["gpus"]), row["engine"],
            row["engine_version"], PRECISIONS.get(row["precision"], row["precision"]), float(row["input_tokens"]), outputs,
            max(decoding, 1.0), tpot, ttft, f"aiconfigurator-core 0.12.0 silicon sample, measured {row['measured'] or 'by NVIDIA'}",
        )  # fmt: skip


def _meter() -> Iterator[Point]:
    for row in _table(_METER):
        rate, tpot = float(row["request_throughput"]), float(row["tpot_p50_ms"]) / 1e3
        outputs = float(row["tps_output"]) / rate
        yield Point(
            plain_name(row["model"]), SYSTEMS.get(row["hardware"].lower(), row["hardware"]), int(row["gpus"]), row["engine"],
            {"vllm": "0.19.0", "sglang": "0.5.10"}[row["engine"]], PRECISIONS.get(row["precision"], row["precision"]), 512.0,
            outputs, max(1.0, float(row["tps_output"]) * tpot), tpot, float(row["ttft_p50_ms"]) / 1e3,
            f"vllm-cost-meter {row['config']} at {row['rps']} requests/s, 2026",
        )  # fmt: skip
