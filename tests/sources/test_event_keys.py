"""Keys by content: the same whatever blocks a file comes in, against a plain count in Python."""

from __future__ import annotations

from hashlib import sha256

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from netyield.sources import event_keys
from netyield.sources.event_keys import ContentKeys, Newest, content

rows = st.lists(st.tuples(st.integers(0, 4), st.sampled_from("abc")), max_size=30)


def plain(events: list[tuple[int, str]]) -> list[str]:
    seen: dict[tuple[int, str], int] = {}
    keys = []
    for event in events:
        seen[event] = seen.get(event, 0) + 1
        keys.append(f"{sha256(text(event).encode()).hexdigest()[:32]}:{seen[event]}")
    return keys


def text(event: tuple[int, str]) -> str:
    return f"{event[0]}|{event[1]}"


def assigned(keys: ContentKeys, events: list[tuple[int, str]]) -> tuple[list[str], np.ndarray]:
    us = np.array([second for second, _ in events], np.int64)
    made, short = keys.assign(pa.array([text(event) for event in events], pa.string()), us)
    return made.to_pylist(), short


@given(rows, st.integers(1, 7))
def test_blocks_do_not_matter(events: list[tuple[int, str]], size: int) -> None:
    keys = ContentKeys()
    found = []
    for start in range(0, len(events), size):
        found += assigned(keys, events[start : start + size])[0]
    assert found == plain(events)


@given(rows, rows, st.booleans())
def test_a_cursor_stands_for_what_was_read(before: list[tuple[int, str]], after: list[tuple[int, str]], forget: bool) -> None:
    """With the newest rows remembered, or with too many of them to remember."""
    newest = Newest()
    short = assigned(ContentKeys(), before)[1] if before else np.empty(0, np.uint64)
    us = np.array([second for second, _ in before], np.int64)
    newest.add(short, us)
    if forget:
        newest.digests = None
    later = ContentKeys(lambda: iter([(short, us)]), newest.us, newest.digests)
    assert assigned(later, after)[0] == plain(before + after)[len(before) :]


def test_too_many_newest_rows_are_not_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(event_keys, "MOST_REMEMBERED", 2)
    newest = Newest()
    newest.add(np.array([1, 2, 3], np.uint64), np.array([9, 9, 9]))
    assert newest.digests is None
    newest.add(np.array([4], np.uint64), np.array([9]))
    assert newest.digests is None
    newest.add(np.array([5], np.uint64), np.array([10]))
    assert newest.digests == {"0000000000000005": 1}


def test_content_tells_empty_from_nothing_and_columns_apart() -> None:
    columns = {"b": pa.array(["", None, "x", "y"]), "a": pa.array(["x", "x", "", ""])}
    texts = content(columns).to_pylist()
    assert len(set(texts)) == 4
    assert content(dict(reversed(columns.items()))).to_pylist() == texts
