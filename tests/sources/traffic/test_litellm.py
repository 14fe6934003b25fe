"""LiteLLM against what a real LiteLLM 1.106.2 logged (tests/data/litellm), in every framing it comes in."""

from __future__ import annotations

import csv
import json
from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from netyield.core.errors import ConfigError
from netyield.core.finding import Finding
from netyield.core.tokens import class_names
from netyield.sources.registry import build
from netyield.sources.traffic.litellm import LiteLLM
from netyield.sources.traffic.litellm_payload import attempt, host, moment
from netyield.testing.conformance import check_bad_bytes, check_source

DATA = Path(__file__).parents[2] / "data" / "litellm"
NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
SECRETS = ("CANARY", "203.0.113.77", "sk-", "4b33d1df")  # prompts, answers, errors, persons, addresses, keys, key hashes


def make(root: Path, path: str) -> LiteLLM:
    source = LiteLLM(LiteLLM.Settings(type="litellm", path=path), root)
    source.clock = lambda: NOW
    return source


class Read:
    def __init__(self, source: LiteLLM, cursor: Mapping[str, Any] | None = None) -> None:
        self.rows: list[dict[str, Any]] = []
        self.rejected: list[dict[str, Any]] = []
        self.findings: list[Finding] = []
        self.cursor: Mapping[str, Any] = cursor or {}
        for delivery in source.deliveries(self.cursor):
            for chunk in delivery.chunks():
                for table in chunk.tables.values():
                    self.rows += table.to_pylist()
                self.rejected += [] if chunk.rejected is None else chunk.rejected.to_pylist()
                self.findings += chunk.findings
            self.cursor = json.loads(json.dumps(delivery.next_cursor()))

    def tokens(self) -> list[dict[str, int]]:
        return [{name: row[name] for name in class_names() if row[name] is not None} for row in self.rows]


def lines(name: str) -> list[str]:
    return (DATA / name).read_text(encoding="utf-8").splitlines()


ANTHROPIC = {
    "in_uncached": 120, "in_cache_read": 3000, "in_cache_write_5m": 400, "in_cache_write_1h": 300,
    "in_cache_write_unknown": 100, "out_text": 88, "out_reasoning": 0,
}
OPENAI = {
    "in_uncached": 200, "in_cache_read": 1000, "in_audio": 0, "out_text": 117, "out_reasoning": 40, "out_audio": 0,
    "out_rejected_prediction": 20,
}
GEMINI = {
    "in_uncached": 250, "in_cache_read": 200, "in_image": 50, "in_tool": 30, "out_text": 60, "out_reasoning": 200,
}


@pytest.mark.parametrize("name", ["payloads.jsonl", "spend_logs.jsonl"])
def test_tokens_of_a_real_log_are_what_the_providers_sent(name: str) -> None:
    """The mock providers' usage is in record.py: Anthropic 120 + 3000 + 800 beside each other, and so on."""
    read = Read(make(DATA, name))
    assert read.findings == []
    assert len(read.rows) == 14
    tokens = read.tokens()
    assert tokens[:4] == [ANTHROPIC, OPENAI, GEMINI, {"in_uncached": 9, "out_text": 0}]
    assert [tokens[at] for at in (7, 11, 12, 13)] == [OPENAI] * 4
    assert [tokens[at] for at in (4, 5, 6, 8, 9, 10)] == [{}] * 6  # failures: no usage was reported, not zero
    assert len({row["event_key"] for row in read.rows}) == 14  # five calls have the response id chatcmpl-1


