"""Six answers of an invented company, as the answers room hands them to a face.

The figures only have to be shaped like real ones: money is DECIMAL(38,12), rows sum to the total, one step has no
source ("not measured"), one bound is unbounded, one heat-map hour is unknown, and one team is hostile.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pyarrow as pa

from netyield.answers.answer import Answer, AnswerColumn
from netyield.core.finding import Finding, Severity
from netyield.core.money import MONEY, text
from netyield.core.period import Period, iso

WINDOW = Period(datetime(2026, 10, 1, tzinfo=UTC), datetime(2026, 10, 15, tzinfo=UTC))
AS_OF = "2026-11-01T00:00:00Z"
HOSTILE = "</script><script>alert(1)</script>"
STEPS: list[tuple[str, str, str | None, str, str]] = [
    ("commitment_unused", "Unused commitment", "5120.25", "measured", "bill rows marked Unused"),
    ("down", "Down", "1310.4", "measured", "node not ready"),
    ("unallocated", "Unallocated", "18990.75", "measured", "no pod holds the GPU"),
    ("fragmented", "Fragmented (no slice fits)", None, "measured", "needs the MIG layout of each GPU"),
    ("idle", "Idle while allocated", "21480.1", "measured", "DCGM_FI_PROF_SM_ACTIVE is 0"),
    ("training.completed", "Training: completed jobs", "9200", "measured", "job state"),
    ("platform", "Platform around the GPUs", "4410.3", "derived", "CPU nodes, storage, network"),
    ("wasted.superseded", "Wasted: superseded by a retry", "1312.55", "derived", "retry links"),
    ("wasted.aborted", "Wasted: aborted", "804.45", "derived", "client closed the connection"),
    ("overhead", "Overhead: health checks and evaluations", "240.2", "derived", "declared apps"),
    ("unproven", "Unproven: no outcome yet", "14080", "derived", "no outcome event"),
    ("useful", "Useful", "24210.6", "derived", "accepted outcomes"),
    ("unknown", "Unknown: no telemetry", "2200.123456789012", "derived", "gap of the exporter"),
    ("credits", "Credits", "-1500", "measured", "bill credit lines"),
    ("tax", "Tax", "890.5", "measured", "bill tax lines"),
    ("non_ai", "Outside AI", "3310", "derived", "scope rules"),
]
TOTAL = sum((Decimal(amount) for _, _, amount, _, _ in STEPS if amount), Decimal(0))
HEADLINE: dict[str, Any] = {
    "in_scope_total": "92659.723456789012",
    "activity": {"low": 0.311, "high": 0.352},
    "certain_waste": {"amount": "49018.5", "share": 0.529},
    "net_yield": {"low": 0.2613, "high": 0.437},
    "cost_per_useful_mtok": {"low": "11.4273", "high": "19.1145"},
    "cost_per_useful_answer": {"low": "0.0213", "high": "0.0356"},
    "cost_per_served_mtok": {"all_in": "8.0147", "active": "3.0912"},
    "coverage": 0.61,
}
SENTENCE = (
    "Of $92,659.72 in scope from 1 Oct to 14 Oct 2026, 26.1% to 43.7% became useful tokens; "
    "$49,018.50 (52.9%) is certain waste, most of it idle GPUs."
)


def columns(*named: str) -> tuple[AnswerColumn, ...]:
    """``name:kind:unit:description`` per column."""
    return tuple(AnswerColumn(*item.split(":", 3)) for item in named)


def money(values: list[str | None]) -> pa.Array:
    return pa.array([None if value is None else Decimal(value) for value in values], MONEY)


def answer(
    name: str, title: str, table: pa.Table, shown: tuple[AnswerColumn, ...], sentence: str, **more: Any
) -> Answer:
    return Answer(
        name=name,
        title=title,
        as_of=AS_OF,
        window=WINDOW,
        currency="USD",
        basis="effective",
        table=table,
        columns=shown,
        description=sentence,
        headline=HEADLINE,
        **more,
    )


def waterfall() -> Answer:
    low, bounds = Decimal(0), []
    for _, _, amount, _, _ in STEPS:
        high = low + Decimal(amount or 0)
        bounds.append((float(low), float(high)) if amount else (None, None))
        low = high
    shares = [None if s[2] is None else float(Decimal(s[2]) / TOTAL) for s in STEPS]
    table = pa.table(
        {
            "step": [s[0] for s in STEPS],
            "label": [s[1] for s in STEPS],
            "amount": money([s[2] for s in STEPS]),
            "share": pa.array(shares, pa.float64()),
            "evidence": [s[3] for s in STEPS],
            "method": ["signal ladder"] * len(STEPS),
            "lo": pa.array([b[0] for b in bounds], pa.float64()),
            "hi": pa.array([b[1] for b in bounds], pa.float64()),
            "measured": [s[2] is not None for s in STEPS],
            "note": [s[4] for s in STEPS],
        }
    )
    shown = columns(
        "step:text::the step's name in JSON",
        "label:text::what the money did",
        "amount:money:currency:money of this step",
        "share:share::part of the total",
        "evidence:text::how it is known",
        "method:text::the rule",
        "lo:number:currency:left edge",
        "hi:number:currency:right edge",
        "measured:flag::has a source",
        "note:text::why",
    )
    rows = [
        {"step": s[0], "amount": text(Decimal(s[2] or 0)), "share": share, "evidence": s[3]}
        for s, share in zip(STEPS, shares, strict=True)
    ]
    body = {
        "answer": "waterfall",
        "as_of": AS_OF,
        "window": {"since": iso(WINDOW.since), "until": iso(WINDOW.until)},
        "currency": "USD",
        "basis": "effective",
        "total": text(TOTAL),
        "rows": rows,
        "headline": HEADLINE,
        "usage": {
            "gpu_hours_paid": 21504.0,
            "gpu_hours_allocated": 16800.5,
            "gpu_hours_by_state": {"active": 7000.25, "idle": 9800.25, "unallocated": 4200.0, "unknown": 503.5},
            "tokens_by_class": {"input": 9_120_000_000, "cache_read": 4_100_000_000, "output": 11_561_000_000},
            "tokens_by_verdict": {"useful": 4_847_600_000, "unproven": 5_010_400_000, "wasted": 1_703_000_000},
        },
        "findings": {"error": 0, "warning": 1, "info": 1},
    }
    return answer(
        "waterfall",
        "Where the money went",
        table,
        shown,
        SENTENCE,
        body=body,
        caveats=("A GPU counts as active when its signal is above 0.", "The window is where all sources overlap."),
        drill={s[0]: f"waterfall/{s[0]}" for s in STEPS},
        findings=findings(),
    )


def findings() -> tuple[Finding, ...]:
    return (
        Finding(
            "prometheus.gap",
            Severity.WARNING,
            "No samples for 63 GPU-hours on 10 Oct.",
            "Check the exporter on pool h100-a.",
            "metrics/h100-a.om",
            812,
            3,
        ),
        Finding(
            "focus.unmapped_column",
            Severity.INFO,
            "Column x_CostCentre is kept but not used.",
            "Map it in [[pool]] if it names a team.",
            "bill.csv",
            1,
        ),
    )


def unit_cost(dimension: str = "model") -> Answer:
    names = ["llama-3.3-70b", "gpt-5-mini", "bge-m3"] if dimension == "model" else ["search", "support", HOSTILE]
    table = pa.table(
        {
            "slice": names,
            "direct_amount": money(["31200.5", "9100.25", "300"]),
            "loaded_amount": money(["70120.123456789012", "20239.6", "2300"]),
            "served_output_tokens": pa.array([9_000_000_000, 2_561_000_000, 0], pa.int64()),
            "useful_low_tokens": pa.array([3_900_000_000, 947_600_000, 0], pa.int64()),
            "useful_high_tokens": pa.array([6_000_000_000, 2_100_000_000, 0], pa.int64()),
            "answers_low": pa.array([3_100_000, 900_000, None], pa.int64()),
            "usd_per_useful_mtok_low": money(["11.6867", "9.6379", None]),
            "usd_per_useful_mtok_high": money(["17.9795", None, None]),
            "usd_per_served_mtok": money(["7.7911", "7.9030", None]),
        }
    )
    shown = columns(
        f"slice:text::{dimension}",
        "direct_amount:money:currency:own cost",
        "loaded_amount:money:currency:with its share of idle",
        "served_output_tokens:number:tokens:output delivered",
        "useful_low_tokens:number:tokens:proven useful",
        "useful_high_tokens:number:tokens:may be useful",
        "answers_low:number:answers:proven useful answers",
        "usd_per_useful_mtok_low:money:currency per million tokens:lower bound",
        "usd_per_useful_mtok_high:money:currency per million tokens:upper bound",
        "usd_per_served_mtok:money:currency per million tokens:per served million",
    )
    sentence = f"A useful million tokens cost $11.43 to $19.11; by {dimension}, {names[0]} is the largest."
    return answer(
        "unit_cost",
        f"Unit cost by {dimension}",
        table,
        shown,
        sentence,
        body={"answer": "unit_cost", "rows": []},
        views={"trend": trend(names[:2])},
        drill={name: f"unit_cost/{name}" for name in names},
    )


def trend(names: list[str]) -> tuple[pa.Table, tuple[AnswerColumn, ...]]:
    days = [WINDOW.since + timedelta(days=n) for n in range(14)]
    cells = [(day, name, place, n) for place, name in enumerate(names) for n, day in enumerate(days)]
    low = [None if n == 9 else f"{9 + place * 2 + (n * 7 % 5) / 2}" for _, _, place, n in cells]
    high = [None if n in (4, 9) else f"{15 + place * 2 + (n * 3 % 7) / 2}" for _, _, place, n in cells]
    table = pa.table(
        {
            "day": [iso(c[0])[:10] for c in cells],
            "slice": [c[1] for c in cells],
            "loaded_amount": money(["5000.5"] * len(cells)),
            "usd_per_useful_mtok_low": money(low),
            "usd_per_useful_mtok_high": money(high),
            "usd_per_served_mtok": money([None if n == 9 else "7.5" for _, _, _, n in cells]),
        }
    )
    return table, columns(
        "day:time:UTC:day",
        "slice:text::model",
        "loaded_amount:money:currency:cost",
        "usd_per_useful_mtok_low:money:currency per million tokens:lower",
        "usd_per_useful_mtok_high:money:currency per million tokens:upper",
        "usd_per_served_mtok:money:currency per million tokens:served",
    )


def fleet(hours: int = 96) -> Answer:
    table = pa.table(
        {
            "pool": ["h100-a", "a100-b"],
            "gpu_hours_paid": [16128.0, 5376.0],
            "gpu_hours_allocated": [13440.5, 3360.0],
            "activity_low": [0.35, 0.20],
            "activity_high": [0.40, 0.20],
            "signal": ["DCGM_FI_PROF_SM_ACTIVE", "DCGM_FI_DEV_GPU_UTIL"],
            "median_signal": [0.31, None],
            "share_at_zero": [0.42, 0.66],
            "mean_signal": [0.34, 0.18],
            "hours_active": [5900.25, 1100.0],
            "hours_idle": [7540.25, 2260.0],
            "hours_unallocated": [2184.0, 2016.0],
            "hours_unknown": [503.5, 0.0],
        }
    )
    shown = columns(
        "pool:text::pool",
        "gpu_hours_paid:hours:GPU-hours:paid",
        "gpu_hours_allocated:hours:GPU-hours:allocated",
        "activity_low:share::lower",
        "activity_high:share::upper",
        "signal:text::signal",
        "median_signal:share::median",
        "share_at_zero:share::at zero",
        "mean_signal:share::mean",
        "hours_active:hours:GPU-hours:active",
        "hours_idle:hours:GPU-hours:idle",
        "hours_unallocated:hours:GPU-hours:unallocated",
        "hours_unknown:hours:GPU-hours:unknown",
    )
    sentence = "The paid GPU-hours were active 31.1% to 35.2% of the time; a100-b is allocated for 62.5% of its hours."
    return answer(
        "fleet",
        "What the GPUs did",
        table,
        shown,
        sentence,
        body={"answer": "fleet", "rows": []},
        views={"heat": heat(hours)},
    )


def heat(hours: int) -> tuple[pa.Table, tuple[AnswerColumn, ...]]:
    cells: list[tuple[str, str, datetime, float | None, str]] = []
    for pool, devices in (("h100-a", 8), ("a100-b", 4)):
        for device in range(devices):
            for hour in range(hours):
                busy = 8 <= hour % 24 < 20
                share, state = (0.3 + 0.6 * ((hour * 5 + device * 3) % 7) / 7, "active") if busy else (0.0, "idle")
                if pool == "a100-b" and device == 3:
                    share, state = 0.0, "unallocated"
                unknown = pool == "h100-a" and 30 <= hour < 36 and device < 3
                at = WINDOW.since + timedelta(hours=hour)
                cells.append(
                    (pool, f"{pool}-gpu{device}", at, None if unknown else share, "unknown" if unknown else state)
                )
    table = pa.table(
        {
            "pool": [c[0] for c in cells],
            "device": [c[1] for c in cells],
            "hour": [iso(c[2]) for c in cells],
            "active_share": pa.array([c[3] for c in cells], pa.float64()),
            "state": [c[4] for c in cells],
            "gpu_hours": [1.0] * len(cells),
            "amount": money(["2"] * len(cells)),
        }
    )
    return table, columns(
        "pool:text::pool",
        "device:text::device",
        "hour:time:UTC:hour",
        "active_share:share::activity",
        "state:text::state",
        "gpu_hours:hours:GPU-hours:hours",
        "amount:money:currency:money",
    )


def usefulness() -> Answer:
    table = pa.table(
        {
            "verdict": ["useful", "unproven", "wasted", "wasted", "overhead"],
            "reason": ["accepted", "no outcome yet", "superseded", "aborted", "health check"],
            "grade": pa.array([4, 0, 3, 3, 0], pa.int64()),
            "output_tokens": pa.array([4_847_600_000, 5_010_400_000, 1_203_000_000, 500_000_000, None], pa.int64()),
            "answers": pa.array([4_000_000, 4_100_000, 900_000, 400_000, None], pa.int64()),
            "amount": money(["24210.6", "14080", "1312.55", "804.45", "240.2"]),
            "share": [0.6, 0.35, 0.033, 0.02, 0.006],
        }
    )
    shown = columns(
        "verdict:text::verdict",
        "reason:text::reason",
        "grade:number:E:strength of evidence",
        "output_tokens:number:tokens:output tokens",
        "answers:number:answers:answers",
        "amount:money:currency:money",
        "share:share::part of the judged money",
    )
    sentence = "4.8B output tokens are proven useful and 5.0B are unproven; 61% of the answers have an outcome."
    return answer("usefulness", "Was it worth it", table, shown, sentence, body={"answer": "usefulness", "rows": []})


def reconciliation() -> Answer:
    table = pa.table(
        {
            "line": ["Invoice", "Less purchases", "Amortisation", "Corrections", "Waterfall total"],
            "amount": money(["131059.973456789012", "-30000", "5000", "0", text(TOTAL)]),
            "note": ["billed cost", "prepaid commitment", "share of this window", "", "effective cost"],
        }
    )
    by_day = pa.table(
        {
            "day": [iso(WINDOW.since + timedelta(days=n))[:10] for n in range(14)],
            "provider": ["OpenAI"] * 14,
            "model": ["gpt-5-mini"] * 14,
            "billed": money([f"{100 + n}" for n in range(14)]),
            "priced": money([f"{99 + n}.5" for n in range(14)]),
            "difference": money([None if n == 3 else ("0.5" if n % 2 else "-0.25") for n in range(14)]),
            "tokens_billed": pa.array([1_000_000] * 14, pa.int64()),
            "tokens_metered": pa.array([990_000] * 14, pa.int64()),
        }
    )
    shown = columns("line:text::line", "amount:money:currency:money", "note:text::note")
    daily = columns(
        "day:time:UTC:day",
        "provider:text::provider",
        "model:text::model",
        "billed:money:currency:billed",
        "priced:money:currency:priced",
        "difference:money:currency:billed less priced",
        "tokens_billed:number:tokens:billed",
        "tokens_metered:number:tokens:metered",
    )
    sentence = "The invoice of $131,059.97 becomes the waterfall's total through 3 named differences."
    return answer(
        "reconciliation",
        "From the invoice to the waterfall",
        table,
        shown,
        sentence,
        body={"answer": "reconciliation", "rows": []},
        views={"by_day": (by_day, daily)},
    )


def mapping() -> Answer:
    table = pa.table(
        {
            "scope": ["gpu", "unclassified"],
            "rule": ["GPU count on the bill", ""],
            "currency": ["USD", "EUR"],
            "lines": pa.array([320, 20], pa.int64()),
            "amount": money(["70120.5", "27.18"]),
        }
    )
    pools = pa.table(
        {
            "pool": ["h100-a", "a100-b"],
            "bill_lines": pa.array([300, 20], pa.int64()),
            "amount": money(["60000", "10120.5"]),
            "status": ["matched", "no telemetry"],
        }
    )
    shown = columns(
        "scope:text::for",
        "rule:text::why",
        "currency:text::currency",
        "lines:number:lines:lines",
        "amount:money:currency:money",
    )
    listed = columns("pool:text::pool", "bill_lines:number:lines:l", "amount:money:currency:m", "status:text::status")
    sentence = "27.18 EUR match no scope rule; 1 of 2 pools lacks a source."
    return answer(
        "mapping",
        "What was matched to what",
        table,
        shown,
        sentence,
        body={"answer": "mapping"},
        views={"pools": (pools, listed)},
    )


def every_answer() -> list[Answer]:
    return [waterfall(), unit_cost("model"), unit_cost("team"), fleet(), usefulness(), reconciliation(), mapping()]


def explanation(figure: str) -> Answer:
    table = pa.table(
        {
            "kind": ["formula", "formula", "charges", "telemetry"],
            "text": [
                "Idle: held with no activity",
                "money x time",
                "Usage lines of GPU rental",
                "gpu_samples gpu_util",
            ],
            "file": ["", "", "bill.csv", "h100.om"],
            "rows": ["", "", "2 to 90 (89 rows)", "812"],
            "amount": ["21480.1", "", "30000", ""],
        }
    )
    shown = columns(
        "kind:text::kind", "text:text::text", "file:text::file", "rows:text::rows", "amount:text:currency:a"
    )
    body = {"answer": "explain", "figure": figure, "amount": "21480.1", "lines": table.to_pylist()}
    return answer("explain", f"{figure}: 21480.1 USD", table, shown, "Held with no activity.", body=body)
