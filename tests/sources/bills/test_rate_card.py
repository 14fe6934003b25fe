from __future__ import annotations

import tomllib
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from netyield.core.errors import ConfigError
from netyield.sources.registry import build


def cards(read: Any, root: Path, rates: list[dict[str, Any]], **options: Any) -> tuple[list[dict[str, Any]], Any]:
    got = read(root, type="rate_card", rates=rates, **options)
    return got.tables["rate_cards"].to_pylist(), got


def test_a_card_becomes_dated_rates(tmp_path: Path, read: Any) -> None:
    toml = tomllib.loads("""
    [[rates]]
    usd_per_gpu_hour = "2.00"
    since = "2020-01-01"
    gpus = 8
    [[rates]]
    pool = "h100-*"
    per_gpu_hour = "1.85"
    currency = "EUR"
    since = 2026-03-01
    until = 2026-09-01T00:00:00Z
    term = "reserved"
    source = "order 17"
    [[rates]]
    pool = "old"
    usd_per_gpu_hour = 0.1
    [[rates]]
    pool = "free"
    usd_per_gpu_hour = 3
    """)
    rows, got = cards(read, tmp_path, toml["rates"], name="card", timezone="Europe/Berlin")
    assert [row["rate_per_gpu_hour"] for row in rows] == [Decimal(t) for t in ("2", "1.85", "0.1", "3")]
    assert [row["currency"] for row in rows] == ["USD", "EUR", "USD", "USD"]
    assert [row["gpus"] for row in rows] == [8, None, None, None]
    assert rows[0]["valid_from"] == datetime(2019, 12, 31, 23, tzinfo=UTC)
    assert rows[1]["valid_until"] == datetime(2026, 9, 1, tzinfo=UTC)
    assert (rows[1]["term"], rows[1]["price_source"]) == ("reserved", "order 17")
    assert [row["row_number"] for row in rows] == [1, 2, 3, 4]
    (delivery,) = got.deliveries
    assert (delivery.kind, delivery.snapshot_keys()) == ("snapshot", ("card",))
    assert got.findings == []


def test_a_changed_card_is_another_delivery_of_the_same_snapshot(tmp_path: Path, read: Any) -> None:
    _, one = cards(read, tmp_path, [{"usd_per_gpu_hour": "2.00"}])
    _, same = cards(read, tmp_path, [{"usd_per_gpu_hour": "2.00"}])
    _, two = cards(read, tmp_path, [{"usd_per_gpu_hour": "2.10"}])
    assert one.deliveries[0].content_hash == same.deliveries[0].content_hash != two.deliveries[0].content_hash
    assert one.deliveries[0].snapshot_keys() == two.deliveries[0].snapshot_keys() == ("rate_card",)


@pytest.mark.parametrize("written", ["2.1", 2.1, "2.10"])
def test_toml_floats_are_the_digits_they_show(tmp_path: Path, read: Any, written: Any) -> None:
    rows, _ = cards(read, tmp_path, [{"usd_per_gpu_hour": written}])
    assert rows[0]["rate_per_gpu_hour"] == Decimal("2.1")


def test_two_rates_since_the_same_day_and_monthly_prices_are_findings(tmp_path: Path, read: Any) -> None:
    rates = [
        {"pool": "a", "usd_per_gpu_hour": "1", "since": "2026-01-01"},
        {"pool": "a", "usd_per_gpu_hour": "2", "since": "2026-01-01T00:00:00Z"},
        {"pool": "b", "usd_per_gpu_hour": "2100"},
        {"pool": "c", "usd_per_gpu_hour": "0.0000000000001"},
        {"pool": "d", "per_gpu_hour": "3000", "currency": "KRW"},
    ]
    _, got = cards(read, tmp_path, rates)
    assert got.codes() == {"rate_card.same_since": 1, "rate_card.dear_rate": 1, "rate_card.finer_digits": 1}
    assert (got.finding("rate_card.same_since").severity, got.finding("rate_card.same_since").row) == ("error", 2)
    assert build({"type": "rate_card", "rates": rates}, tmp_path).probe().findings == tuple(got.findings)


@pytest.mark.parametrize(
    ("rate", "words"),
    [
        ({"usd_per_gpu_hour": "two"}, "not a number"),
        ({"usd_per_gpu_hour": "-1"}, "from 0"),
        ({"usd_per_gpu_hour": True}, "write the rate as text"),
        ({"usd_per_gpu_hour": "1", "per_gpu_hour": "1"}, "give either"),
        ({}, "give either"),
        ({"usd_per_gpu_hour": "1", "currency": "EUR"}, "in USD"),
        ({"per_gpu_hour": "1", "currency": "euro"}, "no ISO 4217"),
        ({"usd_per_gpu_hour": "1", "since": "soon"}, "soon"),
        ({"usd_per_gpu_hour": "1", "since": "2026-02-01", "until": "2026-01-01"}, "before it starts"),
        ({"usd_per_gpu_hour": "1", "gpus": -1}, "greater than or equal to 0"),
        ({"usd_per_gpu_hour": "1", "gpu": 1}, "not permitted"),
    ],
)
def test_a_wrong_card_is_wrong_use(tmp_path: Path, rate: dict[str, Any], words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        build({"type": "rate_card", "rates": [rate]}, tmp_path)


def test_the_probe_says_the_rates(tmp_path: Path) -> None:
    probe = build({"type": "rate_card", "rates": [{"usd_per_gpu_hour": "2.00", "gpus": 8}]}, tmp_path).probe()
    assert (probe.reachable, probe.found, probe.window) == (True, "1 rate per GPU-hour: * 2 USD", None)
