"""Which model is it? Its memory layout, attention and parameters, from the catalogue or from its ``config.json``."""

from __future__ import annotations

import difflib
import json
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Any

from netyield.core.errors import WrongUse
from netyield.core.inference.memory import Layout, UnknownLayout
from netyield.core.inference.model_config import REPAIR, Attention, attention_of, layout_of

CATALOGUE = "models.toml"
BILLION = 1e9


@dataclass(frozen=True, slots=True)
class Model:
    """What the cache and the clock need to know of a model; parameters are None where nobody said.

    ``repository``: what an engine is told to load.
    """

    name: str
    repository: str
    layout: Layout
    attention: tuple[Attention, ...]
    parameters: float | None
    active_parameters: float | None
    source: str
    checked: str


def find_model(word: str, *, parameters_billion: float | None = None, active_billion: float | None = None) -> Model:
    """The model of this name, alias or ``config.json`` (a file or its folder).

    ``parameters_billion`` and ``active_billion`` override what is published. Raises UnknownLayout.
    """
    path = Path(word)
    folder = path.is_dir()
    file = path / "config.json" if folder else path
    found = _from_file(file) if folder or path.suffix == ".json" else _from_catalogue(word)
    total = parameters_billion * BILLION if parameters_billion else found.parameters
    active = active_billion * BILLION if active_billion else found.active_parameters
    return Model(
        found.name,
        found.repository,
        found.layout,
        found.attention,
        total or active,
        active or total,
        found.source,
        found.checked,
    )


def known_models() -> list[str]:
    """Names of the catalogue, in its order."""
    return [str(entry["name"]) for entry in _entries()]


@cache
def _entries() -> list[dict[str, Any]]:
    text = resources.files("netyield.core.inference").joinpath(CATALOGUE).read_text(encoding="utf-8")
    entries: list[dict[str, Any]] = tomllib.loads(text)["model"]
    return entries


def _from_catalogue(word: str) -> Model:
    names = {name.lower(): entry for entry in _entries() for name in _names(entry)}
    entry = names.get(word.strip().lower())
    if entry is None:
        near = difflib.get_close_matches(word.strip().lower(), list(names), n=1)
        meant = f"Did you mean {names[near[0]]['name']}? " if near else ""
        message = f"The memory layout of model {word!r} is not known."
        raise UnknownLayout(message, f"{meant}{REPAIR}")
    return _model(str(entry["name"]), str(entry["aliases"][0]), entry["config"], entry)


def _names(entry: Mapping[str, Any]) -> list[str]:
    """A model answers to its name, its aliases, and an alias without its maker."""
    aliases = [str(alias) for alias in entry["aliases"]]
    return [str(entry["name"]), *aliases, *(alias.rpartition("/")[2] for alias in aliases)]


def _from_file(path: Path) -> Model:
    try:
        config = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        message = f"The model configuration {str(path)!r} cannot be read ({error.strerror})."
        raise WrongUse(message, "Correct the path, or name a model of the catalogue.") from None
    except ValueError as error:
        message = f"{path} is no JSON: {error}."
        raise WrongUse(message, "Download the model's config.json again.") from None
    if not isinstance(config, dict):
        message = f"{path} holds no model configuration."
        raise UnknownLayout(message, REPAIR)
    name = str(config.get("_name_or_path") or path.parent.name or path.stem)
    return _model(name, str(path.parent), config, {"source": str(path), "checked": ""})


def _model(name: str, repository: str, config: Mapping[str, Any], facts: Mapping[str, Any]) -> Model:
    total, active = facts.get("parameters_billion"), facts.get("active_parameters_billion")
    return Model(
        name,
        repository,
        layout_of(config, name),
        attention_of(config, name),
        float(total) * BILLION if total else None,
        float(active) * BILLION if active else None,
        str(facts["source"]),
        str(facts["checked"]),
    )
