"""How wrong are service times on measured rows? aiconfigurator beside its own silicon sample, and everything Netyield uses.

The sample ships inside ``aiconfigurator-core`` (5,221 measured rows). First each row is given to aiconfigurator as its makers
do; then the iteration times Netyield takes from it, the roofline, and both after calibration, on rows held back.

    make sizing-env                              # aiconfigurator, 850 MB, in .venv-sizing
    python benchmarks/bench_service_time.py
"""

from __future__ import annotations

import contextlib
import csv
import io
import logging
import sys
import warnings
from collections.abc import Callable, Iterable, Mapping
from functools import cache
from importlib import import_module, resources
from pathlib import Path
from typing import Any

import numpy as np

from netyield.core.errors import WrongUse
from netyield.economics.serving import aiconfigurator
from netyield.economics.serving.held_back import (
    LARGEST_BATCH,
    Cell,
    cells,
    evaluate,
    evaluate_fits,
    machine_of,
    nested,
    summary,
)
from netyield.economics.serving.points import shipped
from netyield.economics.serving.step_time import StepTime

ROOT = Path(__file__).parents[1]
SLICES: dict[str, Callable[[Mapping[str, str]], bool]] = {
    "all": lambda _: True,
    "aggregated": lambda row: row["mode"] == "agg",
    "H100 aggregated": lambda row: row["mode"] == "agg" and row["system"] == "h100_sxm",
    "H200 aggregated": lambda row: row["mode"] == "agg" and row["system"] == "h200_sxm",
    "B200 aggregated": lambda row: row["mode"] == "agg" and row["system"] == "b200_sxm",
    "disaggregated": lambda row: row["mode"] == "disagg",
}
WHOLE = (
    "isl", "osl", "batch_size", "tp_size", "pp_size", "attention_dp_size", "moe_tp_size", "moe_ep_size",
)  # fmt: skip
AIM, AIM_H100, AIM_FIVE = 0.185, 0.115, 0.13  # the facts sheet's medians, to the digit it gives


def installed() -> bool:
    """Put ``.venv-sizing`` behind what is installed, if aiconfigurator is only there; is it to be had?"""
    folders = [] if _found() else sorted((ROOT / ".venv-sizing").glob("lib/python3*/site-packages"))
    sys.path += [str(folder) for folder in folders]
    return _found()


def _found() -> bool:
    try:
        import_module("aiconfigurator.cli.api")
    except ImportError:
        return False
    return True


def predicted_rows() -> list[tuple[dict[str, str], float]]:
    """Each row of the sample that aiconfigurator can predict, and said over measured time per output token."""
    api, database = import_module("aiconfigurator.cli.api"), import_module("aiconfigurator_core.sdk.perf_database")
    latest = cache(database.get_latest_database_version)
    text = resources.files("aiconfigurator_core").joinpath("systems", "silicon_sample.csv").read_text(encoding="utf-8")
    rows = list(csv.DictReader(io.StringIO(text, newline="")))
    found = []
    for row in sorted(rows, key=lambda each: (each["system"], each["backend"], each["model_path"])):
        asked = _asked(row) | {"backend_version": latest(row["system"], row["backend"])}
        with contextlib.suppress(Exception, SystemExit), contextlib.redirect_stdout(io.StringIO()):
            said = api.cli_estimate(row["model_path"], row["system"], **asked).tpot
            found.append((row, said / float(row["silicon_tpot_ms"])))
    print(f"{len(rows):,} measured rows, {len(found):,} of which aiconfigurator {aiconfigurator.VERSION} can predict")
    return found


def _asked(row: Mapping[str, str]) -> dict[str, Any]:
    worker = tuple(name for name in row if name.startswith(("prefill_", "decode_"))) if row["mode"] == "disagg" else ()
    words = {name: row[name] for name in ("mode", "gemm_quant_mode", "moe_quant_mode") if row[name]}
    return words | {"backend_name": row["backend"]} | {name: int(row[name]) for name in (*WHOLE, *worker) if row[name]}


@cache
def prior(cell: Cell) -> StepTime | None:
    """Netyield's iteration time from aiconfigurator; None where it has no data."""
    try:
        return aiconfigurator.step_time(machine_of(cell), cell[2], LARGEST_BATCH)[0]
    except WrongUse:
        return None


def line(name: str, ratios: Iterable[float]) -> float:
    """Print one distribution of said over measured; its median absolute error."""
    found = np.asarray(list(ratios))
    if not len(found):
        print(f"{name:<52} none")
        return float("nan")
    median, log_sd = summary(found)
    low, middle, high = np.quantile(found, [0.1, 0.5, 0.9])
    print(
        f"{name:<52} n {len(found):5,}  median error {median:6.1%}  log sd {log_sd:.2f}  P10-50-90 {low:.2f} {middle:.2f} {high:.2f}"
    )
    return median


def main() -> bool:
    """Print every distribution; are those aimed at reached? False as well without aiconfigurator."""
    points = shipped()
    logging.disable(logging.CRITICAL)
    warnings.simplefilter("ignore")  # aiconfigurator divides by the zero of four rows; they have no prediction
    print(f"Shipped points: {len(points):,} in {len(cells(points))} cells; loads seen in calibration are not judged")
    line("roofline", evaluate(points, 0))
    for seen in (1, 3, 5):
        line(f"roofline and {seen} points of the cell", evaluate(points, seen))
    for seen in (3, 5):
        ratios, pulls = nested(points, seen)
        line(f"the same, {seen}, pull {sorted(set(pulls.values()))} chosen on other GPUs", ratios)
    line("cells fitted with their other loads", evaluate_fits(points))
    if not installed():
        print("aiconfigurator is not installed, so its rows are not judged: make sizing-env")
        return False
    rows = predicted_rows()
    medians = {
        name: line(f"aiconfigurator, {name}", (ratio for row, ratio in rows if chosen(row)))
        for name, chosen in SLICES.items()
    }
    line("iteration times from it", evaluate(points, 0, prior))
    for gpu in ("H100", "H200", "B200"):
        line(f"iteration times from it, {gpu}", evaluate([each for each in points if each.gpu == gpu], 0, prior))
    after = {
        seen: line(f"iteration times from it and {seen} points", evaluate(points, seen, prior)) for seen in (1, 3, 5)
    }
    line("the same, 5, pull chosen on other GPUs", nested(points, 5, prior)[0])
    reached = medians["all"] <= AIM and medians["H100 aggregated"] <= AIM_H100 and after[5] <= AIM_FIVE
    print(
        f"aim: median {AIM:.1%}, {AIM_H100:.1%} on H100, {AIM_FIVE:.0%} with five points: {'reached' if reached else 'not reached'}"
    )
    return reached


if __name__ == "__main__":
    sys.exit(0 if main() else 1)
