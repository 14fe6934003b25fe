"""Which pool is it? One name for the thing a charge pays for, a device that reports, and a replica that answers.

A pool is matched by the [[pool]] tables of netyield.toml. Where none is configured, names that agree are proposed:
the pool a source declares, a ``pool`` tag of the bill, else one pool for all. What nobody maps is ``__unknown__``:
its money stays in ``unknown`` until somebody says what it pays for.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from fnmatch import fnmatchcase

from netyield.core.names import UNKNOWN
from netyield.ledger.scope import tags_match
from netyield.ledger.settings import PoolRule

TAG_NAMES = ("pool", "netyield:pool", "netyield_pool")
ONE_POOL = "gpu"


def _any(patterns: Iterable[str], value: str | None) -> bool:
    return value is not None and any(fnmatchcase(value.lower(), pattern.lower()) for pattern in patterns)


def pool_of_charge(line: Mapping[str, str | None], rules: Sequence[PoolRule], known: Sequence[str]) -> str:
    """The pool one distinct kind of line pays for. ``known``: pools other sources declare."""
    for rule in rules:
        given = (rule.tags, rule.resources, rule.accounts, rule.skus)
        if not any(given):
            continue
        if (
            tags_match(rule.tags, line.get("tags"))
            and (
                not rule.resources
                or _any(rule.resources, line.get("resource_id"))
                or _any(rule.resources, line.get("resource_name"))
            )
            and (not rule.accounts or _any(rule.accounts, line.get("account")))
            and (not rule.skus or _any(rule.skus, line.get("sku")))
        ):
            return rule.name
    for rule in rules:
        if _any(rule.hosts, line.get("resource_id")) or _any(rule.hosts, line.get("resource_name")):
            return rule.name
    tagged = pool_tag(line.get("tags"))
    if tagged:
        return tagged
    if rules:
        return UNKNOWN
    return known[0] if len(known) == 1 else ONE_POOL if not known else UNKNOWN


def pool_tag(tags: str | None) -> str | None:
    """The pool that the tags of a bill line name themselves."""
    try:
        have = json.loads(tags or "{}")
    except ValueError:
        return None
    if not isinstance(have, dict):
        return None
    return next((str(have[name]) for name in TAG_NAMES if have.get(name)), None)


def pool_of_device(
    declared: str | None, device: str, host: str | None, rules: Sequence[PoolRule], billed: Sequence[str]
) -> str:
    """The pool a device belongs to. ``billed``: pools the bill pays for (used when there are no rules)."""
    if declared:
        return declared
    for rule in rules:
        if _any(rule.devices, device) or _any(rule.hosts, host):
            return rule.name
    if rules:
        return UNKNOWN
    return billed[0] if len(billed) == 1 else ONE_POOL if not billed else UNKNOWN


def pool_of_attempt(
    declared: str | None,
    model: str | None,
    endpoint: str | None,
    replica: str | None,
    rules: Sequence[PoolRule],
) -> str | None:
    """The pool that served an attempt, or None when nothing says it was self-hosted (then it is an API call)."""
    if declared:
        return declared
    for rule in rules:
        if _any(rule.replicas, replica) or _any(rule.endpoints, endpoint):
            return rule.name
    for rule in rules:
        if rule.models and not rule.endpoints and _any(rule.models, model):
            return rule.name
    return None
