"""What a feedback system's word or number says about an answer, and how well it is known.

The words stand in ``vocabulary.toml``. Grades: 4 a person or business record, 3 a machine's fact, 2 a model's
judgement, 1 inferred.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from functools import cache
from importlib import resources

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from netyield.core.money import MONEY
from netyield.sources.event_columns import amounts, translate, words
from netyield.sources.mapped_log import Columns
from netyield.sources.refusals import Refusals

ASSUMED_GRADE = 3
FULL_PPM = 1_000_000
A_WORD = r"^[\w.:/ -]{1,64}$"
GRADE_WORDS = {
    **{f"{letter}{grade}": grade for letter in ("", "e") for grade in "1234"},
    "human": "4", "machine": "3", "judge": "2", "inference": "1",
}


@dataclass(frozen=True, slots=True)
class Policy:
    """The configuration's own words and thresholds."""

    verdicts: Mapping[str, str] = field(default_factory=dict)
    grades: Mapping[str, int] = field(default_factory=dict)
    positive_above: Decimal | None = None
    negative_below: Decimal | None = None
    grade: int | None = None


@cache
def words_for(kind: str) -> Mapping[str, str]:
    """Spelling to word for one kind (``verdict``, ``grade`` ...)."""
    text = resources.files("netyield.sources.outcomes").joinpath("vocabulary.toml").read_text(encoding="utf-8")
    return {spelling: word for word, spellings in tomllib.loads(text)[kind].items() for spelling in spellings}


def known_verdicts() -> tuple[str, ...]:
    """The verdicts an outcome can have."""
    return tuple(dict.fromkeys(words_for("verdict").values()))


def verdicts(columns: Columns, policy: Policy, refusals: Refusals) -> pa.Array:
    """One verdict per row: from its word, else its number, else its share. Rows without one are refused."""
    nothing = pa.nulls(refusals.numbers.size, pa.string())
    cells = words(columns["verdict"]) if "verdict" in columns else nothing
    own = {_plain(word): verdict for word, verdict in policy.verdicts.items()}
    found, unknown = translate(cells, {**words_for("verdict"), **own})
    numbers, no_number = amounts(cells if "score" not in columns else pc.coalesce(words(columns["score"]), cells))
    judged = _by_number(numbers, policy, refusals)
    found = pc.coalesce(found, judged)
    if policy.positive_above is None:
        repair = "Set positive_above, the number above which a score means accepted."
        numeric = _valid(numbers) & ~_valid(found)
        refusals.refuse(numeric, "score_without_threshold", "the score has no threshold to be judged by", repair)
    share, _ = amounts(columns["share"]) if "share" in columns else (None, None)
    if share is not None:
        positive = pc.if_else(pc.greater(share, pa.scalar(0).cast(MONEY)), "accepted", "rejected")
        found = pc.coalesce(found, pc.if_else(pc.is_null(cells), positive, None))
    repair = f"Add the word to verdicts = {{...}}; the verdicts are {', '.join(known_verdicts())}."
    refusals.refuse(unknown & no_number & ~_valid(found), "unknown_verdict", "the verdict is an unknown word", repair)
    refusals.refuse(~_valid(found), "no_verdict", "the row has no verdict", "Map verdict, score or share.")
    return found


def _by_number(numbers: pa.Array, policy: Policy, refusals: Refusals) -> pa.Array:
    if policy.positive_above is None:
        return pa.nulls(len(numbers), pa.string())
    high = pc.greater(numbers, pa.scalar(policy.positive_above, MONEY))
    if policy.negative_below is None:
        return pc.if_else(high, "accepted", "rejected")
    low = pc.less(numbers, pa.scalar(policy.negative_below, MONEY))
    between = pc.fill_null(pc.and_not(pc.invert(high), low), False).to_numpy(zero_copy_only=False)
    message = "the score lies between negative_below and positive_above and says neither"
    refusals.refuse(between, "neutral_score", message, "Nothing, if such scores are neutral.", warning=True)
    return pc.if_else(high, "accepted", pc.if_else(low, "rejected", None))


def shares(columns: Columns, refusals: Refusals) -> pa.Array:
    """Accepted share in ppm from ``accepted_ppm``, ``share`` (0 to 1) or ``share_percent``; null where not given."""
    result = pa.nulls(refusals.numbers.size, pa.int64())
    for name, factor in (("accepted_ppm", 1), ("share", FULL_PPM), ("share_percent", FULL_PPM // 100)):
        if name in columns:
            value, wrong = amounts(columns[name])
            ppm = pc.multiply(value.cast(pa.decimal128(25, 12)), pa.scalar(factor, pa.decimal128(7, 0)))
            whole = ppm.cast(pa.int64(), safe=False)
            outside = pc.fill_null(pc.or_(pc.less(ppm, 0), pc.greater(ppm, FULL_PPM)), False)
            message = f"{name} is no share of the answer"
            repair = "A share lies between 0 and 1 (share_percent: 0 and 100)."
            refusals.refuse(wrong | outside.to_numpy(zero_copy_only=False), "bad_share", message, repair)
            result = pc.coalesce(result, whole)
    return result


def grades(columns: Columns, verdict: pa.Array, policy: Policy, refusals: Refusals) -> pa.Array:
    """1 to 4 per row: its own grade, the configured one, that of its signal, else what its verdict can be worth."""
    size = refusals.numbers.size
    found = pa.nulls(size, pa.string())
    if "grade" in columns:
        found, unknown = translate(words(columns["grade"]), GRADE_WORDS)
        refusals.refuse(unknown, "bad_grade", "the grade is not one of 1 to 4", "Write 1, 2, 3, 4 or E1 to E4.")
    if policy.grade is not None:
        found = pc.coalesce(found, pa.scalar(str(policy.grade)))
    if "signal" in columns:
        own = {_plain(signal): str(grade) for signal, grade in policy.grades.items()}
        found = pc.coalesce(found, translate(words(columns["signal"]), {**words_for("grade"), **own})[0])
    assumed = ~_valid(found)
    message = "the record names no known kind; it counts as a machine's fact (grade 3), inferred ones as grade 1"
    refusals.remark(assumed, "grade_assumed", message, "Set grade = 1 to 4, map signal, or set grades.", info=True)
    by_verdict = translate(verdict, words_for("grade_of_verdict"))[0]
    return pc.coalesce(found, by_verdict, pa.scalar(str(ASSUMED_GRADE))).cast(pa.int64())


def signals(columns: Columns) -> pa.Array | None:
    """The kind of record, where it is a short word and not a text."""
    if "signal" not in columns:
        return None
    cells = words(columns["signal"])
    return pc.if_else(pc.match_substring_regex(cells, A_WORD), cells, "other")


def _plain(word: str) -> str:
    return word.lower().replace(" ", "_").replace("-", "_")


def _valid(column: pa.Array) -> NDArray[np.bool_]:
    result: NDArray[np.bool_] = pc.is_valid(column).to_numpy(zero_copy_only=False)
    return result
