"""The prompt_cache answer: its JSON contract, what it says of a bill, and its words."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pytest

from netyield.answers.prompt_cache import COLUMNS, FAMILY_COLUMNS, Question, answer
from netyield.charts.drawings import drawings
from netyield.core.errors import WrongUse
from netyield.economics.kv.prompt_caching.billed import Billed, given
from netyield.economics.kv.prompt_caching.prices import list_rates, own_rates
from netyield.economics.kv.prompt_caching.rules import schemes
from netyield.sources.traces.read import read_trace
from netyield.sources.traces.trace import Trace

AT = datetime(2026, 11, 1, 12, tzinfo=UTC)
DATA = Path(__file__).parents[1] / "data" / "kv"


@pytest.fixture(scope="module")
def synthetic() -> Trace:
    return read_trace(DATA / "mooncake_synthetic_trace.jsonl.gz")


def question(provider: str = "anthropic", model: str = "claude-sonnet-4-5", **more: object) -> Question:
    rates, offered = list_rates(provider, model, AT), schemes(provider, model, AT.date())
    return replace(Question(provider, model, "2026-11-01T12:00:00Z", offered, rates), **more)  # type: ignore[arg-type]


def test_the_json_object_adds_up(synthetic: Trace) -> None:
    found = answer(synthetic, question(listed=5))
    body = json.loads(json.dumps(found.body, allow_nan=False))
    assert (body["answer"], body["requests"], body["input_tokens"]) == ("prompt_cache", 3_993, 61_194_628)
    assert body["prices"]["tiers"][0]["input_per_mtok"] == "3"
    assert body["prices"]["tiers"][0]["cache_write_1h_per_mtok"] == "6"
    none, *others = body["scenarios"]
    assert (none["kind"], none["saved"], none["amount"]) == ("none", "0", "183.583884")
    for one in others:
        assert Decimal(one["amount"]) + Decimal(one["saved"]) == Decimal(none["amount"])
        if one["read_tokens"] is not None:
            assert one["read_tokens"] + sum(one["written_tokens"].values()) + one["computed_tokens"] == 61_194_628
    assert {one["kind"] for one in others} == {"usual", "best", "floor"}
    families = body["families"]
    assert len(families["listed"]) == 5
    counted = families["requests_planned"] + families["requests_too_short"] + families["requests_alone"]
    assert counted <= body["requests"]  # the rest are in families not worth marking
    assert set(body["definition"]) >= {"breakpoints", "lifetime", "lookback", "family", "best plan", "held out"}


def test_tables_match_their_columns_and_the_families_add_up_to_the_best(synthetic: Trace) -> None:
    found = answer(synthetic, question(listed=3))
    assert found.table.column_names == [column.name for column in COLUMNS]
    families, columns = found.views["prefix_families"]
    assert families.column_names == [column.name for column in columns] == [column.name for column in FAMILY_COLUMNS]
    assert families.num_rows == 4
    best = next(row for row in found.table.to_pylist() if row["kind"] == "best")
    assert abs(sum(families.column("saved").to_pylist()) - best["saved"]) < Decimal("1e-9")
    (drawing,) = drawings(found)
    assert len(drawing.sentences) == found.table.num_rows
    assert "best plan per family" in found.description


def test_a_bill_for_the_same_tokens_is_compared_in_dollars(synthetic: Trace) -> None:
    asked = question()
    bill = given({"input": "41194628", "cache_read": "20,000,000"}, asked.rates)
    assert bill.amount == Decimal("41.194628") * 3 + 20 * Decimal("0.3")
    body = answer(synthetic, replace(asked, billed=bill)).body
    assert body["billed"]["same_tokens_as_trace"]
    best = Decimal(body["best"]["amount"])
    assert Decimal(body["billed"]["best_saves"]) == bill.amount - best
    assert body["billed"]["read_share"] == pytest.approx(20_000_000 / 61_194_628)


def test_a_bill_for_other_tokens_is_compared_per_million_only(synthetic: Trace) -> None:
    bill = Billed({"in_uncached": 1_000_000}, Decimal(4), "given", unpriced_tokens=500_000)
    found = answer(synthetic, question(billed=bill))
    assert {"prompt_cache.other_tokens", "prompt_cache.unpriced"} <= {one.code for one in found.findings}
    assert found.body["billed"]["best_saves"] is None
    assert found.body["billed"]["per_mtok"] == "8"
    row = found.table.to_pylist()[-1]
    assert (row["kind"], row["saved"], row["amount"]) == ("billed", None, Decimal(4))


def test_what_the_provider_does_not_promise_is_told_as_bounds(synthetic: Trace) -> None:
    found = answer(synthetic, question("openai", "gpt-4o"))
    assert "depending on how long it keeps a prefix" in found.description
    assert [row["kind"] for row in found.table.to_pylist()] == ["none", "usual", "usual"]
    assert found.body["held_out"] is None
    assert found.views == {}


def test_an_empty_trace_has_no_figure_and_says_why(tmp_path: Path) -> None:
    (tmp_path / "empty.jsonl").write_text("", encoding="utf-8")
    found = answer(read_trace(tmp_path / "empty.jsonl", format="mooncake"), question())
    assert found.table.num_rows == 0
    assert found.body["best"] is None
    assert "error" in {str(one.severity) for one in found.findings}
    assert drawings(found) == []


def test_own_prices_and_given_totals_are_checked() -> None:
    with pytest.raises(WrongUse, match="no price 'cached'"):
        own_rates({"cached": "1"})
    with pytest.raises(WrongUse, match="not an amount"):
        own_rates({"input": "-1"})
    rates = list_rates("nobody", "own-model", AT, {"input": "2", "cache_read": "0.5"})
    assert rates.per_mtok(0, "in_cache_read") == Decimal("0.5")
    assert rates.per_mtok(0, "in_cache_write_1h") == 2  # a class without a rate is plain input
    with pytest.raises(WrongUse, match="No price is known"):
        list_rates("nobody", "own-model", AT)
    for words in ({"input": "x"}, {"output": "1"}, {"input": "-1"}):
        with pytest.raises(WrongUse, match="--billed"):
            given(words, rates)
