"""The prices source: one snapshot of the list, with the user's contracts over it."""

from __future__ import annotations

import gzip
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pytest

from netyield.core.contract import contract
from netyield.core.errors import ConfigError
from netyield.core.finding import Finding
from netyield.core.period import micros, parse_time
from netyield.sources.contract import Delivery, Source
from netyield.sources.prices.model_prices import ModelPrices, catalogue_table, resolve_models
from netyield.sources.registry import build

MTOK_PICO = 10**6  # one currency unit per million tokens, in pico-units per token


def source(root: Path, **options: Any) -> Source:
    return build({"type": "prices", **options}, root)


def read(one: Source) -> tuple[pa.Table, list[Finding], pa.Table | None, Delivery]:
    [delivery] = one.deliveries({})
    [chunk] = delivery.chunks()
    return chunk.tables["model_prices"], chunk.findings, chunk.rejected, delivery


def rate(table: pa.Table, key: tuple[str, str], name: str, at: str = "2026-11-02", tariff: str = "standard") -> Any:
    """(whole pico-units, rest, price_source) of one class at one time, below the first tier; None without a row."""
    moment = parse_time(at)
    found = [
        row for row in table.filter(
            (pc.field("provider") == key[0]) & (pc.field("model") == key[1]) & (pc.field("class") == name)
            & (pc.field("tariff") == tariff) & (pc.field("from_input_tokens") == 0)
        ).to_pylist()
        if row["valid_from"] <= moment < row["valid_until"]
    ]
    assert len(found) <= 1
    return (found[0]["rate_pico"], found[0]["rate_rest"], found[0]["price_source"]) if found else None


def test_without_contracts_it_is_the_catalogue(tmp_path: Path) -> None:
    one = source(tmp_path)
    table, findings, rejected, delivery = read(one)
    assert isinstance(one, ModelPrices)
    assert table.equals(catalogue_table())
    assert table.schema.equals(contract("model_prices").source_schema)
    assert (findings, rejected, delivery.kind, delivery.snapshot_keys()) == ([], None, "snapshot", ("prices",))
    assert "models; 0 contract prices" in one.probe().found
    assert one.probe().findings == ()


def test_a_contract_replaces_the_list_inside_its_validity(tmp_path: Path) -> None:
    contracts = [{
        "provider": "openai", "model": "gpt-4o", "since": "2026-03-01", "until": "2026-09-01T12:00:00Z",
        "input_usd_per_mtok": "2.00", "output_usd_per_mtok": "8", "cache_read_usd_per_mtok": "1.00",
    }]
    table, findings, *_ = read(source(tmp_path, name="deal", prices=contracts))
    key, ours = ("openai", "gpt-4o"), "contract: deal"
    listed = rate(catalogue_table(), key, "out_text")
    assert findings == []
    assert rate(table, key, "out_text", "2026-02-28T23:59:59.999999Z") == listed
    assert rate(table, key, "out_text", "2026-03-01") == (8 * MTOK_PICO, 0, ours)
    assert rate(table, key, "in_cache_read", "2026-09-01T11:59:59.999999Z") == (MTOK_PICO, 0, ours)
    assert rate(table, key, "in_cache_write_5m", "2026-05-05") == (2 * MTOK_PICO, 0, ours)
    assert rate(table, key, "out_text", "2026-09-01T12:00:00Z") == listed
    before = rate(catalogue_table(), key, "out_text", "2026-05-05", "batch")
    assert rate(table, key, "out_text", "2026-05-05", "batch") == before
    other = ("openai", "gpt-4o-mini")
    assert rate(table, other, "out_text", "2026-05-05") == rate(catalogue_table(), other, "out_text", "2026-05-05")


def test_tiers_of_a_contract_and_a_tariff_the_list_does_not_have(tmp_path: Path) -> None:
    contracts = [
        {"provider": "aws", "model": "amazon.nova-pro*", "tariff": "priority", "since": "2026-01-01", **rates}
        for rates in (
            {"input_usd_per_mtok": "1", "output_usd_per_mtok": "2"},
            {"input_usd_per_mtok": "3", "output_usd_per_mtok": "4", "from_input_tokens": 200_000},
        )
    ]
    table, *_ = read(source(tmp_path, prices=contracts))
    mine = table.filter((pc.field("class") == "out_text") & (pc.field("tariff") == "priority"))
    mine = mine.filter(pc.starts_with(mine["model"], "amazon.nova-pro-v1")).sort_by("from_input_tokens").to_pylist()
    assert {row["price_source"].split()[0] for row in mine if micros(row["valid_from"]) == 0} == {"genai-prices"}
    agreed = [row for row in mine if row["price_source"].startswith("contract")]
    assert [(row["from_input_tokens"], row["rate_pico"]) for row in agreed] == [
        (0, 2 * MTOK_PICO), (200_000, 4 * MTOK_PICO)
    ]


