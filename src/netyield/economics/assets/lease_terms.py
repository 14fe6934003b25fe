"""The words of a lease case: a reserved cluster that is a lease, its payments, and what was changed on the way.

    payment = 50000
    periods = 10                    # or payments = [10000, 12000, 14000]
    timing = "advance"              # or "arrears"
    rate = "0.05"                   # per period; or liability = 33000, from which the rate is solved
    initial_direct_cost = 20000
    incentive = 5000
    economic_life_periods = 12      # of the hardware, from the start of the lease
    fair_value = 420000             # of the hardware

    [[modification]]                # at the start of period 6 half is given back, then 5 payments of 30,000 at 5 %
    after = 5
    returned_share = "0.5"
    payments = [30000, 30000, 30000, 30000, 30000]
    rate = "0.05"
"""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated, Literal

from pydantic import Field, model_validator

from netyield.core.currencies import coins, statement_unit
from netyield.sources.bills.assets.terms import Amount, Day, Strict

LONGEST_PERIODS = 1200
LAST_YEAR = 9000
LeaseClass = Literal["operating", "finance"]
Payment = Annotated[Amount, Field(ge=0)]


class Modification(Strict):
    """After ``after`` periods other payments are due: a share of the asset goes back, the term or the price changes.

    ``reassessment``: the contract stays, an option or an index is judged anew; the rate may then stay too.
    """

    after: int = Field(gt=0)
    returned_share: Amount = Field(Decimal(0), ge=0, lt=1)
    payments: list[Payment] = Field(min_length=1, max_length=LONGEST_PERIODS)
    rate: Amount | None = Field(None, ge=0, lt=10)
    reassessment: bool = False
    us_class: LeaseClass | None = None

    @model_validator(mode="after")
    def _told(self) -> Modification:
        if self.rate is None and not self.reassessment:
            message = "a modification needs the rate of its day (IFRS 16.45, ASC 842-10-25-11); only a reassessment may keep the old one"
            raise ValueError(message)
        if self.reassessment and self.returned_share:
            message = "giving a share back is a modification, no reassessment"
            raise ValueError(message)
        return self


class Lease(Strict):
    """One lease. Amounts in ``currency``; ``unit`` is what the statement is rounded to (default: the smallest coin)."""

    title: str = ""
    currency: str = Field("USD", pattern=r"^[A-Z]{3}$")
    unit: Amount = Field(Decimal(0), ge=0)
    payment: Amount | None = Field(None, ge=0)
    periods: int | None = Field(None, gt=0, le=LONGEST_PERIODS)
    payments: list[Payment] = Field(default_factory=list, max_length=LONGEST_PERIODS)
    timing: Literal["arrears", "advance"]
    rate: Amount | None = Field(None, ge=0, lt=10)
    liability: Amount | None = Field(None, gt=0)
    initial_direct_cost: Amount = Field(Decimal(0), ge=0)
    incentive: Amount = Field(Decimal(0), ge=0)
    modification: list[Modification] = Field(default_factory=list, max_length=60)
    start: Day | None = None
    months_per_period: int | None = Field(None, gt=0, le=120)
    identified_asset: bool | None = None
    supplier_can_substitute: bool | None = None
    directs_use: bool | None = None
    us_class: LeaseClass | None = None
    transfers_ownership: bool | None = None
    purchase_certain: bool | None = None
    economic_life_periods: Amount | None = Field(None, gt=0)
    late_in_life: bool = False
    fair_value: Amount | None = Field(None, gt=0)
    residual_guarantee: Amount = Field(Decimal(0), ge=0)
    no_other_use: bool | None = None
    major_part: Amount = Field(Decimal("0.75"), gt=0, le=1)
    substantially_all: Amount = Field(Decimal("0.9"), gt=0, le=1)

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
        if self.becomes_owned and self.economic_life_periods is None:
            message = "hardware that becomes yours is written off over its life: give economic_life_periods"
            raise ValueError(message)
        self._in_order()
        self.unit = statement_unit(self.unit, self.currency)
        for amount in (*self.flows, *(paid for change in self.modification for paid in change.payments)):
            coins(amount, self.currency)
        return self

    def _in_order(self) -> None:
        """Each modification comes after the one before, and before the last period of the term it changes."""
        done, end = 0, len(self.flows)
        for change in self.modification:
            if not done < change.after < end:
                message = f"a modification comes before the last period ({end}) and after the one before it: after = {change.after}"
                raise ValueError(message)
            done, end = change.after, change.after + len(change.payments)
        if self.start is not None and self.start.year + end * (self.months_per_period or 0) // 12 > LAST_YEAR:
            message = f"it would run beyond the year {LAST_YEAR}: correct start, periods or months_per_period"
            raise ValueError(message)

    @property
    def flows(self) -> list[Decimal]:
        """Every payment of the contract as it was signed."""
        return list(self.payments) or [self.payment or Decimal(0)] * (self.periods or 0)

    @property
    def becomes_owned(self) -> bool:
        """Whether the hardware is the lessee's at the end."""
        return bool(self.transfers_ownership or self.purchase_certain)

    @property
    def is_lease(self) -> bool | None:
        """An identified asset the customer controls (IFRS 16.9, B9; ASC 842-10-15-3); None: the case does not say."""
        told = (self.identified_asset, self.supplier_can_substitute, self.directs_use)
        if self.identified_asset is False or self.supplier_can_substitute is True or self.directs_use is False:
            return False
        return None if None in told else True
