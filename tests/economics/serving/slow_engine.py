"""The same serving engine, written the slow and obvious way: every token of every request, one event at a time.

Independent of the compiled loop: objects and lists, no ring, no running sums. Only the rules are shared.
"""

from __future__ import annotations

import heapq
from collections import deque
from dataclasses import dataclass, field

from netyield.economics.serving.fleet import Fleet
from netyield.economics.serving.traffic import Traffic


@dataclass(eq=False)
class Request:
    number: int
    arrival: float
    prompt: int
    cached: int
    output: int
    made: int = 0
    to_compute: int = 0
    computed: int = 0
    preempted: int = 0
    first: float | None = None
    end: float | None = None

    @property
    def context(self) -> int:
        return self.prompt + self.made


@dataclass(eq=False)
class Engine:
    fleet: Fleet
    queue: deque[Request] = field(default_factory=deque)
    running: list[Request] = field(default_factory=list)  # in the order of admission
    filling: Request | None = None
    ending: float | None = None  # when the iteration under way ends
    outcome: list[Request] = field(default_factory=list)
    outstanding: int = 0

    def held(self) -> int:
        return sum(one.context for one in self.running) + (self.filling.context if self.filling else 0)

    def start(self, now: float) -> None:
        while self.held() + len(self.running) > self.fleet.kv_tokens:
            victim = self.filling or self.running.pop()
            self.filling = None
            victim.preempted += 1
            self.queue.appendleft(victim)
        decoding = list(self.running)
        context = sum(one.context for one in decoding)
        budget = self.fleet.budget_tokens - len(decoding)
        prompt_s, filled = 0.0, []
        while budget > 0:
            if self.filling is None and not self._admit(len(decoding), filled):
                break
            one = self.filling
            assert one is not None
            for _ in range(min(budget, one.to_compute - one.computed)):
                done = one.computed + (one.context - one.to_compute)
                step = self.fleet.step
                prompt_s += step.per_prefill_token_s + step.per_prefill_pair_s * (done + 0.5)
                one.computed += 1
                budget -= 1
            if one.computed == one.to_compute:
                filled.append(one)
                self.filling = None
        step = self.fleet.step
        spent = step.decode_s[len(decoding)] + step.per_context_token_s * context
        self.ending = now + spent + max(0.0, prompt_s - step.spare_s[len(decoding)])
        self.outcome = decoding + filled

    def _admit(self, decoding: int, filled: list[Request]) -> bool:
        if not self.queue or decoding + len(filled) >= self.fleet.max_batch:
            return False
        one = self.queue[0]
        memory = self.held() + sum(each.context for each in filled)
        if memory + decoding + len(filled) + one.context + 1 > self.fleet.kv_tokens:
            return False
        self.queue.popleft()
        known = 0 if one.preempted else min(one.cached, one.context - 1)
        one.to_compute, one.computed = one.context - known, 0
        self.filling = one
        return True

    def finish(self) -> None:
        """The iteration ends: everybody who decoded or was filled has one token more."""
        now = self.ending
        assert now is not None
        self.ending = None
        for one in self.outcome:
            one.made += 1
            if one.first is None:
                one.first = now
            if one not in self.running:
                self.running.append(one)
            if one.made == one.output:
                one.end = now
                self.running.remove(one)
                self.outstanding -= 1
        self.outcome = []

    @property
    def waiting(self) -> bool:
        return bool(self.queue or self.running or self.filling)


def serve(traffic: Traffic, fleet: Fleet) -> list[Request]:
    """Every request served, in the order of arrival."""
    columns = (traffic.arrival_s, traffic.input_tokens, traffic.cached_tokens, traffic.output_tokens)
    numbered = zip(*(column.tolist() for column in columns), strict=True)
    requests = [Request(number, *values) for number, values in enumerate(numbered)]
    engines = [Engine(fleet) for _ in range(fleet.replicas)]
    # Ends of iterations go before arrivals of the same instant; iterations start after both.
    events: list[tuple[float, int, int]] = [(one.arrival, 1, one.number) for one in requests]
    heapq.heapify(events)
    turn = 0
    while events:
        now = events[0][0]
        while events and events[0][0] == now:
            _, kind, which = heapq.heappop(events)
            if kind == 0:
                engines[which].finish()
                continue
            order = [(turn + step) % len(engines) for step in range(len(engines))]
            chosen = min(order, key=lambda each: engines[each].outstanding)
            turn = (chosen + 1) % len(engines)
            engines[chosen].queue.append(requests[which])
            engines[chosen].outstanding += 1
        for which, engine in enumerate(engines):
            if engine.ending is None and engine.waiting:
                engine.start(now)
                assert engine.ending is not None
                heapq.heappush(events, (engine.ending, 0, which))
    return requests
