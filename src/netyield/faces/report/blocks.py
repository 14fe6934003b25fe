"""What does each answer bring to the page? Its charts, its tables, and the sentence over them.

A chart with more marks than a page can show becomes a note; its table is still there.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from netyield.answers.answer import Answer
from netyield.charts import formats, unit_cost
from netyield.charts.drawing import TooManyMarks
from netyield.charts.drawings import drawings
from netyield.faces.sections import Section, section, sections, view_section

ROWS_LIMIT = 400  # of one table on the page; CSV has them all
FOLDED = frozenset(
    {"demand_days", "coverage_days", "exit_values", "schedule", "utilisation_by_hour", "sways", "surface"}
)
OWN_COMMANDS = {
    "depreciation": "assets schedule --csv FILE",
    "depreciation_what_if": "assets what-if --csv FILE",
    "impairment": "assets impair --csv FILE",
    "lease": "assets lease --csv FILE",
    "coverage": "commitments report --csv FILE",
    "exit": "commitments exit ID --csv FILE",
    "commit_plan": "commitments buy --csv FILE",
    "placement": "placement compare --csv FILE",
    "break_even": "placement compare --break-even --csv FILE",
    "sizing": "placement size --csv FILE",
    "calibration": "placement calibrate --csv FILE",
    "kv_curve": "kv curve --csv FILE",
    "prompt_cache": "kv prompt-cache --csv FILE",
    "kv_observed": "kv observed --csv FILE",
    "kv_plan": "kv plan --csv FILE",
    "kv_explain": "kv explain --csv FILE",
}  # of answers that no project has


@dataclass(frozen=True)
class Figure:
    """One chart on the page; ``id`` ties caption, drawing and data together."""

    id: str
    title: str
    description: str
    note: str
    spec: Mapping[str, Any]
    walkable: int


@dataclass(frozen=True)
class Sheet:
    """One table on the page: ``open`` stands in the text, a closed one is a chart's twin behind its summary."""

    section: Section
    caption: str
    open: bool
    rows_total: int
    export: str


@dataclass(frozen=True)
class Block:
    """One part of the page, with its anchor."""

    id: str
    title: str
    sentence: str
    figures: tuple[Figure, ...] = ()
    sheets: tuple[Sheet, ...] = ()
    note: str = ""
    panels: bool = False
    tables_first: bool = False
    nav: str = ""


def blocks(answers: Sequence[Answer]) -> list[Block]:
    """The parts of the page in reading order: money, trend, fleet, unit costs, usefulness, books, then the rest."""
    by_name: dict[str, list[Answer]] = {}
    for answer in answers:
        by_name.setdefault(answer.name, []).append(answer)
    found: list[Block] = []
    for name, make in _MAKERS.items():
        if name in by_name:
            found += make(by_name[name])
    for name, others in by_name.items():
        if name not in _MAKERS:
            found += [_plain(answer) for answer in others]
    return found


def _waterfall(answers: Sequence[Answer]) -> list[Block]:
    """The headline above has the answer's sentence; here stands what the steps add up to."""
    found = []
    for answer in answers:
        block = _drawn(answer, "waterfall", "Waterfall")
        total = formats.money(answer.body.get("total"), answer.currency)
        sentence = f"Each bar starts where the one above it ends; together they are the whole {total}."
        found.append(replace(block, sentence=sentence))
    return found


def _usefulness(answers: Sequence[Answer]) -> list[Block]:
    return [_drawn(answer, "usefulness", "Usefulness") for answer in answers]


def _fleet(answers: Sequence[Answer]) -> list[Block]:
    made = [_drawn(answer, "fleet", "Fleet", shown=True, open_views=("unfilled",)) for answer in answers]
    return [replace(block, tables_first=True) for block in made]


def _reconciliation(answers: Sequence[Answer]) -> list[Block]:
    return [_drawn(answer, "reconciliation", "Books") for answer in answers]


def _kv_curve(answers: Sequence[Answer]) -> list[Block]:
    """The curve; what its points are drawn from stays behind the chart."""
    views = [name for answer in answers for name in answer.views if name != "drawn"]
    drawn = [_drawn(answer, "curve", "Curve", shown=True, open_views=views) for answer in answers]
    return [replace(block, sentence="") for block in drawn]  # the heading has said it


def _kv_plan(answers: Sequence[Answer]) -> list[Block]:
    """The plan; the dots of its chart stay behind it."""
    views = [name for answer in answers for name in answer.views if name != "tried"]
    return [_drawn(answer, "plan", "Plan", shown=True, open_views=views) for answer in answers]


