"""How much CPU do a thousand commitments over 60 months take? The budget is 2.5 CPU-seconds.

Schedules of every month and the cheapest way out of each, weighed in every month over five futures; every second one by the hours
of a year of use, the others by their mean. Checked: the schedules add up to what was signed. Exits with 1 above the budget.

    python benchmarks/bench_commitments.py [count]
"""

from __future__ import annotations

import random
import sys
import time
from datetime import date
from decimal import Decimal

from netyield.economics.commitments.contract import Commitment, schedule
from netyield.economics.commitments.exit_plan import exit_plan
from netyield.economics.commitments.hourly_use import HOUR_US, HourlyUse
from netyield.economics.commitments.products import find_product

BUDGET_CPU_SECONDS = 2.5
COUNT = 1_000
SHAPES = 8
YEAR_AGO_US = 1_735_689_600_000_000  # 2025-01-01
START, END = date(2026, 1, 1), date(2031, 1, 1)  # 60 months
KINDS = {
    "neocloud_take_or_pay": {"termination_fee": Decimal(250_000), "resale_price": Decimal("0.8"), "sale_probability": Decimal("0.5")},
    "azure_reservation": {"cancelled_last_12_months": Decimal(0)},
    "gcp_cud": {},
    "aws_standard_ri": {"resale_price": Decimal("0.5"), "sale_probability": Decimal("0.3")},
    "vast_reserved": {},
}


def hours_of_a_year(chance: random.Random, shapes: int) -> list[HourlyUse]:
    """Years of hours in which days are busy, nights and weekends are not, and no two months are alike."""
    found = []
    for _ in range(shapes):
        night, month = chance.randrange(0, 50), [chance.randrange(50, 100) for _ in range(12)]
        levels = [
            month[day // 31] * (night if not 8 <= hour < 20 or day % 7 > 4 else 100) * 10 + chance.randrange(0, 2_000)
            for day in range(365) for hour in range(24)
        ]  # fmt: skip
        found.append(HourlyUse.of([YEAR_AGO_US + hour * HOUR_US for hour in range(8760)], levels))
    return found


def made(count: int) -> list[Commitment]:
    """Commitments of five products, with all kinds of use."""
    chance = random.Random(4)
    found = []
    shapes = hours_of_a_year(chance, SHAPES)
    for number in range(count):
        product = list(KINDS)[number % len(KINDS)]
        units = chance.randrange(1, 257)
        rate = Decimal(chance.randrange(80, 300)) / 100
        one = (
            Commitment(
                f"c{number}", product, units, START, END, rate, Decimal(chance.randrange(0, 10**7)) / 100, rate * Decimal("1.7"),
                Decimal(units * chance.randrange(0, 100)) / 100, inputs=KINDS[product],
            )
        )
        found.append(one.with_use(shapes[number % SHAPES].scaled(Decimal(units))) if number % 2 else one)
    return found


def main(count: int = COUNT) -> bool:
    """Print the CPU-seconds; whether they are within the budget."""
    commitments = made(count)
    began = time.process_time()  # hours are read once, whatever is asked of them
    rows = [schedule(one) for one in commitments]
    scheduled = time.process_time()
    plans = [exit_plan(one, find_product(one.product), START, explain=False) for one in commitments]
    ended = time.process_time()
    for one, months in zip(commitments, rows, strict=True):
        assert len(months) == 60
        assert sum(row.due for row in months) == one.owed_after(START)
        assert sum(row.prepaid_used for row in months) == one.upfront
    leaving = sum(plan.best is not None for plan in plans)
    options = sum(len(plan.options) for plan in plans)
    print(f"{count:,} commitments over 60 months: schedules {scheduled - began:.2f}, exits {ended - scheduled:.2f} CPU-seconds; "
          f"{options:,} exits weighed, {leaving} worth leaving (budget {BUDGET_CPU_SECONDS} CPU-seconds for both)")
    return ended - began <= BUDGET_CPU_SECONDS


if __name__ == "__main__":
    sys.exit(0 if main(int(sys.argv[1]) if len(sys.argv) > 1 else COUNT) else 1)
