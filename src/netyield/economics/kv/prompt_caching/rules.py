"""How does a provider cache prompts? Its rules as dated data: what is cached, from which length, for how long.

The table is ``rules.csv`` beside this module: one row per provider, model pattern and scheme, with the
page it was read on and whether that page could be checked. Three kinds of scheme cover what is offered:

    explicit   up to ``breakpoints`` marks per request; everything before the last mark that no entry holds is written,
               at the write rate of the mark's lifetime; entries are found at a mark or up to ``lookback_blocks`` before it
    automatic  nothing is marked or written for money; a prefix used within the lifetime is read at the cached rate
    stored     one prefix per request is put aside once, as plain input, and rented by the hour
"""

from __future__ import annotations

import csv
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date
from enum import StrEnum
from fnmatch import fnmatchcase
from functools import cache
from importlib import resources

from netyield.core.errors import WrongUse
from netyield.core.money import parse_amount, text

FILE = "rules.csv"
UNLIMITED = -1
MOST_BREAKPOINTS = 8  # of one request; no provider takes more than 4


class Mode(StrEnum):
    """Who decides what is cached, and what it costs."""

    EXPLICIT = "explicit"
    AUTOMATIC = "automatic"
    STORED = "stored"


@dataclass(frozen=True, slots=True)
class Lifetime:
    """How long an entry lives after its last use, and the token class its writes are billed as ("" = plain input)."""

    seconds: int
    write_class: str

    @property
    def words(self) -> str:
        """``5m``, ``1h``."""
        for size, unit in ((86_400, "d"), (3_600, "h"), (60, "m")):
            if self.seconds % size == 0:
                return f"{self.seconds // size}{unit}"
        return f"{self.seconds}s"


@dataclass(frozen=True, slots=True)
class Scheme:
    """One way a provider caches prompts of a model. ``available_after_seconds``: how long after its request's arrival
    an entry can first be read (no provider publishes it; 0 = at once). ``storage_usd_per_mtok_hour`` is text, "" = none.
    """

    provider: str
    model: str
    valid_from: str
    name: str
    mode: Mode
    minimum_tokens: int
    increment_tokens: int
    breakpoints: int
    lookback_blocks: int
    lifetimes: tuple[Lifetime, ...]
    storage_usd_per_mtok_hour: str
    verified: bool
    source: str
    checked: str
    note: str
    available_after_seconds: float = 0.0

    def plain(self) -> dict[str, object]:
        """The rule as JSON."""
        return {
            "scheme": self.name,
            "mode": str(self.mode),
            "minimum_tokens": self.minimum_tokens,
            "increment_tokens": self.increment_tokens,
            "breakpoints": self.breakpoints,
            "lookback_blocks": None if self.lookback_blocks == UNLIMITED else self.lookback_blocks,
            "lifetimes": [one.words for one in self.lifetimes],
            "storage_usd_per_mtok_hour": self.storage_usd_per_mtok_hour or None,
            "available_after_seconds": self.available_after_seconds,
            "valid_from": self.valid_from,
            "verified": self.verified,
            "checked": self.checked,
            "source": self.source,
            "note": self.note,
        }


def schemes(provider: str, model: str, on: date, changes: Mapping[str, str] | None = None) -> list[Scheme]:
    """The schemes a provider offers for a model on a day, the more specific row before the wider one.

    A model whose prompts are cached by marks has only that scheme. ``changes`` are the user's own numbers by column
    name. Raises WrongUse for a provider nobody wrote rules for, and for a change that is no rule.
    """
    found: dict[str, Scheme] = {}
    for row in table():
        known = row.provider == provider and fnmatchcase(model, row.model) and date.fromisoformat(row.valid_from) <= on
        if known and (row.name not in found or _newer(row, found[row.name])):
            found[row.name] = row
    if not found:
        message = f"No prompt caching rules are known for {provider} {model} on {on.isoformat()}."
        repair = f"Providers with rules: {', '.join(sorted({row.provider for row in table()}))}."
        raise WrongUse(message, repair)
    marked = [row for row in found.values() if row.mode is Mode.EXPLICIT]
    return [changed(row, changes or {}) for row in marked or found.values()]


def _newer(row: Scheme, held: Scheme) -> bool:
    return row.model == held.model and row.valid_from > held.valid_from


@cache
def table() -> tuple[Scheme, ...]:
    """Every row of the data file."""
    written = resources.files("netyield.economics.kv.prompt_caching").joinpath(FILE).read_text(encoding="utf-8")
    return tuple(_scheme(row) for row in csv.DictReader(written.splitlines()))


def _scheme(row: Mapping[str, str]) -> Scheme:
    return Scheme(
        provider=row["provider"],
        model=row["model"],
        valid_from=row["valid_from"],
        name=row["scheme"],
        mode=Mode(row["mode"]),
        minimum_tokens=int(row["minimum_tokens"]),
        increment_tokens=int(row["increment_tokens"]),
        breakpoints=int(row["breakpoints"]),
        lookback_blocks=int(row["lookback_blocks"]),
        lifetimes=_lifetimes(row["lifetimes"]),
        storage_usd_per_mtok_hour=row["storage_usd_per_mtok_hour"],
        verified=row["verified"] == "yes",
        source=row["source"],
        checked=row["checked"],
        note=row["note"],
    )


def _lifetimes(words: str) -> tuple[Lifetime, ...]:
    pairs = [word.partition(":") for word in words.split()]
    return tuple(Lifetime(int(seconds), name) for seconds, _, name in pairs)


WHOLE = ("minimum_tokens", "increment_tokens", "breakpoints", "lookback_blocks")
CHANGEABLE = (*WHOLE, "available_after_seconds", "storage_usd_per_mtok_hour")


def changed(scheme: Scheme, changes: Mapping[str, str]) -> Scheme:
    """The scheme with the user's own numbers. Raises WrongUse for a name that is no rule or a value that is no number."""
    made = scheme
    for name, value in changes.items():
        if name not in CHANGEABLE:
            message = f"There is no prompt caching rule {name!r}."
            raise WrongUse(message, f"Rules that can be changed: {', '.join(CHANGEABLE)}.")
        try:
            number = int(value) if name in WHOLE else parse_amount(value)
        except ValueError:
            message = f"--rule {name}={value} is not a {'whole ' if name in WHOLE else ''}number."
            raise WrongUse(message, f"Write for example --rule {name}=1.") from None
        least = {"lookback_blocks": UNLIMITED, "increment_tokens": 1}.get(name, 0)
        if number < least or (name == "breakpoints" and number > MOST_BREAKPOINTS):
            message = f"--rule {name}={value} is out of range."
            upper = f" and at most {MOST_BREAKPOINTS}" if name == "breakpoints" else ""
            raise WrongUse(message, f"Give at least {least}{upper}.")
        if name == "available_after_seconds":
            made = replace(made, available_after_seconds=float(number))
        elif name == "storage_usd_per_mtok_hour":
            made = replace(made, storage_usd_per_mtok_hour=text(parse_amount(value)))
        else:
            made = _with_whole(made, name, int(number))
    return made


def _with_whole(scheme: Scheme, name: str, number: int) -> Scheme:
    if name == "minimum_tokens":
        return replace(scheme, minimum_tokens=number)
    if name == "increment_tokens":
        return replace(scheme, increment_tokens=number)
    return replace(scheme, breakpoints=number) if name == "breakpoints" else replace(scheme, lookback_blocks=number)