def _folded(answers: Sequence[Answer]) -> list[Block]:
    """An answer whose charts' points and long schedules stay behind a summary; its other tables stand open."""
    return [
        _drawn(one, one.name, one.title, shown=True, open_views=[view for view in one.views if view not in FOLDED])
        for one in answers
    ]


def _mapping(answers: Sequence[Answer]) -> list[Block]:
    return [_drawn(answer, "mapping", "Mapping", shown=True, open_views=tuple(answer.views)) for answer in answers]


def _unit_cost(answers: Sequence[Answer]) -> list[Block]:
    """The trend of the first answer that has one, then one table per dimension."""
    trends = [answer for answer in answers if _rows(answer, unit_cost.TREND)][:1]
    trend = [_trend(answer) for answer in trends]
    sheets = tuple(
        _sheet(section(answer), answer.title, f"export unit_cost --by {_slug(answer)}", True) for answer in answers
    )
    return [*trend, Block("unit-costs", "Unit costs", answers[0].description, (), sheets, nav="Unit costs")]


def _slug(answer: Answer) -> str:
    """The dimension an answer is cut by, as its body or title says."""
    return str(answer.body.get("by") or answer.title.rpartition(" by ")[2] or "model")


def _trend(answer: Answer) -> Block:
    figures, note = _figures(answer, "trend")
    sheet = _sheet(view_section(answer, unit_cost.TREND), "Unit cost per day", "export unit_cost", False)
    sentence = f"What a million useful output tokens cost on each day. {unit_cost.KEY} A day without any is a gap."
    notes = " ".join(dict.fromkeys(figure.note for figure in figures if figure.note))
    panels = tuple(replace(figure, note="") for figure in figures)
    return Block("trend", "Unit cost, day by day", sentence, panels, (sheet,), note or notes, panels=True, nav="Trend")


def _plain(answer: Answer) -> Block:
    return _drawn(answer, answer.name, answer.title, shown=True, open_views=tuple(answer.views))


def _drawn(answer: Answer, anchor: str, nav: str, *, shown: bool = False, open_views: Sequence[str] = ()) -> Block:
    """An answer's charts, its own tables (``shown`` in the text, else behind the chart), and every view with rows."""
    figures, note = _figures(answer, anchor)
    export = OWN_COMMANDS.get(answer.name, f"export {answer.name}")
    sheets = [_sheet(each, each.title, export, shown or not figures) for each in sections(answer)]
    for view, (table, _) in answer.views.items():
        if table.num_rows:
            printed = view_section(answer, view)
            sheets.append(_sheet(printed, printed.title, export, view in open_views))
    return Block(anchor, answer.title, answer.description, figures, tuple(sheets), note, nav=nav)


def _figures(answer: Answer, anchor: str) -> tuple[tuple[Figure, ...], str]:
    try:
        drawn = drawings(answer)
    except TooManyMarks as reason:
        return (), str(reason)
    figures = tuple(
        Figure(
            f"{anchor}-{number}", drawing.title, drawing.description, drawing.note, drawing.spec, len(drawing.sentences)
        )
        for number, drawing in enumerate(drawn, 1)
        if drawing.sentences
    )
    return figures, ""


def _rows(answer: Answer, view: str) -> int:
    return int(answer.views[view][0].num_rows) if view in answer.views else 0


def _sheet(whole: Section, caption: str, export: str, is_open: bool) -> Sheet:
    shown = replace(whole, rows=whole.rows[:ROWS_LIMIT], kinds=whole.kinds[:ROWS_LIMIT], keys=whole.keys[:ROWS_LIMIT])
    command = f"netyield {export}" + (" --format csv" if export.startswith("export ") else "")
    return Sheet(shown, caption, is_open, len(whole.rows), command)


_MAKERS: dict[str, Callable[[Sequence[Answer]], list[Block]]] = {
    "waterfall": _waterfall,
    "unit_cost": _unit_cost,
    "fleet": _fleet,
    "usefulness": _usefulness,
    "reconciliation": _reconciliation,
    "mapping": _mapping,
    "coverage": _folded,
    "exit": _folded,
    "commit_plan": _folded,
    "placement": _folded,
    "break_even": _folded,
    "sizing": _folded,
    "kv_curve": _kv_curve,
    "kv_plan": _kv_plan,
}
