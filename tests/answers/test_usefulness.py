"""Verdicts with their money and tokens, by hand."""

from __future__ import annotations

import pytest
from made_books import leaf, make

from netyield.answers import usefulness

LEAVES = [
    leaf("useful", 30, reason="accepted"),
    leaf("useful", 0, reason="accepted", unit_tokens=300, attempts=3),
    leaf("wasted.superseded", 10, reason="superseded", unit_tokens=90, attempts=1),
    leaf("overhead", 4, reason="overhead", attempts=2),
    leaf("unproven", 6, reason="no_signal", unit_tokens=50, attempts=4),
    leaf("unproven.attested", 0, reason="attested", attempts=1),
    leaf("unpriced", 0, reason="useful", unit_tokens=70, attempts=5),
    leaf("unpriced", 9, reason="billed"),
    leaf("idle", 99),
    leaf("unknown", 99),
]


def test_money_and_tokens_of_every_verdict_stand_together_dearest_first() -> None:
    rows = usefulness.answer(make(leaves=LEAVES)).body["rows"]
    assert [(r["verdict"], r["reason"], r["grade"], r["output_tokens"], r["answers"], r["amount"]) for r in rows] == [
        ("useful", "accepted", 3, 300, 3, "30"),
        ("wasted", "superseded", 3, 90, 1, "10"),
        ("unproven", "no_signal", 0, 50, 4, "6"),
        ("overhead", "overhead", 3, 0, 2, "4"),
        ("unpriced", "useful", 0, 70, 5, "0"),
        ("unproven", "attested", 0, 0, 1, "0"),
    ]
    assert [r["share"] for r in rows] == [0.6, 0.2, 0.12, 0.08, 0.0, 0.0]


def test_the_headline_is_the_covered_share_of_the_money_of_requests() -> None:
    answer = usefulness.answer(make(leaves=LEAVES))
    assert answer.headline == {"coverage": 0.88, "policy": "utok/1 x", "request_money": "50"}
    assert answer.description == "Evidence covers 88.0% of the money of requests (50.00 USD)."


@pytest.mark.parametrize(
    ("leaves", "words"),
    [([], "No request was seen"), ([leaf("useful", 0, reason="accepted", attempts=1)], "Requests carry no money")],
)
def test_nothing_to_cover_is_said_in_words(leaves: list[dict[str, object]], words: str) -> None:
    answer = usefulness.answer(make(leaves=leaves))
    assert answer.description.startswith(words)
    assert answer.headline["coverage"] is None


def test_silence_alone_is_no_coverage() -> None:
    answer = usefulness.answer(
        make(
            leaves=[
                leaf("unproven", 5, reason="no_signal", attempts=2),
                leaf("unproven.attested", 5, reason="attested", attempts=2),
            ]
        )
    )
    assert answer.headline["coverage"] == 0
