"""How is a list of amounts drawn? One row each: its name, its amount in words, and a ranged bar beneath them.

Name and amount stand above the bar rather than on an axis, so that a long name and a long amount both stay whole on a
telephone. Geometry arrives ready (``lo``, ``hi``); a row without it is a dashed outline over the whole width, and
its words say "not measured": it could be anywhere, and it is not zero.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import altair as alt

from netyield.charts import theme
from netyield.charts.drawing import amount_axis, cursor_param, cursor_stroke, finish, guard

PIXELS_PER_ROW = 40
BAR_PIXELS = 13
BAR_BELOW_CENTRE = 8
WORDS_ABOVE_CENTRE = -9
AMOUNT_PIXELS = 150  # kept free of the name, at the right


@dataclass(frozen=True, slots=True)
class Bar:
    """One row: ``lo`` and ``hi`` in axis units, or None where nothing measured it; ``kind`` from the palette."""

    label: str
    words: str
    lo: float | None
    hi: float | None
    kind: str
    sentence: str


def from_zero(value: float | None) -> tuple[float | None, float | None]:
    """``lo`` and ``hi`` of a bar that starts at zero, to the left for a negative value."""
    return (None, None) if value is None else (min(0.0, value), max(0.0, value))


def draw(name: str, bars: Sequence[Bar], axis_title: str, *, legend: bool = True) -> dict[str, Any]:
    """The specification of these rows, in their order; ``legend``: what the colours are called."""
    guard(name, len(bars))
    data = [{"walk": number, **asdict(bar)} for number, bar in enumerate(bars)]
    drawn = [row for row in data if row["lo"] is not None and row["hi"] is not None]
    outlined = [row for row in data if row["lo"] is None or row["hi"] is None]
    layers = [_bars(drawn, _every_row(len(data)), axis_title, legend), _edges(drawn), *_words(data)]
    if outlined:
        layers.append(_outlines(outlined))
    return finish(alt.layer(*layers).add_params(cursor_param()), height=max(1, len(data)) * PIXELS_PER_ROW)


def _every_row(number: int) -> Any:
    """The row axis with an explicit domain: a row nothing measured keeps its place."""
    return alt.Y("walk:N", title=None, axis=None, scale=alt.Scale(domain=list(range(number))))


def _source(data: list[dict[str, Any]]) -> Any:
    return alt.Chart(alt.Data(values=data))


def _bars(drawn: list[dict[str, Any]], rows: Any, axis_title: str, named: bool) -> Any:
    kinds = theme.kinds_present([row["kind"] for row in drawn])
    fills = alt.Scale(domain=kinds, range=[theme.FILLS[kind] for kind in kinds])
    legend = alt.Legend(columns=3) if named and len(kinds) > 1 else None
    mark = {"size": BAR_PIXELS, "yOffset": BAR_BELOW_CENTRE, "cornerRadius": 1.5}
    return (
        _source(drawn)
        .mark_bar(**mark)
        .encode(
            y=rows,
            x=alt.X("lo:Q", title=axis_title, axis=amount_axis()),
            x2="hi:Q",
            color=alt.Color("kind:N", title=None, scale=fills, legend=legend),
            description="sentence:N",
            tooltip=alt.Tooltip("sentence:N", title=" "),
            **cursor_stroke(),
        )
    )


def _edges(drawn: list[dict[str, Any]]) -> Any:
    """A hair line where each bar begins, so that an amount too small for a pixel is still seen; none for zero."""
    some = [row for row in drawn if row["lo"] != row["hi"]]
    mark = {"size": BAR_PIXELS, "yOffset": BAR_BELOW_CENTRE, "thickness": 1.5, "orient": "vertical", "aria": False}
    return _source(some).mark_tick(**mark).encode(y="walk:N", x="lo:Q", color="kind:N")


def _words(data: list[dict[str, Any]]) -> list[Any]:
    """Name at the left, amount at the right, both above the bar."""
    room = alt.expr(f"width - {AMOUNT_PIXELS}")
    name = {"align": "left", "dy": WORDS_ABOVE_CENTRE, "limit": room, "aria": False, "fontSize": 13}
    amount = {"align": "right", "dy": WORDS_ABOVE_CENTRE, "aria": False, "fontSize": 13, "fontWeight": "bold"}
    source = _source(data)
    return [
        source.mark_text(**name).encode(y="walk:N", x=alt.value(0), text="label:N"),
        source.mark_text(**amount).encode(y="walk:N", x=alt.value("width"), text="words:N"),
    ]


def _outlines(outlined: list[dict[str, Any]]) -> Any:
    mark = {"fillOpacity": 0, "stroke": theme.MUTED, "strokeDash": [4, 4], "strokeWidth": 1}
    return (
        _source(outlined)
        .mark_bar(size=BAR_PIXELS, yOffset=BAR_BELOW_CENTRE, **mark)
        .encode(y="walk:N", x=alt.value(0), x2=alt.value("width"), description="sentence:N")
    )
