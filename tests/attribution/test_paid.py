"""Charges cut to hours and split over states against exact Python; rate cards by hand."""

from __future__ import annotations

from collections import defaultdict
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import pairwise
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from netyield.attribution import paid
from netyield.attribution.paid import HOUR_US
from netyield.attribution.statements import statement
from netyield.core.money import PICO, cut, split
from netyield.core.period import Period, micros
from netyield.project.inputs import GROUPS
from netyield.store.engine import Engine

START = datetime(2026, 10, 5, tzinfo=UTC)
BASE = micros(START) // 1_000_000
HOUR = timedelta(hours=1)
amounts = st.integers(-(10**20), 10**20)


def group_table(rows: list[dict[str, Any]]) -> pa.Table:
    blank = {name: "" for name in GROUPS.names}
    numbers = {"gpu_us": None, "tokens": None}
    made = [blank | numbers | {"group_id": i} | row | {"pico": Decimal(row["pico"])} for i, row in enumerate(rows)]
    return pa.Table.from_pylist(made, schema=GROUPS)


@settings(max_examples=30, deadline=None)
@given(
    st.lists(
        st.tuples(amounts, st.integers(-90_000, 90_000), st.integers(1, 3_000_000), st.integers(0, 10**15)), max_size=8
    ),
    st.integers(-50_000, 50_000),
    st.integers(1, 90_000),
)
def test_every_piece_is_the_cut_of_its_charge(
    charges: list[tuple[int, int, int, int]], since: int, length: int
) -> None:
    engine = Engine(threads=1)
    segment = Period(START + timedelta(seconds=since), START + timedelta(seconds=since + length))
    rows = [
        {"pico": p, "start_s": BASE + s, "end_s": BASE + s + n, "gpu_us": Decimal(g), "tokens": Decimal(g)}
        for p, s, n, g in charges
    ]
    paid.cut_groups(engine, group_table(rows), segment)
    found = {(r["group_id"], r["hour_us"]): r for r in engine.query("SELECT * FROM pieces").to_pylist()}
    want: dict[tuple[int, int], tuple[int, int]] = {}
    for number, (pico, start, span, gpu_us) in enumerate(charges):
        whole_a, whole_b = max(start, since), min(start + span, since + length)
        if whole_a >= whole_b:
            continue
        edges = sorted({whole_a, whole_b, *(e for e in range(-180_000, 200_000, 3600) if whole_a < e < whole_b)})
        for a, b in pairwise(edges):
            hour = (BASE + a) // 3600 * HOUR_US
            want[number, hour] = cut(pico, span, a - start, b - start), cut(gpu_us, span, a - start, b - start)
        assert sum(v[0] for k, v in want.items() if k[0] == number) == cut(pico, span, whole_a - start, whole_b - start)
    assert {key: (int(r["pico"]), int(r["gpu_us"])) for key, r in found.items()} == want
    engine.close()


@settings(max_examples=30, deadline=None)
@given(st.data())
def test_pool_hours_are_split_as_core_money_splits(data: st.DataObject) -> None:
    engine = Engine(threads=1)
    weights: list[dict[str, Any]] = []
    lines: list[dict[str, Any]] = []
    for hour in range(data.draw(st.integers(1, 3))):
        keys = data.draw(st.lists(st.sampled_from("abcdefgh"), unique=True, min_size=1))
        drawn = data.draw(st.lists(st.integers(0, 8 * HOUR_US), min_size=len(keys), max_size=len(keys)).filter(any))
        weights += [{"pool": "p", "hour_us": hour, "key": k, "w": w} for k, w in zip(keys, drawn, strict=True)]
        for line in range(data.draw(st.integers(1, 3))):
            given_us = data.draw(st.integers(0, 10**14))
            lines.append(
                {
                    "line_id": str(line),
                    "pool": "p",
                    "hour_us": hour,
                    "pico": Decimal(data.draw(amounts)),
                    "gpu_us": Decimal(given_us),
                }
            )
    wide = pa.decimal128(38, 0)
    names = [("pool", pa.string()), ("hour_us", pa.int64())]
    engine.register(
        "weights", pa.Table.from_pylist(weights, schema=pa.schema([*names, ("key", pa.string()), ("w", pa.int64())]))
    )
    engine.register(
        "paid",
        pa.Table.from_pylist(
            lines, schema=pa.schema([("line_id", pa.string()), *names, ("pico", wide), ("gpu_us", wide)])
        ),
    )
    found: dict[tuple[str, int], dict[str, tuple[int, int]]] = defaultdict(dict)
    for r in engine.query(statement("split_hours")).to_pylist():
        found[r["line_id"], r["hour_us"]][r["key"]] = int(r["pico"]), int(r["gpu_us"])
    for line in lines:
        mine = [w for w in weights if w["hour_us"] == line["hour_us"]]
        keys, sizes = [w["key"] for w in mine], [w["w"] for w in mine]
        both = zip(split(int(line["pico"]), sizes, keys), split(int(line["gpu_us"]), sizes, keys), strict=True)
        assert found[line["line_id"], line["hour_us"]] == dict(zip(keys, both, strict=True))
    engine.close()


def card(pool: str, dollars: int, since: int = 0, until: int | None = None, gpus: int | None = None) -> dict[str, Any]:
    at = [None if h is None else micros(START + h * HOUR) for h in (since, until)]
    return {
        "pool": pool,
        "currency": "USD",
        "rate_pico": dollars * PICO,
        "gpus": gpus,
        "from_us": at[0],
        "until_us": at[1],
    }


