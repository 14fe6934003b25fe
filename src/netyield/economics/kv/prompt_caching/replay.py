"""What would a provider have read, written and computed of each prompt? Exact replays in order of arrival.

A cache entry is a tree node: it holds the whole prefix that ends there. Entries of a provider are never evicted for
room, they only run out: an entry lives ``lifetime`` after its last use. A read uses, and so renews, the entry found and
every entry before it on the path. Simultaneous requests are taken in order.

Every loop returns tokens, never money: per price tier the tokens read, written per lifetime, and computed.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from netyield.core.compiled import compiled
from netyield.sources.traces.trace import Int32, Int64

Flags = NDArray[np.bool_]
NO_MARK, LAST_FULL_BLOCK, LAST_BLOCK = 0, 1, 2  # where a moving breakpoint stands
NEVER = -(2**62)
READ = 0


@compiled
def replay_marks(
    requests: Int64, first: Int64, nodes: Int32, arrival_us: Int64, input_tokens: Int64, block_tokens: Int32,
    last_tokens: Int32, full: Flags, tier: Int32, marks: Int32, mark_lifetime: Int32, moving: int,
    moving_lifetime: int, lifetimes_us: Int64, minimum_tokens: int, lookback: int, after_us: int,
    ready: Int64, used: Int64, life: Int32, exists: Flags, counts: Int64,
) -> int:  # fmt: skip
    """Replay ``requests`` (ids in order of arrival) with breakpoints after ``marks`` blocks (ascending) and a moving one.

    ``counts`` (tiers, 2 + lifetimes) gains tokens: read, written per lifetime, computed (last). ``ready``, ``used``,
    ``life`` and ``exists`` (N each, N = nodes) are room for the entries; ``exists`` is all false before and after.
    ``lookback`` counts the mark's own place as the first; -1 is without limit. Returns token-milliseconds of entries
    held, each from its first use to the end of its lifetime.
    """
    held = 0
    places = np.empty(len(marks) + 1, np.int64)
    lives = np.empty(len(marks) + 1, np.int64)
    for at in range(len(requests)):
        r = requests[at]
        now, start = arrival_us[r], first[r]
        length = first[r + 1] - start
        size, tail = block_tokens[r], last_tokens[r]
        found = 0
        for i in range(len(marks)):
            depth = marks[i]
            tokens = depth * size if depth < length else (length - 1) * size + tail
            if depth <= length and tokens >= minimum_tokens:
                places[found], lives[found] = depth, mark_lifetime[i]
                found += 1
        if moving != NO_MARK and length > 0:
            depth = length if moving == LAST_BLOCK or full[r] else length - 1
            tokens = depth * size if depth < length else (length - 1) * size + tail
            if depth > 0 and tokens >= minimum_tokens and (found == 0 or places[found - 1] < depth):
                places[found], lives[found] = depth, moving_lifetime
                found += 1
        hit = 0
        for i in range(found - 1, -1, -1):
            low = 0 if lookback < 0 else max(0, places[i] - max(1, lookback))
            depth = places[i]
            while depth > low and depth > hit:
                n = nodes[start + depth - 1]
                if exists[n] and ready[n] <= now and now - used[n] <= lifetimes_us[life[n]]:
                    hit = depth
                depth -= 1
            if hit > 0:
                break
        for depth in range(1, hit + 1):
            n = nodes[start + depth - 1]
            if exists[n] and ready[n] <= now and now - used[n] <= lifetimes_us[life[n]]:
                held += (depth * size if depth < length else (length - 1) * size + tail) * ((now - used[n]) // 1000)
                used[n] = now
        row = counts[tier[r]]
        read = hit * size if hit < length or hit == 0 else (length - 1) * size + tail
        row[READ] += read
        before, left = read, input_tokens[r] - read
        for i in range(found):
            depth = places[i]
            if depth <= hit:
                continue
            tokens = depth * size if depth < length else (length - 1) * size + tail
            row[1 + lives[i]] += tokens - before
            left -= tokens - before
            before = tokens
            n = nodes[start + depth - 1]
            alive = exists[n] and now - used[n] <= lifetimes_us[life[n]]
            if exists[n]:
                held += tokens * (min(now - used[n], lifetimes_us[life[n]]) // 1000)
            ready[n] = min(ready[n], now + after_us) if alive else now + after_us
            used[n], life[n], exists[n] = now, lives[i], True
        row[len(row) - 1] += left
    for at in range(len(requests)):  # what is still held when the last request has come
        r = requests[at]
        start, length = first[r], first[r + 1] - first[r]
        for depth in range(1, length + 1):
            n = nodes[start + depth - 1]
            if exists[n]:
                tokens = depth * block_tokens[r] if depth < length else (length - 1) * block_tokens[r] + last_tokens[r]
                held += tokens * (lifetimes_us[life[n]] // 1000)
                exists[n] = False
    return held


@compiled
def replay_automatic(
    first: Int64, nodes: Int32, order: Int64, arrival_us: Int64, input_tokens: Int64, block_tokens: Int32,
    last_tokens: Int32, tier: Int32, lifetime_us: int, minimum_tokens: int, increment_tokens: int, after_us: int,
    node_count: int, counts: Int64,
) -> None:  # fmt: skip
    """Replay a cache the provider keeps by itself. ``counts`` (tiers, 2) gains tokens read and computed.

    A block can be read when a request of at least ``minimum_tokens`` used it within the lifetime; what is read is the
    leading run of such blocks, rounded down to whole increments, and nothing when that is below the minimum.
    """
    used, ready = np.full(node_count, NEVER, np.int64), np.zeros(node_count, np.int64)
    for at in range(len(order)):
        r = order[at]
        now, start = arrival_us[r], first[r]
        length = first[r + 1] - start
        read = 0
        if input_tokens[r] >= minimum_tokens:
            hit = 0
            while hit < length:
                n = nodes[start + hit]
                if used[n] == NEVER or now - used[n] > lifetime_us or ready[n] > now:
                    break
                hit += 1
            tokens = hit * block_tokens[r]
            if hit == length and length > 0:
                tokens = (length - 1) * block_tokens[r] + last_tokens[r]
            if tokens >= minimum_tokens:
                read = tokens - tokens % increment_tokens
            for i in range(start, first[r + 1]):
                n = nodes[i]
                alive = used[n] != NEVER and now - used[n] <= lifetime_us
                ready[n] = min(ready[n], now + after_us) if alive else now + after_us
                used[n] = now
        counts[tier[r], 0] += read
        counts[tier[r], 1] += input_tokens[r] - read


@compiled
def floor_of_blocks(
    first: Int64, nodes: Int32, order: Int64, arrival_us: Int64, input_tokens: Int64, block_tokens: Int32,
    last_tokens: Int32, tier: Int32, rates: NDArray[np.float64], lifetimes_us: Int64, node_count: int,
) -> float:  # fmt: skip
    """The least any choice of breakpoints could have cost, when every block could be cached by itself, knowing the future.

    ``rates`` (tiers, 2 + lifetimes): read, write per lifetime, plain, per token. Per block the cheapest sequence of
    plain input, write and read is found by dynamic programming over what the block is held as; a block that was read
    counts as held for the longest lifetime. It leaves out minimum lengths and that prefixes are cached whole.
    """
    lifetimes = len(lifetimes_us)
    longest = 0
    for i in range(lifetimes):
        if lifetimes_us[i] > lifetimes_us[longest]:
            longest = i
    cost = np.full((node_count, lifetimes + 1), np.inf)  # per state: not held, held for each lifetime
    cost[:, 0] = 0.0
    used = np.full(node_count, NEVER, np.int64)
    unidentified = 0.0
    for at in range(len(order)):
        r = order[at]
        now, start, stop = arrival_us[r], first[r], first[r + 1]
        price = rates[tier[r]]
        left = input_tokens[r]
        for i in range(start, stop):
            n = nodes[i]
            tokens = last_tokens[r] if i == stop - 1 else block_tokens[r]
            left -= tokens
            best = cost[n, 0]
            for k in range(1, lifetimes + 1):
                best = min(best, cost[n, k])
            read = np.inf
            for k in range(lifetimes):
                if used[n] != NEVER and now - used[n] <= lifetimes_us[k]:
                    read = min(read, cost[n, k + 1])
            cost[n, 0] = best + tokens * price[lifetimes + 1]
            for k in range(lifetimes):
                cost[n, k + 1] = best + tokens * price[1 + k]
            cost[n, longest + 1] = min(cost[n, longest + 1], read + tokens * price[0])
            used[n] = now
        unidentified += left * price[lifetimes + 1]
    total = unidentified
    for n in range(node_count):
        best = cost[n, 0]
        for k in range(1, lifetimes + 1):
            best = min(best, cost[n, k])
        total += best
    return total
