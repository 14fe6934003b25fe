"""The request log two products write themselves: what it knows that a gateway does not is what reached the reader.

A made-up shape on purpose, as every company has one: netyield.toml maps its columns.
"""

from __future__ import annotations

from netyield.testing.example.attempt import Attempt
from netyield.testing.example.litellm_log import Record, moment


def product_row(attempt: Attempt) -> Record:
    """One line of the products' log; what does not apply is left out."""
    row: Record = {
        "call": attempt.call_id,
        "response": attempt.request_id,
        "started": moment(attempt.start_ms),
        "first_token": moment(attempt.first_ms) if attempt.completion_tokens else None,
        "ended": moment(attempt.end_ms),
        "product": attempt.app,
        "team": attempt.team,
        "provider": attempt.provider,
        "model": attempt.model,
        "server": attempt.replica or None,
        "prompt_tokens": attempt.prompt_tokens,
        "cached_tokens": attempt.in_cache_read,
        "answer_tokens": attempt.completion_tokens,
        "rejected_prediction_tokens": attempt.out_rejected_prediction,
        "result": attempt.status,
        "stopped_by": attempt.finish_reason or None,
        "tokens_shown": attempt.delivered,
        "retry_of": attempt.retry_of or None,
    }
    return {name: value for name, value in row.items() if value is not None}
