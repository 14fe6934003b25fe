"""Reported names find the price genai-prices finds, and self-hosted ones find none."""

from __future__ import annotations

import pytest
from genai_prices.data_snapshot import get_snapshot

from netyield.sources.prices.genai_catalogue import bare_model, catalogue_rows
from netyield.sources.prices.model_match import resolve_model, resolve_models


@pytest.mark.parametrize(
    ("provider", "model", "key"),
    [
        ("openai", "gpt-4o", ("openai", "gpt-4o")),
        ("OpenAI", "GPT-4o-2024-08-06", ("openai", "gpt-4o")),
        ("openai", "openai/gpt-4o", ("openai", "gpt-4o")),
        (None, "gpt-4o", ("openai", "gpt-4o")),
        (None, "azure/gpt-4o", ("azure", "openai/gpt-4o")),
        ("litellm_proxy", "anthropic/claude-sonnet-4", ("anthropic", "claude-sonnet-4-0")),
        ("azure_ai", "claude-sonnet-4-5", ("azure", "anthropic/claude-sonnet-4-5")),
        ("bedrock", "us.anthropic.claude-sonnet-4-20250514-v1:0",
         ("aws", "regional.anthropic.claude-sonnet-4-20250514-v1:0")),
        (None, "bedrock/us.anthropic.claude-sonnet-4-20250514-v1:0",
         ("aws", "regional.anthropic.claude-sonnet-4-20250514-v1:0")),
        ("vertex_ai", "gemini-2.5-pro", ("google", "gemini-2.5-pro")),
        ("gemini", "gemini/gemini-2.5-pro", ("google", "gemini-2.5-pro")),
        ("openrouter", "openrouter/openai/gpt-4o", ("openrouter", "openai/gpt-4o")),
        ("https://api.openai.com/v1/chat/completions", "gpt-4o", ("openai", "gpt-4o")),
        ("ours.openai.azure.com", "gpt-4o", ("azure", "openai/gpt-4o")),
        ("api.anthropic.com", "claude-3-5-sonnet-20241022", ("anthropic", "claude-3-5-sonnet")),
    ],
)
def test_names_that_have_a_price(provider: str | None, model: str, key: tuple[str, str]) -> None:
    assert resolve_model(provider, model) == key
    assert any(row.key == key for row in catalogue_rows())


@pytest.mark.parametrize(
    ("provider", "model"),
    [
        ("hosted_vllm", "gpt-4o"), ("openai_like", "gpt-4o"), ("custom_openai", "gpt-4o"), ("self-hosted", "gpt-4o"),
        (None, "hosted_vllm/gpt-4o"), ("10.0.0.7:8000", "gpt-4o"), ("llm.internal.example", "deepseek-chat"),
        ("nobody", "gpt-4o"), (None, "unheard-of"), ("openai", "unheard-of"), ("openai", None), (None, " "),
    ],
)
def test_names_that_have_none(provider: str | None, model: str | None) -> None:
    assert resolve_model(provider, model) is None


def test_agrees_with_the_library_on_every_id_it_lists() -> None:
    snapshot = get_snapshot()
    for provider in snapshot.providers:
        for model in provider.models:
            ours = resolve_model(provider.id, model.id)
            try:
                found, info = snapshot.find_provider_model(model.id, None, provider.id, None)
            except LookupError:  # some regional Bedrock ids do not match themselves
                assert ours is None
                continue
            assert ours is not None
            assert (ours[0], bare_model(*ours)) == (found.id, info.id)


def test_one_row_per_distinct_pair_unknown_ones_included() -> None:
    pairs = [("openai", "gpt-4o"), (None, None), ("openai", "gpt-4o"), (None, "mine")]
    assert resolve_models(pairs).to_pylist() == [
        {"provider": None, "model": None, "price_provider": None, "price_model": None},
        {"provider": None, "model": "mine", "price_provider": None, "price_model": None},
        {"provider": "openai", "model": "gpt-4o", "price_provider": "openai", "price_model": "gpt-4o"},
    ]
    assert resolve_models([]).num_rows == 0
