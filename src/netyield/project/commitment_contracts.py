"""Which commitments does a project know, and from whom? netyield.toml, the contract dataset in its books, and its bill."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from netyield.answers.books import Query
from netyield.config import FILE_NAME
from netyield.core.errors import WrongUse
from netyield.economics.commitments.bill_terms import told_by_bill
from netyield.economics.commitments.contract_rows import told_by_rows
from netyield.economics.commitments.known_terms import Known, Told, known
from netyield.project.commitments import CommitmentBooks, commitment_books
from netyield.project.inputs import views
from netyield.sources.bills.contract_commitment_rows import TABLE
from netyield.store.engine import Engine

if TYPE_CHECKING:
    from netyield.core.finding import Finding
    from netyield.project.project import Project


def known_commitments(
    project: Project, books: CommitmentBooks | None, file: Told | None = None, as_of: str | None = None
) -> Known:
    """All that is known of each commitment. ``file`` stands for netyield.toml; ``books`` None = there is no bill."""
    declared = Told(FILE_NAME, {rule.id: rule.said() for rule in project.config.commitment}, FILE_NAME) if file is None else file
    dataset, findings = told_by_rows(contract_rows(project, as_of), "contract_commitments")
    origins = [declared, dataset, *([told_by_bill(books.billed, books.terms)] if books else [])]
    found = known(origins)
    return Known(found.commitments, found.missing, (*_twice(project, file), *findings, *found.findings))


def books_or_none(project: Project, query: Query) -> CommitmentBooks | None:
    """What the bill says; None where nothing is booked yet."""
    try:
        return commitment_books(project, query)
    except WrongUse:
        return None


def contract_rows(project: Project, as_of: str | None) -> Sequence[Mapping[str, Any]]:
    """Every booked row of the contract dataset."""
    manifest = project.manifest(as_of)
    if not manifest.of(TABLE):
        return []
    engine = Engine()
    try:
        views(engine, project.folder, manifest, TABLE)
        rows: list[dict[str, Any]] = engine.query(f"SELECT * FROM {TABLE} ORDER BY recorded_at, delivery, row_number").to_pylist()
        return rows
    finally:
        engine.close()


def _twice(project: Project, file: Told | None) -> list[Finding]:
    """Ids that netyield.toml declares more than once."""
    from netyield.core.finding import Finding, Severity

    ids = [rule.id for rule in project.config.commitment] if file is None else []
    again = sorted({name for name in ids if ids.count(name) > 1})
    repair = "Give each its own id."
    return [Finding("commitments.twice", Severity.ERROR, f"{name} is declared twice; the last counts", repair, FILE_NAME) for name in again]
