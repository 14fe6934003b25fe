"""Which format is a trace file in? Decided by the keys of its first object, or by the header of a CSV."""

from __future__ import annotations

import re
from typing import Any

import msgspec

from netyield.sources.traces.length_columns import INPUTS

FORMATS = ("mooncake", "bailian", "sessions", "content", "text", "lengths", "servegen")
PROMPTS = ("messages", "input", "prompt", "text", "prompt_token_ids", "token_ids")
# A window of a ServeGen client: second, rate, variation, distribution and its parameters; the file has no header.
SERVEGEN = re.compile(rb"(t_s,rate_rps,CV,pattern,p1,p2\r?\n)?\d+,[-+0-9.eE]*,[-+0-9.eE]*,(Gamma|Weibull|),")


def detect(text: bytes) -> str | None:
    """The format of a file's content, or None when nothing in it is known."""
    start = text.removeprefix(b"\xef\xbb\xbf").lstrip()
    if not start.startswith(b"{"):
        if SERVEGEN.match(start):
            return "servegen"
        header = start.partition(b"\n")[0].decode("utf-8", "replace").lower()
        names = {name.strip().strip('"') for name in header.split(",")}
        return "lengths" if names & set(INPUTS) else None
    return _of_object(first_object(start))


def first_object(text: bytes) -> dict[str, Any]:
    """The first line that is a JSON object, else the whole text as one object; empty when there is none."""
    for line in text.split(b"\n", 20)[:20]:
        try:
            return msgspec.json.decode(line, type=dict[str, Any])
        except msgspec.DecodeError:
            continue
    try:
        return msgspec.json.decode(text, type=dict[str, Any])
    except msgspec.DecodeError:
        return {}


def _of_object(record: dict[str, Any]) -> str | None:
    if isinstance(record.get("requests"), list):
        return "sessions"
    ids = record.get("hash_ids")
    if isinstance(ids, dict):
        return "content"
    if isinstance(ids, list):
        return "bailian" if "chat_id" in record else "mooncake"
    if any(record.get(name) for name in PROMPTS):
        return "text"
    return "lengths" if {name.lower() for name in record} & set(INPUTS) else None
