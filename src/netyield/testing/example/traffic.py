"""The simulated gateway: real arrivals become billed attempts with planted endings and the outcomes recorded for them.

Every logical request takes its arrival and its token counts from the traces; the trace hour is stretched twelvefold
over the working day, every second request on the first day, the others on the second. What happens to a request (its
ending) is drawn at random and known exactly.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np

from netyield.testing.example.apps import APPS, FALLBACK, REPLICAS, RUN_ENDINGS, SELF_HOSTED, SPEEDS, App
from netyield.testing.example.attempt import OVERHEAD, UNPROVEN, USEFUL, Attempt
from netyield.testing.example.identity import named_uuid
from netyield.testing.example.plan import DAY_MS, DAYS, MINUTE_MS, MINUTES, PODS, at, node
from netyield.testing.example.traces import Arrival, arrivals

STRETCH = 12
OPENING_MS = at(0, 8) * MINUTE_MS
CANARY_EVERY_MINUTES = 5
HOUR_MS = 60 * MINUTE_MS


@dataclass(frozen=True, slots=True)
class Outcome:
    """One outcome event. ``late`` events are delivered after the first report."""

    key_type: str
    key: str
    verdict: str
    happened_ms: int
    grade: int = 4
    share_ppm: int | None = None
    signal: str = "thumb"
    late: bool = False


@dataclass(slots=True)
class Traffic:
    """All attempts, and all outcomes recorded for them."""

    random: np.random.Generator
    attempts: list[Attempt] = field(default_factory=list)
    outcomes: list[Outcome] = field(default_factory=list)

    def say(self, attempt: Attempt, verdict: str, after_ms: int = 90_000, **details: object) -> None:
        """Record an outcome for one attempt, by its gateway request id."""
        happened = attempt.end_ms + after_ms
        self.outcomes.append(Outcome("request_id", attempt.call_id, verdict, happened, **details))  # type: ignore[arg-type]


def simulate(seed: int) -> Traffic:
    """The whole window's traffic, oldest first."""
    traffic = Traffic(np.random.default_rng(seed))
    for trace in ("conv", "code"):
        apps = [app for app in APPS if app.trace == trace]
        requests = arrivals(trace)
        choice = traffic.random.choice(len(apps), size=len(requests), p=[app.share for app in apps])
        for place, app in enumerate(apps):
            mine = [(index, requests[index]) for index in np.flatnonzero(choice == place).tolist()]
            _serve(traffic, app, mine)
    _canaries(traffic)
    traffic.attempts.sort(key=lambda attempt: (attempt.start_ms, attempt.request_id))
    for number, attempt in enumerate(traffic.attempts):
        attempt.number = number
    return traffic


def _serve(traffic: Traffic, app: App, requests: list[tuple[int, Arrival]]) -> None:
    names = list(app.endings)
    endings = traffic.random.choice(len(names), size=len(requests), p=list(app.endings.values()))
    run: list[Attempt] = []
    for day in range(DAYS):
        for (index, arrival), ending in zip(requests, endings.tolist(), strict=True):
            if index % DAYS != day:
                continue
            attempt = _attempt(traffic, app, index, arrival, day)
            if app.run_length:
                run.append(attempt)
                if len(run) == app.run_length:
                    _end_run(traffic, run)
                    run = []
            else:
                _end(traffic, attempt, names[ending])
        if run:
            _end_run(traffic, run)
            run = []


