"""Iteration times from NVIDIA's aiconfigurator, where it is installed (``pip install "netyield[sizing]"``).

Its estimate of a steady run at each batch gives the table of decoding; prompts are timed by its time to first token
without a queue, which it does well, whereas its own queueing is not used. Its output is not monotone (facts sheet 1.1),
so that the table is the running maximum. A cell without data is refused, never back-filled. The backend's version is
always passed: without it every call reads its files again, for five seconds.
"""

from __future__ import annotations

import importlib
from typing import Any

import numpy as np

from netyield.core.errors import WrongUse
from netyield.economics.serving.roofline import Machine
from netyield.economics.serving.step_time import StepTime

VERSION = "0.12.0"
SYSTEMS = {"A100": "a100_sxm", "H100": "h100_sxm", "H200": "h200_sxm", "B200": "b200_sxm", "GB200": "gb200"}
BATCHES = (1, 4, 16, 64, 128, 256)
SHORT, LONG, OUTPUT = 128, 4096, 256


def step_time(machine: Machine, engine: str, max_batch: int) -> tuple[StepTime, str]:
    """The iteration time and its source. Raises WrongUse when it is not installed or has no data for this cell."""
    try:
        api = importlib.import_module("aiconfigurator.cli.api")
        database = importlib.import_module("aiconfigurator_core.sdk.perf_database")
    except ImportError:
        message = "aiconfigurator is not installed;"
        raise WrongUse(message, 'run: pip install "netyield[sizing]", or leave out --service-time.') from None
    system = SYSTEMS.get(machine.gpu.name)
    version = system and database.get_latest_database_version(system, engine)
    if not system or not version:
        message = f"aiconfigurator {VERSION} has no measured kernels of {engine} on {machine.gpu.name};"
        raise WrongUse(message, "leave out --service-time, or calibrate with your own points.")

    sparse = (machine.model.active_parameters or 0.0) < 0.9 * (machine.model.parameters or 1.0)
    experts = {"moe_tp_size": 1, "moe_ep_size": machine.gpus} if sparse else {}

    def estimate(inputs: int, batch: int) -> Any:
        asked = experts | {
            "model_path": machine.model.repository, "system_name": system, "mode": "static", "backend_name": engine,
            "backend_version": version, "isl": inputs, "osl": OUTPUT, "batch_size": batch, "tp_size": machine.gpus,
        }  # fmt: skip
        try:
            return api.cli_estimate(**asked)
        except (Exception, SystemExit) as error:
            message = f"aiconfigurator {VERSION} has no data for {machine.model.name} on {machine.gpus} {machine.gpu.name} ({error});"
            raise WrongUse(message, "leave out --service-time, or calibrate with your own points.") from None

    batches = [each for each in BATCHES if each <= max_batch]
    short = np.array([estimate(SHORT, each).tpot / 1e3 for each in batches])
    long = np.array([estimate(LONG, each).tpot / 1e3 for each in batches])
    per_context = max(0.0, float(np.median((long - short) / (np.array(batches) * (LONG - SHORT)))))
    without = short - per_context * np.array(batches) * (SHORT + OUTPUT / 2)
    table = np.maximum.accumulate(np.interp(np.arange(max_batch + 1), batches, np.maximum(without, 0.0)))
    first = {inputs: estimate(inputs, 1).ttft / 1e3 for inputs in (SHORT, LONG)}
    prompt = max(0.0, (first[LONG] - first[SHORT]) / (LONG - SHORT))
    return StepTime(
        table, np.zeros(max_batch + 1), per_context, prompt
    ), f"aiconfigurator {VERSION}, {engine} {version}"
