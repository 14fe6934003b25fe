"""What every day of a window needs and no single day holds: labelled charges, device pools, extents, jobs, prices.

All of it is small beside the raw tables. Made once per report from one manifest, so that two reports of the same
manifest see the same books.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from fnmatch import fnmatchcase
from typing import Any

import pyarrow as pa

from netyield.attribution.paid import BILLED, cards_of
from netyield.config import Config
from netyield.core.finding import Finding, Severity
from netyield.core.names import UNKNOWN
from netyield.core.period import from_micros
from netyield.ledger import charges
from netyield.ledger.currency import Rates
from netyield.ledger.pools import pool_of_device
from netyield.project import api_traffic, bridge
from netyield.store.engine import Engine
from netyield.store.folder import Folder
from netyield.store.manifest import Manifest

GROUP_TEXT = ("currency", "step", "scope", "provider", "service", "account", "pool", "model", "token_class")
GROUP_NUMBERS = ("start_s", "end_s")
GROUPS = pa.schema(
    [
        ("group_id", pa.int64()),
        *((name, pa.int64()) for name in GROUP_NUMBERS),
        *((name, pa.string()) for name in GROUP_TEXT),
        *((name, pa.decimal128(38, 0)) for name in ("pico", "gpu_us", "tokens")),
    ]
)


@dataclass
class Shared:
    """The small tables of one manifest, basis and currency, with what was noticed while making them."""

    currency: str
    basis: str
    groups: pa.Table
    other_currencies: dict[str, int]
    cards: list[dict[str, Any]]
    device_pools: pa.Table
    extents: pa.Table
    count_extents: pa.Table
    owner_facts: pa.Table
    unclassified: list[dict[str, Any]]
    scopes: list[dict[str, Any]]
    pools: list[dict[str, Any]]
    bridge: list[dict[str, int | str]]
    rates: Rates
    findings: list[Finding] = field(default_factory=list)
    billed: pa.Table = field(default_factory=BILLED.empty_table)
    api_traffic: list[tuple[int, int]] = field(default_factory=list)


def views(engine: Engine, folder: Folder, manifest: Manifest, *tables: str) -> None:
    """Whole tables of a manifest as views."""
    for table in tables:
        engine.parquet(table, table, folder.paths(manifest.of(table)))


def pick_currency(engine: Engine, config: Config, asked: str | None) -> str:
    """The reporting currency: asked for, configured, else the one most lines are in, else USD."""
    if asked or config.project.currency:
        return str(asked or config.project.currency)
    found = engine.query(
        """SELECT currency, COUNT(*) AS n FROM (SELECT currency FROM charges UNION ALL SELECT currency FROM rate_cards)
           GROUP BY currency ORDER BY n DESC, currency LIMIT 1"""
    ).to_pylist()
    return str(found[0]["currency"]) if found else "USD"


def gather(folder: Folder, manifest: Manifest, config: Config, basis: str, currency: str | None) -> Shared:
    """Read, label and fold everything that is shared between days."""
    return gather_each(folder, manifest, config, [(basis, currency)])[0]


def gather_each(
    folder: Folder, manifest: Manifest, config: Config, wanted: Sequence[tuple[str, str | None]]
) -> list[Shared]:
    """The same for several (basis, currency); telemetry, which knows neither, is read once."""
    engine = Engine()
    try:
        views(
            engine,
            folder,
            manifest,
            "charges",
            "rate_cards",
            "gpu_samples",
            "gpu_slices",
            "gpu_owners",
            "capacity_samples",
            "fx_rates",
        )
        engine.keep("extents_known", _EXTENTS)
        engine.keep("count_extents_known", _COUNT_EXTENTS)
        found = []
        for basis, currency in wanted:
            shared = _gather(engine, config, basis, pick_currency(engine, config, currency))
            if "api" in shared.groups.column("step").to_pylist() and manifest.of("attempts"):
                shared.api_traffic = _api_traffic(engine, folder, manifest, config, shared)
            found.append(shared)
        return found
    finally:
        engine.close()


def _gather(engine: Engine, config: Config, basis: str, currency: str) -> Shared:
    findings: list[Finding] = []
    extents = engine.query("SELECT * FROM extents_known ORDER BY device")
    declared = declared_pools(engine)
    charges.label(engine, basis, config.scope, config.pool, declared)
    raw = charges.group(engine).to_pylist()
    rates = rates_of(engine)
    groups, others = _convert(rates, raw, currency, findings)
    billed = sorted(
        {str(row["pool"]) for row in raw if row["step"] == "pool" and row["pool"] and row["pool"] != UNKNOWN}
    )
    pools = [
        pool_of_device(row["pool"], row["device"], row["host"], config.pool, billed) for row in extents.to_pylist()
    ]
    _missing(raw, basis, findings)
    placed = extents.drop_columns(["pool", "host", "gpu_model"]).append_column("pool", pa.array(pools, pa.string()))
    return Shared(
        currency=currency,
        basis=basis,
        groups=groups,
        other_currencies=others,
        cards=cards_of(engine),
        device_pools=pa.table({"device": extents.column("device"), "pool": pa.array(pools, pa.string())}),
        extents=placed,
        count_extents=engine.query("SELECT * FROM count_extents_known ORDER BY ALL"),
        owner_facts=_owner_facts(engine, config),
        unclassified=engine.query(_UNCLASSIFIED).to_pylist(),
        scopes=engine.query(_SCOPES).to_pylist(),
        pools=engine.query(_POOLS).to_pylist(),
        bridge=bridge.groups(engine, basis, currency, rates),
        rates=rates,
        findings=findings,
        billed=engine.query(_BILLED).cast(BILLED),
    )


def _api_traffic(
    engine: Engine, folder: Folder, manifest: Manifest, config: Config, shared: Shared
) -> list[tuple[int, int]]:
    """When request logs of API calls speak, given every pool and holder that anybody knows."""
    engine.register("pools_of_devices", shared.device_pools)
    held = engine.query(
        "SELECT DISTINCT p.pool, o.owner FROM gpu_owners o JOIN pools_of_devices p ON o.device_id = p.device WHERE o.owner <> '' ORDER BY ALL"
    ).to_pylist()
    named = [shared.groups, shared.device_pools, shared.count_extents]
    pools = {str(pool) for table in named for pool in table.column("pool").to_pylist() if pool}
    pools |= {str(card["pool"]) for card in shared.cards} | {rule.name for rule in config.pool}
    owners = [(row["pool"], row["owner"]) for row in held]
    return api_traffic.spans(folder, manifest, config.pool, owners, sorted(pools))


# From the first to the last reading of every device; the last stands for its usual step, at most its hold.
_EXTENTS = """
WITH seen AS (
  SELECT device_id AS device, slice_id, metric, micros(event_time) AS t, hold_us, pool, host, gpu_model FROM gpu_samples
  UNION ALL
  SELECT device_id, slice_id, 'layout', micros(event_time), hold_us, NULL, host, gpu_model FROM gpu_slices
),
gaps AS (SELECT *, t - LAG(t) OVER (PARTITION BY device, slice_id, metric ORDER BY t) AS gap FROM seen)
SELECT device, MIN(pool) AS pool, MIN(host) AS host, MIN(gpu_model) AS gpu_model, MIN(t) AS first_us, MAX(t) AS last_t,
       MAX(t) + least(arg_max(hold_us, t), COALESCE(CAST(median(CASE WHEN gap > 0 THEN gap END) AS BIGINT), arg_max(hold_us, t))) AS last_us
