"""The words of an impairment case: one unit of assets, what it would fetch, what it is expected to bring in.

    currency = "USD"
    carrying = 600000                # or cost and accumulated_depreciation, or [[asset]] parts, or a register
    fair_value = 525000
    cost_of_disposal = 0
    cash_flows = [120000, 115000]    # per year, at year ends; or undiscounted = 580000; or [output]
    rate = "0.10"                    # discount rate per year, before tax (IAS 36.55)
    value_in_use = 540000            # instead of cash_flows and rate

A ``[[scenario]]`` is a named set of keys that replace those above it.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Literal

from pydantic import Field, model_validator

from netyield.core.currencies import statement_unit
from netyield.sources.bills.assets.terms import Amount, Day, Strict


class Part(Strict):
    """One asset of the unit. ``recoverable``: its own recoverable amount where it can be told, the floor of its share.

    ``unimpaired``: what it would be worth had nothing been written down, the cap of its part of a reversal.
    """

    id: str
    carrying: Amount
    recoverable: Amount | None = None
    fair_value: Amount | None = None
    unimpaired: Amount | None = None


class DatedPrice(Strict):
    """A price per million useful tokens from a day on."""

    since: Day
    price: Amount


class Output(Strict):
    """Cash flows from useful output: (tokens * price - running cost) a month, for ``months`` months from ``start``.

    Tokens that the case leaves open are the ledger's own; ``where`` narrows them with the words of ``netyield report --where``
    (default: the pools that owned hardware pays for). ``price_of``: the model whose dated list prices the tokens would fetch.
    """

    start: Day
    months: int = Field(gt=0, le=600)
    mtok_per_month: Amount | None = Field(None, ge=0)
    where: dict[str, str] | None = None
    decline_per_month: Amount = Field(Decimal(0), ge=0, lt=1)
    price_per_mtok: list[DatedPrice] = Field(default_factory=list)
    price_of: str | None = None
    running_cost_per_month: Amount = Field(ge=0)
    disposal_proceeds: Amount = Decimal(0)

    @model_validator(mode="after")
    def _priced(self) -> Output:
        if bool(self.price_per_mtok) == (self.price_of is not None):
            message = "give price_per_mtok with dates, or price_of, the model whose list prices the project knows"
            raise ValueError(message)
        return self


class Onerous(Strict):
    """A contract whose unavoidable costs may exceed what it brings. Cost to fulfil: incremental and allocated direct (68A)."""

    periods: Amount = Decimal(1)
    income: Amount = Field(ge=0)
    cost: Amount = Field(ge=0)
    penalty: Amount | None = Field(None, ge=0)
    dedicated_carrying: Amount = Field(Decimal(0), ge=0)
    us_status: Literal["in_use", "terminated", "ceased_use"] = "in_use"
    ceased_use_fair_value: Amount | None = None


class Case(Strict):
    """One case. Amounts are in ``currency``; ``unit`` is what the statement is rounded to (default: the smallest coin)."""

    title: str = ""
    currency: str = Field("USD", pattern=r"^[A-Z]{3}$")
    unit: Amount = Field(Decimal(0), ge=0)
    carrying: Amount | None = None
    cost: Amount | None = None
    accumulated_depreciation: Amount | None = None
    goodwill: Amount = Field(Decimal(0), ge=0)
    asset: list[Part] = Field(default_factory=list)
    register_file: str | None = Field(None, alias="register")
    assets: str = "*"
    at: Day | None = None
    indication: bool = True
    loss: Amount | None = Field(None, ge=0)
    fair_value: Amount | None = Field(None, ge=0)
    cost_of_disposal: Amount = Field(Decimal(0), ge=0)
    fair_value_is_recoverable: bool = False
    value_in_use: Amount | None = Field(None, ge=0)
    undiscounted: Amount | None = None
    cash_flows: list[Amount] = Field(default_factory=list)
    rate: Amount | None = Field(None, ge=0, lt=10)
    round_years: bool = False
    output: Output | None = None
    unimpaired: Amount | None = Field(None, ge=0)
    onerous: Onerous | None = None

    @model_validator(mode="after")
    def _consistent(self) -> Case:
        self.unit = statement_unit(self.unit, self.currency)
        ways = [self.carrying is not None, self.cost is not None, bool(self.asset), self.register_file is not None]
        if sum(ways) > 1:
            message = "give the carrying amount once: carrying, cost and accumulated_depreciation, [[asset]] or register"
            raise ValueError(message)
        if not any(ways) and self.onerous is None:
            message = "what is it worth on the books? give carrying, cost and accumulated_depreciation, [[asset]] or register"
            raise ValueError(message)
        if (self.cost is None) != (self.accumulated_depreciation is None):
            message = "cost and accumulated_depreciation go together"
            raise ValueError(message)
        if self.cash_flows and self.output is not None:
            message = "give cash_flows or [output], not both"
            raise ValueError(message)
        if self.register_file is not None and self.at is None:
            message = "a register needs the day it is looked at: at = 2027-06-30"
            raise ValueError(message)
        if self.onerous and self.onerous.us_status == "terminated" and self.onerous.penalty is None:
            message = "a terminated contract needs its penalty; ask the counterparty, it is not guessed"
            raise ValueError(message)
        return self