def test_a_discount_comes_off_every_rate_of_the_list_exactly(tmp_path: Path) -> None:
    contracts = [{"provider": "anthropic", "model": "claude-*", "tariff": "*", "discount_percent": "12.5"}]
    table, findings, *_ = read(source(tmp_path, prices=contracts))
    assert findings == []
    for tariff in ("standard", "batch", "fast"):
        for name in ("in_uncached", "in_cache_read", "out_reasoning"):
            listed = rate(catalogue_table(), ("anthropic", "claude-opus-5"), name, tariff=tariff)
            ours = rate(table, ("anthropic", "claude-opus-5"), name, tariff=tariff)
            assert ours[0] * 8 == listed[0] * 7, (tariff, name)
            assert ours[2].endswith(f", 12.5 % off {listed[2]}")


def test_the_later_contract_wins_where_two_meet(tmp_path: Path) -> None:
    contracts = [
        {"provider": "openai", "model": "gpt-*", "discount_percent": "10"},
        {"provider": "openai", "model": "gpt-4o", "since": "2026-06-01", "input_usd_per_mtok": "1",
         "output_usd_per_mtok": "1", "cache_read_usd_per_mtok": "1"},
    ]
    table, *_ = read(source(tmp_path, prices=contracts))
    assert rate(table, ("openai", "gpt-4o"), "out_text", "2026-05-31")[0] == 9 * MTOK_PICO
    assert rate(table, ("openai", "gpt-4o"), "out_text", "2026-06-01")[0] == MTOK_PICO


def test_own_models_aliases_globs_and_resellers_are_found_by_name(tmp_path: Path) -> None:
    rates = {"input_per_mtok": "0.20", "output_per_mtok": "0.60", "currency": "EUR"}
    contracts = [
        {"provider": "Our-Hoster", "model": "llama-*", **rates},
        {"provider": "openai", "model": "gpt-4o-2024-08-06", "since": "2026-06-01", **rates},
        {"provider": "azure", "model": "gpt-4o-mini", **rates},
        {"provider": "*", "model": "shared-model", **rates},
    ]
    table, *_ = read(source(tmp_path, prices=contracts))
    pairs = [
        ("our-hoster", "Llama-3.3-70B"), ("somebody", "llama-3.3-70b"), ("openai", "gpt-4o-2024-08-06"),
        ("openai", "gpt-4o"), ("azure", "gpt-4o-mini-2024-07-18"), (None, "shared-model"), ("vllm", "shared-model"),
    ]
    rows = resolve_models(pairs, table).to_pylist()
    keys = {(row["provider"], row["model"]): (row["price_provider"], row["price_model"]) for row in rows}
    assert [keys[pair] for pair in pairs] == [
        ("our-hoster", "llama-*"), (None, None), ("openai", "gpt-4o-2024-08-06"), ("openai", "gpt-4o"),
        ("azure", "openai/gpt-4o-mini"), ("*", "shared-model"), ("*", "shared-model"),
    ]
    contracted = {row["currency"] for row in table.filter(pc.field("model") == "llama-*").to_pylist()}
    assert contracted == {"EUR"}
    alias = ("openai", "gpt-4o-2024-08-06")
    assert rate(table, alias, "out_text", "2026-05-31") == rate(catalogue_table(), ("openai", "gpt-4o"), "out_text")
    assert rate(table, alias, "out_text", "2026-06-01") == (600_000, 0, "contract: prices")
    assert rate(table, ("openai", "gpt-4o"), "out_text", "2026-06-01")[2].startswith("genai-prices")
    assert rate(table, ("azure", "openai/gpt-4o-mini"), "out_text")[0] == 600_000


def test_a_class_the_contract_does_not_cover_has_no_rate(tmp_path: Path) -> None:
    contracts = [{"provider": "x", "model": "embedder", "input_usd_per_mtok": 0.1}]
    table, *_ = read(source(tmp_path, catalogue=False, prices=contracts))
    classes = set(table["class"].to_pylist())
    assert all(name.startswith("in_") for name in classes)
    assert rate(table, ("x", "embedder"), "in_uncached") == (100_000, 0, "contract: prices")


