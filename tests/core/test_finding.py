"""Findings are values that add up."""

from __future__ import annotations

from netyield.core.evidence import Evidence, weakest
from netyield.core.finding import Finding, Severity, aggregate


def finding(
    row: int | None, code: str = "x.bad", severity: Severity = Severity.WARNING, file: str = "a.csv"
) -> Finding:
    return Finding(code, severity, "is wrong.", "Mend it.", file, row)


def test_ten_million_bad_rows_are_one_line_with_the_first_row() -> None:
    found = aggregate([finding(9), finding(3), finding(7)])
    assert len(found) == 1
    assert found[0].line() == "a.csv:3: warning x.bad: is wrong. (3 times) Mend it."


def test_a_message_ends_before_its_repair_begins() -> None:
    bare = Finding("x.bad", Severity.WARNING, "one model has no price", "Add it.")
    assert bare.line() == "warning x.bad: one model has no price. Add it."
    assert Finding("x.note", Severity.INFO, "as it is", "").line() == "info x.note: as it is"


def test_the_worst_come_first_and_files_stay_apart() -> None:
    found = aggregate([finding(1), finding(1, file="b.csv"), finding(5, "y.worse", Severity.ERROR)])
    assert [(f.code, f.file) for f in found] == [("y.worse", "a.csv"), ("x.bad", "a.csv"), ("x.bad", "b.csv")]


def test_a_sum_is_as_weak_as_its_weakest_part() -> None:
    assert weakest([Evidence.MEASURED, Evidence.MODELLED, Evidence.DERIVED]) is Evidence.MODELLED
    assert weakest([]) is Evidence.MEASURED
