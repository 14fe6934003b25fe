"""One LiteLLM log record in Netyield's words: which call was it, what did it use, and how did it end?

Two forms say the same: the standard logging payload (what the ``generic_api`` callback pushes) and a row of the table
LiteLLM_SpendLogs. Measured with LiteLLM 1.106.2: prompt_tokens include the cache for every provider, Anthropic too;
a client that left is logged as "success" with error class ClientDisconnected and counts of the gateway's own
tokeniser; each retry has its own call id; a replay from the gateway's cache repeats the tokens of the first answer at
no cost (purpose ``gateway_cache_hit``: served, but bought from nobody).

Read are only the members named here. Never read: the answer, error texts, tracebacks, addresses and keys; messages only
to fingerprint them (see prefix), when a secret for that is named.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from typing import Any
from urllib.parse import urlsplit

from netyield.core.period import micros, parse_time

Record = Mapping[str, Any]
# The columns of LiteLLM_SpendLogs that are read; of metadata only METADATA.
COLUMNS = (
    "request_id", "call_type", "spend", "total_tokens", "prompt_tokens", "completion_tokens", "startTime", "endTime",
    "completionStartTime", "model", "model_group", "custom_llm_provider", "api_base", "cache_hit", "request_tags",
    "team_id", "end_user", "session_id", "status", "litellm_call_id",
)
METADATA = (
    "usage_object", "additional_usage_values", "user_api_key_alias", "user_api_key_team_id", "user_api_key_team_alias",
    "user_api_key_end_user_id", "litellm_call_id", "attempted_retries", "original_model_group", "internal_call_origin",
    "is_silent_experiment", "billed_retry_attempt", "status",
)
ERROR = ("error_class", "error_code")
UNREADABLE_TIME = -1
CACHE_HIT_SUFFIX = re.compile(r"_cache_hit[0-9.]*$")
ATTEMPT_SUFFIX = re.compile(r"-attempt-[0-9]+$")
CLIENT_LEFT = "Client disconnected the request"
BLOCKING_ERRORS = frozenset(
    {
        "ContentPolicyViolationError", "GuardrailRaisedException", "BlockedPiiEntityError",
        "GuardrailInterventionNormalStringError",
    }
)
PURPOSE_OF_ORIGIN = {
    "shadow_eval_router": "eval", "shadow_eval_judge": "eval", "llm_as_a_judge_guardrail": "guardrail",
}
HEALTH_CHECK_KEY = "litellm-internal-health-check"
TAG_WORDS = frozenset({"app", "team", "customer", "purpose", "pool", "agent_run_id", "turn"})


def is_litellm(record: Record) -> bool:
    """Does this look like either form?"""
    row = "request_id" in record and "spend" in record
    return "startTime" in record and (row or "litellm_call_id" in record or "response_cost" in record)


def attempt(record: Record) -> dict[str, Any]:
    """The record by Netyield's words; ``usage`` is the usage object, ``key`` what the event is known by."""
    metadata = _object(record.get("metadata"))
    error = _object(record.get("error_information")) or _object(metadata.get("error_information"))
    call = _text(record.get("litellm_call_id")) or _text(metadata.get("litellm_call_id"))
    response_id = CACHE_HIT_SUFFIX.sub("", _text(record.get("request_id")) or _text(record.get("id")) or "")
    start = moment(record.get("startTime"))
    failed = (_text(record.get("status")) or metadata.get("status")) == "failure"
    left = _client_left(record, error)
    usage = _usage(record, metadata)
    number = _attempt_number(record, metadata)
    words: dict[str, Any] = {
        "time": start,
        "end_time": moment(record.get("endTime")),
        "first_token_time": _first_token(record),
        "provider": _text(record.get("custom_llm_provider")),
        "model": _text(record.get("model")),
        "requested_model": _text(metadata.get("original_model_group")) or _text(record.get("model_group")),
        "endpoint": host(record.get("api_base")),
        "tariff": _tariff(record, metadata, usage),
        "operation": _text(record.get("call_type")),
        "purpose": _purpose(record, metadata),
        "team": _text(metadata.get("user_api_key_team_alias")) or _text(record.get("team_id"))
        or _text(metadata.get("user_api_key_team_id")),
        "app": _text(metadata.get("user_api_key_alias")),
        "customer": _text(record.get("end_user")) or _text(metadata.get("user_api_key_end_user_id")),
        "response_id": response_id if response_id != call else None,
        "trace_id": _text(record.get("trace_id")),
        "request_id": call,
        "conversation_id": _text(record.get("session_id")),
        "logical_request_id": _logical_request(call, number),
        "attempt_number": number,
        "status": "aborted" if left else _failure(record, error) if failed else "success",
        "finish_reason": "abort" if left else _finish_reason(record),
        "error_kind": _text(error.get("error_class")),
        "provenance": "gateway_estimated" if left or metadata.get("billed_retry_attempt") is True else None,
        "reported_cost": amount(record["spend"] if "spend" in record else record.get("response_cost")),
        "usage": usage,
        "total_tokens": record.get("total_tokens"),
        "key": _key(call, response_id, start, failed),
    }
    words |= _tags(record.get("request_tags"))
    return words


def _text(value: Any) -> str | None:
    return str(value) if isinstance(value, str | int) and not isinstance(value, bool) and value != "" else None


def _object(value: Any) -> Record:
    """A JSON object, also one written as text (the table's exports do that)."""
    if isinstance(value, str) and value.startswith("{"):
        try:
            value = json.loads(value, parse_float=Decimal)
        except (ValueError, RecursionError):
            return {}
    return value if isinstance(value, Mapping) else {}


