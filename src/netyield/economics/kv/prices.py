"""What does it cost, and since when is that known? Dated prices, the newest first, none ever overwritten.

What has no price is *unpriced*, never free: the plan asks for it.
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from datetime import date
from functools import cache
from importlib import resources

from netyield.core.errors import WrongUse

CATALOGUE = "prices.toml"
LIFE_HOURS = 26_280.0  # three years, straight line
OLD_AFTER_DAYS = 180


@dataclass(frozen=True, slots=True)
class Price:
    """One dated price in US dollars; ``source`` says whose word it is."""

    thing: str
    usd: float
    unit: str
    dated: str
    source: str

    @property
    def words(self) -> str:
        """``$2.95 per GPU-hour (2026-05-31; source)``."""
        return f"${self.usd:,.4g} {self.unit.removeprefix('USD ')} ({self.dated}; {self.source})"


def price_of(thing: str, as_of: date | None = None) -> Price:
    """The newest price of a thing, or the newest known on a day. Raises WrongUse when there is none."""
    known = [price for price in all_prices() if price.thing == thing]
    usable = [price for price in known if as_of is None or date.fromisoformat(price.dated) <= as_of]
    if not usable:
        message = f"There is no price for {thing}{f' known on {as_of}' if known else ''}."
        raise WrongUse(message, _REPAIRS.get(thing.partition(":")[0], "Give it in tiers.toml."))
    return max(usable, key=lambda price: price.dated)


@cache
def all_prices() -> tuple[Price, ...]:
    """Every price of the file, in its order."""
    text = resources.files("netyield.economics.kv").joinpath(CATALOGUE).read_text(encoding="utf-8")
    return tuple(
        Price(
            str(each["thing"]), float(each["amount"]) / float(each.get("per", 1)), str(each["unit"]),
            str(each["dated"]), str(each["source"]),
        )
        for each in tomllib.loads(text)["price"]
    )  # fmt: skip


_REPAIRS = {
    "gpu": "Give it with --usd-per-gpu-hour, or as usd_per_hour under [gpu] in tiers.toml.",
    "power": "Give it as usd_per_kwh under [power] in tiers.toml.",
}
