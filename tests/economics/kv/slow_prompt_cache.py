"""A plainly written prompt cache: prefixes in a dictionary, no arrays, and every plan tried. The tests' reference."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations, pairwise, product

Path = tuple[int, ...]


@dataclass(frozen=True)
class Rule:
    """Times in any one unit; ``lookback`` counts the mark's own place, None is without limit."""

    minimum: int
    lookback: int | None
    lifetimes: tuple[int, ...]
    after: int = 0


@dataclass
class Entry:
    ready: int
    used: int
    life: int


def prefix_tokens(path: Path, tokens: int, size: int, depth: int) -> int:
    return depth * size if depth < len(path) else (len(path) - 1) * size + max(1, tokens - (len(path) - 1) * size)


def replay(
    requests: Sequence[tuple[int, Path, int]],
    size: int,
    rule: Rule,
    marks: Sequence[tuple[int, int]],
    moving: str = "",
    moving_life: int = 0,
) -> tuple[int, list[int], int]:
    """(read, written per lifetime, computed). ``requests``: (time, path, input tokens). ``marks``: (depth, lifetime)."""
    entries: dict[Path, Entry] = {}
    read, written, computed = 0, [0] * len(rule.lifetimes), 0
    for now, path, tokens in requests:

        def alive(prefix: Path, now: int = now) -> bool:
            entry = entries.get(prefix)
            return entry is not None and entry.ready <= now <= entry.used + rule.lifetimes[entry.life]

        wanted = {depth: life for depth, life in marks if depth <= len(path)}
        if moving and path:
            end = len(path)
            full = prefix_tokens(path, tokens, size, end) == end * size
            if moving == "full" and not full:
                end -= 1
            if end and end > max(wanted, default=0):
                wanted[end] = moving_life
        places = sorted(d for d in wanted if prefix_tokens(path, tokens, size, d) >= rule.minimum)
        visible: set[int] = set()
        for place in places:
            low = 1 if rule.lookback is None else max(1, place - max(1, rule.lookback) + 1)
            visible |= set(range(low, place + 1))
        hit = max((depth for depth in visible if alive(path[:depth])), default=0)
        for depth in range(1, hit + 1):
            if alive(path[:depth]):
                entries[path[:depth]].used = now
        before = prefix_tokens(path, tokens, size, hit) if hit else 0
        read += before
        left = tokens - before
        for place in places:
            if place <= hit:
                continue
            upto = prefix_tokens(path, tokens, size, place)
            written[wanted[place]] += upto - before
            left -= upto - before
            before = upto
            held = entries.get(path[:place])
            living = held is not None and now <= held.used + rule.lifetimes[held.life]
            ready = min(held.ready, now + rule.after) if held is not None and living else now + rule.after
            entries[path[:place]] = Entry(ready, now, wanted[place])
        computed += left
    return read, written, computed


def plans(deepest: int, breakpoints: int, lifetimes: int) -> Iterator[tuple[list[tuple[int, int]], str, int]]:
    """Every plan over every depth: marks, moving mark, its lifetime; a deeper mark never lives longer."""
    for count in range(breakpoints + 1):
        for depths in combinations(range(1, deepest + 1), count):
            for moving in ("", "full", "last"):
                total = count + bool(moving)
                if total > breakpoints:
                    continue
                for lives in product(range(lifetimes), repeat=total):
                    if all(a >= b for a, b in pairwise(lives)):
                        yield list(zip(depths, lives, strict=False)), moving, lives[-1] if moving else 0


def cost(counts: tuple[int, list[int], int], read_rate: float, write_rates: Sequence[float], plain: float) -> float:
    read, written, computed = counts
    return read * read_rate + sum(w * rate for w, rate in zip(written, write_rates, strict=True)) + computed * plain


def cheapest(
    requests: Sequence[tuple[int, Path, int]],
    size: int,
    rule: Rule,
    breakpoints: int,
    read_rate: float,
    write_rates: Sequence[float],
    plain: float,
) -> float:
    """The least any single plan costs these requests."""
    deepest = max(len(path) for _, path, _ in requests)
    return min(
        cost(replay(requests, size, rule, marks, moving, life), read_rate, write_rates, plain)
        for marks, moving, life in plans(deepest, breakpoints, len(rule.lifetimes))
    )  # fmt: skip
