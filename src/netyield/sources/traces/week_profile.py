"""How busy is each hour of the week, against the recording? A profile from a CSV of ``hour_of_week`` and ``times``."""

from __future__ import annotations

import csv
import io
import math
from pathlib import Path

from netyield.core.errors import SourceError, WrongUse

WEEK_HOURS = 168
REPAIR = "give hour_of_week (0 to 167, from Monday 00:00) and times (1 = as busy as the recording) for every hour."


def read_week(path: Path) -> list[float]:
    """168 factors, Monday 00:00 first. Raises WrongUse for a file that cannot be read, SourceError with the row otherwise."""
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        message = f"the week {str(path)!r} cannot be read ({error});"
        raise WrongUse(message, "correct the path.") from None
    reader = csv.DictReader(io.StringIO(text, newline=""))
    found: dict[int, float] = {}
    for record in reader:
        try:
            hour, times = int(record["hour_of_week"]), float(record["times"])
        except (KeyError, TypeError, ValueError):
            hour, times = -1, 0.0
        if not 0 <= hour < WEEK_HOURS or hour in found or not 0 <= times < math.inf:
            message = f"{path.name}:{reader.line_num} is no hour of a week with a factor of 0 or more, or comes twice;"
            raise SourceError(message, REPAIR)
        found[hour] = times
    missing = next((hour for hour in range(WEEK_HOURS) if hour not in found), None)
    if missing is not None:
        message = f"{path.name} lacks hour {missing} of the week;"
        raise SourceError(message, REPAIR)
    return [found[hour] for hour in range(WEEK_HOURS)]
