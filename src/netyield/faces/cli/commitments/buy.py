"""``netyield commitments buy``: how much to commit, for which term, at what risk."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from netyield.core.errors import WrongUse
from netyield.faces.cli.commitments.futures import FutureOption, futures_of
from netyield.faces.cli.options import Csv, FailOn, FailOnOption, Html, Json, ProjectPath, Where, one_stdout

if TYPE_CHECKING:
    from netyield.core.finding import Finding
    from netyield.economics.commitments.demand import Demand

DEMAND, PLAN = "Demand", "Plan"


class PlanOn(StrEnum):
    """Which demand the plan is made for."""

    NEEDED = "needed"
    ALLOCATED = "allocated"


DemandPath = Annotated[
    Path | None,
    typer.Option(
        "--demand", metavar="PATH", rich_help_panel=DEMAND,
        help="CSV of hours: hour, and any of allocated, active, needed, paid in units.",
    ),
]  # fmt: skip
OffersPath = Annotated[
    Path | None,
    typer.Option("--offers", metavar="PATH", help="TOML of the offers and the on-demand rate.", rich_help_panel=PLAN),
]
History = Annotated[
    str | None,
    typer.Option(metavar="LENGTH", help="Without --demand: so much of the project's books, as 90d.", rich_help_panel=DEMAND),
]
Headroom = Annotated[
    str | None,
    typer.Option(metavar="SHARE", help="Needed is active plus this share, as 0.3, where nothing says what is needed.",
                 rich_help_panel=DEMAND),
]  # fmt: skip
Paid = Annotated[
    int | None,
    typer.Option(metavar="UNITS", help="Units paid for already in every hour; used before anything is bought.",
                 rich_help_panel=DEMAND),
]  # fmt: skip
PlanOnOption = Annotated[
    PlanOn,
    typer.Option("--plan-on", help="Commit to needed units; to allocated ones (an upper bound) only when told.",
                 rich_help_panel=PLAN),
]  # fmt: skip
HoldBack = Annotated[
    str | None,
    typer.Option(metavar="LENGTH", help="Plan without the last hours, as 7d, and judge on them alone.", rich_help_panel=PLAN),
]
Draws = Annotated[
    int | None, typer.Option(metavar="N", help="Histories drawn from whole weeks for the range.", rich_help_panel=PLAN)
]
Seed = Annotated[int, typer.Option(metavar="N", help="Seed of those draws.", rich_help_panel=PLAN)]


def buy(
    demand: DemandPath = None,
    offers: OffersPath = None,
    history: History = None,
    headroom: Headroom = None,
    paid: Paid = None,
    plan_on: PlanOnOption = PlanOn.NEEDED,
    hold_back: HoldBack = None,
    draws: Draws = None,
    seed: Seed = 0,
    future: FutureOption = None,
    where: Where = None,
    json_out: Json = False,
    csv_out: Csv = None,
    html: Html = None,
    fail_on: FailOnOption = FailOn.ERROR,
    project: ProjectPath = None,
) -> None:
    """Plan how much to commit, from hourly demand and offers, after what is paid for already."""
    one_stdout(json_out, csv_out, html)
    if offers is None:
        message = "There are no offers to choose from."
        raise WrongUse(message, "Give --offers FILE.toml (docs/commitments.md shows one).")
    if demand is not None and (history or where or project):
        message = "--demand and a project's history are two sources of demand."
        raise WrongUse(message, "Give --demand, or --history with --project and --where.")

    from netyield.answers import commit_plan
    from netyield.economics.commitments.buy import Question
    from netyield.economics.commitments.buy import buy as plan
    from netyield.economics.commitments.demand import with_needed
    from netyield.economics.commitments.offers import hours_of, read_offers
    from netyield.faces.cli.commitments.headroom import share_of
    from netyield.faces.cli.commitments.show import show
    from netyield.faces.cli.output import exit_code
    from netyield.faces.cli.progress import Working

    share = share_of(headroom)
    held = hours_of(hold_back, "--hold-back") if hold_back else None
    book, findings = read_offers(offers)
    with Working("Reading the demand") as working:
        found, noticed = _demand(demand, history, where, project)
        found = with_needed(_with_paid(found, paid), share)
        working("Planning", 0)
        made = plan(found, book, Question(plan_on.value, held, draws, seed, futures_of(future)))
    answer = commit_plan.answer(made, book, (*findings, *noticed))
    about = [f"{found.hours:,} hours of demand", f"{len(book.offers)} offers", offers.name]
    show(answer, about, json_out=json_out, csv_out=csv_out, html=html)
    raise typer.Exit(exit_code(answer.findings, fail_on))


def _demand(
    path: Path | None, history: str | None, where: list[str] | None, project: Path | None
) -> tuple[Demand, list[Finding]]:
    """The hours of the file, or of the project's books."""
    if path is not None:
        from netyield.economics.commitments.demand_file import read_demand

        return read_demand(path)
    from netyield.economics.commitments.offers import hours_of
    from netyield.faces.cli.opened import open_project
    from netyield.faces.cli.options import Filters
    from netyield.project.commitments import demand_history

    opened = open_project(project)
    hours = hours_of(history, "--history") if history else None
    return demand_history(opened, Filters(where=tuple(where or ())).query(opened), hours)


def _with_paid(demand: Demand, paid: int | None) -> Demand:
    """The demand with so many units paid for in every hour. Raises WrongUse."""
    if paid is None:
        return demand
    from dataclasses import replace

    import numpy as np

    from netyield.economics.commitments.demand import PAID
    from netyield.economics.commitments.plan_cost import MICRO

    if PAID in demand.series:
        message = "--paid says again what the demand says itself."
        raise WrongUse(message, "Leave --paid out, or take the column paid out of the file.")
    if paid < 0:
        message = f"--paid {paid} is negative."
        raise WrongUse(message, "Give the units paid for, 0 or more.")
    return replace(demand, series={**demand.series, PAID: np.full(demand.hours, paid * MICRO, dtype=np.int64)})
