"""``netyield commitments buy`` as a person and a script run it: contract, real demand, a fleet nobody uses."""

from __future__ import annotations

import csv
import gzip
import io
import itertools
import json
import math
import random
from collections import defaultdict
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from fake_project import Run

DATA = Path(__file__).parents[3] / "data"
OFFERS = """
currency = "USD"
on_demand_rate = "1.00"
[[offer]]
name = "1 year"
rate = "0.60"
term = "1y"
"""
HELIOS_OFFERS = 'on_demand_rate = "2.95"\n[[offer]]\nname = "1 year"\ndiscount = "0.4"\nterm = "1y"\n'


class Folder:
    """Files of one test, and the verb over them."""

    def __init__(self, root: Path, run: Run) -> None:
        self.root, self.run = root, run

    def put(self, name: str, text: str) -> Path:
        path = self.root / name
        path.write_text(text, encoding="utf-8")
        return path

    def buy(self, demand: str, offers: str, *words: str) -> dict[str, Any]:
        self.put("demand.csv", demand)
        self.put("offers.toml", offers)
        ran = self.run("commitments", "buy", "--demand", self.root / "demand.csv", "--offers", self.root / "offers.toml", *words, "--json")
        assert ran.code == 0, ran.err
        body: dict[str, Any] = json.loads(ran.out)
        return body

    def refused(self, demand: str, offers: str, *words: str) -> str:
        self.put("demand.csv", demand)
        self.put("offers.toml", offers)
        ran = self.run("commitments", "buy", "--demand", self.root / "demand.csv", "--offers", self.root / "offers.toml", *words)
        assert (ran.code, ran.out) == (2, "")
        assert "Traceback" not in ran.err
        return str(ran.err)


@pytest.fixture
def folder(tmp_path: Path, run: Run) -> Folder:
    return Folder(tmp_path, run)


def hours(values: list[Any], header: str = "needed") -> str:
    lines = (f"2026-11-{1 + n // 24:02d}T{n % 24:02d}:00Z,{value}" for n, value in enumerate(values))
    return "\n".join([f"hour,{header}", *lines]) + "\n"


def test_the_json_contract_on_the_published_case(folder: Folder) -> None:
    body = folder.buy(hours(list(range(1, 11))), OFFERS)
    assert body["plan"] == [{"offer": "1 year", "quantity": 4}]
    assert Decimal(body["cost"]) == Decimal("45.0")
    assert Decimal(body["on_demand_cost"]) == 55
    assert Decimal(body["all_committed_cost"]) == 60
    assert Decimal(body["hindsight_cost"]) == 45
    assert set(body["series"]) == {"allocated", "active", "needed", "paid"}


def test_the_published_case_with_resale(folder: Folder) -> None:
    body = folder.buy(hours(list(range(1, 11))), OFFERS + 'resale_rate = "0.30"\n')
    assert body["plan"] == [{"offer": "1 year", "quantity": 6}]
    assert Decimal(body["cost"]) == Decimal("41.5")


def test_several_offers_are_the_cheapest_of_all_combinations(folder: Folder) -> None:
    offers = OFFERS.replace("0.60", "0.55") + 'at_most = 4\n[[offer]]\nname = "month"\nrate = "0.7"\nterm = "1m"\nresale = "0.4"\nin_steps_of = 2\n'
    demand = [3, 9, 4, 4, 7, 7, 0, 2, 8, 8]
    body = folder.buy(hours(demand), offers)
    costs = {
        (a, b): sum(
            Decimal("0.55") * a + Decimal("0.7") * b + max(0, d - a - b) - Decimal("0.4") * min(b, max(0, a + b - d)) for d in demand
        )
        for a, b in itertools.product(range(5), range(0, 12, 2))
    }
    bought = {row["offer"]: row["quantity"] for row in body["plan"]}
    assert costs[bought.get("1 year", 0), bought.get("month", 0)] == min(costs.values())
    assert Decimal(body["cost"]) == min(costs.values())


