"""What is everything a cost needs to know? The demand, the terms, what fleets can do, and the draws of what is uncertain."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date

import numpy as np

from netyield.economics.placement.assumed import Inputs
from netyield.economics.placement.capacity import Capacity
from netyield.economics.placement.demand import DAYS_SOURCE, SHAPE_POINTS, WEEKLY_SOURCE, Demand
from netyield.economics.placement.file_tables import MOST_MONTHS
from netyield.economics.placement.options import Options
from netyield.economics.placement.uncertain import Float64, Uncertain, exactly, lognormal, within
from netyield.economics.placement.ways import Option

WEEK_POINTS = 12
SERVICE = "service time of"
GROWTH, WEEKLY, CACHE_READ, USEFUL = "growth", "weekly peak to mean", "cache read share", "useful share"


@dataclass(frozen=True)
class Case:
    """One comparison. ``capacities`` by GPU name in lower case. ``volume`` and ``peak`` are what a break-even varies:
    the demand as a multiple, and the peak to size for instead of what was simulated."""

    demand: Demand
    options: Options
    capacities: Mapping[str, Capacity]
    inputs: Inputs
    as_of: date
    volume: float = 1.0
    peak: float | None = None
    sized_for: Mapping[str, float] = field(default_factory=dict)

    @property
    def hours(self) -> float:
        """Hours of the month all figures are for."""
        return 730.0

    @property
    def horizon(self) -> int:
        """Months the decision stands for."""
        decision = self.options.decision
        months = None if decision.horizon_months is None else exactly(float(decision.horizon_months))
        asked = self.inputs.of("decision", "horizon_months", months, "")
        return int(min(MOST_MONTHS, max(1, round(float(asked[0])))))

    def of(self, option: Option, name: str, kind: str = "", key: str = "") -> Float64:
        """Draws of an option's own input: what it says, else the default of that name (of ``key``, and of a kind)."""
        value = getattr(option, name)
        if isinstance(value, int | float):
            value = exactly(float(value))
        assert value is None or isinstance(value, Uncertain)
        return self.inputs.of(option.name, key or name, value, option.source, _day(option.dated), kind)

    def growth(self) -> Float64:
        """Demand over the horizon against the measured window."""
        terms = self.options.traffic
        return self.volume * self.inputs.of("traffic", "growth", terms.growth, terms.source, _day(terms.dated))

    def weekly_peak(self) -> Float64:
        """How much busier the measured window is than the mean of its week."""
        terms, demand = self.options.traffic, self.demand
        if terms.weekly_peak_to_mean is not None:
            day = _day(terms.dated)
            return self.inputs.given(WEEKLY, terms.weekly_peak_to_mean, "window over weekly mean", terms.source, day)
        assumed = not demand.whole_week
        source, dated = f"a whole week was measured: {demand.source}", demand.measured_on
        if assumed:
            source, dated = (DAYS_SOURCE, "2026-11-22") if demand.whole_day else (WEEKLY_SOURCE, "2024-05-16")
        return self.inputs.given(WEEKLY, demand.weekly_peak, "window over weekly mean", source, dated, assumed)

    def month(self) -> Float64:
        """Windows in a month: what the window's tokens are multiplied by."""
        return self.growth() / self.weekly_peak() / self.demand.window_months

    def cache_read_share(self) -> Float64:
        """Share of input tokens a provider would read from its cache: measured, or said to be assumed."""
        terms, demand = self.options.traffic, self.demand
        if terms.cache_read_share is None and demand.cache_read_tokens is not None:
            share = demand.cache_read_tokens / demand.input_tokens if demand.input_tokens else 0.0
            return self.inputs.given(CACHE_READ, exactly(share), "of input tokens", demand.source, demand.measured_on)
        if terms.cache_read_share is not None:
            return self.inputs.given(CACHE_READ, terms.cache_read_share, "of input tokens", terms.source, _day(terms.dated))
        if demand.reusable_share is not None:
            reusable = within(0.0, demand.reusable_share, demand.reusable_share)
            words = f"prompts' own blocks in {demand.source}: an unlimited cache reads {demand.reusable_share:.1%}, a provider's less"
            return self.inputs.given(CACHE_READ, reusable, "of input tokens", words, demand.measured_on)
        return self.inputs.of("", "cache_read_share", None, "")

    def useful_share(self) -> Float64 | None:
        """Useful share of the output tokens served; None without outcomes."""
        terms, demand = self.options.traffic, self.demand
        if terms.useful_share is not None:
            return self.inputs.given(USEFUL, terms.useful_share, "of output tokens", terms.source, _day(terms.dated))
        if demand.useful_share is None:
            return None
        source = demand.useful_source or demand.source
        return self.inputs.given(USEFUL, demand.useful_share, "of output tokens", source, demand.measured_on)

    def tokens_ratio(self, option: Option) -> Float64:
        """Tokens of this option's tokenizer for each token of the traffic: 1 for the same model."""
        if option.tokens_ratio is None and same_model(option.model, self.demand.model):
            return np.ones(self.inputs.draws.count)
        return self.of(option, "tokens_ratio")

    def service(self, capacity: Capacity) -> Float64:
        """Real over modelled service time: the error of the throughput model, the same for all who use that model."""
        key = f"{SERVICE} {capacity.gpu.upper()}"
        spread = lognormal(capacity.log_sd) if capacity.log_sd else exactly(1.0)
        source = capacity.error_source or capacity.source
        return self.inputs.given(key, spread, "real over modelled", source, capacity.measured_on, capacity.error_assumed)

    def shape(self) -> Float64:
        """(draws, points): demand of the moments of a month as multiples of the window's mean.

        Inside the window as measured. A week that was not measured is a wave between its trough and this window.
        """
        if self._week_known:
            return np.broadcast_to(self.demand.profile, (self.inputs.draws.count, SHAPE_POINTS))
        return self._waves(self.weekly_peak())

    def likely_shape(self) -> Float64:
        """(points): the same at the median of what is drawn."""
        return self.demand.profile if self._week_known else self._waves(np.median(self.weekly_peak(), keepdims=True))[0]

    @property
    def _week_known(self) -> bool:
        return self.demand.whole_week and self.options.traffic.weekly_peak_to_mean is None

    def _waves(self, weekly_peak: Float64) -> Float64:
        mean = 1.0 / weekly_peak[:, None]
        wave = np.cos(np.pi * (np.arange(WEEK_POINTS) + 0.5) / WEEK_POINTS)[None, :]
        hours = np.maximum(0.0, mean + (1.0 - mean) * wave)
        hours = hours * mean / np.maximum(hours.mean(axis=1, keepdims=True), 1e-12)
        return np.asarray(hours[:, :, None] * self.demand.profile[None, None, :], np.float64).reshape(len(hours), -1)


def same_model(one: str | None, other: str | None) -> bool:
    """Whether two names mean one model: an option that names none serves the traffic's own."""
    if one is None or not other:
        return True
    return _bare(one) == _bare(other)


def _bare(name: str) -> str:
    return name.lower().rsplit("/", 1)[-1].replace("_", "-")


def _day(day: date | None) -> str:
    return day.isoformat() if day else ""
