"""Keys of [[commitment]] in netyield.toml or in a file of contracts: what was signed, and what only its papers say."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

from pydantic import BaseModel, ConfigDict, Field


class ExitInputs(BaseModel):
    """[commitment.exit]: what the exit terms need and no vendor publishes; all optional, asked for when needed."""

    model_config = ConfigDict(extra="forbid")

    termination_fee: Decimal | None = Field(None, ge=0)
    fee_share: Decimal | None = Field(None, ge=0, le=1)
    notice_days: int | None = Field(None, ge=0)
    resale_price: Decimal | None = Field(None, ge=0)
    sale_probability: Decimal | None = Field(None, ge=0, le=1)
    cancelled_last_12_months: Decimal | None = Field(None, ge=0)
    pool_in_currency: Decimal | None = Field(None, ge=0)
    returns_this_year: int | None = Field(None, ge=0)
    quote_date: date | None = None
    quote_hours_charged: Decimal | None = Field(None, ge=0)
    quote_committed_instances: Decimal | None = Field(None, ge=0)
    exchange_new_total: Decimal | None = Field(None, ge=0)
    exchange_displaces: Decimal | None = Field(None, ge=0)
    credit_refund: Decimal | None = Field(None, ge=0)
    credit_worth: Decimal | None = Field(None, ge=0, le=1)
    new_rate: Decimal | None = Field(None, ge=0)
    new_quantity: int | None = Field(None, ge=0)
    new_end: date | None = None
    new_fee: Decimal | None = Field(None, ge=0)
    new_unit_equals: Decimal | None = Field(None, gt=0)


class CommitmentRule(BaseModel):
    """[[commitment]]: one contract. Rates per unit and hour; the end is not included. What is left out is taken from the contract
    dataset, else from the bill, as far as they say it."""

    model_config = ConfigDict(extra="forbid")

    id: str
    product: str = ""
    name: str = ""
    owner: str = ""
    quantity: int | None = None
    unit: str = "GPU"
    start: date | None = None
    end: date | None = None
    currency: str = Field("USD", pattern=r"^[A-Z]{3}$")
    rate: Decimal | None = None
    upfront: Decimal | None = None
    on_demand_rate: Decimal | None = None
    used_units: Decimal | None = None
    exit: ExitInputs = ExitInputs()

    def said(self) -> dict[str, Any]:
        """The keys that were given."""
        return self.model_dump(exclude_unset=True, exclude_none=True)
