"""When did each event happen, and which rows say something no clock can mean?"""

from __future__ import annotations

from datetime import datetime, timedelta

import pyarrow as pa

from netyield.core.period import micros
from netyield.sources.event_columns import Times, TimeUnit, times
from netyield.sources.refusals import Refusals

FUTURE = timedelta(days=1)
EARLIEST_US = 946_684_800_000_000  # 2000-01-01: before it the unit of the times is wrong


def start_times(column: pa.Array, unit: TimeUnit, zone: str, now: datetime, refusals: Refusals) -> Times:
    """The times of a block; rows without one, before 2000 or more than a day after ``now`` are refused."""
    start = times(column, unit, zone)
    repair = "Check the time column, time_unit and timezone of the source."
    refusals.refuse(~start.given, "no_time", "the row has no time", repair)
    unreadable = ~start.good | (start.us < EARLIEST_US)
    refusals.refuse(unreadable, "bad_time", "the time cannot be read or is before 2000", repair)
    ahead = start.us > micros(now + FUTURE)
    message = "the time lies more than a day ahead"
    refusals.refuse(ahead, "future_time", message, "Check the clock that wrote it, and time_unit.", warning=True)
    message = "the clock of this zone showed this time twice or never; the first pass was taken"
    refusals.remark(start.doubtful, "doubtful_time", message, "Log times in UTC or with their offset.")
    return start
