"""Which tables does a cache plan have? The options worth looking at, its tiers, what sways it, what to configure."""

from __future__ import annotations

from typing import Any

import pyarrow as pa

from netyield.answers.answer import AnswerColumn
from netyield.answers.kv_plan_words import duration_words, modes_words, option_words, seconds_words, sizes_words
from netyield.core.inference.hardware import GIB
from netyield.economics.kv.break_even import break_even, hbm_usd_per_gb_hour
from netyield.economics.kv.costs import Prices
from netyield.economics.kv.outcome import Candidate, Rig, link_of
from netyield.economics.kv.plan import Option, Plan
from netyield.economics.kv.sensitivity import Sway
from netyield.economics.kv.slo import Objective
from netyield.economics.kv.tiers import Tier

GB = 1e9
COLUMNS = (
    AnswerColumn("mark", "text", "", "Why it is listed"),
    AnswerColumn("gpus", "number", "GPUs", "GPUs"),
    AnswerColumn("sizes", "text", "", "What is kept below HBM, per node (a shared pool: in all)"),
    AnswerColumn("modes", "text", "", "Copies, admission and eviction"),
    AnswerColumn("ttft_p50_seconds", "number", "s", "Median time to first token"),
    AnswerColumn("ttft_p95_seconds", "number", "s", "95th percentile of the time to first token"),
    AnswerColumn("hit_ratio", "share", "of input tokens", "Tokens served from HBM and tiers, of the counted requests"),
    AnswerColumn("usd_per_hour", "money", "currency per hour", "GPUs and tiers"),
    AnswerColumn(
        "usd_per_mtok", "money", "currency per million input tokens", "The same over the trace's input tokens"
    ),
    AnswerColumn("tier_usd_per_hour", "money", "currency per hour", "Tiers alone"),
    AnswerColumn("drives", "number", "drives", "Drives in all, for room, wear or write speed"),
    AnswerColumn("written_tb_per_day", "number", "TB/day", "Written to drives"),
)
TRIED_COLUMNS = (
    AnswerColumn("mark", "text", "", "chosen, present, HBM only, knee, or nothing"),
    AnswerColumn("sizes", "text", "", "What is kept below HBM"),
    AnswerColumn("gpus", "number", "GPUs", "GPUs"),
    AnswerColumn("usd_per_hour", "money", "currency per hour", "GPUs and tiers"),
    AnswerColumn("ttft_seconds", "number", "s", "The statistic of the objective"),
    AnswerColumn("frontier", "flag", "", "Whether nothing is both cheaper and faster"),
    AnswerColumn("met", "flag", "", "Whether it keeps the objective"),
)
TIER_COLUMNS = (
    AnswerColumn("tier", "text", "", "Where blocks are kept"),
    AnswerColumn("size_gb", "number", "GB", "Per node (HBM: per replica; a shared pool: in all)"),
    AnswerColumn("served_tokens", "tokens", "tokens", "Of the counted requests"),
    AnswerColumn("served_share", "share", "of input tokens", "Of the counted requests"),
    AnswerColumn("read_gb_per_second", "number", "GB/s", "What a load of half a mean prompt reaches"),
    AnswerColumn("break_even_gb_per_second", "number", "GB/s", "Below this, computing again is faster (linear FLOPs)"),
    AnswerColumn("keep_hours", "hours", "h", "How long a block is worth keeping (five-minute rule)"),
    AnswerColumn(
        "loading", "text", "", "GB/s a load of half a mean prompt reaches, and below what computing again is faster"
    ),
    AnswerColumn("keeping", "text", "", "How long a block is worth keeping (five-minute rule)"),
    AnswerColumn("wear", "text", "", "Drives in all, what their number follows from, what is written to them"),
    AnswerColumn("usd_per_hour", "money", "currency per hour", "What it costs, power included"),
    AnswerColumn("drives", "number", "drives", "In all"),
    AnswerColumn("bound_by", "text", "", "What the number of drives follows from"),
    AnswerColumn("written_tb_per_day", "number", "TB/day", "Written in all"),
)
SWAY_COLUMNS = (
    AnswerColumn("input", "text", "", "What is multiplied"),
    AnswerColumn(
        "usd_per_hour_halved",
        "money",
        "currency per hour",
        "Best plan when it is half; empty: none keeps the objective",
    ),
    AnswerColumn(
        "usd_per_hour_doubled",
        "money",
        "currency per hour",
        "Best plan when it is double; empty: none keeps the objective",
    ),
    AnswerColumn(
        "seconds_halved", "number", "s", "The objective's statistic at best when it is half; empty: a plan keeps it"
    ),
    AnswerColumn("seconds_doubled", "number", "s", "The same when it is double"),
    AnswerColumn("halved", "text", "", "Dollars an hour of the best plan when it is half"),
    AnswerColumn("doubled", "text", "", "Dollars an hour of the best plan when it is double"),
    AnswerColumn("flips", "text", "", "Where the decision changes, and what it becomes"),
    AnswerColumn(
        "flips_below", "number", "times", "The decision changes from here downwards; empty: not down to a tenth"
    ),
    AnswerColumn("becomes_below", "text", "", "To this"),
    AnswerColumn(
        "flips_above", "number", "times", "The decision changes from here upwards; empty: not up to ten times"
    ),
    AnswerColumn("becomes_above", "text", "", "To this"),
)
APPLY_COLUMNS = (
    AnswerColumn("engine", "text", "", "For which engine"),
    AnswerColumn("line", "text", "", "What to configure"),
)
KINDS = {"text": pa.string(), "flag": pa.bool_(), "tokens": pa.int64()}
Views = dict[str, tuple[pa.Table, tuple[AnswerColumn, ...]]]


