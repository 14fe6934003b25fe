"""The catalogue table says what genai-prices says, as rows."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pyarrow.compute as pc
import pytest
from genai_prices.data_snapshot import get_snapshot

from netyield.core.contract import contract
from netyield.core.token_dialects import class_names
from netyield.sources.prices.genai_catalogue import (
    bare_model,
    catalogue_rows,
    catalogue_table,
    price_source,
    resold_id,
)
from netyield.sources.prices.price_rows import DAY_US, LAST_US, REQUEST, exact_rate

MTOK = 10**18


def rows_of(provider: str, model: str, tariff: str = "standard") -> list:
    return [row for row in catalogue_rows() if row.key == (provider, model) and row.tariff == tariff]


def test_the_table_obeys_its_contract_and_every_row_is_unique() -> None:
    table = catalogue_table()
    assert table.schema.equals(contract("model_prices").source_schema)
    assert pc.count_distinct(table["price_id"]).as_py() == table.num_rows
    assert set(table["class"].to_pylist()) == {*class_names(), REQUEST}
    assert set(table["price_source"].to_pylist()) == {price_source()}
    assert catalogue_table() is table


def test_every_model_is_there_except_those_charged_otherwise() -> None:
    listed = {row.key for row in catalogue_rows()}
    missing = [
        (provider.id, model.id)
        for provider in get_snapshot().providers for model in provider.models
        if (provider.id, model.id) not in listed
    ]
    assert ("groq", "whisper-large-v3") in missing
    assert 0 < len(missing) < 40


def test_no_two_sheets_of_a_model_hold_at_once() -> None:
    seen: dict[tuple, list[tuple[int, int, int, int]]] = {}
    for row in catalogue_rows():
        window = (row.valid_from_us, row.valid_until_us, row.day_from_us, row.day_until_us)
        others = seen.setdefault((*row.key, row.tariff, row.from_input_tokens), [])
        for since, until, day_from, day_until in others:
            apart = until <= window[0] or window[1] <= since or day_until <= window[2] or window[3] <= day_from
            assert apart, row
        others.append(window)


def test_validity_of_every_model_covers_all_time_and_the_whole_day() -> None:
    covered: dict[tuple, int] = {}
    for row in catalogue_rows():
        if row.from_input_tokens == 0:
            area = (row.valid_until_us - row.valid_from_us) * (row.day_until_us - row.day_from_us)
            covered[*row.key, row.tariff] = covered.get((*row.key, row.tariff), 0) + area
    # A model that becomes free of token rates, or charged otherwise, may have a hole; no shipped one has.
    assert set(covered.values()) == {LAST_US * DAY_US}


def test_a_class_without_a_rate_takes_the_wider_class_s() -> None:
    [row] = rows_of("openai", "gpt-4o")
    assert row.rates["in_cache_read"] == Decimal("1.25") * MTOK
    assert row.rates["in_cache_write_5m"] == row.rates["in_uncached"] == Decimal("2.5") * MTOK
    assert row.rates["out_reasoning"] == row.rates["out_rejected_prediction"] == 10 * MTOK
    [opus] = rows_of("anthropic", "claude-opus-5")
    assert opus.rates["in_cache_write_5m"] == opus.rates["in_cache_write_unknown"] == Decimal("6.25") * MTOK
    assert opus.rates["in_cache_write_1h"] == 10 * MTOK


def test_dates_tiers_tariffs_and_daily_windows_are_rows() -> None:
    august = int(datetime(2026, 8, 21, tzinfo=UTC).timestamp()) * 10**6
    base, above, later, later_above = rows_of("openai", "gpt-5.6-sol")
    assert [row.from_input_tokens for row in (base, above, later, later_above)] == [0, 272_000, 0, 272_000]
    assert (base.valid_from_us, base.valid_until_us, later.valid_from_us) == (0, august, august)
    assert above.rates["out_text"] == 45 * MTOK
    assert later.rates["out_text"] == 20 * MTOK
    assert {row.tariff for row in catalogue_rows() if row.key == ("openai", "gpt-5.6-sol")} == {
        "standard", "batch", "flex", "priority", "fast"
    }
    fast = rows_of("anthropic", "claude-opus-5", "fast")
    assert fast[0].rates["in_uncached"] == 10 * MTOK
    windows = {(row.day_from_us, row.day_until_us) for row in rows_of("deepseek", "deepseek-chat")}
    half_past = timedelta(minutes=30) // timedelta(microseconds=1)
    assert (half_past, half_past + 16 * 3_600_000_000) in windows


def test_a_batch_variant_is_the_standard_price_before_its_first_date() -> None:
    before, *_, after = rows_of("openai", "gpt-4.1", "batch")
    assert before.rates["in_uncached"] == 2 * MTOK
    assert after.rates["in_uncached"] == 1 * MTOK
    assert after.valid_from_us == int(datetime(2026, 10, 14, tzinfo=UTC).timestamp()) * 10**6


def test_resold_models_stand_under_the_reseller_at_the_standard_tariff_only() -> None:
    assert rows_of("azure", resold_id("openai", "gpt-4o"))[0].rates == rows_of("openai", "gpt-4o")[0].rates
    assert not rows_of("azure", resold_id("openai", "gpt-4o"), "batch")
    assert bare_model("azure", "openai/gpt-4o") == "gpt-4o"
    assert bare_model("openrouter", "openai/gpt-4o") == "openai/gpt-4o"
    own = {(provider.id, model.id) for provider in get_snapshot().providers for model in provider.models}
    resold = {row.key for row in catalogue_rows() if bare_model(*row.key) != row.model}
    assert not own & resold


def test_models_whose_list_is_empty_are_free() -> None:
    [row] = rows_of("openai", "moderation")
    assert set(row.rates.values()) == {0}


@pytest.mark.parametrize(
    ("amount", "per", "rate"),
    [
        ("0.0375", 10**6, 37_500 * 10**12),
        ("0.18000000000000002", 10**6, 180_000_000_000_000_020),
        ("5", 1_000, 5 * 10**21),
        ("0.0000000000000000005", 10**6, 1),
        ("0.0000000000000000004", 10**6, 0),
    ],
)
def test_rates_are_exact_integers(amount: str, per: int, rate: int) -> None:
    assert exact_rate(Decimal(amount), per) == rate
