"""Colours: enough contrast on both pages, and one meaning each."""

from __future__ import annotations

import re
from importlib import resources
from itertools import combinations

import pytest

from netyield.answers.steps import known_steps
from netyield.charts import theme

GRAPHICS, TEXT = 3.0, 4.5  # WCAG 2.2: 1.4.11 for graphics, 1.4.3 for text


def luminance(colour: str) -> float:
    parts = [int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)]
    linear = [part / 12.92 if part <= 0.03928 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str) -> float:
    dark, light = sorted((luminance(one), luminance(other)))
    return (light + 0.05) / (dark + 0.05)


def test_the_formula_gives_the_published_extremes() -> None:
    assert contrast("#000000", "#ffffff") == pytest.approx(21)
    assert contrast("#767676", "#ffffff") == pytest.approx(4.54, abs=0.01)


@pytest.mark.parametrize("paper", [theme.PAPER, theme.DARK_PAPER])
@pytest.mark.parametrize("kind", list(theme.FILLS))
def test_every_fill_stands_out_on_both_pages(kind: str, paper: str) -> None:
    assert contrast(theme.FILLS[kind], paper) >= GRAPHICS


def test_words_on_charts_are_readable_on_paper() -> None:
    assert contrast(theme.INK, theme.PAPER) >= TEXT
    assert contrast(theme.MUTED, theme.PAPER) >= TEXT


def test_the_page_repaints_words_readably_in_both_schemes() -> None:
    """The style sheet's variables: ink and muted on paper and card, light and dark."""
    css = resources.files("netyield.faces.report").joinpath("templates/report.css").read_text(encoding="utf-8")
    schemes = [
        dict(re.findall(r"--(\w+): (#[0-9a-f]{6})", block)) for block in re.findall(r"\{[^{}]*--paper:[^{}]*\}", css)
    ]
    assert len(schemes) == 3  # light, dark by preference, dark by choice
    for scheme in schemes:
        for ink, paper in [(a, b) for a in ("ink", "muted", "accent") for b in ("paper", "card", "tint")]:
            assert contrast(scheme[ink], scheme[paper]) >= TEXT, (ink, paper, scheme)


def test_swatches_on_the_page_have_the_charts_colours() -> None:
    css = resources.files("netyield.faces.report").joinpath("templates/report.css").read_text(encoding="utf-8")
    variables = dict(re.findall(r"--(\w+): (#[0-9a-f]{6})", css[: css.index("@media")]))
    classes = dict(re.findall(r"\.kind-([a-z-]+) \{ background: var\(--(\w+)\)", css))
    shown = {kind: variables[classes[kind.replace(" ", "-")]] for kind in theme.FILLS if kind != theme.BOOKS}
    assert shown == {kind: fill for kind, fill in theme.FILLS.items() if kind != theme.BOOKS}


def test_fills_differ_from_each_other() -> None:
    assert all(one != other for one, other in combinations(theme.FILLS.values(), 2))


def test_every_step_has_a_kind_and_useful_is_alone() -> None:
    kinds = {step.step: theme.kind_of_step(step.step) for step in known_steps()}
    assert [step for step, kind in kinds.items() if kind == theme.USEFUL] == ["useful"]
    assert kinds["idle"] == kinds["unallocated"] == theme.LOST
    assert theme.kind_of_step("wasted") == theme.kind_of_step("wasted.superseded") == theme.LOST
    assert theme.kind_of_step("training.failed") == theme.WORK
    assert theme.kind_of_step("unknown") == theme.MAYBE  # unknown is never useful and never waste
