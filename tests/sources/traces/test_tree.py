"""Numbering, the check of the chain and the tree of content ids, against plain dictionaries."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from netyield.sources.traces.columns import starts
from netyield.sources.traces.tree import chain, numbered, tree_of_content

close = st.integers(-3, 12)
far = st.integers(-(2**63), 2**63 - 1)
paths = st.lists(st.lists(close | far, max_size=9), max_size=30)


def arrays(requests: list[list[int]]) -> tuple[np.ndarray, np.ndarray]:  # type: ignore[type-arg]
    ids = np.array([i for request in requests for i in request], np.int64)
    return ids, starts(np.array([len(request) for request in requests], np.int64))


@settings(max_examples=200, deadline=None)
@given(paths)
def test_numbers_by_first_appearance(requests: list[list[int]]) -> None:
    ids, _ = arrays(requests)
    seen: dict[int, int] = {}
    assert numbered(ids).tolist() == [seen.setdefault(i, len(seen)) for i in ids.tolist()]


def test_many_scattered_numbers() -> None:
    random = np.random.default_rng(7)
    pool = random.integers(-(2**63), 2**63 - 1, 30_000)
    ids = pool[random.integers(0, len(pool), 120_000)]
    _, where, which = np.unique(ids, return_index=True, return_inverse=True)
    assert (numbered(ids) == np.argsort(np.argsort(where))[which]).all()
    names = np.array([3, 5, 2**62, -9])[random.integers(0, 4, 60_000)]
    first = np.arange(0, 60_001, 20)
    nodes, parent = tree_of_content(numbered(names), first)
    paths = {tuple(names[a : a + d + 1].tolist()) for a in first[:-1] for d in range(20)}
    assert len(parent) == len(paths)
    assert int(nodes.max()) == len(paths) - 1


@settings(max_examples=200, deadline=None)
@given(paths)
def test_content_tree_is_the_tree_of_paths(requests: list[list[int]]) -> None:
    ids, first = arrays(requests)
    nodes, parent = tree_of_content(numbered(ids), first)
    seen: dict[tuple[int, ...], int] = {}
    expected, parents = [], []
    for request in requests:
        for depth in range(len(request)):
            path = tuple(request[: depth + 1])
            if path not in seen:
                seen[path] = len(seen)
                parents.append(seen[path[:-1]] if depth else -1)
            expected.append(seen[path])
    assert nodes.tolist() == expected
    assert parent.tolist() == parents


@settings(max_examples=200, deadline=None)
@given(paths)
def test_chained_ids_have_no_breaks_and_give_the_same_tree(requests: list[list[int]]) -> None:
    names: dict[tuple[int, ...], int] = {}
    chained = [[names.setdefault(tuple(r[: d + 1]), 7 + len(names)) for d in range(len(r))] for r in requests]
    ids, first = arrays(chained)
    links = chain(numbered(ids), first)
    assert (links.breaks, links.first_break) == (0, -1)
    content = tree_of_content(numbered(arrays(requests)[0]), first)
    assert links.parent.tolist() == content.parent.tolist()
    assert numbered(ids).tolist() == content.nodes.tolist()


@settings(max_examples=200, deadline=None)
@given(paths)
def test_breaks_are_counted(requests: list[list[int]]) -> None:
    ids, first = arrays(requests)
    before: dict[int, int | None] = {}
    breaks = [
        int(first[r]) + d
        for r, request in enumerate(requests)
        for d, one in enumerate(request)
        if before.setdefault(one, request[d - 1] if d else None) != (request[d - 1] if d else None)
    ]
    links = chain(numbered(ids), first)
    assert (links.breaks, links.first_break) == (len(breaks), breaks[0] if breaks else -1)
