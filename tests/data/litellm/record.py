"""Record what a real LiteLLM logs: run it against a local mock of three providers and keep what its callbacks get.

    python -m venv recorder && recorder/bin/pip install 'litellm[proxy]==1.106.2'
    recorder/bin/python tests/data/litellm/record.py tests/data/litellm

Writes payloads.jsonl (standard logging payloads) and spend_logs.jsonl (rows of the table LiteLLM_SpendLogs, made by
LiteLLM's own get_logging_payload). Prompt, answer, error and key are canary strings. Left out afterwards:
model_map_information (the price list) and tracebacks (paths of the machine).
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import sys
import threading
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

os.environ["LITELLM_LOCAL_MODEL_COST_MAP"] = "True"
PROMPT = [{"role": "user", "content": "CANARY-PROMPT please"}]
KEY = {
    "user_api_key": "sk-CANARY-KEY", "user_api_key_hash": "CANARY-KEY-HASH", "user_api_key_alias": "checkout",
    "user_api_key_team_id": "team-42", "user_api_key_team_alias": "search", "user_api_key_user_id": "CANARY-PERSON",
    "user_api_key_end_user_id": "customer-7",
    "requester_ip_address": "203.0.113.77",
}
ANTHROPIC = {
    "id": "msg_01", "type": "message", "role": "assistant", "model": "claude-sonnet-4-5",
    "content": [{"type": "text", "text": "CANARY-ANSWER"}], "stop_reason": "end_turn", "stop_sequence": None,
    "usage": {
        "input_tokens": 120, "cache_creation_input_tokens": 800, "cache_read_input_tokens": 3000,
        "cache_creation": {"ephemeral_5m_input_tokens": 400, "ephemeral_1h_input_tokens": 300},
        "output_tokens": 88, "service_tier": "priority",
    },
}
GEMINI = {
    "candidates": [{"content": {"parts": [{"text": "CANARY-ANSWER"}], "role": "model"}, "finishReason": "MAX_TOKENS"}],
    "usageMetadata": {
        "promptTokenCount": 500, "candidatesTokenCount": 60, "thoughtsTokenCount": 200, "toolUsePromptTokenCount": 30,
        "totalTokenCount": 790, "cachedContentTokenCount": 200,
        "promptTokensDetails": [{"modality": "TEXT", "tokenCount": 400}, {"modality": "IMAGE", "tokenCount": 100}],
        "cacheTokensDetails": [{"modality": "TEXT", "tokenCount": 150}, {"modality": "IMAGE", "tokenCount": 50}],
    },
    "modelVersion": "gemini-2.5-pro", "responseId": "gem-1",
}
OPENAI_USAGE = {
    "prompt_tokens": 1200, "completion_tokens": 177, "total_tokens": 1377,
    "prompt_tokens_details": {"cached_tokens": 1000, "audio_tokens": 0},
    "completion_tokens_details": {
        "reasoning_tokens": 40, "audio_tokens": 0, "accepted_prediction_tokens": 30, "rejected_prediction_tokens": 20,
    },
}
failures_left = 0


class Provider(BaseHTTPRequestHandler):
    """Answers like the provider its path belongs to; the same response id every time, as careless servers do."""

    def log_message(self, *_: Any) -> None:
        """Quiet."""

    def do_POST(self) -> None:
        """One answer."""
        global failures_left
        request = json.loads(self.rfile.read(int(self.headers["content-length"])))
        if failures_left or request.get("model") == "bad":
            failures_left = max(0, failures_left - 1)
            self.answer(500, {"error": {"message": "CANARY-ERROR upstream", "type": "server_error", "code": "500"}})
        elif request.get("model") == "filtered":
            error = {"message": "CANARY-ERROR content policy", "type": "invalid_request_error",
                     "code": "content_policy_violation"}
            self.answer(400, {"error": error})
        elif "generateContent" in self.path:
            self.answer(200, GEMINI)
        elif self.path.endswith("/v1/messages"):
            self.answer(200, ANTHROPIC)
        elif self.path.endswith("/embeddings"):
            vector = {"object": "embedding", "index": 0, "embedding": [0.1, 0.2]}
            self.answer(200, {"object": "list", "data": [vector], "model": "text-embedding-3-small",
                              "usage": {"prompt_tokens": 9, "total_tokens": 9}})
        else:
            message = {"role": "assistant", "content": "CANARY-ANSWER"}
            self.answer(200, {"id": "chatcmpl-1", "object": "chat.completion", "created": 1763000000,
                              "model": request["model"], "service_tier": "flex", "usage": OPENAI_USAGE,
                              "choices": [{"index": 0, "message": message, "finish_reason": "stop"}]})

    def answer(self, status: int, body: dict[str, Any]) -> None:
        """Send one JSON body."""
        data = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)


async def record(folder: Path) -> None:
    """Make the calls and write the two files."""
    global failures_left
    import litellm
    from litellm.caching.caching import Cache
    from litellm.integrations.custom_logger import CustomLogger
    from litellm.proxy.spend_tracking.spend_tracking_utils import get_logging_payload

    server = ThreadingHTTPServer(("127.0.0.1", 0), Provider)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    base = f"http://127.0.0.1:{server.server_address[1]}"
    payloads: list[dict[str, Any]] = []
    rows: list[dict[str, Any]] = []

    class Recorder(CustomLogger):
        async def keep(self, kwargs: Any, response_obj: Any, start_time: Any, end_time: Any) -> None:
            payloads.append(json.loads(json.dumps(kwargs["standard_logging_object"], default=str)))
            if payloads[-1]["status"] == "failure":  # what the proxy's failure hook adds before it logs the row
                kwargs["litellm_params"]["metadata"] = {
                    **(kwargs["litellm_params"].get("metadata") or {}), "status": "failure",
                    "error_information": dict(payloads[-1]["error_information"]),
                }
            end_time = end_time or datetime.now(UTC)
            kwargs["completion_start_time"] = kwargs.get("completion_start_time") or end_time
            rows.append(dict(get_logging_payload(kwargs, response_obj, start_time, end_time)))

        async_log_success_event = async_log_failure_event = keep

    litellm.callbacks = [Recorder()]
    chat = {"messages": PROMPT, "api_key": "sk-CANARY-KEY", "metadata": KEY, "user": "customer-7"}
    await litellm.acompletion(model="anthropic/claude-sonnet-4-5", api_base=base, **chat)
    await litellm.acompletion(model="openai/gpt-5", api_base=f"{base}/v1", litellm_session_id="talk-1", **chat)
    await litellm.acompletion(model="gemini/gemini-2.5-pro", api_base=base, **chat)
    await litellm.aembedding(model="openai/text-embedding-3-small", api_base=f"{base}/v1", api_key="k",
                             input=["CANARY-PROMPT"])
    with contextlib.suppress(Exception):
        await litellm.acompletion(model="openai/filtered", api_base=f"{base}/v1", num_retries=0, **chat)
    deployments = [
        {"model_name": name, "litellm_params": {"model": f"openai/{model}", "api_base": f"{base}/v1", "api_key": "k"}}
        for name, model in (("good", "gpt-5"), ("broken", "bad"))
    ]
    router = litellm.Router(model_list=deployments, num_retries=2, retry_after=0, fallbacks=[{"broken": ["good"]}])
    failures_left = 2
    await router.acompletion(model="good", messages=PROMPT)
    await router.acompletion(model="broken", messages=PROMPT)
    await asyncio.sleep(1)
    litellm.cache = Cache()
    for _ in range(2):
        await litellm.acompletion(model="openai/gpt-5", api_base=f"{base}/v1", caching=True, **chat)
        await asyncio.sleep(1)
    await asyncio.sleep(2)
    for payload in payloads:
        payload.pop("model_map_information", None)
        if (payload.get("error_information") or {}).get("traceback"):
            payload["error_information"]["traceback"] = "CANARY-TRACEBACK"
    for row in rows:
        metadata = json.loads(row["metadata"])
        metadata.pop("model_map_information", None)
        if (metadata.get("error_information") or {}).get("traceback"):
            metadata["error_information"]["traceback"] = "CANARY-TRACEBACK"
        row["metadata"] = json.dumps(metadata)
        row["messages"] = json.dumps(PROMPT)
        row["response"] = json.dumps({"text": "CANARY-ANSWER"})
    for name, records in (("payloads.jsonl", payloads), ("spend_logs.jsonl", rows)):
        text = "".join(json.dumps(one, default=str) + "\n" for one in records)
        (folder / name).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    asyncio.run(record(Path(sys.argv[1])))