FROM gaps GROUP BY device ORDER BY device
"""
# GPUs a pool has, from each count to the next one however far; the last stands for its own interval.
_COUNT_EXTENTS = """
SELECT pool, t, COALESCE(LEAD(t) OVER (PARTITION BY pool ORDER BY t), t + hold) AS until_us, gpus FROM (
  SELECT pool, micros(event_time) AS t, MAX(hold_us) AS hold, MAX(gpus_total) AS gpus FROM capacity_samples GROUP BY ALL)
ORDER BY ALL
"""
_UNCLASSIFIED = """
SELECT currency, provider, service_name AS service, COALESCE(charge_description, sku) AS line, COUNT(*) AS lines, total(part_pico) AS pico
FROM labelled WHERE step = 'unclassified' GROUP BY ALL ORDER BY abs(total(part_pico)) DESC, 1, 2, 3, 4 LIMIT 10
"""
_SCOPES = """
SELECT currency, CASE WHEN step IN ('tax', 'credits') THEN step ELSE scope END AS scope,
       CASE WHEN step IN ('tax', 'credits') THEN 'charge category' ELSE why END AS why, COUNT(*) AS lines, total(part_pico) AS pico
FROM labelled GROUP BY ALL ORDER BY ALL
"""
# When the bill pays for a pool, whatever the amount on this basis: a prepaid hour may be billed at zero.
_BILLED = """
WITH spans AS (SELECT DISTINCT pool, start_us, end_us FROM labelled
               WHERE step = 'pool' AND charge_category IN ('Usage', 'Purchase') AND end_us > start_us AND pool IS NOT NULL),
