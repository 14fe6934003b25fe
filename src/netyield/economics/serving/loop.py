"""The compiled loop of the simulator: one iteration of one replica after another, arrival by arrival.

Nothing is touched once per token: a request that starts to decode is put where it will finish (a ring of iterations), so
that an iteration costs the same for 1 and for 256 requests. ``simulator`` explains the model and owns the arrays.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from netyield.core.compiled import compiled

Floats = NDArray[np.float64]
Int64 = NDArray[np.int64]
# Per replica (whole numbers): queue, prompt under way, decoding requests, tokens held, iteration, what routing sees.
HEAD, TAIL, CURRENT, LEFT, PLACE, DECODING, HELD, CONTEXT, ITERATION, SEEN, LATE, ADMITTED, STATE, WRITTEN = range(14)
REPLICA_FIELDS = 14
NOW, BUSY, READY, PAID, STARTED, DRAINED = range(6)  # per replica (seconds)
CLOCK_FIELDS = 6
NEXT, REMAINING, FINISH, ORDER, SLOT, REPLICA, PREEMPTED, CACHED = range(8)  # per request
REQUEST_FIELDS = 8
OFF, ON, DRAINING = range(3)
SHORTEST_QUEUE, PREFIX_AWARE, ROUND_ROBIN = range(3)


class Prompts(NamedTuple):
    """What is asked: lengths, tokens known to be cached, and the blocks of each prompt (none: an empty tree)."""

    inputs: Int64
    outputs: Int64
    cached: Int64
    first: Int64
    nodes: Int64
    tokens: Int64


class Engine(NamedTuple):
    """How an iteration is timed and bounded, and how requests are routed."""

    decode_s: Floats
    spare_s: Floats
    context_s: float
    prompt_s: float
    pair_s: float
    budget_tokens: int
    kv_tokens: int
    max_batch: int
    routing: int
    slack: int


class State(NamedTuple):
    """Where everything stands: replicas (and their clocks), requests, slots and ring of each replica, results."""

    replica: Int64
    clock: Floats
    request: Int64
    slots: Int64
    ring: Int64
    joined: Int64
    touched: Int64
    first_s: Floats
    end_s: Floats


@compiled
def _known_prefix(r: int, j: int, limit: int, prompts: Prompts, state: State) -> int:
    """Tokens of a prompt that this replica's cache still holds: blocks touched within ``limit`` tokens of new writes."""
    known = 0
    for at in range(prompts.first[r], prompts.first[r + 1]):
        last = state.touched[j, prompts.nodes[at]]
        if last < 0 or state.replica[j, WRITTEN] - last > limit:
            break
        known += prompts.tokens[at]
    return known


@compiled
def _preempt(j: int, prompts: Prompts, state: State) -> None:
    """Throw the latest admitted request out of memory; it is computed again from the head of the queue."""
    replica, request, slots, ring = state.replica, state.request, state.slots, state.ring
    r = replica[j, CURRENT]
    if r >= 0:
        replica[j, HELD] -= prompts.inputs[r] + prompts.outputs[r] - request[r, REMAINING]
        replica[j, CURRENT] = -1
    else:
        r = slots[j, 0]
        for place in range(1, replica[j, DECODING]):
            if request[slots[j, place], ORDER] > request[r, ORDER]:
                r = slots[j, place]
        at = request[r, FINISH] & (ring.shape[1] - 1)
        before, one = -1, ring[j, at]
        while one != r:
            before, one = one, request[one, NEXT]
        if before < 0:
            ring[j, at] = request[r, NEXT]
        else:
            request[before, NEXT] = request[r, NEXT]
        request[r, REMAINING] = request[r, FINISH] + 1 - replica[j, ITERATION]
        context = prompts.inputs[r] + prompts.outputs[r] - request[r, REMAINING]
        replica[j, HELD] -= context
        replica[j, CONTEXT] -= context
        replica[j, DECODING] -= 1
        last = slots[j, replica[j, DECODING]]
        slots[j, request[r, SLOT]] = last
        request[last, SLOT] = request[r, SLOT]
    request[r, PREEMPTED] += 1
    request[r, NEXT] = replica[j, HEAD]
    replica[j, HEAD] = r
    if replica[j, TAIL] < 0:
        replica[j, TAIL] = r


