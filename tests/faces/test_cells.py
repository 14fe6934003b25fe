"""Cells: rounded for the eye, exact for a machine, safe in a spreadsheet."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from netyield.answers.answer import AnswerColumn
from netyield.faces.cells import cell, exact, guarded

AMOUNT = AnswerColumn("amount", "money", "currency", "")
RATE = AnswerColumn("usd_per_useful_mtok_high", "money", "currency per million tokens", "")


def test_money_is_rounded_for_the_eye_and_exact_beside_it() -> None:
    found = cell(Decimal("92659.723456789012"), AMOUNT, "USD")
    assert (found.text, found.exact, found.numeric) == ("$92,659.72", "92659.723456789012", True)


def test_a_price_per_something_keeps_its_digits() -> None:
    assert cell(Decimal("0.0213"), RATE, "EUR").text == "€0.0213"


def test_an_upper_bound_is_unbounded_only_when_there_is_a_lower_one() -> None:
    unbounded = cell(None, RATE, "USD", {"usd_per_useful_mtok_low": Decimal(9)})
    unmeasured = cell(None, RATE, "USD", {"usd_per_useful_mtok_low": None})
    assert (unbounded.text, unbounded.missing) == ("unbounded", False)
    assert (unmeasured.text, unmeasured.missing) == ("not measured", True)


@pytest.mark.parametrize(
    ("kind", "value", "words"),
    [
        ("share", 0.3115, "31.2%"),
        ("hours", 636864.04, "636,864.0"),
        ("number", 1234567, "1,234,567"),
        ("time", datetime(2026, 11, 1, tzinfo=UTC), "2026-11-01"),
        ("time", datetime(2026, 11, 1, 13, 5, tzinfo=UTC), "2026-11-01 13:05"),
        ("flag", True, "yes"),
        ("text", "search", "search"),
        ("text", "__unattributed__", "(unattributed)"),
        ("text", None, ""),
        ("share", None, "not measured"),
        ("number", float("inf"), "not measured"),
    ],
)
def test_every_kind_has_its_words(kind: str, value: Any, words: str) -> None:
    assert cell(value, AnswerColumn("column", kind, "", ""), "USD").text == words


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (Decimal("1E+3"), "1000"),
        (Decimal("-0.000000000000"), "0"),
        (0.1, "0.1"),
        (True, "true"),
        (None, ""),
        (float("nan"), ""),
        (datetime(2026, 11, 1, tzinfo=UTC), "2026-11-01T00:00:00Z"),
    ],
)
def test_exact_text(value: Any, text: str) -> None:
    assert exact(value) == text


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t", "\r"])
def test_text_a_spreadsheet_would_run_is_defused(start: str) -> None:
    assert guarded(f"{start}cmd|' /C calc'!A0") == f"'{start}cmd|' /C calc'!A0"


def test_numbers_are_never_defused() -> None:
    assert guarded(Decimal("-12.5")) == "-12.5"
    assert guarded(-3) == "-3"
    assert guarded("search") == "search"