def plain(option: Option, rig: Rig) -> dict[str, Any]:
    """An option as JSON."""
    outcome, cost = option.outcome, option.cost
    return {
        "gpus": option.gpus,
        "sizes_gb": {tier.name: size for tier, size in zip(rig.tiers, option.candidate.sizes_gb, strict=True)},
        "copies": "exclusive" if option.candidate.exclusive else "inclusive",
        "admission": "second_touch" if option.candidate.second_touch else "write_through",
        "policy": str(option.candidate.policy),
        "pooled": option.candidate.pooled,
        "ttft_seconds": outcome.ttft,
        "waiting_share": outcome.waiting_share,
        "hit_ratio": outcome.hit_ratio,
        "served_tokens": dict(zip(("hbm", *(tier.name for tier in rig.tiers)), outcome.served_tokens, strict=True)),
        "computed_tokens": outcome.computed_tokens,
        "prefill_gpu_seconds": outcome.gpu_seconds,
        "usd_per_hour": cost.usd_per_hour,
        "gpu_usd_per_hour": cost.gpu_usd_per_hour,
        "usd_per_million_input_tokens": cost.usd_per_mtok,
        "tiers": [
            {
                "tier": each.tier, "size_gb": each.size_gb, "usd_per_hour": each.usd_per_hour,
                "power_usd_per_hour": each.power_usd_per_hour, "drives": each.drives, "wear_drives": each.wear_drives,
                "bound_by": each.bound_by, "written_tb_per_day": each.written_tb_per_day,
            }
            for each in cost.tiers
        ],
    }  # fmt: skip


def sway(found: Sway, tiers: tuple[Tier, ...]) -> dict[str, Any]:
    """One input's sway as JSON and as a row."""
    return {
        "input": found.name,
        "usd_per_hour_halved": found.usd_per_hour_halved,
        "usd_per_hour_doubled": found.usd_per_hour_doubled,
        "flips_below": round(found.flips_below, 3) if found.flips_below else None,
        "becomes_below": option_words(found.becomes_below, tiers) if found.flips_below else "",
        "flips_above": round(found.flips_above, 3) if found.flips_above else None,
        "becomes_above": option_words(found.becomes_above, tiers) if found.flips_above else "",
        "seconds_halved": found.seconds_halved,
        "seconds_doubled": found.seconds_doubled,
    }


