"""Which tables does a placement have? Options, what each is made of, what flips it, what it rests on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

import pyarrow as pa

from netyield.answers.answer import AnswerColumn
from netyield.core.money import MONEY, quantise
from netyield.economics.placement.compare import Comparison
from netyield.economics.placement.flips import Flip
from netyield.economics.placement.sways import sways

MOST_SWAYS = 12
COLUMNS = (
    AnswerColumn("name", "text", "", "The option"),
    AnswerColumn("kind", "text", "", "api, rent, own or hybrid"),
    AnswerColumn("usd_per_month_p10", "money", "currency", "Cheaper than this in one draw of ten"),
    AnswerColumn("usd_per_month_p50", "money", "currency", "Median cost of the month's requests"),
    AnswerColumn("usd_per_month_p90", "money", "currency", "Dearer than this in one draw of ten"),
    AnswerColumn("usd_per_useful_mtok", "money", "currency per million useful output tokens", "Median; blank = no outcomes"),
    AnswerColumn("usd_per_served_mtok", "money", "currency per million output tokens", "Median; the whole cost, input included"),
    AnswerColumn("replicas", "number", "replicas", "Paid for, spares included; blank = none"),
    AnswerColumn("gpus", "number", "GPUs", "Paid for; blank = none"),
    AnswerColumn("utilisation", "share", "of paid GPU-hours", "Comes out of the traffic and the objective; blank = no fleet"),
    AnswerColumn("meets_slo", "flag", "", "Whether the latency objective is kept; blank = not measured"),
    AnswerColumn("p_cheapest", "share", "of draws", "How often it is cheapest; blank = not compared"),
    AnswerColumn("out", "text", "", "Why it is not compared"),
)
PART_COLUMNS = (
    AnswerColumn("name", "text", "", "The option"),
    AnswerColumn("part", "text", "", "What is paid for"),
    AnswerColumn("usd_per_month", "money", "currency", "Median"),
)
FLIP_COLUMNS = (
    AnswerColumn("input", "text", "", "What changes, everything else as it is"),
    AnswerColumn("from", "text", "", "Today's value"),
    AnswerColumn("to", "text", "", "From here on another option is cheapest"),
    AnswerColumn("unit", "text", "", "Unit"),
    AnswerColumn("then", "text", "", "That one"),
)
ASSUMPTION_COLUMNS = (
    AnswerColumn("input", "text", "", "Input"),
    AnswerColumn("value", "text", "", "Value or interval"),
    AnswerColumn("unit", "text", "", "Unit"),
    AnswerColumn("known", "text", "", "given, or assumed because nobody gave it"),
    AnswerColumn("dated", "text", "", "Since when"),
    AnswerColumn("source", "text", "", "Whose word it is"),
)
SWAY_COLUMNS = (
    AnswerColumn("input", "text", "", "Input, everything else as drawn"),
    AnswerColumn("lo", "number", "currency", "Leader's saving over the next one, the input at its P10"),
    AnswerColumn("hi", "number", "currency", "The same, the input at its P90"),
    AnswerColumn("worth_usd_per_month", "money", "currency", "What knowing it before choosing would save"),
)
HOUR_COLUMNS = (
    AnswerColumn("hour_of_week", "number", "h", "Recorded hour of the week, from 0"),
    AnswerColumn("option", "text", "", "The fleet"),
    AnswerColumn("utilisation", "share", "of paid GPU-hours", "GPUs at work over GPUs paid for, at the median"),
    AnswerColumn("demand", "number", "times", "Demand of the hour over the mean of the traffic"),
)
Views = Mapping[str, tuple[pa.Table, tuple[AnswerColumn, ...]]]


def options_table(options: Sequence[Mapping[str, Any]]) -> pa.Table:
    """One row per option."""
    rows = []
    for option in options:
        month = option["usd_per_month"] or {}
        rows.append(
            {key: option[key] for key in ("name", "kind", "replicas", "gpus", "utilisation", "meets_slo", "p_cheapest")}
            | {f"usd_per_month_{band}": _amount(month.get(band)) for band in ("p10", "p50", "p90")}
            | {key: _amount((option[key] or {}).get("p50")) for key in ("usd_per_useful_mtok", "usd_per_served_mtok")}
            | {"out": " ".join(option["out"])}
        )
    return table_of(COLUMNS, rows)


def views(found: Comparison, body: Mapping[str, Any], listed: Sequence[Flip]) -> Views:
    """What flips it, what sways it, what each costs, what it rests on."""
    flips = [{"input": f.input, "from": _text(f.start), "to": _text(f.to), "unit": f.unit, "then": f.then} for f in listed]
    parts = [
        {"name": option["name"], "part": part, "usd_per_month": _amount(amount)}
        for option in body["options"] for part, amount in option["parts_usd_per_month"].items() if amount
    ]  # fmt: skip
    rests = [
        {
            "input": used.input, "value": used.value.words, "unit": used.unit, "known": "assumed" if used.assumed else "given",
            "dated": used.dated, "source": used.source,
        }
        for used in found.case.inputs.used.values()
    ]  # fmt: skip
    hours = [
        {"hour_of_week": hour["hour_of_week"], "option": name, "utilisation": busy, "demand": hour["demand"]}
        for hour in body["utilisation_by_hour"] for name, busy in hour["utilisation"].items()
    ]  # fmt: skip
    return {
        "utilisation_by_hour": (table_of(HOUR_COLUMNS, hours), HOUR_COLUMNS),
        "flips": (table_of(FLIP_COLUMNS, flips), FLIP_COLUMNS),
        "sways": (table_of(SWAY_COLUMNS, sway_rows(found)), SWAY_COLUMNS),
        "cost_parts": (table_of(PART_COLUMNS, parts), PART_COLUMNS),
        "assumptions": (table_of(ASSUMPTION_COLUMNS, rests), ASSUMPTION_COLUMNS),
    }


def sway_rows(found: Comparison) -> list[dict[str, Any]]:
    """Per uncertain input the leader's saving over the cheapest other where the input is low and where it is high."""
    worth = found.worth_usd_per_month
    return [
        {"input": each.input, "lo": each.low, "hi": each.high, "worth_usd_per_month": _amount(worth.get(each.input, 0.0))}
        for each in sways(found)[:MOST_SWAYS]
    ]  # fmt: skip


def table_of(columns: Sequence[AnswerColumn], rows: Sequence[Mapping[str, Any]]) -> pa.Table:
    """Rows as a table of these columns."""
    kinds = {"money": MONEY, "text": pa.string(), "flag": pa.bool_()}
    schema = pa.schema([(column.name, kinds.get(column.kind, pa.float64())) for column in columns])
    return pa.Table.from_pylist([{name: row.get(name) for name in schema.names} for row in rows], schema=schema)


def _amount(value: float | None) -> Decimal | None:
    return None if value is None else quantise(Decimal(repr(float(value))), 6)


def _text(value: Any) -> str:
    return f"{value:,.6g}" if isinstance(value, float) else str(value)
