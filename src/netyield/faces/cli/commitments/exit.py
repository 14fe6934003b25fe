"""``netyield commitments exit ID``: keep, shrink, exchange, renegotiate, resell or pay to leave: the cheapest, and when."""

from __future__ import annotations

from datetime import date
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, Annotated

import typer

from netyield.core.errors import WrongUse
from netyield.faces.cli.commitments.contracts import Contracts
from netyield.faces.cli.options import Csv, FailOn, FailOnOption, Html, Json, ProjectPath, one_stdout

if TYPE_CHECKING:
    from netyield.economics.commitments.contract import Commitment
    from netyield.project import Project

Id = Annotated[str, typer.Argument(metavar="ID", help="The commitment's id, or how it begins or ends.")]
From = Annotated[str | None, typer.Option("--from", metavar="DAY", help="The first day it could be left (default: today).")]
Used = Annotated[
    str | None, typer.Option(metavar="UNITS", help="Units in use on an average hour (default: declared, else measured).")
]
OnDemand = Annotated[
    str | None, typer.Option("--on-demand-rate", metavar="RATE", help="On-demand rate per unit and hour (default: declared).")
]
Discount = Annotated[
    str, typer.Option("--discount-rate", metavar="SHARE", help="What money later is worth less a year, as 0.08.")
]
FutureOption = Annotated[
    list[str] | None,
    typer.Option(
        "--future", metavar="NAME:DEMAND:PRICE[:WEIGHT]",
        help="A scenario, changes a year, as 'slump:-0.5:-0.2:1'; may be repeated, replaces the five shipped.",
    ),
]  # fmt: skip


def exit_(
    commitment: Id,
    contracts: Contracts = None,
    from_day: From = None,
    used: Used = None,
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
    from netyield.economics.commitments.keep_value import FUTURES, Future
    from netyield.economics.commitments.products import find_product
    from netyield.faces.cli.commitments.contracts import contracts_of, one_of
    from netyield.faces.cli.commitments.show import show
    from netyield.faces.cli.opened import open_project
    from netyield.faces.cli.output import exit_code

    day = _day(from_day)
    opened = open_project(project) if contracts is None or project is not None else None
    known, findings = contracts_of(contracts, opened)
    one = one_of(known, commitment, findings)
    if day >= one.end:
        message = f"{one.id} ends on {one.end}: on {day} there is nothing to leave."
        raise WrongUse(message, "Give --from a day before it.")
    rate = _number("--on-demand-rate", on_demand_rate)
    one = one if rate is None else replace(one, on_demand_rate=rate)
    one, how_used = _with_use(one, _number("--used", used), opened)
    chosen = tuple(Future(*_future(words)) for words in future) if future else FUTURES
    yearly = _number("--discount-rate", discount_rate) or Decimal(0)
    plan = exit_plan(one, find_product(one.product), day, chosen, yearly)
    answer = answers.answer(plan, how_used, tuple(findings))
    about = [one.id, plan.product.name, f"until {one.end}"]
    show(answer, about, json_out=json_out, csv_out=csv_out, html=html)
    raise typer.Exit(exit_code(answer.findings, fail_on))


def _with_use(one: Commitment, used: Decimal | None, opened: Project | None) -> tuple[Commitment, str]:
    """The commitment with its use: as told, as declared, or as the bill of the project measured it."""
    from dataclasses import replace

    if used is not None:
        return replace(one, used_units=used), "given with --used"
    if one.used_units is not None:
        return one, "declared"
    if opened is not None:
        from netyield.project import Query
        from netyield.project.commitments import used_share

        share = used_share(opened, Query(), one.id)
        if share is not None:
            return replace(one, used_units=share * one.quantity), f"measured on the bill: {share:.1%} of its hours used"
    message = f"nothing says how many of the {one.quantity} units of {one.id} are in use."
    raise WrongUse(message, "Give --used UNITS, or declare used_units.")


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


def _future(words: str) -> tuple[str, Decimal, Decimal, Decimal]:
    """``NAME:DEMAND:PRICE[:WEIGHT]``. Raises WrongUse."""
    name, *rest = words.split(":")
    try:
        numbers = [Decimal(part) for part in rest]
    except InvalidOperation:
        numbers = []
    good = len(numbers) in (2, 3) and all(n.is_finite() for n in numbers) and min(numbers[:2]) > -1
    if not name or not good:
        message = f"--future {words!r} is not NAME:DEMAND:PRICE[:WEIGHT] with changes a year above -1."
        raise WrongUse(message, "Write for example --future slump:-0.5:-0.2.")
    if numbers[2:] and numbers[2] <= 0:
        message = f"--future {words!r} has no positive weight."
        raise WrongUse(message, "Give a weight above 0.")
    return name, numbers[0], numbers[1], numbers[2] if len(numbers) == 3 else Decimal(1)

