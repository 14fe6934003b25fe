"""One stretch of time, attributed: every pico-unit of its charges lands on a state, a job, a request slot or a step.

In:  an engine with the raw views loaded, and ``Inputs``. Out, in the engine:
     leaves_capacity   money of pools that is not split over requests, and money that goes to its step as it is
     slot_money ...    the active cost of replicas per slot, ready to be split over requests (serving.py)
     fleet             paid GPU time and money per pool, device, hour and state
     api_pieces        API charges per hour, to be reconciled with priced attempts (reconcile.py)
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa

from netyield.attribution import attempts, capacity, engine_leaves, engine_tokens, paid, place, serving
from netyield.attribution.leaf import leaf_sql
from netyield.attribution.settings import AttributionSettings, CapacitySettings
from netyield.core.period import Period
from netyield.ledger.settings import PoolRule
from netyield.store.engine import Engine


@dataclass(frozen=True)
class Inputs:
    """What attribution needs beside the raw views. Tables are small; money is in pico-units of ``currency``.

    groups: charge groups with group_id, start_s, end_s, currency, step, scope, provider, service, account, pool, model,
    token_class, pico, gpu_us, tokens. device_pools: device, pool. extents: device, pool, first_us, last_t, last_us.
    count_extents: pool, t, until_us, gpus. owner_facts: owner, kind (training | serving), state, team, app, model.
    owner_pools: (pool, owner) pairs of the whole day, so that a window cut inside it knows the same replicas.
    later_retries: attempts after the end that may replace one of these (attempts.RETRY).
    billed: pool, since_us, until_us: when the bill itself pays for a pool, so that a rate card does not.
    """

    currency: str
    groups: pa.Table
    cards: Sequence[Mapping[str, Any]]
    device_pools: pa.Table
    extents: pa.Table
    count_extents: pa.Table
    owner_facts: pa.Table
    owner_pools: Sequence[tuple[str, str]] = ()
    billed: pa.Table = field(default_factory=paid.BILLED.empty_table)
    later_retries: pa.Table | None = None
    pool_rules: Sequence[PoolRule] = ()
    capacity: CapacitySettings = field(default_factory=CapacitySettings)
    attribution: AttributionSettings = field(default_factory=AttributionSettings)


def run(engine: Engine, inputs: Inputs, segment: Period) -> None:
    """Attribute one segment (at most a day)."""
    for name in ("device_pools", "extents", "count_extents", "owner_facts"):
        engine.register(name, getattr(inputs, name))
    capacity.run(engine, segment, inputs.capacity, inputs.attribution.slot_seconds)
    paid.cut_groups(engine, inputs.groups, segment)
    _price_pools(engine, inputs, segment)
    _load_attempts(engine, inputs)
    _provisioned(engine, inputs)
    engine_tokens.map_replicas(engine, inputs.owner_pools, inputs.pool_rules)
    serving.weigh(engine, inputs.attribution)
    serving.cut_attempts(engine, inputs.attribution)
    engine.keep("busy_slots", "SELECT DISTINCT slot_id FROM slot_weights")
    engine_tokens.run(engine, segment, inputs.attribution.slot_seconds)
    place.run(engine, inputs.attribution)
    serving.split_slots(engine, inputs.attribution.slot_seconds)
    serving.spread(engine)
    _leaves(engine, inputs.currency)


def _price_pools(engine: Engine, inputs: Inputs, segment: Period) -> None:
    """``paid``: pool money per hour, from the bill and from the rate card."""
    pools = sorted(
        {
            *engine.query("SELECT DISTINCT pool FROM state_slots").column(0).to_pylist(),
            *inputs.device_pools.column("pool").to_pylist(),
            *inputs.count_extents.column("pool").to_pylist(),
            *(rule.name for rule in inputs.pool_rules),
            *(str(c["pool"]) for c in inputs.cards if "*" not in str(c["pool"])),
        }
    )
    cards = [card for card in inputs.cards if card["currency"] == inputs.currency]
    rated, _ = paid.parted(paid.rate_pieces(cards, pools, segment), inputs.billed)
    paid.charge_rates(engine, rated)
    engine.keep(
        "paid",
        """SELECT concat_ws('|', 'bill', g.scope, g.provider, g.service, g.account) AS line_id, g.pool, p.hour_us, g.scope,
                  COALESCE(g.provider, '') AS provider, COALESCE(g.service, '') AS service, COALESCE(g.account, '') AS account,
                  'measured' AS evidence, total(p.pico) AS pico, total(p.gpu_us) AS gpu_us
           FROM pieces p JOIN groups g ON p.group_id = g.group_id WHERE g.step = 'pool' GROUP BY ALL
           UNION ALL
           SELECT 'rate card', pool, hour_us, 'gpu', 'rate card', 'rate card', '', 'assumed', pico, gpu_us FROM rated""",
    )


def _load_attempts(engine: Engine, inputs: Inputs) -> None:
    pools = engine.query("SELECT DISTINCT pool FROM (SELECT pool FROM paid UNION ALL SELECT pool FROM state_slots)")
    attempts.load(
        engine,
        inputs.pool_rules,
        inputs.owner_pools,
        [*pools.column(0).to_pylist(), *(rule.name for rule in inputs.pool_rules)],
        inputs.later_retries,
    )
    engine.keep(
        "servings",
        "SELECT DISTINCT serving_id, resolved_pool AS pool, serving FROM attempt_map WHERE serving_id IS NOT NULL",
    )


def _provisioned(engine: Engine, inputs: Inputs) -> None:
    """Provisioned throughput reports no GPUs: a slot with a request is active, one without is idle (derived)."""
    names = [rule.name for rule in inputs.pool_rules if rule.kind == "provisioned_throughput"]
    engine.register("provisioned_pools", pa.table({"pool": pa.array(names, pa.string())}))
    slot_us = inputs.attribution.slot_seconds * 1_000_000
    engine.keep(
        "provisioned_slots",
        f"""SELECT p.pool, g.slot_us, g.hour_us, g.b - g.a AS us,
                   CASE WHEN EXISTS (SELECT 1 FROM attempts_in a WHERE a.pool = p.pool AND a.t < g.slot_us + {slot_us} AND a.e > g.slot_us)
                        THEN 'active' ELSE 'idle' END AS state
            FROM provisioned_pools p, grid g""",
    )


def _leaves(engine: Engine, currency: str) -> None:
    """Leaves of capacity that serves no request, of charges that go to their step, and the fleet table."""
    engine.keep(
        "line_facts",
        "SELECT line_id, MIN(scope) AS scope, MIN(provider) AS provider, MIN(service) AS service, "
        "MIN(account) AS account, MIN(evidence) AS evidence FROM paid GROUP BY line_id",
    )
    step = f"""CASE WHEN p.state = 'active' AND p.kind = 'training'
                        THEN concat('training.', CASE WHEN p.job_state = '' THEN 'unknown' ELSE p.job_state END)
                   WHEN p.kind = 'training' AND p.state IN ('idle', 'idle_held', 'starting')
                        THEN p.state
                   WHEN p.counted_by IS NOT NULL THEN '{engine_leaves.STEP}'
                   WHEN p.state = 'active' THEN 'active_unattributed' ELSE p.state END"""
    columns = leaf_sql(
        hour_us="p.hour_us",
        currency=f"'{currency}'",
        step=step,
        reason=engine_leaves.REASON,
        scope="l.scope",
        provider="l.provider",
        service="l.service",
        account="l.account",
        pool="p.pool",
        device="p.device",
        owner="p.owner",
        team="COALESCE(f.team, '')",
        app="COALESCE(f.app, '')",
        model=engine_leaves.MODEL,
        evidence="CASE WHEN p.state = 'unknown' THEN l.evidence ELSE 'derived' END",
        method="CASE WHEN p.counted_by IS NOT NULL THEN 'engine counters' ELSE 'device time' END",
        pico="p.pico",
        gpu_us="p.gpu_us",
    )
    charges = leaf_sql(
        hour_us="c.hour_us",
        currency=f"'{currency}'",
        step="g.step",
        scope="g.scope",
        provider="COALESCE(g.provider, '')",
        service="COALESCE(g.service, '')",
        account="COALESCE(g.account, '')",
        pool="COALESCE(g.pool, '')",
        model="COALESCE(g.model, '')",
        evidence="'measured'",
        method="'bill'",
        pico="c.pico",
    )
    engine.keep(
        "leaves_capacity",
        f"""SELECT {columns} FROM placed p JOIN line_facts l ON p.line_id = l.line_id
            LEFT JOIN owner_facts f ON p.owner = f.owner LEFT JOIN engine_models m ON p.pool = m.pool AND p.owner = m.owner
            WHERE p.slot_id IS NULL AND (p.pico <> 0 OR p.gpu_us <> 0)
            UNION ALL
            {engine_leaves.token_leaves(currency)}
            UNION ALL
            SELECT {charges} FROM pieces c JOIN groups g ON c.group_id = g.group_id
            WHERE g.step NOT IN ('pool', 'api') AND c.pico <> 0""",
    )
    engine.keep(
        "fleet",
        """SELECT p.pool, p.device, p.slice, p.owner, p.hour_us, p.state, total(p.pico) AS pico, narrow(total(p.gpu_us)) AS gpu_us
           FROM placed p GROUP BY ALL""",
    )
    engine.keep(
        "activity",
        """SELECT pool, device, hour_us, state, narrow(total(us)) AS us, narrow(total(signal_us)) AS signal_us,
                  narrow(total(CASE WHEN state IN ('down', 'unallocated') THEN 0 WHEN owner <> '' OR device = '' THEN us ELSE 0 END)) AS held_us,
                  BOOL_OR(owner <> '' OR device = '' OR state = 'unallocated') AS allocation_known
           FROM state_slots GROUP BY ALL""",
    )
    engine.keep(
        "api_pieces",
        """SELECT c.hour_us, g.provider, g.service, g.account, g.model, g.token_class, c.pico, c.tokens
           FROM pieces c JOIN groups g ON c.group_id = g.group_id WHERE g.step = 'api'""",
    )
