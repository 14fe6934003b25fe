from __future__ import annotations

import csv
import gzip
import io
import shutil
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from focus_data_toolkit.convert import convert_to_focus_1_4
from focus_data_toolkit.generators import get_generator

from netyield.core.errors import ConfigError
from netyield.core.money import CONTEXT
from netyield.core.period import iso
from netyield.sources.bills.remainder import DESCRIPTION, SERVICE
from netyield.sources.registry import build

COSTS = {"billed_cost": "BilledCost", "effective_cost": "EffectiveCost", "list_cost": "ListCost",
         "contracted_cost": "ContractedCost"}
OFFICIAL = {
    "billed_cost": Decimal("20.52022672899"), "effective_cost": Decimal("14.97651418586"),
    "list_cost": Decimal("20.39090575119"), "contracted_cost": Decimal("14.97626039326"),
}


def rows_of(content: bytes) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(content.decode())))


def write_csv(path: Path, rows: list[dict[str, Any]]) -> Path:
    names = list(dict.fromkeys(name for row in rows for name in row))
    with path.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.DictWriter(stream, names, restval="")
        writer.writeheader()
        writer.writerows(rows)
    return path


def total(rows: list[dict[str, str]], column: str) -> Decimal:
    result = Decimal(0)
    for row in rows:
        if row[column] not in ("", "NULL"):
            result = CONTEXT.add(result, Decimal(row[column]))
    return result


def test_the_official_sample_is_read_with_nothing_lost(focus_data: Path, read: Any) -> None:
    got = read(focus_data, type="focus", path="focus_1_0_sample.csv")
    rows = got.charges
    assert len(rows) == 1000
    assert {column: got.total(column) for column in COSTS} == OFFICIAL
    assert [column for column in COSTS if any(row[column] is None for row in rows)] == ["contracted_cost"]
    assert sum(row["contracted_cost"] is None for row in rows) == 7
    assert sum(row["provider"] == "AWS" for row in rows) == 942
    assert {row["charge_category"] for row in rows} == {"Usage", "Adjustment", "Credit"}
    assert {row["charge_frequency"] for row in rows} == {"Usage-Based", "One-Time"}
    assert {row["focus_version"] for row in rows} == {"1.0"}
    assert sum(row["billing_account_id"].isdigit() for row in rows) == 949
    assert got.rejected == []
    assert got.codes() == {"focus.unknown_columns": 1}
    assert "Id" in got.finding("focus.unknown_columns").message
    assert [row["row_number"] for row in rows] == list(range(2, 1002))
    assert len({row["event_key"] for row in rows}) == 1000
    assert min(row["charge_start"] for row in rows) == datetime(2024, 9, 1, tzinfo=UTC)


def test_gzip_and_parquet_give_the_same_rows_as_csv(tmp_path: Path, focus_data: Path, read: Any) -> None:
    sample = focus_data / "focus_1_0_sample.csv"
    (tmp_path / "a.csv.gz").write_bytes(gzip.compress(sample.read_bytes()))
    rows = rows_of(sample.read_bytes())
    as_read = {name: [None if row[name] in ("", "NULL") else row[name] for row in rows] for name in rows[0]}
    exact = pa.decimal128(38, 17)
    columns: dict[str, Any] = {name: pa.array(values, pa.string()) for name, values in as_read.items()}
    for name in COSTS.values():
        columns[name] = pa.array([None if v is None else Decimal(v) for v in as_read[name]], exact)
    for name in ("ChargePeriodStart", "ChargePeriodEnd", "BillingPeriodStart", "BillingPeriodEnd"):
        columns[name] = columns[name].cast(pa.timestamp("ms")).cast(pa.timestamp("ms", "UTC"))
    columns["ConsumedQuantity"] = columns["ConsumedQuantity"].cast(pa.float64())
    columns["ProviderName"] = columns["ProviderName"].dictionary_encode()
    columns["BillingAccountId"] = pa.array(
        [int(v) if v.isdigit() else None for v in as_read["BillingAccountId"]], pa.int64()
    )
    pq.write_table(pa.table(columns), tmp_path / "b.parquet")
    plain = read(focus_data, type="focus", path="focus_1_0_sample.csv").charges
    packed = read(tmp_path, type="focus", path="a.csv.gz").charges
    parquet = read(tmp_path, type="focus", path="b.parquet").charges
    differing = {"row_number", "event_key", "billing_account_id"}
    for one, two, three in zip(plain, packed, parquet, strict=True):
        assert {k: v for k, v in one.items() if k != "event_key"} == {k: v for k, v in two.items() if k != "event_key"}
        assert {k: v for k, v in one.items() if k not in differing} == {
            k: v for k, v in three.items() if k not in differing
        }
        assert three["row_number"] == one["row_number"] - 1
        if one["billing_account_id"].isdigit():
            assert three["billing_account_id"] == one["billing_account_id"].lstrip("0")