def break_evens(rig: Rig, prices: Prices) -> dict[str, Any]:
    """The break-even bandwidth, the price of computing again, and the keep-time of every tier."""
    per_gb = {"hbm": hbm_usd_per_gb_hour(prices.usd_per_gpu_hour, rig.cluster.gpu.hbm_gib * GIB / GB)}
    per_gb |= {tier.name: tier.usd_per_gb_hour() for tier in rig.tiers}
    found = break_even(
        kv_bytes_per_token=rig.block_bytes / rig.trace.block_size,
        active_parameters=rig.prefill.work.active_parameters,
        peak_flops=rig.prefill.peak_flops,
        mfu=rig.prefill.mfu,
        usd_per_gpu_hour=prices.usd_per_gpu_hour,
        usd_per_gb_hour=per_gb,
    )
    return {
        "load_gb_per_second_per_gpu": found.load_gb_per_second,
        "prefill_tokens_per_second_per_gpu": found.prefill_tokens_per_second,
        "recompute_usd_per_million_tokens": found.recompute_usd_per_mtok,
        "keep_seconds": found.keep_seconds,
    }


def options(plan: Plan, rig: Rig) -> pa.Table:
    """The options worth looking at, each once, the chosen one first and the rest from cheap to fast."""
    marks = _marks(plan)
    listed = list({option.key: option for option in (*_marked(plan), *plan.frontier)}.values())
    first = [option for option in listed if plan.chosen and option.key == plan.chosen.key]
    rest = sorted((option for option in listed if option not in first), key=lambda each: each.net_usd_per_hour)
    return _table([_row(option, marks, rig) for option in (*first, *rest)], COLUMNS)


def views(plan: Plan, rig: Rig, best: Option, sways: list[Sway], body: dict[str, Any]) -> Views:
    """Every further table."""
    marks, edge = _marks(plan), {option.key for option in plan.frontier}
    shown = {option.key: option for option in (*plan.options, *_marked(plan))}
    tried = [
        {
            "mark": marks.get(option.key, ""), "sizes": sizes_words(option.candidate, rig.tiers), "gpus": option.gpus,
            "usd_per_hour": option.net_usd_per_hour, "ttft_seconds": plan.value(option), "frontier": option.key in edge,
            "met": plan.objective.met_by(plan.value(option)),
        }
        for option in shown.values()
    ]  # fmt: skip
    lines = [{"engine": engine, "line": line} for engine, text in body["apply"].items() for line in text.splitlines()]
    return {
        "tiers": (_table(_tiers(rig, best, body["break_even"]), TIER_COLUMNS), TIER_COLUMNS),
        "sensitivity": (
            _table([_sway_row(each, rig.tiers, plan.objective) for each in sways], SWAY_COLUMNS),
            SWAY_COLUMNS,
        ),
        "apply": (_table(lines, APPLY_COLUMNS), APPLY_COLUMNS),
        "tried": (_table(tried, TRIED_COLUMNS), TRIED_COLUMNS),
    }


def _sway_row(found: Sway, tiers: tuple[Tier, ...], objective: Objective) -> dict[str, Any]:
    row = sway(found, tiers)
    sides = ((row["flips_below"], "down", row["becomes_below"]), (row["flips_above"], "up", row["becomes_above"]))
    words = [f"from {times:.2g} times {way}: {becomes}" for times, way, becomes in sides if times is not None]
    return row | {
        "halved": _hourly(found.usd_per_hour_halved, found.seconds_halved, objective),
        "doubled": _hourly(found.usd_per_hour_doubled, found.seconds_doubled, objective),
        "flips": "; ".join(words) or _no_flip(found),
    }


def _hourly(usd: float | None, seconds: float | None, objective: Objective) -> str:
    if usd is not None:
        return f"${usd:,.2f}"
    return "no plan" if seconds is None else f"no plan: {objective.statistic} {seconds_words(seconds)} at best"


def _no_flip(found: Sway) -> str:
    if found.seconds_halved is None:
        return "not between a tenth and ten times"
    return (
        "no price makes a plan faster" if found.name.endswith("price") else "not enough between a tenth and ten times"
    )


def nothing() -> pa.Table:
    """The table of a plan that could not be made."""
    return _table([], COLUMNS)


def significant(value: float) -> float:
    """Four digits: tables hold estimates, JSON every digit."""
    return float(f"{value:.4g}")


def _marked(plan: Plan) -> list[Option]:
    return [option for option in (plan.chosen, plan.present, plan.baseline, plan.knee) if option is not None]


