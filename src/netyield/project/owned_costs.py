"""Another depreciation in the ledger's own books: every leaf of a window with its part of depreciation taken out or replaced.

A pool's money of an hour is shared over leaves as one amount, so each leaf carries depreciation in the same proportion:

    leaf' = leaf + (new depreciation - booked depreciation of its bill line's hour) * leaf / all leaves of that line's hour

Exact: the parts of an hour add up to its change, the remainder of the division to its largest leaf. An hour whose leaves
have no money shares by GPU time. What no leaf can take is counted, not dropped.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import pyarrow as pa

from netyield.answers.books import Books
from netyield.attribution.paid import cut_groups
from netyield.config import Config
from netyield.core.currencies import from_coins
from netyield.core.depreciation import clock
from netyield.core.money import round_half_up, to_pico
from netyield.core.period import from_micros, micros
from netyield.ledger import charges
from netyield.project.inputs import declared_pools, rates_of, views
from netyield.sources.bills.assets.charges import DEPRECIATION, ISSUER
from netyield.store.engine import Engine
from netyield.store.folder import Folder
from netyield.store.manifest import Manifest

KEY = ("scope", "provider", "service", "account", "pool")
Charges = Mapping[tuple[str, int], tuple[int, str]]  # (asset, month of the clock) -> (coins, currency)


@dataclass(frozen=True)
class Line:
    """Depreciation of one asset on one bill line. ``pico`` in the books' currency, ``own_pico`` in ``currency``, its own."""

    asset: str
    month: int
    start_s: int
    end_s: int
    key: tuple[str, ...]
    pico: int
    own_pico: int
    currency: str


def booked(folder: Folder, manifest: Manifest, config: Config, books: Books) -> tuple[list[Line], int]:
    """Depreciation lines that touch the books' window, and how many have no rate to its currency."""
    engine = Engine()
    try:
        views(engine, folder, manifest, "charges", "gpu_samples", "capacity_samples", "fx_rates")
        charges.label(engine, books.basis, config.scope, config.pool, declared_pools(engine))
        rows = engine.query(
            f"""SELECT resource_id AS asset, start_us, end_us, currency, scope, provider, service_name AS service, account, pool,
                       total(part_pico) AS pico
                FROM labelled WHERE issuer = '{ISSUER}' AND sku = '{DEPRECIATION}' AND end_us > start_us
                  AND start_us < ? AND end_us > ? GROUP BY ALL ORDER BY ALL""",
            [micros(books.window.until), micros(books.window.since)],
        ).to_pylist()
        rates = rates_of(engine)
    finally:
        engine.close()
    found, foreign = [], 0
    for row in rows:
        day = from_micros(row["start_us"]).date()
        pico = rates.convert(int(row["pico"]), row["currency"], books.currency, day.isoformat())
        if pico is None:
            foreign += 1
            continue
        key = tuple(str(row[name] or "") for name in KEY)
        span = (row["start_us"] // 1_000_000, row["end_us"] // 1_000_000)
        found.append(Line(str(row["asset"]), int(clock(day)), *span, key, pico, int(row["pico"]), str(row["currency"])))
    return found, foreign


def restated(books: Books, lines: list[Line], amounts: Charges | None) -> tuple[Books, int]:
    """The books with these charges instead of the lines' own (None: without depreciation); and what no leaf can take.

    A line whose asset and month ``amounts`` does not name, or names in another currency, stays as it is.
    """
    changes: dict[tuple[int, int, tuple[str, ...]], int] = {}
    for line in lines:
        change = _wanted(line, amounts) - line.pico
        if change:
            place = (line.start_s, line.end_s, line.key)
            changes[place] = changes.get(place, 0) + change
    engine = Engine()
    try:
        engine.register("leaves_before", books.engine.query("SELECT * FROM leaves"))
        engine.keep("numbered", "SELECT *, ROW_NUMBER() OVER () AS n FROM leaves_before")
        _cut(engine, books, changes)
        _spread(engine)
        left = engine.scalar("SELECT COALESCE(total(abs(change)), 0) FROM changes WHERE place NOT IN (SELECT place FROM touched)")
        leaves = engine.query(
            """SELECT l.* EXCLUDE (n, pico), CAST(l.pico + COALESCE(m.part, 0) AS DECIMAL(38,0)) AS pico
               FROM numbered l LEFT JOIN moved m ON l.n = m.n"""
        )
    finally:
        engine.close()
    other = Engine()
    other.register("leaves", leaves)
    return Books(**{**books.__dict__, "engine": other}), int(left)


def _wanted(line: Line, amounts: Charges | None) -> int:
    """The line's other charge in the books' currency, at the rate the line itself was converted at."""
    if amounts is None:
        return 0
    told = amounts.get((line.asset, line.month))
    if told is None or told[1] != line.currency:
        return line.pico
    wanted = to_pico(from_coins(*told))[0]
    if line.pico == line.own_pico:
        return wanted
    return round_half_up(wanted * line.pico, line.own_pico) if line.own_pico else line.pico


def _cut(engine: Engine, books: Books, changes: Mapping[tuple[int, int, tuple[str, ...]], int]) -> None:
    """``changes``: what each bill line's hour changes by."""
    rows: list[dict[str, Any]] = [
        {"group_id": number, "start_s": start, "end_s": end, "pico": Decimal(pico), "gpu_us": 0, "tokens": 0, **dict(zip(KEY, key, strict=True))}
        for number, ((start, end, key), pico) in enumerate(sorted(changes.items()))
    ]
    numbers = {name: pa.int64() for name in ("group_id", "start_s", "end_s", "gpu_us", "tokens")}
    schema = pa.schema([*numbers.items(), ("pico", pa.decimal128(38, 0)), *((name, pa.string()) for name in KEY)])
    cut_groups(engine, pa.Table.from_pylist(rows, schema=schema), books.window)
    key = ", ".join(f"g.{name}" for name in KEY)
    engine.keep(
        "changes",
        f"""SELECT ROW_NUMBER() OVER () AS place, * FROM (
              SELECT p.hour_us, {key}, total(p.pico) AS change FROM pieces p JOIN groups g ON p.group_id = g.group_id
              GROUP BY ALL HAVING total(p.pico) <> 0)""",
    )


def _spread(engine: Engine) -> None:
    """``moved``: what each leaf changes by."""
    names = " AND ".join(f"l.{name} = c.{name}" for name in ("hour_us", *KEY))
    engine.keep(
        "touched",
        f"""SELECT l.n, c.place, c.change, l.pico, l.gpu_us FROM numbered l JOIN changes c ON {names}
            WHERE l.method NOT LIKE 'adjustment of %'""",
    )
    engine.keep(
        "weighted",
        """SELECT t.n, t.place, t.change, w.largest, CASE WHEN w.pico <> 0 THEN t.pico ELSE t.gpu_us END AS weight,
                  CASE WHEN w.pico <> 0 THEN w.pico WHEN w.gpu_us <> 0 THEN w.gpu_us ELSE 1 END AS whole
           FROM touched t JOIN (SELECT place, total(pico) AS pico, total(gpu_us) AS gpu_us, arg_max(n, (abs(pico), gpu_us, n)) AS largest
                                FROM touched GROUP BY place) w ON t.place = w.place""",
    )
    engine.keep(
        "parts", "SELECT n, place, change, largest, int_div(wide(change) * wide(weight), whole) AS part FROM weighted"
    )
    engine.keep(
        "moved",
        """SELECT n, part + CASE WHEN n = largest THEN change - SUM(part) OVER (PARTITION BY place) ELSE 0 END AS part
           FROM parts""",
    )

