"""Where does an answer go? JSON and CSV as exact bytes on stdout or in a file, HTML in a file, an exit code at the end.

When JSON or CSV goes to stdout, it is the only thing there.
"""

from __future__ import annotations

import csv
import io
import json
import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from netyield.core.errors import WrongUse
from netyield.core.finding import RANK, Finding, Severity
from netyield.faces.cli.failure import FINDINGS, GOOD, PipeClosed
from netyield.faces.cli.options import FailOn

if TYPE_CHECKING:
    import pyarrow as pa

    from netyield.answers.answer import Answer

STDOUT = "-"


def write_bytes(data: bytes) -> None:
    """Exactly these bytes on stdout, whatever the terminal's encoding."""
    try:
        sys.stdout.flush()
        sys.stdout.buffer.write(data)
        sys.stdout.buffer.flush()
    except BrokenPipeError:
        raise PipeClosed from None


def say(line: str) -> None:
    """A remark for a person, beside the output: stderr."""
    print(line, file=sys.stderr)  # noqa: T201


def json_bytes(value: Any) -> bytes:
    """One JSON object and a line end; NaN and infinity are refused."""
    return (json.dumps(value, indent=2, allow_nan=False, ensure_ascii=False) + "\n").encode("utf-8")


def csv_bytes(table: pa.Table) -> bytes:
    """The table with all digits; text a spreadsheet would run as a formula starts with an apostrophe."""
    from netyield.faces.cells import guarded, table_rows

    stream = io.StringIO(newline="")
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(table.column_names)
    writer.writerows([guarded(value) for value in row.values()] for row in table_rows(table))
    return stream.getvalue().encode("utf-8")


def write_csv(path: str, table: pa.Table) -> None:
    """CSV to a file, or to stdout for ``-``."""
    if path == STDOUT:
        write_bytes(csv_bytes(table))
    else:
        write_file(Path(path), csv_bytes(table))


def write_file(path: Path, data: bytes) -> None:
    """The bytes in a file, its folder made; says where. Raises WrongUse when it cannot be written."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    except OSError as error:
        message = f"{path} cannot be written: {error.strerror}."
        raise WrongUse(message, "Choose another path.") from None
    say(f"Wrote {path}")


def write_html(path: Path, answers: Sequence[Answer], *, project: str, filters: Sequence[str]) -> None:
    """The report page in a file."""
    from netyield.faces.report.page import page

    write_file(path, page(answers, project=project, filters=filters).encode("utf-8"))


def counts(findings: Iterable[Finding]) -> dict[str, int]:
    """How many findings of each severity, worst first."""
    found = dict.fromkeys((Severity.ERROR, Severity.WARNING, Severity.INFO), 0)
    for finding in findings:
        found[finding.severity] += 1
    return {str(severity): number for severity, number in found.items()}


def exit_code(findings: Iterable[Finding], fail_on: FailOn) -> int:
    """1 when a finding is at least as severe as ``fail_on``, else 0."""
    if fail_on is FailOn.NEVER:
        return GOOD
    limit = RANK[Severity(fail_on.value)]
    return FINDINGS if any(RANK[finding.severity] >= limit for finding in findings) else GOOD


def finding_object(finding: Finding) -> Mapping[str, Any]:
    """A finding as JSON."""
    return {
        "code": finding.code,
        "severity": str(finding.severity),
        "message": finding.message,
        "repair": finding.repair,
        "file": finding.file or None,
        "row": finding.row,
        "count": finding.count,
    }
