"""On which terms can a product be left? A dated table; what is not published is asked for."""

from __future__ import annotations

import difflib
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from functools import cache
from importlib import resources
from typing import Any

from netyield.core.errors import WrongUse

CATALOGUE = "products.toml"


@dataclass(frozen=True)
class ExitTerm:
    """One way out: its kind, what the table says of it, and what must be given."""

    kind: str
    values: Mapping[str, Any]
    needs: tuple[str, ...] = ()
    partial: bool = False  # whether some of the units can go
    note: str = ""


@dataclass(frozen=True)
class Product:
    """Exit terms of one product, with their source and the day they were read."""

    id: str
    name: str
    terms: str
    exits: tuple[ExitTerm, ...]
    source: str
    checked: date
    verified: bool = True
    notice_days: int = 0
    renews: bool = False
    billed_while_stopped: bool = False
    providers: tuple[str, ...] = ()  # with ``types``: whose words on a bill mean this product and no other
    types: tuple[str, ...] = ()


@cache
def products() -> Mapping[str, Product]:
    """Every known product by its id."""
    text = resources.files("netyield.economics.commitments").joinpath(CATALOGUE).read_text(encoding="utf-8")
    return {entry["id"]: _product(entry) for entry in tomllib.loads(text)["product"]}


def find_product(word: str) -> Product:
    """The product of this id. Raises WrongUse with the nearest."""
    known = products()
    if word in known:
        return known[word]
    if not word:
        message = "nothing says which product the commitment is, so that nothing says how it can be left."
        raise WrongUse(message, f"Declare product; known: {', '.join(known)}.")
    near = difflib.get_close_matches(word, list(known), n=1)
    message = f"there is no product {word!r}."
    raise WrongUse(message, f"Did you mean {near[0]!r}?" if near else f"Known: {', '.join(known)}.")


def product_named(provider: str | None, kind: str | None, identity: str) -> str:
    """The one product a provider's word for a commitment means (or what its id begins with); empty where it may be several."""
    whose, word = (provider or "").casefold(), "".join(filter(str.isalnum, (kind or "").casefold()))
    for product in products().values():
        mine = any(name.casefold() in whose for name in product.providers)
        named = word in {"".join(filter(str.isalnum, name.casefold())) for name in product.types}
        if (mine and word and named) or any(identity.startswith(name) for name in product.types if ":" in name):
            return product.id
    return ""


def _product(entry: Mapping[str, Any]) -> Product:
    return Product(
        entry["id"], entry["name"], entry["terms"], tuple(_exit(one) for one in entry["exits"]), entry["source"],
        entry["checked"], entry.get("verified", True), entry.get("notice_days", 0), entry.get("renews", False),
        entry.get("billed_while_stopped", False), tuple(entry.get("providers", ())), tuple(entry.get("types", ())),
    )  # fmt: skip


def _exit(entry: Mapping[str, Any]) -> ExitTerm:
    named = ("kind", "needs", "partial", "note")
    values = {name: value for name, value in entry.items() if name not in named}
    return ExitTerm(entry["kind"], values, tuple(entry.get("needs", ())), entry.get("partial", False), entry.get("note", ""))
