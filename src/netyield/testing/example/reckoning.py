"""Adds up the plan into the truth. Nothing here reads a written file or knows how Netyield counts."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import timedelta
from decimal import Decimal

import numpy as np

from netyield.core.money import from_pico, text
from netyield.core.period import iso
from netyield.testing.example.apps import PRICES, UNKNOWN_MODEL
from netyield.testing.example.attempt import Attempt
from netyield.testing.example.bill_rows import HOURS, Line
from netyield.testing.example.bill_tokens import api_tokens
from netyield.testing.example.capacity import CODE, STATES, Track
from netyield.testing.example.litellm_log import list_price_pico
from netyield.testing.example.plan import DAY_MS, MIG_STRANDED, MIG_TOTAL, MINUTE_US, PODS, POOLS, START, Pool
from netyield.testing.example.truth import ApiModel, Bill, PoolTruth

COSTS = {
    "BilledCost": "billed_cost",
    "EffectiveCost": "effective_cost",
    "ListCost": "list_cost",
    "ContractedCost": "contracted_cost",
}
HOUR_MINUTES = 60


def bill_truth(bill: Sequence[Line]) -> Bill:
    """Totals of the four cost columns."""
    file = {name: sum((getattr(line, column) for line in bill), Decimal(0)) for name, column in COSTS.items()}
    window = {
        name: sum((line.in_window(getattr(line, column), HOURS) for line in bill), Decimal(0))
        for name, column in COSTS.items()
    }
    return Bill(len(bill), {k: text(v) for k, v in file.items()}, {k: text(v) for k, v in window.items()})


def bill_steps(bill: Sequence[Line]) -> dict[str, Decimal]:
    """Steps that rest on the bill alone."""
    steps: dict[str, Decimal] = defaultdict(Decimal)
    for line in bill:
        if line.step:
            steps[line.step] += line.in_window(line.effective_cost, HOURS)
    return dict(steps)


def _weight(track: Track) -> tuple[int, int]:
    """The part of its device a track stands for."""
    part = next((part for part in track.node.mig if part.instance_id == track.slice_id), None)
    return (part.multiprocessors, MIG_TOTAL) if part else (1, 1)


def use_of(track: Track, minute: int) -> str:
    """What the active time of that minute is: serving, active_unattributed or training.<state>."""
    holder = PODS[int(track.use[minute])]
    named = {"serving": "serving", "opaque": "active_unattributed"}
    return named.get(holder.use) or f"training.{holder.result}"


def pool_truth(own: Pool, tracks: Sequence[Track], bill: Sequence[Line]) -> PoolTruth:
    """States, uses and money of one pool."""
    mine = [track for track in tracks if track.node.pool == own.name]
    states: dict[str, dict[str, int]] = {}
    uses: dict[str, dict[str, int]] = {}
    for hour in range(HOURS):
        stamp = iso(START + timedelta(hours=hour))
        minutes = slice(hour * HOUR_MINUTES, (hour + 1) * HOUR_MINUTES)
        by_state, by_use = _hour(mine, minutes)
        if by_state:
            states[stamp] = by_state
        if by_use:
            uses[stamp] = by_use
    paid_us = sum(sum(row.values()) for row in states.values())
    money: dict[str, int] = defaultdict(int)
    for row in states.values():
        for state, us in row.items():
            money[state] += us * own.pico_per_gpu_minute // MINUTE_US
    used = [line for line in bill if line.pool == own.name and line.step == "" and line.category == "Usage"]
    unused = [line for line in bill if line.pool == own.name and line.step == "commitment_unused"]
    by_hour: dict[str, Decimal] = defaultdict(Decimal)
    for line in used:
        by_hour[iso(START + timedelta(hours=line.start_hour))] += line.effective_cost
    unused_gpus = sum(int(str((line.details or {})["GpuCount"])) for line in unused)
    signal = sum(int(np.rint(track.signal[track.states == CODE["active"]] * 10_000).sum()) for track in mine)
    return PoolTruth(
        text(Decimal(paid_us) / 3_600_000_000),
        str(unused_gpus),
        text(sum(by_hour.values(), Decimal(0))),
        text(sum((line.effective_cost for line in unused), Decimal(0))),
        {k: text(v) for k, v in by_hour.items()},
        states,
        uses,
        {state: text(from_pico(pico)) for state, pico in money.items()},
        signal * MINUTE_US // 10_000,
    )


def _hour(tracks: Sequence[Track], minutes: slice) -> tuple[dict[str, int], dict[str, int]]:
    by_state: dict[str, int] = defaultdict(int)
    by_use: dict[str, int] = defaultdict(int)
    for track in tracks:
        top, bottom = _weight(track)
        numbers, counts = np.unique(track.states[minutes], return_counts=True)
        for number, count in zip(numbers.tolist(), counts.tolist(), strict=True):
            if STATES[number] != "unpaid":
                by_state[STATES[number]] += count * MINUTE_US * top // bottom
        for minute in np.flatnonzero(track.states[minutes] == CODE["active"]):
            by_use[use_of(track, minutes.start + int(minute))] += MINUTE_US
    if any(track.slice_id for track in tracks):
        whole = HOUR_MINUTES * MINUTE_US
        by_state["fragmented"] = whole * MIG_STRANDED // MIG_TOTAL
        by_state["idle"] = whole - by_state["fragmented"]
    return dict(by_state), dict(by_use)


def api_truth(attempts: Sequence[Attempt], bill: Sequence[Line]) -> list[ApiModel]:
    """Priced, billed and unreconciled money per day and model."""
    billed: dict[tuple[int, str], Decimal] = defaultdict(Decimal)
    providers: dict[str, str] = {}
    for line in bill:
        if line.details and "x_ModelId" in line.details:
            model = str(line.details["x_ModelId"])
            billed[line.start_hour // 24, model] += line.effective_cost
            providers[model] = line.provider
    tokens: dict[tuple[int, str], int] = defaultdict(int)
    for (day, model, _), count in api_tokens(attempts).items():
        tokens[day, model] += count
    priced: dict[tuple[int, str], int] = defaultdict(int)
    for attempt in attempts:
        priced[attempt.start_ms // DAY_MS, attempt.model] += list_price_pico(attempt)
    rows = []
    for (day, model), amount in sorted(billed.items()):
        known = model in PRICES or model != UNKNOWN_MODEL
        paid = from_pico(priced[day, model])
        rows.append(
            ApiModel(
                iso(START + timedelta(days=day)),
                providers[model],
                model,
                text(paid) if known else None,
                text(amount),
                text(amount - paid) if known else None,
                tokens[day, model],
            )
        )
    return rows


def fixed_steps(bill: Sequence[Line], pools: Mapping[str, PoolTruth], api: Sequence[ApiModel]) -> dict[str, Decimal]:
    """Every step that does not depend on verdicts."""
    steps: dict[str, Decimal] = defaultdict(Decimal, bill_steps(bill))
    for own in POOLS:
        for state, amount in pools[own.name].money_by_state.items():
            if state != "active":
                steps[state] += Decimal(amount)
        for row in pools[own.name].active_us.values():
            for use, us in row.items():
                if use != "serving":
                    steps[use] += from_pico(us // MINUTE_US * own.pico_per_gpu_minute)
    for line in api:
        if line.unreconciled is None:
            steps["unpriced"] += Decimal(line.billed)
        else:
            steps["unreconciled"] += Decimal(line.unreconciled)
    return dict(steps)
