"""Which deliveries do a source's files make? One each, known by its content; a file that cannot be read stops no other."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

from netyield.sources.contract import Delivery, file_hash, unreadable
from netyield.sources.files import label, matching

Make = Callable[[Path, str, str], Delivery]


def file_deliveries(code: str, root: Path, pattern: str, make: Make) -> Iterator[Delivery]:
    """``make(path, name, SHA-256 in hex)`` for every matching file, in name order; a finding ``code``.unreadable for the others."""
    for path in matching(root, pattern):
        name = label(root, path)
        try:
            identity = file_hash(path)
        except OSError as error:
            yield unreadable(code, name, error)
        else:
            yield make(path, name, identity)
