"""The words of running cost: [[running]] of a register says what an asset costs beside its depreciation.

    [[running]]
    kind = "power"            # kilowatts * PUE * powered hours * price
    kilowatts = "10.2"        # of each asset the glob names
    pue = "1.3"
    per_kwh = "0.09"

    [[running]]
    kind = "staff"            # one person for every so many GPUs, rounded up: a step function
    gpus_per_person = 500
    per_person_month = "18000"
"""

from __future__ import annotations

from typing import Literal

from pydantic import Field, model_validator

from netyield.sources.bills.assets.terms import Amount, Day, Strict

NEEDED = {
    "power": ("kilowatts", "pue", "per_kwh"),
    "colocation": ("kilowatts", "per_kw_month"),
    "staff": ("gpus_per_person", "per_person_month"),
    "maintenance": (),
}


class Running(Strict):
    """One kind of running cost of the assets a glob names, from ``since`` until ``until``."""

    kind: Literal["power", "colocation", "staff", "maintenance"]
    name: str = ""
    assets: str = "*"
    currency: str | None = Field(None, pattern=r"^[A-Z]{3}$")
    since: Day | None = None
    until: Day | None = None
    source: str = ""
    kilowatts: Amount | None = Field(None, gt=0)
    pue: Amount | None = Field(None, ge=1)
    per_kwh: Amount | None = Field(None, ge=0)
    powered_share: Amount | None = Field(None, ge=0, le=1)
    per_kw_month: Amount | None = Field(None, ge=0)
    gpus_per_person: int | None = Field(None, gt=0)
    per_person_month: Amount | None = Field(None, ge=0)
    per_month: Amount | None = Field(None, ge=0)
    share_of_cost_per_year: Amount | None = Field(None, ge=0)

    @model_validator(mode="after")
    def _complete(self) -> Running:
        missing = [key for key in NEEDED[self.kind] if getattr(self, key) is None]
        if missing:
            message = f"running cost of kind {self.kind} needs {', '.join(missing)}"
            raise ValueError(message)
        if self.kind == "maintenance" and (self.per_month is None) == (self.share_of_cost_per_year is None):
            message = "maintenance needs per_month, or share_of_cost_per_year, and not both"
            raise ValueError(message)
        if self.since and self.until and self.until <= self.since:
            message = f"it ends ({self.until}) before it starts ({self.since})"
            raise ValueError(message)
        return self