def rates(
    cards: list[dict[str, Any]], pools: list[str], since: int = 0, until: int = 4
) -> list[tuple[str, float, float, int]]:
    table = paid.rate_pieces(cards, pools, Period(START + since * HOUR, START + until * HOUR))
    zero = micros(START)
    return [
        (r["pool"], (r["a"] - zero) / HOUR_US, (r["b"] - zero) / HOUR_US, r["rate_pico"] // PICO)
        for r in table.to_pylist()
    ]


@pytest.mark.parametrize(
    ("cards", "expected"),
    [
        ([card("p", 2)], [("p", 0, 1, 2), ("p", 1, 2, 2)]),
        ([card("p", 2), card("p", 3, since=1)], [("p", 0, 1, 2), ("p", 1, 2, 3)]),
        ([card("p", 3, since=1), card("p", 2)], [("p", 0, 1, 2), ("p", 1, 2, 3)]),
        ([card("p", 2, until=1)], [("p", 0, 1, 2)]),
        ([card("*", 9), card("p", 2)], [("p", 0, 1, 2), ("p", 1, 2, 2)]),
        ([card("P*", 9), card("*", 2)], [("p", 0, 1, 9), ("p", 1, 2, 9)]),
        ([card("q", 2)], []),
    ],
)
def test_the_first_card_that_fits_and_its_latest_rate(cards: list[dict[str, Any]], expected: list[Any]) -> None:
    assert rates(cards, ["p"], until=2) == expected


def test_pieces_are_clipped_to_the_segment_and_cut_where_a_rate_changes_within_an_hour() -> None:
    late = card("p", 3) | {"from_us": micros(START) + HOUR_US // 4}
    assert rates([card("p", 2), late], ["p"], until=1) == [("p", 0, 0.25, 2), ("p", 0.25, 1, 3)]


def billed(*spans: tuple[str, float, float]) -> pa.Table:
    zero = micros(START)
    rows = [{"pool": p, "since_us": zero + int(a * HOUR_US), "until_us": zero + int(b * HOUR_US)} for p, a, b in spans]
    return pa.Table.from_pylist(rows, schema=paid.BILLED)


@pytest.mark.parametrize(
    ("spans", "rated", "excluded"),
    [
        ([], [(0, 1), (1, 2)], []),
        ([("q", 0, 2)], [(0, 1), (1, 2)], []),
        ([("p", -5, 9)], [], [(0, 1), (1, 2)]),
        ([("p", 0.5, 1)], [(0, 0.5), (1, 2)], [(0.5, 1)]),
        ([("p", 0.5, 0.75), ("p", 1.25, 1.5)], [(0, 0.5), (0.75, 1), (1, 1.25), (1.5, 2)], [(0.5, 0.75), (1.25, 1.5)]),
    ],
)
def test_a_rate_pays_for_no_instant_that_the_bill_pays_for(spans: Any, rated: Any, excluded: Any) -> None:
    pieces = paid.rate_pieces([card("p", 2)], ["p"], Period(START, START + 2 * HOUR))
    zero = micros(START)
    both = [
        [((r["a"] - zero) / HOUR_US, (r["b"] - zero) / HOUR_US) for r in part.to_pylist()]
        for part in paid.parted(pieces, billed(*spans))
    ]
    assert both == [rated, excluded]


def charged(
    cards: list[dict[str, Any]],
    extents: list[tuple[str, float, float]] = (),
    counts: list[tuple[str, float, float, int]] = (),
) -> Any:  # type: ignore[assignment]
    engine = Engine(threads=1)
    zero = micros(START)
    at = [(p, zero + int(a * HOUR_US), zero + int(b * HOUR_US)) for p, a, b in extents]
    number, word = pa.int64(), pa.string()
    engine.register(
        "extents",
        pa.table(
            {
                "device": pa.array([f"g{i}" for i in range(len(at))], word),
                "pool": pa.array([r[0] for r in at], word),
                "first_us": pa.array([r[1] for r in at], number),
                "last_us": pa.array([r[2] for r in at], number),
            }
        ),
    )
    held = [(p, zero + int(a * HOUR_US), zero + int(b * HOUR_US), n) for p, a, b, n in counts]
    engine.register(
        "count_extents",
        pa.table(
            {
                n: pa.array([r[i] for r in held], word if n == "pool" else number)
                for i, n in enumerate(("pool", "t", "until_us", "gpus"))
            }
        ),
    )
    paid.charge_rates(engine, paid.rate_pieces(cards, ["p"], Period(START, START + 3 * HOUR)))
    rows = engine.query("SELECT * FROM rated ORDER BY hour_us").to_pylist()
    engine.close()
    return [((r["hour_us"] - zero) // HOUR_US, r["pico"] / PICO, int(r["gpu_us"]) / HOUR_US) for r in rows]


def test_a_declared_number_of_gpus_is_paid_whether_or_not_they_report() -> None:
    assert charged([card("p", 2, gpus=8)], [("p", 0, 0.5)]) == [(0, 16, 8), (1, 16, 8), (2, 16, 8)]


def test_without_a_number_every_device_is_paid_from_its_first_to_its_last_sample() -> None:
    assert charged([card("p", 2)], [("p", 0.5, 2), ("p", 1.75, 9), ("q", 0, 3)]) == [
        (0, 1, 0.5),
        (1, 2.5, 1.25),
        (2, 2, 1),
    ]


def test_counted_gpus_are_paid_from_count_to_count() -> None:
    assert charged([card("p", 3)], counts=[("p", 0, 1.5, 4), ("p", 1.5, 2, 10)]) == [(0, 12, 4), (1, 21, 7)]


def test_nothing_seen_is_nothing_charged() -> None:
    assert charged([card("p", 3)]) == []
