"""Unfilled serving capacity: what would the same tokens have cost at the rate this fleet itself reaches when it is full?

An annotation. It never posts: the money stays where evidence put it, and beside it stands "$X of this would have served
the same tokens at the reference rate". Modelled, from tokens that were counted; no figure comes from GPU utilisation or
memory, which read the same at a tenth of the output (facts sheet on GPU telemetry, sections 4 and 10).

    work       = prefill weight / decode weight * computed input tokens + output tokens    (output-token equivalents)
    rate       = work / active GPU-hours
    reference  = P90 (nearest rank) of the rates of busy hours of the same model, GPU and engine version
    unfilled   = active money - sum(active money of an hour * its rate / reference), at least 0

A busy hour is an hour of one replica that was active for at least half of it, with tokens, wholly observed, and within
the latency objective. Below 100 of them nothing is said. The bounds use the rates between which the true P90 lies in 95
of 100 samples of independent hours (order statistics, 1.96 sigma of the binomial); hours of one day are alike, so that
the true interval is rather wider.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

Floats = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]
HOUR_US = 3_600_000_000
BUSY_HOURS = 100
REFERENCE_QUANTILE = 0.90
SIGMAS = 1.96
# A reference hour may miss one reading in twenty, and ten minutes between two readings of its counters.
SEEN_SHARE = 0.95
LONGEST_GAP_US = 600_000_000
PICO_STEP = 10**6  # a modelled amount is told to a millionth of a currency unit


@dataclass(frozen=True, slots=True)
class Objective:
    """What was declared in [serving]: latency in seconds, peak as a multiple of the busiest hour, replicas to spare."""

    ttft_seconds_p95: float | None = None
    tpot_seconds_p95: float | None = None
    peak_factor: float = 1.0
    spare_replicas: int = 1

    @property
    def declared(self) -> bool:
        """Whether any latency was declared."""
        return self.ttft_seconds_p95 is not None or self.tpot_seconds_p95 is not None


@dataclass(frozen=True, slots=True)
class Unfilled:
    """One model on one GPU and engine version. Amounts in pico-units; null = not measured, ``status`` says why.

    ``active_pico``: active money of the hours whose tokens were counted. ``headroom_pico``: the part of ``unfilled_pico``
    that the declared peak and the spare replicas require.
    """

    model: str
    gpu_model: str
    engine_version: str | None
    busy_hours: int
    reference_tokens_per_gpu_hour: float | None
    active_pico: int
    at_reference_pico: int | None
    unfilled_pico: int | None
    unfilled_low_pico: int | None
    unfilled_high_pico: int | None
    headroom_pico: int | None
    status: str


def unfilled(hours: pa.Table, objective: Objective, chosen: Mask | None = None) -> list[Unfilled]:
    """One row per model, GPU and engine version that served counted tokens, the largest active money first.

    ``hours``: replica_hours of the window. ``chosen``: the hours whose money is asked for; all others still take part in
    the reference.
    """
    counted = np.asarray(
        pc.and_(pc.is_valid(hours.column("input_tokens")), pc.is_valid(hours.column("output_tokens"))), dtype=np.bool_
    )
    counted &= (_numbers(hours, "input_tokens") + _numbers(hours, "output_tokens") > 0) & (
        _numbers(hours, "active_us") > 0
    )
    wanted = counted if chosen is None else counted & chosen
    names = [pc.fill_null(hours.column(name), "") for name in ("model", "gpu_model", "engine_version")]
    keys = np.asarray(pc.binary_join_element_wise(*names, "\x1f").to_pylist(), dtype=object)
    rows = []
    for key in sorted(set(keys[wanted])):
        group = hours.filter(pa.array((keys == key) & counted))
        rows.append(_judge(key.split("\x1f"), group, wanted[(keys == key) & counted], objective))
    return sorted(rows, key=lambda row: (-row.active_pico, row.model, row.gpu_model, row.engine_version or ""))


def _numbers(table: pa.Table, name: str) -> Floats:
    """A column as floats, null as 0."""
    return np.asarray(pc.fill_null(table.column(name).cast(pa.float64()), 0.0), dtype=np.float64)


def work(group: pa.Table) -> Floats:
    """Output-token equivalents of every hour; one exchange rate for the group, the median of its replicas'."""
    exchange = float(np.median(_numbers(group, "prefill_weight") / _numbers(group, "decode_weight")))
    return exchange * _numbers(group, "input_tokens") + _numbers(group, "output_tokens")


