"""Whose API calls does a bill pay for?"""

from __future__ import annotations

import pytest

from netyield.attribution.coverage import ApiBills, api_bills

OPENAI = [("OpenAI", "gpt-x"), ("OpenAI", None)]
AZURE = [("Microsoft", None)]
NAMED_AZURE = [("Microsoft", "gpt-x-2026")]
RESELLER = [("Some Gateway", None)]


@pytest.mark.parametrize(
    ("lines", "word", "model", "covered"),
    [
        (OPENAI, "openai", "anything", True),
        (OPENAI, "anthropic", "claude-y", False),
        (OPENAI, "", "claude-y", True),  # nobody says who answered
        (OPENAI, "some gateway", "gpt-x", True),  # the bill names the model
        (AZURE, "openai", "gpt-x", True),  # the lines name no model: it may have been sold by Azure
        (NAMED_AZURE, "azure", "other", True),
        (NAMED_AZURE, "openai", "gpt-x", True),
        (NAMED_AZURE, "anthropic", "claude-y", False),
        (RESELLER, "anthropic", "claude-y", True),
        ([], "openai", "gpt-x", False),
        ([], "", "gpt-x", False),
    ],
)
def test_which_calls_are_billed(lines: list[tuple[str, str | None]], word: str, model: str, covered: bool) -> None:
    assert api_bills(lines, {"gpt-x-2026": "gpt-x"}).covers(word, model) is covered


def test_two_clouds_keep_their_names() -> None:
    found = api_bills([("Amazon Web Services", "claude-y"), ("Microsoft", "gpt-x")], {})
    assert found == ApiBills(
        {"azure": "Microsoft", "azure_ai": "Microsoft", "bedrock": "Amazon Web Services"}, frozenset({"claude-y", "gpt-x"}), False
    )
