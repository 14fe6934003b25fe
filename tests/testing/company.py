"""The example company as its files tell it: read back with the standard library alone, never with Netyield."""

from __future__ import annotations

import csv
import gzip
import json
import re
from collections import defaultdict
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import Any

LABEL = re.compile(r'(\w+)="([^"]*)"')


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
    def log(self) -> list[dict[str, Any]]:
        paths = sorted((self.folder / "traffic").glob("*.jsonl.gz"))
        return [json.loads(line) for path in paths for line in gzip.decompress(path.read_bytes()).splitlines()]

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