def test_remarks_on_contracts_that_surprise(tmp_path: Path) -> None:
    contracts = [
        {"provider": "openai", "model": "no-such-model", "discount_percent": 5},
        {"provider": "anthropic", "model": "claude-opus-5", "input_usd_per_mtok": "4", "output_usd_per_mtok": "20"},
    ]
    _, findings, *_ = read(source(tmp_path, prices=contracts))
    assert [(finding.code, finding.row) for finding in findings] == [
        ("prices.nothing_to_discount", 1), ("prices.no_cache_rate", 2), ("prices.no_cache_rate", 2)
    ]
    assert all(finding.repair for finding in findings)


def test_contracts_from_a_file_bad_rows_put_aside(tmp_path: Path) -> None:
    text = (
        "provider,model,tariff,since,input_usd_per_mtok,output_usd_per_mtok,currency\n"
        "openai,gpt-4o,,2026-01-01,2.00,7.00,\n"
        "openai,gpt-4o-mini,,2026-01-01,cheap,1,\n"
        "openai,gpt-4o-mini,nightly,2026-01-01,1,1,\n"
        "openai,gpt-4o-mini,,the other day,1,1,\n"
        "openai,,,2026-01-01,-1,1,\n"
        "our-hoster,mistral-small,batch,,0.1,0.3,\n"
    )
    (tmp_path / "contracts.csv.gz").write_bytes(gzip.compress(text.encode()))
    table, findings, rejected, delivery = read(source(tmp_path, path="contracts*"))
    assert rate(table, ("openai", "gpt-4o"), "out_text")[0] == 7 * MTOK_PICO
    assert rate(table, ("our-hoster", "mistral-small"), "out_text", tariff="batch")[0] == 300_000
    assert [(finding.code, finding.row, finding.file) for finding in findings[:4]] == [
        ("prices.bad_row", row, "contracts.csv.gz") for row in (3, 4, 5, 6)
    ]
    assert rejected is not None
    assert rejected["row_number"].to_pylist() == [3, 4, 5, 6]
    assert "the other day" in rejected["record"].to_pylist()[2]
    assert b"contracts.csv.gz" in delivery.raw  # type: ignore[operator]


def test_a_missing_file_is_a_finding_of_the_probe(tmp_path: Path) -> None:
    assert [finding.code for finding in source(tmp_path, path="nothing.csv").probe().findings] == ["prices.no_file"]


@pytest.mark.parametrize(
    ("row", "says"),
    [
        ({"provider": "a", "model": "b"}, "at least one rate"),
        ({"provider": "a", "model": "b", "inputs_usd_per_mtok": "1"}, "names of rates"),
        ({"provider": "a", "model": "b", "input_usd_per_mtok": "1", "currency": "EUR"}, "is in USD"),
        ({"provider": "a", "model": "b", "input_usd_per_mtok": "1", "input_per_mtok": "1"}, "each given once"),
        ({"provider": "a", "model": "b", "input_usd_per_mtok": "nan"}, "not an amount"),
        ({"provider": "a", "model": "b", "discount_percent": 101}, "less than or equal to 100"),
        ({"provider": "a", "model": "b", "discount_percent": 1, "tariff": "cheap"}, "is not one of"),
        ({"provider": "a", "model": "b", "discount_percent": 1, "since": "2026-02-01", "until": "2026-01-01"},
         "not before"),
        ({"provider": "a", "model": "b", "input_per_mtok": 1, "cache_read_per_mtok": 1, "audio_input_per_mtok": 1},
         "audio_cache_read"),
    ],
)
def test_a_contract_that_makes_no_sense_is_wrong_use(tmp_path: Path, row: dict[str, Any], says: str) -> None:
    with pytest.raises(ConfigError, match=says):
        source(tmp_path, prices=[row])


def test_a_list_delivered_before_is_not_delivered_again_but_going_back_is_new(tmp_path: Path) -> None:
    deal = [{"provider": "openai", "model": "gpt-4o", "discount_percent": 5}]
    [first] = source(tmp_path).deliveries({})
    assert list(source(tmp_path).deliveries(first.next_cursor())) == []
    [second] = source(tmp_path, prices=deal).deliveries(first.next_cursor())
    [third] = source(tmp_path).deliveries(second.next_cursor())
    [again] = source(tmp_path).deliveries({})
    assert len({first.content_hash, second.content_hash, third.content_hash}) == 3
    assert again.content_hash == first.content_hash


def test_naive_dates_are_in_the_source_s_time_zone(tmp_path: Path) -> None:
    deal = [{"provider": "x", "model": "m", "since": "2026-06-01", "input_usd_per_mtok": "1"}]
    table, *_ = read(source(tmp_path, catalogue=False, prices=deal, timezone="Europe/Berlin"))
    assert set(table["valid_from"].to_pylist()) == {parse_time("2026-05-31T22:00:00Z")}
