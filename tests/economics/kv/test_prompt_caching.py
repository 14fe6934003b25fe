"""Prompt caching: replays against a plain reference, plans against every plan, dollars against hand-made ones."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal

import numpy as np
import pytest
import slow_prompt_cache as slow
from hypothesis import given, settings
from hypothesis import strategies as st
from kv_traces import made_trace, mooncake

from netyield.core.errors import WrongUse
from netyield.economics.kv.prompt_caching.families import Family, families, mark_places
from netyield.economics.kv.prompt_caching.plans import NOTHING, Field, Plan, best_plan, search_greedily
from netyield.economics.kv.prompt_caching.prices import Rates, list_rates
from netyield.economics.kv.prompt_caching.replay import LAST_BLOCK, LAST_FULL_BLOCK, NO_MARK, replay_automatic
from netyield.economics.kv.prompt_caching.rules import Lifetime, Mode, Scheme, schemes, table
from netyield.economics.kv.prompt_caching.scenarios import PromptCaching, prompt_caching
from netyield.sources.traces.trace import Identity, Trace

SECOND = 1_000_000
SIZE = 4
AT = datetime(2026, 11, 1, 12, tzinfo=UTC)
MOVING = {"": NO_MARK, "full": LAST_FULL_BLOCK, "last": LAST_BLOCK}


def scheme(**changes: object) -> Scheme:
    base = Scheme(
        "test", "model", "2024-01-01", "breakpoints", Mode.EXPLICIT, 4, 1, 3, -1,
        (Lifetime(5, "in_cache_write_5m"), Lifetime(60, "in_cache_write_1h")), "", True, "", "", "",
    )  # fmt: skip
    return replace(base, **changes)  # type: ignore[arg-type]


def rates(read: int = 10, short: int = 125, long: int = 200, plain: int = 100) -> Rates:
    sheet = {"in_uncached": plain, "in_cache_read": read, "in_cache_write_5m": short, "in_cache_write_1h": long}
    return Rates("test", "model", "USD", "made", "", ((0, {name: rate * 10**16 for name, rate in sheet.items()}),))


def field_of(trace: Trace, rule: Scheme) -> Field:
    weights = np.array([[10.0, 125.0, 200.0, 100.0]])
    return Field(trace, rule, np.zeros(trace.requests, np.int32), weights, trace.arrival_us)


# Small trees: few ids, so that prefixes meet; prompts end inside blocks and at their ends.
BLOCKS = st.lists(st.integers(0, 1), min_size=1, max_size=4)
REQUEST = st.tuples(st.integers(0, 30), BLOCKS, st.integers(1, SIZE))
REQUESTS = st.lists(REQUEST, min_size=1, max_size=9)


def trace_of(drawn: list[tuple[int, list[int], int]]) -> tuple[Trace, list[tuple[int, tuple[int, ...], int]]]:
    """The trace, and the same requests for the reference; a partial last block never continues (as in real traces)."""
    times = np.cumsum([gap for gap, _, _ in drawn])
    ids = [[*blocks[:-1], blocks[-1] if tail == SIZE else 10 + tail] for _, blocks, tail in drawn]
    tokens = [SIZE * (len(blocks) - 1) + tail for _, blocks, tail in drawn]
    made = made_trace(ids, tokens, block_size=SIZE, arrival_us=[int(t) * SECOND for t in times])
    return made, [(int(t), tuple(path), n) for t, path, n in zip(times, ids, tokens, strict=True)]


@settings(max_examples=150, deadline=None)
@given(REQUESTS, st.data())
def test_marks_are_replayed_as_the_plain_cache_does(
    drawn: list[tuple[int, list[int], int]], data: st.DataObject
) -> None:
    trace, plain = trace_of(drawn)
    depths = sorted(data.draw(st.sets(st.integers(1, 4), max_size=3)))
    moving = data.draw(st.sampled_from(["", "full", "last"]))
    lives = sorted(
        data.draw(st.lists(st.integers(0, 1), min_size=len(depths) + 1, max_size=len(depths) + 1)), reverse=True
    )
    lookback, after = data.draw(st.sampled_from([-1, 0, 1, 2])), data.draw(st.sampled_from([0, 2]))
    minimum = data.draw(st.sampled_from([0, 4, 7]))
    rule = scheme(minimum_tokens=minimum, lookback_blocks=lookback, available_after_seconds=float(after))
    plan = Plan(tuple(depths), tuple(lives[:-1]), MOVING[moving], lives[-1])
    counts, _ = field_of(trace, rule).counts(np.arange(trace.requests), plan)
    reference = slow.Rule(minimum, None if lookback < 0 else lookback, (5, 60), after)
    read, written, computed = slow.replay(
        plain, SIZE, reference, list(zip(depths, lives[:-1], strict=True)), moving, lives[-1]
    )
    assert counts[0].tolist() == [read, *written, computed]
    assert counts.sum() == trace.input_tokens.sum()


@settings(max_examples=150, deadline=None)
@given(REQUESTS, st.sampled_from([-1, 1, 2]), st.sampled_from([2, 3]))
def test_the_chosen_plan_is_the_cheapest_of_all(
    drawn: list[tuple[int, list[int], int]], lookback: int, breakpoints: int
) -> None:
    trace, plain = trace_of(drawn)
    rule = scheme(lookback_blocks=lookback, breakpoints=breakpoints)
    found, _ = families(trace, np.arange(trace.requests), 4)
    for family in found:
        places, gains = mark_places(trace, family, np.zeros(trace.unique_blocks, np.int64))
        chosen = best_plan(field_of(trace, rule), family.requests, places, gains)
        reference = slow.Rule(4, None if lookback < 0 else lookback, (5, 60))
        mine = [plain[r] for r in family.requests]
        least = slow.cheapest(mine, SIZE, reference, breakpoints, 10, (125, 200), 100)
        assert chosen.method == "exhaustive"
        assert chosen.cost == pytest.approx(least)


@settings(max_examples=80, deadline=None)
@given(REQUESTS, st.sampled_from([0, 4, 8]), st.sampled_from([-1, 0, 2]))
def test_best_is_never_dearer_than_nothing_and_never_below_the_floor(
    drawn: list[tuple[int, list[int], int]], minimum: int, lookback: int
) -> None:
    trace, _ = trace_of(drawn)
    result = prompt_caching(trace, [scheme(minimum_tokens=minimum, lookback_blocks=lookback)], rates())
    by_kind = {one.kind: one for one in result.scenarios}
    assert by_kind["best"].total <= result.uncached
    assert by_kind["best"].total <= min(one.total for one in result.scenarios if one.kind == "usual")
    assert by_kind["floor"].total <= by_kind["best"].total
    assert sum(one.saved for one in result.families) == result.uncached - by_kind["best"].total
    assert all(one.saved >= 0 for one in result.families)


@settings(max_examples=80, deadline=None)
@given(REQUESTS)
def test_families_share_nothing_that_can_be_cached(drawn: list[tuple[int, list[int], int]]) -> None:
    trace, plain = trace_of(drawn)
    found, short = families(trace, np.arange(trace.requests), 4)
    family_of = {int(r): i for i, family in enumerate(found) for r in family.requests}
    assert not set(family_of) & {int(r) for r in short}
    for a, (_, path_a, tokens_a) in enumerate(plain):
        for b, (_, path_b, tokens_b) in enumerate(plain[:a]):
            shared = next(
                (i for i, (x, y) in enumerate(zip(path_a, path_b, strict=False)) if x != y),
                min(len(path_a), len(path_b)),
            )
            cacheable = (
                shared > 0
                and min(
                    slow.prefix_tokens(path_a, tokens_a, SIZE, shared),
                    slow.prefix_tokens(path_b, tokens_b, SIZE, shared),
                )
                >= 4
            )
            assert (family_of.get(a, -1 - a) == family_of.get(b, -1 - b)) == cacheable


def test_a_cache_without_limits_reads_the_ideal_hits_of_the_published_traces() -> None:
    for name, ideal in (("conversation", 54_098_411), ("synthetic", 39_852_661)):
        trace = mooncake(name)
        counts = np.zeros((1, 2), np.int64)
        replay_automatic(
            trace.first, trace.nodes, np.arange(trace.requests), trace.arrival_us, trace.input_tokens,
            trace.block_tokens, trace.last_tokens, np.zeros(trace.requests, np.int32), 2**60, 0, 1, 0,
            trace.unique_blocks, counts,
        )  # fmt: skip
        assert counts[0].tolist() == [ideal, int(trace.input_tokens.sum()) - ideal]


def test_hits_come_in_whole_increments_above_the_minimum_and_run_out() -> None:
    long = [0, 1, 2]
    trace = made_trace(
        [long, long, [0, 1, 9], long], [12, 12, 12, 12], block_size=4, arrival_us=[0, SECOND, 2 * SECOND, 99 * SECOND]
    )
    automatic = scheme(mode=Mode.AUTOMATIC, minimum_tokens=8, increment_tokens=5, lifetimes=(Lifetime(10, ""),))
    (usage,) = [one.usage for one in prompt_caching(trace, [automatic], rates()).scenarios[1:]]
    assert usage is not None
    assert usage.read == 10 + 5  # 12 and 8 tokens known, in steps of 5; the fourth request comes too late
    assert usage.plain == 48 - 15


def conversation(**given: str) -> PromptCaching:
    made = schemes("anthropic", "claude-sonnet-4-5", AT.date(), given)
    return prompt_caching(mooncake("conversation"), made, list_rates("anthropic", "claude-sonnet-4-5", AT))


def test_dollars_are_tokens_times_the_dated_rates() -> None:
    result = conversation()
    assert result.uncached == Decimal(144_793_823) * 3 / 10**6  # every prompt is below the 200,000-token tier
    for one in result.scenarios:
        if one.usage is not None:
            written = dict(one.usage.written)
            expected = (
                one.usage.read * Decimal("0.30") + written.get("5m", 0) * Decimal("3.75") + written.get("1h", 0) * 6
                + one.usage.plain * 3
            ) / 10**6  # fmt: skip
            assert one.total == expected
            assert one.usage.tokens == 144_793_823
    assert sum(one.saved for one in result.families) == result.uncached - result.best.total
    assert result.best.total < min(one.total for one in result.scenarios if one.kind in ("none", "usual"))


def test_plans_chosen_in_advance_save_less_than_in_hindsight() -> None:
    result = conversation()
    assert result.held_out is not None
    assert result.held_out.requests == 6_016
    hindsight = (result.uncached - result.best.total) / result.uncached
    assert (result.held_out.uncached - result.held_out.total) / result.held_out.uncached < hindsight


def test_a_tier_re_rates_the_whole_request() -> None:
    sheet = {"in_uncached": 10**18, "in_cache_read": 10**17}
    two = Rates("p", "m", "USD", "made", "", ((0, sheet), (10, {name: 2 * rate for name, rate in sheet.items()})))
    trace = made_trace([[0, 1], [0, 1, 2]], [8, 12], block_size=4)
    assert prompt_caching(trace, [scheme()], two).uncached == Decimal("0.000008") + 2 * Decimal("0.000012")
    assert two.tier_of(np.array([10, 11])).tolist() == [0, 1]


def test_storage_is_rented_for_as_long_as_it_is_held() -> None:
    stored = scheme(
        mode=Mode.STORED, breakpoints=1, lookback_blocks=0, lifetimes=(Lifetime(3600, "in_uncached"),),
        storage_usd_per_mtok_hour="1000000",
    )  # fmt: skip
    trace = made_trace([[0, 1], [0, 1]], [8, 8], block_size=4, arrival_us=[0, 1800 * SECOND])
    field = Field(trace, stored, np.zeros(2, np.int32), np.array([[10.0, 100.0, 100.0]]), trace.arrival_us)
    counts, held = field.counts(np.arange(2), Plan((2,), (0,)))
    assert counts[0].tolist() == [8, 8, 0]
    assert held == 8 * (1800 + 3600) * 1000  # kept from the first use to an hour after the last
    assert prompt_caching(trace, [stored], rates()).best.name == "no caching"  # 12 dollars of rent for nothing


@pytest.mark.parametrize(
    ("trace", "code"),
    [
        (made_trace([], []), "prompt_cache.empty"),
        (made_trace([[0], [0]], [4, 4], arrival_us=[-5, 0]), "prompt_cache.negative_time"),
        (replace(made_trace([[0], [0]], [4, 4]), identity=Identity.NONE), "prompt_cache.no_identity"),
    ],
)
def test_what_cannot_be_answered_is_an_error_with_a_repair(trace: Trace, code: str) -> None:
    result = prompt_caching(trace, [scheme()], rates())
    assert [(one.code, str(one.severity)) for one in result.findings] == [(code, "error")]
    assert result.findings[0].repair
    assert result.scenarios == ()


def test_prompts_below_the_minimum_say_so_and_cost_what_they_cost() -> None:
    result = prompt_caching(made_trace([[0], [0]], [4, 4]), [scheme(minimum_tokens=1024)], rates())
    assert "prompt_cache.all_too_short" in {one.code for one in result.findings}
    assert {one.total for one in result.scenarios if one.kind != "floor"} == {result.uncached}
    assert result.too_short == 2


def test_times_that_are_all_equal_and_times_out_of_order_are_told() -> None:
    same = prompt_caching(made_trace([[0], [0]], [4, 4], arrival_us=[7, 7]), [scheme()], rates())
    assert "prompt_cache.no_times" in {one.code for one in same.findings}
    later = made_trace([[0, 1], [0, 1]], [8, 8], arrival_us=[90 * SECOND, 0])
    sorted_one = made_trace([[0, 1], [0, 1]], [8, 8], arrival_us=[0, 90 * SECOND])
    backwards = prompt_caching(later, [scheme()], rates())
    assert "prompt_cache.sorted" in {one.code for one in backwards.findings}
    assert backwards.best.total == prompt_caching(sorted_one, [scheme()], rates()).best.total


def test_the_longer_lifetime_pays_when_gaps_are_long() -> None:
    ids, tokens = [[0, 1, 2, 3]] * 3, [16] * 3
    near = made_trace(ids, tokens, arrival_us=[0, 2 * SECOND, 4 * SECOND])
    far = made_trace(ids, tokens, arrival_us=[0, 30 * SECOND, 60 * SECOND])
    lives = [prompt_caching(one, [scheme()], rates()).families[0].lifetimes for one in (near, far)]
    assert lives == [("5s",), ("1m",)]


def test_rules_are_dated_and_can_be_changed() -> None:
    old = schemes("openai", "gpt-4o", datetime(2025, 1, 1, tzinfo=UTC).date())
    assert [(one.mode, one.minimum_tokens, one.increment_tokens) for one in old] == [(Mode.AUTOMATIC, 1024, 128)]
    (new,) = schemes("openai", "gpt-5.6-terra", AT.date(), {"lookback_blocks": "20", "breakpoints": "2"})
    assert (new.mode, new.lookback_blocks, new.breakpoints) == (Mode.EXPLICIT, 20, 2)
    with pytest.raises(WrongUse, match=r"no prompt caching rule 'minimum'.*minimum_tokens"):
        schemes("openai", "gpt-4o", AT.date(), {"minimum": "1"})
    with pytest.raises(WrongUse, match="whole number"):
        schemes("openai", "gpt-4o", AT.date(), {"minimum_tokens": "many"})
    with pytest.raises(WrongUse, match="Providers with rules: anthropic"):
        schemes("nobody", "gpt-4o", AT.date())
    with pytest.raises(WrongUse, match="No prompt caching rules"):
        schemes("openai", "gpt-4o", datetime(2023, 1, 1, tzinfo=UTC).date())


def test_every_rule_names_its_source_and_is_usable() -> None:
    assert len(table()) > 40
    for row in table():
        assert row.source.startswith("https://")
        assert row.checked >= row.valid_from
        assert row.lifetimes
        assert list(row.lifetimes) == sorted(row.lifetimes, key=lambda one: one.seconds)
        assert (row.breakpoints > 0) == (row.mode is not Mode.AUTOMATIC)


def test_a_family_of_everything_is_divided_where_that_is_cheaper() -> None:
    """One shared block above conversations of their own: a mark for all would miss where each goes on."""
    ids = [[0, *[10 * c + d for d in range(1, 8)]] for c in range(1, 5) for _ in range(2)]
    ids += [[0, *[100 * i + d for d in range(1, 8)]] for i in range(1, 13)]
    tokens = [4 * len(one) for one in ids]
    trace = made_trace(ids, tokens, arrival_us=[i * SECOND for i in range(len(ids))])
    found, _ = families(trace, np.arange(trace.requests), 4)
    assert [len(one.requests) for one in found] == [20]
    result = prompt_caching(trace, [scheme(breakpoints=1)], rates())
    assert max(len(one.marks_tokens) + one.moving for one in result.families) == 1
    everybody = Family(np.arange(20), 1)
    places, gains = mark_places(trace, everybody, np.zeros(trace.unique_blocks, np.int64))
    whole = best_plan(field_of(trace, scheme(breakpoints=1)), everybody.requests, places, gains)
    assert float(result.best.total) < whole.cost * 1e-8  # field_of's rates are in hundredths of a millionth


@settings(max_examples=60, deadline=None)
@given(REQUESTS)
def test_a_greedy_search_stays_between_the_cheapest_plan_and_none(drawn: list[tuple[int, list[int], int]]) -> None:
    trace, _ = trace_of(drawn)
    field = field_of(trace, scheme())
    for family in families(trace, np.arange(trace.requests), 4)[0]:
        places, gains = mark_places(trace, family, np.zeros(trace.unique_blocks, np.int64))
        least = best_plan(field, family.requests, places, gains)
        greedy = search_greedily(field, family.requests, [int(depth) for depth in places])
        assert greedy.method == "greedy"
        assert least.cost - 1e-9 <= greedy.cost <= field.price(family.requests, NOTHING) + 1e-9
