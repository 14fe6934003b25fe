"""How many replicas does this traffic need at this objective, and how busy will they be? Simulated, never assumed.

An estimate: it never posts to the books. Utilisation is a result of traffic and objective; there is no way to give it.
"""

from __future__ import annotations

from dataclasses import asdict
from datetime import timedelta
from typing import Any

import numpy as np
import pyarrow as pa

from netyield.answers.answer import Answer, AnswerColumn
from netyield.core.period import EPOCH, Period
from netyield.economics.serving.fewest import Sized
from netyield.economics.serving.objective import Objectives
from netyield.economics.serving.sizing import P90, Search, Sizing
from netyield.economics.serving.traffic import Traffic
from netyield.economics.serving.weekly import counted_from

COLUMNS = (
    AnswerColumn("demand", "number", "times", "Demand, as a multiple of the measured"),
    AnswerColumn("replicas", "number", "replicas", "The fewest that keep the objective, without spares"),
    AnswerColumn("gpus", "number", "GPUs", "The same in GPUs"),
    AnswerColumn("utilisation", "share", "of full replicas", "Work over what full replicas do: a result"),
    AnswerColumn("busy", "share", "of the time", "Time with an iteration under way"),
    AnswerColumn("goodput", "share", "of requests", "Requests within every limit by themselves"),
    AnswerColumn("meets_slo", "flag", "", "Whether the objective is kept"),
)
REACHED_COLUMNS = (
    AnswerColumn("limit", "text", "", "What was promised"),
    AnswerColumn("seconds", "number", "s", "What the chosen replicas reach"),
)
DESIGN_COLUMNS = (
    AnswerColumn("design", "text", "", "How the fleet is run"),
    AnswerColumn("replicas", "number", "replicas", "The most that serve at once"),
    AnswerColumn("paid", "number", "replicas", "Paid for on average"),
    AnswerColumn("utilisation", "share", "of full replicas", "Work over what the paid ones do when full"),
    AnswerColumn("goodput", "share", "of requests", "Requests within every limit by themselves"),
    AnswerColumn("meets_slo", "flag", "", "Whether the objective is kept"),
)
HOUR_COLUMNS = (
    AnswerColumn("hour_of_week", "number", "h", "Hour of the week, from 0; what hour 0 is stands in hours_from"),
    AnswerColumn("utilisation", "share", "of full replicas", "Mean over the recorded minutes of this hour"),
    AnswerColumn("utilisation_p50", "share", "of full replicas", "Median over them"),
    AnswerColumn("utilisation_p90", "share", "of full replicas", "90th percentile over them"),
    AnswerColumn("minutes", "number", "min", "Recorded minutes of this hour"),
)


def answer(traffic: Traffic, sizing: Sizing, objectives: Objectives, search: Search) -> Answer:
    """Replicas with their interval, latency, utilisation, other demands, and how all of it is known."""
    levels = sorted([(1.0, sizing.chosen), *sizing.demands], key=lambda each: each[0])
    body = _body(traffic, sizing, objectives, search, levels)
    return Answer(
        name="sizing",
        title="Replicas this traffic needs",
        as_of="",
        window=Period(EPOCH, EPOCH + timedelta(seconds=traffic.window_s)),
        currency="USD",
        basis="",
        table=_table(levels, sizing.service.machine.gpus),
        columns=COLUMNS,
        headline={key: body[key] for key in ("replicas", "deployed", "utilisation", "meets_slo")},
        description=sentence(traffic, sizing, objectives),
        caveats=tuple(f"{key}: {value}" for key, value in body["definition"].items()),
        views={
            "reached": (_reached(sizing.chosen), REACHED_COLUMNS),
            "designs": (_designs(sizing, search), DESIGN_COLUMNS),
            "utilisation_by_hour": (_hours(sizing), HOUR_COLUMNS),
        },
        findings=sizing.findings,
        body=body,
    )