@pytest.mark.parametrize("name", ["payloads.jsonl", "spend_logs.jsonl"])
def test_what_became_of_each_call(name: str) -> None:
    read = Read(make(DATA, name))
    assert [row["status"] for row in read.rows] == [
        "ok", "ok", "ok", "ok", "blocked", "error", "error", "ok", "error", "error", "error", "ok", "ok", "ok",
    ]
    assert [row["tariff"] for row in read.rows[:3]] == ["priority", "flex", None]
    assert [row["operation"] for row in read.rows[:4]] == ["chat", "chat", "chat", "embedding"]
    assert [row["purpose"] for row in read.rows] == [None] * 13 + ["gateway_cache_hit"]
    assert [row["reported_cost"] for row in (read.rows[0], read.rows[3], read.rows[13])] == [
        Decimal("0.00588"), Decimal("0.00000018"), Decimal(0),
    ]
    assert read.rows[4]["error_kind"] == "ContentPolicyViolationError"
    first = read.rows[0]
    assert (first["team"], first["app"], first["customer"]) == ("search", "checkout", "customer-7")
    assert (first["provider"], first["model"]) == ("anthropic", "claude-sonnet-4-5")
    assert first["endpoint"].startswith("127.0.0.1:")
    assert "/" not in first["endpoint"]
    assert read.rows[7]["attempt_number"] == 3


def test_payload_and_table_row_of_one_call_are_one_event() -> None:
    pushed, pulled = Read(make(DATA, "payloads.jsonl")), Read(make(DATA, "spend_logs.jsonl"))
    assert [row["event_key"] for row in pushed.rows] == [row["event_key"] for row in pulled.rows]
    assert pushed.tokens() == pulled.tokens()
    for word in ("event_time", "end_time", "model", "provider", "status", "reported_cost", "request_id", "tariff"):
        assert [row[word] for row in pushed.rows] == [row[word] for row in pulled.rows], word


def test_a_client_that_left_is_aborted_with_estimated_counts() -> None:
    """LiteLLM logs it as success; both calls came with the same x-litellm-call-id."""
    read = Read(make(DATA, "push.json"))
    stayed, left = read.rows
    assert (stayed["status"], stayed["finish_reason"], stayed["provenance"]) == ("ok", "length", "provider_reported")
    assert (left["status"], left["finish_reason"], left["provenance"]) == ("aborted", "abort", "gateway_estimated")
    assert left["error_kind"] == "ClientDisconnected"
    assert left["out_text"] > 0
    assert left["delivered_output_tokens"] is None  # the gateway knows what it sent, not what arrived
    assert left["first_token_time"] > left["event_time"]
    assert stayed["first_token_time"] is None
    assert stayed["request_id"] == left["request_id"] == "my-call"
    assert stayed["event_key"] != left["event_key"]
    assert stayed["logical_request_id"] is None
    assert (left["app"], left["customer"]) == ("checkout", "customer-7")


def test_nothing_that_was_said_or_secret_comes_out() -> None:
    for name in ("payloads.jsonl", "spend_logs.jsonl", "push.json"):
        raw = (DATA / name).read_text(encoding="utf-8")
        assert "CANARY-PROMPT" in raw
        read = Read(make(DATA, name))
        everything = str(read.rows) + str(read.rejected) + str(read.findings) + json.dumps(read.cursor)
        assert not [secret for secret in SECRETS if secret in everything]


def _variants(folder: Path) -> list[str]:
    """The same spend log rows in every framing."""
    records = [json.loads(line) for line in lines("spend_logs.jsonl")]
    (folder / "array.json").write_text(json.dumps(records))
    (folder / "pretty.json").write_text(json.dumps(records, indent=2))
    (folder / "batches.json").write_text("".join(json.dumps(records[at : at + 5]) + "\n" for at in (0, 5, 10)))
    with (folder / "export.csv").open("w", newline="") as stream:
        out = csv.DictWriter(stream, list(records[0]))
        out.writeheader()
        out.writerows(records)
    pq.write_table(pa.Table.from_pylist(records), folder / "export.parquet")
    nested = [{**record, "metadata": json.loads(record["metadata"])} for record in records]
    (folder / "nested.jsonl").write_text("".join(json.dumps(record) + "\n" for record in nested))
    return ["array.json", "pretty.json", "batches.json", "export.csv", "export.parquet", "nested.jsonl"]


