"""The words of a lease case: a reserved cluster that is a lease, its payments, and what was changed on the way.

    payment = 50000
    periods = 10                    # or payments = [10000, 12000, 14000]
    timing = "advance"              # or "arrears"
    rate = "0.05"                   # per period; or liability = 33000, from which the rate is solved
    initial_direct_cost = 20000
    incentive = 5000

    [[modification]]                # at the start of period 6 half is given back, then 5 payments of 30,000 at 5 %
    after = 5
    returned_share = "0.5"
    payments = [30000, 30000, 30000, 30000, 30000]
    rate = "0.05"
"""

from __future__ import annotations

from decimal import Decimal
from typing import Literal

from pydantic import Field, model_validator

from netyield.sources.bills.assets.terms import Amount, Day, Strict


class Modification(Strict):
    """After ``after`` periods a share of the asset goes back, and the payments that are left and their rate are these."""

    after: int = Field(gt=0)
    returned_share: Amount = Field(Decimal(0), ge=0, lt=1)
    payments: list[Amount] = Field(min_length=1)
    rate: Amount = Field(ge=0, lt=10)


class Lease(Strict):
    """One lease. Amounts in ``currency``; ``unit`` is what the statement is rounded to."""

    title: str = ""
    currency: str = Field("USD", pattern=r"^[A-Z]{3}$")
    unit: Amount = Field(Decimal("0.01"), gt=0)
    payment: Amount | None = Field(None, ge=0)
    periods: int | None = Field(None, gt=0, le=1200)
    payments: list[Amount] = Field(default_factory=list, max_length=1200)
    timing: Literal["arrears", "advance"]
    rate: Amount | None = Field(None, ge=0, lt=10)
    liability: Amount | None = Field(None, gt=0)
    initial_direct_cost: Amount = Field(Decimal(0), ge=0)
    incentive: Amount = Field(Decimal(0), ge=0)
    modification: list[Modification] = Field(default_factory=list, max_length=1)
    start: Day | None = None
    months_per_period: int | None = Field(None, gt=0, le=120)
    identified_asset: bool | None = None
    supplier_can_substitute: bool | None = None
    directs_use: bool | None = None

    @model_validator(mode="after")
    def _consistent(self) -> Lease:
        if bool(self.payments) == (self.payment is not None):
            message = "give payment and periods, or payments, and not both"
            raise ValueError(message)
        if (self.payment is None) != (self.periods is None):
            message = "payment and periods go together"
            raise ValueError(message)
        if (self.rate is None) == (self.liability is None):
            message = "give rate, or the liability it is solved from, and not both"
            raise ValueError(message)
        if self.modification and self.modification[0].after >= len(self.flows):
            message = "a modification comes before the last period"
            raise ValueError(message)
        return self

    @property
    def flows(self) -> list[Decimal]:
        """Every payment."""
        return list(self.payments) or [self.payment or Decimal(0)] * (self.periods or 0)

    @property
    def is_lease(self) -> bool | None:
        """An identified asset the customer controls (IFRS 16.9, B9; ASC 842-10-15-3); None: the case does not say."""
        told = (self.identified_asset, self.supplier_can_substitute, self.directs_use)
        if self.identified_asset is False or self.supplier_can_substitute is True or self.directs_use is False:
            return False
        return None if None in told else True
