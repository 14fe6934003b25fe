"""The same serving fleet, written the slow and obvious way: every token of every request, one event at a time.

Independent of the compiled loop: objects and lists, no ring, no running sums. Only the rules are shared.
"""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass, field

from netyield.economics.serving.fleet import Failure, Fleet, Routing
from netyield.economics.serving.traffic import Traffic

Block = tuple[int, int]  # node of the prefix tree, tokens


@dataclass(eq=False)
class Request:
    number: int
    arrival: float
    prompt: int
    cached: int
    output: int
    blocks: list[Block] = field(default_factory=list)
    made: int = 0
    to_compute: int = 0
    computed: int = 0
    preempted: int = 0
    found: int = 0
    replica: int = -1
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
    written: int = 0
    last_use: dict[int, int] = field(default_factory=dict)
    state: str = "on"
    ready: float = 0.0
    started: float = 0.0
    drained: float = 0.0
    paid: float = 0.0
    stopped: float = 0.0  # when it last had nothing to do

    def held(self) -> int:
        return sum(one.context for one in self.running) + (self.filling.context if self.filling else 0)

    def held_soon(self) -> int:
        """Tokens held once the iteration under way is over."""
        soon = {one: one.context for one in self.running}
        for one in self.outcome:
            soon[one] = one.context + 1 if one.made + 1 < one.output else 0
        return sum(soon.values()) + (self.filling.context if self.filling else 0)

    def known(self, one: Request, held: int) -> int:
        """Tokens of the prompt that are still cached: used within as many written tokens as memory has free."""
        total = 0
        for node, tokens in one.blocks:
            if node not in self.last_use or self.written - self.last_use[node] > self.fleet.kv_tokens - held:
                break
            total += tokens
        return total

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
        if one.blocks:
            known = min(self.known(one, memory), one.context - 1)
            self.written += one.context - known
            for node, _ in one.blocks:
                self.last_use[node] = self.written
        else:
            known = 0 if one.preempted else min(one.cached, one.context - 1)
        if not one.preempted:
            one.found = known
        one.to_compute, one.computed = one.context - known, 0
        self.filling = one
        return True

    def finish(self) -> None:
        """The iteration ends: everybody who decoded or was filled has one token more."""
        now = self.ending
        assert now is not None
        self.ending = None
        self.stopped = now
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

    def emptied(self) -> list[Request]:
        """Every request it had; those it had begun lose what was computed. The cache is gone."""
        if self.ending is not None:
            self.finish()
        begun = [*self.running, *([self.filling] if self.filling else [])]
        for one in begun:
            one.preempted += 1
        everybody = [*begun, *self.queue]
        self.running, self.filling, self.outstanding = [], None, 0
        self.queue.clear()
        self.last_use.clear()
        return everybody

    @property
    def waiting(self) -> bool:
        return bool(self.queue or self.running or self.filling)


