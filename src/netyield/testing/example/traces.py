"""Real traffic: when did requests arrive, and how many tokens did each bring?

Source: Azure LLM inference traces 2023 (CC-BY-4.0), shipped in ``netyield/testing/data`` with attribution.
"""

from __future__ import annotations

import csv
import gzip
from dataclasses import dataclass
from datetime import datetime
from importlib import resources


@dataclass(frozen=True, slots=True)
class Arrival:
    """One request of a trace: milliseconds since the trace's first request, and its token counts."""

    offset_ms: int
    context_tokens: int
    generated_tokens: int


def arrivals(trace: str) -> list[Arrival]:
    """Every request of the trace ``conv`` or ``code``, oldest first."""
    packed = (
        resources.files("netyield.testing").joinpath("data", f"azure_llm_inference_2023_{trace}.csv.gz").read_bytes()
    )
    rows = list(csv.DictReader(gzip.decompress(packed).decode("ascii").splitlines()))
    first = _ticks(rows[0]["TIMESTAMP"])
    return [
        Arrival((_ticks(row["TIMESTAMP"]) - first) // 10_000, int(row["ContextTokens"]), int(row["GeneratedTokens"]))
        for row in rows
    ]


def _ticks(text: str) -> int:
    """Units of 100 ns since midnight: seven decimals do not fit a datetime, and are not rounded."""
    whole, _, fraction = text.partition(".")
    moment = datetime.fromisoformat(whole)
    return (moment.hour * 3600 + moment.minute * 60 + moment.second) * 10_000_000 + int(fraction.ljust(7, "0"))
