"""The gateway's log: rows of LiteLLM's table LiteLLM_SpendLogs as JSON lines (``SELECT row_to_json``).

What the proxy itself does not know (why a client left, which attempt a retry replaces, what a probe is for) the
company's own middleware sends along as ``spend_logs_metadata``, LiteLLM's place for such facts. No prompt, no answer,
no address is written.
"""

from __future__ import annotations

import gzip
import hashlib
import json
from collections.abc import Iterator, Sequence
from datetime import timedelta
from pathlib import Path

from netyield.core.money import from_pico
from netyield.testing.example.apps import PRICES, SELF_HOSTED
from netyield.testing.example.attempt import Attempt
from netyield.testing.example.identity import named_uuid
from netyield.testing.example.plan import DAY_MS, DAYS, START

ENDPOINTS = {
    "openai": "https://api.openai.com/v1",
    "anthropic": "https://api.anthropic.com",
    "nimbus": "https://api.nimbus.example/v1",
}


def write_log(folder: Path, attempts: Sequence[Attempt]) -> None:
    """litellm_spend_logs-<day>.jsonl.gz: one object per attempt, in the order the gateway wrote them (by end)."""
    folder.mkdir(parents=True, exist_ok=True)
    for day in range(DAYS):
        mine = sorted((a for a in attempts if a.end_ms // DAY_MS == day), key=lambda a: (a.end_ms, a.number))
        path = folder / f"litellm_spend_logs-{START + timedelta(days=day):%Y-%m-%d}.jsonl.gz"
        text = "".join(json.dumps(_row(attempt), separators=(",", ":")) + "\n" for attempt in mine)
        path.write_bytes(gzip.compress(text.encode(), compresslevel=3, mtime=0))


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
    return (
        attempt.in_uncached * rates.in_uncached
        + attempt.in_cache_read * rates.in_cache_read
        + attempt.completion_tokens * rates.out
    )


def _row(attempt: Attempt) -> dict[str, object]:
    failed = attempt.status == "error"
    model = f"{SELF_HOSTED}/{attempt.model}" if attempt.replica else attempt.model
    return {
        "request_id": attempt.request_id,
        "call_type": "acompletion",
        "api_key": hashlib.sha256(attempt.app.encode()).hexdigest(),
        "spend": float(from_pico(list_price_pico(attempt))),
        "total_tokens": attempt.prompt_tokens + attempt.completion_tokens,
        "prompt_tokens": attempt.prompt_tokens,
        "completion_tokens": attempt.completion_tokens,
        "startTime": moment(attempt.start_ms),
        "endTime": moment(attempt.end_ms),
        "completionStartTime": None if failed else moment(attempt.first_ms),
        "request_duration_ms": attempt.end_ms - attempt.start_ms,
        "model": attempt.model,
        "model_id": named_uuid(f"{attempt.provider}/{attempt.model}/{attempt.replica}"),
        "model_group": model.rsplit("/", 1)[-1],
        "custom_llm_provider": attempt.provider,
        "api_base": f"http://{attempt.replica}.serving.svc:8000/v1"
        if attempt.replica
        else ENDPOINTS[attempt.provider],
        "user": "",
        "metadata": _metadata(attempt),
        "cache_hit": "False",
        "cache_key": "Cache OFF",
        "request_tags": [f"app:{attempt.app}"],
        "team_id": attempt.team,
        "organization_id": None,
        "end_user": attempt.customer,
        "session_id": attempt.session_id,
        "status": "failure" if failed or attempt.status == "aborted" else "success",
        "mcp_namespaced_tool_name": None,
        "agent_id": None,
        "litellm_call_id": attempt.call_id,
    }


def _metadata(attempt: Attempt) -> dict[str, object]:
    metadata: dict[str, object] = {
        "user_api_key_alias": attempt.app,
        "user_api_key_team_id": attempt.team,
        "user_api_key_team_alias": attempt.team,
        "usage_object": dict(_usage(attempt)),
    }
    known = {
        "app": attempt.app,
        "purpose": attempt.purpose,
        "finish_reason": attempt.finish_reason,
        "logical_request_id": attempt.session_id if attempt.attempt_number > 1 else "",
        "attempt_number": attempt.attempt_number if attempt.attempt_number > 1 else None,
        "retry_of": attempt.retry_of,
        "agent_run_id": attempt.agent_run_id,
        "delivered_output_tokens": attempt.delivered,
    }
    metadata["spend_logs_metadata"] = {name: value for name, value in known.items() if value not in ("", None)}
    if attempt.status != "ok":
        code, kind = (
            ("502", "APIConnectionError") if attempt.status == "error" else ("499", "ClientDisconnectedError")
        )
        metadata["error_information"] = {"error_code": code, "error_class": kind, "llm_provider": attempt.provider}
    return metadata


def _usage(attempt: Attempt) -> Iterator[tuple[str, object]]:
    """LiteLLM's usage object: inclusive counts with details, whatever the provider."""
    yield "prompt_tokens", attempt.prompt_tokens
    yield "completion_tokens", attempt.completion_tokens
    yield "total_tokens", attempt.prompt_tokens + attempt.completion_tokens
    yield "prompt_tokens_details", {"cached_tokens": attempt.in_cache_read}
    details = {"reasoning_tokens": attempt.out_reasoning}
    if attempt.out_rejected_prediction:
        details["rejected_prediction_tokens"] = attempt.out_rejected_prediction
    yield "completion_tokens_details", details
    if attempt.provider == "anthropic":
        yield "cache_read_input_tokens", attempt.in_cache_read
        yield "cache_creation_input_tokens", 0