@dataclass(eq=False)
class Slow:
    """The fleet at work: routing, failures and autoscaling around its engines."""

    fleet: Fleet
    engines: list[Engine]
    turn: int = 0
    looked: float = 0.0
    surplus_since: float | None = None

    def route(self, one: Request, now: float) -> None:
        count = len(self.engines)
        order = [(self.turn + step) % count for step in range(count)]
        on = [each for each in order if self.engines[each].state == "on"]
        ready = [each for each in on if self.engines[each].ready <= now]
        if not ready:
            chosen = min(on, key=lambda each: self.engines[each].ready)
        elif self.fleet.routing is Routing.ROUND_ROBIN:
            chosen = ready[0]
        else:
            chosen = min(ready, key=lambda each: self.engines[each].outstanding)
            if self.fleet.routing is Routing.PREFIX_AWARE and len(ready) > 1:
                least = self.engines[chosen].outstanding
                near = [each for each in sorted(ready) if self.engines[each].outstanding <= least + self.fleet.slack]
                found = {each: self.engines[each].known(one, self.engines[each].held_soon()) for each in near}
                best = max(near, key=lambda each: found[each])
                chosen = best if found[best] > 0 else chosen
        self.turn = (chosen + 1) % count
        one.replica = chosen
        self.engines[chosen].queue.append(one)
        self.engines[chosen].outstanding += 1

    def fail(self, failure: Failure) -> None:
        engine = self.engines[failure.replica]
        if engine.state != "on":
            return
        lost = engine.emptied()
        engine.ready = max(engine.ready, failure.at_s + failure.down_s)
        for one in lost:
            self.route(one, failure.at_s)

    def look(self, now: float) -> None:
        """The autoscaler's rule: as many as the outstanding requests want, one less after each hold of surplus."""
        rule = self.fleet.autoscaling
        assert rule is not None
        self.looked = now
        for each in self.engines:
            if each.state == "draining" and each.outstanding == 0 and each.ending is None:
                each.state = "off"
                each.paid += max(each.stopped, each.drained) - each.started
        wanted = max(rule.least, math.ceil(sum(each.outstanding for each in self.engines) / rule.target))
        on = [each for each in self.engines if each.state == "on"]
        surplus = len(on) > wanted
        for each in self.engines:
            if len(on) < wanted and each.state != "on":
                if each.state == "off":
                    each.started, each.ready = now, now + rule.cold_start_s
                each.state = "on"
                on.append(each)
        if not surplus:
            self.surplus_since = None
        elif self.surplus_since is None:
            self.surplus_since = now
        elif now - self.surplus_since >= rule.hold_s:
            last = [each for each in self.engines if each.state == "on"][-1]
            last.state, last.drained, self.surplus_since = "draining", now, now


def serve(traffic: Traffic, fleet: Fleet) -> list[Request]:
    """Every request served, in the order of arrival."""
    return simulate(traffic, fleet)[0]


def simulate(traffic: Traffic, fleet: Fleet) -> tuple[list[Request], list[float]]:
    """Every request served, in the order of arrival, and the seconds each replica is paid for."""
    columns = (traffic.arrival_s, traffic.input_tokens, traffic.cached_tokens, traffic.output_tokens)
    numbered = zip(*(column.tolist() for column in columns), strict=True)
    requests = [Request(number, *values, _blocks(traffic, number)) for number, values in enumerate(numbered)]
    slow = Slow(fleet, [Engine(fleet) for _ in range(fleet.replicas)])
    rule = fleet.autoscaling
    for each in slow.engines[rule.least :] if rule else []:
        each.state = "off"
    arrivals, failures = deque(requests), deque(sorted(fleet.failures, key=lambda each: each.at_s))
    now = 0.0
    while True:
        ends = [each.ending for each in slow.engines if each.ending is not None]
        wakes = [each.ready for each in slow.engines if each.ready > now and each.waiting]
        looks = [slow.looked + rule.hold_s] if rule and arrivals else []
        comes = [arrivals[0].arrival] if arrivals else []
        fails = [failures[0].at_s] if failures else []
        times = [*ends, *wakes, *looks, *comes, *fails]
        if not times:
            break
        now = min(times)
        # Ends of iterations go before arrivals of the same instant; iterations start after both.
        for engine in slow.engines:
            if engine.ending == now:
                engine.finish()
        if fails == [now]:
            slow.fail(failures.popleft())
        if looks == [now]:
            slow.look(now)
        while arrivals and arrivals[0].arrival == now:
            one = arrivals.popleft()
            if rule:
                slow.look(now)
            slow.route(one, now)
        for engine in slow.engines:
            if engine.ending is None and engine.waiting and engine.ready <= now:
                engine.start(now)
    span = max(traffic.window_s, *(one.end for one in requests if one.end is not None))
    return requests, [each.paid + (0.0 if each.state == "off" else span - each.started) for each in slow.engines]


def _blocks(traffic: Traffic, number: int) -> list[Block]:
    tree = traffic.tree
    at = slice(int(tree.first[number]), int(tree.first[number + 1])) if tree.count else slice(0)
    return list(zip(tree.nodes[at].tolist(), tree.tokens[at].tolist(), strict=True))
