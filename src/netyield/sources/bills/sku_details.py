"""What does SkuPriceDetails say about GPUs and models? GPU count, model and token class of a charge.

Key names are data (``data/sku_keys.csv``), because the AI keys are still a draft of FOCUS 1.5 and may be renamed;
``data/token_words.csv`` turns a direction and cache action into a token class. Not said is null, never a guess.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from netyield.sources.bills.focus_columns import plain, read_data

MOST_GPUS = 1_000_000


@dataclass(frozen=True, slots=True)
class SkuDetails:
    """What one SkuPriceDetails object says."""

    gpu_count: int | None = None
    model: str | None = None
    direction: str = ""
    cache: str = ""


@cache
def _keys() -> dict[str, str]:
    return {plain(name): row["meaning"] for row in read_data("sku_keys") for name in reversed(row["names"].split(";"))}


@cache
def _token_words() -> dict[str, str]:
    return {row["words"]: row["token_class"] for row in read_data("token_words")}


def sku_details(text: str) -> SkuDetails:
    """Read a JSON object; text that is none says nothing."""
    try:
        details = json.loads(text)
    except (ValueError, RecursionError):
        return SkuDetails()
    if not isinstance(details, dict):
        return SkuDetails()
    said: dict[str, Any] = {}
    for name, value in details.items():
        meaning = _keys().get(plain(name))
        if meaning and value not in (None, ""):
            said.setdefault(meaning, value)
    model = said.get("model")
    return SkuDetails(
        whole_number(said.get("gpu_count")),
        str(model) if model is not None else None,
        str(said.get("direction", "")),
        str(said.get("cache", "")),
    )


def whole_number(value: Any) -> int | None:
    """A positive whole number of GPUs, from 8, "8" or 8.0; anything else (also 0: no GPU) is null."""
    try:
        number = float(str(value).strip())
    except ValueError:
        return None
    return int(number) if 0 < number <= MOST_GPUS and number == int(number) else None


def gpus_of_tag(tags: str, tag: str) -> int | None:
    """GPUs per instance from a tag of the user's."""
    found: Mapping[str, Any] = json.loads(tags)
    return whole_number(found.get(tag))


def token_class(words: str) -> str | None:
    """The token class of words like "Input Uncached", "cached input tokens" or "output_tokens"; null when unknown."""
    tokens = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", words)
    tokens = re.sub(r"[^a-z0-9]+", " ", tokens.casefold())
    kept = " ".join(word for word in tokens.split() if word not in ("tokens", "token", "text"))
    return _token_words().get(kept)