before AS (
  SELECT *, MAX(end_us) OVER (PARTITION BY pool ORDER BY start_us, end_us
                              ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS until_us FROM spans),
islands AS (
  SELECT *, SUM(CASE WHEN until_us IS NULL OR start_us > until_us THEN 1 ELSE 0 END)
              OVER (PARTITION BY pool ORDER BY start_us, end_us) AS island FROM before)
SELECT pool, MIN(start_us) AS since_us, MAX(end_us) AS until_us FROM islands GROUP BY pool, island ORDER BY ALL
"""
_POOLS = "SELECT pool, COUNT(*) AS lines FROM labelled WHERE step = 'pool' GROUP BY ALL ORDER BY ALL"


def declared_pools(engine: Engine) -> list[str]:
    """The pools telemetry sources name themselves."""
    found = engine.query(
        "SELECT DISTINCT pool FROM (SELECT pool FROM gpu_samples UNION ALL SELECT pool FROM capacity_samples) WHERE pool IS NOT NULL ORDER BY 1"
    )
    return [str(name) for name in found.column(0).to_pylist()]


def rates_of(engine: Engine) -> Rates:
    """The dated exchange rates of the ``fx_rates`` view; of two for one day the later recorded."""
    found = engine.query("SELECT rate_date, base, quote, rate FROM fx_rates ORDER BY recorded_at").to_pylist()
    return Rates((r["rate_date"], r["base"], r["quote"], Decimal(r["rate"])) for r in found)


def _convert(
    rates: Rates, raw: list[dict[str, Any]], currency: str, findings: list[Finding]
) -> tuple[pa.Table, dict[str, int]]:
    """Groups in the reporting currency; money without a rate stays outside, counted per currency."""
    rows: dict[str, list[Any]] = {name: [] for name in GROUPS.names}
    others: dict[str, int] = {}
    for row in raw:
        pico = rates.convert(
            int(row["pico"]), row["currency"], currency, from_micros(row["start_us"]).date().isoformat()
        )
        if pico is None:
            others[row["currency"]] = others.get(row["currency"], 0) + int(row["pico"])
            continue
        rows["group_id"].append(len(rows["group_id"]))
        rows["start_s"].append(row["start_us"] // 1_000_000)
        rows["end_s"].append(row["end_us"] // 1_000_000)
        for name in GROUP_TEXT:
            rows[name].append(currency if name == "currency" else row[name])
        rows["pico"].append(Decimal(pico))
        rows["gpu_us"].append(row["gpu_us"])
        rows["tokens"].append(row["tokens"])
    for name, pico in sorted(others.items()):
        findings.append(
            Finding(
                "fx.no_rate",
                Severity.WARNING,
                f"{pico / 10**12:,.2f} {name} have no dated rate to {currency} and stand beside the total",
                f'Add [[source]] type = "fx" with rates {name} to {currency}, or report with --currency {name}.',
            )
        )
    return pa.table({n: pa.array(v, GROUPS.field(n).type) for n, v in rows.items()}, schema=GROUPS), others


def _missing(raw: list[dict[str, Any]], basis: str, findings: list[Finding]) -> None:
    count = sum(int(row["missing"] or 0) for row in raw)
    if count:
        findings.append(
            Finding(
                "charges.no_amount",
                Severity.WARNING,
                f"{count} lines have no {charges.BASES[basis]} and count as nothing on this basis",
                "Report on another basis, or ask the sender for the column.",
                count=count,
            )
        )


def _owner_facts(engine: Engine, config: Config) -> pa.Table:
    """Who holds devices: a job (training) or a server; a job's state is the last one recorded."""
    rows = engine.query(
        """SELECT owner, arg_max(namespace, event_time) AS namespace, arg_max(workload, event_time) AS workload,
                  arg_max(job_state, event_time) AS job_state, arg_max(labels, event_time) AS labels
           FROM gpu_owners WHERE owner <> '' GROUP BY owner ORDER BY owner"""
    ).to_pylist()
    facts: dict[str, list[str]] = {name: [] for name in ("owner", "kind", "state", "team", "app", "model")}
    for row in rows:
        labels = json.loads(row["labels"] or "{}")
        facts["owner"].append(row["owner"])
        facts["kind"].append(_kind(row, labels, config))
        facts["state"].append(row["job_state"] or "")
        for name in ("team", "app", "model"):
            facts[name].append(str(labels.get(name) or labels.get(f"label_{name}") or ""))
    return pa.table({name: pa.array(values, pa.string()) for name, values in facts.items()})


def _kind(row: dict[str, Any], labels: dict[str, Any], config: Config) -> str:
    for rule in config.workload:
        by_name = any(fnmatchcase(row["namespace"] or "", g) for g in rule.namespaces) or any(
            fnmatchcase(row["owner"], g) or fnmatchcase(row["workload"] or "", g) for g in rule.owners
        )
        by_label = bool(rule.labels) and all(fnmatchcase(str(labels.get(k, "")), v) for k, v in rule.labels.items())
        if by_name or by_label:
            return rule.kind
    return "training" if row["job_state"] else "serving"


def cards_on(shared: Shared, day: str) -> list[dict[str, Any]]:
    """The rate cards in the reporting currency at the rate of a day (``2026-11-01``); one without a rate is left out."""
    found = []
    for card in shared.cards:
        pico = shared.rates.convert(int(card["rate_pico"]), card["currency"], shared.currency, day)
        if pico is not None:
            found.append({**card, "rate_pico": pico, "currency": shared.currency})
    return found
