"""Which ways are there? An API, rented and owned GPUs, a hybrid of two: what each may say of itself.

There is no key for a utilisation, and none for staff or licences as a percentage. What is None comes from the dated defaults.
"""

from __future__ import annotations

import re
from datetime import date
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, model_validator

from netyield.economics.placement.file_tables import Name, Strict
from netyield.economics.placement.uncertain import exactly
from netyield.economics.placement.written import Amount, Number, Positive, Share

ON_DEMAND, SPOT = "on_demand", "spot"
TERM = re.compile(r"(on_demand|spot|([1-9][0-9]*) months?)")


class Licence(Strict):
    """[[option.licence]]: one meter of a stack. Per core needs cores_per_gpu."""

    name: Name
    per: Literal["gpu", "core", "server", "fixed"]
    usd_per_year: Amount | None = None
    cores_per_gpu: Annotated[float, Field(gt=0)] | None = None
    gpus_per_server: Positive | None = None
    dated: date | None = None
    source: str = ""

    @model_validator(mode="after")
    def _metered(self) -> Licence:
        if self.per == "core" and self.cores_per_gpu is None:
            message = "a licence per core needs cores_per_gpu"
            raise ValueError(message)
        return self


class Option(Strict):
    """What every way has: a name, a model, what it offers to the constraints."""

    name: Name
    model: str | None = None
    useful_ratio: Positive | None = None
    tokens_ratio: Positive | None = None
    residency: tuple[str, ...] = ()
    certificates: tuple[str, ...] = ()
    at: str | None = None
    lead_months: Annotated[float, Field(ge=0)] = 0.0
    meets_slo: bool | None = None
    dated: date | None = None
    source: str = ""


class Tier(Strict):
    """[[option.tier]]: what is spent beyond so many dollars a month is cheaper by this share."""

    from_usd_per_month: Amount
    discount: Share


class Api(Option):
    """Tokens at a price list: the caller's own, or that of a provider's model. ``tariff``: the list's sheet for that service."""

    kind: Literal["api"]
    provider: str | None = None
    provider_model: str | None = None
    tariff: Literal["standard", "flex", "priority", "fast"] = "standard"
    input: Amount | None = None
    cache_read: Amount | None = None
    cache_write: Amount | None = None
    cache_write_long: Amount | None = None
    output: Amount | None = None
    blended: Amount | None = None
    price_change: Positive | None = None
    batch_share: Share = exactly(0.0)
    batch_discount: Share | None = None
    discount: Share = exactly(0.0)
    tier: tuple[Tier, ...] = ()
    usd_per_month: Amount = exactly(0.0)

    @model_validator(mode="after")
    def _priced(self) -> Api:
        own = (self.input, self.output)
        if self.blended is not None and any(each is not None for each in (*own, self.cache_read, self.cache_write, self.cache_write_long)):
            message = "give blended, or input, cache_read and output"
            raise ValueError(message)
        if self.blended is None and any(each is None for each in own) and any(each is not None for each in own):
            message = "give input and output: a price of one alone leaves the other out"
            raise ValueError(message)
        if self.blended is None and self.input is None and not (self.provider and self.provider_model):
            message = "no price: give input, cache_read and output per million tokens, or provider and provider_model"
            raise ValueError(message)
        return self


class Fleet(Option):
    """GPUs that are paid for by the hour of their reservation, whether busy or not."""

    gpu: str
    minimum_gpus: Annotated[int, Field(ge=1)] | None = None
    spare_replicas: Annotated[int, Field(ge=0)] | None = None
    size_for: Annotated[float, Field(gt=0, le=1)] | None = None
    availability: Share | None = None
    minimum_fte: Amount | None = None
    gpus_per_fte: Positive | None = None
    staff_usd_per_year: Amount | None = None
    licence: tuple[Licence, ...] = ()
    stack: str | None = None
    virtualisation_tax: Share = exactly(0.0)
    quota_gpus: Annotated[int, Field(ge=0)] | None = None

    @model_validator(mode="after")
    def _metered(self) -> Fleet:
        if self.stack and not self.licence:
            message = f"{self.stack} has no licence meter: write [[option.licence]]; usd_per_year = 0 says it is free"
            raise ValueError(message)
        return self


class Rent(Fleet):
    """GPUs of a provider: a quote with a date and a term."""

    kind: Literal["rent"]
    provider: str | None = None
    provider_class: Annotated[Literal["specialised", "general", "marketplace"], Field(alias="class")] = "specialised"
    usd_per_gpu_hour: Positive | None = None
    term: str | None = None
    scaling: Literal["static", "hourly"] = "static"
    start_seconds: Amount | None = None
    ramps_per_day: Amount | None = None
    price_drift: Number | None = None
    price_walk_sd: Amount | None = None
    storage_usd_per_gpu_month: Amount | None = None
    egress_gb_per_month: Amount | None = None
    egress_usd_per_gb: Amount | None = None
    support_share: Share | None = None

    @model_validator(mode="after")
    def _term(self) -> Rent:
        if self.term is not None and not TERM.fullmatch(self.term):
            message = f'term {self.term!r}: write "on_demand", "spot" or "12 months"'
            raise ValueError(message)
        if self.scaling == "hourly" and self.term not in (None, ON_DEMAND, SPOT):
            message = "a reservation is paid for every hour: hourly scaling needs term = \"on_demand\" or \"spot\""
            raise ValueError(message)
        return self

    @property
    def term_months(self) -> int:
        """How long the price is fixed; 0 on demand."""
        found = TERM.fullmatch(self.term or "")
        return int(found[2]) if found and found[2] else 0


class Own(Fleet):
    """GPUs of one's own, in a hall that charges for kilowatts. ``assets``: a glob of ids of the asset register, which then
    says what they cost, how long they live and what is left; ``register`` is its file, else the project's are asked."""

    kind: Literal["own"]
    assets: str | None = None
    register_file: Annotated[Path | None, Field(alias="register")] = None
    usd_per_gpu: Amount | None = None
    network_storage_share: Amount | None = None
    life_years: Positive | None = None
    residual_share: Share | None = None
    cost_of_capital: Share | None = None
    usd_per_kw_month: Amount | None = None
    usd_per_kwh: Amount | None = None
    pue: Positive | None = None
    draw_share: Share | None = None
    kw_per_gpu: Positive | None = None
    rack_units_per_gpu: Positive | None = None
    maintenance_share: Share | None = None
    failure_share: Share | None = None
    bridge: str | None = None


class Hybrid(Option):
    """A fleet for the trough of the load; what it does not hold goes to an API."""

    kind: Literal["hybrid"]
    base: str
    spill: str
    replicas: Annotated[int, Field(ge=1)] | None = None
    hold: Annotated[float, Field(ge=0, le=1)] = 0.0


AnyOption = Annotated[Api | Rent | Own | Hybrid, Field(discriminator="kind")]
