"""How much CPU do a thousand commitments over 60 months take? The budget is 2.5 CPU-seconds.

Schedules of every month and the cheapest way out of each, weighed in every month over five futures. Checked: the schedules add up
to what was signed. Exits with 1 above the budget.

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
from netyield.economics.commitments.products import find_product

BUDGET_CPU_SECONDS = 2.5
COUNT = 1_000
START, END = date(2026, 1, 1), date(2031, 1, 1)  # 60 months
KINDS = {
    "neocloud_take_or_pay": {"termination_fee": Decimal(250_000), "resale_price": Decimal("0.8"), "sale_probability": Decimal("0.5")},
    "azure_reservation": {"cancelled_last_12_months": Decimal(0)},
    "gcp_cud": {},
    "aws_standard_ri": {"resale_price": Decimal("0.5"), "sale_probability": Decimal("0.3")},
    "vast_reserved": {},
}


def made(count: int) -> list[Commitment]:
    """Commitments of five products, with all kinds of use."""
    chance = random.Random(4)
    found = []
    for number in range(count):
        product = list(KINDS)[number % len(KINDS)]
        units = chance.randrange(1, 257)
        rate = Decimal(chance.randrange(80, 300)) / 100
        found.append(
            Commitment(
                f"c{number}", product, units, START, END, rate, Decimal(chance.randrange(0, 10**7)) / 100, rate * Decimal("1.7"),
                Decimal(units * chance.randrange(0, 100)) / 100, inputs=KINDS[product],
            )
        )
    return found


def main(count: int = COUNT) -> bool:
    """Print the CPU-seconds; whether they are within the budget."""
    commitments = made(count)
    began = time.process_time()
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