def test_costs_in_binary_floating_point_are_the_shortest_decimals(tmp_path: Path, read: Any) -> None:
    day = pa.array([datetime(2026, 1, d, tzinfo=UTC) for d in (1, 2, 3)], pa.timestamp("us", "UTC"))
    costs = [0.1, 8e-07, 123456.789]
    table = pa.table({
        "ChargePeriodStart": day, "ChargePeriodEnd": pa.array([datetime(2026, 1, d, tzinfo=UTC) for d in (2, 3, 4)]),
        "BillingCurrency": ["USD"] * 3, "BilledCost": costs, "EffectiveCost": costs, "ChargeCategory": ["Usage"] * 3,
        "Tags": pa.array([[("b", "2"), ("a", "1")], [], None], pa.map_(pa.string(), pa.string())),
    })
    pq.write_table(table, tmp_path / "f.parquet")
    got = read(tmp_path, type="focus", path="*.parquet")
    assert [row["billed_cost"] for row in got.charges] == [Decimal("0.1"), Decimal("8e-7"), Decimal("123456.789")]
    assert got.charges[0]["tags"] == '{"a":"1","b":"2"}'
    assert got.codes() == {"focus.floating_point": 1}


def test_the_draft_ai_files_give_their_published_totals(focus_data: Path, read: Any) -> None:
    models = read(focus_data, type="focus", path="multi_model_usage.csv")
    assert [str(row["billed_cost"])[:5] for row in models.charges] == ["50.00", "50.00", "2.250", "2.250"]
    assert models.total("billed_cost") == Decimal("104.50")
    assert [(row["model"], row["token_class"]) for row in models.charges] == [
        ("solora-atlas-5.5", "in_uncached"), ("solora-atlas-5.5", "out_text"),
        ("solora-atlas-5.4-mini", "in_uncached"), ("solora-atlas-5.4-mini", "out_text"),
    ]
    assert [row["consumed_quantity"] for row in models.charges] == [10_000_000, 2_000_000, 3_000_000, 500_000]
    draw = read(focus_data, type="focus", path="drawdown_*.csv")
    purchase, given, taken = draw.charges
    assert purchase["charge_category"] == "Purchase"
    assert (purchase["billed_cost"], purchase["effective_cost"]) == (500_000, 0)
    assert (purchase["charge_end"] - purchase["charge_start"]).days == 365
    assert [given[column] for column in COSTS] == [0, 20, 25, 20]
    assert (taken["list_cost"], taken["effective_cost"], taken["commitment_status"]) == (Decimal("37.5"), 30, "Used")
    assert (given["token_class"], taken["token_class"]) == ("in_uncached", "out_text")
    assert draw.total("effective_cost") == 50
    assert draw.total("billed_cost") == 500_000
    assert {row["focus_version"] for row in draw.charges} == {"1.5-draft"}
    assert draw.findings == []


