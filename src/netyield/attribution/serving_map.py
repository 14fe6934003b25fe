"""Which replica of which pool answered, for each combination of names that attempts give?"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pyarrow as pa

from netyield.ledger.pools import pool_of_attempt
from netyield.ledger.settings import PoolRule

KEYS = ("pool", "provider", "model", "endpoint", "replica")


def serving_map(
    distinct: list[dict[str, Any]], rules: Sequence[PoolRule], owners: Sequence[tuple[str, str]], pools: Sequence[str]
) -> pa.Table:
    """serving_id, resolved_pool and serving (owner name, or '' for the pool as a whole) per distinct combination of KEYS."""
    by_name: dict[str, list[tuple[str, str]]] = {}
    for owner_pool, owner in owners:
        for name in {owner, owner.rsplit("/", maxsplit=1)[-1]}:
            if name:
                by_name.setdefault(name, []).append((owner_pool, owner))
    servings: dict[tuple[str, str], int] = {}
    rows: dict[str, list[Any]] = {name: [] for name in (*KEYS, "serving_id", "resolved_pool", "serving")}
    for line in sorted(distinct, key=lambda d: tuple(str(d[k]) for k in KEYS)):
        pool = pool_of_attempt(line["pool"], line["model"], line["endpoint"], line["replica"], rules)
        found = _owner(line, by_name, pool)
        resolved: str | None = found[0] if found else pool
        serving = found[1] if found else ""
        if resolved is not None and resolved not in pools and found is None and line["pool"] is None:
            resolved = None
        for key in KEYS:
            rows[key].append(line[key])
        rows["resolved_pool"].append(resolved)
        rows["serving"].append(serving)
        rows["serving_id"].append(None if resolved is None else servings.setdefault((resolved, serving), len(servings) + 1))
    types = {name: pa.string() for name in rows} | {"serving_id": pa.int64()}
    return pa.table({name: pa.array(values, types[name]) for name, values in rows.items()})


def _owner(
    line: dict[str, Any], by_name: dict[str, list[tuple[str, str]]], pool: str | None
) -> tuple[str, str] | None:
    """The (pool, owner) the telemetry knows the attempt's replica by, when there is exactly one."""
    for word in (line["replica"], _host(line["endpoint"])):
        candidates = by_name.get(word or "", [])
        matching = [pair for pair in candidates if pool is None or pair[0] == pool]
        if len(set(matching)) == 1:
            return matching[0]
    return None


def _host(endpoint: str | None) -> str | None:
    """The first label of an endpoint's host: ``http://llm-0.svc:8000/v1`` is ``llm-0``."""
    if not endpoint:
        return None
    host = endpoint.split("://", maxsplit=1)[-1].split("/", maxsplit=1)[0].split(":", maxsplit=1)[0]
    return host.split(".", maxsplit=1)[0]
