"""Prometheus text format 0.0.4 and OpenMetrics 1.0: which samples does a text hold, and which lines are wrong?

A small strict parser of our own: the ``prometheus_client`` parsers stop at the first bad line, while here one bad
line is a fault with its row and every other line is kept. A text whose last line is ``# EOF`` is OpenMetrics
(timestamps in seconds, exemplars allowed); any other is 0.0.4 (timestamps in milliseconds).

Formats: prometheus.io/docs/instrumenting/exposition_formats and the OpenMetrics 1.0 specification; quoted names in
braces are those of Prometheus 3.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal

NAME = r"[a-zA-Z_:][a-zA-Z0-9_:]*"
QUOTED = r'"(?:[^"\\]|\\.)*"'
LINE = re.compile(
    rf"(?P<name>{NAME})?[ \t]*(?P<labels>\{{(?:[^\"}}]|{QUOTED})*\}})?[ \t]*"
    r"(?P<value>[^\s#{}\"]+)(?:[ \t]+(?P<time>[^\s#]+))?(?P<exemplar>[ \t]+#[ \t].*)?[ \t]*"
)
LABEL = re.compile(rf"[ \t]*(?:(?P<key>{NAME})|(?P<quoted>{QUOTED}))[ \t]*(?:=[ \t]*(?P<value>{QUOTED}))?[ \t]*")
NUMBER = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?|[+-]?(?:inf|infinity)|nan", re.IGNORECASE)
WHOLE = re.compile(r"[+-]?[0-9]+")
ESCAPE = re.compile(r"\\(.)")
ESCAPES = {"\\": "\\", '"': '"', "n": "\n"}
MAX_MICROSECONDS = 2**62


@dataclass(frozen=True, slots=True)
class TextSample:
    """One sample line. ``time_us`` is microseconds since 1970, or None when the line has no timestamp."""

    name: str
    labels: Mapping[str, str]
    value: float
    time_us: int | None
    row: int


@dataclass(frozen=True, slots=True)
class Fault:
    """One line that cannot be read: its row (1-based) and why."""

    row: int
    reason: str


@dataclass(slots=True)
class Exposition:
    """A whole text: samples in order, what is said about each family, and the faults."""

    openmetrics: bool
    samples: list[TextSample] = field(default_factory=list)
    types: dict[str, str] = field(default_factory=dict)
    helps: dict[str, str] = field(default_factory=dict)
    units: dict[str, str] = field(default_factory=dict)
    faults: list[Fault] = field(default_factory=list)


class _Wrong(ValueError):
    """The reason one line cannot be read."""


def parse(text: str) -> Exposition:
    """Every sample of ``text``; lines that cannot be read become faults and the rest is kept."""
    lines = text.split("\n")
    last = next((line.strip() for line in reversed(lines) if line.strip()), "")
    found = Exposition(openmetrics=last == "# EOF")
    seen_labels: dict[str, tuple[str | None, dict[str, str]]] = {}
    heads: dict[str, tuple[str, Mapping[str, str]]] = {}
    ended = False
    for row, raw in enumerate(lines, start=1):
        line = raw.strip(" \t\r")
        if not line:
            continue
        if line.startswith("#"):
            ended = ended or (found.openmetrics and line == "# EOF")
            _comment(line, found)
            continue
        try:
            if ended:
                reason = "a line stands after # EOF"
                raise _Wrong(reason)
            sample = _known(line, row, found.openmetrics, heads)
            if sample is None:
                sample = _sample(line, row, found.openmetrics, seen_labels)
                heads[line.rpartition("}")[0]] = sample.name, sample.labels
            found.samples.append(sample)
        except _Wrong as wrong:
            found.faults.append(Fault(row, str(wrong)))
    return found


def _known(line: str, row: int, openmetrics: bool, heads: Mapping[str, tuple[str, Mapping[str, str]]]) -> TextSample | None:
    """The plain case, without regular expressions: a series seen before, an ordinary number, whole-number time.

    A scraped file repeats each series thousands of times; anything unusual is left to the strict parser.
    """
    head, brace, tail = line.rpartition("}")
    series = heads.get(head) if brace else None
    words = tail.split()
    if series is None or len(words) != 2 or not tail.isascii() or "_" in tail:
        return None
    value, moment = words
    if not moment.isdigit() or len(moment) > 15:
        return None
    try:
        number = float(value)
    except ValueError:
        return None
    time_us = int(moment) * (1_000_000 if openmetrics else 1_000)
    return TextSample(series[0], series[1], number, time_us, row) if time_us < MAX_MICROSECONDS else None


def _comment(line: str, found: Exposition) -> None:
    parts = line.split(None, 3)
    if len(parts) < 3 or parts[0] != "#":
        return
    rest = parts[3] if len(parts) > 3 else ""
    if parts[1] == "TYPE":
        found.types[parts[2]] = rest.strip()
    elif parts[1] == "HELP":
        found.helps[parts[2]] = rest
    elif parts[1] == "UNIT":
        found.units[parts[2]] = rest.strip()


def _sample(line: str, row: int, openmetrics: bool, cache: dict[str, tuple[str | None, dict[str, str]]]) -> TextSample:
    match = LINE.fullmatch(line)
    if match is None or not (match["name"] or match["labels"]):
        reason = "not of the form name{label=\"value\"} number [timestamp]"
        raise _Wrong(reason)
    if match["exemplar"] and not openmetrics:
        reason = "an exemplar is only known in OpenMetrics (the text does not end with # EOF)"
        raise _Wrong(reason)
    name: str = match["name"] or ""
    labels: dict[str, str] = {}
    if match["labels"]:
        # The same label set stands on many lines of one text: parse it once.
        if match["labels"] not in cache:
            cache[match["labels"]] = _labels(match["labels"][1:-1])
        quoted_name, labels = cache[match["labels"]]
        if bool(name) == bool(quoted_name):
            reason = "the line has two metric names" if name else "the line has no metric name"
            raise _Wrong(reason)
        name = name or quoted_name or ""
    return TextSample(name, labels, _number(match["value"]), _time(match["time"], openmetrics), row)


def _labels(text: str) -> tuple[str | None, dict[str, str]]:
    """The quoted metric name inside the braces, if any, and the labels."""
    name: str | None = None
    labels: dict[str, str] = {}
    place = 0
    while place < len(text):
        match = LABEL.match(text, place)
        if match is None:
            if not text[place:].strip(" \t"):
                break
            reason = f"labels cannot be read at {text[place:place + 20]!r}"
            raise _Wrong(reason)
        key = match["key"] or _unquote(match["quoted"])
        if match["value"] is None:
            if match["quoted"] is None or name is not None:
                reason = f"label {key!r} has no value"
                raise _Wrong(reason)
            name = key
        elif key in labels:
            reason = f"label {key!r} stands twice"
            raise _Wrong(reason)
        else:
            labels[key] = _unquote(match["value"])
        place = match.end()
        if place < len(text):
            if text[place] != ",":
                reason = f"labels cannot be read at {text[place:place + 20]!r}"
                raise _Wrong(reason)
            place += 1
    return name, labels


def _unquote(quoted: str) -> str:
    def replace(match: re.Match[str]) -> str:
        if match[1] not in ESCAPES:
            reason = f"unknown escape \\{match[1]}"
            raise _Wrong(reason)
        return ESCAPES[match[1]]

    inner = quoted[1:-1]
    return ESCAPE.sub(replace, inner) if "\\" in inner else inner


def _number(text: str) -> float:
    if NUMBER.fullmatch(text) is None:
        reason = f"{text!r} is not a number"
        raise _Wrong(reason)
    return float(text)


def _time(text: str | None, openmetrics: bool) -> int | None:
    """Microseconds: from seconds with a fraction (OpenMetrics) or from whole milliseconds (0.0.4)."""
    if text is None:
        return None
    known = NUMBER if openmetrics else WHOLE
    if known.fullmatch(text) is None:
        reason = f"timestamp {text!r} is not in {'seconds' if openmetrics else 'whole milliseconds'}"
        raise _Wrong(reason)
    scale = 1_000_000 if openmetrics else 1_000
    # Bounded as a float first: an exponent of millions must not become an integer of millions of digits.
    if not abs(float(text)) * scale < MAX_MICROSECONDS:
        reason = f"timestamp {text!r} is out of range"
        raise _Wrong(reason)
    return int(Decimal(text) * scale)