def moment(value: Any) -> int | None:
    """Microseconds since 1970, from seconds (the payload), ISO text (UTC when naive) or a database time; -1 when
    it cannot be read."""
    if value is None or value == "":
        return None
    if isinstance(value, datetime):
        return micros(value if value.tzinfo else value.replace(tzinfo=UTC))
    try:
        if isinstance(value, str) and "-" in value[1:]:
            return micros(parse_time(value))
        seconds = Decimal(str(value))
        return int(seconds * 1_000_000) if seconds.is_finite() and abs(seconds) < 10**12 else UNREADABLE_TIME
    except (ValueError, OverflowError, InvalidOperation):
        return UNREADABLE_TIME


def _first_token(record: Record) -> int | None:
    """LiteLLM writes the end where there was no stream: that says nothing."""
    first = moment(record.get("completionStartTime"))
    return first if first != moment(record.get("endTime")) else None


def host(api_base: Any) -> str | None:
    """Host and port of a URL: never its user, password, path or query, which may hold keys."""
    if not isinstance(api_base, str) or not api_base:
        return None
    try:
        parts = urlsplit(api_base if "//" in api_base else f"//{api_base}")
        return f"{parts.hostname}:{parts.port}" if parts.port else parts.hostname
    except ValueError:
        return None


def amount(value: Any) -> str | None:
    """A cost as text, a float by its shortest decimal; a cross-check only, never the price."""
    if value is None or isinstance(value, bool) or value == "":
        return None
    return repr(value) if isinstance(value, float) else str(value)


def _usage(record: Record, metadata: Record) -> dict[str, Any] | None:
    """The usage object with the record's own totals. A failure's zeros, with no usage behind them, say nothing."""
    details = _object(metadata.get("usage_object")) or _object(metadata.get("additional_usage_values"))
    usage = dict(details)
    for name in ("prompt_tokens", "completion_tokens"):
        if record.get(name) not in (None, ""):
            usage[name] = record[name]
    silent = not details and all(str(usage.get(name, 0)) == "0" for name in ("prompt_tokens", "completion_tokens"))
    return None if silent else usage


def _tariff(record: Record, metadata: Record, usage: Record | None) -> str | None:
    if "batch" in str(record.get("call_type")):
        return "batch"
    priced = _object(record.get("cost_breakdown")) or _object(metadata.get("cost_breakdown"))
    return _text(priced.get("service_tier")) or _text((usage or {}).get("service_tier"))


def _purpose(record: Record, metadata: Record) -> str | None:
    if str(record.get("cache_hit")).lower() == "true":
        return "gateway_cache_hit"
    if metadata.get("user_api_key_alias") == HEALTH_CHECK_KEY:
        return "health_check"
    if metadata.get("is_silent_experiment") is True:
        return "canary"
    return PURPOSE_OF_ORIGIN.get(str(metadata.get("internal_call_origin")))


def _client_left(record: Record, error: Record) -> bool:
    return (
        error.get("error_class") == "ClientDisconnected"
        or str(error.get("error_code")) == "499"
        or record.get("error_str") == CLIENT_LEFT
    )


def _failure(record: Record, error: Record) -> str:
    guarded = _object(record.get("status_fields")).get("guardrail_status") == "guardrail_intervened"
    return "blocked" if guarded or error.get("error_class") in BLOCKING_ERRORS else "error"


def _attempt_number(record: Record, metadata: Record) -> int | None:
    headers = _object(_object(record.get("hidden_params")).get("additional_headers"))
    retries = metadata.get("attempted_retries", headers.get("x-litellm-attempted-retries"))
    return retries + 1 if isinstance(retries, int) and not isinstance(retries, bool) and retries >= 0 else None


def _logical_request(call: str | None, number: int | None) -> str | None:
    """Billed retries are logged as ``<call id>-attempt-<n>``. Otherwise a call id says nothing about other calls."""
    if call is None or (number in (None, 1) and not ATTEMPT_SUFFIX.search(call)):
        return None
    return ATTEMPT_SUFFIX.sub("", call)


def _finish_reason(record: Record) -> str | None:
    """Of the payload's answer its finish reason alone; a table's answer is never read."""
    answer = record.get("response") if "spend" not in record else None
    choices = answer.get("choices") if isinstance(answer, Mapping) else None
    first = choices[0] if isinstance(choices, list) and choices else None
    return _text(first.get("finish_reason")) if isinstance(first, Mapping) else None


def _key(call: str | None, response_id: str, start: int | None, failed: bool) -> str | None:
    """Neither id alone: clients may choose the call id, careless servers repeat the response id. Failed attempts
    have no response id of their own, and are told apart by their start."""
    if not call and not response_id:
        return None
    when = f"@{((start or 0) + 500) // 1000}" if failed else ""  # the table keeps milliseconds, rounded
    return f"{call or ''}/{response_id}{when}"


def _tags(tags: Any) -> dict[str, str]:
    """Tags written ``word:value`` with a word of ours (app:checkout); other tags are not kept."""
    if isinstance(tags, str) and tags.startswith("["):
        try:
            tags = json.loads(tags)
        except (ValueError, RecursionError):
            return {}
    found = {}
    for tag in tags if isinstance(tags, list) else ():
        word, colon, value = tag.partition(":") if isinstance(tag, str) else ("", "", "")
        if colon and word in TAG_WORDS and value:
            found[word] = value
    return found
