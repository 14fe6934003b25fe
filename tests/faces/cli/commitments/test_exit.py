"""``netyield commitments exit`` and ``report`` as a person and a script run them."""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from fake_project import Run

CONTRACTS = """
[[commitment]]
id = "block-1"
product = "neocloud_take_or_pay"
name = "64 reserved H100s"
owner = "platform"
quantity = 64
start = 2025-06-01
end = 2028-06-01
rate = "2.10"
upfront = "500000"
on_demand_rate = "2.95"
used_units = "5.76"
[commitment.exit]
termination_fee = "400000"

[[commitment]]
id = "block-2"
product = "vertex_provisioned_throughput"
quantity = 4
start = 2026-01-01
end = 2027-01-01
rate = "3"

[[commitment]]
id = "broken"
product = "gcp_cud"
quantity = 1
start = 2027-01-01
end = 2026-01-01
rate = "1"

[[commitment]]
id = "half"
product = "gcp_cud"
quantity = 8.5
start = 2026-01-01
end = 2027-01-01
rate = "1"

[[commitment]]
id = "bare"
product = "gcp_cud"
quantity = 8
start = 2026-01-01
rate = "1"
"""
WORDS = ("--from", "2026-12-01")


@pytest.fixture
def contracts(tmp_path: Path) -> Path:
    path = tmp_path / "contracts.toml"
    path.write_text(CONTRACTS, encoding="utf-8")
    return path


def body(run: Run, contracts: Path, *words: str) -> dict[str, Any]:
    ran = run("commitments", "exit", *words, "--contracts", contracts, "--json", "--fail-on", "never")
    assert ran.code == 0, ran.err
    found: dict[str, Any] = json.loads(ran.out)
    return found


def test_the_cheapest_way_out_its_day_its_range_and_what_turns_it(run: Run, contracts: Path) -> None:
    found = body(run, contracts, "block-1", *WORDS, "--future", "as now:0:0")
    hours = Decimal(548) * 24  # 2026-12-01 to 2028-06-01
    value = (Decimal("2.10") * 64 - Decimal("2.95") * Decimal("5.76")) * hours - 400_000
    assert found["best"]["action"] == "termination_fee"
    assert (found["best"]["units"], found["best"]["when"]) == (64, "2026-12-01")
    assert Decimal(found["best"]["value"]) == value
    assert Decimal(found["owed"]) == Decimal("2.10") * 64 * hours
    turns = {row["input"]: row["turns_at"] for row in found["turns"]}
    assert turns["cost of the exit"] == float(value + 400_000)
    assert turns["used units"] == pytest.approx(float((Decimal("2.10") * 64 * hours - 400_000) / (Decimal("2.95") * hours)), rel=1e-6)
    assert Decimal(found["sunk_prepayment"]) > 0
    asked = {row["option"]: row["asks_for"] for row in found["not_to_be_had"]}
    assert asked == {"resale": "resale_price, sale_probability", "renegotiate": "new_rate, new_end, new_quantity"}


def test_the_range_is_that_of_the_futures(run: Run, contracts: Path) -> None:
    found = body(run, contracts, "block-1", *WORDS)
    values = [Decimal(row["value"]) for row in found["futures"]]
    assert len(values) == 5
    assert Decimal(found["best"]["value_low"]) == min(values)
    assert Decimal(found["best"]["value_high"]) == max(values)
    weights = [row["weight"] for row in found["futures"]]
    mean = sum(value * Decimal(weight) for value, weight in zip(values, weights, strict=True)) / Decimal(sum(weights))
    assert Decimal(found["best"]["value"]) == pytest.approx(mean)


def test_more_use_keeps_it(run: Run, contracts: Path) -> None:
    assert body(run, contracts, "block-1", *WORDS, "--used", "60")["best"]["action"] == "keep"
    ran = run("commitments", "exit", "block-1", "--contracts", contracts, *WORDS, "--used", "60", "--fail-on", "never")
    assert "Keep 64 reserved H100s until 2028-06-01" in ran.out


