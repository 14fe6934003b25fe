"""What is assumed where nobody said? Dated defaults, each with its source, and what was used of them."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass, field
from functools import cache
from importlib import resources
from typing import Any

from netyield.economics.placement.uncertain import Draws, Float64, Uncertain, exactly, within

OWNERS = {"own": " of owned GPUs", "specialised": " of a specialised cloud", "general": " of a general cloud",
          "marketplace": " of a marketplace"}  # fmt: skip
# Units of what has no default: those that start with "of" are shares, and end at 1.
UNITS = {
    "virtualisation_tax": "of throughput", "batch_share": "of the requests", "discount": "of the price", "usd_per_month": "USD",
    "egress_gb_per_month": "GB per month",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Default:
    """One dated default."""

    value: Uncertain
    unit: str
    source: str
    dated: str


@dataclass(frozen=True, slots=True)
class Assumption:
    """An input of the answer: its value, whose word it is, and since when. ``assumed``: nobody gave it."""

    input: str
    value: Uncertain
    unit: str
    source: str
    dated: str
    assumed: bool

    def plain(self) -> dict[str, Any]:
        """As JSON."""
        return {
            "input": self.input, "value": self.value.plain(), "unit": self.unit, "source": self.source,
            "dated": self.dated or None, "assumed": self.assumed,
        }  # fmt: skip


@dataclass
class Inputs:
    """Draws of inputs, with a record of each: the only way a cost gets at a number that is not certain. ``file`` and ``on``:
    whose word a number is that was given without a source, and since when."""

    draws: Draws
    used: dict[str, Assumption] = field(default_factory=dict)
    file: str = "the options file"
    on: str = ""

    def given(self, key: str, value: Uncertain, unit: str, source: str, dated: str = "", assumed: bool = False) -> Float64:
        """Draws of a value somebody gave; the number's own source goes before that of its table, and that before the file."""
        whose, since = value.source or source or self.file, value.dated or dated or self.on
        self.used.setdefault(key, Assumption(key, value, unit, whose, since, assumed))
        return self.draws.value(key, value)

    def of(self, owner: str, name: str, value: Uncertain | None, source: str, dated: str = "", kind: str = "") -> Float64:
        """Draws of ``owner``'s input: what was given, else the default of that name (shared by all who lack it)."""
        default = default_of(name, kind)
        if value is not None:
            return self.given(f"{owner}: {_words(name)}", value, default.unit if default else UNITS.get(name, ""), source, dated)
        if default is None:
            message = f"there is no default for {name} {kind}"
            raise KeyError(message)
        key = _words(name) + _of_kind(kind)
        return self.given(key, default.value, default.unit, default.source, default.dated, assumed=True)


def default_of(name: str, kind: str = "") -> Default | None:
    """The dated default of an input, of a kind of GPU where it differs; None when there is none."""
    found = _defaults().get(name)
    if isinstance(found, dict):
        return found.get(kind.lower())
    return found


def _words(name: str) -> str:
    return name.replace("_", " ")


def _of_kind(kind: str) -> str:
    """`` of a H200``, `` of a general cloud``."""
    if not kind:
        return ""
    return OWNERS.get(kind, f" of a {kind.upper()}")


@cache
def _defaults() -> dict[str, Any]:
    text = resources.files("netyield.economics.placement").joinpath("defaults.toml").read_text(encoding="utf-8")
    return {
        name: _default(entry) if "value" in entry else {kind: _default(each) for kind, each in entry.items()}
        for name, entry in tomllib.loads(text).items()
    }


def _default(entry: dict[str, Any]) -> Default:
    value = entry["value"]
    interval = within(*map(float, value)) if isinstance(value, list) else exactly(float(value))
    return Default(interval, str(entry["unit"]), str(entry["source"]), str(entry["dated"]))
