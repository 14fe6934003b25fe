"""Class equations against the worked examples of real programs, and the property that leaves add up."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from netyield.core.contract import contract
from netyield.core.tokens import COUNT_LIMIT, class_names, dialects, gather, leaves, token_classes


def split(dialect: str, usage: Mapping[str, Any]) -> dict[str, int]:
    """The known classes of one usage object; the row must be good."""
    result = leaves(dialect, gather(dialect, [usage]))
    assert result.reasons.to_pylist() == [None]
    return {name: column[0].as_py() for name, column in result.classes.items() if column[0].as_py() is not None}


def refusal(dialect: str, usage: Mapping[str, Any]) -> str:
    result = leaves(dialect, gather(dialect, [usage]))
    assert result.bad.to_pylist() == [True]
    reason: str = result.reasons[0].as_py()
    return reason


def test_classes_are_the_token_columns_of_the_attempts_table() -> None:
    columns = [column.name for column in contract("attempts").own if column.unit == "tokens"]
    assert list(class_names()) == [name for name in columns if name != "delivered_output_tokens"]
    assert len(class_names()) == 17
    assert [one.name for one in token_classes() if one.useful_output] == ["out_text", "out_audio", "out_image"]


def test_every_equation_and_check_names_only_known_words() -> None:
    quantities = {quantity for dialect in dialects().values() for quantity in dialect.fields}
    for dialect in dialects().values():
        seen = set(quantities)
        for leaf, (added, subtracted) in dialect.leaves.items():
            assert leaf in class_names()
            assert {*added, *subtracted} <= seen, (dialect.name, leaf)
            seen.add(leaf)
        for whole, terms in dialect.checks.items():
            assert {whole, *(term.rstrip("?") for term in terms)} <= quantities
        assert {"input", "output"} <= set(dialect.fields)


def test_codex_golden() -> None:
    """A real Codex 0.169.0 rollout record."""
    usage = {
        "input_tokens": 1200,
        "cached_input_tokens": 1000,
        "cache_write_input_tokens": 50,
        "output_tokens": 77,
        "reasoning_output_tokens": 40,
        "total_tokens": 1277,
    }
    found = split("codex", usage)
    assert found == {
        "in_uncached": 150,
        "in_cache_read": 1000,
        "in_cache_write_unknown": 50,
        "out_text": 37,
        "out_reasoning": 40,
    }
    assert sum(found.values()) == 1277
    as_text = {name: str(count) for name, count in usage.items()}  # its OTel event carries counts as strings
    assert split("codex", as_text) == found


EXAMPLES: list[tuple[str, dict[str, Any], dict[str, int]]] = [
    (
        "openai_chat",
        {
            "prompt_tokens": 1200,
            "completion_tokens": 177,
            "total_tokens": 1377,
            "prompt_tokens_details": {"cached_tokens": 1000, "audio_tokens": 0},
            "completion_tokens_details": {
                "reasoning_tokens": 40,
                "audio_tokens": 5,
                "accepted_prediction_tokens": 30,
                "rejected_prediction_tokens": 20,
            },
        },
        {
            "in_uncached": 200,
            "in_cache_read": 1000,
            "in_audio": 0,
            "out_text": 112,
            "out_reasoning": 40,
            "out_audio": 5,
            "out_rejected_prediction": 20,
        },
    ),
    (
        "openai_responses",
        {
            "input_tokens": 1000,
            "output_tokens": 100,
            "total_tokens": 1100,
            "input_tokens_details": {
                "cached_tokens": 300,
                "cache_write_tokens": 200,
                "cache_write_tokens_details": {"ttl_30m_tokens": 150, "ttl_12h_tokens": 40},
            },
            "output_tokens_details": {"reasoning_tokens": 60},
        },
        {
            "in_uncached": 500,
            "in_cache_read": 300,
            "in_cache_write_30m": 150,
            "in_cache_write_12h": 40,
            "in_cache_write_unknown": 10,
            "out_text": 40,
            "out_reasoning": 60,
        },
    ),
    (
        "anthropic",
        {
            "input_tokens": 120,
            "cache_read_input_tokens": 3000,
            "cache_creation_input_tokens": 800,
            "cache_creation": {"ephemeral_5m_input_tokens": 400, "ephemeral_1h_input_tokens": 300},
            "output_tokens": 88,
            "output_tokens_details": {"thinking_tokens": 50},
        },
        {
            "in_uncached": 120,
            "in_cache_read": 3000,
            "in_cache_write_5m": 400,
            "in_cache_write_1h": 300,
            "in_cache_write_unknown": 100,
            "out_text": 38,
            "out_reasoning": 50,
        },
    ),
    (
        "bedrock_converse",
        {
            "inputTokens": 10,
            "outputTokens": 5,
            "totalTokens": 1035,
            "cacheReadInputTokens": 900,
            "cacheWriteInputTokens": 120,
            "cacheDetails": [{"ttl": "5m", "inputTokens": 70}, {"ttl": "1h", "inputTokens": 50}],
        },
        {
            "in_uncached": 10,
            "in_cache_read": 900,
            "in_cache_write_5m": 70,
            "in_cache_write_1h": 50,
            "in_cache_write_unknown": 0,
            "out_text": 5,
        },
    ),
    (
        "gemini",
        {
            "promptTokenCount": 500,
            "candidatesTokenCount": 60,
            "thoughtsTokenCount": 200,
            "toolUsePromptTokenCount": 30,
            "totalTokenCount": 790,
            "cachedContentTokenCount": 200,
            "promptTokensDetails": [{"modality": "TEXT", "tokenCount": 400}, {"modality": "IMAGE", "tokenCount": 100}],
            "cacheTokensDetails": [{"modality": "TEXT", "tokenCount": 150}, {"modality": "IMAGE", "tokenCount": 50}],
        },
        {
            "in_uncached": 250,
            "in_cache_read": 150,
            "in_image": 50,
            "in_image_cache_read": 50,
            "in_tool": 30,
            "out_text": 60,
            "out_reasoning": 200,
        },
    ),
    (
        "otel_genai",
        {
            "gen_ai.usage.input_tokens": 1200,
            "llm.usage.prompt_tokens": 1200,
            "gen_ai.usage.output_tokens": 77,
            "gen_ai.usage.cache_read.input_tokens": 1000,
            "gen_ai.usage.cache_creation.input_tokens": 50,
            "gen_ai.usage.reasoning.output_tokens": 40,
        },
        {
            "in_uncached": 150,
            "in_cache_read": 1000,
            "in_cache_write_unknown": 50,
            "out_text": 37,
            "out_reasoning": 40,
        },
    ),
    (
        "envoy",
        {
            "input_tokens": 100,
            "output_tokens": 20,
            "provider_total_tokens": 120,
            "input_token_details": {"cached": 60, "cache_creation": 10, "tool_use": 5},
            "output_token_details": {"reasoning": 8},
        },
        {
            "in_uncached": 25,
            "in_cache_read": 60,
            "in_cache_write_unknown": 10,
            "in_tool": 5,
            "out_text": 12,
            "out_reasoning": 8,
        },
    ),
    (
        "langfuse",
        {
            "input": 150,
            "input_cached_tokens": 50,
            "output": 45,
            "output_reasoning_tokens": 75,
            "output_accepted_prediction_tokens": 30,
            "total": 350,
        },
        {"in_uncached": 150, "in_cache_read": 50, "out_text": 75, "out_reasoning": 75},
    ),
    (
        "litellm",  # logged by LiteLLM 1.106.2 for the Anthropic usage above: prompt_tokens includes the cache
        {
            "prompt_tokens": 3920,
            "completion_tokens": 88,
            "prompt_tokens_details": {
                "cached_tokens": 3000,
                "cache_write_tokens": 800,
                "cache_creation_tokens": 800,
                "text_tokens": 120,
                "cache_creation_token_details": {"ephemeral_5m_input_tokens": 400, "ephemeral_1h_input_tokens": 300},
            },
            "completion_tokens_details": {"reasoning_tokens": 0, "text_tokens": 88},
            "cache_creation_input_tokens": 800,
            "cache_read_input_tokens": 3000,
        },
        {
            "in_uncached": 120,
            "in_cache_read": 3000,
            "in_cache_write_5m": 400,
            "in_cache_write_1h": 300,
            "in_cache_write_unknown": 100,
            "out_text": 88,
            "out_reasoning": 0,
        },
    ),
    (
        "mapped_exclusive",
        {"input_tokens": 7, "cached_tokens": 100, "output_tokens": 3, "reasoning_tokens": 20, "total_tokens": 130},
        {"in_uncached": 7, "in_cache_read": 100, "out_text": 3, "out_reasoning": 20},
    ),
]


@pytest.mark.parametrize(("dialect", "usage", "expected"), EXAMPLES, ids=[one[0] for one in EXAMPLES])
def test_worked_examples(dialect: str, usage: dict[str, Any], expected: dict[str, int]) -> None:
    assert split(dialect, usage) == expected


def test_a_missing_cache_count_is_unknown_and_an_explicit_zero_is_zero() -> None:
    assert split("codex", {"input_tokens": 9, "output_tokens": 1}) == {"in_uncached": 9, "out_text": 1}
    assert split("codex", {"input_tokens": 9, "cached_input_tokens": 0, "output_tokens": 1}) == {
        "in_uncached": 9,
        "in_cache_read": 0,
        "out_text": 1,
    }


def test_an_unknown_parent_leaves_its_class_unknown() -> None:
    assert split("codex", {"output_tokens": 5, "cached_input_tokens": 3}) == {"in_cache_read": 3, "out_text": 5}


@pytest.mark.parametrize(
    ("dialect", "usage", "part"),
    [
        ("openai_chat", {"prompt_tokens": 10, "prompt_tokens_details": {"cached_tokens": 11}}, "in_uncached = input"),
        ("anthropic", {"output_tokens": 5, "output_tokens_details": {"thinking_tokens": 6}}, "out_text = output"),
        (
            "anthropic",
            {"cache_creation_input_tokens": 1, "cache_creation": {"ephemeral_5m_input_tokens": 2}},
            "in_cache_write_unknown",
        ),
        ("codex", {"input_tokens": 10, "output_tokens": 2, "total_tokens": 13}, "do not add up"),
        ("codex", {"input_tokens": -1, "output_tokens": 2}, "negative"),
        ("codex", {"input_tokens": "-4", "output_tokens": 2}, "negative"),
        ("codex", {"input_tokens": 1.5, "output_tokens": 2}, "not a whole number"),
        ("codex", {"input_tokens": "many", "output_tokens": 2}, "not a whole number"),
        ("codex", {"input_tokens": True, "output_tokens": 2}, "not a whole number"),
        ("codex", {"input_tokens": COUNT_LIMIT + 1, "output_tokens": 2}, "beyond"),
        ("codex", {"input_tokens": 10**30, "output_tokens": 2}, "not a whole number"),
        (
            "otel_genai",
            {"gen_ai.usage.input_tokens": 10, "llm.usage.prompt_tokens": 11, "gen_ai.usage.output_tokens": 1},
            "disagree",
        ),
        (
            "otel_genai",
            {"gen_ai.usage.input_tokens": 10, "gen_ai.usage.text.input_tokens": 9, "gen_ai.usage.output_tokens": 1},
            "input is not text_input",
        ),
    ],
)
def test_contradictions_are_refused_never_clamped(dialect: str, usage: dict[str, Any], part: str) -> None:
    assert part in refusal(dialect, usage)


def test_one_bad_row_leaves_its_neighbours_alone() -> None:
    fields = {"input_tokens": pa.array([10, 5, None]), "cached_input_tokens": pa.array([4, 6, 1])}
    result = leaves("codex", fields)
    assert result.bad.to_pylist() == [False, True, False]
    assert result.classes["in_uncached"].to_pylist() == [6, None, None]
    assert result.reasons[0].as_py() is None


@pytest.mark.parametrize(
    ("column", "values", "bad"),
    [
        (pa.array(["12", " 7 ", "3.0", "", None, "x"]), [12, 7, 3, None, None], [False] * 5 + [True]),
        (pa.array([12.0, None, float("nan"), 1.5, float("inf")]), [12, None, None], [False] * 3 + [True] * 2),
        (pa.array([1, 2**63], pa.uint64()), [1], [False, True]),
        (pa.array(["4", "5"]).dictionary_encode(), [4, 5], [False, False]),
        (pa.chunked_array([["4"], ["5"]]), [4, 5], [False, False]),
    ],
)
def test_counts_of_every_arrow_type(column: pa.Array, values: list[int | None], bad: list[bool]) -> None:
    result = leaves("mapped_exclusive", {"input_tokens": column})
    assert result.bad.to_pylist() == bad
    assert result.classes["in_uncached"].to_pylist()[: len(values)] == values  # the bad ones stand last


def test_a_class_reported_under_its_own_name_is_taken_as_it_is() -> None:
    fields = {"input_tokens": pa.array([100]), "in_cache_read": pa.array([30]), "out_text": pa.array([5])}
    result = leaves("mapped_inclusive", fields)
    assert {name: column[0].as_py() for name, column in result.classes.items()} == {
        "in_uncached": 70,
        "in_cache_read": 30,
        "out_text": 5,
    }


count = st.one_of(st.none(), st.integers(0, 2**20))
PARTS = (
    "cache_read",
    "cache_write_5m",
    "cache_write_1h",
    "audio_input",
    "image_input",
    "tool_input",
    "reasoning",
    "audio_output",
    "image_output",
    "rejected_prediction",
)


@given(st.fixed_dictionaries({part: count for part in PARTS}), st.integers(0, 2**20), st.integers(0, 2**20))
def test_inclusive_leaves_add_up_to_the_reported_totals(parts: dict[str, int | None], text: int, answer: int) -> None:
    """Whatever parts are reported: input + output in, the same sum out, to the token."""
    fields = dialects()["mapped_inclusive"].fields
    inside = [name for name in PARTS if not name.startswith(("reasoning", "audio_out", "image_out", "rejected"))]
    total_in = text + sum(parts[name] or 0 for name in inside)
    total_out = answer + sum(parts[name] or 0 for name in PARTS if name not in inside)
    usage = {fields[name][0]: value for name, value in parts.items()}
    usage |= {"input_tokens": total_in, "output_tokens": total_out, "total_tokens": total_in + total_out}
    found = split("mapped_inclusive", usage)
    assert sum(found.values()) == total_in + total_out
    assert found["in_uncached"] == text
    assert found["out_text"] == answer
    assert all(value >= 0 for value in found.values())
    for part in ("tool_input", "reasoning"):
        leaf = {"tool_input": "in_tool", "reasoning": "out_reasoning"}[part]
        assert found.get(leaf) == parts[part]


@given(st.lists(st.tuples(count, count, count, count), min_size=1, max_size=20))
def test_a_row_is_either_conserved_or_refused(rows: list[tuple[int | None, ...]]) -> None:
    """Random counts: never a negative class, and a good row with both parents keeps every token."""
    names = ("input_tokens", "cached_input_tokens", "output_tokens", "reasoning_output_tokens")
    fields = {name: pa.array([row[i] for row in rows], pa.int64()) for i, name in enumerate(names)}
    result = leaves("codex", fields)
    for at, (given_in, cached, given_out, reasoning) in enumerate(rows):
        known = [column[at].as_py() or 0 for column in result.classes.values()]
        assert min(known) >= 0
        contradiction = (given_in is not None and (cached or 0) > given_in) or (
            given_out is not None and (reasoning or 0) > given_out
        )
        assert result.bad[at].as_py() is contradiction
        if not contradiction and given_in is not None and given_out is not None:
            assert sum(known) == given_in + given_out