def test_every_framing_says_the_same(tmp_path: Path) -> None:
    expected = Read(make(DATA, "spend_logs.jsonl"))
    for name in _variants(tmp_path):
        read = Read(make(tmp_path, name))
        assert read.findings == [], name
        assert read.tokens() == expected.tokens(), name
        assert [row["event_key"] for row in read.rows] == [row["event_key"] for row in expected.rows], name
        assert [row["reported_cost"] for row in read.rows] == [row["reported_cost"] for row in expected.rows], name
    one = json.loads(lines("payloads.jsonl")[0])
    (tmp_path / "one.json").write_text(json.dumps(one, indent=2))
    assert Read(make(tmp_path, "one.json")).tokens() == [ANTHROPIC]


def test_a_growing_log_is_read_on(tmp_path: Path) -> None:
    every = lines("payloads.jsonl")
    path = tmp_path / "log.jsonl"
    path.write_text("\n".join(every[:5]) + "\n" + every[5][:40])
    first = Read(make(tmp_path, "log.jsonl"))
    assert len(first.rows) == 5
    assert [(f.code, f.row) for f in first.findings] == [("litellm.half_line", 6)]
    assert first.rejected == []
    path.write_text("\n".join(every) + "\n")
    second = Read(make(tmp_path, "log.jsonl"), first.cursor)
    assert [row["row_number"] for row in second.rows] == list(range(6, 15))


def test_damage_costs_only_what_is_damaged(tmp_path: Path) -> None:
    records = [json.loads(line) for line in lines("spend_logs.jsonl")]
    (tmp_path / "cut.json").write_text(json.dumps(records)[:-2_000])
    cut = Read(make(tmp_path, "cut.json"))
    assert len(cut.rows) == 13
    assert [(f.code, f.row) for f in cut.findings] == [("litellm.truncated", 14)]
    bad = {**records[1], "metadata": '{"usage_object": {"prompt_tokens_details": {"cached_tokens": 9999}}}'}
    strange = [{"hello": "CANARY"}, bad, {**records[2], "startTime": "yesterday"}, {**records[3], "spend": "NaN"}]
    mixed = ["not JSON CANARY", *map(json.dumps, strange), "[1]"]
    (tmp_path / "mixed.jsonl").write_text("\n".join(mixed[1:3] + mixed[:1] + mixed[3:]) + "\n")
    read = Read(make(tmp_path, "mixed.jsonl"))
    assert [row["row_number"] for row in read.rows] == [5]
    assert {(row["row_number"], row["code"]) for row in read.rejected} == {
        (1, "litellm.bad_record"), (2, "litellm.bad_tokens"), (3, "litellm.bad_json"), (4, "litellm.bad_time"),
        (6, "litellm.bad_json"),
    }
    assert "litellm.bad_reported_cost" in {finding.code for finding in read.findings}
    assert "CANARY" not in str(read.rejected) + str(read.findings)


def test_billed_retries_are_attempts_of_one_request() -> None:
    """LiteLLM 1.109 logs billed failed attempts under <call id>-attempt-<n>."""
    row = json.loads(lines("spend_logs.jsonl")[7])
    metadata = {**json.loads(row["metadata"]), "billed_retry_attempt": True, "attempted_retries": 0}
    earlier = attempt({**row, "litellm_call_id": "call-attempt-1", "metadata": metadata, "status": "failure"})
    final = attempt({**row, "litellm_call_id": "call"})
    assert (earlier["logical_request_id"], earlier["attempt_number"]) == ("call", 1)
    assert (final["logical_request_id"], final["attempt_number"]) == ("call", 3)
    assert earlier["provenance"] == "gateway_estimated"
    assert earlier["key"] != final["key"]


def test_a_total_that_does_not_fit_is_remarked(tmp_path: Path) -> None:
    row = {**json.loads(lines("spend_logs.jsonl")[3]), "total_tokens": 10}
    (tmp_path / "log.jsonl").write_text(json.dumps(row) + "\n")
    read = Read(make(tmp_path, "log.jsonl"))
    assert len(read.rows) == 1
    assert [(f.code, str(f.severity)) for f in read.findings] == [("litellm.total_differs", "warning")]


