"""Which filter words does every verb take? One spelling for all, as the web address will have them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from netyield.core.errors import WrongUse

if TYPE_CHECKING:
    from netyield.project import Project, Query


class Basis(StrEnum):
    """Which cost column the figures are in."""

    EFFECTIVE = "effective"
    BILLED = "billed"
    LIST = "list"
    CONTRACTED = "contracted"


class FailOn(StrEnum):
    """The least severity of a finding that makes the exit code 1."""

    ERROR = "error"
    WARNING = "warning"
    INFO = "info"
    NEVER = "never"


FILTERS, OUTPUT = "Filters", "Output"
Since = Annotated[
    str | None,
    typer.Option(metavar="TIME", help="Start of the window (included): 2026-11, 2026-11-01 or 2026-11-01T06:00Z.",
                 rich_help_panel=FILTERS),
]  # fmt: skip
Until = Annotated[
    str | None,
    typer.Option(metavar="TIME", help="End of the window (not included).", rich_help_panel=FILTERS),
]
By = Annotated[
    str | None,
    typer.Option(
        metavar="DIMENSION", help="Cut by model, team, app, tenant, pool, provider ...", rich_help_panel=FILTERS
    ),
]
Where = Annotated[
    list[str] | None,
    typer.Option(
        metavar="KEY=VALUE", help="Keep only this value of a dimension; may be repeated.", rich_help_panel=FILTERS
    ),
]
BasisOption = Annotated[
    Basis, typer.Option("--basis", help="Which cost column: effective is amortised.", rich_help_panel=FILTERS)
]
Currency = Annotated[
    str | None,
    typer.Option(metavar="CODE", help="Convert by the project's dated rates.", rich_help_panel=FILTERS),
]
AsOf = Annotated[
    str | None,
    typer.Option("--as-of", metavar="TIME", help="The books as they stood then.", rich_help_panel=FILTERS),
]
ProjectPath = Annotated[
    Path | None,
    typer.Option(
        "--project",
        metavar="PATH",
        help="Project folder or its netyield.toml (default: the nearest upwards).",
        rich_help_panel=FILTERS,
    ),
]
Json = Annotated[
    bool, typer.Option("--json", help="Print one JSON object on stdout and nothing else.", rich_help_panel=OUTPUT)
]
Csv = Annotated[
    str | None,
    typer.Option("--csv", metavar="PATH", help="Write the table as CSV; - is stdout.", rich_help_panel=OUTPUT),
]
Html = Annotated[
    Path | None,
    typer.Option("--html", metavar="PATH", help="Write one self-contained HTML file.", rich_help_panel=OUTPUT),
]
FailOnOption = Annotated[
    FailOn,
    typer.Option("--fail-on", help="Exit with 1 when a finding is at least this severe.", rich_help_panel=OUTPUT),
]


@dataclass(frozen=True)
class Filters:
    """The filter words of one call, as typed."""

    since: str | None = None
    until: str | None = None
    by: str | None = None
    where: Sequence[str] = ()
    basis: Basis = Basis.EFFECTIVE
    currency: str | None = None
    as_of: str | None = None

    def query(self, project: Project, by: str | None = None) -> Query:
        """The question these words ask of a project, cut ``by`` a dimension. Raises WrongUse.

        Times without a zone are in the project's.
        """
        from netyield.project import Query

        zone = project.config.project.timezone
        return Query(
            since=_time("--since", self.since, zone),
            until=_time("--until", self.until, zone),
            by=by,
            where=self.conditions(),
            basis=self.basis.value,
            currency=self.currency.upper() if self.currency else None,
            as_of=_time("--as-of", self.as_of, zone),
        )

    def conditions(self) -> dict[str, str]:
        """``--where`` as a mapping. Raises WrongUse for a word that is no key=value and for a key given twice."""
        found: dict[str, str] = {}
        for word in self.where:
            key, equals, value = word.partition("=")
            if not equals or not key.strip():
                message = f"--where {word!r} is not KEY=VALUE."
                raise WrongUse(message, "Write for example --where team=search.")
            if key.strip() in found:
                message = f"--where {key.strip()} is given twice."
                raise WrongUse(message, "Keep one of them.")
            found[key.strip()] = value
        return found

    def words(self) -> list[str]:
        """The words that repeat everything but the window and the dimension in another command."""
        repeated = [part for word in self.where for part in ("--where", word)]
        if self.basis is not Basis.EFFECTIVE:
            repeated += ["--basis", self.basis.value]
        if self.currency:
            repeated += ["--currency", self.currency.upper()]
        return repeated + (["--as-of", self.as_of] if self.as_of else [])


def _time(option: str, text: str | None, zone: str) -> str | None:
    """The ISO text of a time, UTC."""
    from netyield.core.period import iso, parse_time

    if text is None:
        return None
    year, _, month = text.strip().partition("-")
    whole_month = len(year) == 4 and len(month) == 2 and f"{year}{month}".isdigit()
    try:
        return iso(parse_time(f"{text.strip()}-01" if whole_month else text, zone))
    except ValueError:
        message = f"{option} {text!r} is not a time."
        raise WrongUse(message, "Write 2026-11, 2026-11-01 or 2026-11-01T06:00Z.") from None


def one_stdout(json_out: bool, csv_out: str | None, html: Path | None) -> None:
    """Raise WrongUse when two forms both want stdout, or a page does, which is a file."""
    if json_out and csv_out == "-":
        message = "--json and --csv - both want stdout."
        raise WrongUse(message, "Give --csv a file.")
    if html is not None and str(html) == "-":
        message = "--html writes a file, not stdout."
        raise WrongUse(message, "Name it, for example --html report.html.")
