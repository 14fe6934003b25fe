"""Compiled loops work where nothing can be kept on disk, too."""

from __future__ import annotations

from netyield.core.compiled import compiled

LOOP = "def total(values):\n    found = 0\n    for value in values:\n        found += value\n    return found\n"


def test_without_a_file_to_keep_it_beside_a_loop_is_compiled_all_the_same() -> None:
    room: dict[str, object] = {}
    exec(LOOP, room)  # numba cannot keep what stands in no file
    total = compiled(room["total"])  # type: ignore[type-var]
    assert total((3, 4)) == 7  # type: ignore[operator]
    assert total.signatures  # type: ignore[attr-defined]
