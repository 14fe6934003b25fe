"""Every cache policy written as plainly as possible, over sets, lists and dictionaries: the judge of the fast ones.

A tree cache takes requests (tuples of blocks, a block being its whole prefix) and says how many leading blocks each
found. A flat cache takes one block after another and says whether it was there.
"""

from __future__ import annotations

from collections import OrderedDict, deque
from collections.abc import Callable, Sequence
from typing import Any

Block = tuple[int, ...]
Path = tuple[Block, ...]


def tree_lru(requests: Sequence[Path], capacity: int) -> list[int]:
    used: dict[Block, int] = {}
    found, clock = [], 0
    for path in requests:
        hits = _leading(path, used)
        found.append(hits)
        for block in path[:hits]:
            clock += 1
            used[block] = clock
        for block in path[hits:]:
            if len(used) >= capacity:
                leaves = [b for b in _leaves(used) if b not in path]
                if not leaves:
                    break
                del used[min(leaves, key=used.__getitem__)]
            clock += 1
            used[block] = clock
    return found


def tree_lru_expiring(requests: Sequence[Path], times: Sequence[int], capacity: int, life: int) -> list[int]:
    """``tree_lru`` that first throws out what nobody used for longer than ``life``."""
    used: dict[Block, tuple[int, int]] = {}
    found, clock = [], 0
    for path, now in zip(requests, times, strict=True):
        used = {block: use for block, use in used.items() if now - use[0] <= life}
        hits = _leading(path, used)
        found.append(hits)
        for block in path:
            if block not in used and len(used) >= capacity:
                leaves = [b for b in _leaves(used) if b not in path]
                if not leaves:
                    break
                del used[min(leaves, key=used.__getitem__)]
            clock += 1
            used[block] = (now, clock)
    return found


def tree_opt(requests: Sequence[Path], capacity: int) -> list[int]:
    """Belady over leaves with bypass; of leaves needed equally late, the one that first appeared last leaves."""
    never = len(requests) + 1
    born: dict[Block, int] = {}
    for path in requests:
        for block in path:
            born.setdefault(block, len(born))
    needed: dict[Block, int] = {}
    found = []
    for now, path in enumerate(requests):

        def following(block: Block, now: int = now) -> int:
            later = (r for r in range(now + 1, len(requests)) if block in requests[r])
            return next(later, never)

        hits = _leading(path, needed)
        found.append(hits)
        for block in path[:hits]:
            needed[block] = following(block)
        for block in path[hits:]:
            if len(needed) >= capacity:
                leaves = [b for b in _leaves(needed) if b not in path]
                victim = max(leaves, key=lambda b: (needed[b], born[b]), default=None)
                if victim is None or needed[victim] <= following(block):
                    break
                del needed[victim]
            needed[block] = following(block)
    return found


def _leading(path: Path, cached: Any) -> int:
    hits = 0
    while hits < len(path) and path[hits] in cached:
        hits += 1
    return hits


def _leaves(cached: dict[Block, int]) -> list[Block]:
    parents = {block[:-1] for block in cached}
    return [block for block in cached if block not in parents]


class Fifo:
    def __init__(self, capacity: int) -> None:
        self.capacity, self.cached = capacity, OrderedDict[Block, None]()

    def __contains__(self, block: Block) -> bool:
        return block in self.cached

    def read(self, block: Block) -> bool:
        if block in self.cached:
            return True
        if len(self.cached) == self.capacity:
            self.cached.popitem(last=False)
        self.cached[block] = None
        return False


class Lru(Fifo):
    def read(self, block: Block) -> bool:
        hit = super().read(block)
        self.cached.move_to_end(block)
        return hit


class Lfu:
    def __init__(self, capacity: int) -> None:
        self.capacity, self.clock = capacity, 0
        self.cached: dict[Block, tuple[int, int]] = {}

    def __contains__(self, block: Block) -> bool:
        return block in self.cached

    def read(self, block: Block) -> bool:
        self.clock += 1
        hit = block in self.cached
        if not hit and len(self.cached) == self.capacity:
            del self.cached[min(self.cached, key=self.cached.__getitem__)]
        self.cached[block] = (self.cached[block][0] + 1 if hit else 1, self.clock)
        return hit


