"""``netyield commitments exit ID``: keep, shrink, exchange, renegotiate, resell or pay to leave: the cheapest, and when."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NamedTuple

import typer

from netyield.core.errors import WrongUse
from netyield.faces.cli.commitments.contracts import Contracts
from netyield.faces.cli.commitments.futures import FutureOption, futures_of
from netyield.faces.cli.options import Csv, FailOn, FailOnOption, Html, Json, ProjectPath, one_stdout

if TYPE_CHECKING:
    from netyield.core.finding import Finding
    from netyield.economics.commitments.contract import Commitment
    from netyield.economics.commitments.known_terms import Known, Told
    from netyield.project import Project

Id = Annotated[str, typer.Argument(metavar="ID", help="The commitment's id, or how it begins or ends.")]
From = Annotated[str | None, typer.Option("--from", metavar="DAY", help="The first day it could be left (default: today).")]
USE = "Use"
Used = Annotated[
    str | None,
    typer.Option(
        metavar="UNITS", help="Units in use in every hour (default: --demand, declared, else measured in the project).",
        rich_help_panel=USE,
    ),
]  # fmt: skip
DemandPath = Annotated[
    Path | None,
    typer.Option(
        "--demand", metavar="PATH", help="CSV of hours with the units this commitment serves: hour, and needed or active.",
        rich_help_panel=USE,
    ),
]  # fmt: skip
History = Annotated[
    str | None, typer.Option(metavar="LENGTH", help="Measure so much of the project's books, as 90d.", rich_help_panel=USE)
]
Headroom = Annotated[
    str | None,
    typer.Option(metavar="SHARE", help="Needed is active plus this share, as 0.3, where nothing says what is needed.",
                 rich_help_panel=USE),
]  # fmt: skip
OnDemand = Annotated[
    str | None, typer.Option("--on-demand-rate", metavar="RATE", help="On-demand rate per unit and hour (default: declared).")
]
Discount = Annotated[
    str, typer.Option("--discount-rate", metavar="SHARE", help="What money later is worth less a year, as 0.08.")
]


def exit_(
    commitment: Id,
    contracts: Contracts = None,
    from_day: From = None,
    used: Used = None,
    demand: DemandPath = None,
    history: History = None,
    headroom: Headroom = None,
    on_demand_rate: OnDemand = None,
    discount_rate: Discount = "0",
    future: FutureOption = None,
    json_out: Json = False,
    csv_out: Csv = None,
    html: Html = None,
    fail_on: FailOnOption = FailOn.ERROR,
    project: ProjectPath = None,
) -> None:
    """Weigh keeping a commitment against every way out of it, month by month, and name the cheapest."""
    one_stdout(json_out, csv_out, html)
    from dataclasses import replace

    from netyield.answers import exit as answers
    from netyield.economics.commitments.exit_plan import exit_plan
    from netyield.economics.commitments.products import find_product
    from netyield.faces.cli.commitments.contracts import one_of, told_of
    from netyield.faces.cli.commitments.show import show
    from netyield.faces.cli.opened import open_project
    from netyield.faces.cli.output import exit_code

    day = _day(from_day)
    opened = open_project(project) if contracts is None or project is not None else None
    told, noticed = told_of(contracts)
    known = _known(told, noticed, opened)
    one = one_of(known, commitment)
    if day >= one.end:
        message = f"{one.id} ends on {one.end}: on {day} there is nothing to leave."
        raise WrongUse(message, "Give --from a day before it.")
    rate = _number("--on-demand-rate", on_demand_rate)
    one = one if rate is None else replace(one, on_demand_rate=rate)
    one, how_used, unread = _with_use(one, UseWords(used, demand, history, headroom), opened)
    chosen = futures_of(future)
    yearly = _number("--discount-rate", discount_rate) or Decimal(0)
    plan = exit_plan(one, find_product(one.product), day, chosen, yearly)
    answer = answers.answer(plan, how_used, (*known.findings, *unread))
    about = [one.id, plan.product.name, f"until {one.end}"]
    show(answer, about, json_out=json_out, csv_out=csv_out, html=html)
    raise typer.Exit(exit_code(answer.findings, fail_on))


def _known(told: Told | None, noticed: Sequence[Finding], opened: Project | None) -> Known:
    """What the file says alone, or with all the project knows; with what was noticed while reading it."""
    from dataclasses import replace

    if opened is None:
        from netyield.economics.commitments.known_terms import known

        found = known([told] if told else [])
    else:
        from netyield.project import Query
        from netyield.project.commitment_contracts import books_or_none, known_commitments

        found = known_commitments(opened, books_or_none(opened, Query()), told)
    return replace(found, findings=(*noticed, *found.findings))


class UseWords(NamedTuple):
    """What was said of the use on the command line."""

    used: str | None
    demand: Path | None
    history: str | None
    headroom: str | None


def _with_use(one: Commitment, words: UseWords, opened: Project | None) -> tuple[Commitment, str, Sequence[Finding]]:
    """The commitment with its use: as told, as declared, or as the project measured it; how it is known, and what was noticed."""
    from dataclasses import replace

    from netyield.faces.cli.commitments.headroom import share_of

    given = [name for name, value in (("--used", words.used), ("--demand", words.demand), ("--history", words.history)) if value]
    if len(given) > 1:
        message = f"{' and '.join(given)} both say what is in use."
        raise WrongUse(message, "Keep one of them.")
    if words.history and opened is None:
        message = "--history measures the books of a project, and there is none."
        raise WrongUse(message, "Give --project FOLDER, or --demand FILE.csv.")
    headroom = share_of(words.headroom)
    if (units := _number("--used", words.used)) is not None:
        return replace(one, used_units=units), "given with --used, the same in every hour", ()
    if words.demand is not None:
        return _of_file(one, words.demand, headroom)
    if one.used_units is not None and words.history is None:
        return one, "declared, the same in every hour", ()
    if opened is not None:
        from netyield.economics.commitments.offers import hours_of
        from netyield.project.commitment_use import measured_use

        hours = hours_of(words.history, "--history") if words.history else None
        measured = measured_use(opened, one, hours, headroom)
        if measured is not None:
            return one.with_use(measured.use), measured.words, measured.findings
    message = f"nothing says how many of the {one.quantity} units of {one.id} are in use."
    raise WrongUse(message, "Give --used UNITS or --demand FILE.csv, or declare used_units.")


def _of_file(one: Commitment, path: Path, headroom: Decimal | None) -> tuple[Commitment, str, Sequence[Finding]]:
    """Use from a CSV of hours: what is needed, else active with its headroom; never what is only allocated."""
    from netyield.economics.commitments.demand import NEEDED, with_needed
    from netyield.economics.commitments.demand_file import read_demand
    from netyield.economics.commitments.hourly_use import HourlyUse

    read, findings = read_demand(path)
    demand = with_needed(read, headroom)
    if NEEDED not in demand.series:
        message = f"{path} has only allocated units: that somebody holds them does not say that they are needed."
        raise WrongUse(message, "Add a column active or needed.")
    use = HourlyUse.of(demand.hour_us.tolist(), demand.series[NEEDED].tolist(), dated=demand.dated)
    season = "; months ahead as the same month of the history" if use.seasonal else ""
    words = f"{demand.hours:,} hours of {path.name}: needed units ({demand.how_needed}){season}"
    return one.with_use(use), words, findings


def _day(words: str | None) -> date:
    from netyield.core.period import parse_time

    if words is None:
        return date.today()
    try:
        return parse_time(words).date()
    except ValueError:
        message = f"--from {words!r} is no day."
        raise WrongUse(message, "Write 2026-12-01.") from None


def _number(option: str, words: str | None) -> Decimal | None:
    if words is None:
        return None
    try:
        found = Decimal(words)
    except InvalidOperation:
        found = Decimal("NaN")
    if not found.is_finite() or found < 0:
        message = f"{option} {words!r} is no number of zero or more."
        raise WrongUse(message, f"Write for example {option} 0.08.")
    return found