@pytest.mark.parametrize("provider", ["aws", "azure", "gcp"])
@pytest.mark.parametrize("version", ["1.2", "1.3", "1.4"])
def test_generated_bills_add_up_counting_the_remainder(tmp_path: Path, read: Any, provider: str, version: str) -> None:
    generator = get_generator(provider, "1.3" if version == "1.4" else version)
    rows = rows_of(generator.generate_csv_bytes(400, 11))
    if version == "1.4":
        rows = convert_to_focus_1_4(rows, mode="synthetic", validate=False).datasets["Cost and Usage"]
    write_csv(tmp_path / "bill.csv", rows)
    got = read(tmp_path, type="focus", path="bill.csv")
    real = [row for row in got.charges if row["charge_description"] != DESCRIPTION]
    assert len(real) == 400
    assert {row["focus_version"] for row in real} == {version}
    assert got.rejected == []
    for column, name in COSTS.items():
        # Counting the extra row the books are within one pico-unit of the file, and the finding states the rest.
        rest = CONTEXT.subtract(total(rows, name), got.total(column))
        assert abs(rest) < Decimal("1e-12")
    by_number = {row["row_number"]: row for row in real}
    for number, row in enumerate(rows, 2):
        charge = by_number[number]
        assert charge["provider"] == (row.get("ServiceProviderName") or row["ProviderName"])
        assert charge["commitment_status"] == (row["CommitmentDiscountStatus"] or None)
        assert charge["charge_category"] == row["ChargeCategory"]
        assert charge["pricing_currency"] == row["PricingCurrency"]
        assert charge["invoice_id"] == (row["InvoiceId"] or None)
    assert any(row["charge_category"] == "Purchase" for row in real)
    assert any(row["commitment_status"] == "Unused" for row in real)
    unused = next(row for row in real if row["commitment_status"] == "Unused")
    assert unused["consumed_quantity"] is None


def charge(**columns: str) -> dict[str, str]:
    row = {
        "ChargePeriodStart": "2026-10-01T00:00:00Z", "ChargePeriodEnd": "2026-10-02T00:00:00Z",
        "BillingPeriodStart": "2026-10-01T00:00:00Z", "BillingPeriodEnd": "2026-11-01T00:00:00Z",
        "BillingCurrency": "USD", "BilledCost": "1", "EffectiveCost": "1", "ListCost": "1", "ContractedCost": "1",
        "ChargeCategory": "Usage", "ServiceProviderName": "Cloud", "InvoiceIssuerName": "Cloud",
        "BillingAccountId": "acct-1", "SkuPriceDetails": "", "Tags": "", "CapacityReservationStatus": "",
    }
    return row | columns


def test_the_remainder_is_recorded_once_per_file_and_currency(tmp_path: Path, read: Any) -> None:
    rows = [charge(BilledCost="1.0000000000009") for _ in range(3)]
    rows += [charge(BillingCurrency="EUR", BilledCost="-2.00000000000085", EffectiveCost="0.00000000000000001")] * 2
    rows += [charge(BillingCurrency="KRW", BilledCost="50000000")]
    write_csv(tmp_path / "bill.csv", rows)
    got = read(tmp_path, type="focus", path="bill.csv")
    extra = {row["currency"]: row for row in got.charges if row["service_name"] == SERVICE}
    assert sorted(extra) == ["EUR", "USD"]
    assert (extra["USD"]["billed_cost"], extra["USD"]["effective_cost"]) == (Decimal("2e-12"), 0)
    assert extra["EUR"]["billed_cost"] == Decimal("-1e-12")
    assert (extra["USD"]["charge_category"], extra["USD"]["issuer"]) == ("Adjustment", "Cloud")
    assert extra["USD"]["row_number"] == 0
    (finding,) = got.findings
    assert finding.code == "focus.remainder"
    assert "USD billed_cost 0.0000000000027 (booked 0.000000000002)" in finding.message
    assert "EUR effective_cost 0.00000000000000002 (booked 0)" in finding.message
    assert "bill.csv" in finding.message
    assert got.total("billed_cost", "KRW") == 50_000_000


