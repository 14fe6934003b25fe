"""What did the user's own load test measure? Points from a file, to calibrate a service time with.

Read: GuideLLM's JSON (``benchmarks[].metrics``), a list of ``vllm bench serve`` or AIPerf result objects, and CSV with
``decoding`` (or ``concurrency``), ``input_tokens``, ``output_tokens`` and ``tpot_ms``, perhaps ``ttft_ms``.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from netyield.core.errors import SourceError, WrongUse
from netyield.core.finding import Finding, Severity
from netyield.economics.serving.points import Point

_REPAIR = (
    "Give concurrency, input_tokens, output_tokens and tpot_ms (CSV), or the JSON of GuideLLM or vllm bench serve."
)
# Each quantity by the names load generators give it: our CSV, vllm bench serve.
_NAMES = {
    "concurrency": ("decoding", "concurrency", "max_concurrency", "request_concurrency"),
    "input": ("input_tokens", "mean_input_tokens"),
    "output": ("output_tokens", "mean_output_tokens"),
    "tpot": ("tpot_ms", "mean_tpot_ms", "median_tpot_ms", "inter_token_latency_ms"),
    "ttft": ("ttft_ms", "mean_ttft_ms", "median_ttft_ms"),
}


def read_points(path: Path) -> tuple[list[Point], list[Finding]]:
    """Points of a file, and a finding for each record without what is needed. Raises WrongUse or SourceError."""
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        message = f"the measurements {str(path)!r} cannot be read ({error});"
        raise WrongUse(message, "correct the path.") from None
    records = (
        _json(text, path) if text.lstrip()[:1] in ("{", "[") else list(csv.DictReader(io.StringIO(text, newline="")))
    )
    points, findings = [], []
    for row, record in enumerate(records, 1):
        try:
            points.append(_point(record, path.name))
        except (KeyError, TypeError, ValueError, ZeroDivisionError) as error:
            message = f"a measurement lacks what a point needs ({error})."
            findings.append(Finding("calibration.bad_point", Severity.ERROR, message, _REPAIR, path.name, row))
    return points, findings


def _json(text: str, path: Path) -> list[Mapping[str, Any]]:
    try:
        found = json.loads(text)
    except ValueError as error:
        message = f"{path} is no JSON: {error};"
        raise SourceError(message, "write the measurements again.") from None
    if isinstance(found, dict) and isinstance(found.get("benchmarks"), list):
        return [_guidellm(each) for each in found["benchmarks"] if isinstance(each, dict)]
    records = found if isinstance(found, list) else [found]
    return [each if isinstance(each, dict) else {} for each in records]


def _guidellm(benchmark: Mapping[str, Any]) -> dict[str, Any]:
    """The means over successful requests of one GuideLLM benchmark, under our names; what is missing stays out."""
    metrics = benchmark.get("metrics", {})
    found: dict[str, Any] = {}
    for ours, theirs in (
        ("input_tokens", "prompt_token_count"), ("output_tokens", "output_token_count"), ("ttft_ms", "time_to_first_token_ms"),
        ("tpot_ms", "inter_token_latency_ms"), ("concurrency", "request_concurrency"),
    ):  # fmt: skip
        try:
            found[ours] = metrics[theirs]["successful"]["mean"]
        except (KeyError, TypeError):
            continue
    return found


def _point(record: Mapping[str, Any], file: str) -> Point:
    lengths = dict(record)
    done = float(record.get("completed") or 0)
    if done:  # vllm bench serve tells totals
        lengths.setdefault("input_tokens", float(record.get("total_input_tokens", 0)) / done)
        lengths.setdefault("output_tokens", float(record.get("total_output_tokens", 0)) / done)
    inputs, outputs = _number(lengths, "input"), _number(lengths, "output")
    tpot, ttft = _number(lengths, "tpot") / 1e3, _number(lengths, "ttft", 0.0) / 1e3
    throughput = record.get("output_throughput")
    if lengths.get("decoding") not in (None, ""):
        decoding = float(lengths["decoding"])
    elif throughput:
        decoding = float(throughput) * tpot
    else:
        decode = max(outputs - 1, 1) * tpot
        decoding = _number(lengths, "concurrency") * decode / (ttft + decode)
    if min(inputs, outputs, tpot, decoding) <= 0:
        message = "a length, time or concurrency is not above 0"
        raise ValueError(message)
    return Point("", "", 0, "", "", "", inputs, outputs, max(decoding, 1.0), tpot, ttft, file)


def _number(record: Mapping[str, Any], what: str, default: float | None = None) -> float:
    for name in _NAMES[what]:
        if record.get(name) not in (None, ""):
            return float(record[name])
    if default is None:
        message = f"no {' or '.join(_NAMES[what])}"
        raise KeyError(message)
    return default
