"""The parts of docs/kv-cache.md that follow from data files and from running the commands on the recorded trace."""

from __future__ import annotations

import contextlib
import io
import json
import shlex
import sys
from collections.abc import Callable, Iterable, Sequence
from functools import cache
from pathlib import Path
from typing import Any

from netyield.charts.formats import count, money, rate, share
from netyield.core.inference.models import find_model, known_models
from netyield.economics.kv.prompt_caching.rules import UNLIMITED
from netyield.economics.kv.prompt_caching.rules import table as caching_rules
from netyield.faces.cli.main import call

ROOT = Path(__file__).resolve().parent.parent
TRACE = "tests/data/kv/mooncake_conversation_trace.jsonl.gz"
Table = Callable[[Sequence[str], Iterable[Sequence[str]]], str]
COMMANDS = {
    "curve": f"netyield kv curve --trace {TRACE} --capacity-blocks 1024,6553,13107,52428",
    "explain": f"netyield kv explain --trace {TRACE} --capacity-blocks 6553",
    "plan": f'netyield kv plan --trace {TRACE} --model meta-llama/Llama-3.1-70B --gpu h100 --gpus 48,64,72 --slo "ttft p95 < 2s"',
    "prompt-cache": f"netyield kv prompt-cache --trace {TRACE} --provider anthropic --model claude-sonnet-4-5 --at 2026-11-01",
}
SHORT, LONG = 1_024, 131_072  # contexts of the model table


@cache
def body(name: str) -> dict[str, Any]:
    """The JSON object of one of the commands, run in this process from the repository's root."""
    words = shlex.split(COMMANDS[name])[1:]
    words[words.index("--trace") + 1] = str(ROOT / TRACE)
    captured = io.TextIOWrapper(io.BytesIO(), encoding="utf-8")
    before = sys.stdout
    sys.stdout = captured
    try:
        with contextlib.redirect_stderr(io.StringIO()):
            call([*words, "--json", "--fail-on", "never"])
    finally:
        sys.stdout = before
    captured.flush()
    found: dict[str, Any] = json.loads(captured.buffer.getvalue())  # type: ignore[attr-defined]
    return found


def command(name: str) -> str:
    """The command as a reader types it, cut into lines."""
    pieces = COMMANDS[name].split(" --")
    lines, line = [], pieces[0]
    for piece in pieces[1:]:
        if len(line) + len(piece) > 105:
            lines.append(f"{line} \\")
            line = "   "
        line += f" --{piece}"
    return "```sh\n" + "\n".join([*lines, line]) + "\n```\n"


def models(table: Table) -> str:
    """Bytes of KV cache per token of every model of the catalogue, at a short and a long context."""
    rows = []
    for name in known_models():
        layout = find_model(name).layout
        cells = [f"{layout.bytes(n, dtype) / n:,.0f}" for dtype in ("bf16", "fp8") for n in (SHORT, LONG)]
        rows.append((name, *cells))
    return table(("model", "bf16 at 1 K", "at 128 K", "fp8 at 1 K", "at 128 K"), rows)


def rules(table: Table) -> str:
    """What is known of every provider's prompt caching."""
    models: dict[tuple[str, ...], list[str]] = {}
    for one in caching_rules():
        lookback = {UNLIMITED: "no limit", 0: ""}.get(one.lookback_blocks, str(one.lookback_blocks))
        rule = (
            one.provider, one.name.replace("_", " "), str(one.mode), f"{one.minimum_tokens:,}", str(one.breakpoints or ""), lookback,
            ", ".join(life.words for life in one.lifetimes), one.storage_usd_per_mtok_hour, "yes" if one.verified else "no",
            one.valid_from,
        )  # fmt: skip
        models.setdefault(rule, []).append(f"`{one.model}`")
    rows = [(rule[0], " ".join(names), *rule[1:]) for rule, names in models.items()]
    header = ("provider", "models, the first that fits", "scheme", "kind", "from tokens", "breakpoints", "lookback", "lifetimes",
              "USD per Mtok-hour", "checked", "since")  # fmt: skip
    return table(header, rows)


def curve(table: Table) -> str:
    """The worked curve."""
    found = body("curve")
    rows = [
        (f"{one['capacity_blocks']:,}", f"{one['hit_tokens']:,}", share(one["hit_ratio"]), share(one["hit_ratio"] / found["ceiling_hit_ratio"]))
        for one in found["points"]
    ]
    text = (
        f"{found['requests']:,} requests, {found['accesses']:,} block accesses, {found['unique_blocks']:,} distinct blocks;"
        f" {found['measured_tokens']:,} input tokens are counted. An infinite cache would hit {found['ceiling_hit_tokens']:,} of"
        f" them ({share(found['ceiling_hit_ratio'])}).\n"
    )
    return "\n".join([command("curve"), text, table(("blocks", "hit tokens", "hit ratio", "of the ceiling"), rows)])


