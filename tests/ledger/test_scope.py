"""What a line is for: shipped rules, the user's on top, and nothing guessed."""

from __future__ import annotations

import pytest

from netyield.ledger.scope import classify, shipped_rules
from netyield.ledger.settings import ScopeRule


@pytest.mark.parametrize(
    ("line", "scope"),
    [
        ({"gpu_count": "8", "service_name": "Amazon Elastic Compute Cloud"}, "gpu"),
        ({"service_name": "Amazon Bedrock"}, "ai_api"),
        ({"service_name": "OpenAI API"}, "ai_api"),
        ({"service_name": "Anything", "consumed_unit": "Tokens"}, "ai_api"),
        ({"service_name": "GitHub Copilot Business"}, "ai_seat"),
        ({"service_name": "Amazon SageMaker"}, "ai_platform"),
        ({"service_name": "OpenAI API", "sku": "gpt-4o fine-tuning"}, "training"),
        ({"service_name": "Amazon Simple Queue Service"}, "non_ai"),
        ({"service_name": "Amazon Elastic Compute Cloud", "charge_description": "$0.10 per m5.large"}, "unclassified"),
        ({}, "unclassified"),
    ],
)
def test_shipped_rules(line: dict[str, str | None], scope: str) -> None:
    assert classify(line, [])[0] == scope


def test_your_rule_comes_first_and_says_why() -> None:
    rule = ScopeRule(scope="non_ai", service="amazon bedrock*", tags={"site": "*"}, why="the shop")
    tagged = {"service_name": "Amazon Bedrock", "tags": '{"site": "shop"}'}
    assert classify(tagged, [rule]) == ("non_ai", "the shop")
    assert classify({"service_name": "Amazon Bedrock", "tags": '{"other": 1}'}, [rule])[0] == "ai_api"
    assert classify({"service_name": "Amazon Bedrock", "tags": "not json"}, [rule])[0] == "ai_api"


def test_every_shipped_rule_gives_a_reason() -> None:
    assert len(shipped_rules()) > 50
    assert all(rule.why for rule in shipped_rules())
