"""Key figures: what leads depends on what is known."""

from __future__ import annotations

from dataclasses import replace

import sample_answers as sample

from netyield.faces.headline import figures


def test_with_outcomes_the_net_yield_leads() -> None:
    found = figures(sample.waterfall())
    assert [figure.name for figure in found[:3]] == ["In scope", "Net yield", "Cost per useful million tokens"]
    assert [figure.words for figure in found] == [
        "$92,659.72", "26.1% to 43.7%", "$11.43 to $19.11", "$49,018.50", "31.1% to 35.2%", "$8.01",
    ]  # fmt: skip


def test_without_outcomes_what_is_certain_leads() -> None:
    headline = {
        **sample.HEADLINE, "coverage": None, "net_yield": {"low": 0.0, "high": 0.44},
        "cost_per_useful_mtok": {"low": "11.4", "high": None},
    }  # fmt: skip
    found = figures(replace(sample.waterfall(), headline=headline))
    names = [figure.name for figure in found]
    assert names[1:4] == ["Certain waste", "GPU activity", "Cost per served million tokens"]
    assert found[4].words == "0.0% to 44.0%"
    assert found[5].words == "from $11.40, unbounded"


def test_what_cannot_be_known_is_said_and_never_zero() -> None:
    headline = dict.fromkeys(sample.HEADLINE)
    words = [figure.words for figure in figures(replace(sample.waterfall(), headline=headline))]
    assert words == ["not measured"] * 6


def test_an_answer_with_another_headline_has_no_key_figures() -> None:
    assert figures(replace(sample.fleet(), headline={"pools": 2, "gpu_hours_paid": 21504.0})) == []
    (only,) = figures(replace(sample.unit_cost(), headline={"by": "model", "in_scope_total": "12.5"}))
    assert (only.name, only.words) == ("In scope", "$12.50")
