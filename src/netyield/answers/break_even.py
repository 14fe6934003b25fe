"""From which volume on does a fleet of one's own or rented pay, and how does that move with how peaky the load is?"""

from __future__ import annotations

from typing import Any

from netyield.answers.answer import Answer, AnswerColumn
from netyield.answers.placement import Expect, Progress, quiet
from netyield.answers.placement_tables import table_of
from netyield.core.finding import Finding, Severity
from netyield.core.period import EPOCH, Period
from netyield.economics.placement.break_even import BreakEven, break_even
from netyield.economics.placement.case import Case
from netyield.economics.placement.compare import compare

COLUMNS = (
    AnswerColumn("option", "text", "", "The fleet"),
    AnswerColumn("peak_to_mean", "number", "times", "Peak the fleet is sized for, over the mean of the month"),
    AnswerColumn("mtok_per_month", "number", "million output tokens a month", "From here on it stays cheaper; empty: not in range"),
    AnswerColumn("pays", "text", "", "The same in words"),
    AnswerColumn("times_measured", "number", "times the measured volume", "The same against today's volume"),
)
SURFACE = (
    AnswerColumn("mtok_per_month", "number", "million output tokens a month", "Volume"),
    AnswerColumn("peak_to_mean", "number", "times", "Peak over mean"),
    AnswerColumn("cheapest", "text", "", "The cheapest option, by the median"),
)


def answer(case: Case, findings: tuple[Finding, ...] = (), step: Progress = quiet, expect: Expect = quiet) -> Answer:
    """The curve of every fleet against the cheapest API. ``expect`` hears how many steps follow."""
    found = compare(case)
    curve = break_even(found, lambda peak: step(f"Break-even at a {peak}"), expect)
    told = (*findings, *found.findings)
    if curve is None:
        message = "a break-even needs an API and a fleet that can be compared."
        told = (*told, Finding("placement.no_break_even", Severity.ERROR, message, "Add the one that is missing to the options."))
    rows = [] if curve is None else [
        {"option": p.option, "peak_to_mean": p.peak_to_mean, "mtok_per_month": p.mtok_per_month,
         "times_measured": p.times_measured, "pays": _pays(p.mtok_per_month, p.times_measured, curve)}
        for p in curve.points
    ]  # fmt: skip
    surface = [] if curve is None else [
        {"mtok_per_month": volume * curve.here[0], "peak_to_mean": peak, "cheapest": name} for volume, peak, name in curve.surface
    ]  # fmt: skip
    body = _body(curve, rows)
    return Answer(
        "break_even", "From which volume on a fleet pays", case.as_of.isoformat(), Period(EPOCH, EPOCH), "USD", "",
        table_of(COLUMNS, rows), COLUMNS, {"here": body["here"]}, sentence(curve),
        views={"surface": (table_of(SURFACE, surface), SURFACE)}, findings=told, body=body,
    )  # fmt: skip


def sentence(curve: BreakEven | None) -> str:
    """The one sentence a reader takes away."""
    if curve is None:
        return "No break-even: there is no API and fleet to compare."
    volume, peak = curve.here
    near = min({point.peak_to_mean for point in curve.points}, key=lambda each: abs(each - peak))
    here = [point for point in curve.points if point.peak_to_mean == near and point.mtok_per_month is not None]
    if not here:
        return f"At a peak of {near:g} times the mean no fleet beats {curve.against} within the volumes looked at."
    best = min(here, key=lambda point: point.mtok_per_month or 0.0)
    return (
        f"At a peak of {near:g} times the mean, {best.option} pays from {best.mtok_per_month:,.0f} million output tokens a month on;"
        f" this traffic has {volume:,.0f}."
    )


def _pays(mtok: float | None, times: float | None, curve: BreakEven) -> str:
    """``from 3,200 Mtok a month (1.2 times today's)``; what was not found says where it was looked for."""
    if mtok is None or times is None:
        return f"not up to {max(curve.volumes):,g} times today's volume"
    return f"from {mtok:,.0f} Mtok a month ({times:.2g} times today's)"


def _body(curve: BreakEven | None, rows: list[dict[str, Any]]) -> dict[str, Any]:
    return {
        "answer": "break_even",
        "against": None if curve is None else curve.against,
        "here": None if curve is None else {"mtok_per_month": curve.here[0], "peak_to_mean": curve.here[1]},
        "acts_like_peak_to_mean": {} if curve is None else curve.effective_peak,
        "points": rows,
        "definition": {
            "break_even": "the volume from which the fleet stays cheaper than the cheapest API, median of the draws",
            "peak_to_mean": "the peak the fleet is sized for, over the mean of the month; utilisation follows from it",
        },
    }
