"""Is a lease a finance or an operating lease under ASC 842? Five tests, one is enough; what the case does not tell is open.

Source: ASC 842-10-25-2, -25-3; the shares of 75 % and 90 % are one reasonable reading of them (842-10-55-2), and can be set.
IFRS 16 has no such classes for lessees.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from netyield.economics.assets.lease_terms import Lease, LeaseClass
from netyield.economics.assets.present_value import CONTEXT


@dataclass(frozen=True, slots=True)
class ClassTest:
    """One test. ``met`` None: the case does not say; ``missing``: the key that would."""

    paragraph: str
    question: str
    met: bool | None
    missing: str


@dataclass(frozen=True, slots=True)
class Classified:
    """The class, the tests behind it, and whether it had to be assumed."""

    kind: LeaseClass
    tests: tuple[ClassTest, ...]
    assumed: bool
    why: str

    @property
    def missing(self) -> list[str]:
        """Keys that would answer the tests that are open."""
        return [test.missing for test in self.tests if test.met is None]


def classified(lease: Lease, value: Decimal) -> Classified:
    """The class at the start. ``value``: present value of all payments, before the first."""
    tests = tuple(_tests(lease, value))
    if lease.us_class is not None:
        return Classified(lease.us_class, tests, False, "as the case says")
    met = [test.paragraph for test in tests if test.met]
    if met:
        return Classified("finance", tests, False, f"met: ASC {', '.join(met)}")
    open_tests = any(test.met is None for test in tests)
    return Classified("operating", tests, open_tests, "none of the tests that can be answered is met" if open_tests else "no test is met")


def _tests(lease: Lease, value: Decimal) -> list[ClassTest]:
    life = lease.economic_life_periods
    term: bool | None = None
    if lease.late_in_life:
        term = False  # 842-10-25-3: the test is not used for a lease that starts near the end of the hardware's life
    elif life is not None:
        term = Decimal(len(lease.flows)) >= CONTEXT.multiply(lease.major_part, life)
    worth: bool | None = None
    if lease.fair_value is not None:
        worth = value + lease.residual_guarantee >= CONTEXT.multiply(lease.substantially_all, lease.fair_value)
    return [
        ClassTest("842-10-25-2(a)", "ownership passes at the end", lease.transfers_ownership, "transfers_ownership"),
        ClassTest("842-10-25-2(b)", "a purchase option is reasonably certain to be used", lease.purchase_certain, "purchase_certain"),
        ClassTest("842-10-25-2(c)", f"the term is at least {lease.major_part:%} of the economic life left", term, "economic_life_periods"),
        ClassTest("842-10-25-2(d)", f"the payments are worth at least {lease.substantially_all:%} of its fair value", worth, "fair_value"),
        ClassTest("842-10-25-2(e)", "it is of no other use to the lessor at the end", lease.no_other_use, "no_other_use"),
    ]
