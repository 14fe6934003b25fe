"""The text ``nvidia-smi -q`` prints, as a tree: which logs are in a file, and what does each say under which heading?

A file may hold one log, many (``nvidia-smi -q -l 60``), or be a capture with headed sections (``# idle :: query
(-q)``), where each state has its own log. ``nvidia-smi -L`` lines anywhere give the MIG profile names.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

SECTION = re.compile(r"# (?P<state>\S+) :: (?P<what>.+)")
LOG = re.compile(r"=+NVSMI LOG=+")
LISTED_GPU = re.compile(r"GPU (?P<index>[0-9]+): .*")
LISTED_MIG = re.compile(r"\s+MIG (?P<profile>\S+)\s+Device\s+(?P<index>[0-9]+):.*")
PAIR = re.compile(r"(?P<key>.+?)\s*(?:\s:\s(?P<value>.*)|\s:)?")


@dataclass(slots=True)
class Node:
    """One line: its key, its value (None for a heading), its row in the file and what is indented under it."""

    key: str
    value: str | None
    row: int
    children: list[Node] = field(default_factory=list)

    def child(self, *keys: str) -> Node | None:
        """The first child with one of these keys (case aside), the first key that is there winning."""
        for key in keys:
            for node in self.children:
                if node.key.casefold() == key.casefold():
                    return node
        return None

    def all(self, key: str) -> list[Node]:
        """Every child with this key."""
        return [node for node in self.children if node.key == key]

    def text(self, *path: str) -> str | None:
        """The value at the end of a path of keys, or None."""
        node: Node | None = self
        for key in path:
            node = node.child(key) if node else None
        return node.value if node else None


@dataclass(slots=True)
class Log:
    """One run of ``nvidia-smi -q``; ``state`` is the capture's section (idle, load) or empty."""

    state: str
    row: int
    root: Node


@dataclass(slots=True)
class SmiText:
    """What a file holds: its logs, and the MIG profile of (GPU index, MIG device index)."""

    logs: list[Log] = field(default_factory=list)
    profiles: dict[tuple[int, int], str] = field(default_factory=dict)


def parse_smi(text: str) -> SmiText:
    """Every log of a text. Lines that belong to no log are passed over."""
    found = SmiText()
    state, listed = "", -1
    stack: list[tuple[int, Node]] = []
    for row, line in enumerate(text.split("\n"), start=1):
        section = SECTION.fullmatch(line.strip())
        if section or line.startswith("####"):
            state, stack = (section["state"] if section else state), []
        elif LOG.fullmatch(line.strip()):
            log = Log(state, row, Node("", None, row))
            found.logs.append(log)
            stack = [(-1, log.root)]
        elif gpu := LISTED_GPU.fullmatch(line.strip()):
            listed = int(gpu["index"])
        elif mig := LISTED_MIG.fullmatch(line.rstrip()):
            found.profiles[listed, int(mig["index"])] = mig["profile"]
        elif stack and line.strip():
            _hang(line, row, stack)
    return found


def _hang(line: str, row: int, stack: list[tuple[int, Node]]) -> None:
    """Hang a line under the nearest line above that is indented less."""
    indent = len(line) - len(line.lstrip())
    while stack[-1][0] >= indent:
        stack.pop()
    match = PAIR.fullmatch(line.strip())
    key, value = (match["key"], match["value"]) if match else (line.strip(), None)
    node = Node(key, value, row)
    stack[-1][1].children.append(node)
    stack.append((indent, node))