def test_a_forty_million_dollar_line_and_a_fifty_million_won_line(tmp_path: Path, read: Any) -> None:
    write_csv(tmp_path / "bill.csv", [
        charge(BilledCost="40000000.000000000001", EffectiveCost="4e7"),
        charge(BillingCurrency="KRW", BilledCost="50000000"),
    ])
    got = read(tmp_path, type="focus", path="bill.csv")
    assert [str(row["billed_cost"]) for row in got.charges] == ["40000000.000000000001", "50000000.000000000000"]
    assert got.charges[0]["effective_cost"] == 40_000_000


def test_reservations_credits_taxes_and_corrections_keep_their_words(tmp_path: Path, read: Any) -> None:
    write_csv(tmp_path / "bill.csv", [
        charge(CapacityReservationStatus="unused", CapacityReservationId="cr-1", BilledCost="3"),
        charge(CapacityReservationStatus="Used", CapacityReservationId="cr-1"),
        charge(ChargeCategory="credit", BilledCost="-5", EffectiveCost="-5"),
        charge(ChargeCategory="Tax", ChargeClass="correction"),
        charge(ChargeCategory="Refund"), charge(ChargeCategory=""),
    ])
    got = read(tmp_path, type="focus", path="bill.csv")
    assert [row["capacity_reservation_status"] for row in got.charges[:2]] == ["Unused", "Used"]
    assert [row["charge_category"] for row in got.charges] == ["Usage", "Usage", "Credit", "Tax", "Refund", "Usage"]
    assert got.charges[3]["charge_class"] == "Correction"
    assert got.charges[2]["billed_cost"] == -5
    assert got.codes() == {"focus.unknown_category": 1, "focus.no_category": 1}
    assert got.finding("focus.no_category").row == 7


def test_gpu_counts_come_from_the_sku_or_a_tag(tmp_path: Path, read: Any) -> None:
    write_csv(tmp_path / "bill.csv", [
        charge(SkuPriceDetails='{"GpuCount": 8, "InstanceType": "p5.48xlarge"}', Tags='{"gpus": "2"}'),
        charge(Tags='{"z": 1, "gpus": "4"}'), charge(SkuPriceDetails='{"GpuCount": 0}'),
        charge(Tags='{"gpus": "many"}'), charge(SkuPriceDetails="{broken"),
    ])
    got = read(tmp_path, type="focus", path="bill.csv", gpu_count_tag="gpus")
    assert [row["gpu_count"] for row in got.charges] == [8, 4, None, None, None]
    assert got.charges[1]["tags"] == '{"gpus":"4","z":1}'
    assert got.codes() == {"focus.bad_json": 1}
    assert got.finding("focus.bad_json").row == 6


BAD = {
    "no start": (charge(ChargePeriodStart=""), "bad_period", "ChargePeriodStart is missing"),
    "start": (charge(ChargePeriodStart="yesterday"), "bad_period", "'yesterday' is no time"),
    "empty": (charge(ChargePeriodEnd="2026-10-01T00:00:00Z"), "bad_period", "ends at 2026-10-01"),
    "backwards": (charge(ChargePeriodEnd="2026-09-01T00:00:00Z"), "bad_period", "ends at 2026-09-01"),
    "amount": (charge(BilledCost="1,50"), "bad_amount", "'1,50' is not a number"),
    "absurd": (charge(ListCost="1e15"), "bad_amount", "beyond"),
    "nothing": (charge(BilledCost="", EffectiveCost="NULL"), "bad_amount", "neither"),
    "no currency": (charge(BillingCurrency=""), "bad_currency", "missing"),
    "currency": (charge(BillingCurrency="$"), "bad_currency", "'$'"),
}


@pytest.mark.parametrize("case", BAD)
def test_a_bad_row_is_refused_with_file_and_row_and_its_neighbours_stay(tmp_path: Path, read: Any, case: str) -> None:
    bad, code, words = BAD[case]
    write_csv(tmp_path / "bill.csv", [charge(), bad, charge(BilledCost="7")])
    got = read(tmp_path, type="focus", path="bill.csv")
    assert [row["billed_cost"] for row in got.charges] == [1, 7]
    (row,) = got.rejected
    assert (row["row_number"], row["table"], row["code"]) == (3, "charges", f"focus.{code}")
    assert words in row["message"]
    assert '"provider": "Cloud"' in row["record"]
    (finding,) = got.findings
    assert (finding.severity, finding.file, finding.row) == ("error", "bill.csv", 3)