def busy(group: pa.Table) -> Mask:
    """Hours of which at least half was active and that were wholly observed."""
    held, wall, unseen = (_numbers(group, name) for name in ("device_us", "wall_us", "unknown_us"))
    share = np.divide(_numbers(group, "active_us") * wall, held * HOUR_US, out=np.zeros_like(held), where=held > 0)
    return np.asarray(
        (share >= 0.5) & (held >= SEEN_SHARE * (held + unseen)) & (_numbers(group, "gap_us") <= LONGEST_GAP_US),
        dtype=np.bool_,
    )


def within(group: pa.Table, objective: Objective) -> Mask:
    """Hours known to have kept every declared latency; an hour without a measurement did not."""
    kept = np.full(group.num_rows, objective.declared)
    for name, limit in (("ttft_p95_us", objective.ttft_seconds_p95), ("tpot_p95_us", objective.tpot_seconds_p95)):
        if limit is not None:
            known = np.asarray(pc.is_valid(group.column(name)), dtype=np.bool_)
            kept &= known & (_numbers(group, name) <= limit * 1_000_000)
    return np.asarray(kept, dtype=np.bool_)


def _judge(names: list[str], group: pa.Table, wanted: Mask, objective: Objective) -> Unfilled:
    model, gpu_model, version = names
    usable = busy(group) & within(group, objective)
    done, active_hours = work(group), _numbers(group, "active_us") / HOUR_US
    rates = np.sort((done / active_hours)[usable])
    asked = group.filter(pa.array(wanted))
    active = sum((int(v) for v in asked.column("active_pico").to_pylist()), 0)
    why = _unmeasured(model, gpu_model, objective, len(rates))
    if why:
        return Unfilled(model, gpu_model, version or None, len(rates), None, active, None, None, None, None, None, why)
    low, reference, high = (float(rates[rank - 1]) for rank in ranks(len(rates)))
    money = _numbers(asked, "active_pico") * (done / active_hours)[wanted]
    at_reference, most, least = (_rounded(float(np.sum(money)) / rate) for rate in (reference, low, high))
    free = max(0, active - at_reference)
    needed = _headroom(asked, done[wanted] / reference, objective)
    return Unfilled(
        model,
        gpu_model,
        version or None,
        len(rates),
        reference,
        active,
        at_reference,
        free,
        max(0, active - most),
        max(0, active - least),
        min(free, _rounded(needed)),
        f"modelled from {len(rates)} busy hours",
    )


def ranks(count: int) -> tuple[int, int, int]:
    """Ranks (from 1) of the lower bound, the P90 and the upper bound in ``count`` sorted rates."""
    middle, spread = (
        REFERENCE_QUANTILE * count,
        SIGMAS * math.sqrt(count * REFERENCE_QUANTILE * (1 - REFERENCE_QUANTILE)),
    )
    nearest = -(-count * 9 // 10)  # ceil of 0.9 * count in whole numbers
    return max(1, math.floor(middle - spread)), nearest, min(count, math.ceil(middle + spread))


def _unmeasured(model: str, gpu_model: str, objective: Objective, count: int) -> str:
    if not objective.declared:
        return "not measured (no latency objective in [serving])"
    if not model or not gpu_model:
        return f"not measured (the {'GPU' if model else 'model'} is unknown)"
    return "" if count >= BUSY_HOURS else f"not measured ({count} of {BUSY_HOURS} busy hours)"


def _rounded(pico: float) -> int:
    return round(pico / PICO_STEP) * PICO_STEP


def _headroom(asked: pa.Table, needed: Floats, objective: Objective) -> float:
    """Money of active GPU time beyond the need of its hour that the declared peak and spare replicas keep ready.

    Required GPUs = peak factor * busiest hour's need + spare replicas * GPUs of a replica. In every hour that counts up
    to the GPU time that was active; standing by idle is money of another step.
    """
    starts, where = np.unique(asked.column("hour_us").to_numpy(), return_inverse=True)
    active = np.bincount(where, _numbers(asked, "active_us") / HOUR_US, len(starts))
    money = np.bincount(where, _numbers(asked, "active_pico"), len(starts))
    need = np.bincount(where, needed, len(starts))
    size = float(np.median(_numbers(asked, "device_us") / np.maximum(_numbers(asked, "wall_us"), 1.0)))
    required = objective.peak_factor * float(np.max(need)) + objective.spare_replicas * size
    return float(np.sum(np.maximum(0.0, np.minimum(active, required) - need) * money / active))
