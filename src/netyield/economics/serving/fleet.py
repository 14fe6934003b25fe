"""What serves: replicas of one engine configuration, how requests reach them, and when more of them start."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from netyield.core.errors import WrongUse
from netyield.economics.serving.step_time import StepTime


class Routing(StrEnum):
    """How a request finds its replica.

    shortest_queue: the one with the fewest outstanding requests. prefix_aware: the one that holds most of the prompt,
    among those within a slack of the shortest queue. round_robin: each in turn.
    """

    SHORTEST_QUEUE = "shortest_queue"
    PREFIX_AWARE = "prefix_aware"
    ROUND_ROBIN = "round_robin"


@dataclass(frozen=True, slots=True)
class Autoscaling:
    """Start and stop replicas on outstanding requests: ``target`` each, never below ``least``.

    A started replica serves after ``cold_start_s`` (and is paid from its start). One is stopped, when its work is done,
    each time the surplus has lasted ``hold_s``.
    """

    target: float
    least: int = 1
    cold_start_s: float = 277.0  # vLLM issue 44881: weights 18 s, compilation 43 s, profiling 210 s, on a warm node
    hold_s: float = 300.0


@dataclass(frozen=True, slots=True)
class Failure:
    """A replica that is lost at a moment, with its requests and its cache, and serves again so many seconds later."""

    at_s: float
    replica: int
    down_s: float


@dataclass(frozen=True, slots=True)
class Fleet:
    """``replicas`` alike (the most there may be, with autoscaling). ``kv_tokens``: context each can hold.

    ``max_batch`` requests at most run at once in each; an iteration takes at most ``budget_tokens`` (decoding requests
    count one each, prompts fill the rest in chunks).
    """

    step: StepTime
    replicas: int
    kv_tokens: int
    max_batch: int = 256
    budget_tokens: int = 2048
    routing: Routing = Routing.SHORTEST_QUEUE
    slack: int = 8
    autoscaling: Autoscaling | None = None
    failures: tuple[Failure, ...] = ()

    def __post_init__(self) -> None:
        for name, value in (("replicas", self.replicas), ("KV tokens", self.kv_tokens), ("batch", self.max_batch)):
            if value < 1:
                message = f"a fleet with {name} of {value} serves nothing;"
                raise WrongUse(message, "give 1 or more.")
        if self.max_batch > self.step.max_batch:
            message = f"iteration times are known up to {self.step.max_batch} requests, not {self.max_batch};"
            raise WrongUse(message, "give a smaller batch or a longer table.")
        if self.budget_tokens < self.max_batch:
            message = f"{self.budget_tokens} tokens an iteration cannot hold {self.max_batch} decoding requests;"
            raise WrongUse(message, "give a token budget of at least the batch.")
        scaling = self.autoscaling
        if scaling and (scaling.target <= 0 or not 1 <= scaling.least <= self.replicas):
            message = "autoscaling needs a target above 0 and at least one replica within the fleet;"
            raise WrongUse(message, "correct the rule.")
        if any(not 0 <= each.replica < self.replicas or each.down_s < 0 for each in self.failures):
            message = "a failure is of a replica the fleet does not have, or ends before it begins;"
            raise WrongUse(message, "correct the failures.")
        if scaling and (scaling.hold_s <= 0 or scaling.cold_start_s < 0):
            message = "autoscaling holds a surplus for more than no time, and starts in no negative one;"
            raise WrongUse(message, "give a hold above 0 s and a cold start of 0 s or more.")
