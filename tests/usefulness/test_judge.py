"""Every verdict by a table of cases, and random calls with random outcomes against a slow reference."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import date, timedelta
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from ledger_rows import START, table_of
from request_tables import FEW, OWNERS, SINCE, day, days_of_attempts, rows_of, split
from slow_requests import Row, calls, superseded
from slow_verdicts import MEANING, Judged, judge

from netyield.core.contract import contract
from netyield.store.engine import Engine
from netyield.usefulness import judge as usefulness
from netyield.usefulness.policy import Attestation, UsefulnessSettings, policy_hash, verdicts

TODAY = START.date()
HOUR = timedelta(hours=1)
REASONS = {verdict.code: verdict.reason for verdict in verdicts()}
OF_CALLS = [reason for code, reason in REASONS.items() if code not in (3, 33, 34)]  # 3 is a part of a call; 33 and 34 are of no call


def attestation(app: str = "attested", expires: date = TODAY) -> Attestation:
    return Attestation(app=app, name="Ada Park", reason="read every morning", expires=expires)


def outcome_rows(given: Iterable[dict[str, Any]]) -> list[Row]:
    found: list[Row] = table_of("outcomes", list(given)).to_pylist()
    return found


def judged_day(rows: Sequence[Row], outcomes: Sequence[Row], floor: int = 3, attestations: Sequence[Attestation] = (attestation(),)) -> Engine:
    """An engine in which every attempt of the day has its verdict."""
    engine = day(rows)
    split(engine, [])
    engine.register("outcomes", pa.Table.from_pylist(list(outcomes), schema=contract("outcomes").schema))
    usefulness.run(engine, UsefulnessSettings(lowest_grade=floor), attestations, TODAY)
    return engine


def held(engine: Engine) -> dict[int, Judged]:
    """The verdict of every attempt; all its pieces have the same."""
    found: dict[int, set[Judged]] = defaultdict(set)
    for row in engine.query("SELECT * FROM judged").to_pylist():
        judged = Judged(REASONS[row["code"]], row["lost_output"], row["unkept_ppm"], row["unit"], row["unit_lost"])
        found[row["attempt_id"]].add(judged)
    return {attempt: verdict for attempt, (verdict,) in found.items()}


def expected(rows: Sequence[Row], outcomes: Sequence[Row], floor: int = 3) -> dict[int, Judged]:
    said: dict[int | None, list[Row]] = defaultdict(list)
    for outcome in outcomes:
        said[outcome["attempt_id"]].append(outcome)
    return {c.id: judge(c, said[c.id], floor, superseded(c, rows, SINCE), ["attested"]) for c in calls(rows, SINCE, OWNERS)}


GOOD, BAD, WEAK = {"verdict": "accepted"}, {"verdict": "rejected"}, {"verdict": "rejected", "grade": 2}
ABORTED, LENGTH, GUESSED = {"status": "aborted"}, {"finish_reason": "length"}, {"provenance": "client_estimated"}
Case = tuple[str, dict[str, Any], list[dict[str, Any]]]
CASES: dict[str, Case] = {
    "an evaluation, however good": ("overhead", {"purpose": "eval"}, [GOOD]),
    "a canary": ("overhead", {"purpose": "canary"}, []),
    "a guardrail's own call": ("overhead", {"purpose": "guardrail"}, []),
    "a failed health check": ("overhead", {"purpose": "health_check", "status": "error", "out_text": None}, []),
    "a warm-up": ("overhead", {"purpose": "warm_up"}, []),
    "failed with nothing, though somebody accepted it": ("errored_no_output", {"status": "error", "out_text": None}, [GOOD]),
    "failed with some output": ("no_signal", {"status": "error"}, []),
    "failed with reasoning only": ("no_signal", {"status": "error", "out_text": None, "out_reasoning": 5}, []),
    "aborted before the first byte": ("aborted_undelivered", ABORTED | {"delivered_output_tokens": 0}, [GOOD]),
    "aborted while it reasoned": ("aborted_undelivered", ABORTED | {"delivered_output_tokens": 0, "out_text": 0, "out_reasoning": 9}, []),
    "aborted after some bytes": ("no_signal", ABORTED | {"delivered_output_tokens": 4}, []),
    "aborted after some bytes that were accepted": ("accepted", ABORTED | {"delivered_output_tokens": 4}, [GOOD]),
    "aborted, and nobody says after how much": ("no_signal", ABORTED, []),
    "not aborted, though nothing is said to have arrived": ("no_signal", {"delivered_output_tokens": 0}, []),
    "accepted": ("accepted", {}, [GOOD]),
    "a succeeded run": ("accepted", {}, [{"verdict": "succeeded", "key_type": "agent_run_id"}]),
    "partly accepted": ("accepted", {}, [GOOD | {"accepted_ppm": 1}]),
    "accepted to a share of nothing": ("rejected_by_user", {}, [GOOD | {"accepted_ppm": 0}]),
    "succeeded to a share of nothing": ("rejected_by_user", {}, [{"verdict": "succeeded", "accepted_ppm": 0}]),
    "accepted by the log itself": ("accepted", {"accepted_ppm": 1}, []),
    "kept by the log, rejected by an outcome": ("rejected_by_user", {"accepted_ppm": 1}, [BAD]),
    "not kept by the log, accepted by an outcome": ("accepted", {"accepted_ppm": 0}, [GOOD]),
    "accepted though a filter blocked it": ("accepted", {"status": "blocked"}, [GOOD]),
    "accepted though cut off": ("accepted", LENGTH, [GOOD]),
    "accepted though the call is malformed": ("accepted", {"finish_reason": "malformed_tool_call"}, [GOOD]),
    "accepted, of counts the client guessed": ("estimated_quantity", GUESSED, [GOOD]),
    "accepted, then superseded by a person": ("superseded", {}, [GOOD, {"verdict": "superseded", "event_time": START + 2 * HOUR}]),
    "blocked": ("blocked", {"status": "blocked"}, []),
    "refused": ("blocked", {"finish_reason": "refusal"}, []),
    "filtered": ("blocked", {"finish_reason": "content_filter"}, []),
    "stopped by a guardrail": ("blocked", {"finish_reason": "guardrail"}, []),
    "said to be blocked": ("blocked", {}, [{"verdict": "blocked"}]),
    "cut off and rejected": ("truncated_discarded", LENGTH, [BAD]),
    "cut off in a run that failed": ("truncated_discarded", LENGTH, [{"verdict": "failed", "key_type": "agent_run_id"}]),
    "cut off in a run that was abandoned": ("truncated_discarded", LENGTH, [{"verdict": "abandoned"}]),
    "cut off and not kept": ("truncated_discarded", LENGTH | {"accepted_ppm": 0}, []),
    "cut off, and nobody says a word": ("no_signal", LENGTH, []),
    "malformed tool call": ("tool_call_invalid", {"finish_reason": "malformed_tool_call"}, []),
    "said to be an invalid tool call": ("tool_call_invalid", {}, [{"verdict": "invalid_tool_call"}]),
    "rejected": ("rejected_by_user", {}, [BAD]),
    "aborted by the user, an outcome says": ("rejected_by_user", {}, [{"verdict": "aborted"}]),
    "failed, of the call": ("rejected_by_user", {}, [{"verdict": "failed"}]),
    "nothing kept, says the log": ("rejected_by_user", {"accepted_ppm": 0}, []),
    "failed, of the run": ("run_failed", {}, [{"verdict": "failed", "key_type": "agent_run_id"}]),
    "abandoned": ("run_abandoned", {}, [{"verdict": "abandoned"}]),
    "a duplicate": ("duplicate_avoidable", {}, [{"verdict": "duplicate"}]),
    "unreferenced": ("context_unreferenced", {}, [{"verdict": "unreferenced"}]),
    "attested": ("attested", {"app": "attested"}, []),
    "attested, and rejected": ("rejected_by_user", {"app": "attested"}, [BAD]),
    "attested, with a weak signal": ("attested", {"app": "attested"}, [WEAK]),
    "a model's judgement": ("weak_signal", {}, [WEAK]),
    "a model's judgement of a guess": ("weak_signal", GUESSED, [WEAK]),
    "a guess accepted twice, with a weak signal": ("weak_signal", GUESSED, [GOOD, GOOD, WEAK]),
    "an inference": ("weak_signal", {}, [{"verdict": "superseded", "grade": 1}]),
    "counts the client guessed": ("estimated_quantity", GUESSED, []),
    "counts the gateway guessed of an aborted stream": ("estimated_quantity", ABORTED | {"provenance": "gateway_estimated"}, []),
    "counts the gateway guessed of a finished one": ("no_signal", {"provenance": "gateway_estimated"}, []),
    "silence": ("no_signal", {}, []),
    "silence about an answer from the gateway's cache": ("no_signal", {"purpose": "gateway_cache_hit"}, []),
    "an accepted answer from the gateway's cache": ("accepted", {"purpose": "gateway_cache_hit"}, [GOOD]),
    "the higher grade wins": ("accepted", {}, [GOOD, BAD | {"grade": 3, "event_time": START + 9 * HOUR}]),
    "of one grade the later one": ("rejected_by_user", {}, [BAD | {"event_time": START + 9 * HOUR}, GOOD]),
    "months later": ("accepted", {}, [GOOD | {"event_time": START + 4000 * HOUR}]),
    "strong and weak": ("accepted", {}, [GOOD, WEAK | {"event_time": START + 9 * HOUR}]),
    "of another call": ("no_signal", {}, [BAD | {"attempt_key": "another"}]),
    "of no call that is booked": ("no_signal", {}, [BAD | {"attempt_key": None}]),
}


def test_every_verdict_in_the_order_of_the_policy() -> None:
    """All cases in one day: each call with its outcomes, one after the other."""
    rows = rows_of({"event_key": name, "event_time": START + HOUR, "out_text": 10, "model": "m"} | row for name, (_, row, _) in CASES.items())
    said = outcome_rows(
        {"event_time": START + 2 * HOUR if n else START + HOUR, "attempt_key": name, "attempt_time": START + HOUR, "key": "k"} | outcome
        for name, (_, _, given) in CASES.items() for n, outcome in enumerate(given)
    )
    found = held(judged_day(rows, said))
    assert {row["event_key"]: found[row["attempt_id"]].reason for row in rows} == {name: reason for name, (reason, _, _) in CASES.items()}
    assert found == expected(rows, said)


def test_the_table_knows_every_verdict_a_call_can_have() -> None:
    assert {reason for reason, _, _ in CASES.values()} == set(OF_CALLS)


@st.composite
def outcomes_of(draw: st.DrawFn, rows: Sequence[Row]) -> list[dict[str, Any]]:
    """Up to three outcomes per call, of any grade; often of one time, so that grades, words and shares decide."""
    return [
        {
            "event_time": START + draw(st.sampled_from((1, 1, 2, 5000))) * HOUR, "attempt_key": row["event_key"], "key": "k",
            "attempt_time": row["event_time"], "key_type": draw(st.sampled_from(("event_key", "agent_run_id"))),
            "verdict": draw(st.sampled_from(sorted(MEANING)) | st.just("accepted")), "grade": draw(st.sampled_from((1, 2, 3, 3, 4))),
            "accepted_ppm": draw(st.sampled_from((None, None, 0, 1, 333_333, 1_000_000))),
        }
        for row in rows
        for _ in range(draw(st.sampled_from((0, 0, 1, 1, 2, 3))))
    ]


@FEW
@given(st.data(), st.sampled_from((2, 3, 4)))
def test_verdicts_agree_with_the_reference(data: st.DataObject, floor: int) -> None:
    rows = rows_of(data.draw(days_of_attempts(24)))
    said = outcome_rows(data.draw(outcomes_of(rows)))
    assert held(judged_day(rows, said, floor)) == expected(rows, said, floor)


@pytest.mark.parametrize(("said", "reason"), [([], "superseded"), ([GOOD], "accepted"), ([BAD], "superseded"), ([WEAK], "superseded")])
def test_a_recorded_retry_stands_unless_the_first_answer_was_accepted(said: list[dict[str, Any]], reason: str) -> None:
    first = {"event_key": "first", "event_time": START, "request_id": "r", "out_text": 1, "status": "blocked"}
    rows = rows_of([first, {"event_key": "retry", "event_time": START + HOUR, "retry_of": "r", "out_text": 1}])
    found = held(judged_day(rows, outcome_rows({"event_time": START, "attempt_key": "first", "key": "k"} | one for one in said)))
    assert [found[row["attempt_id"]].reason for row in rows] == [reason, "no_signal"]


@pytest.mark.parametrize(("expires", "reason"), [(TODAY, "attested"), (TODAY - timedelta(days=1), "no_signal")])
def test_an_attestation_holds_until_the_day_it_expires(expires: date, reason: str) -> None:
    rows = rows_of([{"event_time": START, "app": "attested", "out_text": 1}])
    assert [v.reason for v in held(judged_day(rows, [], attestations=[attestation(expires=expires)])).values()] == [reason]


def test_outcomes_of_a_call_that_runs_into_the_day() -> None:
    """Its outcome lies in the day before, where it began; it decides about the money of this day too."""
    began = START - HOUR
    rows = rows_of([{"event_key": "long", "event_time": began, "end_time": START + HOUR, "pool": "big", "out_text": 5}])
    said = outcome_rows([{"event_time": began, "attempt_key": "long", "attempt_time": began, "key": "k", "verdict": "accepted"}])
    assert [v.reason for v in held(judged_day(rows, said)).values()] == ["accepted"]


def test_the_policys_hash_changes_with_whatever_judges(monkeypatch: pytest.MonkeyPatch) -> None:
    read = usefulness.resources.files("netyield.usefulness")
    statements = [path for path in read.iterdir() if path.name.endswith((".sql", ".csv")) or path.name in ("judge.py", "leaves.py")]
    settings = UsefulnessSettings()
    hashes = {policy_hash(settings, []), policy_hash(UsefulnessSettings(lowest_grade=2), []), policy_hash(settings, [attestation()])}
    plain = type(statements[0]).read_text
    for changed in statements:
        with monkeypatch.context() as patch:
            patch.setattr(type(changed), "read_text", lambda path, changed=changed, **words: plain(path, **words) + "x" * (path.name == changed.name))
            hashes.add(policy_hash(settings, []))
    assert len(hashes) == 3 + len(statements)