@compiled
def _admit(j: int, r: int, kv_tokens: int, prompts: Prompts, state: State) -> None:
    """Take the head of the queue: reserve its context, and find what of it is cached."""
    replica, request = state.replica, state.request
    replica[j, HEAD] = request[r, NEXT]
    if replica[j, HEAD] < 0:
        replica[j, TAIL] = -1
    total = prompts.inputs[r] + prompts.outputs[r] - request[r, REMAINING]
    known = 0
    if prompts.nodes.shape[0] > 0:
        known = min(_known_prefix(r, j, kv_tokens - replica[j, HELD], prompts, state), total - 1)
        replica[j, WRITTEN] += total - known
        for at in range(prompts.first[r], prompts.first[r + 1]):
            state.touched[j, prompts.nodes[at]] = replica[j, WRITTEN]
    elif request[r, PREEMPTED] == 0:
        known = min(prompts.cached[r], total - 1)
    if request[r, PREEMPTED] == 0:
        request[r, CACHED] = known
    replica[j, HELD] += total
    replica[j, CURRENT] = r
    replica[j, LEFT] = total - known
    replica[j, PLACE] = known
    request[r, ORDER] = replica[j, ADMITTED]
    replica[j, ADMITTED] += 1


@compiled
def _fill(j: int, prompts: Prompts, state: State, engine: Engine) -> tuple[int, float]:
    """Prompts of this iteration, up to its token budget: how many became whole, and the seconds they take alone."""
    replica, request = state.replica, state.request
    decoding = replica[j, DECODING]
    budget = engine.budget_tokens - decoding
    done, seconds = 0, 0.0
    while budget > 0:
        if replica[j, CURRENT] < 0:
            r = replica[j, HEAD]
            if r < 0 or decoding + done >= engine.max_batch:
                break
            total = prompts.inputs[r] + prompts.outputs[r] - request[r, REMAINING]
            if replica[j, HELD] + decoding + done + total + 1 > engine.kv_tokens:
                break
            _admit(j, r, engine.kv_tokens, prompts, state)
        chunk = min(replica[j, LEFT], budget)
        pairs = float(chunk) * replica[j, PLACE] + 0.5 * float(chunk) * chunk
        seconds += engine.prompt_s * chunk + engine.pair_s * pairs
        replica[j, LEFT] -= chunk
        replica[j, PLACE] += chunk
        budget -= chunk
        if replica[j, LEFT] == 0:
            state.joined[done] = replica[j, CURRENT]
            done += 1
            replica[j, CURRENT] = -1
    return done, seconds


@compiled
def _iterate(j: int, prompts: Prompts, state: State, engine: Engine) -> None:
    """One iteration: a token of each decoding request, then as much prompt as the budget takes."""
    replica, clock, request, slots, ring = state.replica, state.clock, state.request, state.slots, state.ring
    mask = ring.shape[1] - 1
    while replica[j, HELD] + replica[j, DECODING] > engine.kv_tokens:
        _preempt(j, prompts, state)
    decoding = replica[j, DECODING]
    done, seconds = _fill(j, prompts, state, engine)
    spent = engine.decode_s[decoding] + engine.context_s * replica[j, CONTEXT]
    spent += max(0.0, seconds - engine.spare_s[decoding])
    clock[j, NOW] += spent
    clock[j, BUSY] += spent
    replica[j, HELD] += decoding + done
    replica[j, CONTEXT] += decoding
    k = replica[j, ITERATION]
    for each in range(done):
        r = state.joined[each]
        if state.first_s[r] < 0:
            state.first_s[r] = clock[j, NOW]
        replica[j, CONTEXT] += prompts.inputs[r] + prompts.outputs[r] - request[r, REMAINING] + 1
        request[r, FINISH] = k + request[r, REMAINING] - 1
        request[r, SLOT] = decoding + each
        slots[j, decoding + each] = r
        at = request[r, FINISH] & mask
        request[r, NEXT] = ring[j, at]
        ring[j, at] = r
    decoding += done
    r = ring[j, k & mask]
    ring[j, k & mask] = -1
    while r >= 0:
        state.end_s[r] = clock[j, NOW]
        decoding -= 1
        last = slots[j, decoding]
        slots[j, request[r, SLOT]] = last
        request[last, SLOT] = request[r, SLOT]
        replica[j, HELD] -= prompts.inputs[r] + prompts.outputs[r]
        replica[j, CONTEXT] -= prompts.inputs[r] + prompts.outputs[r]
        replica[j, LATE] += 1
        r = request[r, NEXT]
    replica[j, DECODING] = decoding
    replica[j, ITERATION] = k + 1


