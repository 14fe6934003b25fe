"""Small trace files for the tests."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any


def write_lines(path: Path, lines: Iterable[dict[str, Any]]) -> Path:
    path.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
    return path


def mooncake(time: float, tokens: int, ids: list[int], output: int = 1, **more: Any) -> dict[str, Any]:
    return {"timestamp": time, "input_length": tokens, "output_length": output, "hash_ids": ids, **more}


def session(requests: list[dict[str, Any]], **more: Any) -> dict[str, Any]:
    return {"id": "s", "models": ["m"], "block_size": 64, "hash_id_scope": "local", "requests": requests, **more}


def call(seconds: float, tokens: int, ids: list[int], output: int = 9) -> dict[str, Any]:
    return {"t": seconds, "type": "n", "model": "m", "in": tokens, "out": output, "hash_ids": ids, "stop": "end_turn"}


def agent(seconds: float, requests: list[dict[str, Any]]) -> dict[str, Any]:
    return {"t": seconds, "type": "subagent", "agent_id": "a", "requests": requests, "models": ["m"]}