def helios_earth() -> str:
    """GPUs somebody held in every hour of May 2020, all virtual clusters of Helios Earth."""
    text = gzip.decompress((DATA / "helios" / "earth_2020_05.runs.csv.gz").read_bytes()).decode()
    held: dict[int, int] = defaultdict(int)
    reached: dict[str, int] = defaultdict(int)
    for row in csv.DictReader(io.StringIO(text)):
        first = reached[row["vc"]]
        reached[row["vc"]] = last = first + int(row["minutes"])
        for hour in range(first // 60, -(-last // 60)):
            held[hour] += int(row["running"]) * (min(last, hour * 60 + 60) - max(first, hour * 60))
    lines = (f"2020-05-{1 + hour // 24:02d}T{hour % 24:02d}:00Z,{Decimal(held[hour]) / 60:.6f}" for hour in range(744))
    return "\n".join(["hour,allocated", *lines]) + "\n"


def test_helios_earth_fitted_on_three_weeks_and_judged_on_the_rest(folder: Folder) -> None:
    body = folder.buy(helios_earth(), HELIOS_OFFERS, "--plan-on", "allocated", "--hold-back", "10d")
    cost, hindsight, nothing, everything = (
        Decimal(body[name]) for name in ("cost", "hindsight_cost", "on_demand_cost", "all_committed_cost")
    )
    assert body["judged"] == {"hours": 240, "since": "2020-05-22T00:00:00Z", "until": "2020-06-01T00:00:00Z"}
    assert body["fitted"]["hours"] == 504
    assert hindsight < cost < min(nothing, everything)
    # The figures of docs/commitments.md.
    assert body["plan"] == [{"offer": "1 year", "quantity": 545}]
    assert [f"{value:.2f}" for value in (cost, hindsight, nothing, everything)] == ["288605.28", "282763.74", "435613.81", "317325.60"]
    assert sum(Decimal(row.split(",")[1]) for row in helios_earth().splitlines()[1:]) == pytest.approx(Decimal("424772.6167"), abs=Decimal("0.001"))


def test_helios_earth_is_tested_on_weeks_it_had_not_seen_without_being_told(folder: Folder) -> None:
    body = folder.buy(helios_earth(), HELIOS_OFFERS, "--plan-on", "allocated")
    test = body["back_test"]
    assert (test["fitted_hours"], test["judged_hours"]) == (504, 240)
    assert f"{Decimal(test['cost']):.2f}" == "288605.28"
    assert Decimal(body["hindsight_cost"]) <= Decimal(body["cost"])
    low, high = (body["bootstrap"]["units"][side] for side in ("low", "high"))
    assert low <= body["plan"][0]["quantity"] <= high
    assert body["series"]["needed"] is None


def test_allocated_units_alone_are_refused_and_named_an_upper_bound(folder: Folder) -> None:
    told = folder.refused(hours([5, 6], "allocated"), OFFERS)
    assert "upper bound" in told
    assert "--plan-on allocated" in told
    ran = folder.run("commitments", "buy", "--demand", folder.root / "demand.csv", "--offers", folder.root / "offers.toml", "--plan-on", "allocated")
    assert ran.code == 0
    assert "upper bound" in ran.out


def fleet(paid: str = ",100") -> str:
    """Four weeks of 100 GPUs, 67 % of them held and 9 % of them active on average, with days and nights."""
    chance = random.Random(9)
    lines = []
    for hour in range(672):
        day = math.sin(hour / 24 * 2 * math.pi)
        held = 67 + round(6 * day) + chance.randrange(-2, 3)
        active = 9 + 4 * day + chance.uniform(-1, 1)
        lines.append(f"2026-11-{1 + hour // 24:02d}T{hour % 24:02d}:00Z,{held},{active:.3f}{paid}")
    return "\n".join(["hour,allocated,active" + (",paid" if paid else ""), *lines]) + "\n"


def test_a_fleet_that_is_held_but_not_used_buys_nothing_and_releases(folder: Folder) -> None:
    body = folder.buy(fleet(), OFFERS, "--headroom", "0.3")
    rows = [row.split(",") for row in fleet().splitlines()[1:]]
    series = body["series"]
    assert series["allocated"]["of_paid"] == pytest.approx(0.67, abs=0.005)
    assert series["active"]["of_paid"] == pytest.approx(0.09, abs=0.005)
    release = math.floor(min(100 - 1.3 * float(row[2]) for row in rows))
    assert body["plan"] == []
    assert body["release"] == release > 80
    assert body["advice"] == f"buy nothing, release {release}"
    assert Decimal(body["cost"]) == 0
    unused = sum(100 - int(row[1]) for row in rows)
    assert Decimal(body["paid_already"]["unused_unit_hours"]) == unused
    assert "30" in body["definition"]["plan_on"]


def test_planning_on_allocated_tells_what_it_costs_on_what_is_needed(folder: Folder) -> None:
    needed = folder.buy(fleet(""), OFFERS)
    allocated = folder.buy(fleet(""), OFFERS, "--plan-on", "allocated")
    few, many = needed["plan"][0]["quantity"], allocated["plan"][0]["quantity"]
    assert few < 15 < 60 < many
    asked = [Decimal(row.split(",")[2]) for row in fleet("").splitlines()[1:]]

    def cost(units: int) -> Decimal:
        return sum((Decimal("0.6") * units + max(Decimal(0), value - units) for value in asked), Decimal(0))

    for body in (needed, allocated):
        assert Decimal(body["planning_on_allocated"]["extra_cost"]) == cost(many) - cost(few)
        assert body["planning_on_allocated"]["plan"] == [{"offer": "1 year", "quantity": many}]
    ran = folder.run("commitments", "buy", "--demand", folder.root / "demand.csv", "--offers", folder.root / "offers.toml", "--plan-on", "allocated")
    assert f"{cost(many) - cost(few):,.2f} more on what is needed" in ran.out


def test_what_is_paid_for_is_used_first(folder: Folder) -> None:
    body = folder.buy(hours([10, 12, 20, 20]), OFFERS, "--paid", "11")
    assert body["series"]["paid"]["mean"] == 11
    net = [0, 1, 9, 9]
    best = min(range(12), key=lambda k: (sum(6 * k + 10 * max(0, n - k) for n in net), k))
    assert body["plan"] == [{"offer": "1 year", "quantity": best}]
    assert body["release"] == 0
    assert body["paid_already"]["short_hours"] == 3


def test_gaps_twins_and_nonsense_are_told_and_left_out(folder: Folder) -> None:
    text = "hour,needed\n2026-11-01T00:00Z,4\n2026-11-01T00:00Z,9\n2026-11-01T01:00Z,-3\n2026-11-01T02:00Z,x\n2026-11-01T05:00Z,4\n"
    folder.put("demand.csv", text)
    folder.put("offers.toml", OFFERS)
    words = ("commitments", "buy", "--demand", folder.root / "demand.csv", "--offers", folder.root / "offers.toml")
    ran = folder.run(*words)
    assert ran.code == 1, "findings of severity error"
    assert "demand.twice" in ran.out
    assert "demand.bad_line" in ran.out
    assert "demand.gap" in ran.out
    body = json.loads(folder.run(*words, "--json", "--fail-on", "never").out)
    assert body["judged"]["hours"] == 2
    assert body["plan"] == [{"offer": "1 year", "quantity": 4}]


def test_lines_within_an_hour_are_averaged_and_times_may_be_missing(folder: Folder) -> None:
    halves = "time,gpus\n2026-11-01T00:00Z,2\n2026-11-01T00:30Z,4\n2026-11-01T01:00Z,5\n"
    assert folder.buy(halves, OFFERS)["series"]["needed"]["unit_hours"] == 8
    bare = folder.buy("demand\n3\n5\n", OFFERS)
    assert bare["judged"] == {"hours": 2, "since": None, "until": None}


@pytest.mark.parametrize(
    ("demand", "offers", "words", "told"),
    [
        ("hour,cost\n2026-11-01,3\n", OFFERS, (), "no column allocated"),
        ("hour,needed\n", OFFERS, (), "no hour of demand"),
        (hours([1]), OFFERS.replace("on_demand_rate", "on_demand_rat"), (), "Did you mean 'on_demand_rate'"),
        (hours([1]), OFFERS.replace('on_demand_rate = "1.00"', ""), (), "may guess"),
        (hours([1]), OFFERS.replace('rate = "0.60"', 'rate = "cheap"'), (), "no amount"),
        (hours([1]), OFFERS.replace('"1y"', '"soon"'), (), "no length of time"),
        (hours([1]), OFFERS + 'resale_rate = "0.60"\n', (), "bought without end"),
        (hours([1]), OFFERS + 'discount = "0.5"\n', (), "rate and discount say"),
        (hours([1]), OFFERS + "at_most = -1\n", (), "no whole number"),
        (hours([1]), "on_demand_rate = 1\n", (), "has no [[offer]]"),
        (hours([1]), "on_demand_rate = [\n", (), "is no TOML"),
        (hours([1]), OFFERS, ("--headroom", "much"), "no share"),
        (hours([1]), OFFERS, ("--headroom", "0.3"), "needed units are given"),
        (hours([1]), OFFERS, ("--hold-back", "7d"), "nothing to fit"),
        (hours([1]), OFFERS, ("--plan-on", "allocated"), "no allocated units"),
        (hours([1]), OFFERS, ("--history", "7d"), "two sources of demand"),
    ],
)
def test_wrong_words_end_with_the_repair(folder: Folder, demand: str, offers: str, words: tuple[str, ...], told: str) -> None:
    assert told in " ".join(folder.refused(demand, offers, *words).split())


def test_an_offer_dearer_than_on_demand_is_a_finding_and_not_bought(folder: Folder) -> None:
    folder.put("demand.csv", hours([4, 4]))
    folder.put("offers.toml", OFFERS.replace("0.60", "1.20"))
    ran = folder.run("commitments", "buy", "--demand", folder.root / "demand.csv", "--offers", folder.root / "offers.toml")
    assert ran.code == 0
    assert "Buy nothing" in ran.out
    assert "offers.no_discount" in ran.out


def test_the_same_question_gives_the_same_bytes(folder: Folder) -> None:
    folder.buy(fleet(), OFFERS)
    words = ("commitments", "buy", "--demand", folder.root / "demand.csv", "--offers", folder.root / "offers.toml", "--json")
    assert folder.run(*words).out == folder.run(*words).out


def test_a_page_and_a_table(folder: Folder) -> None:
    folder.buy(fleet(), OFFERS)
    words = ("commitments", "buy", "--demand", folder.root / "demand.csv", "--offers", folder.root / "offers.toml")
    ran = folder.run(*words, "--html", folder.root / "page.html", "--csv", "-")
    assert ran.out.splitlines()[0] == "strategy,units,cost,saved,saved_share"
    page = (folder.root / "page.html").read_text(encoding="utf-8")
    assert "buy nothing, release" in page.lower()


def test_growth_is_measured_before_what_is_paid_for_is_taken_off(folder: Folder) -> None:
    body = folder.buy(hours([10, 10, 10, 10]), OFFERS, "--paid", "11")
    costs = {row["scenario"]: row for row in body["scenarios"]}
    assert body["plan"] == []
    assert Decimal(costs["as the history"]["cost"]) == 0
    assert Decimal(costs["demand grows by a quarter"]["on_demand_cost"]) == Decimal("1.5") * 4
    assert costs["demand grows by a quarter"]["best_units"] == 1