def sentence(traffic: Traffic, sizing: Sizing, objectives: Objectives) -> str:
    """The one sentence a reader takes away."""
    chosen, machine = sizing.chosen, sizing.service.machine
    of, one = f"{machine.gpus} {machine.gpu.name}", chosen.replicas == 1
    if not chosen.meets_slo:
        return f"No number of replicas of {of} keeps {objectives}; the findings say what it reaches."
    if not traffic.judged:
        return f"Too little traffic to say how many replicas of {of} keep {objectives}; the findings say what lacks."
    words = f"{chosen.replicas} replica{'' if one else 's'} of {of} keep{'s' if one else ''} {objectives}"
    if sizing.deployed > chosen.replicas:
        words += f", {sizing.deployed} with {sizing.deployed - chosen.replicas} to spare"
    high = "no number" if sizing.high is None else str(sizing.high)
    words += f"; between {sizing.low} and {high} as the service time may be wrong"
    words += f". {'It is' if one else 'They are'} {_percent(chosen.utilisation)} utilised"
    if sizing.windows and sizing.windows[-1] > chosen.replicas:
        words += f"; of {len(sizing.windows)} resampled windows the worst needs {sizing.windows[-1]}"
    if sizing.poisson is not None and sizing.poisson < chosen.replicas:
        words += f"; Poisson arrivals would have said {sizing.poisson}"
    return f"{words}."


def _percent(share: float) -> str:
    return f"{share:.0%}" if share >= 0.1 else f"{share:.1%}"


def _body(
    traffic: Traffic, sizing: Sizing, objectives: Objectives, search: Search, levels: list[tuple[float, Sized]]
) -> dict[str, Any]:
    chosen, service = sizing.chosen, sizing.service
    kept = chosen.meets_slo and traffic.judged  # no number is certain that rests on a handful of requests
    return {
        "objective": str(objectives),
        "meets_slo": chosen.meets_slo,
        "judged": traffic.judged,
        "replicas": chosen.replicas if kept else None,
        "replicas_p10": sizing.low if kept else None,
        "replicas_p90": sizing.high if kept else None,
        "deployed": sizing.deployed if kept else None,
        "gpus": sizing.deployed * service.machine.gpus if kept else None,
        "gpus_per_replica": service.machine.gpus,
        "utilisation": chosen.utilisation if kept else None,
        "utilisation_deployed": sizing.chosen.load / sizing.deployed if kept else None,
        "busy_share": chosen.busy_share if kept else None,
        "goodput_share": chosen.good_share,
        "reached": {words: _finite(value) for words, value in chosen.reached.items()},
        "preempted": chosen.preempted,
        "cached_share": chosen.cached_share,
        "replicas_if_poisson": sizing.poisson if kept else None,
        "replicas_resampled": list(sizing.windows),
        "designs": _designs(sizing, search).to_pylist(),
        "levels": [
            {"demand": demand, "replicas": one.replicas, "utilisation": one.utilisation, "meets_slo": one.meets_slo}
            for demand, one in levels
        ],
        "utilisation_by_hour": [asdict(each) for each in sizing.hours],
        "hours_from": counted_from(traffic),
        "traffic": _traffic(traffic),
        "service_time": {
            "method": service.method, "source": service.source, "median_error": service.uncertainty.median_error,
            "log_sd": service.uncertainty.log_sd, "basis": service.uncertainty.basis, "points": service.points,
        },
        "definition": _definition(traffic, sizing, search),
        "findings": [{"code": each.code, "severity": each.severity.value, "line": each.line()} for each in sizing.findings],
    }  # fmt: skip


def _traffic(traffic: Traffic) -> dict[str, Any]:
    return {
        "name": traffic.name,
        "requests": traffic.requests,
        "hours": traffic.window_s / 3600,
        "requests_per_second": traffic.requests_per_second,
        "mean_input_tokens": float(traffic.input_tokens.mean()),
        "mean_output_tokens": float(traffic.output_tokens.mean()),
        "gap_variation": traffic.gap_variation(),
        "peak_to_mean": {f"{width:g}s": traffic.peak_to_mean(width) for width in (10.0, 60.0, 300.0, 3600.0)},
    }


