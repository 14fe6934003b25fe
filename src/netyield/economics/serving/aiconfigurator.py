"""Iteration times from NVIDIA's aiconfigurator, where it is installed (``pip install "netyield[sizing]"``).

Its estimate of a steady run at each batch gives the table of decoding; prompts are timed by its time to first token
without a queue, which it does well, whereas its own queueing is not used. Its output is not monotone (facts sheet 1.1),
so that the table is the running maximum. A cell without data is refused, never back-filled, and a model whose
configuration does not ship with it is not fetched from anywhere. The backend's version is always passed: without it every
call reads its files again, for five seconds. Its error is measured by ``benchmarks/bench_service_time.py``.
"""

from __future__ import annotations

import contextlib
import importlib
import io
import logging
from collections.abc import Iterator, Mapping, Sequence
from importlib import resources
from typing import Any

import numpy as np

from netyield.core.errors import WrongUse
from netyield.economics.serving.points import plain_name
from netyield.economics.serving.roofline import Machine
from netyield.economics.serving.step_time import StepTime

VERSION = "0.12.0"
# Not GB200: on the few rows measured there it is wrong by a factor of fifteen.
SYSTEMS = {"A100": "a100_sxm", "H100": "h100_sxm", "H200": "h200_sxm", "B200": "b200_sxm"}
BATCHES = (1, 4, 16, 64, 128, 256)
SHORT, LONG, OUTPUT = 128, 4096, 256
# Kernels of a precision as it names them, (dense, experts), the usual ones first; which have data differs by cell.
KERNELS = {
    "bf16": (("bfloat16", "bfloat16"),),
    "fp8": (("fp8", "fp8_block"), ("fp8", "fp8"), ("fp8_block", "fp8_block")),
    "fp4": (("nvfp4", "nvfp4"), ("bfloat16", "w4a16_mxfp4")),
    "int4": (("int4_wo", "int4_wo"),),
}
CACHES = {"bf16": "bfloat16", "fp8": "fp8", "int8": "int8"}


def step_time(machine: Machine, engine: str, max_batch: int) -> tuple[StepTime, str]:
    """The iteration time and its source. Raises WrongUse when it is not installed or has no data for this cell."""
    with _quietly():
        try:
            api = importlib.import_module("aiconfigurator.cli.api")
            database = importlib.import_module("aiconfigurator_core.sdk.perf_database")
        except ImportError:
            message = "aiconfigurator is not installed;"
            raise WrongUse(message, 'run: pip install "netyield[sizing]", or leave out --service-time.') from None
        system = SYSTEMS.get(machine.gpu.name)
        version = system and database.get_latest_database_version(system, engine)
        if not system or not version:
            what = f"measured kernels of {engine} on {machine.gpu.name}"
            raise _refused(what)
        base = {
            "model_path": _bundled(machine), "system_name": system, "mode": "static", "backend_name": engine,
            "backend_version": version, "osl": OUTPUT, "tp_size": machine.gpus,
        }  # fmt: skip
        reasons = []
        for more in _variants(machine):
            try:
                return _table(api.cli_estimate, base | more, max_batch), _words(engine, version, more)
            except (Exception, SystemExit) as error:  # it raises every kind, and exits where a file is missing
                reasons.append(str(error).partition("\n")[0])
    cell = f"{machine.model.name} in {machine.weights} on {machine.gpus} {machine.gpu.name}"
    what = f"data for {cell} ({(reasons or ['no kernel of this precision'])[0][:200]})"
    raise _refused(what)


def _variants(machine: Machine) -> Iterator[dict[str, Any]]:
    """What may stand for this machine: its precision's kernels, and experts split as tensors or each on its GPU."""
    sparse = (machine.model.active_parameters or 0.0) < 0.9 * (machine.model.parameters or 1.0)
    cache = {"kvcache_quant_mode": CACHES[machine.cache]} if machine.cache in CACHES else {}
    for dense, experts in KERNELS.get(machine.weights, ()):
        if not sparse:
            yield {"gemm_quant_mode": dense} | cache
            continue
        for split in ((machine.gpus, 1), (1, machine.gpus))[: 1 + (machine.gpus > 1)]:
            sizes = {"moe_tp_size": split[0], "moe_ep_size": split[1]}
            yield {"gemm_quant_mode": dense, "moe_quant_mode": experts} | sizes | cache


def _table(estimate: Any, base: Mapping[str, Any], max_batch: int) -> StepTime:
    batches = [each for each in BATCHES if each <= max_batch]

    def run(inputs: int, batch: int) -> Any:
        return estimate(**base, isl=inputs, batch_size=batch)

    short = np.array([run(SHORT, each).tpot / 1e3 for each in batches])
    long = np.array([run(LONG, each).tpot / 1e3 for each in batches])
    per_context = max(0.0, float(np.median((long - short) / (np.array(batches) * (LONG - SHORT)))))
    without = short - per_context * np.array(batches) * (SHORT + OUTPUT / 2)
    table = np.maximum.accumulate(_extended(batches, np.maximum(without, 0.0), max_batch))
    first = {inputs: run(inputs, 1).ttft / 1e3 for inputs in (SHORT, LONG)}
    prompt = max(0.0, (first[LONG] - first[SHORT]) / (LONG - SHORT))
    return StepTime(table, np.zeros(max_batch + 1), per_context, prompt)


def _extended(batches: Sequence[int], seconds: np.ndarray[Any, np.dtype[np.float64]], max_batch: int) -> Any:
    """Between the batches asked for by a line, beyond the largest by the line of the last two."""
    table = np.interp(np.arange(max_batch + 1), batches, seconds)
    if max_batch > batches[-1] and len(batches) > 1:
        slope = max(0.0, float(seconds[-1] - seconds[-2]) / (batches[-1] - batches[-2]))
        table[batches[-1] :] = seconds[-1] + slope * np.arange(max_batch - batches[-1] + 1)
    return table


def _bundled(machine: Machine) -> str:
    """The id under which it ships this model's configuration: spelling matters, another one would be fetched."""
    folder = resources.files("aiconfigurator_core").joinpath("model_configs")
    names = [each.name for each in folder.iterdir()]
    ids = [name.removesuffix("_config.json").replace("--", "/") for name in names if name.endswith("_config.json")]
    if machine.model.repository in ids:
        return machine.model.repository
    wanted = plain_name(machine.model.repository or machine.model.name)
    alike = sorted((each for each in ids if plain_name(each) == wanted), key=lambda each: (len(each), each))
    if not alike:
        what = f"configuration of {machine.model.name}"
        raise _refused(what)
    return alike[0]


def _words(engine: str, version: str, variant: Mapping[str, Any]) -> str:
    kernels = "/".join(str(variant[name]) for name in ("gemm_quant_mode", "moe_quant_mode") if name in variant)
    return f"aiconfigurator {VERSION}, {engine} {version}, {kernels} kernels"


def _refused(what: str) -> WrongUse:
    return WrongUse(
        f"aiconfigurator {VERSION} has no {what};", "leave out --service-time, or calibrate with your own points."
    )


@contextlib.contextmanager
def _quietly() -> Iterator[None]:
    """Nothing of what it prints and logs: standard output is an answer's alone."""
    before = logging.root.manager.disable
    logging.disable(logging.CRITICAL)
    try:
        with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
            yield
    finally:
        logging.disable(before)
