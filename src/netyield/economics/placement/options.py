"""Which ways are compared, on which terms? ``options.toml``, read strictly.

There is no key for a utilisation, and none for staff or licences as a percentage: an unknown key is refused with the
repair. A number is exact, ``[low, likely, high]`` an interval; what is left out comes from the dated defaults.
"""

from __future__ import annotations

import difflib
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, Field, ValidationError, model_validator

from netyield.core.errors import ConfigError, WrongUse
from netyield.economics.placement.file_tables import (
    CapacityTerms,
    Constraints,
    Decision,
    Strict,
    TrafficTerms,
    Training,
)
from netyield.economics.placement.ways import AnyOption, Api, Hybrid, Licence, Option, Own, Rent, Tier

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


def serving(ways: Options, model: str) -> Options:
    """The same file, each option that names no model serving this one."""
    options = tuple(
        each.model_copy(update={"model": model}) if each.model is None and model and not isinstance(each, Hybrid) else each
        for each in ways.option
    )
    return ways.model_copy(update={"option": options})


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
    "capacity": CapacityTerms, "api": Api, "rent": Rent, "own": Own, "hybrid": Hybrid, "licence": Licence, "tier": Tier,
}  # fmt: skip


def _keys_at(loc: tuple[Any, ...]) -> list[str]:
    room: type[BaseModel] = Options
    for part in loc[:-1]:
        room = _TABLES.get(str(part), room)
    return [field.alias or name for name, field in room.model_fields.items()]