def _marks(plan: Plan) -> dict[tuple[int, Candidate], str]:
    """Why each option is listed; equal arrangements share their marks."""
    found: dict[tuple[int, Candidate], str] = {}
    for option, mark in (
        (plan.chosen, "chosen"), (plan.knee, "knee"), (plan.present, "present"), (plan.baseline, "HBM only"),
    ):  # fmt: skip
        if option is not None:
            found[option.key] = f"{found[option.key]}, {mark}" if option.key in found else mark
    return found


def _row(option: Option, marks: dict[tuple[int, Candidate], str], rig: Rig) -> dict[str, Any]:
    cost = option.cost
    return {
        "mark": marks.get(option.key, "frontier"),
        "gpus": option.gpus,
        "sizes": sizes_words(option.candidate, rig.tiers),
        "modes": modes_words(option.candidate),
        "ttft_p50_seconds": significant(option.outcome.ttft["p50"]),
        "ttft_p95_seconds": significant(option.outcome.ttft["p95"]),
        "hit_ratio": option.outcome.hit_ratio,
        "usd_per_hour": cost.usd_per_hour,
        "usd_per_mtok": cost.usd_per_mtok,
        "tier_usd_per_hour": cost.usd_per_hour - cost.gpu_usd_per_hour,
        "drives": sum(each.drives for each in cost.tiers),
        "written_tb_per_day": significant(sum(each.written_tb_per_day for each in cost.tiers if each.drives)),
    }


def _tiers(rig: Rig, best: Option, even: dict[str, Any]) -> list[dict[str, Any]]:
    total = sum(best.outcome.served_tokens) + best.outcome.computed_tokens
    served = dict(zip(("hbm", *(tier.name for tier in rig.tiers)), best.outcome.served_tokens, strict=True))
    costs = {each.tier: each for each in best.cost.tiers}
    keep = {name: seconds / 3600.0 for name, seconds in even["keep_seconds"].items()}
    rows = [_tier_row("hbm", rig.hbm_bytes / GB, served["hbm"], total, keep)]
    half = float(rig.trace.input_tokens.mean()) / 2
    size_bytes = float(rig.cluster.model.layout.bytes(half, rig.cluster.cache))
    need = even["load_gb_per_second_per_gpu"] * rig.cluster.tensor_parallel
    for tier, size in zip(rig.tiers, best.candidate.sizes_gb, strict=True):
        row = _tier_row(tier.name, size, served[tier.name], total, keep)
        speed = link_of(tier, size or max(tier.sizes_gb), rig.cluster.tensor_parallel)
        reads = speed.effective_gb_per_second(size_bytes)
        row |= {"read_gb_per_second": reads, "break_even_gb_per_second": need, "usd_per_hour": 0.0}
        row["loading"] = f"{reads:,.3g} GB/s, needs {need:,.3g}"
        if tier.name in costs:
            cost = costs[tier.name]
            row |= {
                "usd_per_hour": cost.usd_per_hour + cost.power_usd_per_hour, "drives": cost.drives,
                "bound_by": cost.bound_by if cost.drives else "", "written_tb_per_day": cost.written_tb_per_day,
            }  # fmt: skip
            if cost.drives:
                row["wear"] = f"{cost.drives} for {cost.bound_by}, {cost.written_tb_per_day:,.4g} TB/day"
        rows.append(row)
    computed = _tier_row("computed", 0.0, best.outcome.computed_tokens, total, {})
    return [*rows, computed]


def _tier_row(name: str, size: float, served: int, total: int, keep: dict[str, float]) -> dict[str, Any]:
    share = served / total if total else 0.0
    hours = keep.get(name)
    return {
        "tier": name, "size_gb": significant(size), "served_tokens": served, "served_share": share, "keep_hours": hours,
        "keeping": duration_words(hours * 3600.0) if hours is not None else "", "usd_per_hour": 0.0,
    }  # fmt: skip


def _table(rows: list[dict[str, Any]], columns: tuple[AnswerColumn, ...]) -> pa.Table:
    schema = pa.schema([(column.name, KINDS.get(column.kind, pa.float64())) for column in columns])
    return pa.Table.from_pylist([{name: row.get(name) for name in schema.names} for row in rows], schema=schema)