def test_remainders_of_refused_rows_are_not_counted(tmp_path: Path, read: Any) -> None:
    write_csv(tmp_path / "bill.csv", [charge(), charge(BilledCost="1.00000000000000001", BillingCurrency="?")])
    assert set(read(tmp_path, type="focus", path="bill.csv").codes()) == {"focus.bad_currency"}


def test_one_of_the_two_main_costs_is_enough(tmp_path: Path, read: Any) -> None:
    write_csv(tmp_path / "bill.csv", [charge(EffectiveCost=""), charge(BilledCost="")])
    rows = read(tmp_path, type="focus", path="bill.csv").charges
    assert [(row["billed_cost"], row["effective_cost"]) for row in rows] == [(1, None), (None, 1)]


def test_naive_times_are_in_the_source_zone_and_others_are_not(tmp_path: Path, read: Any) -> None:
    write_csv(tmp_path / "bill.csv", [
        charge(ChargePeriodStart="2026-10-01 02:00:00"), charge(ChargePeriodStart="2026-10-01T02:00:00+05:00"),
        charge(ChargePeriodStart="2026-10-01 02:00:00 UTC"), charge(ChargePeriodStart="2026-10-01"),
    ])
    rows = read(tmp_path, type="focus", path="bill.csv", timezone="Europe/Berlin").charges
    assert [iso(row["charge_start"]) for row in rows] == [
        "2026-10-01T00:00:00Z", "2026-09-30T21:00:00Z", "2026-10-01T02:00:00Z", "2026-09-30T22:00:00Z",
    ]


def test_renamed_columns_are_mapped(tmp_path: Path, read: Any) -> None:
    rows = [{name.replace("BilledCost", "cost_eur"): value for name, value in charge(BilledCost="9").items()}]
    snake = {"".join("_" + c.lower() if c.isupper() else c for c in k).strip("_"): v for k, v in charge().items()}
    write_csv(tmp_path / "a.csv", rows)
    write_csv(tmp_path / "b.csv", [snake | {"x_Own": "1", "Odd": "2"}])
    got = read(tmp_path, type="focus", path="a.csv", columns={"BilledCost": "cost_eur"})
    assert [row["billed_cost"] for row in got.charges] == [9]
    assert got.findings == []
    unmapped = read(tmp_path, type="focus", path="a.csv")
    assert "cost_eur" in unmapped.finding("focus.unknown_columns").message
    other = read(tmp_path, type="focus", path="b.csv")
    assert other.charges[0]["issuer"] == "Cloud"
    assert other.finding("focus.unknown_columns").message.endswith(": Odd.")


def test_a_file_that_is_no_bill_is_said_once(tmp_path: Path, read: Any) -> None:
    (tmp_path / "a.csv").write_text("name,age\nx,1\n")
    (tmp_path / "b.csv").write_text("")
    write_csv(tmp_path / "c.csv", [{"InvoiceIssuerName": "Cloud", "BillingPeriodStatus": "Open"}])
    (tmp_path / "d.parquet").write_bytes(b"PAR1 and then nothing")
    got = read(tmp_path, type="focus", path="*")
    assert got.codes() == {
        "focus.missing_columns": 1, "focus.empty_file": 1, "focus.other_dataset": 1, "focus.truncated": 1,
    }
    assert got.tables == {}
    probe = build({"type": "focus", "path": "*"}, tmp_path).probe()
    assert not probe.reachable
    assert {f.code for f in probe.findings} == set(got.codes())


