"""Which sources exist? Built-ins and plug-ins, both found through the entry-point group ``netyield.sources``.

An entry point names a class with ``type``, ``Settings`` (a SourceSettings) and ``__init__(settings, root)``;
``root`` is the folder relative paths start from (that of netyield.toml).
"""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from functools import cache
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from netyield.core.errors import ConfigError
from netyield.sources.contract import Source

GROUP = "netyield.sources"


@cache
def known_types() -> dict[str, str]:
    """Source type to import path, sorted by type."""
    return {entry.name: entry.value for entry in sorted(entry_points(group=GROUP), key=lambda e: e.name)}


def build(options: Mapping[str, Any], root: Path) -> Source:
    """The source a [[source]] table of netyield.toml describes. Raises ConfigError with the nearest known word."""
    kind = options.get("type")
    found = [entry for entry in entry_points(group=GROUP) if entry.name == kind]
    if not found:
        near = difflib.get_close_matches(str(kind), known_types(), n=1)
        hint = f"Did you mean {near[0]!r}?" if near else f"Known types: {', '.join(known_types())}."
        message = f"[[source]] type = {kind!r} is not known."
        raise ConfigError(message, hint)
    try:
        plugin = found[0].load()
    except (ImportError, AttributeError) as error:
        message = f"[[source]] type = {kind!r}: its module {found[0].value} cannot be loaded ({error})."
        raise ConfigError(message, "Install the package that provides it.") from None
    try:
        settings = plugin.Settings(**dict(options))
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(str(part) for part in first["loc"])
        near = difflib.get_close_matches(key, plugin.Settings.model_fields, n=1)
        hint = f"Did you mean {near[0]!r}?" if near and first["type"] == "extra_forbidden" else ""
        message = f"[[source]] {options.get('name') or kind}: key {key!r}: {str(first['msg']).removeprefix('Value error, ').rstrip('.')}."
        raise ConfigError(message, hint or f"Keys of this source: {', '.join(plugin.Settings.model_fields)}.") from None
    source: Source = plugin(settings, root)
    return source
