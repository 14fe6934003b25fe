"""PromQL, written so that no sample is invented or lost.

Windows are [start, end) in milliseconds. A range selector at ``end`` - 1 ms reaches back over the whole window;
Prometheus 2 also returns a sample exactly at its left edge, which belongs to the window before: raw readers drop it
by its time, aggregates ask for 1 ms less. ``query_range`` is used only over aggregates of range selectors, which never
look back; a bare one repeats the last sample for five minutes.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence

_REGEX_SPECIAL = re.compile(r"([\\.+*?()|\[\]{}^$])")


def quoted(text: str) -> str:
    """A PromQL string."""
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n") + '"'


def any_of(values: Iterable[str]) -> str:
    """A PromQL string holding a regular expression that matches exactly these values."""
    return quoted("|".join(_REGEX_SPECIAL.sub(r"\\\1", value) for value in values))


def selector(names: Sequence[str], matchers: Sequence[str] = ()) -> str:
    """The series with one of these metric names and all these matchers."""
    name = f"__name__={quoted(names[0])}" if len(names) == 1 else f"__name__=~{any_of(names)}"
    return "{" + ",".join([name, *matchers]) + "}"


def seconds(moment_ms: int) -> str:
    """A time as the API takes it, exact to the millisecond."""
    return f"{moment_ms // 1000}.{moment_ms % 1000:03d}"


def samples_in(series: str, start_ms: int, end_ms: int) -> dict[str, str]:
    """Parameters of an instant query that returns every sample of [start, end), and on some servers one before."""
    return {"query": f"{series}[{end_ms - start_ms}ms]", "time": seconds(end_ms - 1)}


def aggregate_in(function: str, series: str, start_ms: int, end_ms: int, closed_left: bool) -> dict[str, str]:
    """Parameters of an instant query: ``function`` over the samples of [start, end)."""
    span = end_ms - start_ms - (1 if closed_left else 0)
    return {"query": f"{function}({series}[{span}ms])", "time": seconds(end_ms - 1)}


def aggregate_windows(
    function: str, series: str, start_ms: int, end_ms: int, window_ms: int, closed_left: bool
) -> dict[str, str]:
    """Parameters of a range query: ``function`` over each of the windows of [start, end), none overlapping. The
    answer for the window that starts at t carries the time t + window - 1 ms."""
    span = window_ms - (1 if closed_left else 0)
    return {
        "query": f"{function}({series}[{span}ms])",
        "start": seconds(start_ms + window_ms - 1),
        "end": seconds(end_ms - 1),
        "step": seconds(window_ms),
    }


def batches(values: Iterable[str], size: int = 100) -> Iterator[list[str]]:
    """The distinct values, sorted, in lists short enough for one matcher."""
    ordered = sorted(set(values))
    for first in range(0, len(ordered), size):
        yield ordered[first : first + size]
