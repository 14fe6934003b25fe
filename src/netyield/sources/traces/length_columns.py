"""Which column of a file of lengths is what? The names known services and benchmarks use, or those the user says.

Azure 2023 and 2024, BurstGPT, Vidur, OpenAI's and Anthropic's usage, LiteLLM and vLLM. Input is all of a prompt; where a
name counts only what was not cached (Anthropic), reads and writes of the cache are added to it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from netyield.core.errors import WrongUse

TIMES = ("timestamp", "arrived_at", "arrival_time", "time", "starttime", "start_time", "created_at", "arrival_s")
INPUTS = ("contexttokens", "input_length", "num_prefill_tokens", "request tokens", "prompt_tokens", "input_tokens", "input_len")
OUTPUTS = (
    "generatedtokens", "output_length", "num_decode_tokens", "response tokens", "completion_tokens", "output_tokens", "output_len",
)  # fmt: skip
CACHED = ("cached_tokens", "cached_input_tokens", "num_cached_tokens", "prompt_cached_tokens")
READ, WRITTEN = "cache_read_input_tokens", "cache_creation_input_tokens"  # beside input_tokens, not in it
ROLES = {"time": TIMES, "input": INPUTS, "output": OUTPUTS, "cached": CACHED}
EXAMPLE = "--columns time=ts,input=prompt_len,output=answer_len,cached=hit_len"


class Lengths(NamedTuple):
    """One request's numbers as the file has them; -1 where it does not say."""

    time: Any
    input: int
    output: int
    cached: int


def columns_named(text: str | None) -> dict[str, str]:
    """``time=ts,input=n`` as column by role, in lower case. Raises WrongUse for an unknown role or one said twice."""
    found: dict[str, str] = {}
    for part in (text or "").split(",") if text else ():
        role, _, name = (each.strip().lower() for each in part.partition("="))
        if role not in ROLES or not name or role in found:
            message = f"{part.strip()!r} maps no column;"
            raise WrongUse(message, f"say each of {', '.join(ROLES)} at most once, for example {EXAMPLE}.")
        found[role] = name
    return found


def check_columns(mapped: Mapping[str, str], there: set[str], file: str) -> None:
    """Raises WrongUse where the file lacks a column that was named."""
    missing = [name for name in mapped.values() if name not in there]
    if missing and there:
        message = f"{file} has no column {missing[0]!r};"
        raise WrongUse(message, f"it has {', '.join(sorted(there))}.")


def lengths_of(record: Mapping[str, Any], mapped: Mapping[str, str]) -> Lengths:
    """The numbers of a record, whose names are in lower case. Raises ValueError for what is no request."""
    names = {role: (mapped[role],) if role in mapped else known for role, known in ROLES.items()}
    tokens = _number(record, names["input"])
    if tokens is None or tokens < 0:
        message = "it has no length of the prompt, or a negative one"
        raise ValueError(message)
    cached = _number(record, names["cached"])
    if cached is None and "input" not in mapped:
        cached = _number(record, (READ,))
        tokens += (cached or 0) + (_number(record, (WRITTEN,)) or 0)
    if cached is not None and not 0 <= cached <= tokens:
        message = "more tokens are cached than the prompt has, or fewer than none"
        raise ValueError(message)
    output = _number(record, names["output"])
    time = next((record[name] for name in names["time"] if record.get(name) not in (None, "")), None)
    return Lengths(time, tokens, -1 if output is None else output, -1 if cached is None else cached)


def _number(record: Mapping[str, Any], wanted: tuple[str, ...]) -> int | None:
    for name in wanted:
        if record.get(name) not in (None, ""):
            try:
                return int(float(record[name]))
            except (OverflowError, TypeError, ValueError):
                message = f"its {name} is no number"
                raise ValueError(message) from None
    return None
