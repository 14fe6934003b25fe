"""ServeGen's clients (alibaba/ServeGen): no requests, but how they come, window by window; requests are drawn from it.

``chunk-N-trace.csv``, no header: second, requests a second, variation of the gaps, Gamma or Weibull, shape and scale.
``chunk-N-dataset.json`` beside it: by second, the chances of input and output lengths. Within a window gaps are drawn from
the client's distribution, at its shape and the window's rate; lengths are drawn each by itself. All from one seed.
"""

from __future__ import annotations

import ast
import csv
import io
import json
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from netyield.core.finding import Finding, Severity
from netyield.sources.traces.columns import Columns
from netyield.sources.traces.prefix_jsonl import refused_lines
from netyield.sources.traces.trace import Identity, Int64

TRACES = "chunk-*-trace.csv"
WINDOW_S = 600
MOST_REQUESTS = 20_000_000
SEED = 0
LEAST_SHAPE, MOST_TIMES = 0.05, 20
Floats = NDArray[np.float64]


class Window(NamedTuple):
    """Requests of a client from a second on: their rate and the shape of the distribution of their gaps."""

    start_s: int
    rate: float
    pattern: str
    shape: float


def parse(paths: Sequence[Path]) -> Columns:
    """Requests drawn for these clients, in order of time, as many as fit below MOST_REQUESTS."""
    findings: list[Finding] = []
    clients = [_windows(path, findings) for path in paths]
    until, cut = _horizon(clients)
    rng = np.random.default_rng(SEED)
    drawn = [_drawn(path, windows, until, rng, findings) for path, windows in zip(paths, clients, strict=True)]
    tenant = np.concatenate([np.full(len(one), number, np.int32) for number, one in enumerate(drawn)])
    rows = np.concatenate(drawn) if drawn else np.zeros((0, 3), np.int64)
    order = np.argsort(rows[:, 0], kind="stable")
    rows, nothing = rows[order], np.zeros(len(rows), np.int32)
    found = Columns(
        "servegen", Identity.NONE, 1, rows[:, 0], rows[:, 1], rows[:, 2], np.zeros(len(rows) + 1, np.int64), np.zeros(0, np.int64),
        np.arange(1, len(rows) + 1, dtype=np.int64), tenant[order], nothing, tuple(path.stem for path in paths),
        block_tokens=nothing, last_tokens=nothing,
        notes=[f"requests drawn from the distributions of {len(paths)} ServeGen clients (seed {SEED}), not recorded"],
    )  # fmt: skip
    found.findings = [*findings, *_about(paths[0].parent.name, len(rows), until if cut else None)]
    return found


def _about(file: str, requests: int, until: int | None) -> list[Finding]:
    message = "the file tells distributions, not requests; these were drawn from it, and have no blocks to reuse."
    found = [Finding("trace.regenerated", Severity.WARNING, message, "Give recorded requests to judge recorded ones.", file)]
    if until is not None:
        message = f"only the first {until / 3600:,.0f} hours are taken: more would be over {MOST_REQUESTS:,} requests."
        found.append(Finding("trace.cut", Severity.WARNING, message, "Give fewer clients, or their files cut to a week.", file))
    if not requests:
        message = "no client has a rate and lengths, so that no request comes."
        repair = "Give the folder with both chunk-N-trace.csv and chunk-N-dataset.json."
        found.append(Finding("trace.empty", Severity.ERROR, message, repair, file))
    return found


def _windows(path: Path, findings: list[Finding]) -> list[Window]:
    found, refused = [], []
    text = path.read_text(encoding="utf-8-sig", errors="replace")
    for row, cells in enumerate(csv.reader(io.StringIO(text, newline="")), 1):
        if not cells or (row == 1 and cells[0] == "t_s") or (len(cells) == 6 and not cells[3]):
            continue  # a header, or a window in which nothing came
        try:
            start, rate, _, pattern, shape, _ = cells
            window = Window(int(start), float(rate), pattern, float(shape))
            if pattern not in ("Gamma", "Weibull") or not 0 < window.shape < 1e6 or not 0 <= window.rate < 1e9:
                raise ValueError
        except ValueError:
            refused.append((row, "it is no window of second, rate, variation, Gamma or Weibull, shape and scale"))
        else:
            found.append(window)
    findings += refused_lines(refused, path.name)
    return sorted(found)


