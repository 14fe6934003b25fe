from __future__ import annotations

import gzip
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from netyield.core.errors import ConfigError
from netyield.core.finding import Finding, aggregate
from netyield.sources.registry import build


def read(root: Path, **options: Any) -> tuple[list[dict[str, Any]], list[dict[str, Any]], dict[str, Finding]]:
    rows, rejected, findings = [], [], []
    for delivery in build({"type": "fx", **options}, root).deliveries({}):
        for chunk in delivery.chunks():
            rows += chunk.tables["fx_rates"].to_pylist() if "fx_rates" in chunk.tables else []
            rejected += chunk.rejected.to_pylist() if chunk.rejected is not None else []
            findings += chunk.findings
    return rows, rejected, {finding.code: finding for finding in aggregate(findings)}


def test_rates_are_exact_and_dated(tmp_path: Path) -> None:
    text = "Date,Base,Quote,Rate,Source\n2026-10-01,EUR,USD,1.1742,ECB\n2026-10-01,USD,KRW,1403.123456789012345678,\n"
    (tmp_path / "fx.csv.gz").write_bytes(gzip.compress(text.encode()))
    rows, rejected, findings = read(tmp_path, path="*.csv.gz")
    assert [(r["rate_date"], r["base"], r["quote"], r["rate"], r["rate_source"]) for r in rows] == [
        ("2026-10-01", "EUR", "USD", Decimal("1.1742"), "ECB"),
        ("2026-10-01", "USD", "KRW", Decimal("1403.123456789012345678"), None),
    ]
    assert rows[0]["event_time"] == datetime(2026, 10, 1, tzinfo=UTC)
    assert [row["row_number"] for row in rows] == [2, 3]
    assert (rejected, findings) == ([], {})


def test_the_wide_table_of_the_european_central_bank(tmp_path: Path) -> None:
    (tmp_path / "eurofxref-hist.csv").write_text(
        "Date,USD,JPY,BGN,\n2026-10-02,1.1752,173.28,N/A,\n2026-10-01,1.1742,172.9,1.9558,\n"
    )
    rows, rejected, findings = read(tmp_path, path="eurofxref-hist.csv")
    assert [(r["rate_date"], r["base"], r["quote"], str(r["rate"].normalize())) for r in rows] == [
        ("2026-10-02", "EUR", "USD", "1.1752"), ("2026-10-02", "EUR", "JPY", "173.28"),
        ("2026-10-01", "EUR", "USD", "1.1742"), ("2026-10-01", "EUR", "JPY", "172.9"),
        ("2026-10-01", "EUR", "BGN", "1.9558"),
    ]
    assert len({row["event_key"] for row in rows}) == 5
    assert (rejected, findings) == ([], {})


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("2026-10-02,EUR,USD,-1", "not above zero"), ("2026-10-02,EUR,USD,0", "not above zero"),
        ("2026-10-02,EUR,USD,1e20", "absurd"), ("2026-10-02,EUR,USD,1e-30", "too small"),
        ("2026-10-02,EUR,USD,\"1,17\"", "not a number"), ("2026-10-02,EUR,US,1", "no ISO 4217"),
        ("2026-10-02,eur,USD,1", "no ISO 4217"), ("2026-10-02,USD,USD,1.1", "cannot be"),
        ("02.10.2026,EUR,USD,1", "no date"), (",EUR,USD,1", "no date"),
    ],
)
def test_bad_rates_wait_in_quarantine(tmp_path: Path, line: str, words: str) -> None:
    lines = ["date,base,quote,rate", "2026-10-01,EUR,USD,1.17", line, "2026-10-03,EUR,USD,1.18", ""]
    (tmp_path / "fx.csv").write_text("\n".join(lines))
    rows, rejected, findings = read(tmp_path, path="fx.csv")
    assert [row["rate"] for row in rows] == [Decimal("1.17"), Decimal("1.18")]
    assert [(row["row_number"], row["table"], row["code"]) for row in rejected] == [(3, "fx_rates", "fx.bad_rate")]
    assert words in rejected[0]["message"]
    assert (findings["fx.bad_rate"].severity, findings["fx.bad_rate"].row) == ("error", 3)


def test_a_day_stated_twice_is_taken_once_and_a_contradiction_refused(tmp_path: Path) -> None:
    (tmp_path / "fx.csv").write_text(
        "date,base,quote,rate\n2026-10-01,EUR,USD,1.17\n2026-10-01,EUR,USD,1.1700\n2026-10-01,EUR,USD,1.18\n"
    )
    rows, rejected, findings = read(tmp_path, path="fx.csv")
    assert [row["rate"] for row in rows] == [Decimal("1.17")]
    assert [(row["row_number"], row["code"]) for row in rejected] == [(4, "fx.conflict")]
    assert findings["fx.repeated"].row == 3
    assert "the first one is used" in findings["fx.conflict"].message


def test_rates_in_the_configuration(tmp_path: Path) -> None:
    rates = [
        {"date": date(2026, 10, 1), "base": "EUR", "quote": "USD", "rate": 1.17, "source": "board"},
        {"date": "2026-10-02", "base": "EUR", "quote": "USD", "rate": "1.18"},
    ]
    rows, _, findings = read(tmp_path, rates=rates, name="plan")
    assert [(row["rate_date"], row["rate"]) for row in rows] == [
        ("2026-10-01", Decimal("1.17")), ("2026-10-02", Decimal("1.18")),
    ]
    assert findings == {}
    (delivery,) = build({"type": "fx", "rates": rates, "name": "plan"}, tmp_path).deliveries({})
    assert (delivery.kind, delivery.snapshot_keys()) == ("snapshot", ("plan",))


def test_wrong_files_and_settings(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("day,price\n1,2\n")
    (tmp_path / "b.csv").write_text("")
    rows, _, findings = read(tmp_path, path="*.csv")
    assert rows == []
    assert set(findings) == {"fx.missing_columns", "fx.empty_file"}
    probe = build({"type": "fx", "path": "none.csv"}, tmp_path).probe()
    assert [finding.code for finding in probe.findings] == ["fx.no_file"]
    for options in ({}, {"path": "a", "rates": [{"date": "2026-01-01", "base": "A", "quote": "B", "rate": "1"}]}):
        with pytest.raises(ConfigError, match="give either path or rates"):
            build({"type": "fx", **options}, tmp_path)


def test_the_probe_names_pairs_and_days(tmp_path: Path) -> None:
    (tmp_path / "fx.csv").write_text("date,base,quote,rate\n2026-10-01,EUR,USD,1.17\n2026-10-05,EUR,GBP,0.87\n")
    probe = build({"type": "fx", "path": "fx.csv"}, tmp_path).probe()
    assert probe.reachable
    assert probe.found == "2 exchange rates of 2 pairs (EUR/GBP, EUR/USD)"
    assert probe.window is not None
    assert probe.window.until == datetime(2026, 10, 6, tzinfo=UTC)
