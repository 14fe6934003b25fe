"""What does a new netyield.toml look like? Commented, with an example of every kind of source that is missing."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from netyield.faces.cli.setup.discover import Proposal

HEAD = """\
# The configuration of a Netyield project, written by `netyield init`. Paths are relative to this file.
# A secret is never written here, only where it is: "env:NAME" or "file:/path".

[project]
name = {name}
{currency}timezone = {timezone} # of days and months in reports; the books are in UTC
"""
CURRENCY = 'currency = {currency} # of reports; other currencies need dated rates, [[source]] type = "fx"\n'
EXAMPLES: Mapping[str, str] = {
    "bill": """\
# No bill yet. Any of these:
# [[source]]
# type = "focus" # a cloud's FOCUS export, CSV or Parquet
# path = "bill/*.csv"
#
# [[source]]
# type = "rate_card" # what a GPU-hour costs you, by pool
# rates = [{ pool = "*", usd_per_gpu_hour = "2.00" }]
""",
    "metrics": """\
# No GPU telemetry yet: idle, unallocated and unknown hours cannot be told apart.
# [[source]]
# type = "prometheus"
# url = "http://localhost:9090"
# bearer = "env:PROMETHEUS_TOKEN" # or user = "...", password = "env:NAME"; tenant = "..." for Mimir or Thanos
""",
    "traffic": """\
# No traffic yet: nothing can be said of tokens.
# [[source]]
# type = "litellm"
# path = "traffic/*.jsonl.gz" # or dsn = "env:LITELLM_DATABASE_URL"
""",
    "outcomes": """\
# No outcomes yet: no token can be proven useful.
# [[source]]
# type = "outcomes"
# path = "outcomes/*.jsonl"
# columns = { time = "time", request_id = "request_id", verdict = "verdict" }
""",
}
POOL_EXAMPLE = """\
# Which bill lines, nodes, devices, replicas and endpoints are one pool; without rules their own names are used.
# [[pool]]
# name = "h100-a"
# tags = { pool = "h100-a" }
# hosts = ["gpu-a-*"]
"""
POOLS_CONFIRMED = "# Which bill lines, nodes, replicas and endpoints are one pool: proposed from their names, confirmed in `netyield init`.\n"
POOLS_PROPOSED = """\
# Which bill lines, nodes, replicas and endpoints are one pool, as their names suggest. Until you confirm a pool by
# removing its # signs, pools are matched by name only.
"""
TAIL = """\
# What a bill line is for, where the shipped rules cannot know.
# [[scope]]
# scope = "non_ai"
# tags = { site = "*" }
"""


def config_text(proposals: Sequence[Proposal], *, name: str, currency: str | None, timezone: str) -> str:
    """The whole file."""
    money = CURRENCY.format(currency=value(currency)) if currency else ""
    parts = [HEAD.format(name=value(name), currency=money, timezone=value(timezone))]
    for kind, example in EXAMPLES.items():
        chosen = [proposal for proposal in proposals if proposal.kind == kind]
        parts += [_source(proposal) for proposal in chosen] or [example]
    return "\n".join([*parts, POOL_EXAMPLE, TAIL])


def with_pools(text: str, rules: Sequence[Mapping[str, Any]], *, confirmed: bool) -> str:
    """The file with these [[pool]] rules in the place of the example: in force, or commented out to be confirmed."""
    blocks = ["\n".join(["[[pool]]", *(f"{_key(key)} = {value(each)}" for key, each in rule.items())]) + "\n" for rule in rules]
    if not confirmed:
        blocks = ["".join(f"# {line}\n" for line in block.splitlines()) for block in blocks]
    head = POOLS_CONFIRMED if confirmed else POOLS_PROPOSED
    return text.replace(POOL_EXAMPLE, "\n".join([head + blocks[0], *blocks[1:]]) if blocks else POOL_EXAMPLE)


def _source(proposal: Proposal) -> str:
    lines = [f"# {_one_line(proposal.why)}", "[[source]]"]
    lines += [f"{_key(key)} = {value(each)}" for key, each in proposal.options.items()]
    return "\n".join(lines) + "\n"


def _one_line(text: str) -> str:
    return re.sub(r"\s+", " ", text)


def _key(key: str) -> str:
    return key if re.fullmatch(r"[A-Za-z0-9_-]+", key) else value(key)


def value(each: Any) -> str:
    """A TOML value: text, number, truth, list or inline table."""
    if isinstance(each, bool):
        return "true" if each else "false"
    if isinstance(each, int | float):
        return str(each)
    if isinstance(each, Mapping):
        return "{ " + ", ".join(f"{_key(key)} = {value(item)}" for key, item in each.items()) + " }"
    if isinstance(each, Iterable) and not isinstance(each, str):
        return "[" + ", ".join(value(item) for item in each) + "]"
    return json.dumps(str(each), ensure_ascii=False).replace("\x7f", "\\u007f")