def _definition(traffic: Traffic, sizing: Sizing, search: Search) -> dict[str, str]:
    machine, uncertainty = sizing.service.machine, sizing.service.uncertainty
    notes = {"prefix cache": "; ".join(traffic.notes)} if traffic.notes else {}
    return {
        "arrivals": traffic.arrivals,
        "machine": f"{machine.model.name} on {machine.gpus} {machine.gpu.name}, weights {machine.weights}, cache {machine.cache}",
        "batching": f"continuous, up to {search.max_batch} requests, {search.budget_tokens:,} tokens an iteration, prompts in chunks",
        "memory": f"{sizing.kv_tokens:,} tokens of context a replica",
        "routing": search.routing.value.replace("_", " "),
        "service time": sizing.service.words,
        "interval": f"replicas {1 / uncertainty.bound(P90):.2f} and {uncertainty.bound(P90):.2f} times as slow (P10, P90 of its error)",
        "utilisation": "mean work over what replicas do when always full; a result of traffic and objective",
        "spare": f"{search.spare} (one may fail)" if search.spare else "none",
        **notes,
    }


def _finite(value: float) -> float | None:
    return value if np.isfinite(value) else None


def _table(levels: list[tuple[float, Sized]], gpus: int) -> pa.Table:
    rows = [
        {
            "demand": demand, "replicas": one.replicas, "gpus": one.replicas * gpus, "utilisation": one.utilisation,
            "busy": one.busy_share, "goodput": one.good_share, "meets_slo": one.meets_slo,
        }
        for demand, one in levels
    ]  # fmt: skip
    return pa.Table.from_pylist(rows)


def _designs(sizing: Sizing, search: Search) -> pa.Table:
    """The fleet as sized, and as it would be run otherwise; nothing where no number keeps the objective."""
    rows: list[tuple[str, Sized]] = [("always on", sizing.chosen)] if sizing.chosen.meets_slo else []
    if sizing.failure:
        spare = f"{search.spare} lost for {search.down_s / 60:g} minutes from the busiest one"
        rows.append((f"always on, {spare}", sizing.failure))
    if sizing.autoscaled:
        scaled, rule = sizing.autoscaled, sizing.autoscaled.rule
        words = f"{scaled.least} always on, more at {rule.target:g} outstanding each, cold start {rule.cold_start_s:g} s"
        rows.append((f"autoscaled: {words}", scaled.sized))
    if sizing.apart:
        split = sizing.apart
        rows.append((f"apart: {split.prefill} for prompts, {split.decode} for output", split.sized))
    kinds = {"text": pa.string(), "flag": pa.bool_()}
    schema = pa.schema([(each.name, kinds.get(each.kind, pa.float64())) for each in DESIGN_COLUMNS])
    return pa.Table.from_pylist([_design(*row) for row in rows], schema=schema.set(1, pa.field("replicas", pa.int64())))


def _design(words: str, one: Sized) -> dict[str, Any]:
    return {
        "design": words, "replicas": one.replicas, "paid": one.paid, "utilisation": one.utilisation,
        "goodput": one.good_share, "meets_slo": one.meets_slo,
    }  # fmt: skip


def _hours(sizing: Sizing) -> pa.Table:
    whole, share = pa.int64(), pa.float64()
    names = [(each.name, share if each.kind == "share" else whole) for each in HOUR_COLUMNS]
    return pa.Table.from_pylist([asdict(each) for each in sizing.hours], schema=pa.schema(names))


def _reached(chosen: Sized) -> pa.Table:
    limits = [{"limit": words, "seconds": _finite(value)} for words, value in chosen.reached.items()]
    return pa.Table.from_pylist(limits, schema=pa.schema([("limit", pa.string()), ("seconds", pa.float64())]))
