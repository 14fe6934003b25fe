"""Rows that cannot be booked: why, how many, and what may be shown of them?

A refused row is kept in quarantine with its mapped cells only, and only where they look like what they should be: a
row whose columns slipped may hold prompt text in any of them.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from netyield.core.finding import Finding
from netyield.sources.opened import Place, RejectedRow

NUMBER_OR_TIME = re.compile(r"[0-9TZ:+\-. /eE]{1,40}")
NAME = re.compile(r"[\w.:/@+#=\-]{1,128}")


class Refusals:
    """What is refused or remarked in one block of rows. ``numbers``: their lines; ``record``: the cells of one row."""

    def __init__(self, place: Place, numbers: NDArray[np.int64], record: Callable[[int], Mapping[str, Any]]) -> None:
        self.place = place
        self.numbers = numbers
        self.record = record
        self.bad = np.zeros(numbers.size, bool)
        self.rejected: list[RejectedRow] = []
        self.findings: list[Finding] = []

    def refuse(
        self, mask: NDArray[np.bool_], code: str, message: str, repair: str, *,
        reasons: pa.Array | None = None, warning: bool = False,
    ) -> None:
        """Put the rows of ``mask`` that still stand into quarantine. ``reasons`` says more about each row."""
        places = np.flatnonzero(mask & ~self.bad)
        if not places.size:
            return
        self.bad[places] = True
        full = f"{self.place.code}.{code}"
        for at in places.tolist():
            said = message if reasons is None or reasons[at].as_py() is None else f"{message}: {reasons[at].as_py()}"
            self.rejected.append((int(self.numbers[at]), full, said, self.record(at)))
        first = int(self.numbers[places].min())
        make = self.place.warning if warning else self.place.error
        self.findings.append(make(code, self.rejected[-places.size][2], repair, first, int(places.size)))

    def remark(self, mask: NDArray[np.bool_], code: str, message: str, repair: str, *, info: bool = False) -> None:
        """A doubt about rows that are booked."""
        places = np.flatnonzero(mask & ~self.bad)
        if places.size:
            make = self.place.info if info else self.place.warning
            self.findings.append(make(code, message, repair, int(self.numbers[places].min()), int(places.size)))

    @property
    def good(self) -> pa.Array:
        """The rows that stand."""
        return pa.array(~self.bad)


def shown(value: object, *, number: bool) -> object:
    """A cell as it may stand in quarantine: itself when it looks like a number, time or name, else its length."""
    if value is None or value == "" or isinstance(value, int | float):
        return value
    text = str(value)
    pattern = NUMBER_OR_TIME if number else NAME
    return text if pattern.fullmatch(text) else f"<text of {len(text)} characters>"
