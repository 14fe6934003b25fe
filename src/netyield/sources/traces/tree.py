"""Which node of the prefix tree does each block access touch? Ids become dense numbers and know their predecessor.

A chained id (equal id means equal whole prefix) must always follow the same id; then it names the node. A content id
(equal id means equal text, wherever it stands) does not: the node is the pair (node before, id).
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from netyield.core.compiled import compiled
from netyield.sources.traces.trace import Int32, Int64

LOOKUP_ROOM = 4  # ids whose range is at most this many times their number are numbered by a table, without hashing
SMALLEST_TABLE = 1 << 12
MIX = np.uint64(0x9E3779B97F4A7C15)  # the golden ratio in 64 bits (Knuth's multiplicative hashing)


class Chain(NamedTuple):
    """``parent`` of each number; how many accesses follow another id than before, and the first of them (-1: none)."""

    parent: Int32
    breaks: int
    first_break: int


class Tree(NamedTuple):
    """The node of every access, and the parent of every node (-1 for a root)."""

    nodes: Int32
    parent: Int32


def numbered(ids: Int64) -> Int32:
    """Every id as a number from 0, counted by first appearance."""
    if not len(ids):
        return np.zeros(0, np.int32)
    low, high = int(ids.min()), int(ids.max())
    if high - low < LOOKUP_ROOM * len(ids) + SMALLEST_TABLE:
        return _by_lookup(ids, low, high - low + 1)
    return _by_hash(ids, SMALLEST_TABLE)


def chain(numbers: Int32, first: Int64) -> Chain:
    """Does every id always follow the same id?"""
    count = int(numbers.max()) + 1 if len(numbers) else 0
    parent, breaks, first_break = _predecessors(numbers, first, count)
    return Chain(parent, int(breaks), int(first_break))


def tree_of_content(numbers: Int32, first: Int64) -> Tree:
    """The prefix tree over content ids: a node is (node before, id)."""
    nodes, parent = _by_pair(numbers, first, SMALLEST_TABLE)
    return Tree(nodes, parent)


@compiled
def _by_lookup(ids: Int64, low: int, size: int) -> Int32:
    seen = np.full(size, -1, np.int32)
    numbers = np.empty(len(ids), np.int32)
    count = 0
    for i in range(len(ids)):
        place = ids[i] - low
        number = seen[place]
        if number < 0:
            number = count
            seen[place] = number
            count += 1
        numbers[i] = number
    return numbers


@compiled
def _by_hash(ids: Int64, room: int) -> Int32:
    keys = np.zeros(room, np.int64)
    held = np.full(room, -1, np.int32)
    numbers = np.empty(len(ids), np.int32)
    count = 0
    mask = np.uint64(room - 1)
    for i in range(len(ids)):
        key = ids[i]
        mixed = np.uint64(key) * MIX
        place = (mixed ^ (mixed >> np.uint64(32))) & mask
        while held[place] >= 0 and keys[place] != key:
            place = (place + np.uint64(1)) & mask
        if held[place] < 0:
            keys[place] = key
            held[place] = count
            count += 1
            numbers[i] = count - 1
            if count * 2 > room:
                room *= 2
                mask = np.uint64(room - 1)
                new_keys = np.zeros(room, np.int64)
                new_held = np.full(room, -1, np.int32)
                for old in range(len(held)):
                    if held[old] >= 0:
                        mixed = np.uint64(keys[old]) * MIX
                        place = (mixed ^ (mixed >> np.uint64(32))) & mask
                        while new_held[place] >= 0:
                            place = (place + np.uint64(1)) & mask
                        new_keys[place] = keys[old]
                        new_held[place] = held[old]
                keys, held = new_keys, new_held
        else:
            numbers[i] = held[place]
    return numbers


@compiled
def _predecessors(numbers: Int32, first: Int64, count: int) -> tuple[Int32, int, int]:
    parent = np.full(count, -2, np.int32)
    breaks = 0
    first_break = -1
    for r in range(len(first) - 1):
        before = np.int32(-1)
        for i in range(first[r], first[r + 1]):
            number = numbers[i]
            if parent[number] == -2:
                parent[number] = before
            elif parent[number] != before:
                if breaks == 0:
                    first_break = i
                breaks += 1
            before = number
    return parent, breaks, first_break


@compiled
def _by_pair(numbers: Int32, first: Int64, room: int) -> tuple[Int32, Int32]:
    nodes = np.empty(len(numbers), np.int32)
    parent = np.empty(len(numbers), np.int32)
    content = np.empty(len(numbers), np.int32)
    table = np.full(room, -1, np.int32)
    mask = np.uint64(room - 1)
    count = 0
    for r in range(len(first) - 1):
        before = np.int32(-1)
        for i in range(first[r], first[r + 1]):
            number = numbers[i]
            mixed = (np.uint64(before + 1) * np.uint64(0x100000001B3) + np.uint64(number)) * MIX
            place = (mixed ^ (mixed >> np.uint64(29))) & mask
            node = table[place]
            while node >= 0 and (parent[node] != before or content[node] != number):
                place = (place + np.uint64(1)) & mask
                node = table[place]
            if node < 0:
                node = np.int32(count)
                table[place] = node
                parent[node] = before
                content[node] = number
                count += 1
                if count * 2 > room:
                    room *= 2
                    mask = np.uint64(room - 1)
                    table = np.full(room, -1, np.int32)
                    for old in range(count):
                        mixed = (
                            np.uint64(parent[old] + 1) * np.uint64(0x100000001B3) + np.uint64(content[old])
                        ) * MIX
                        place = (mixed ^ (mixed >> np.uint64(29))) & mask
                        while table[place] >= 0:
                            place = (place + np.uint64(1)) & mask
                        table[place] = np.int32(old)
            nodes[i] = node
            before = node
    return nodes, parent[:count].copy()
