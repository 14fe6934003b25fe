"""What the LiteLLM gateway wrote: rows of its table LiteLLM_SpendLogs, and the payloads its callback pushed.

Two proxies, two ways people collect their logs: one exports the table (``SELECT row_to_json``), the other keeps the
standard logging payload of the ``generic_api`` callback, with ``turn_off_message_logging``. No prompt, no answer, no
address is in either. Only the payload knows why an answer ended.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from datetime import timedelta

from netyield.core.money import from_pico
from netyield.testing.example.apps import PRICES, SELF_HOSTED
from netyield.testing.example.attempt import Attempt
from netyield.testing.example.identity import named_uuid
from netyield.testing.example.openmetrics import START_SECONDS
from netyield.testing.example.plan import START

ENDPOINTS = {
    "openai": "https://api.openai.com/v1",
    "anthropic": "https://api.anthropic.com",
    "nimbus": "https://api.nimbus.example/v1",
}
ERRORS = {"error": ("503", "ServiceUnavailableError"), "aborted": ("499", "ClientDisconnected")}
REDACTED = "redacted-by-litellm"
Record = dict[str, object]


def moment(milliseconds: int) -> str:
    """ISO time of milliseconds since the window's start, as the table's TIMESTAMP(3) columns print."""
    return (
        f"{(START + timedelta(milliseconds=milliseconds)).replace(tzinfo=None).isoformat(timespec='milliseconds')}Z"
    )


def list_price_pico(attempt: Attempt) -> int:
    """What the attempt costs at list prices, in pico-dollars; 0 for a self-hosted or unknown model, as LiteLLM says."""
    rates = PRICES.get(attempt.model)
    if attempt.replica or rates is None:
        return 0
    inputs = attempt.in_uncached * rates.in_uncached + attempt.in_cache_read * rates.in_cache_read
    return inputs + attempt.completion_tokens * rates.out


def spend_row(attempt: Attempt) -> Record:
    """One row of LiteLLM_SpendLogs. A client that left is a success there, with an error class."""
    return _common(attempt) | {
        "request_id": attempt.request_id,
        "api_key": hashlib.sha256(attempt.app.encode()).hexdigest(),
        "spend": float(from_pico(list_price_pico(attempt))),
        "startTime": moment(attempt.start_ms),
        "endTime": moment(attempt.end_ms),
        "completionStartTime": moment(attempt.first_ms if attempt.completion_tokens else attempt.end_ms),
        "request_duration_ms": attempt.end_ms - attempt.start_ms,
        "user": "",
        "cache_key": "Cache OFF",
        "team_id": attempt.team,
        "organization_id": None,
        "mcp_namespaced_tool_name": None,
        "agent_id": None,
        "metadata": _metadata(attempt) | _error(attempt),
    }


def payload(attempt: Attempt) -> Record:
    """One standard logging payload."""
    answer = {"role": "assistant", "content": REDACTED}
    return (
        _common(attempt)
        | {
            "id": attempt.request_id,
            "trace_id": attempt.session_id,
            "stream": True,
            "response_cost": float(from_pico(list_price_pico(attempt))),
            "startTime": _seconds(attempt.start_ms),
            "endTime": _seconds(attempt.end_ms),
            "completionStartTime": _seconds(attempt.first_ms),
            "messages": [{"role": "user", "content": REDACTED}],
            "response": {
                "choices": [{"finish_reason": attempt.finish_reason or None, "index": 0, "message": answer}]
            },
            "error_str": "Client disconnected the request" if attempt.status == "aborted" else None,
            "metadata": _metadata(attempt),
            "hidden_params": {"additional_headers": {}},
        }
        | _error(attempt)
    )


def _seconds(milliseconds: int) -> float:
    return (START_SECONDS * 1000 + milliseconds) / 1000


def _common(attempt: Attempt) -> Record:
    tags = [f"app:{attempt.app}"]
    tags += [f"purpose:{attempt.purpose}"] if attempt.purpose != "production" else []
    tags += [f"agent_run_id:{attempt.agent_run_id}"] if attempt.agent_run_id else []
    return {
        "litellm_call_id": attempt.call_id,
        "call_type": "acompletion",
        "total_tokens": attempt.prompt_tokens + attempt.completion_tokens,
        "prompt_tokens": attempt.prompt_tokens,
        "completion_tokens": attempt.completion_tokens,
        "model": attempt.model,
        "model_id": named_uuid(f"{attempt.provider}/{attempt.model}/{attempt.replica}"),
        "model_group": attempt.model,
        "custom_llm_provider": attempt.provider,
        "api_base": _endpoint(attempt),
        "cache_hit": "False",
        "request_tags": tags,
        "end_user": attempt.customer,
        "session_id": attempt.session_id,
        "status": "failure" if attempt.status == "error" else "success",
    }


def _endpoint(attempt: Attempt) -> str:
    if attempt.provider == SELF_HOSTED:
        return f"http://{attempt.replica}.serving.svc:8000/v1"
    return ENDPOINTS[attempt.provider]


def _metadata(attempt: Attempt) -> Record:
    names = {
        "user_api_key_alias": attempt.app,
        "user_api_key_team_id": attempt.team,
        "user_api_key_team_alias": attempt.team,
    }
    metadata: Record = dict(names)
    if attempt.attempt_number > 1:
        metadata["attempted_retries"] = attempt.attempt_number - 1
    if attempt.prompt_tokens:  # a call that failed upstream has no usage
        metadata["usage_object"] = dict(_usage(attempt))
    return metadata


def _error(attempt: Attempt) -> Record:
    if attempt.status == "ok":
        return {}
    code, kind = ERRORS[attempt.status]
    return {"error_information": {"error_code": code, "error_class": kind, "llm_provider": attempt.provider}}


def _usage(attempt: Attempt) -> Iterator[tuple[str, object]]:
    """LiteLLM's usage object: inclusive counts with details, whatever the provider."""
    yield "prompt_tokens", attempt.prompt_tokens
    yield "completion_tokens", attempt.completion_tokens
    yield "total_tokens", attempt.prompt_tokens + attempt.completion_tokens
    yield "prompt_tokens_details", {"cached_tokens": attempt.in_cache_read}
    yield "completion_tokens_details", {"reasoning_tokens": attempt.out_reasoning}
    if attempt.provider == "anthropic":
        yield "cache_read_input_tokens", attempt.in_cache_read
        yield "cache_creation_input_tokens", 0