def _horizon(clients: Sequence[Sequence[Window]]) -> tuple[int, bool]:
    """The second until which requests are drawn, and whether that is before the end."""
    expected: dict[int, float] = {}
    for window in (each for one in clients for each in one):
        expected[window.start_s] = expected.get(window.start_s, 0.0) + window.rate * WINDOW_S
    total = 0.0
    for start in sorted(expected):
        total += expected[start]
        if total > MOST_REQUESTS:
            return start, True
    return max(expected, default=0) + WINDOW_S, False


def _drawn(path: Path, windows: Sequence[Window], until: int, rng: np.random.Generator, findings: list[Finding]) -> Int64:
    """(microsecond, input, output) of each request of a client."""
    lengths = _lengths(path, findings) if windows else {}
    parts = [np.zeros((0, 3), np.int64)]
    for window in windows:
        known = [second for second in lengths if second <= window.start_s]
        if window.start_s >= until or window.rate <= 0 or not lengths:
            continue
        arrival = window.start_s + _arrivals(window, rng)
        inputs, outputs = lengths[max(known) if known else min(lengths)]
        columns = (np.rint(arrival * 1e6), *(rng.choice(values, len(arrival), p=chances) for values, chances in (inputs, outputs)))
        parts.append(np.stack([np.asarray(each, np.int64) for each in columns], axis=1))
    return np.concatenate(parts)


def _arrivals(window: Window, rng: np.random.Generator) -> Floats:
    """Seconds from the start of a window, of gaps whose mean is that of the rate; the first gap is cut at random.

    A distribution so uneven that it makes MOST_TIMES as many requests as its rate says is stopped there.
    """
    gamma = window.pattern == "Gamma"
    mean = window.shape if gamma else math.gamma(1 + 1 / max(window.shape, LEAST_SHAPE))
    count = int(window.rate * WINDOW_S) + 16
    found, total = [np.zeros(0)], -rng.random() / window.rate
    while total < WINDOW_S and len(found) <= MOST_TIMES:
        gaps = rng.gamma(window.shape, size=count) if gamma else rng.weibull(max(window.shape, LEAST_SHAPE), count)
        times = total + np.cumsum(gaps / (mean * window.rate))
        found.append(times)
        total = float(times[-1])
    times = np.concatenate(found)
    return times[(times >= 0) & (times < WINDOW_S)]


def _lengths(path: Path, findings: list[Finding]) -> dict[int, tuple[Any, Any]]:
    """By second: values and chances of the input, and of the output."""
    beside = path.with_name(path.name.replace("-trace.csv", "-dataset.json"))
    try:
        record = json.loads(beside.read_text(encoding="utf-8"))
        found = {int(second): _fields(fields) for second, fields in record.items()}
    except (OSError, ValueError, KeyError, TypeError, AttributeError, SyntaxError) as error:
        message = f"the client's lengths cannot be read from {beside.name} ({type(error).__name__}); its requests are left out."
        repair = "Give the folder with chunk-N-dataset.json beside chunk-N-trace.csv."
        findings.append(Finding("trace.no_lengths", Severity.ERROR, message, repair, path.name))
        return {}
    return {second: fields for second, fields in found.items() if fields}


def _fields(fields: dict[str, Any]) -> tuple[Any, Any] | None:
    inputs, outputs = _chances(fields["input_tokens"]), _chances(fields["output_tokens"])
    return (inputs, outputs) if inputs and outputs else None


def _chances(told: Any) -> tuple[Int64, Floats] | None:
    """Lengths and their chances from ``{100: 0.5, 200: 0.5}``, as a mapping or as its text."""
    record = ast.literal_eval(told) if isinstance(told, str) else told
    if not record:
        return None
    values = np.array([int(each) for each in record], np.int64)
    chances = np.array([float(each) for each in record.values()])
    if (values < 0).any() or (chances < 0).any() or not chances.sum() > 0:
        message = "a length or a chance is negative"
        raise ValueError(message)
    return values, chances / chances.sum()
