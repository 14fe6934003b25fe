"""The answer ``coverage`` of a project: what its bill says of commitments beside what is known of their terms."""

from __future__ import annotations

from typing import TYPE_CHECKING

from netyield.answers import coverage
from netyield.answers.answer import Answer
from netyield.answers.books import Query
from netyield.project.commitment_contracts import known_commitments
from netyield.project.commitments import commitment_books

if TYPE_CHECKING:
    from netyield.core.finding import Finding
    from netyield.economics.commitments.known_terms import Told
    from netyield.project.project import Project


def coverage_answer(project: Project, query: Query, file: Told | None = None, findings: tuple[Finding, ...] = ()) -> Answer:
    """Utilisation, coverage, savings and ends of every commitment. ``file``: contracts that stand for those of netyield.toml."""
    books = commitment_books(project, query)
    found = known_commitments(project, books, file, query.as_of)
    return coverage.answer(
        books.rows, books.days, books.terms, found.commitments, window=books.window, currency=books.currency, as_of=books.as_of,
        waterfall_pico=books.waterfall_pico, findings=(*findings, *found.findings, *books.findings),
    )  # fmt: skip
