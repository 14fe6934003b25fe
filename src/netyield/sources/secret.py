"""Secrets by reference. Where does a key come from without ever standing in a file of the project?"""

from __future__ import annotations

import os
from pathlib import Path

from netyield.core.errors import SourceError

KINDS = ("env:", "file:")


def check_reference(text: str) -> str:
    """Refuse anything but ``env:NAME`` or ``file:/path`` (or nothing). Raises ValueError without repeating the text."""
    if text and not any(text.startswith(kind) and len(text) > len(kind) for kind in KINDS):
        message = 'write a reference, "env:NAME" or "file:/path", never the secret itself'
        raise ValueError(message)
    return text


def read_secret(reference: str, root: Path) -> str:
    """What ``env:NAME`` or ``file:/path`` (relative to ``root``) holds. Raises SourceError when there is nothing."""
    kind, _, place = reference.partition(":")
    if kind == "env":
        value = os.environ.get(place, "")
        repair = f"set the environment variable {place} before the run."
    else:
        repair = "check the path and its permissions."
        try:
            value = (root / Path(place).expanduser()).read_text(encoding="utf-8").strip()
        except OSError:
            value = ""
    if not value:
        message = f"the secret {reference!r} is empty or cannot be read;"
        raise SourceError(message, repair)
    return value
