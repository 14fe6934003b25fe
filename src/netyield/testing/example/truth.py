"""What the example company really spent and wasted: planted amounts, known before any analysis.

Exact: every capacity state in device-microseconds per pool and hour; every step that rests on them or on the bill
alone; priced API attempts; all token counts per verdict. GPU prices are whole pico-dollars per GPU-minute, so capacity
steps are exact in money too, except ``fragmented`` and ``idle`` of the MIG pool (8/132 and 124/132 of an hour's cost,
within ``MIG_TOLERANCE``).

Interval: the active cost of a shared replica by verdict. Within each slot (``SLOT_SECONDS``) of a replica, ``low`` is
the active money of slots in which only requests of that verdict ran, ``high`` that of slots in which any did. Every
rule that divides a slot's active cost among the requests that overlap it lies between, whatever its weights.

Reference: one such rule, computed from the simulation itself. Each active replica-minute's cost is divided over the
requests in it by the time they were being served, every instant shared equally by those served then; inside a request
by tokens. It is no planted fact, only an independent yardstick for an estimate.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

SLOT_SECONDS = (60, 300, 3600)
MIG_TOLERANCE = "0.000001"


@dataclass(slots=True)
class Amount:
    """Dollars as decimal strings; low = high where the amount is exact."""

    low: str
    high: str


@dataclass(slots=True)
class Bill:
    """Totals of the file, and of its part inside the window (a month's line cut by cumulative integers)."""

    rows: int
    file_totals: dict[str, str]
    window_totals: dict[str, str]


@dataclass(slots=True)
class PoolTruth:
    """One pool. Times in device-microseconds by hour (ISO start) and state; money in dollars.

    ``active_us`` splits the active time by use: serving, opaque (active_unattributed), training.<state>.
    """

    gpu_hours_paid: str
    gpu_hours_unused: str
    used_cost: str
    unused_cost: str
    cost_by_hour: dict[str, str]
    state_us: dict[str, dict[str, int]]
    active_us: dict[str, dict[str, int]]
    money_by_state: dict[str, str]
    signal_us: int  # activity ratio x device-microseconds, where the activity is known


@dataclass(slots=True)
class ApiModel:
    """One API model on one day: what the gateway's attempts cost at list price, what was billed, the difference."""

    day: str
    provider: str
    model: str
    priced: str | None
    billed: str
    unreconciled: str | None
    tokens: int


@dataclass(slots=True)
class Verdicts:
    """Tokens and money by verdict, as known at one time. Unpriced attempts are counted apart."""

    tokens: dict[str, dict[str, int]]
    unpriced_tokens: dict[str, dict[str, int]]
    api_money: dict[str, str]
    gpu_money: dict[str, dict[str, Amount]]  # by slot length in seconds
    gpu_reference: dict[str, str]
    steps: dict[str, Amount]  # the whole waterfall, with slots of 300 seconds


@dataclass(slots=True)
class Truth:
    """Everything that was planted. Written beside the data as truth.json."""

    seed: int
    since: str
    until: str
    currency: str
    bill: Bill
    pools: dict[str, PoolTruth]
    api: list[ApiModel]
    attempts: dict[str, int]
    tokens_by_class: dict[str, int]
    engine_tokens: dict[str, dict[str, int]]  # by replica: prompt and generation, from the simulated engine
    early: Verdicts
    late: Verdicts
    planted: dict[str, Any] = field(default_factory=dict)

    def write(self, path: Path) -> None:
        """As JSON, sorted, so that the same seed gives the same bytes."""
        path.write_text(json.dumps(asdict(self), indent=1, sort_keys=True) + "\n", encoding="utf-8")
