"""Time. UTC, half-open [since, until), microseconds. What does a window cover, and how is it written?"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import pyarrow as pa

TIMESTAMP = pa.timestamp("us", tz="UTC")
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
DAY = timedelta(days=1)
HOUR = timedelta(hours=1)
MICROSECOND = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True, order=True)
class Period:
    """A half-open UTC window [since, until)."""

    since: datetime
    until: datetime

    def __post_init__(self) -> None:
        if self.since.tzinfo is None or self.until.tzinfo is None:
            message = "a Period needs timezone-aware times; attach UTC"
            raise ValueError(message)
        if self.since > self.until:
            message = f"the window starts ({self.since}) after it ends ({self.until})"
            raise ValueError(message)

    @property
    def seconds(self) -> int:
        """Whole seconds covered."""
        return int((self.until - self.since).total_seconds())

    def overlap(self, other: Period) -> Period | None:
        """The common part, or None."""
        since, until = max(self.since, other.since), min(self.until, other.until)
        return Period(since, until) if since < until else None

    def days(self) -> Iterator[Period]:
        """The UTC days of the window, the first and last clipped to it."""
        start = self.since
        while start < self.until:
            end = min(midnight(start) + DAY, self.until)
            yield Period(start, end)
            start = end

    def __str__(self) -> str:
        return f"{iso(self.since)} to {iso(self.until)}"


def midnight(moment: datetime) -> datetime:
    """The start of the UTC day of ``moment``."""
    return moment.replace(hour=0, minute=0, second=0, microsecond=0)


def iso(moment: datetime) -> str:
    """``2026-11-01T00:00:00Z``; microseconds only when there are any."""
    return moment.astimezone(UTC).replace(tzinfo=None).isoformat() + "Z"


def micros(moment: datetime) -> int:
    """Microseconds since 1970, exact."""
    return (moment - EPOCH) // MICROSECOND


def from_micros(value: int) -> datetime:
    """The UTC time of a number of microseconds since 1970."""
    return EPOCH + timedelta(microseconds=value)


def parse_time(text: str, zone: str = "UTC") -> datetime:
    """An ISO date or time; a naive one is in ``zone``. Raises ValueError with the text in it."""
    moment = datetime.fromisoformat(text.strip().replace("Z", "+00:00"))
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=ZoneInfo(zone))
    return moment.astimezone(UTC)


def known_zone(name: str) -> str:
    """The name of a time zone. Raises ValueError for one that does not exist, before any time is read in it."""
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        message = f"there is no time zone {name!r}; write one such as Europe/Berlin or UTC"
        raise ValueError(message) from None
    return name


def posting_period(moment: datetime) -> str:
    """The month a row is posted to, ``2026-11``."""
    return moment.strftime("%Y-%m")


def month_of(day: date) -> str:
    """``2026-11`` for any day in it."""
    return f"{day.year:04d}-{day.month:02d}"
