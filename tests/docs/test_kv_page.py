"""docs/kv-cache.md documents every key the kv commands print, and no other. Its figures are checked with the generated pages."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from doc_pages import ROOT

from netyield.faces.cli.main import call

PAGE = (ROOT / "docs" / "kv-cache.md").read_text(encoding="utf-8")
TRACE = ["--trace", str(ROOT / "tests" / "data" / "kv" / "mooncake_synthetic_trace.jsonl.gz"), "--json", "--fail-on", "never"]
EVERYWHERE = {"answer", "trace", "definition", "findings"}
ONLY_SOMETIMES = {"kv_curve": {"tenants", "nodes", "position_independent", "sample"}}
COUNTERS = 'vllm:prefix_cache_queries_total{model_name="m"} 1000\nvllm:prefix_cache_hits_total{model_name="m"} 300\n'


def documented(answer: str) -> set[str]:
    table = PAGE.split(f"| `{answer}` | |\n", maxsplit=1)[1].split("\n\n", maxsplit=1)[0]
    return {name for line in table.splitlines()[1:] for name in re.findall(r"`([^`]+)`", line.split(" | ")[0])}


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        ("kv_curve", ["curve"]),
        ("kv_explain", ["explain"]),
        ("kv_plan", ["plan", "--model", "Llama-3.1-8B"]),
        ("prompt_cache", ["prompt-cache", "--provider", "openai", "--model", "gpt-4o", "--at", "2026-11-01"]),
        ("kv_observed", ["observed", "--counters", "COUNTERS"]),
    ],
)
def test_every_key_of_the_object_is_documented(
    answer: str, words: list[str], tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    page = tmp_path / "metrics.txt"
    page.write_text(COUNTERS, encoding="utf-8")
    call(["kv", *(str(page) if word == "COUNTERS" else word for word in words), *TRACE])
    body: dict[str, Any] = json.loads(capfd.readouterr().out)
    assert body["answer"] == answer
    assert body.keys() - EVERYWHERE - documented(answer) == set()
    assert documented(answer) - body.keys() - ONLY_SOMETIMES.get(answer, set()) == set()


def test_the_worked_decision_ends_in_dollars() -> None:
    worked = PAGE.split("## A decision, worked through", maxsplit=1)[1].split("\n## ", maxsplit=1)[0]
    assert re.search(r"\*\*.*\$[\d,.]+ an hour", worked)
    assert "generated: kv/plan" in worked
    assert "generated: kv/prompt-cache" in worked
