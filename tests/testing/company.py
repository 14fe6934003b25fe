"""The example company as its files tell it: read back with the standard library alone, never with Netyield."""

from __future__ import annotations

import csv
import gzip
import json
import re
from collections import defaultdict
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import Any

LABEL = re.compile(r'(\w+)="([^"]*)"')


@dataclass(frozen=True)
class Call:
    """One attempt in any log's words; times in whole milliseconds."""

    call: str
    app: str
    provider: str
    model: str
    replica: str
    start_ms: int
    end_ms: int
    prompt: int
    completion: int
    retry_of: str
    run: str
    record: dict[str, Any]


class Company:
    """The files of one generated folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @cached_property
    def truth(self) -> dict[str, Any]:
        return json.loads((self.folder / "truth.json").read_text())

    @cached_property
    def bill(self) -> list[dict[str, str]]:
        with (self.folder / "bill" / "focus_1.4.csv").open(newline="") as stream:
            return list(csv.DictReader(stream))

    @cached_property
    def calls(self) -> list[Call]:
        """Every attempt of the three logs."""
        found = []
        logs = (("litellm/spend_logs", _spend), ("litellm/payloads", _payload), ("products/requests", _product))
        for name, read in logs:
            for path in sorted(self.folder.glob(f"{name}-*.jsonl.gz")):
                found += [read(json.loads(line)) for line in gzip.decompress(path.read_bytes()).splitlines()]
        return found

    def outcomes(self, *, late: bool) -> list[dict[str, Any]]:
        paths = (self.folder / ("outcomes/late" if late else "outcomes")).glob("*.jsonl")
        return [json.loads(line) for path in paths for line in path.read_text().splitlines()]

    @cached_property
    def metrics(self) -> dict[str, dict[tuple[tuple[str, str], ...], dict[int, float]]]:
        """Metric name to labels to {unix seconds: value}."""
        found: dict[str, dict[tuple[tuple[str, str], ...], dict[int, float]]] = defaultdict(lambda: defaultdict(dict))
        parsed: dict[str, tuple[str, tuple[tuple[str, str], ...]]] = {}
        for path in sorted((self.folder / "metrics").glob("*.om.gz")):
            for line in gzip.decompress(path.read_bytes()).decode().splitlines():
                if line.startswith("#"):
                    continue
                series, value, seconds = line.rsplit(" ", 2)
                if series not in parsed:
                    parsed[series] = (series.split("{")[0], tuple(LABEL.findall(series)))
                name, labels = parsed[series]
                found[name][labels][int(seconds)] = float(value)
        return found


def seconds(text: str) -> float:
    """Unix seconds of an ISO time."""
    return datetime.fromisoformat(text).timestamp()


def _spend(row: dict[str, Any]) -> Call:
    return _litellm(row, *(round(seconds(row[name]) * 1000) for name in ("startTime", "endTime")))


def _payload(row: dict[str, Any]) -> Call:
    return _litellm(row, *(round(row[name] * 1000) for name in ("startTime", "endTime")))


def _litellm(row: dict[str, Any], start_ms: int, end_ms: int) -> Call:
    tags = dict(tag.split(":", 1) for tag in row["request_tags"])
    base = row["api_base"]
    first, retried, _ = row["litellm_call_id"].partition("-attempt-")
    replica = base.split("//")[1].split(".")[0] if base.startswith("http://") else ""
    used = (row["prompt_tokens"], row["completion_tokens"])
    asked = (row["custom_llm_provider"], row["model"])
    known = (row["litellm_call_id"], tags["app"], *asked, replica, start_ms, end_ms, *used)
    return Call(*known, first if retried else "", tags.get("agent_run_id", ""), row)


def _product(row: dict[str, Any]) -> Call:
    start_ms, end_ms = (round(seconds(row[name]) * 1000) for name in ("started", "ended"))
    used = (row["prompt_tokens"], row["answer_tokens"])
    known = (
        row["call"],
        row["product"],
        row["provider"],
        row["model"],
        row.get("server", ""),
        start_ms,
        end_ms,
        *used,
    )
    return Call(*known, row.get("retry_of", ""), "", row)
