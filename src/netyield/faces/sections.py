"""Which table does a person see for each answer? The same one on the terminal and on the page.

Columns are picked, named and merged into intervals here (geometry and machine names stay in CSV and JSON). Nothing
is computed: a cell is the answer's value in words.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from netyield.answers.answer import Answer, AnswerColumn
from netyield.charts import formats, theme
from netyield.faces.cells import Cell, cell, is_rate, missing, table_rows

Row = Mapping[str, Any]
GEOMETRY = frozenset({"lo", "hi", "measured", "step"})
STATE_PREFIX = "hours_"
ROW_NAMES = ("step", "slice", "reason", "pool", "line")  # the column an answer's rows are called by
VIEW_TITLES = {
    "groups": "The steps in groups",
    "heat": "Activity by device and time",
    "by_day": "Bill against priced usage, by day",
    "engine_tokens": "Tokens of requests beside those the engines counted",
    "unfilled": "Unfilled serving capacity (an annotation, no step)",
    "unclassified": "The largest lines no rule knows",
    "parts": "Each asset's part of the loss",
    "general_ledger": "Owned assets beside the general ledger",
    "reconciliation": "From the register's carrying amount to the general ledger's",
    "assets": "The assets",
    "phases": "The rule behind every charge",
    "unit_cost": "A useful million tokens with depreciation and without",
    "unit_cost_by_model": "The same by model",
    "unit_cost_by_team": "The same by team",
    "carrying": "Carrying amount as it was, and with the write-down",
    "changes": "What was measured anew",
    "classification": "What makes it a finance lease under ASC 842",
    "asset_rows": "Asset by asset",
    "pools": "Pools, and what was matched to each",
    "trend": "Unit cost per day",
    "tiers": "The tiers of the plan",
    "sensitivity": "What sways it: each input halved and doubled, and where the decision flips",
    "apply": "The configuration to apply",
    "tried": "Every plan tried",
    "reused": "The most reused prompts",
    "drawn": "The curve, point by point",
    "reach": "How much cache reaches how much of the ceiling",
    "expiry": "An infinite cache whose unused blocks expire",
    "moved": "The same text in another place, apart: an infinite cache",
    "prefix_families": "Prefix families: where to mark, and what that saves",
    "series": "Demand: allocated, active and needed, beside what is paid for",
    "offers": "The offers, and the plan",
    "back_test": "Judged on the weeks it had not seen",
    "scenarios": "The plan in other futures",
    "terms": "For which term: through the longest one, bought anew as terms end",
    "owners": "Who answers for what nobody used",
    "other_currencies": "Billed in another currency, without a rate: apart",
    "expiry_ladder": "When each ends",
    "coverage_days": "Covered, unused and on demand per day",
    "not_to_be_had": "Ways out that cannot be had, or whose price nobody told",
    "turns": "What would change it: each input alone",
    "futures": "The futures weighed",
    "exit_values": "Value of leaving, month by month",
    "schedule": "The schedule of what was signed",
    "without_forecast": "Without any forecast: buy at break-even",
    "demand_days": "Demand per day",
    "flips": "What changes the verdict, the nearest change first",
    "sways": "What sways it",
    "cost_parts": "What each option is made of",
    "assumptions": "Every input, whose word it is, and since when",
    "designs": "The fleet as sized, and run otherwise",
    "utilisation_by_hour": "Utilisation in each hour of the week",
    "surface": "The cheapest option by volume and peak",
    "tenants": "A cache of its own for every tenant",
    "nodes": "The same capacity on every node, beside one shared cache of all",
}


@dataclass(frozen=True, slots=True)
class Header:
    """A printed column: its name, whether it is right-aligned, and the answer's words for it.

    A ``secondary`` one is left out where room is short (a terminal); the page and every export have it.
    """

    name: str
    numeric: bool
    description: str = ""
    secondary: bool = False


@dataclass(frozen=True)
class Section:
    """One printed table. ``kinds`` says per row what kind of money it is (waterfall).

    ``keys`` are the words ``netyield explain`` takes per row, empty where there are none; ``by`` the dimension they need.
    """

    name: str
    title: str
    sentence: str
    headers: tuple[Header, ...]
    rows: tuple[tuple[Cell, ...], ...]
    kinds: tuple[str, ...] = ()
    keys: tuple[str, ...] = ()
    by: str = ""


@dataclass(frozen=True, slots=True)
class _Field:
    header: str
    columns: tuple[str, ...]  # one column, or a low and a high one
    secondary: bool = False


_FIELDS: dict[str, tuple[_Field, ...]] = {
    "waterfall": (
        _Field("Step", ("label",)),
        _Field("Amount", ("amount",)),
        _Field("Share", ("share",)),
        _Field("Evidence", ("evidence",)),
        _Field("Note", ("note",), secondary=True),
    ),
    "unit_cost": (
        _Field("Slice", ("slice",)),
        _Field("Loaded", ("loaded_amount",)),
        _Field("Per useful Mtok", ("usd_per_useful_mtok_low", "usd_per_useful_mtok_high")),
        _Field("Per served Mtok", ("usd_per_served_mtok",)),
        _Field("Direct", ("direct_amount",)),
        _Field("Useful tokens", ("useful_low_tokens", "useful_high_tokens")),
        _Field("Served output tokens", ("served_output_tokens",), secondary=True),
    ),
    "fleet": (
        _Field("Pool", ("pool",)),
        _Field("GPU-hours paid", ("gpu_hours_paid",)),
        _Field("Allocated", ("gpu_hours_allocated",)),
        _Field("Activity", ("activity_low", "activity_high")),
        _Field("Amount", ("amount",)),
        _Field("Median signal", ("median_signal",), secondary=True),
        _Field("Mean signal", ("mean_signal",), secondary=True),
        _Field("Share at zero", ("share_at_zero",), secondary=True),
    ),
    "allocation": (
        _Field("Slice", ("slice",)),
        _Field("Direct", ("direct_amount",)),
        _Field("Loaded", ("loaded_amount",)),
        _Field("Share", ("share",)),
        _Field("By the other rules", ("low_amount", "high_amount")),
        _Field("Method", ("method",)),
    ),
    "usefulness": (
        _Field("Verdict", ("verdict",)),
        _Field("Reason", ("reason",)),
        _Field("Grade", ("grade",)),
        _Field("Output tokens", ("output_tokens",)),
        _Field("Answers", ("answers",)),
        _Field("Amount", ("amount",)),
        _Field("Share", ("share",)),
    ),
    "kv_plan": (
        _Field("Plan", ("mark",)),
        _Field("GPUs", ("gpus",)),
        _Field("Below HBM", ("sizes",)),
        _Field("How", ("modes",), secondary=True),
        _Field("TTFT p50, s", ("ttft_p50_seconds",)),
        _Field("p95, s", ("ttft_p95_seconds",)),
        _Field("Hit ratio", ("hit_ratio",)),
        _Field("An hour", ("usd_per_hour",)),
        _Field("Per Mtok in", ("usd_per_mtok",)),
        _Field("Drives", ("drives",)),
        _Field("Tiers, an hour", ("tier_usd_per_hour",), secondary=True),
        _Field("Written, TB/day", ("written_tb_per_day",), secondary=True),
    ),
    "placement": (
        _Field("Option", ("name",)),
        _Field("A month, P10 to P90", ("usd_per_month_p10", "usd_per_month_p90")),
        _Field("P50", ("usd_per_month_p50",)),
        _Field("Per useful Mtok", ("usd_per_useful_mtok",)),
        _Field("Per served Mtok", ("usd_per_served_mtok",)),
        _Field("GPUs", ("gpus",)),
        _Field("Replicas", ("replicas",), secondary=True),
        _Field("Utilisation", ("utilisation",)),
        _Field("Objective kept", ("meets_slo",), secondary=True),
        _Field("Cheapest in", ("p_cheapest",)),
        _Field("Not compared because", ("out",), secondary=True),
    ),
    "break_even": (
        _Field("Option", ("option",)),
        _Field("Peak over mean", ("peak_to_mean",)),
        _Field("Pays", ("pays",)),
    ),
    "kv_curve": (
        _Field("Policy", ("policy",)),
        _Field("Blocks", ("capacity_blocks",)),
        _Field("GiB", ("capacity_gib",)),
        _Field("Hit tokens", ("hit_tokens",)),
        _Field("Hit ratio", ("hit_ratio",)),
        _Field("Of the ceiling", ("of_ceiling",)),
        _Field("Standard error", ("standard_error",)),
        _Field("", ("note",)),
    ),
    "kv_observed": (
        _Field("Process", ("process",)),
        _Field("Model", ("model",)),
        _Field("Tokens looked up", ("queried_tokens",)),
        _Field("In its own memory", ("own_hit_ratio",)),
        _Field("In any tier", ("hit_ratio",)),
        _Field("Restarts", ("restarts",)),
    ),
    "prompt_cache": (
        _Field("Scenario", ("scenario",)),
        _Field("Amount", ("amount",)),
        _Field("Saved", ("saved",)),
        _Field("Share", ("saved_share",)),
        _Field("Per Mtok", ("per_mtok",)),
        _Field("Read", ("read_tokens",)),
        _Field("Written", ("written_tokens",)),
        _Field("Computed", ("computed_tokens",)),
        _Field("Note", ("note",), secondary=True),
    ),
    "coverage": (
        _Field("Commitment", ("commitment",)),
        _Field("Owner", ("owner",)),
        _Field("Used", ("used",)),
        _Field("Unused", ("unused",)),
        _Field("Fees", ("fees",), secondary=True),
        _Field("Utilisation", ("utilisation",)),
        _Field("Hours", ("utilisation_hours",), secondary=True),
        _Field("Break-even", ("break_even_utilisation",)),
        _Field("Savings rate", ("effective_savings_rate",)),
        _Field("Unused hours", ("unused_hours",), secondary=True),
        _Field("Name", ("name",), secondary=True),
        _Field("Ends", ("ends",)),
    ),
    "exit": (
        _Field("Option", ("option",)),
        _Field("Units", ("units",)),
        _Field("When", ("when",)),
        _Field("Cost of leaving", ("cost",)),
        _Field("Better than keeping", ("value",)),
        _Field("Over the futures", ("value_low", "value_high")),
    ),
    "commit_plan": (
        _Field("Strategy", ("strategy",)),
        _Field("Units", ("units",)),
        _Field("Cost", ("cost",)),
        _Field("Below on demand", ("saved",)),
        _Field("Share", ("saved_share",)),
    ),
    "impairment": (
        _Field("Line", ("line",)),
        _Field("IFRS", ("ifrs",)),
        _Field("US GAAP", ("us_gaap",)),
    ),
    "reconciliation": (
        _Field("Line", ("line",)),
        _Field("Amount", ("amount",)),
        _Field("Note", ("note",)),
    ),
}


_VIEW_FIELDS: dict[str, tuple[_Field, ...]] = {
    "groups": (
        _Field("Group", ("label",)),
        _Field("Amount", ("amount",)),
        _Field("Share", ("share",)),
        _Field("Steps", ("steps",)),
    ),
    "tiers": (
        _Field("Tier", ("tier",)),
        _Field("GB", ("size_gb",)),
        _Field("Tokens served", ("served_tokens",)),
        _Field("Share", ("served_share",)),
        _Field("Load against computing", ("loading",)),
        _Field("Worth keeping", ("keeping",)),
        _Field("An hour", ("usd_per_hour",)),
        _Field("Drives", ("wear",)),
    ),
    "sensitivity": (
        _Field("Input", ("input",)),
        _Field("Halved, an hour", ("halved",)),
        _Field("Doubled, an hour", ("doubled",)),
        _Field("The decision flips", ("flips",)),
    ),
    "offers": (
        _Field("Offer", ("offer",)),
        _Field("Units", ("quantity",)),
        _Field("P10 to P90", ("quantity_low", "quantity_high")),
        _Field("Rate", ("rate",)),
        _Field("Discount", ("discount",)),
        _Field("Breaks even at", ("break_even_use",)),
        _Field("Term, hours", ("term_hours",)),
        _Field("Upfront", ("upfront",)),
        _Field("Bound in all", ("bound",)),
    ),
    "unfilled": (
        _Field("Model", ("model",)),
        _Field("GPU", ("gpu_model",)),
        _Field("Busy hours", ("busy_hours",)),
        _Field("Active", ("active_amount",)),
        _Field("Unfilled", ("unfilled_amount",)),
        _Field("Bounds", ("unfilled_low", "unfilled_high")),
        _Field("Headroom in it", ("headroom_amount",)),
        _Field("How measured", ("status",)),
    ),
}


def section(answer: Answer) -> Section:
    """The printed table of an answer; one with no layout of its own shows every column."""
    layout = _FIELDS.get(answer.name)
    present = set(answer.table.column_names)
    fields = [field for field in layout if present.issuperset(field.columns)] if layout else _all_fields(answer.columns)
    headers, rows = _printed(fields, answer.table, answer.columns, answer.currency)
    steps = [str(step) for step in answer.table.column("step").to_pylist()] if "step" in present else []
    kinds = tuple(theme.kind_of_step(step) for step in steps)
    by = str(answer.headline.get("by", ""))
    return Section(answer.name, answer.title, answer.description, headers, rows, kinds, _keys(answer), by)


def _keys(answer: Answer) -> tuple[str, ...]:
    """What to explain, per row: the answer's drill word of the row's own name."""
    named = next((name for name in ROW_NAMES if name in answer.table.column_names), None)
    if named is None or not answer.drill:
        return ()
    return tuple(answer.drill.get(str(value), "") for value in answer.table.column(named).to_pylist())


def sections(answer: Answer) -> list[Section]:
    """Every printed table of an answer: its own, and for a fleet the hours of each state that occurs."""
    table = answer.table
    states = [
        name for name in table.column_names if name.startswith(STATE_PREFIX) and any(table.column(name).to_pylist())
    ]
    if not states:
        return [section(answer)]
    fields = [_Field("Pool", ("pool",)), *(_Field(_title(name), (name,)) for name in states)]
    headers, rows = _printed(fields, table, answer.columns, answer.currency)
    return [section(answer), Section(f"{answer.name}_states", "GPU-hours by state", "", headers, rows)]


def view_section(answer: Answer, view: str) -> Section:
    """A further table of an answer (trend, heat map, days); one with no layout of its own shows every column."""
    table, columns = answer.views[view]
    layout = _VIEW_FIELDS.get(view)
    present = set(table.column_names)
    fields = [field for field in layout if present.issuperset(field.columns)] if layout else _all_fields(columns)
    headers, rows = _printed(fields, table, columns, answer.currency)
    return Section(
        f"{answer.name}_{view}", VIEW_TITLES.get(view, f"{answer.title}: {formats.spaced(view)}"), "", headers, rows
    )


def _all_fields(columns: Sequence[AnswerColumn]) -> tuple[_Field, ...]:
    return tuple(_Field(_title(column.name), (column.name,)) for column in columns if column.name not in GEOMETRY)


def _title(name: str) -> str:
    plain = name.removeprefix(STATE_PREFIX).replace("_", " ").replace("usd per", "per").replace("mtok", "Mtok")
    return plain[:1].upper() + plain[1:]


def _printed(
    fields: Sequence[_Field], table: pa.Table, columns: Sequence[AnswerColumn], currency: str
) -> tuple[tuple[Header, ...], tuple[tuple[Cell, ...], ...]]:
    known = {column.name: column for column in columns}
    written = {name: known.get(name, AnswerColumn(name, "text", "", "")) for name in table.column_names}
    headers = tuple(_header(field, written) for field in fields)
    rows = tuple(
        tuple(_cell(field, row, written, str(row.get("currency") or currency)) for field in fields)
        for row in table_rows(table)
    )
    return headers, rows


def _header(field: _Field, known: Mapping[str, AnswerColumn]) -> Header:
    first = known[field.columns[0]]
    return Header(field.header, first.kind not in {"text", "time", "flag"}, first.description, field.secondary)


def _cell(field: _Field, row: Row, known: Mapping[str, AnswerColumn], currency: str) -> Cell:
    first = known[field.columns[0]]
    if len(field.columns) == 1:
        return cell(row[first.name], first, currency, row)
    low, high = (row[name] for name in field.columns)
    if low is None and high is None:
        return missing(first)
    open_ended = first.name.endswith("mtok_low")
    if high is None and not open_ended:
        return cell(low, first, currency)
    exact_bounds = " to ".join(cell(value, first, currency).exact for value in (low, high) if value is not None)
    return Cell(formats.interval({"low": low, "high": high}, _writer(first, currency)), exact_bounds, True)


def _writer(column: AnswerColumn, currency: str) -> Callable[[Any], str]:
    if column.kind == "money":
        return lambda value: formats.rate(value, currency) if is_rate(column) else formats.money(value, currency)
    if column.kind == "share":
        return formats.share
    return formats.compact if column.unit == "tokens" else formats.count
