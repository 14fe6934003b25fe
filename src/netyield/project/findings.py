"""What a report must remark about its window: outages, money nobody classified, models without a price, odd capacity."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from netyield.attribution import paid
from netyield.config import Config
from netyield.core.finding import Finding, Severity
from netyield.core.money import from_pico, quantise
from netyield.core.names import UNKNOWN
from netyield.core.period import Period
from netyield.project.inputs import Shared, cards_on
from netyield.store.engine import Engine

HOUR_US = 3_600_000_000
LARGEST = 5


def from_record(entry: Mapping[str, Any]) -> Finding:
    """A finding as a delivery record keeps it."""
    values = dict(entry)
    return Finding(**{**values, "severity": Severity(values["severity"])})


def of_books(engine: Engine, shared: Shared, window: Period, config: Config) -> list[Finding]:
    """Findings of an unfiltered window; gaps and outages are warnings, choices that were made are info."""
    return [
        *_card_rates(shared, window),
        *_billed_and_rated(shared, window, config),
        *_outages(engine, shared),
        *_unclassified(engine, shared),
        *_unpriced(engine),
        *_pools(engine, shared, config),
    ]


def _amount(pico: int, currency: str) -> str:
    return f"{quantise(from_pico(pico), 2):,} {currency}"


def _card_rates(shared: Shared, window: Period) -> list[Finding]:
    """Rate cards in a currency nobody can convert pay for nothing."""
    day = window.since.date().isoformat()
    lost = sorted(
        {c["currency"] for c in shared.cards}
        - {
            c["currency"]
            for c in shared.cards
            if shared.rates.convert(1, c["currency"], shared.currency, day) is not None
        }
    )
    return [
        Finding(
            "fx.no_rate_for_card",
            Severity.ERROR,
            f"rate cards in {name} have no dated rate to {shared.currency}: their pools are not paid for",
            f'Add [[source]] type = "fx" with rates {name} to {shared.currency}, or report with --currency {name}.',
        )
        for name in lost
    ]


def _billed_and_rated(shared: Shared, window: Period, config: Config) -> list[Finding]:
    """Pools that both the bill and a rate card would pay for: the bill does, and this is what the card was not asked."""
    if not shared.billed.num_rows or not shared.cards:
        return []
    cards = cards_on(shared, window.since.date().isoformat())
    named = {str(card["pool"]) for card in cards} | {rule.name for rule in config.pool}
    for table in (shared.extents, shared.count_extents):
        named |= set(table.column("pool").to_pylist())
    pools = sorted(named & set(shared.billed.column("pool").to_pylist()))
    _, twice = paid.parted(paid.rate_pieces(cards, pools, window), shared.billed)
    if not twice.num_rows:
        return []
    engine = Engine(threads=1)
    try:
        engine.register("extents", shared.extents)
        engine.register("count_extents", shared.count_extents)
        paid.charge_rates(engine, twice)
        rows = engine.query(
            """SELECT r.pool, p.hours, r.gpu_us, r.pico
               FROM (SELECT pool, total(gpu_us) AS gpu_us, total(pico) AS pico FROM rated GROUP BY pool) r
               JOIN (SELECT pool, SUM(b - a) / 3600000000 AS hours FROM rated_pieces WHERE gpu_us > 0 GROUP BY pool) p ON r.pool = p.pool
               ORDER BY r.pico DESC, r.pool"""
        ).to_pylist()
    finally:
        engine.close()
    if not rows:
        return []
    listed = "; ".join(
        f"{r['pool']} {r['hours']:,.1f} hours ({int(r['gpu_us']) / HOUR_US:,.1f} GPU-hours, {_amount(int(r['pico']), shared.currency)})"
        for r in rows[:LARGEST]
    )
    return [
        Finding(
            "pool.billed_and_rated",
            Severity.WARNING,
            f"the bill pays for {len(rows)} pools that a rate card names too, the card charges nothing for those hours: {listed}",
            "Take them out of the rate card, or end its rates (until) where the bill begins. Where the bill pays for some of "
            "a pool's GPUs only, give the others a [[pool]] of their own.",
            count=1,
        )
    ]


def _outages(engine: Engine, shared: Shared) -> list[Finding]:
    """Days on which a whole fleet of counted pools was at zero for long."""
    rows = engine.query(
        """SELECT strftime(make_timestamptz(hour_us), '%Y-%m-%d') AS day, CAST(SUM(gpu_us) AS BIGINT) AS us, total(pico) AS pico
           FROM all_leaves WHERE step = 'down' AND device = '' GROUP BY ALL HAVING SUM(gpu_us) > 0 ORDER BY ALL"""
    ).to_pylist()
    return [
        Finding(
            "gpu.outage",
            Severity.WARNING,
            f"all pools read zero allocated GPUs on {row['day']}: {row['us'] / HOUR_US:,.1f} GPU-hours, {_amount(int(row['pico']), shared.currency)}",
            "If the collector and not the fleet was out, remove those rows at the source; they count as down.",
        )
        for row in rows
    ]


def _unclassified(engine: Engine, shared: Shared) -> list[Finding]:
    found = engine.query(
        """SELECT service, provider, total(pico) AS pico FROM all_leaves WHERE step = 'unclassified'
           GROUP BY ALL ORDER BY abs(total(pico)) DESC, 1, 2"""
    ).to_pylist()
    if not found:
        return []
    listed = "; ".join(
        f"{r['service'] or r['provider'] or 'no service'} {_amount(int(r['pico']), shared.currency)}"
        for r in found[:LARGEST]
    )
    total = sum(int(r["pico"]) for r in found)
    return [
        Finding(
            "scope.unclassified",
            Severity.WARNING,
            f"{_amount(total, shared.currency)} of {len(found)} {'service is' if len(found) == 1 else 'services are'} for nothing a rule knows;"
            f" the largest: {listed}",
            "Add [[scope]] rules; until then the money stays in scope and in the upper bound.",
            count=1,
        )
    ]


def _unpriced(engine: Engine) -> list[Finding]:
    rows = engine.query(
        """SELECT provider, model, CAST(SUM(attempts) AS BIGINT) AS attempts, CAST(SUM(unit_tokens) AS BIGINT) AS tokens
           FROM all_leaves WHERE step = 'unpriced' AND attempts > 0 GROUP BY ALL ORDER BY attempts DESC, 1, 2"""
    ).to_pylist()
    if not rows:
        return []
    listed = ", ".join(f"{r['model'] or 'no model'} ({r['attempts']:,} attempts)" for r in rows[:LARGEST])
    return [
        Finding(
            "prices.unpriced",
            Severity.WARNING,
            f"{len(rows)} {'model has' if len(rows) == 1 else 'models have'} no price: {listed}; {sum(r['tokens'] for r in rows):,} output tokens",
            'Add their prices with [[source]] type = "prices", or a [[pool]] with models = [...] when they are self-hosted.',
        )
    ]


def _pools(engine: Engine, shared: Shared, config: Config) -> list[Finding]:
    """Money without telemetry, telemetry without money, more devices than were paid for, and a guessed mapping."""
    found: list[Finding] = []
    money = {
        r["pool"]: int(r["pico"])
        for r in engine.query("SELECT pool, total(pico) AS pico FROM fleet GROUP BY ALL").to_pylist()
    }
    seen = set(engine.query("SELECT DISTINCT pool FROM activity").column(0).to_pylist())
    blind = sorted(pool for pool in money if pool not in seen)
    if blind:
        found.append(
            Finding(
                "pool.no_telemetry",
                Severity.WARNING,
                f"no telemetry for paid pools {', '.join(blind)}: their money is unknown",
                "Connect a metrics source, or map hosts and devices to these pools with [[pool]].",
            )
        )
    unpaid = sorted(pool for pool in seen if pool not in money)
    if unpaid:
        found.append(
            Finding(
                "pool.no_charge",
                Severity.WARNING,
                f"devices of {', '.join(unpaid)} report, but no charge or rate pays for them",
                'Map the bill to these pools with [[pool]], or add a [[source]] type = "rate_card".',
            )
        )
    over = engine.query(
        """SELECT p.pool, COUNT(*) AS hours FROM (SELECT pool, hour_us, SUM(us) AS us FROM activity WHERE state <> 'unknown' GROUP BY ALL) p
           JOIN (SELECT pool, hour_us, SUM(gpu_us) AS us FROM fleet GROUP BY ALL) f ON p.pool = f.pool AND p.hour_us = f.hour_us
           WHERE p.us > f.us + f.us // 100 + 60000000 GROUP BY ALL ORDER BY ALL"""
    ).to_pylist()
    if over:
        listed = ", ".join(f"{r['pool']} ({r['hours']} hours)" for r in over)
        found.append(
            Finding(
                "pool.more_seen_than_paid",
                Severity.WARNING,
                f"more GPU time reported than paid for in {listed}; paid time was shared over all of it",
                "Check the pool mapping and the GPU count of the bill lines.",
            )
        )
    if (
        not config.pool
        and len(money) > 0
        and any(pool not in (UNKNOWN,) for pool in money)
        and shared.device_pools.num_rows
    ):
        found.append(
            Finding(
                "pool.assumed",
                Severity.INFO,
                f"pools were matched by name, nobody confirmed them: {', '.join(sorted(money))}",
                "Confirm with [[pool]] tables in netyield.toml.",
            )
        )
    return found
