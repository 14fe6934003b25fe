"""Which ways are compared, on which terms? ``options.toml``, read strictly.

There is no key for a utilisation, and none for staff or licences as a percentage: an unknown key is refused with the
repair. A number is exact, ``[low, likely, high]`` an interval; what is left out comes from the dated defaults.
"""

from __future__ import annotations

import difflib
import re
import tomllib
from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from netyield.core.errors import ConfigError, WrongUse
from netyield.economics.placement.capacity import Rated
from netyield.economics.placement.uncertain import exactly
from netyield.economics.placement.written import Amount, Positive, Share

ON_DEMAND, SPOT = "on_demand", "spot"
TERM = re.compile(r"(on_demand|spot|([1-9][0-9]*) months?)")
WRITE = "netyield placement compare --write-options FILE writes an annotated example."
# Keys people look for, and why they are not here.
REFUSED = {
    "utilisation": "Utilisation is an output: it follows from the traffic and the latency objective. Take the key out.",
    "utilization": "Utilisation is an output: it follows from the traffic and the latency objective. Take the key out.",
    "staff_share": "Staff is people, not a percentage: write minimum_fte, gpus_per_fte and staff_usd_per_year.",
    "ops_share": "Staff is people, not a percentage: write minimum_fte, gpus_per_fte and staff_usd_per_year.",
    "licence_share": "A licence has a meter: write [[option.licence]] with per = \"gpu\", \"core\", \"server\" or \"fixed\".",
    "usd_per_mtok": "Give input, cache_read and output apart: they differ by ten to fifty times.",
    "output_tokens_per_second": "Give processed, or prefill and decode together: a decode rate leaves the prefill out.",
}


Name = Annotated[str, Field(min_length=1, max_length=80)]


class Strict(BaseModel):
    """Unknown keys are refused."""

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True, arbitrary_types_allowed=True)


class Decision(Strict):
    """[decision]: for which model, known when, over how long."""

    model: str | None = None
    as_of: date | None = None
    horizon_months: Annotated[int, Field(ge=1, le=120)] = 36
    slo: str | None = None


class TrafficTerms(Strict):
    """[traffic]: what the file of requests does not say of itself."""

    growth: Positive | None = None
    weekly_peak_to_mean: Positive | None = None
    cache_read_share: Share | None = None
    useful_share: Share | None = None
    source: str = ""


class Training(Strict):
    """[training]: jobs that may use what serving leaves over; elsewhere they rent GPUs at this price."""

    gpu_hours_per_month: Amount
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
    log_sd: Annotated[float, Field(ge=0, le=2)] = 0.18
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


class Licence(Strict):
    """[[option.licence]]: one meter of a stack. Per core needs cores_per_gpu."""

    name: Name
    per: Literal["gpu", "core", "server", "fixed"]
    usd_per_year: Amount | None = None
    cores_per_gpu: Annotated[float, Field(gt=0)] | None = None
    gpus_per_server: Annotated[int, Field(ge=1)] = 8
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


class Api(Option):
    """Tokens at a price list: the caller's own, or that of a provider's model."""

    kind: Literal["api"]
    provider: str | None = None
    provider_model: str | None = None
    input: Amount | None = None
    cache_read: Amount | None = None
    cache_write: Amount | None = None
    output: Amount | None = None
    blended: Amount | None = None
    price_change: Positive | None = None
    batch_share: Share = exactly(0.0)
    batch_discount: Share = exactly(0.5)
    discount: Share = exactly(0.0)
    usd_per_month: Amount = exactly(0.0)

    @model_validator(mode="after")
    def _priced(self) -> Api:
        own = (self.input, self.output)
        if self.blended is not None and any(each is not None for each in (*own, self.cache_read, self.cache_write)):
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
    minimum_gpus: Annotated[int, Field(ge=1)] = 8
    spare_replicas: Annotated[int, Field(ge=0)] = 1
    size_for: Annotated[float, Field(gt=0, le=1)] | None = None
    availability: Share | None = None
    minimum_fte: Amount | None = None
    gpus_per_fte: Positive | None = None
    staff_usd_per_year: Amount | None = None
    licence: tuple[Licence, ...] = ()
    stack: str | None = None
    virtualisation_tax: Share = exactly(0.0)
    kw_per_gpu: Positive | None = None
    rack_units_per_gpu: Annotated[float, Field(gt=0)] = 1.0
    rack_units: Annotated[float, Field(gt=0)] = 42.0
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
    start_seconds: Annotated[float, Field(ge=0)] = 600.0
    storage_usd_per_gpu_month: Amount | None = None
    egress_gb_per_month: Amount = exactly(0.0)
    egress_usd_per_gb: Amount = exactly(0.0)
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
    """GPUs of one's own, in a hall that charges for kilowatts."""

    kind: Literal["own"]
    usd_per_gpu: Amount | None = None
    network_storage_share: Amount | None = None
    life_years: Positive | None = None
    residual_share: Share | None = None
    cost_of_capital: Share | None = None
    usd_per_kw_month: Amount | None = None
    usd_per_kwh: Amount | None = None
    pue: Positive | None = None
    draw_share: Share | None = None
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