@pytest.mark.parametrize(
    ("address", "shown"),
    [
        ("https://user:secret@api.example.com:8443/v1?key=secret", "api.example.com:8443"),
        ("api.example.com/v1", "api.example.com"),
        ("http://[::1", None),
        ("", None),
        (None, None),
    ],
)
def test_an_endpoint_is_a_host_and_nothing_more(address: str | None, shown: str | None) -> None:
    assert host(address) == shown


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (Decimal("1795301992.628216"), 1_795_301_992_628_216),
        ("1795301992.628216", 1_795_301_992_628_216),
        ("2026-11-21 22:59:52.628", 1_795_301_992_628_000),
        (datetime(2026, 11, 21, 22, 59, 52, 628_000), 1_795_301_992_628_000),
        ("soon", -1),
        (Decimal("NaN"), -1),
        ("", None),
        (None, None),
    ],
)
def test_moments(value: Any, expected: int | None) -> None:
    assert moment(value) == expected


@pytest.mark.parametrize(
    ("options", "part"),
    [
        ({}, "path"),
        ({"path": "x", "dsn": "env:X"}, "path"),
        ({"dsn": "postgresql://u:CANARY@h/db"}, "env:NAME"),
    ],
)
def test_a_wrong_place_is_refused_without_repeating_secrets(
    tmp_path: Path, options: dict[str, Any], part: str
) -> None:
    with pytest.raises(ConfigError) as error:
        build({"type": "litellm", **options}, tmp_path)
    assert part in str(error.value)
    assert "CANARY" not in str(error.value)


def test_it_conforms(tmp_path: Path) -> None:
    for name in ("payloads.jsonl", "spend_logs.jsonl"):
        good = (DATA / name).read_bytes()
        (tmp_path / name).write_bytes(good)
        read = check_source(lambda name=name: make(tmp_path, name))  # type: ignore[misc]
        assert sum(delivery.rows for delivery in read) == 14
        check_bad_bytes(lambda path: make(path.parent, path.name), good, tmp_path / "damaged.jsonl")
    good = (DATA / "push.json").read_bytes()
    check_bad_bytes(lambda path: make(path.parent, path.name), good, tmp_path / "damaged.json")


def test_messages_become_fingerprints_and_nothing_else(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NETYIELD_TEST_KEY", "of this test")
    row = json.loads(lines("spend_logs.jsonl")[3])
    said = [{"role": "user", "content": "the secret of the CANARY " * 90}]
    blank = [{"role": "user", "content": "redacted-by-litellm"}]
    more = [*said, {"role": "assistant", "content": "sings"}]
    calls = [
        {**row, "request_id": f"r{n}", "litellm_call_id": f"c{n}", "messages": m}
        for n, m in enumerate((said, json.dumps(more), blank, {}, said))
    ]
    calls[4]["startTime"] = "never"
    (tmp_path / "log.jsonl").write_text("".join(json.dumps(one) + "\n" for one in calls), encoding="utf-8")
    source = LiteLLM(
        LiteLLM.Settings(type="litellm", path="log.jsonl", fingerprint_key="env:NETYIELD_TEST_KEY", prefix_block_tokens=64),
        tmp_path,
    )
    read = Read(source)
    first, second, *rest = [row["prefix_blocks"] for row in read.rows]
    assert first.split(" ")[:-1] == second.split(" ")[: first.count(" ")]
    assert first != second
    assert rest == [None, None]
    assert [row["prefix_block_tokens"] for row in read.rows] == [64, 64, None, None]
    assert len(read.rejected) == 1
    assert "CANARY" not in str(read.rows) + str(read.rejected) + str(read.findings)
    assert [row["prefix_blocks"] for row in Read(make(tmp_path, "log.jsonl")).rows] == [None] * 4
