"""Own, rent or call an API? What each way costs for the same requests, how sure that is, and what would change it.

An estimate throughout: it never posts to the books. Options are compared by dollars a month for the same requests; the
cost per million tokens counts the traffic's own output tokens for all of them, so that tokenizers do not matter.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from typing import Any

import numpy as np

from netyield.answers import placement_tables as tables
from netyield.answers.answer import Answer
from netyield.answers.placement_words import caveats, definition_words, sentence, verdict_words
from netyield.core.finding import Finding, aggregate
from netyield.core.period import EPOCH, Period
from netyield.economics.placement.case import Case
from netyield.economics.placement.compare import Comparison, Way, compare
from netyield.economics.placement.costs import Cost
from netyield.economics.placement.flips import Flip, flips
from netyield.economics.placement.uncertain import Float64, percentiles
from netyield.economics.placement.week import counted_from, week

MTOK = 1e6
Progress = Callable[[str], None]
Expect = Callable[[int], None]


def quiet(_what: str | int) -> None:
    """No progress is shown."""


def answer(
    case: Case, findings: tuple[Finding, ...] = (), step: Progress = quiet, with_flips: bool = True, expect: Expect = quiet
) -> Answer:
    """Price every option in every draw, rank them, and look for what flips the verdict; ``body`` is the JSON object.

    ``expect`` hears how many steps follow.
    """
    step("Pricing the options")
    found = compare(case)
    listed = flips(found, lambda key: step(f"What if {key} were another"), expect) if with_flips else []
    body = body_of(found, listed)
    told = tuple(aggregate([*findings, *found.findings]))
    return Answer(
        name="placement",
        title="Own, rent or call an API",
        as_of=case.as_of.isoformat(),
        window=Period(EPOCH, EPOCH),
        currency="USD",
        basis="",
        table=tables.options_table(body["options"]),
        columns=tables.COLUMNS,
        headline={key: body[key] for key in ("verdict", "flip")},
        description=sentence(found),
        caveats=caveats(found, body),
        views=tables.views(found, body, listed),
        findings=told,
        body=body,
    )


def body_of(found: Comparison, listed: list[Flip]) -> dict[str, Any]:
    """The --json object of the contract, and what it rests on."""
    case = found.case
    return {
        "answer": "placement",
        "currency": "USD",
        "as_of": case.as_of.isoformat(),
        "options": [option_object(case, way) for way in found.ways],
        "verdict": verdict_words(found),
        "leader": found.leader,
        "decided_at": 0.8,
        "measure_first": [
            {"input": key, "worth_usd_per_month": _money(worth)} for key, worth in list(found.worth_usd_per_month.items())[:5]
        ],
        "flip": [flip.plain() for flip in listed],
        "assumptions": [used.plain() for used in case.inputs.used.values()],
        "traffic": traffic_object(case),
        "utilisation_by_hour": [asdict(hour) for hour in week(case, found.ways)],
        "hours_from": counted_from(case.demand),
        "capacity": [capacity_object(case, gpu) for gpu in sorted(case.capacities)],
        "definition": definition_words(found),
    }


def option_object(case: Case, way: Way) -> dict[str, Any]:
    """One option as the contract has it; figures are null where nothing is known."""
    cost, known = way.cost, way.cost.known
    usd = cost.usd_per_month if known else None
    served = case.month() * case.demand.output_tokens / MTOK
    useful = case.useful_share()
    serving = cost.serving_usd_per_month if known else None
    per_useful = None
    if serving is not None and useful is not None and float(np.median(useful)) > 0:
        per_useful = serving / (served * np.maximum(useful * way.of_useful, 1e-9))
    return {
        "name": way.name,
        "kind": way.option.kind,
        "usd_per_useful_mtok": _band(per_useful),
        "usd_per_served_mtok": _band(None if serving is None or not case.demand.output_tokens else serving / served),
        "usd_per_processed_mtok": _band(
            None if serving is None or not case.demand.processed_tokens else serving / (case.month() * case.demand.processed_tokens / MTOK)
        ),
        "usd_per_month": _band(usd),
        "replicas": None if cost.replicas is None or not known else int(np.median(cost.replicas)),
        "gpus": None if cost.gpus is None or not known else int(np.median(cost.gpus)),
        "utilisation": None if cost.utilisation is None or not known else _four(np.median(cost.utilisation)),
        "meets_slo": cost.meets_slo,
        "p_cheapest": way.p_cheapest,
        "training": _training(case, cost),
        "parts_usd_per_month": {name: _money(np.median(amount)) for name, amount in cost.parts.items()} if known else {},
        "out": [each.message for each in (*way.cost.missing, *way.out)],
    }


def _training(case: Case, cost: Cost) -> dict[str, float | None] | None:
    """Where the training runs, GPU-hours a month, and how busy the fleet is with it; null without such a load."""
    if cost.training_wanted is None or cost.training_hours is None:
        return None
    wanted, there = float(np.median(cost.training_wanted)), float(np.median(cost.training_hours))
    both = None
    if cost.utilisation is not None and cost.gpus is not None:
        both = _four(np.median(cost.utilisation + cost.training_hours / (cost.gpus * case.hours)))
    return {
        "gpu_hours_per_month": _four(wanted), "on_the_fleet": _four(there), "elsewhere": _four(wanted - there),
        "utilisation_with_training": both,
    }  # fmt: skip


def traffic_object(case: Case) -> dict[str, Any]:
    """What was asked for, as a month."""
    demand, month = case.demand, case.month()
    return {
        "model": demand.model,
        "requests": demand.requests,
        "hours": _four(demand.span_seconds / 3600.0),
        "peak_to_mean_1min": _four(demand.peak_to_mean),
        "input_mtok_per_month": _band(month * demand.input_tokens / MTOK),
        "output_mtok_per_month": _band(month * demand.output_tokens / MTOK),
        "cache_read_share": _band(case.cache_read_share()),
        "source": demand.source,
    }


def capacity_object(case: Case, gpu: str) -> dict[str, Any]:
    """What fleets of one GPU do, level by level."""
    found = case.capacities[gpu]
    return {
        "gpu": found.gpu,
        "gpus_per_replica": found.gpus_per_replica,
        "evidence": found.evidence,
        "service_time_log_sd": found.log_sd,
        "source": found.source,
        "levels": [
            {"demand": _four(each.demand), "replicas": each.replicas, "utilisation": _four(each.utilisation), "meets_slo": each.meets_slo}
            for each in found.levels
        ],
    }


def _band(values: Float64 | None) -> dict[str, float] | None:
    if values is None:
        return None
    low, middle, high = percentiles(values)
    return {"p10": _six(low), "p50": _six(middle), "p90": _six(high)}


def _money(value: Any) -> float:
    return round(float(value), 2)


def _six(value: Any) -> float:
    return float(f"{float(value):.6g}")


def _four(value: Any) -> float:
    return float(f"{float(value):.4g}")
