from __future__ import annotations

import csv
import io
from pathlib import Path

import pytest
from focus_data_toolkit.generators import get_generator
from focus_data_toolkit.schema import detect_focus_schema

from netyield.core.contract import contract
from netyield.sources.bills.focus_columns import layout, read_data, version
from netyield.sources.bills.sku_details import sku_details, token_class, whole_number

DATA = Path(__file__).parents[2] / "data" / "focus"


def header(name: str) -> list[str]:
    with (DATA / name).open(newline="") as stream:
        return next(csv.reader(stream))


@pytest.mark.parametrize("provider", ["aws", "azure", "gcp"])
@pytest.mark.parametrize("wanted", ["1.2", "1.3"])
def test_versions_agree_with_the_toolkit(provider: str, wanted: str) -> None:
    columns = next(csv.reader(io.StringIO(get_generator(provider, wanted).generate_csv_bytes(2, 1).decode())))
    assert version(columns) == wanted == detect_focus_schema(columns).detected_version


def test_versions_by_their_own_columns() -> None:
    oldest = header("focus_1_0_sample.csv")
    assert version(oldest) == "1.0"
    assert version([*oldest, "CapacityReservationId"]) == "1.1"
    assert version([*oldest, "invoice_id"]) == "1.2"
    assert version([*oldest, "InvoiceDetailId"]) == "1.4"
    assert version(["ServiceProviderName", "BilledCost"]) == "1.4"
    assert version([*header("multi_model_usage.csv")]) == "1.5-draft"


def test_every_mapped_column_is_one_of_the_contract() -> None:
    names = {column.name for column in contract("charges").own}
    mapped = {row["column"] for row in read_data("focus_columns") if row["column"]}
    assert mapped <= names
    assert names - mapped == {"gpu_count", "model", "token_class", "focus_version"}
    spellings = [name for row in read_data("focus_columns") for name in row["names"].split(";")]
    assert len(set(spellings)) == len(spellings)


def test_a_user_mapping_comes_first_and_by_either_name() -> None:
    for key in ("BilledCost", "billed_cost"):
        plan = layout(["BilledCost", "cost", "ChargePeriodStart"], {key: "cost"})
        assert plan.columns["billed_cost"] == ("cost",)
        assert plan.unknown == ()
    assert layout(["BilledCost"], {}).missing == ("ChargePeriodStart", "ChargePeriodEnd", "BillingCurrency")


@pytest.mark.parametrize(
    ("words", "wanted"),
    [
        ("Input Uncached", "in_uncached"), ("Input CacheRead", "in_cache_read"), ("Output Tokens", "out_text"),
        ("input tokens", "in_uncached"), ("Cached Input Tokens", "in_cache_read"), ("output_tokens", "out_text"),
        ("cache_creation.ephemeral_5m_input_tokens", "in_cache_write_5m"), ("Commitment", None), ("", None),
        ("Input Write", "in_cache_write_unknown"), ("Requests", None),
    ],
)
def test_token_classes_of_words(words: str, wanted: str | None) -> None:
    assert token_class(words) == wanted


def test_token_classes_are_columns_of_attempts() -> None:
    names = {column.name for column in contract("attempts").own}
    assert {row["token_class"] for row in read_data("token_words")} <= names


def test_sku_details_say_what_they_say_and_no_more() -> None:
    said = sku_details('{"x_GpuCount": "8", "model_id": "m-1", "tokenDirection": "Output"}')
    assert (said.gpu_count, said.model, said.direction, said.cache) == (8, "m-1", "Output", "")
    for text in ("[1]", "nope", "{}", '{"GpuCount": null, "ModelId": ""}'):
        assert (sku_details(text).gpu_count, sku_details(text).model) == (None, None)


@pytest.mark.parametrize(("value", "wanted"), [(8, 8), ("8", 8), (8.0, 8), ("0", None), (-1, None), (2.5, None),
                                               ("a", None), (None, None), (1e30, None), ("nan", None), ("inf", None)])
def test_gpu_counts_are_positive_whole_numbers(value: object, wanted: int | None) -> None:
    assert whole_number(value) == wanted
