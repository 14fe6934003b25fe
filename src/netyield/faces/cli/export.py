"""``netyield export``: answers as files for other programs, with every digit and every view."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from netyield.faces.cli.options import (
    AsOf,
    Basis,
    BasisOption,
    By,
    Currency,
    Filters,
    ProjectPath,
    Since,
    Until,
    Where,
)

if TYPE_CHECKING:
    import pyarrow as pa

    from netyield.answers.answer import Answer


class Format(StrEnum):
    """A file format; csv, parquet and json carry the data, svg and png the charts."""

    CSV = "csv"
    PARQUET = "parquet"
    JSON = "json"
    SVG = "svg"
    PNG = "png"


Names = Annotated[
    list[str] | None, typer.Argument(metavar="[ANSWER]...", help="Which answers; without any, all of them.")
]
FormatOption = Annotated[Format, typer.Option("--format", help="csv, parquet, json; svg and png are the charts.")]
Folder = Annotated[Path, typer.Option("--to", metavar="FOLDER", help="Where the files go.")]


def export(
    names: Names = None,
    file_format: FormatOption = Format.CSV,
    to: Folder = Path("export"),
    since: Since = None,
    until: Until = None,
    by: By = None,
    where: Where = None,
    basis: BasisOption = Basis.EFFECTIVE,
    currency: Currency = None,
    as_of: AsOf = None,
    project: ProjectPath = None,
) -> None:
    """Write answers and their views as CSV, Parquet or JSON files, or their charts as SVG or PNG."""
    from netyield.faces.cli.opened import open_project
    from netyield.faces.cli.output import write_file
    from netyield.faces.cli.report import ANSWERS, collect, known_answer

    filters = Filters(since, until, by, tuple(where or ()), basis, currency, as_of)
    filters.conditions()
    wanted = [known_answer(name) for name in names or ANSWERS]
    opened = open_project(project)
    for answer in collect(opened, [(name, by) for name in wanted], filters):
        for name, data in files(answer, file_format):
            write_file(to / f"{name}.{file_format.value}", data)


def files(answer: Answer, file_format: Format) -> list[tuple[str, bytes]]:
    """(file name without ending, bytes) of an answer in a format."""
    from netyield.faces.cli.output import csv_bytes, json_bytes

    if file_format is Format.JSON:
        return [(answer.name, json_bytes(answer.body))]
    if file_format in {Format.SVG, Format.PNG}:
        return _charts(answer, file_format)
    tables = [(answer.name, answer.table)]
    tables += [(f"{answer.name}_{view}", table) for view, (table, _) in answer.views.items()]
    return [(name, csv_bytes(table) if file_format is Format.CSV else _parquet(table)) for name, table in tables]


def _parquet(table: pa.Table) -> bytes:
    import pyarrow as pa
    from pyarrow import parquet

    sink = pa.BufferOutputStream()
    parquet.write_table(table, sink)
    return bytes(sink.getvalue())


def _charts(answer: Answer, file_format: Format) -> list[tuple[str, bytes]]:
    from netyield.charts import render
    from netyield.charts.drawings import drawings

    found = []
    drawn = drawings(answer)
    names = [drawing.name for drawing in drawn]
    for number, drawing in enumerate(drawn):
        same = names[: number + 1].count(drawing.name)
        name = drawing.name if names.count(drawing.name) == 1 else f"{drawing.name}_{same}"
        data = render.svg(drawing).encode("utf-8") if file_format is Format.SVG else render.png(drawing)
        found.append((name, data))
    return found