@compiled
def _coast(j: int, until: float, state: State, engine: Engine) -> None:
    """Iterations in which nothing happens but decoding: no prompt, nobody finishes, memory suffices."""
    replica, ring = state.replica, state.ring
    mask = ring.shape[1] - 1
    decoding = replica[j, DECODING]
    base, per_token = engine.decode_s[decoding], engine.context_s
    now, context, k = state.clock[j, NOW], replica[j, CONTEXT], replica[j, ITERATION]
    before, start = now, k
    last = k + (engine.kv_tokens - replica[j, HELD]) // decoding
    while now < until and k < last and ring[j, k & mask] < 0:
        now += base + per_token * context
        context += decoding
        k += 1
    state.clock[j, NOW] = now
    state.clock[j, BUSY] += now - before
    replica[j, CONTEXT] = context
    replica[j, HELD] += decoding * (k - start)
    replica[j, ITERATION] = k


@compiled
def _advance(j: int, until: float, prompts: Prompts, state: State, engine: Engine) -> None:
    """Every iteration of a replica that begins before ``until``."""
    replica, clock = state.replica, state.clock
    while True:
        if clock[j, NOW] <= until:
            replica[j, SEEN] -= replica[j, LATE]
            replica[j, LATE] = 0
        if clock[j, NOW] >= until:
            return
        if replica[j, CURRENT] < 0 and (replica[j, HEAD] < 0 or replica[j, DECODING] == engine.max_batch):
            if replica[j, DECODING] == 0:
                return
            _coast(j, until, state, engine)
            if clock[j, NOW] >= until:
                continue
        _iterate(j, prompts, state, engine)


@compiled
def _choose(r: int, t: float, turn: int, prompts: Prompts, state: State, engine: Engine) -> int:
    """The replica a request goes to: among those ready, or the one that will be soonest."""
    replica, clock = state.replica, state.clock
    count = replica.shape[0]
    chosen, least, ready, soonest = -1, 0, 0, -1
    for step in range(count):
        j = (turn + step) % count
        if replica[j, STATE] != ON:
            continue
        if soonest < 0 or clock[j, READY] < clock[soonest, READY]:
            soonest = j
        if clock[j, READY] > t:
            continue
        ready += 1
        if chosen < 0 or replica[j, SEEN] < least:
            chosen, least = j, replica[j, SEEN]
            if engine.routing == ROUND_ROBIN:
                return int(chosen)
    if engine.routing == PREFIX_AWARE and ready > 1:
        most = 0
        for j in range(count):
            if replica[j, STATE] == ON and clock[j, READY] <= t and replica[j, SEEN] <= least + engine.slack:
                known = _known_prefix(r, j, engine.kv_tokens - replica[j, HELD], prompts, state)
                if known > most:
                    chosen, most = j, known
    return int(chosen if chosen >= 0 else soonest)


@compiled
def _scale(t: float, scaling: Floats, replica: Int64, clock: Floats) -> None:
    """Autoscaling on outstanding requests: (target each, least, cold start s, hold s, surplus since, last look)."""
    outstanding, on, last = 0, 0, -1
    for j in range(replica.shape[0]):
        outstanding += replica[j, SEEN]
        if replica[j, STATE] == ON:
            on += 1
            last = j
        elif replica[j, STATE] == DRAINING and replica[j, SEEN] == 0:
            worked = clock[j, NOW] > clock[j, READY]  # one that never did is stopped at once, be it still starting
            if worked and clock[j, NOW] > t:
                continue
            replica[j, STATE] = OFF
            last_s = max(clock[j, NOW], clock[j, DRAINED]) if worked else clock[j, DRAINED]
            clock[j, PAID] += last_s - clock[j, STARTED]
    wanted = max(scaling[1], np.ceil(outstanding / scaling[0]))
    for j in range(replica.shape[0]):
        if on >= wanted:
            break
        if replica[j, STATE] == ON:
            continue
        if replica[j, STATE] == OFF:
            clock[j, STARTED] = t
            clock[j, READY] = t + scaling[2]
            clock[j, NOW] = t + scaling[2]
        replica[j, STATE] = ON
        on += 1
    if on <= wanted:
        scaling[4] = -1.0
    elif scaling[4] < 0:
        scaling[4] = t
    elif t - scaling[4] >= scaling[3]:
        replica[last, STATE] = DRAINING
        clock[last, DRAINED] = t
        scaling[4] = t


