"""Distinct tuples of words, numbered as they first come: columns of repeated text become one column of numbers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray


@dataclass(slots=True)
class Interned:
    """``keys[n]`` is the tuple that has number n. Numbers stay the same from block to block."""

    keys: list[tuple[str, ...]] = field(default_factory=list)
    _numbers: dict[tuple[str, ...], int] = field(default_factory=dict)

    def number(self, key: tuple[str, ...]) -> int:
        """The number of one tuple, a new one if it is new."""
        known = self._numbers.get(key)
        if known is None:
            known = self._numbers[key] = len(self.keys)
            self.keys.append(key)
        return known

    def numbers(self, columns: Sequence[pa.Array | str], size: int) -> NDArray[np.int64]:
        """The number of each of ``size`` rows; a plain ``str`` column is a constant."""
        combined = np.zeros(size, np.int64)
        for column in columns:
            if isinstance(column, str):
                continue
            encoded = pc.dictionary_encode(column)
            combined = combined * len(encoded.dictionary) + encoded.indices.to_numpy().astype(np.int64)
            # Dense again after every column: a product of many dictionary sizes must not overflow.
            combined = np.unique(combined, return_inverse=True)[1].astype(np.int64)
        distinct, first, inverse = np.unique(combined, return_index=True, return_inverse=True)
        found = np.empty(distinct.size, np.int64)
        for place, row in enumerate(first):
            key = tuple(column if isinstance(column, str) else column[int(row)].as_py() for column in columns)
            found[place] = self.number(key)
        return found[inverse]

    def column(self, part: int, numbers: NDArray[np.int64]) -> pa.Array:
        """Part ``part`` of the tuples behind ``numbers``; the empty word becomes null."""
        return pa.array([key[part] or None for key in self.keys], pa.string()).take(pa.array(numbers))
