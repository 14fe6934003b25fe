"""What is each charge for? Scope and the rule that said so, from shipped rules with the user's on top.

Scopes: gpu, ai_api, ai_seat, ai_platform, training, non_ai, unclassified. The first matching rule wins; matching is
by case-insensitive glob on what the bill itself says. A line no rule knows is unclassified: it stays in scope and in
the upper bound, and the largest are listed.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Mapping, Sequence
from fnmatch import fnmatchcase
from functools import cache
from importlib import resources

from netyield.ledger.settings import ScopeRule

# Columns of the charges table a rule can look at, by the rule's word.
RULE_COLUMNS = {
    "provider": "provider",
    "service": "service_name",
    "category": "service_category",
    "subcategory": "service_subcategory",
    "sku": "sku",
    "resource": "resource_id",
    "resource_type": "resource_type",
    "account": "account",
    "description": "charge_description",
    "unit": "consumed_unit",
}


@cache
def shipped_rules() -> tuple[ScopeRule, ...]:
    """The rules of ledger/data/scope_rules.csv, in order."""
    text = resources.files("netyield.ledger").joinpath("data", "scope_rules.csv").read_text(encoding="utf-8")
    rules = []
    for row in csv.DictReader(text.splitlines()):
        if row["column"] == "gpu_count":
            count = {"scope": row["scope"], "gpu_count": row["pattern"] == "yes", "why": row["why"]}
            rules.append(ScopeRule.model_validate(count))
        else:
            rules.append(
                ScopeRule.model_validate({"scope": row["scope"], row["column"]: row["pattern"], "why": row["why"]})
            )
    return tuple(rules)


def matches(rule: ScopeRule, line: Mapping[str, str | None]) -> bool:
    """Whether every glob of the rule matches the line. ``line`` has the RULE_COLUMNS, tags (JSON) and gpu_count."""
    if rule.gpu_count is not None and bool(line.get("gpu_count")) != rule.gpu_count:
        return False
    for word, column in RULE_COLUMNS.items():
        pattern = getattr(rule, word)
        if pattern != "*" and not fnmatchcase((line.get(column) or "").lower(), pattern.lower()):
            return False
    return tags_match(rule.tags, line.get("tags"))


def tags_match(wanted: Mapping[str, str], tags: str | None) -> bool:
    """Whether a JSON object of tags has every wanted key with a value that matches its glob."""
    if not wanted:
        return True
    try:
        have = json.loads(tags or "{}")
    except ValueError:
        return False
    return isinstance(have, dict) and all(
        key in have and fnmatchcase(str(have[key]).lower(), pattern.lower()) for key, pattern in wanted.items()
    )


def classify(line: Mapping[str, str | None], user_rules: Sequence[ScopeRule]) -> tuple[str, str]:
    """(scope, why) of one distinct kind of line."""
    for rule in user_rules:
        if matches(rule, line):
            return rule.scope, rule.why or "your rule"
    for rule in shipped_rules():
        if matches(rule, line):
            return rule.scope, rule.why
    return "unclassified", "no rule knows this line"
