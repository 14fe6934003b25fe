"""The attribution statements: SQL kept beside the room, written once, run by every supported engine.

Braces hold integers only ({lo}, {hi}, thresholds); they are filled from numbers the program computed, never from text.
"""

from __future__ import annotations

import hashlib
from functools import cache
from importlib import resources


@cache
def _read(name: str) -> str:
    return resources.files("netyield.attribution").joinpath(f"{name}.sql").read_text(encoding="utf-8")


def statement(name: str, **numbers: int) -> str:
    """The statement of that file with its numbers filled in."""
    text = _read(name)
    for word, number in numbers.items():
        text = text.replace("{" + word + "}", str(int(number)))
    return text


@cache
def code_hash() -> str:
    """The identity of every statement of this room: a changed statement recomputes what it touched."""
    folder = resources.files("netyield.attribution")
    names = sorted(entry.name for entry in folder.iterdir() if entry.name.endswith((".sql", ".py")))
    parts = [folder.joinpath(name).read_text(encoding="utf-8") for name in names]
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()
