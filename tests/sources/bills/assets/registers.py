"""Writing a register in a test and reading it back."""

from __future__ import annotations

from pathlib import Path

from netyield.sources.bills.assets.register import Register, read_register

GPU = """
currency = "USD"
[[asset]]
id = "gpu"
cost = 40000
in_service = 2026-01-01
useful_life = "6y"
"""


def written(folder: Path, text: str, name: str = "assets.toml") -> Register:
    """The register of a text."""
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return read_register(path, name)


def sound(folder: Path, text: str) -> Register:
    """The same, which must have no finding."""
    found = written(folder, text)
    assert found.findings == []
    return found


def codes(register: Register) -> list[str]:
    """What was found, by code, without the prefix."""
    return [finding.code.removeprefix("assets.") for finding in register.findings]
