"""What did each GPU do, hour by hour? Heat maps of the ``fleet`` answer, one per pool.

Orange burns money, blue works. Unknown looks different from idle: an empty outlined cell with a cross. Neighbouring
hours of one device with the same state and the same whole per cent of activity are one mark, which changes nothing
that can be seen and keeps a quiet night small. Where the answer merged devices or hours the chart says so.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from itertools import groupby, pairwise
from typing import Any

import altair as alt
import pyarrow as pa

from netyield.answers.answer import Answer
from netyield.charts import formats, theme
from netyield.charts.drawing import Drawing, cursor_param, cursor_stroke, finish, guard, instant
from netyield.core.period import HOUR, iso

HEAT = "heat"
UNKNOWN = "unknown"
NOT_IN_USE_STATES = frozenset({"unallocated", "down", "fragmented"})
PIXELS_PER_DEVICE = 15
# Days by name, hours by the 24-hour clock, both UTC.
CLOCK = "utchours(datum.value) ? utcFormat(datum.value, '%H:%M') : utcFormat(datum.value, '%-d %b')"
KEY = "Grey: unallocated, down or fragmented. Dashed with a cross: unknown, no telemetry."


def charts(answer: Answer) -> list[Drawing]:
    """One heat map per pool, in the answer's order; the answer keeps each within the limit of marks."""
    if HEAT not in answer.views:
        return []
    cells = _cells(answer.views[HEAT][0])
    pools = dict.fromkeys(cell["pool"] for cell in cells)
    return [_pool(answer, pool, [cell for cell in cells if cell["pool"] == pool]) for pool in pools]


def _cells(table: pa.Table) -> list[dict[str, Any]]:
    """Runs of equal neighbouring hours per device."""
    listed = [row | {"hour": instant(row["hour"])} for row in table.to_pylist()]
    places = {pool: place for place, pool in enumerate(dict.fromkeys(row["pool"] for row in listed))}
    grain = _grain(row["hour"] for row in listed)
    runs: list[dict[str, Any]] = []
    for row in sorted(listed, key=lambda row: (places[row["pool"]], row["device"], row["hour"])):
        percent = None if row["active_share"] is None else round(row["active_share"] * 100)
        last = runs[-1] if runs else None
        look = (row["pool"], row["device"], row["state"], percent)
        until = instant(row["until"]) if row.get("until") else row["hour"] + grain
        if last and last["look"] == look and last["until"] == row["hour"]:
            last["until"] = until
            continue
        runs.append({"look": look, "pool": row["pool"], "device": row["device"], "state": row["state"],
                     "percent": percent, "since": row["hour"], "until": until, "step": until - row["hour"],
                     "devices": row.get("devices") or 1})  # fmt: skip
    return runs


def _grain(moments: Iterable[datetime]) -> timedelta:
    """The smallest step between two times (an hour when there is only one)."""
    ordered = [moment for moment, _ in groupby(sorted(moments))]
    return min((late - early for early, late in pairwise(ordered)), default=HOUR)


def _pool(answer: Answer, pool: str, runs: list[dict[str, Any]]) -> Drawing:
    guard(f"heat map of {pool}", len(runs))
    data = [_mark(number, run) for number, run in enumerate(runs)]
    devices = list(dict.fromkeys(run["device"] for run in runs))
    known = [row for row in data if row["percent"] is not None and row["look"] == "activity"]
    layers = [_activity(known, devices)]
    if resting := [row for row in data if row["look"] == "not in use"]:
        layers.append(_not_in_use(resting))
    if unknown := [row for row in data if row["look"] == UNKNOWN]:
        layers += _unknown(unknown)
    spec = finish(alt.layer(*layers).add_params(cursor_param()), height=len(devices) * PIXELS_PER_DEVICE)
    # A row named as its pool is time of no device: paid, and nothing says by which.
    count = sum({run["device"]: run["devices"] for run in runs if run["device"] != pool}.values())
    devices_words = f"{count} {'device' if count == 1 else 'devices'} of " if count else ""
    sentence = f"Activity of {devices_words}pool {pool}, {formats.window(answer.window)}.{_merged(runs)}"
    return Drawing("fleet_heat", pool, sentence, spec, tuple(row["sentence"] for row in data), f"{KEY}{_merged(runs)}")


def _merged(runs: list[dict[str, Any]]) -> str:
    """What one cell stands for, when it is more than an hour of a device."""
    devices, hours = max(run["devices"] for run in runs), max(run["step"] for run in runs) // HOUR
    if devices == 1 and hours <= 1:
        return ""
    rows = f"each row is up to {devices} devices" if devices > 1 else "each row is a device"
    cells = f"each cell {hours} hours" if hours > 1 else "each cell an hour"
    return f" Too many for one map: {rows}, {cells}, their activity averaged over the paid time."


def _mark(number: int, run: dict[str, Any]) -> dict[str, Any]:
    look = "not in use" if run["state"] in NOT_IN_USE_STATES else "activity"
    if run["percent"] is None or run["state"] == UNKNOWN:
        look = UNKNOWN
    what = f"{run['percent']}% active" if look == "activity" else str(run["state"])
    span = f"{formats.moment(run['since'])} to {formats.moment(run['until'])}"
    return {
        "walk": number, "device": run["device"], "percent": run["percent"], "look": look,
        "since": iso(run["since"]), "until": iso(run["until"]),
        "middle": iso(run["since"] + (run["until"] - run["since"]) / 2), "sentence": f"{run['device']}, {span}: {what}",
    }  # fmt: skip


def _time(title: str | None = "UTC") -> Any:
    return alt.X(
        "since:T", title=title, scale=alt.Scale(type="utc"), axis=alt.Axis(tickCount=6, grid=False, labelExpr=CLOCK)
    )


def _activity(known: list[dict[str, Any]], devices: list[str]) -> Any:
    rows = alt.Scale(domain=devices, paddingInner=0.12)
    scale = alt.Scale(domain=[0, 100], range=list(theme.ACTIVITY_RANGE), interpolate="rgb")
    legend = alt.Legend(title="active, % of the hour", gradientLength=160)
    return alt.Chart(alt.Data(values=known)).mark_rect().encode(
        x=_time(), x2="until:T",
        y=alt.Y("device:N", title=None, scale=rows, axis=alt.Axis(labelLimit=120)),
        color=alt.Color("percent:Q", scale=scale, legend=legend),
        description="sentence:N", tooltip=alt.Tooltip("sentence:N", title=" "), **cursor_stroke(),
    )  # fmt: skip


def _not_in_use(resting: list[dict[str, Any]]) -> Any:
    mark = alt.Chart(alt.Data(values=resting)).mark_rect(color=theme.NOT_IN_USE)
    return mark.encode(
        x=_time(), x2="until:T", y="device:N", description="sentence:N",
        tooltip=alt.Tooltip("sentence:N", title=" "), **cursor_stroke(),
    )  # fmt: skip


def _unknown(unknown: list[dict[str, Any]]) -> list[Any]:
    base = alt.Chart(alt.Data(values=unknown))
    outline = base.mark_rect(fillOpacity=0, stroke=theme.MUTED, strokeDash=[2, 2], strokeWidth=1).encode(
        x=_time(), x2="until:T", y="device:N", description="sentence:N", tooltip=alt.Tooltip("sentence:N", title=" ")
    )
    cross = base.mark_text(text="×", color=theme.MUTED, aria=False).encode(x="middle:T", y="device:N")
    return [outline, cross]
