"""Which tables has an options file besides its options? The decision, the traffic, the limits, training, load tests."""

from __future__ import annotations

from datetime import date
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, model_validator

from netyield.economics.placement.capacity import Rated
from netyield.economics.placement.written import Amount, Positive, Share

MOST_MONTHS = 120
Name = Annotated[str, Field(min_length=1, max_length=80)]


class Strict(BaseModel):
    """Unknown keys are refused."""

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True, arbitrary_types_allowed=True)


class Decision(Strict):
    """[decision]: for which model, known when, over how long."""

    model: str | None = None
    as_of: date | None = None
    horizon_months: Annotated[int, Field(ge=1, le=MOST_MONTHS)] | None = None
    slo: str | None = None


class TrafficTerms(Strict):
    """[traffic]: what the file of requests does not say of itself."""

    growth: Positive | None = None
    weekly_peak_to_mean: Positive | None = None
    cache_read_share: Share | None = None
    useful_share: Share | None = None
    dated: date | None = None
    source: str = ""


class Training(Strict):
    """[training]: a load of its own. It runs on what serving leaves over (from_hour to to_hour of the day, UTC, where the
    traffic has a day; any hour else); the rest of it rents GPUs at this price, whichever way requests are served."""

    gpu_hours_per_month: Amount
    from_hour: Annotated[int, Field(ge=0, le=23)] | None = None
    to_hour: Annotated[int, Field(ge=0, le=24)] | None = None
    usd_per_gpu_hour: Amount
    dated: date
    source: str


class Constraints(Strict):
    """[constraints]: an option that breaks one is no option, whatever it costs."""

    residency: str | None = None
    certificates: tuple[str, ...] = ()
    data_at: str | None = None
    gpu_memory_gib: Annotated[float, Field(gt=0)] | None = None
    max_kw: Annotated[float, Field(ge=0)] | None = None
    max_rack_units: Annotated[float, Field(ge=0)] | None = None
    max_kw_per_rack: Annotated[float, Field(gt=0)] | None = None
    max_lead_months: Annotated[float, Field(ge=0)] | None = None


class CapacityTerms(Strict):
    """[[capacity]]: what a load test says one replica does within the objective, tokens per second."""

    gpu: str
    gpus_per_replica: Annotated[int, Field(ge=1)] = 1
    processed: Annotated[float, Field(gt=0)] | None = None
    prefill: Annotated[float, Field(gt=0)] | None = None
    decode: Annotated[float, Field(gt=0)] | None = None
    log_sd: Annotated[float, Field(ge=0, le=2)] | None = None
    gpu_memory_gib: Annotated[float, Field(gt=0)] | None = None
    dated: date
    source: str

    @model_validator(mode="after")
    def _both(self) -> CapacityTerms:
        if self.processed is None and (self.prefill is None or self.decode is None):
            message = "give processed, or prefill and decode together: one alone leaves the other's replicas out of the cost"
            raise ValueError(message)
        if self.processed is not None and (self.prefill is not None or self.decode is not None):
            message = "give processed, or prefill and decode, not both: tokens would count twice"
            raise ValueError(message)
        return self

    @property
    def rates(self) -> Rated:
        """The rates as plain values."""
        return Rated(self.processed, self.prefill, self.decode)
