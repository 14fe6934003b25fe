"""What does the asset register say? A TOML file, or a CSV file with one asset a row, as checked assets and findings.

    book = "ifrs"                       # the leading book: its depreciation makes the charges
    currency = "USD"
    assets_csv = "fleet.csv"            # assets in rows, beside those written here

    [[asset]]
    id = "dgx-01"
    cost = "400000.00"
    in_service = 2026-01-01
    useful_life = "6y"
    gpus = 8
    pool = "h100"

    [[change]]                          # for all assets a glob names; [[asset.change]] is for one
    assets = "dgx-*"
    effective = 2027-08-01
    useful_life = "4y"

A file with a ``cost`` at its top is one asset. Contradictions are findings, and the asset they are in is left out.
"""

from __future__ import annotations

import csv
import io
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from netyield.core.finding import Finding
from netyield.sources.bills.assets.admit import CODE, RegisterTerms, admitted, refused
from netyield.sources.bills.assets.asset import Asset
from netyield.sources.bills.assets.checks import overlapping
from netyield.sources.opened import Place, text_blocks


@dataclass
class Register:
    """The register: sound assets, running costs, what was noticed, and the files it is made of."""

    terms: RegisterTerms = field(default_factory=RegisterTerms)
    assets: list[Asset] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)
    files: list[Path] = field(default_factory=list)


def read_register(path: Path, name: str | None = None) -> Register:
    """Read a register. ``name`` is what findings call the file. Never raises for what is in it."""
    place = Place(CODE, name or str(path))
    register = Register(files=[path])
    words = _words(path, place, register)
    if words is None:
        return register
    try:
        register.terms = RegisterTerms.model_validate(words)
    except ValidationError as error:
        register.findings += refused(error, place, None, "the register")
        return register
    listed: list[tuple[Place, int | None, Mapping[str, Any]]] = [(place, None, each) for each in register.terms.asset]
    if register.terms.assets_csv:
        file = path.parent / register.terms.assets_csv
        listed += [(Place(CODE, file.name), row, words) for row, words in _csv(file, register)]
    units = _units_file(path.parent / register.terms.units_csv, register) if register.terms.units_csv else {}
    made = []
    for where, row, each in listed:
        asset, found = admitted(register.terms, where, row, each, units)
        register.findings += found
        made += [asset] if asset is not None else []
    register.assets, doubled = overlapping(made, place)
    register.findings += doubled
    if not listed and not register.findings:
        message = "there is no asset in the register"
        register.findings.append(place.error("empty", message, "Add [[asset]] with id, cost, in_service, useful_life."))
    return register


def _words(path: Path, place: Place, register: Register) -> dict[str, Any] | None:
    """The file as the keys of a register; None when it cannot be read."""
    if path.name.removesuffix(".gz").endswith(".csv"):
        return {"assets_csv": path.name}
    text = _text(path, place, register)
    if text is None:
        return None
    try:
        words = tomllib.loads(text, parse_float=Decimal)
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        message = f"the file is not valid TOML: {error}"
        register.findings.append(place.error("bad_toml", message, "Mend that line; text and lives need quotes."))
        return None
    if isinstance(words.get("asset"), dict):
        words["asset"] = [words["asset"]]
    if "cost" in words:
        shared = set(RegisterTerms.model_fields) - {"change", "currency"}
        outer = {key: words.pop(key) for key in list(words) if key in shared}
        words = {**outer, "asset": [words]}
    return words


def _text(path: Path, place: Place, register: Register) -> str | None:
    try:
        blocks = list(text_blocks(path, place))
    except OSError as error:
        message = f"the file cannot be read: {error.strerror or error}"
        register.findings.append(place.error("unreadable", message, "Check the path and its permissions."))
        return None
    register.findings += [finding for block in blocks for finding in block.findings]
    return b"".join(block.text for block in blocks).decode("utf-8", "replace").replace("\r\n", "\n")


def _csv(path: Path, register: Register) -> Iterator[tuple[int, Mapping[str, Any]]]:
    """Rows of a CSV of assets, empty cells left out; ``tags.x`` columns are tags."""
    place = Place(CODE, path.name)
    if path not in register.files:
        register.files.append(path)
    text = _text(path, place, register)
    if text is None:
        return
    reader = csv.DictReader(io.StringIO(text, newline=""))
    while True:
        try:
            row = next(reader, None)
        except csv.Error as error:
            message = f"the file is no CSV: {error}"
            register.findings.append(place.error("bad_csv", message, "Export it again.", reader.line_num))
            return
        if row is None:
            return
        yield reader.line_num, {str(key).strip(): value for key, value in row.items() if key is not None and value}


def _units_file(path: Path, register: Register) -> dict[str, dict[str, str]]:
    """Units by asset and month from a CSV with the columns asset, month, units."""
    found: dict[str, dict[str, str]] = {}
    place = Place(CODE, path.name)
    for row, words in _csv(path, register):
        missing = [name for name in ("asset", "month", "units") if name not in words]
        if missing:
            message = f"the row has no {', '.join(missing)}"
            register.findings.append(place.error("bad_units", message, "Give the columns asset, month and units.", row))
            continue
        found.setdefault(str(words["asset"]), {})[str(words["month"])] = str(words["units"])
    return found
