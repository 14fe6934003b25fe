"""The asset registers of a project's sources, and what a useful token cost in each month of its books beside them."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal

from netyield.answers import depreciation
from netyield.answers.answer import Answer
from netyield.answers.books import Books, Query
from netyield.answers.measures import by_step, figures, per_mtok
from netyield.answers.unit_cost import slices
from netyield.core.depreciation import clock, first_day, month_name
from netyield.core.errors import ConfigError, WrongUse
from netyield.core.finding import Finding, Severity
from netyield.core.money import from_pico
from netyield.core.period import Period, iso, parse_time
from netyield.economics.assets.schedule import Schedule, schedule
from netyield.economics.assets.unit_costs import Cost, UnitCost
from netyield.project.owned_costs import Charges, booked, restated
from netyield.project.project import Project
from netyield.sources.bills.assets.register import Register
from netyield.sources.bills.assets.source import Assets

CUTS = ("model", "team")


def registers(project: Project) -> list[tuple[str, Register]]:
    """Every asset register of the project's sources. Raises ConfigError when there is none."""
    found = _registers(project)
    if not found:
        message = "the project has no asset register."
        raise ConfigError(message, 'Add [[source]] type = "assets" with its path, or give --asset FILE.')
    return found


def _registers(project: Project) -> list[tuple[str, Register]]:
    found: list[tuple[str, Register]] = []
    for source in project.sources().values():
        if isinstance(source, Assets):
            found += source.registers()
    return found


def depreciation_answer(project: Project, query: Query) -> Answer:
    """The registers' schedule in their own book, with the cost of a useful token; without a register it has no rows.

    ``query``: since and until (whole months are shown), as_of, and by (month or year); assets belong to no team or model.
    """
    if query.where or query.by not in (None, "month", "year"):
        message = "depreciation is by month or year, and is not narrowed by --where."
        raise WrongUse(message, "Leave it out; `netyield assets schedule --each` has every asset's own rows.")
    found = _registers(project)
    assets = [asset for _, register in found for asset in register.assets]
    known = None if query.as_of is None else parse_time(query.as_of).date()
    zone = project.config.project.timezone
    since, until = (None if text is None else f"{parse_time(text, zone):%Y-%m}" for text in (query.since, query.until))
    made = schedule(assets, found[0][1].terms.book if found else "ifrs", "year" if query.by == "year" else "month", known)
    costs, findings = unit_costs(project, as_of=known) if found else ([], [])
    told = [*(finding for _, register in found for finding in register.findings), *findings]
    return depreciation.answer(made, told, depreciation.Shown(until, unit_costs=tuple(costs), since=since))


def unit_costs(
    project: Project, full: Schedule | None = None, other: Schedule | None = None, as_of: date | None = None
) -> tuple[list[UnitCost], list[Finding]]:
    """Cost per useful million tokens of every month of the default window, in all and by model and team.

    ``full``: the schedule whose charges stand for the booked ones (None: as booked). ``other``: one of a what-if beside it.
    """
    asked = None if as_of is None else f"{as_of}T23:59:59Z"
    try:
        window, _ = project.window(Query(as_of=asked), project.manifest(asked))
    except WrongUse as nothing:
        return [], [Finding("assets.no_books", Severity.INFO, f"no cost per useful token: {nothing.message}", nothing.repair)]
    found: list[UnitCost] = []
    findings: list[Finding] = []
    for month, part in _months(window):
        books = project.books(Query(since=iso(part.since), until=iso(part.until), as_of=asked))
        found += _month(project, books, month, (full, other), findings)
    return found, list(dict.fromkeys(findings))


def _months(window: Period) -> list[tuple[int, Period]]:
    """The months of a window, the first and the last as far as it reaches."""
    found = []
    for month in range(int(clock(window.since.date())), int(clock(window.until.date())) + 1):
        edges = [datetime.combine(first_day(each), datetime.min.time(), UTC) for each in (month, month + 1)]
        since, until = max(window.since, edges[0]), min(window.until, edges[1])
        if since < until:
            found.append((month, Period(since, until)))
    return found


def _month(
    project: Project, books: Books, month: int, schedules: tuple[Schedule | None, Schedule | None], findings: list[Finding]
) -> list[UnitCost]:
    """One month's costs as the ledger has them or with other charges, without depreciation, and in a what-if."""
    name = month_name(month)
    manifest = project.manifest(books.query.as_of)
    closed = manifest.closed.get(name)
    if closed:  # a closed month is read from the books that closed it
        manifest = project.folder.manifest_number(int(closed["manifest"]))
    lines, foreign = booked(project.folder, manifest, project.config, books)
    if foreign:
        message = f"depreciation of {name} without a dated rate to {books.currency} is not in the unit costs ({foreign:,} lines)."
        findings.append(Finding("assets.no_rate", Severity.WARNING, message, "Give the register functional_currency and [[rate]]."))

    def with_charges(schedule: Schedule | None) -> Books:
        changed, left = restated(books, lines, None if schedule is None else _charges(schedule))
        if left:
            message = f"{from_pico(left):,.2f} {books.currency} of depreciation in {name} stand on no leaf of the report; they are left out."
            findings.append(Finding("assets.unplaced", Severity.WARNING, message, "Run `netyield check` for the pools of owned hardware."))
        return changed

    full, other = schedules
    as_asked = books if full is None else with_charges(full)
    return _costs(name, as_asked, with_charges(None), None if other is None else with_charges(other))


def _charges(schedule: Schedule) -> Charges:
    """Every asset's charge by month."""
    return {
        (found.asset.id, month): (charge, found.asset.currency)
        for found in schedule.histories for month, charge in zip(found.months, found.charges(), strict=True)
    }  # fmt: skip


def _costs(name: str, full: Books, bare: Books, other: Books | None) -> list[UnitCost]:
    """The month in all, then by each dimension. Where nothing but depreciation was paid, the rest costs nothing."""
    span = (_moment(full.window.since), _moment(full.window.until))
    rest, money = Decimal(0), full.currency
    found = [UnitCost(name, span, money, _whole(full), _whole(bare, rest), other=None if other is None else _whole(other))]
    for by in CUTS:
        without, changed = _sliced(bare, by, rest), {} if other is None else _sliced(other, by)
        for value, cost in _sliced(full, by).items():
            found.append(UnitCost(name, span, money, cost, without.get(value, Cost(rest, None, None)), by, value, changed.get(value)))
    return found


def _moment(at: datetime) -> str:
    """The day alone where it begins."""
    return iso(at).removesuffix("T00:00:00Z")


def _whole(books: Books, nothing: Decimal | None = None) -> Cost:
    found = figures(by_step(books))
    return _cost(found.in_scope, (found.possible_tokens, found.useful_tokens), nothing)


def _sliced(books: Books, by: str, nothing: Decimal | None = None) -> dict[str, Cost]:
    """The loaded cost of every slice, as the unit costs of the report have it."""
    return {
        row["slice"]: _cost(row["loaded_pico"], (row["useful_high_tokens"], row["useful_low_tokens"]), nothing)
        for row in slices(books, by, "TRUE")
    }


def _cost(pico: int, tokens: tuple[int, int], nothing: Decimal | None) -> Cost:
    """Money in scope and its two bounds per million tokens; ``nothing``: what no money over some tokens is."""
    low, high = (nothing if each and not pico else per_mtok(pico, each) for each in tokens)
    return Cost(from_pico(pico), low, high)

