"""Queues over numbered blocks that lose any member in one step: doubly linked lists in two arrays.

Node numbers come first, one sentinel per list after them. ``newer[sentinel]`` is a list's oldest member and
``older[sentinel]`` its newest, so an empty list is a sentinel that points to itself.
"""

from __future__ import annotations

import numpy as np

from netyield.core.compiled import compiled
from netyield.sources.traces.trace import Int32


@compiled
def empty_lists(node_count: int, lists: int) -> tuple[Int32, Int32]:
    """(newer, older) with every list empty; list k has the sentinel ``node_count + k``."""
    newer, older = np.empty(node_count + lists, np.int32), np.empty(node_count + lists, np.int32)
    for place in range(len(newer)):
        newer[place] = older[place] = place
    return newer, older


@compiled
def append(newer: Int32, older: Int32, sentinel: int, node: int) -> None:
    """Make a node the newest of a list."""
    last = older[sentinel]
    newer[last] = node
    older[node] = last
    newer[node] = sentinel
    older[sentinel] = node


@compiled
def unlink(newer: Int32, older: Int32, node: int) -> None:
    """Take a node out of the list it is in."""
    newer[older[node]] = newer[node]
    older[newer[node]] = older[node]
