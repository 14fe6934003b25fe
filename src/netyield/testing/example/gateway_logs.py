"""Writes the three request logs, a file per day each, in the order in which calls ended."""

from __future__ import annotations

import gzip
import json
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path

from netyield.testing.example.attempt import Attempt
from netyield.testing.example.litellm_log import payload, spend_row
from netyield.testing.example.plan import DAY_MS, DAYS, START
from netyield.testing.example.product_log import product_row

WRITERS = {
    "spend": ("litellm/spend_logs", spend_row),
    "payload": ("litellm/payloads", payload),
    "requests": ("products/requests", product_row),
}


def write_all(folder: Path, attempts: Sequence[Attempt]) -> None:
    """litellm/spend_logs-<day>.jsonl.gz, litellm/payloads-<day>.jsonl.gz, products/requests-<day>.jsonl.gz."""
    for log, (name, record) in WRITERS.items():
        for day in range(DAYS):
            mine = [attempt for attempt in attempts if attempt.log == log and attempt.end_ms // DAY_MS == day]
            mine.sort(key=lambda attempt: (attempt.end_ms, attempt.number))
            text = "".join(json.dumps(record(attempt), separators=(",", ":")) + "\n" for attempt in mine)
            path = folder / f"{name}-{START + timedelta(days=day):%Y-%m-%d}.jsonl.gz"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(gzip.compress(text.encode(), compresslevel=3, mtime=0))
