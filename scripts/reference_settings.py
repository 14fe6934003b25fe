"""Which keys may netyield.toml have? Read from the pydantic settings that check it, with docs/reference/meanings.csv."""

from __future__ import annotations

import csv
import types
import typing
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any, Literal, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from netyield.config import Config

ROOT = Path(__file__).resolve().parent.parent
MEANINGS = ROOT / "docs" / "reference" / "meanings.csv"
COMMON = ("type", "name", "timezone")  # keys every source has
LIMITS = {"ge": "at least", "gt": "above", "le": "at most", "lt": "below"}
PLAIN = {str: "text", int: "whole number", float: "number", bool: "true or false", Decimal: "amount", date: "date", Any: "any"}


@dataclass(frozen=True)
class Key:
    """One key of a table of netyield.toml."""

    table: str
    name: str
    kind: str
    default: str
    meaning: str


def meanings() -> dict[tuple[str, str], str]:
    """(table, key) to its meaning, for keys whose schema has no description."""
    with MEANINGS.open(encoding="utf-8", newline="") as stream:
        return {(row["table"], row["key"]): row["meaning"] for row in csv.DictReader(stream)}


def source_settings() -> dict[str, type[BaseModel]]:
    """The settings class of every source type, by type."""
    found = sorted(entry_points(group="netyield.sources"), key=lambda entry: entry.name)
    return {entry.name: entry.load().Settings for entry in found}


def config_tables() -> dict[str, type[BaseModel]]:
    """The tables of netyield.toml other than [[source]], by name, in the order of the schema."""
    return {name: model for name, field in Config.model_fields.items() if (model := _model(field.annotation))}


def is_list(table: str) -> bool:
    """Whether a table is written [[table]]."""
    return get_origin(Config.model_fields[table].annotation) is list


def keys(table: str, model: type[BaseModel]) -> Iterator[Key]:
    """The keys of a settings class; a nested table follows as keys of its own (``source.fx.rates``)."""
    known = meanings()
    nested: list[tuple[str, type[BaseModel]]] = []
    for name, field in model.model_fields.items():
        meaning = field.description or known.get((table, name)) or known.get((table.split(".")[0], name), "")
        yield Key(table, name, kind(field), default(field), meaning)
        inner = _model(field.annotation)
        if inner is not None:
            nested.append((f"{table}.{name}", inner))
    for name, inner in nested:
        yield from keys(name, inner)


def _model(annotation: Any) -> type[BaseModel] | None:
    candidates = [annotation, *get_args(annotation)]
    return next((c for c in candidates if isinstance(c, type) and issubclass(c, BaseModel)), None)


def kind(field: FieldInfo) -> str:
    """The type of a key in words, with its limits."""
    words = _words(field.annotation)
    limits = [f"{LIMITS[n]} {getattr(m, n):g}" for m in field.metadata for n in LIMITS if getattr(m, n, None) is not None]
    return f"{words}, {', '.join(limits)}" if limits else words


def _words(annotation: Any) -> str:
    origin, arguments = get_origin(annotation), get_args(annotation)
    if annotation in PLAIN:
        return PLAIN[annotation]
    if origin is Literal:
        return " or ".join(f"`{str(value).lower() if isinstance(value, bool) else value}`" for value in arguments)
    if origin in (typing.Union, types.UnionType):
        return " or ".join(dict.fromkeys(_words(one) for one in arguments if one is not type(None)))
    if origin in (list, tuple):
        return f"list of {_words(arguments[0])}"
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return "table"
    if origin is not None:
        return f"table of {_words(arguments[1])}"
    return str(annotation)


def default(field: FieldInfo) -> str:
    """The default as TOML would say it, or ``required``."""
    if field.is_required():
        return "required"
    value = field.get_default(call_default_factory=True)
    if value is None or value is PydanticUndefined or value in ("", [], {}, ()):
        return ""
    if isinstance(value, bool):
        return f"`{str(value).lower()}`"
    return f"`{', '.join(value)}`" if isinstance(value, list | tuple) else f"`{value}`"


def unknown_meanings() -> list[tuple[str, str]]:
    """Rows of meanings.csv that no schema has (any more), or that a description in the schema already covers."""
    tables = config_tables() | {f"source.{name}": model for name, model in source_settings().items()}
    needed = {(key.table, key.name) for table, model in tables.items() for key in keys(table, model)}
    needed |= {("source", name) for name in COMMON}
    return sorted(set(meanings()) - needed)