def test_hours_of_a_file_are_weighed_as_hours(run: Run, contracts: Path, tmp_path: Path) -> None:
    """In use 6 on average either way: by day and night 12 units are needed half of the time, all day alike they are not."""
    uneven, flat = tmp_path / "uneven.csv", tmp_path / "flat.csv"
    head = "hour,allocated,active\n"
    uneven.write_text(head + "".join(f"2026-10-{1 + n // 24:02}T{n % 24:02}:00Z,64,{12 if n % 24 < 12 else 0}\n" for n in range(336)))
    flat.write_text(head + "".join(f"2026-10-{1 + n // 24:02}T{n % 24:02}:00Z,64,6\n" for n in range(336)))
    plans = [body(run, contracts, "block-1", *WORDS, "--demand", str(path), "--headroom", "0.5", "--future", "as now:0:0")
             for path in (uneven, flat)]  # fmt: skip
    assert [plan["used_units"] for plan in plans] == ["9", "9"]
    assert "active plus 50% declared headroom" in plans[0]["definition"]["use"]
    assert plans[0]["best"]["value"] == plans[1]["best"]["value"], "all of 64 go: what is rented is the mean"
    words = ("--demand", flat, "--used", "3")
    assert "both say what is in use" in run("commitments", "exit", "block-1", "--contracts", contracts, *WORDS, *words).err
    held = tmp_path / "held.csv"
    held.write_text("hour,allocated\n2026-10-01T00:00Z,64\n")
    ran = run("commitments", "exit", "block-1", "--contracts", contracts, *WORDS, "--demand", held)
    assert ran.code == 2
    assert "only allocated units" in " ".join(ran.err.split())


def test_discounting_later_money_makes_leaving_worth_less(run: Run, contracts: Path) -> None:
    plain, later = (
        Decimal(body(run, contracts, "block-1", *WORDS, "--discount-rate", rate)["best"]["value"]) for rate in ("0", "0.2")
    )
    assert 0 < later < plain


def test_a_renewal_is_told_and_a_fee_nobody_told_is_a_finding(run: Run, contracts: Path) -> None:
    ran = run("commitments", "exit", "block-2", "--contracts", contracts, *WORDS, "--used", "1", "--on-demand-rate", "4")
    assert ran.code == 1, "the broken contract of the file is an error finding"
    assert "say no 30 days before 2027-01-01" in ran.out
    assert "commitments.ends_before_start" in ran.out
    first = run("commitments", "exit", "block-1", "--contracts", contracts, *WORDS, "--fail-on", "never")
    assert "commitments.exit_unknown" in first.out
    assert "resale_price" in first.out


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("none",), "There is no commitment 'none'"),
        (("block",), "may be any of 2"),
        (("broken",), "ends on 2026-01-01"),
        (("block-1", "--from", "2030-01-01"), "nothing to leave"),
        (("block-1", "--from", "soon"), "is no day"),
        (("block-2", "--from", "2026-12-01"), "nothing says how many"),
        (("block-1", "--from", "2026-12-01", "--history", "90d"), "the books of a project"),
        (("half", "--from", "2026-12-01"), "half: quantity:"),
        (("bare", "--from", "2026-12-01"), "bare: nothing says its end"),
        (("block-1", "--used", "many"), "no number"),
        (("block-1", "--from", "2026-12-01", "--future", "slump"), "NAME:DEMAND:PRICE"),
        (("block-1", "--from", "2026-12-01", "--future", "slump:-1:0"), "above -1"),
        (("block-1", "--from", "2026-12-01", "--future", "slump:0:0:0"), "positive weight"),
    ],
)
def test_wrong_words_end_with_the_repair(run: Run, contracts: Path, words: tuple[str, ...], told: str) -> None:
    ran = run("commitments", "exit", *words, "--contracts", contracts)
    assert ran.code == 2
    assert told in " ".join(ran.err.split())
    assert "Traceback" not in ran.err


def test_the_page_has_the_chart_and_the_table_every_month(run: Run, contracts: Path, tmp_path: Path) -> None:
    words = ("--html", tmp_path / "exit.html", "--csv", "-", "--fail-on", "never")
    ran = run("commitments", "exit", "block-1", "--contracts", contracts, *WORDS, *words)
    assert ran.out.splitlines()[0] == "option,units,when,cost,value,value_low,value_high"
    page = (tmp_path / "exit.html").read_text(encoding="utf-8")
    assert "Better than keeping" in page or "better than keeping" in page
    assert "termination fee on 2027-05-01" in page


def test_without_contracts_a_project_is_needed(run: Run, tmp_path: Path) -> None:
    ran = run("commitments", "exit", "x", "--project", tmp_path)
    assert ran.code == 2
    assert "netyield.toml" in ran.err
