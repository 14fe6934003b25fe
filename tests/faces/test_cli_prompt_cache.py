"""``netyield kv prompt-cache`` as typed: JSON alone on stdout, files, wrong words, and a project's own ledger."""

from __future__ import annotations

import csv
import json
from decimal import Decimal
from pathlib import Path

import pytest

from netyield.faces.cli.main import call

TRACE = str(Path(__file__).parents[1] / "data" / "kv" / "mooncake_synthetic_trace.jsonl.gz")
ASKED = ["kv", "prompt-cache", "--provider", "anthropic", "--model", "claude-sonnet-4-5", "--at", "2026-11-01"]
SYSTEM = "You are the keeper of a lighthouse and answer in rhymes. " * 120


def test_json_is_alone_on_stdout(capfd: pytest.CaptureFixture[str]) -> None:
    assert call([*ASKED, "--trace", TRACE, "--json"]) == 0
    body = json.loads(capfd.readouterr().out)
    assert body["best"]["scenario"] == "best plan per family"
    assert body["prices"]["at"] == "2026-11-01T00:00:00Z"


def test_the_same_words_give_the_same_bytes(capfd: pytest.CaptureFixture[str]) -> None:
    outputs = []
    for _ in range(2):
        call([*ASKED, "--trace", TRACE, "--json"])
        outputs.append(capfd.readouterr().out)
    assert outputs[0] == outputs[1]


def test_csv_html_and_terminal(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    page = tmp_path / "page.html"
    assert call([*ASKED, "--trace", TRACE, "--csv", "-", "--html", str(page)]) == 0
    rows = list(csv.DictReader(capfd.readouterr().out.splitlines()))
    assert [row["kind"] for row in rows] == ["none", "usual", "usual", "best", "floor"]
    assert "best plan per family" in page.read_text(encoding="utf-8")
    assert call([*ASKED, "--trace", TRACE, "--families", "2"]) == 0
    shown = capfd.readouterr().out
    assert "end of every prompt, 5m" in shown
    assert "others" in shown


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ([], "--trace PATH, or --from-ledger"),
        (["--trace", TRACE, "--from-ledger"], "not from both"),
        (["--trace", TRACE, "--where", "team=a"], "choose calls of the ledger"),
        (["--trace", TRACE, "--rule", "minimum=3"], "minimum_tokens"),
        (["--trace", TRACE, "--rule", "minimum_tokens"], "NAME=VALUE"),
        (["--trace", TRACE, "--price", "input=cheap"], "not an amount"),
        (["--trace", TRACE, "--at", "soon"], "not a time"),
        (["--trace", TRACE, "--provider", "nobody"], "No price is known"),
        (["--trace", "nowhere.jsonl"], "no trace"),
    ],
)
def test_wrong_words_end_with_a_repair(words: list[str], said: str, capfd: pytest.CaptureFixture[str]) -> None:
    assert call([*ASKED, *words]) == 2
    seen = capfd.readouterr()
    assert said in " ".join((seen.out + seen.err).split())
    assert "Traceback" not in seen.err


def test_prompts_below_the_minimum_are_a_warning(capfd: pytest.CaptureFixture[str]) -> None:
    words = [*ASKED, "--trace", TRACE, "--rule", "minimum_tokens=9000000", "--json"]
    assert call(words) == 0
    body = json.loads(capfd.readouterr().out)
    assert body["best"]["scenario"] == "no caching"
    assert call([*words, "--fail-on", "warning"]) == 1


def logged(folder: Path) -> None:
    """Six calls of two conversations under one system prompt, with what the provider billed."""
    lines = []
    for number in range(6):
        messages = [{"role": "system", "content": SYSTEM}, {"role": "user", "content": f"Conversation {number % 2}. " * 40}]
        messages += [{"role": "assistant", "content": f"Turn {turn}. " * 60} for turn in range(number // 2)]
        tokens = sum(len(one["content"]) for one in messages) // 4 + 2
        lines.append({
            "id": f"r{number}", "at": f"2026-10-01T10:{number * 2:02d}:00Z", "provider": "anthropic",
            "model": "claude-sonnet-4-5", "messages": messages, "cached": 1000 if number else 0,
            "input": tokens, "output": 20,
        })  # fmt: skip
    (folder / "calls.jsonl").write_text("".join(json.dumps(one) + "\n" for one in lines), encoding="utf-8")
    (folder / "netyield.toml").write_text(
        """
[[source]]
type = "requests"
path = "calls.jsonl"
fingerprint_key = "env:NETYIELD_TEST_KEY"
prefix_block_tokens = 64
[source.columns]
time = "at"
request_id = "id"
provider = "provider"
model = "model"
input_tokens = "input"
cached_tokens = "cached"
output_tokens = "output"
prompt = "messages"
""",
        encoding="utf-8",
    )


def test_a_ledger_is_compared_with_its_own_bill(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("NETYIELD_TEST_KEY", "a secret of this test")
    logged(tmp_path)
    assert call(["ingest", "--project", str(tmp_path)]) == 0
    capfd.readouterr()
    code = call([*ASKED, "--from-ledger", "--project", str(tmp_path), "--json", "--fail-on", "never"])
    seen = capfd.readouterr()
    assert code == 0, seen.err
    body = json.loads(seen.out)
    billed = body["billed"]
    assert body["requests"] == billed["attempts"] == 6
    assert billed["same_tokens_as_trace"]
    assert billed["tokens"]["in_cache_read"] == 5_000
    expected = (Decimal(billed["tokens"]["in_uncached"]) * 3 + 5_000 * Decimal("0.3")) / 10**6
    assert Decimal(billed["amount"]) == expected
    assert Decimal(body["best"]["amount"]) < Decimal(billed["amount"])
