"""Adds up tokens and money by verdict: exactly where a request has its own price, else as an interval."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal

import numpy as np
from numpy.typing import NDArray

from netyield.core.money import from_pico, split, text
from netyield.testing.example.apps import PRICES, UNKNOWN_MODEL
from netyield.testing.example.attempt import Attempt
from netyield.testing.example.capacity import CODE, Track
from netyield.testing.example.plan import MINUTE_MS, MINUTES, PODS, pool
from netyield.testing.example.serving import minutes_of
from netyield.testing.example.truth import SLOT_SECONDS, Amount, Verdicts

Interval = tuple[int, int]  # pico-dollars
EVEN_PARTS = 720_720  # divisible by every number up to 16, so that an instant is shared by whole parts
Table = dict[str, dict[str, int]]


def verdicts(
    attempts: Sequence[Attempt], tracks: Sequence[Track], fixed: Mapping[str, Decimal], late: bool
) -> Verdicts:
    """Tokens and money by verdict; ``fixed`` are the steps that do not depend on verdicts."""
    tokens: Table = defaultdict(lambda: defaultdict(int))
    unpriced: Table = defaultdict(lambda: defaultdict(int))
    api: dict[str, int] = defaultdict(int)
    for attempt in attempts:
        for step, name, count in attempt.lots(late):
            (unpriced if attempt.model == UNKNOWN_MODEL else tokens)[step][name] += count
            if attempt.model in PRICES:
                rates = PRICES[attempt.model]
                api[step] += count * (getattr(rates, name) if name.startswith("in_") else rates.out)
    served = [attempt for attempt in attempts if attempt.replica]
    money = serving_pico(tracks)
    gpu = {str(seconds): _intervals(served, money, late, seconds // 60) for seconds in SLOT_SECONDS}
    steps = {name: (amount, amount) for name, amount in fixed.items()}
    for name in {*api, *gpu["300"]}:
        low, high = gpu["300"].get(name, (0, 0))
        steps[name] = (from_pico(low + api.get(name, 0)), from_pico(high + api.get(name, 0)))
    return Verdicts(
        tokens=_plain(tokens),
        unpriced_tokens=_plain(unpriced),
        api_money=_dollars(api),
        gpu_money={seconds: {k: _amount(v) for k, v in sorted(found.items())} for seconds, found in gpu.items()},
        gpu_reference=_dollars(_reference(served, money, late)),
        steps={name: Amount(text(low), text(high)) for name, (low, high) in sorted(steps.items())},
    )


def _plain(table: Mapping[str, Mapping[str, int]]) -> Table:
    return {key: dict(sorted(row.items())) for key, row in sorted(table.items())}


def _dollars(amounts: Mapping[str, int]) -> dict[str, str]:
    return {key: text(from_pico(amount)) for key, amount in sorted(amounts.items())}


def _amount(interval: Interval) -> Amount:
    return Amount(text(from_pico(interval[0])), text(from_pico(interval[1])))


def serving_pico(tracks: Iterable[Track]) -> dict[str, NDArray[np.int64]]:
    """Active serving money per replica and minute, in pico-dollars."""
    money: dict[str, NDArray[np.int64]] = {}
    for track in tracks:
        price = pool(track.node.pool).pico_per_gpu_minute
        for minute in np.flatnonzero(track.states == CODE["active"]).tolist():
            holder = PODS[int(track.use[minute])]
            if holder.use == "serving":
                money.setdefault(holder.name, np.zeros(MINUTES, dtype=np.int64))[minute] += price
    return money


def _intervals(
    served: Sequence[Attempt], money: Mapping[str, NDArray[np.int64]], late: bool, minutes_per_slot: int
) -> dict[str, Interval]:
    """Least and most each step can get when a slot's money stays with the requests that overlap the slot."""
    steps: dict[tuple[str, int], set[str]] = defaultdict(set)
    for attempt in served:
        named = {lot[0] for lot in attempt.lots(late)}
        for minute in minutes_of(attempt):
            steps[attempt.replica, minute // minutes_per_slot] |= named
    low: dict[str, int] = defaultdict(int)
    high: dict[str, int] = defaultdict(int)
    for replica, by_minute in money.items():
        by_slot = by_minute.reshape(-1, minutes_per_slot).sum(axis=1)
        for slot in np.flatnonzero(by_slot).tolist():
            named = steps[replica, slot]
            for step in named:
                high[step] += int(by_slot[slot])
                low[step] += int(by_slot[slot]) if len(named) == 1 else 0
    return {step: (low[step], high[step]) for step in high}


def _reference(served: Sequence[Attempt], money: Mapping[str, NDArray[np.int64]], late: bool) -> dict[str, int]:
    """Active money by step when every instant is shared equally by the requests served in it."""
    found: dict[str, int] = defaultdict(int)
    for replica, by_minute in money.items():
        mine = [attempt for attempt in served if attempt.replica == replica and attempt.occupies]
        for minute, parts in _shares(mine).items():
            numbers = sorted(parts)
            keys = [f"{number:08d}" for number in numbers]
            amounts = split(int(by_minute[minute]), [parts[number] for number in numbers], keys)
            for number, amount in zip(numbers, amounts, strict=True):
                lots = mine[number].lots(late)
                names = [f"{step}/{name}" for step, name, _ in lots]
                for lot, part in zip(lots, split(amount, [lot[2] for lot in lots], names), strict=True):
                    found[lot[0]] += part
    return dict(found)


def _shares(mine: Sequence[Attempt]) -> dict[int, dict[int, int]]:
    """Per minute, the parts of it each attempt (by place) was served for."""
    moments: list[tuple[int, int, int]] = []
    for number, attempt in enumerate(mine):
        moments += [(attempt.start_ms, 1, number), (attempt.end_ms, 0, number)]
        moments += [(minute * MINUTE_MS, 2, -1) for minute in minutes_of(attempt)]
    shares: dict[int, dict[int, int]] = defaultdict(lambda: defaultdict(int))
    running: set[int] = set()
    before = 0
    for moment, kind, number in sorted(moments):
        for member in running if moment > before else ():
            shares[before // MINUTE_MS][member] += (moment - before) * EVEN_PARTS // len(running)
        before = moment
        if kind == 1:
            running.add(number)
        elif kind == 0:
            running.discard(number)
    return shares
