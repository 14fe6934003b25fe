"""What was paid for each pool in each hour, and for how much GPU time?

From the bill: charges cut by cumulative integer seconds. From a rate card: GPU-hours times the dated rate, for the
declared number of GPUs or else for every device from its first to its last sample (gaps included: paid, unknown). A
rate never pays for time of a pool that the bill pays for.
Out: paid(line_id, pool, hour_us, pico, gpu_us) and lines(line_id, currency, provider, service, account, evidence).
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping, Sequence
from fnmatch import fnmatchcase
from typing import Any

import pyarrow as pa

from netyield.attribution.capacity import HOUR_US
from netyield.attribution.statements import statement
from netyield.core.money import PICO
from netyield.core.period import Period, micros
from netyield.store.engine import Engine

SECOND_US = 1_000_000
RATE_PIECES = pa.schema(
    [
        ("pool", pa.string()),
        *((name, pa.int64()) for name in ("hour_us", "a", "b", "rate_pico", "gpus")),
        ("currency", pa.string()),
    ]
)

# Time of pools that the bill pays for; the spans of one pool do not touch.
BILLED = pa.schema([("pool", pa.string()), ("since_us", pa.int64()), ("until_us", pa.int64())])


def hours_table(segment: Period) -> pa.Table:
    """The hours of the segment in seconds, clipped to it: hour_us, a, b."""
    lo, hi = micros(segment.since), micros(segment.until)
    starts = range(lo - lo % HOUR_US, hi, HOUR_US)
    return pa.table(
        {
            "hour_us": pa.array(starts, pa.int64()),
            "a": pa.array([max(s, lo) // SECOND_US for s in starts], pa.int64()),
            "b": pa.array([min(s + HOUR_US, hi) // SECOND_US for s in starts], pa.int64()),
        }
    )


def cut_groups(engine: Engine, groups: pa.Table, segment: Period) -> None:
    """``pieces``: every group of charges cut to the hours of the segment (pico, gpu_us, tokens)."""
    engine.register("hours", hours_table(segment))
    engine.register("groups", groups)
    engine.keep("pieces", statement("cut"))


def rate_pieces(cards: Iterable[Mapping[str, Any]], pools: Sequence[str], segment: Period) -> pa.Table:
    """Per pool and stretch of an hour the rate that applies: the first matching card, its latest ``valid_from``.

    ``cards``: rate_cards rows in file order with valid_from/valid_until in microseconds and the rate in pico-units.
    """
    rows: list[tuple[str, int, int, int, int, int, str]] = []
    cards = list(cards)
    for pool in pools:
        mine = [card for card in cards if fnmatchcase(pool.lower(), str(card["pool"]).lower())]
        exact = [card for card in mine if card["pool"] == pool]
        mine = exact or mine
        if not mine:
            continue
        first = mine[0]["pool"]
        mine = [card for card in mine if card["pool"] == first]
        rows.extend(_pieces_of_pool(pool, mine, segment))
    return pa.Table.from_pylist([dict(zip(RATE_PIECES.names, row, strict=True)) for row in rows], schema=RATE_PIECES)


def _pieces_of_pool(
    pool: str, cards: Sequence[Mapping[str, Any]], segment: Period
) -> Iterable[tuple[str, int, int, int, int, int, str]]:
    lo, hi = micros(segment.since), micros(segment.until)
    ends = {int(card["until_us"]) for card in cards if card["until_us"] is not None}
    edges = sorted({lo, hi, *(int(card["from_us"]) for card in cards), *ends, *range(lo - lo % HOUR_US, hi, HOUR_US)})
    edges = [edge for edge in edges if lo <= edge <= hi]
    for a, b in itertools.pairwise(edges):
        valid = [c for c in cards if c["from_us"] <= a and (c["until_us"] is None or a < c["until_us"])]
        if valid:
            card = max(valid, key=lambda c: int(c["from_us"]))
            gpus = -1 if card["gpus"] is None else int(card["gpus"])
            yield pool, a - a % HOUR_US, a, b, int(card["rate_pico"]), gpus, str(card["currency"])


def parted(pieces: pa.Table, billed: pa.Table) -> tuple[pa.Table, pa.Table]:
    """(left to the rate card, paid by the bill): rate pieces cut where the bill starts and ends to pay for their pool."""
    spans: dict[str, list[tuple[int, int]]] = {}
    for row in billed.to_pylist():
        spans.setdefault(str(row["pool"]), []).append((int(row["since_us"]), int(row["until_us"])))
    rated, paid = [], []
    for piece in pieces.to_pylist():
        edge = piece["a"]
        for since, until in sorted(spans.get(piece["pool"], ())):
            a, b = max(since, edge), min(until, piece["b"])
            if a < b:
                rated.append({**piece, "a": edge, "b": a})
                paid.append({**piece, "a": a, "b": b})
                edge = b
        rated.append({**piece, "a": edge})
    kept = [piece for piece in rated if piece["a"] < piece["b"]]
    return pa.Table.from_pylist(kept, schema=RATE_PIECES), pa.Table.from_pylist(paid, schema=RATE_PIECES)


def cards_of(engine: Engine) -> list[dict[str, Any]]:
    """The rate_cards view as plain rows, in the order they were declared."""
    found: list[dict[str, Any]] = engine.query(
        f"""SELECT pool, currency, CAST(rate_per_gpu_hour * {PICO} AS HUGEINT)::BIGINT AS rate_pico, gpus,
                   micros(valid_from) AS from_us, micros(valid_until) AS until_us
            FROM rate_cards ORDER BY source, row_number"""
    ).to_pylist()
    return found


def charge_rates(engine: Engine, pieces: pa.Table) -> None:
    """``rated(pool, hour_us, currency, pico, gpu_us)``: what the rate card makes of each pool-hour.

    Needs extents(device, pool, first_us, last_us) and count_extents(pool, t, until_us, gpus).
    """
    engine.register("rate_pieces", pieces)
    engine.keep(
        "rated_pieces",
        """SELECT r.pool, r.hour_us, r.a, r.b, r.currency, r.rate_pico,
                  CASE WHEN r.gpus >= 0 THEN r.gpus * (r.b - r.a) ELSE
                    COALESCE((SELECT SUM(least(x.last_us, r.b) - greatest(x.first_us, r.a)) FROM extents x
                              WHERE x.pool = r.pool AND x.first_us < r.b AND x.last_us > r.a), 0)
                  + COALESCE((SELECT SUM(c.gpus * (least(c.until_us, r.b) - greatest(c.t, r.a))) FROM count_extents c
                              WHERE c.pool = r.pool AND c.t < r.b AND c.until_us > r.a), 0) END AS gpu_us
           FROM rate_pieces r""",
    )
    engine.keep(
        "rated",
        f"""SELECT pool, hour_us, currency, total(int_div(wide(gpu_us) * rate_pico, {HOUR_US})) AS pico, total(gpu_us) AS gpu_us
            FROM rated_pieces WHERE gpu_us > 0 GROUP BY ALL""",
    )