@compiled
def _enqueue(r: int, j: int, t: float, state: State) -> None:
    replica, request = state.replica, state.request
    if replica[j, DECODING] == 0 and replica[j, CURRENT] < 0 and replica[j, HEAD] < 0:
        state.clock[j, NOW] = max(state.clock[j, NOW], t)
    request[r, REPLICA] = j
    request[r, NEXT] = -1
    if replica[j, TAIL] < 0:
        replica[j, HEAD] = r
    else:
        request[replica[j, TAIL], NEXT] = r
    replica[j, TAIL] = r
    replica[j, SEEN] += 1


@compiled
def _empty(j: int, state: State) -> int:
    """Take every request out of a replica, those admitted first, in their order: the first of them (chained by NEXT)."""
    replica, request, slots, ring = state.replica, state.request, state.slots, state.ring
    head, tail = -1, -1
    for _ in range(replica[j, DECODING]):
        r = -1
        for place in range(replica[j, DECODING]):
            one = slots[j, place]
            if one >= 0 and (r < 0 or request[one, ORDER] < request[r, ORDER]):
                r = one
        slots[j, request[r, SLOT]] = -1
        ring[j, request[r, FINISH] & (ring.shape[1] - 1)] = -1
        request[r, REMAINING] = request[r, FINISH] + 1 - replica[j, ITERATION]
        request[r, PREEMPTED] += 1
        if tail >= 0:
            request[tail, NEXT] = r
        else:
            head = r
        tail = r
    waiting = replica[j, HEAD]
    if replica[j, CURRENT] >= 0:
        r = replica[j, CURRENT]
        request[r, PREEMPTED] += 1
        request[r, NEXT] = waiting
        waiting = r
    if tail < 0:
        return int(waiting)
    request[tail, NEXT] = waiting
    return int(head)


@compiled
def _fail(j: int, t: float, until: float, turn: int, prompts: Prompts, state: State, engine: Engine) -> int:
    """A replica is lost until then, with its cache; its requests go to others and are computed again."""
    replica = state.replica
    r = _empty(j, state)
    for field in (HEAD, TAIL, CURRENT):
        replica[j, field] = -1
    for field in (LEFT, DECODING, HELD, CONTEXT, SEEN, LATE):
        replica[j, field] = 0
    state.touched[j, :] = -1
    state.clock[j, NOW] = state.clock[j, READY] = max(until, state.clock[j, READY])
    while r >= 0:
        following = state.request[r, NEXT]
        k = _choose(r, t, turn, prompts, state, engine)
        turn = (k + 1) % replica.shape[0]
        _enqueue(r, k, t, state)
        r = following
    return turn


@compiled
def _happen(
    until: float, turn: int, at: Int64, prompts: Prompts, state: State, engine: Engine, scaling: Floats, failures: Floats
) -> int:
    """What happens between two arrivals: failures, and the autoscaler's looks while nobody comes (``at``: next failure)."""
    count = state.replica.shape[0]
    while True:
        look = scaling[5] + scaling[3] if scaling[0] > 0 else np.inf
        lost = failures[at[0], 0] if at[0] < failures.shape[0] else np.inf
        t = min(look, lost)
        if t >= until:
            return turn
        for j in range(count):
            _advance(j, t, prompts, state, engine)
        if look <= lost:
            _scale(t, scaling, state.replica, state.clock)
            scaling[5] = t
        else:
            j = int(failures[at[0], 1])
            if state.replica[j, STATE] == ON:
                turn = _fail(j, t, t + failures[at[0], 2], turn, prompts, state, engine)
            at[0] += 1


@compiled
def run(arrivals: Floats, prompts: Prompts, state: State, engine: Engine, scaling: Floats, failures: Floats) -> None:
    """Every arrival in order, then whatever is left to finish. Results are in ``first_s``, ``end_s``, ``request``."""
    count = state.replica.shape[0]
    turn, at = 0, np.zeros(1, np.int64)
    for r in range(arrivals.shape[0]):
        t = arrivals[r]
        turn = _happen(t, turn, at, prompts, state, engine, scaling, failures)
        for j in range(count):
            _advance(j, t, prompts, state, engine)
        if scaling[0] > 0:
            _scale(t, scaling, state.replica, state.clock)
            scaling[5] = t
        if state.request[r, REMAINING] == 0:  # its context fits into no replica
            continue
        j = _choose(r, t, turn, prompts, state, engine)
        turn = (j + 1) % count
        _enqueue(r, j, t, state)
    scaling[0] = 0.0  # nobody comes any more: what is on finishes
    _happen(np.inf, turn, at, prompts, state, engine, scaling, failures)
    for j in range(count):
        _advance(j, np.inf, prompts, state, engine)