class Options(Strict):
    """The whole file."""

    decision: Decision = Decision()
    traffic: TrafficTerms = TrafficTerms()
    constraints: Constraints = Constraints()
    training: Training | None = None
    capacity: tuple[CapacityTerms, ...] = ()
    option: Annotated[tuple[AnyOption, ...], Field(min_length=1)]

    @model_validator(mode="after")
    def _names(self) -> Options:
        kinds = {option.name: option for option in self.option}
        if len(kinds) < len(self.option):
            message = "two options have the same name"
            raise ValueError(message)
        for option in self.option:
            if isinstance(option, Hybrid):
                _refers(option.name, "base", option.base, kinds, (Rent, Own))
                _refers(option.name, "spill", option.spill, kinds, (Api,))
            if isinstance(option, Own) and option.bridge:
                _refers(option.name, "bridge", option.bridge, kinds, (Api, Rent))
        return self

    def named(self, name: str) -> Api | Rent | Own | Hybrid:
        """The option of this name."""
        return next(option for option in self.option if option.name == name)


def _refers(name: str, key: str, other: str, known: Mapping[str, Option], kinds: tuple[type[Option], ...]) -> None:
    if not isinstance(known.get(other), kinds):
        fitting = [each.name for each in known.values() if isinstance(each, kinds)]
        message = f"{name}: {key} = {other!r} is none of {', '.join(fitting) or 'the options (none fits)'}"
        raise ValueError(message)


def read_options(path: Path) -> Options:
    """The file's options. Raises ConfigError that names the key and what to write."""
    try:
        written = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        message = f"The options file {str(path)!r} cannot be read ({error.strerror})."
        raise WrongUse(message, f"Correct the path. {WRITE}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        message = f"{path} is no TOML: {error}."
        raise ConfigError(message, "Correct that line.") from None
    return parse_options(written, str(path))


def parse_options(written: Mapping[str, Any], name: str = "options") -> Options:
    """Options from plain values. Raises ConfigError."""
    try:
        return Options.model_validate(written)
    except ValidationError as error:
        found = sorted(error.errors(), key=lambda each: each["type"] != "extra_forbidden")
        raise _told(name, written, found[0]) from None


def _told(name: str, written: Mapping[str, Any], error: Any) -> ConfigError:
    where = _place(written, error["loc"])
    if error["type"] == "extra_forbidden":
        key = str(error["loc"][-1])
        known = _keys_at(error["loc"])
        near = difflib.get_close_matches(key, known, n=1)
        message = f"{name}: {where} is not a known key."
        told = REFUSED.get(key.lower()) or (f"Did you mean {near[0]}?" if near else f"Known here: {', '.join(known)}.")
        return ConfigError(message, told)
    what = str(error["msg"]).removeprefix("Value error, ").rstrip(".")
    message = f"{name}: {where}: {what}."
    return ConfigError(message, WRITE)


def _place(written: Mapping[str, Any], loc: tuple[Any, ...]) -> str:
    """``option "H100 rented".gpu``: the place in words a person wrote."""
    parts = list(loc)
    if len(parts) >= 2 and parts[0] == "option" and isinstance(parts[1], int):
        entry = written["option"][parts[1]]
        named = entry.get("name", parts[1]) if isinstance(entry, dict) else parts[1]
        rest = [str(part) for part in parts[2:] if part not in ("api", "rent", "own", "hybrid")]
        return ".".join([f'option "{named}"', *rest])
    return ".".join(str(part) for part in parts) or "the file"


_TABLES: dict[str, type[BaseModel]] = {
    "decision": Decision, "traffic": TrafficTerms, "constraints": Constraints, "training": Training,
    "capacity": CapacityTerms, "api": Api, "rent": Rent, "own": Own, "hybrid": Hybrid, "licence": Licence,
}  # fmt: skip


def _keys_at(loc: tuple[Any, ...]) -> list[str]:
    room: type[BaseModel] = Options
    for part in loc[:-1]:
        room = _TABLES.get(str(part), room)
    return [field.alias or name for name, field in room.model_fields.items()]
