"""How fast do my replicas really run? Measured points against what was said of them, and the error that is left."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import pyarrow as pa

from netyield.answers.answer import Answer, AnswerColumn
from netyield.core.finding import Finding, Severity, aggregate
from netyield.core.period import EPOCH, Period
from netyield.economics.serving.fitting import predicted
from netyield.economics.serving.points import Point
from netyield.economics.serving.service_time import ServiceTime

ADVISED_POINTS = 3
COLUMNS = (
    AnswerColumn("decoding", "number", "requests", "Requests that decode at once"),
    AnswerColumn("input_tokens", "number", "tokens", "Mean prompt"),
    AnswerColumn("output_tokens", "number", "tokens", "Mean output"),
    AnswerColumn("measured_ms", "number", "ms", "Measured time per output token"),
    AnswerColumn("before_ms", "number", "ms", "Said before calibration"),
    AnswerColumn("after_ms", "number", "ms", "Said after it"),
)


def answer(points: Sequence[Point], before: ServiceTime, after: ServiceTime, findings: Sequence[Finding]) -> Answer:
    """Each point before and after, and the error that is left."""
    found = tuple(aggregate([*findings, *_few(points)]))
    rows = [
        {
            "decoding": each.decoding, "input_tokens": each.input_tokens, "output_tokens": each.output_tokens,
            "measured_ms": each.tpot_s * 1e3, "before_ms": predicted(before.step, each) * 1e3,
            "after_ms": predicted(after.step, each) * 1e3,
        }
        for each in points
    ]  # fmt: skip
    body: dict[str, Any] = {
        "points": rows,
        "before": _known(before),
        "after": _known(after),
        "step_seconds": {
            "decode": {
                str(n): float(after.step.decode_s[n])
                for n in (1, 8, 64, after.step.max_batch)
                if n <= after.step.max_batch
            },
            "per_context_token": after.step.per_context_token_s,
            "per_prompt_token": after.step.per_prefill_token_s,
        },
        "definition": {
            "machine": f"{after.machine.model.name} on {after.machine.gpus} {after.machine.gpu.name}, weights {after.machine.weights}",
            "method": "fit of four coefficients" if len(points) >= ADVISED_POINTS else "scaled by the median ratio",
            "error": after.uncertainty.basis,
        },
        "findings": [{"code": each.code, "severity": each.severity.value, "line": each.line()} for each in found],
    }
    words = (
        f"{len(points)} measured points bring the median error of the service time from {before.uncertainty.median_error:.0%}"
        f" to {after.uncertainty.median_error:.0%}."
    )
    return Answer(
        name="calibration", title="Service time against measurement", as_of="",
        window=Period(EPOCH, EPOCH + timedelta(seconds=1)), currency="USD", basis="",
        table=pa.Table.from_pylist(rows), columns=COLUMNS, headline={"after": body["after"]}, description=words,
        caveats=tuple(f"{key}: {value}" for key, value in body["definition"].items()), findings=found, body=body,
    )  # fmt: skip


def _known(service: ServiceTime) -> dict[str, Any]:
    error = service.uncertainty
    return {
        "method": service.method,
        "source": service.source,
        "median_error": error.median_error,
        "log_sd": error.log_sd,
    }


def _few(points: Sequence[Point]) -> list[Finding]:
    if len(points) >= ADVISED_POINTS:
        return []
    message = f"{len(points)} measured point{'s' * (len(points) != 1)} can only scale the service time."
    repair = "Measure three to five, at low, middle and high concurrency."
    return [Finding("calibration.few_points", Severity.WARNING, message, repair)]