def _attempt(traffic: Traffic, app: App, index: int, arrival: Arrival, day: int) -> Attempt:
    customer = int(traffic.random.integers(app.customers)) if app.customers else 0
    model = app.models[0 if customer < 10 else 1]
    cached = (
        16 * int(traffic.random.integers(1, 17))
        if arrival.context_tokens > 512 and traffic.random.random() < 0.5
        else 0
    )
    reasoning = arrival.generated_tokens * app.reasoning_fifths // 5
    rejected = arrival.generated_tokens // 4 if app.predicts and traffic.random.random() < 0.3 else 0
    name = f"{app.name}/{index}"
    attempt = Attempt(
        number=0,
        request_id="",
        call_id="",
        app=app.name,
        team=app.team,
        customer=f"cust-{customer:04d}" if app.customers else "",
        provider=app.provider,
        model=model,
        replica=_replica(model, index),
        start_ms=day * DAY_MS + OPENING_MS + arrival.offset_ms * STRETCH,
        first_ms=0,
        end_ms=0,
        in_uncached=arrival.context_tokens - cached,
        in_cache_read=cached,
        out_text=arrival.generated_tokens - reasoning - rejected,
        out_reasoning=reasoning,
        out_rejected_prediction=rejected,
        session_id=named_uuid(f"session/{name}"),
        log=app.log,
    )
    return _named(_timed(attempt), name)


