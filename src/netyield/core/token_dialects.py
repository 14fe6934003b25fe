"""Token classes and dialects as data: which disjoint kinds are there, and under which names are they reported?

Read from ``token_classes.csv`` and ``token_dialects.toml``, where each equation and its source stand.
"""

from __future__ import annotations

import csv
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources


@dataclass(frozen=True, slots=True)
class TokenClass:
    """One disjoint kind of token. ``cache`` is none, read or write; ``useful_output`` says what a useful token is."""

    name: str
    direction: str
    modality: str
    cache: str
    cache_ttl: str
    useful_output: bool
    description: str


@dataclass(frozen=True, slots=True)
class Dialect:
    """How one program reports. ``leaves``: class to (added names, subtracted names); ``fields``: quantity to paths."""

    name: str
    title: str
    fields: Mapping[str, tuple[str, ...]]
    leaves: Mapping[str, tuple[tuple[str, ...], tuple[str, ...]]]
    checks: Mapping[str, tuple[str, ...]]

    @property
    def paths(self) -> tuple[str, ...]:
        """Everything this dialect may read: an allow-list for sources. Class names may be reported directly."""
        return tuple(path for paths in self.fields.values() for path in paths)


@cache
def token_classes() -> tuple[TokenClass, ...]:
    """All classes, inputs first, in the order of the attempts table."""
    text = resources.files("netyield.core").joinpath("token_classes.csv").read_text(encoding="utf-8")
    return tuple(
        TokenClass(
            row["class"],
            row["direction"],
            row["modality"],
            row["cache"],
            row["cache_ttl"],
            row["counts_as_useful_output"] == "yes",
            row["description"],
        )
        for row in csv.DictReader(text.splitlines())
    )


def class_names() -> tuple[str, ...]:
    """The names of all classes."""
    return tuple(one.name for one in token_classes())


@cache
def dialects() -> Mapping[str, Dialect]:
    """Every known dialect by name."""
    text = resources.files("netyield.core").joinpath("token_dialects.toml").read_text(encoding="utf-8")
    data = tomllib.loads(text)
    found = {}
    for name, raw in data["dialects"].items():
        fields = raw.get("fields") or data["dialects"][raw["same_fields_as"]]["fields"]
        found[name] = Dialect(
            name=name,
            title=raw["title"],
            fields={quantity: tuple(paths) for quantity, paths in fields.items()},
            leaves={leaf: _terms(text) for leaf, text in data["equations"][raw["equations"]].items()},
            checks={whole: tuple(text.split(" + ")) for whole, text in raw.get("checks", {}).items()},
        )
    return found


def _terms(equation: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    words = f"+ {equation}".split()
    pairs = list(zip(words[::2], words[1::2], strict=True))
    return tuple(n for sign, n in pairs if sign == "+"), tuple(n for sign, n in pairs if sign == "-")