def explain(table: Table) -> str:
    """The worked explanation."""
    found = body("explain")
    rows = [(one["reason"].replace("_", " "), f"{one['tokens']:,}", share(one["share"]), one["meaning"]) for one in found["reasons"]]
    text = f"{found['description']}\n"
    return "\n".join([command("explain"), text, table(("reason", "tokens", "share", ""), rows)])


def _sizes(plan: dict[str, Any]) -> str:
    held = [f"{name} {size / 1000:,.3g} TB" for name, size in plan["sizes_gb"].items() if size]
    return " + ".join(held) or "HBM only"


def plan(table: Table) -> str:
    """The worked plan."""
    found = body("plan")
    marks = {json.dumps(found[name], sort_keys=True): name for name in ("hbm_only", "present", "chosen") if found[name]}
    rows = []
    for one in found["frontier"]:
        mark = marks.get(json.dumps(one, sort_keys=True), "").replace("_", " ").replace("hbm", "HBM")
        first = one["ttft_seconds"]
        rows.append((mark, str(one["gpus"]), _sizes(one), f"{first['p50']:.2f}", f"{first['p95']:.3f}", share(one["hit_ratio"]),
                     money(one["usd_per_hour"], "USD"), rate(one["usd_per_million_input_tokens"], "USD")))  # fmt: skip
    saved = found["savings"]
    text = [
        f"**{found['decision']}** {found['reason']}\n",
        f"The tiers save {saved['saved_by_tiers_gpu_seconds_per_hour']:,.0f} GPU-seconds an hour beyond what HBM alone saves, and"
        f" cost {money(saved['tiers_usd_per_hour'], 'USD')} an hour. Those seconds are worth"
        f" {money(saved['saved_by_tiers_usd_per_hour_if_reclaimed'], 'USD')} an hour only if the GPUs are given up or filled; what the"
        " decision is worth here is the GPUs that need not be rented to keep the promise.\n",
        f"Prices: {'; '.join(found['prices'])}.\n",
    ]
    header = ("", "GPUs", "below HBM, per node", "TTFT p50, s", "p95, s", "hit ratio", "an hour", "per Mtok in")
    return "\n".join([command("plan"), *text, table(header, rows)])


def prompt_cache(table: Table) -> str:
    """The worked prompt caching."""
    found = body("prompt-cache")
    rows = []
    for one in found["scenarios"]:
        written = sum(one["written_tokens"].values()) if one["written_tokens"] is not None else None
        cells = [count(n) if n is not None else "" for n in (one["read_tokens"], written, one["computed_tokens"])]
        rows.append((one["scenario"], money(one["amount"], "USD"), money(one["saved"], "USD"), share(one["saved_share"]), *cells))
    best, held, first = found["best"], found["held_out"], found["families"]["listed"][0]
    usual = [one for one in found["scenarios"] if one["kind"] == "usual"]
    marks = [f"{tokens:,}" for tokens in first["breakpoints_tokens"]] + ["the end of the prompt"] * first["end_of_prompt"]
    text = [
        f"Marking the end of every prompt is worth {money(usual[0]['saved'], 'USD')} of {money(found['scenarios'][0]['amount'], 'USD')}"
        f" with the short lifetime and costs {money(abs(float(usual[1]['saved'])), 'USD')} *more* than not caching with the long one:"
        " most of these prompts never come back, and every one of them pays for being written. With the best marks per family"
        f" {money(best['saved'], 'USD')} ({share(best['saved_share'])}) could be had. That is hindsight: plans chosen from the first"
        f" half of the requests save {share(held['saved_share'])} on the second, where new conversations are not marked at all.\n",
        f"The family that saves most: {first['requests']} requests that share their first {first['head_tokens']:,} tokens. Mark after"
        f" {', '.join(marks)} tokens, with lifetimes {', '.join(first['lifetimes'])}: {money(first['uncached'], 'USD')} becomes"
        f" {money(first['amount'], 'USD')}.\n",
    ]
    header = ("", "amount", "saved", "share", "read", "written", "computed")
    return "\n".join([command("prompt-cache"), table(header, rows), *text])


def block(name: str, table: Table) -> str:
    """The text of ``kv/<name>``. Raises KeyError for a name nobody makes."""
    makers = {"models": models, "rules": rules, "curve": curve, "explain": explain, "plan": plan, "prompt-cache": prompt_cache}
    return makers[name](table)
