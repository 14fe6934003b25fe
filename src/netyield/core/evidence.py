"""How a figure is known. The order is from strongest to weakest; a sum is as weak as its weakest part."""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum


class Evidence(StrEnum):
    """measured: read from a meter or a bill. derived: exact arithmetic on measured values.
    modelled: a method with an error. assumed: declared by a person or a default."""

    MEASURED = "measured"
    DERIVED = "derived"
    MODELLED = "modelled"
    ASSUMED = "assumed"


_RANK = {name: rank for rank, name in enumerate(Evidence)}


def weakest(kinds: Iterable[Evidence]) -> Evidence:
    """The evidence of a figure that rests on all of ``kinds`` (measured when there are none)."""
    return max(kinds, key=_RANK.__getitem__, default=Evidence.MEASURED)
