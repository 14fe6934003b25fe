"""Loops over millions of numbers, compiled once per machine.

Importing this module imports numba (half a second), so only modules that hold such loops import it, and those are
imported where a verb runs, never at start-up.

While working on the code: a kept loop is compiled anew when its own file changes, not when a loop it calls in another
file does. Remove the ``*.nbi`` files beside it then.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar, cast

import numba

Loop = TypeVar("Loop", bound=Callable[..., Any])


def compiled(loop: Loop) -> Loop:
    """The loop as machine code, kept on disk between runs where a folder can be written, else compiled each run."""
    try:
        return cast(Loop, numba.njit(cache=True, nogil=True)(loop))
    except RuntimeError:  # neither the package's folder nor the user's cache folder can be written
        return cast(Loop, numba.njit(nogil=True)(loop))
