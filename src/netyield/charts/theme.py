"""How does every chart look? One palette, one font, one configuration; colour never carries meaning alone.

The first five fills say what kind of money a mark is. Each has at least 3:1 contrast on white and on the dark page
(WCAG 2.2, 1.4.11), and each is named beside the mark in words. Text, grid and axis colours are those of paper; the page
repaints them through its style sheet, so that a dark screen and a printed sheet need no second drawing.
"""

from __future__ import annotations

from typing import Any

from netyield.answers.steps import known_steps, step_of

# One family with the same widths everywhere: browsers and the static renderer then place labels alike.
FONT = "Liberation Sans, Arial, Helvetica, sans-serif"

INK = "#1d2630"
MUTED = "#55606c"
GRID = "#e3e6ea"
PAPER = "#ffffff"
DARK_PAPER = "#12171d"

BOOKS = "amount"  # a line of the books, no kind of money
USEFUL, MAYBE, WORK, LOST, OUTSIDE = "useful", "may be useful", "own use", "waste or loss", "out of scope"
FILLS = {
    USEFUL: "#12876a",
    MAYBE: "#b07a12",
    WORK: "#3f73d1",
    LOST: "#cf4a31",
    OUTSIDE: "#76808c",
    BOOKS: "#5b6f8f",
}
# Series that are not kinds of money (providers, pools), told apart by name in the legend and the table.
SERIES = ("#3f73d1", "#b07a12", "#8a5bb8", "#12876a", "#76808c", "#cf4a31")
# Activity of a paid GPU-hour: orange burns money, blue works. Readable with every common colour blindness.
ACTIVITY_RANGE = ("#d9822b", "#f1dcb8", "#9fbfe3", "#2458a6")
NOT_IN_USE = "#8b939d"

_KINDS = {"good": USEFUL, "open": MAYBE, "own": WORK, "waste": LOST, "loss": LOST, "out": OUTSIDE}


def kind_of_step(step: str) -> str:
    """Which kind of money a waterfall step or a verdict is, by the table of steps; ``wasted`` is its whole family."""
    known = {each.step for each in known_steps()}
    return _KINDS[step_of(f"{step}." if f"{step}." in known else step).kind]


def kind_in_words(kind: str) -> str:
    """The palette's word for a kind of the table of steps."""
    return _KINDS[kind]


def kinds_present(kinds: list[str]) -> list[str]:
    """The kinds that occur, in the palette's order (the legend names no more than is shown)."""
    return [kind for kind in FILLS if kind in kinds]


def config() -> dict[str, Any]:
    """The Vega-Lite configuration of every chart."""
    return {
        "font": FONT,
        "background": PAPER,
        "view": {"stroke": None},
        "axis": {
            "labelColor": MUTED,
            "titleColor": MUTED,
            "labelFontSize": 12,
            "titleFontSize": 12,
            "titleFontWeight": "normal",
            "gridColor": GRID,
            "domainColor": GRID,
            "tickColor": GRID,
        },
        "legend": {
            "labelColor": INK,
            "titleColor": MUTED,
            "labelFontSize": 12,
            "titleFontSize": 12,
            "titleFontWeight": "normal",
            "orient": "top",
            "symbolType": "square",
        },
        "text": {"color": INK, "fontSize": 12},
    }