class S3Fifo:
    """Small queue 10 % (at least one block), main queue and ghost the rest; to main after two reads; counts to 3.

    Until the first eviction a full small queue passes new blocks on to the main queue.
    """

    def __init__(self, capacity: int) -> None:
        self.capacity = capacity
        self.small_room = max(1, capacity // 10)
        self.main_room = capacity - self.small_room
        self.small: deque[Block] = deque()
        self.main: deque[Block] = deque()
        self.ghost: deque[Block] = deque()
        self.reads: dict[Block, int] = {}
        self.evicted = False

    def __contains__(self, block: Block) -> bool:
        return block in self.reads

    def read(self, block: Block) -> bool:
        if block in self.reads:
            self.reads[block] = min(3, self.reads[block] + 1)
            return True
        known = block in self.ghost
        if known:
            self.ghost.remove(block)
        while len(self.reads) >= self.capacity:
            self.evicted = True
            if len(self.main) > self.main_room or not self.small:
                self._leave_main()
            else:
                self._leave_small()
        early = not self.evicted and len(self.small) >= self.small_room
        (self.main if known or early else self.small).append(block)
        self.reads[block] = 0
        return False

    def _leave_main(self) -> None:
        while self.reads[self.main[0]]:
            self.reads[self.main[0]] -= 1
            self.main.rotate(-1)
        del self.reads[self.main.popleft()]

    def _leave_small(self) -> None:
        while self.small:
            block = self.small.popleft()
            if self.reads[block] >= 2:
                self.reads[block] = 0
                self.main.append(block)
                continue
            del self.reads[block]
            self.ghost.append(block)
            while len(self.ghost) > self.main_room:
                self.ghost.popleft()
            return


class Arc:
    """Figure 4 of the paper, its names kept."""

    def __init__(self, capacity: int) -> None:
        self.c, self.p = capacity, 0.0
        self.t1, self.t2 = OrderedDict[Block, None](), OrderedDict[Block, None]()
        self.b1, self.b2 = OrderedDict[Block, None](), OrderedDict[Block, None]()

    def __contains__(self, block: Block) -> bool:
        return block in self.t1 or block in self.t2

    def read(self, x: Block) -> bool:
        if x in self:
            (self.t1 if x in self.t1 else self.t2).pop(x)
            self.t2[x] = None
            return True
        if x in self.b1:
            self.p = min(self.c, self.p + max(len(self.b2) / len(self.b1), 1))
            self._replace(x)
            self.b1.pop(x)
            self.t2[x] = None
            return False
        if x in self.b2:
            self.p = max(0, self.p - max(len(self.b1) / len(self.b2), 1))
            self._replace(x)
            self.b2.pop(x)
            self.t2[x] = None
            return False
        if len(self.t1) + len(self.b1) == self.c:
            if len(self.t1) < self.c:
                self.b1.popitem(last=False)
                self._replace(x)
            else:
                self.t1.popitem(last=False)
        else:
            total = len(self.t1) + len(self.t2) + len(self.b1) + len(self.b2)
            if total >= self.c:
                if total == 2 * self.c:
                    self.b2.popitem(last=False)
                self._replace(x)
        self.t1[x] = None
        return False

    def _replace(self, x: Block) -> None:
        if self.t1 and (len(self.t1) > self.p or (x in self.b2 and len(self.t1) == self.p)):
            self.b1[self.t1.popitem(last=False)[0]] = None
        else:
            self.b2[self.t2.popitem(last=False)[0]] = None


class Belady:
    def __init__(self, capacity: int, future: Sequence[Block]) -> None:
        self.capacity, self.future, self.now = capacity, list(future), 0
        self.cached: set[Block] = set()

    def __contains__(self, block: Block) -> bool:
        return block in self.cached

    def read(self, block: Block) -> bool:
        self.now += 1
        hit = block in self.cached
        if not hit and len(self.cached) == self.capacity:
            rest = self.future[self.now :]
            self.cached.remove(max(self.cached, key=lambda b: rest.index(b) if b in rest else len(rest)))
        self.cached.add(block)
        return hit


FLAT: dict[str, Callable[[int, Sequence[Block]], Any]] = {
    "lru": lambda capacity, _future: Lru(capacity),
    "fifo": lambda capacity, _future: Fifo(capacity),
    "lfu": lambda capacity, _future: Lfu(capacity),
    "s3fifo": lambda capacity, _future: S3Fifo(capacity),
    "arc": lambda capacity, _future: Arc(capacity),
    "opt": Belady,
}


def flat(requests: Sequence[Path], policy: str, capacity: int) -> list[tuple[int, list[bool]]]:
    """Per request: leading blocks cached before it inserts anything, and whether each block was found in turn."""
    cache = FLAT[policy](capacity, [block for path in requests for block in path])
    return [(_leading(path, cache), [cache.read(block) for block in path]) for path in requests]