def test_wrong_encodings_and_ragged_rows_reach_the_ledger(tmp_path: Path, read: Any) -> None:
    path = write_csv(tmp_path / "bill.csv", [charge(ServiceProviderName="Café"), charge(), charge()])
    content = path.read_bytes().replace("é".encode(), b"\xe9").split(b"\r\n")
    content[2] += b",one more"
    path.write_bytes(b"\r\n".join(content))
    got = read(tmp_path, type="focus", path="bill.csv")
    assert [row["provider"] for row in got.charges] == ["Café", "Cloud"]
    assert got.codes() == {"focus.encoding": 1, "focus.ragged_row": 1}
    assert [(row["row_number"], row["code"]) for row in got.rejected] == [(3, "focus.ragged_row")]


def test_no_file_is_a_finding_of_the_probe(tmp_path: Path) -> None:
    probe = build({"type": "focus", "path": "none/*.csv"}, tmp_path).probe()
    assert not probe.reachable
    assert [finding.code for finding in probe.findings] == ["focus.no_file"]
    assert list(build({"type": "focus", "path": "none/*.csv"}, tmp_path).deliveries({})) == []


def test_the_probe_says_what_is_there(focus_data: Path) -> None:
    probe = build({"type": "focus", "path": "*.csv"}, focus_data).probe()
    assert probe.reachable
    assert probe.rows == 1007
    assert "FOCUS 1.0 in USD" in probe.found
    assert probe.window is not None
    assert probe.window.since == datetime(2024, 9, 1, tzinfo=UTC)
    assert probe.tables == ("charges",)


def test_snapshots_name_what_they_replace(tmp_path: Path, read: Any) -> None:
    write_csv(tmp_path / "bill.csv", [charge(), charge(BillingAccountId="acct-2"), charge(BillingPeriodStart="")])
    got = read(tmp_path, type="focus", path="bill.csv", delivery="snapshot")
    (delivery,) = got.deliveries
    assert delivery.kind == "snapshot"
    assert delivery.snapshot_keys() == (
        "Cloud|acct-1|", "Cloud|acct-1|2026-10-01T00:00:00Z", "Cloud|acct-2|2026-10-01T00:00:00Z",
    )
    assert read(tmp_path, type="focus", path="bill.csv").deliveries[0].snapshot_keys() == ()


def test_numbered_parts_as_snapshots_are_warned_about(tmp_path: Path) -> None:
    for part in ("e-00001.csv", "e-00002.csv"):
        write_csv(tmp_path / part, [charge()])
    probe = build({"type": "focus", "path": "*.csv", "delivery": "snapshot"}, tmp_path).probe()
    assert "focus.parts" in [finding.code for finding in probe.findings]
    assert build({"type": "focus", "path": "*.csv"}, tmp_path).probe().findings == ()


def test_row_identity_is_that_of_the_file_content(tmp_path: Path, read: Any) -> None:
    write_csv(tmp_path / "a.csv", [charge(), charge()])
    shutil.copy(tmp_path / "a.csv", tmp_path / "b.csv")
    one, two = (read(tmp_path, type="focus", path=name) for name in ("a.csv", "b.csv"))
    assert [row["event_key"] for row in one.charges] == [row["event_key"] for row in two.charges]
    assert len({row["event_key"] for row in one.charges}) == 2
    assert one.deliveries[0].content_hash == two.deliveries[0].content_hash


def test_unknown_settings_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="Did you mean 'gpu_count_tag'"):
        build({"type": "focus", "path": "x", "gpu_count_tags": "y"}, tmp_path)


def test_many_rows_with_one_bad_one_in_bounded_time(tmp_path: Path, read: Any) -> None:
    names = list(charge())
    line = ",".join('""' if v == "" else v for v in charge().values()) + "\n"
    bad = ",".join('""' if v == "" else v for v in charge(BilledCost="oops").values()) + "\n"
    with (tmp_path / "big.csv").open("w") as stream:
        stream.write(",".join(names) + "\n")
        stream.write(line * 60_000 + bad + line * 59_999)
    got = read(tmp_path, type="focus", path="big.csv")
    assert got.tables["charges"].num_rows == 119_999
    assert [(row["row_number"], row["code"]) for row in got.rejected] == [(60_002, "focus.bad_amount")]
