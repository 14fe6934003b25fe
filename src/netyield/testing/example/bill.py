"""The example company's bill for the window, with everything planted in it."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from pathlib import Path

from netyield.testing.example.attempt import Attempt
from netyield.testing.example.bill_gpu import gpu_lines
from netyield.testing.example.bill_other import platform, rest, seats
from netyield.testing.example.bill_rows import Line
from netyield.testing.example.bill_tokens import api_lines
from netyield.testing.example.focus_columns import COST_AND_USAGE
from netyield.testing.example.plan import POOLS


def lines(attempts: Sequence[Attempt]) -> list[Line]:
    """Every line of the bill."""
    gpus = [line for pool in POOLS for line in gpu_lines(pool)]
    return [*gpus, *api_lines(attempts), *seats(), *platform(), *rest()]


def write_bill(path: Path, bill: Sequence[Line]) -> None:
    """The bill as a FOCUS 1.4 CSV file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.DictWriter(stream, COST_AND_USAGE, lineterminator="\n")
        writer.writeheader()
        writer.writerows(line.row() for line in bill)