def _replica(model: str, index: int) -> str:
    replicas = REPLICAS.get(model)
    return replicas[index // DAYS % len(replicas)] if replicas else ""


def _named(attempt: Attempt, name: str) -> Attempt:
    attempt.request_id = f"chatcmpl-{named_uuid(f'response/{name}').replace('-', '')}"
    attempt.call_id = named_uuid(f"call/{name}")
    return attempt


def _timed(attempt: Attempt) -> Attempt:
    speed = SPEEDS[attempt.model if attempt.provider == SELF_HOSTED else ""]
    attempt.first_ms = attempt.start_ms + speed.start_ms + attempt.in_uncached // speed.input_per_ms
    attempt.end_ms = attempt.first_ms + max(1, attempt.completion_tokens * speed.output_ms)
    return attempt


def _end(traffic: Traffic, attempt: Attempt, ending: str) -> None:
    """Give the attempt its ending: set its truth, add further attempts, record outcomes."""
    if ending == "partial" and (attempt.out_text % 4 or not attempt.out_text or attempt.out_reasoning):
        ending = "accepted"  # a quarter must be a whole number of tokens
    if ending in {"retried", "regenerated", "fallback"}:
        _end_twice(traffic, attempt, ending)
        return
    if ending == "aborted":
        _abort(attempt)
    elif ending == "partial":
        attempt.kept_ppm = int(traffic.random.integers(1, 4)) * 250_000
    plain = {
        "accepted": (USEFUL, "stop"),
        "partial": (USEFUL, "stop"),
        "rejected": ("wasted.rejected_by_user", "stop"),
        "truncated": ("wasted.truncated_discarded", "length"),
        "blocked": ("wasted.blocked", "content_filter"),
        "bad_tool_call": ("wasted.tool_call_invalid", "malformed_tool_call"),
        "overturned": (USEFUL, "stop"),
    }
    if ending in plain:
        attempt.verdict, attempt.finish_reason = plain[ending]
    traffic.attempts.append(attempt)
    _record(traffic, attempt, ending)


def _abort(attempt: Attempt) -> None:
    """The reader leaves. LiteLLM cannot tell what arrived: unproven. The products' own logs can: a third of a
    self-hosted answer, nothing of an API's."""
    attempt.status, attempt.finish_reason, attempt.verdict = "aborted", "", UNPROVEN
    if attempt.log == "requests":
        attempt.delivered = attempt.out_text // 3 if attempt.replica else 0
        attempt.verdict = UNPROVEN if attempt.delivered else "wasted.aborted_undelivered"


def _record(traffic: Traffic, attempt: Attempt, ending: str) -> None:
    if ending in {"accepted", "overturned"}:
        traffic.say(attempt, "accepted")
    elif ending in {"rejected", "truncated"}:
        traffic.say(attempt, "rejected")
    elif ending == "partial":
        traffic.say(attempt, "accepted", share_ppm=attempt.kept_ppm, signal="edit_retained")
    elif ending == "blocked" and attempt.log == "spend":  # that table has no finish reason
        traffic.say(attempt, "blocked", 50, grade=3, signal="moderation")
    elif ending == "judged":  # a model's opinion alone never moves money
        traffic.say(attempt, "accepted", grade=2, signal="llm_judge")
    if ending == "late_accepted":
        attempt.late_verdict = USEFUL
        traffic.say(attempt, "accepted", 30 * HOUR_MS, signal="ticket", late=True)
    elif ending in {"late_rejected", "overturned"}:
        attempt.late_verdict = "wasted.rejected_by_user"
        traffic.say(attempt, "rejected", 30 * HOUR_MS, signal="ticket", late=True)


def _end_twice(traffic: Traffic, first: Attempt, ending: str) -> None:
    """Two attempts of one logical request; the second one is used."""
    again = replace(first, attempt_number=2, retry_of=first.call_id, verdict=USEFUL)
    if ending == "fallback":
        again.provider, again.model = FALLBACK
        again.replica = ""
    if ending == "regenerated":  # the reader asks once more: two calls, and the product says what became of the first
        first.verdict, again.attempt_number, again.retry_of = "wasted.superseded", 1, ""
        again.start_ms = first.end_ms + 4_000
        traffic.say(first, "superseded", 4_000, grade=3, signal="regenerate")
    else:
        _fail(first)
        again.start_ms = first.end_ms + 500
    _named(_timed(again), f"{first.call_id}/second")
    if ending != "regenerated" and first.log == "spend":
        again.call_id = f"{first.call_id}-attempt-1"  # how LiteLLM names the calls of one request
    traffic.attempts += [first, again]
    traffic.say(again, "accepted")


def _fail(first: Attempt) -> None:
    """No output. The products' own engine fails after the prompt was computed; LiteLLM's upstream refuses at once."""
    first.out_text = first.out_reasoning = first.out_rejected_prediction = 0
    first.status, first.finish_reason, first.verdict = "error", "", "wasted.errored_no_output"
    if first.log == "requests":
        first.end_ms = first.first_ms
    else:
        first.in_uncached = first.in_cache_read = 0
        first.end_ms = first.start_ms + 180


def _end_run(traffic: Traffic, run: list[Attempt]) -> None:
    ending = str(traffic.random.choice(list(RUN_ENDINGS), p=list(RUN_ENDINGS.values())))
    name = named_uuid(f"run/{run[0].call_id}")
    for attempt in run:
        attempt.agent_run_id = attempt.session_id = name
        attempt.verdict = {"succeeded": USEFUL, "failed": "wasted.run_failed", "silent": UNPROVEN}[ending]
    traffic.attempts += run
    if ending != "silent":
        done = max(attempt.end_ms for attempt in run) + 120_000
        traffic.outcomes.append(Outcome("agent_run_id", name, ending, done, signal="pull_request"))


def _canaries(traffic: Traffic) -> None:
    """A probe of the smallest model every five minutes, day and night, except while its node's scrapes are silent."""
    pod = next(pod for pod in PODS if pod.name == "llama-8b-canary-0")
    since, until = node(pod.node).gap or (0, 0)
    for minute in range(0, MINUTES, CANARY_EVERY_MINUTES):
        if since - CANARY_EVERY_MINUTES < minute < until + CANARY_EVERY_MINUTES:
            continue
        canary = Attempt(
            number=0,
            request_id="",
            call_id="",
            app="canary",
            team="platform",
            customer="",
            provider=SELF_HOSTED,
            model=pod.model,
            replica=pod.name,
            start_ms=minute * MINUTE_MS + 7_350,
            first_ms=0,
            end_ms=0,
            in_uncached=64,
            in_cache_read=0,
            out_text=16,
            purpose="canary",
            verdict=OVERHEAD,
            session_id=named_uuid(f"session/canary/{minute}"),
        )
        traffic.attempts.append(_named(_timed(canary), f"canary/{minute}"))
