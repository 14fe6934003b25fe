from __future__ import annotations

import gzip
import json
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from netyield.core.errors import ConfigError, SourceError
from netyield.core.period import midnight
from netyield.sources.bills import vendor_pages
from netyield.sources.bills.openai_costs import model_of
from netyield.sources.bills.remainder import SERVICE
from netyield.sources.registry import build

DAY = 86_400
FIRST = 1_761_955_200  # 2025-11-01T00:00:00Z


def openai_result(value: Any, item: str | None = "gpt-4o-2024-08-06, input", project: str | None = "proj_a") -> Any:
    return {"object": "organization.costs.result", "amount": {"value": value, "currency": "usd"},
            "line_item": item, "project_id": project, "api_key_id": "key_secret", "user_email": "a@b.c"}


def openai_page(days: list[list[Any]], first: int = FIRST, following: str | None = None) -> dict[str, Any]:
    buckets = [
        {"object": "bucket", "start_time": first + i * DAY, "end_time": first + (i + 1) * DAY, "results": results}
        for i, results in enumerate(days)
    ]
    return {"object": "page", "data": buckets, "has_more": following is not None, "next_page": following}


def anthropic_result(amount: Any, **columns: Any) -> dict[str, Any]:
    return {"currency": "USD", "amount": amount, "workspace_id": None, "description": "Claude Sonnet 4 - Input Tokens",
            "cost_type": "tokens", "context_window": "0-200k", "model": "claude-sonnet-4-20250514",
            "service_tier": "standard", "token_type": "uncached_input_tokens", **columns}


def anthropic_page(results: list[Any], following: str | None = None) -> dict[str, Any]:
    bucket = {"starting_at": "2025-11-01T00:00:00Z", "ending_at": "2025-11-02T00:00:00Z", "results": results}
    return {"data": [bucket], "has_more": following is not None, "next_page": following}


def test_openai_pages_become_charges(tmp_path: Path, read: Any) -> None:
    page = openai_page([
        [openai_result(0.06), openai_result(0.1, "gpt-4o-2024-08-06, cached input"), openai_result(3, "o1, output")],
        [openai_result("1.25", "Image models", None), openai_result(-0.5, None)],
        [],
    ])
    (tmp_path / "costs.json").write_text(json.dumps(page))
    got = read(tmp_path, type="openai_costs", path="*.json", organization="org-1")
    assert [(row["model"], row["token_class"], row["sub_account_id"]) for row in got.charges] == [
        ("gpt-4o-2024-08-06", "in_uncached", "proj_a"), ("gpt-4o-2024-08-06", "in_cache_read", "proj_a"),
        ("o1", "out_text", "proj_a"), (None, None, None), (None, None, "proj_a"),
    ]
    amounts = [Decimal(text) for text in ("0.06", "0.1", "3", "1.25", "-0.5")]
    assert [row["billed_cost"] for row in got.charges] == amounts
    assert [row["effective_cost"] for row in got.charges] == amounts
    assert {(row["list_cost"], row["contracted_cost"]) for row in got.charges} == {(None, None)}
    assert {row["currency"] for row in got.charges} == {"USD"}
    assert {(row["provider"], row["service_name"]) for row in got.charges} == {("OpenAI", "OpenAI API")}
    assert got.charges[3]["charge_start"] == datetime(2025, 11, 2, tzinfo=UTC)
    assert got.charges[3]["charge_end"] == datetime(2025, 11, 3, tzinfo=UTC)
    (delivery,) = got.deliveries
    assert delivery.kind == "snapshot"
    assert delivery.snapshot_keys() == tuple(f"OpenAI|org-1|2025-11-0{day}T00:00:00Z" for day in (1, 2, 3))
    assert got.findings == []
    assert not any("secret" in str(value) or "a@b.c" in str(value) for row in got.charges for value in row.values())


def test_floats_are_read_as_the_shortest_decimal_and_the_remainder_recorded(tmp_path: Path, read: Any) -> None:
    page = json.dumps(openai_page([[openai_result(0.1)] * 3])).replace("0.1,", "0.1000000000000055511151231257827021,")
    (tmp_path / "costs.json").write_text(page)
    got = read(tmp_path, type="openai_costs", path="costs.json")
    real = [row for row in got.charges if row["service_name"] != SERVICE]
    assert [row["billed_cost"] for row in real] == [Decimal("0.1")] * 3
    assert len({row["event_key"] for row in real}) == 3
    assert "0.00000000000001668 (booked 0)" in got.finding("openai_costs.remainder").message
    assert got.total("billed_cost") == Decimal("0.3")


def test_a_corrected_amount_is_the_same_line(tmp_path: Path, read: Any) -> None:
    for name, value in (("a", 0.5), ("b", 0.75)):
        (tmp_path / f"{name}.json").write_text(json.dumps(openai_page([[openai_result(value)]])))
    one, two = (read(tmp_path, type="openai_costs", path=f"{name}.json") for name in "ab")
    assert one.charges[0]["event_key"] == two.charges[0]["event_key"]
    assert one.deliveries[0].snapshot_keys() == two.deliveries[0].snapshot_keys()
    assert one.deliveries[0].content_hash != two.deliveries[0].content_hash


def test_bad_lines_and_pages_are_findings(tmp_path: Path, read: Any) -> None:
    days = [[openai_result(1), {"amount": None}, openai_result("many"), openai_result(2)], "none"]
    (tmp_path / "a.json").write_text(json.dumps(openai_page(days, following="more")))  # type: ignore[arg-type]
    (tmp_path / "b.json").write_text('{"error": "no"}')
    (tmp_path / "c.json").write_bytes(gzip.compress(b'{"data": []}')[:10])
    (tmp_path / "d.json").write_text('{"data": [{"start_time": "x", "results": []}, 7]}')
    got = read(tmp_path, type="openai_costs", path="*.json")
    assert got.total("billed_cost") == 3
    assert [(row["row_number"], row["code"]) for row in got.rejected] == [
        (2, "openai_costs.bad_line"), (3, "openai_costs.bad_line"), (5, "openai_costs.bad_line"),
        (1, "openai_costs.bad_line"), (2, "openai_costs.bad_line"),
    ]
    assert got.codes() == {"openai_costs.bad_line": 2, "openai_costs.more_pages": 1, "openai_costs.bad_page": 1}
    probe = build({"type": "openai_costs", "path": "*.json"}, tmp_path).probe()
    assert probe.rows == 2 + 1  # "many" is only refused when it is booked
    assert {finding.code for finding in probe.findings} == {"openai_costs.bad_page"}


def test_pages_one_per_line_and_lists_of_pages(tmp_path: Path, read: Any) -> None:
    pages = [openai_page([[openai_result(1)]]), openai_page([[openai_result(2)]], FIRST + DAY)]
    (tmp_path / "list.json").write_text(json.dumps(pages))
    (tmp_path / "lines.jsonl").write_text("\n".join(json.dumps(page) for page in pages))
    for name in ("list.json", "lines.jsonl"):
        assert read(tmp_path, type="openai_costs", path=name).total("billed_cost") == 3


@pytest.mark.parametrize(
    ("item", "model", "kind"),
    [
        ("gpt-4o-mini-2024-07-18, output", "gpt-4o-mini-2024-07-18", "out_text"),
        ("text-embedding-3-small", "text-embedding-3-small", None),
        ("o3, cached input", "o3", "in_cache_read"),
        ("ft:gpt-4o-2024-08-06:acme::abc, input", "ft:gpt-4o-2024-08-06:acme::abc", "in_uncached"),
        ("web search tool calls | gpt-4o", None, None),
        ("Image models", None, None),
        ("gpt-4o-audio-preview, audio output", "gpt-4o-audio-preview", "out_audio"),
        ("", None, None),
        (None, None, None),
    ],
)
def test_models_of_line_items(item: str | None, model: str | None, kind: str | None) -> None:
    assert model_of(item) == (model, kind)


def test_anthropic_cents_are_cents(tmp_path: Path, read: Any) -> None:
    page = anthropic_page([
        anthropic_result("123.45"),
        anthropic_result("0.0000000001234", token_type="output_tokens", workspace_id="wrkspc_1"),
        anthropic_result("50", token_type="cache_creation.ephemeral_1h_input_tokens"),
        anthropic_result("7", token_type="cache_read_input_tokens"),
        anthropic_result("100", cost_type="web_search", model=None, token_type=None, description="Web Search Usage"),
    ])
    (tmp_path / "report.json").write_text(json.dumps(page))
    got = read(tmp_path, type="anthropic_costs", path="report.json")
    real = [row for row in got.charges if row["service_name"] != SERVICE]
    assert [row["billed_cost"] for row in real] == [Decimal(t) for t in ("1.2345", "1e-12", "0.5", "0.07", "1")]
    assert [row["token_class"] for row in real] == [
        "in_uncached", "out_text", "in_cache_write_1h", "in_cache_read", None,
    ]
    assert [row["sub_account_id"] for row in real[:2]] == ["default", "wrkspc_1"]
    assert real[0]["model"] == "claude-sonnet-4-20250514"
    assert json.loads(real[0]["sku_price_details"])["service_tier"] == "standard"
    assert real[4]["charge_description"] == "Web Search Usage"
    assert got.deliveries[0].snapshot_keys() == ("Anthropic||2025-11-01T00:00:00Z",)
    assert got.codes() == {"anthropic_costs.remainder": 1, "anthropic_costs.priority_tier": 1}
    assert got.finding("anthropic_costs.priority_tier").severity == "info"


def test_an_anthropic_amount_that_is_a_number_is_refused(tmp_path: Path, read: Any) -> None:
    (tmp_path / "r.json").write_text(json.dumps(anthropic_page([anthropic_result(1.5), anthropic_result("x")])))
    got = read(tmp_path, type="anthropic_costs", path="r.json")
    assert got.charges == []
    assert len(got.rejected) == 2
    assert "cents" in got.rejected[0]["message"]


class Server:
    """A cost API of two buckets a page, which wants a key and remembers what it was asked."""

    def __init__(self) -> None:
        self.asked: list[dict[str, list[str]]] = []
        self.headers: list[dict[str, str]] = []
        self.failures: list[int] = []
        self.endless = False
        self.days: dict[int, list[Any]] = {}
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                status, body = outer.answer(self.path, dict(self.headers))
                content = json.dumps(body).encode()
                self.send_response(status)
                self.send_header("Retry-After", "0")
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            def log_message(self, format: str, *args: Any) -> None:
                pass

        self.http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.http.server_port}"
        self.thread = threading.Thread(target=self.http.serve_forever, args=(0.01,), daemon=True)
        self.thread.start()

    def answer(self, path: str, headers: dict[str, str]) -> tuple[int, Any]:
        query = parse_qs(urlsplit(path).query)
        self.asked.append(query)
        self.headers.append(headers)
        lower = {name.lower(): value for name, value in headers.items()}
        if "Bearer sk-admin" not in lower.get("authorization", "") and lower.get("x-api-key") != "sk-admin":
            return 401, {"error": "bad key"}
        if self.failures:
            return self.failures.pop(), {"error": "later"}
        if urlsplit(path).path == "/v1/organization/costs":
            return 200, self.openai(query)
        if urlsplit(path).path == "/v1/organizations/cost_report":
            return 200, self.anthropic(query)
        return 404, {}

    def openai(self, query: dict[str, list[str]]) -> Any:
        start = int(query.get("page", query["start_time"])[0])
        end = int(query["end_time"][0])
        shown = list(range(start, min(start + 2 * DAY, end), DAY))
        data = [{"start_time": s, "end_time": s + DAY, "results": self.days.get(s, [])} for s in shown]
        more = shown[-1] + DAY < end
        following = str(shown[-1] + DAY) if more else None
        return {"data": data, "has_more": more or self.endless, "next_page": "1" if self.endless else following}

    def anthropic(self, query: dict[str, list[str]]) -> Any:
        page = int(query.get("page", ["0"])[0])
        return anthropic_page([anthropic_result("100")], following=str(page + 1) if page < 2 else None)

    def close(self) -> None:
        self.http.shutdown()
        self.http.server_close()
        self.thread.join()


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    monkeypatch.setenv("ADMIN_KEY", "sk-admin")
    running = Server()
    yield running
    running.close()


def test_live_openai_costs_are_read_to_the_last_page_and_again_from_the_cursor(
    tmp_path: Path, read: Any, server: Server
) -> None:
    today = int(midnight(datetime.now(UTC)).timestamp())
    since = today - 40 * DAY
    for day in range(since, today + DAY, DAY):
        server.days[day] = [openai_result(1.5)]
    options = {"type": "openai_costs", "url": server.url, "key": "env:ADMIN_KEY",
               "since": datetime.fromtimestamp(since, UTC).date().isoformat(), "revisit_days": 3}
    got = read(tmp_path, **options)
    assert len(got.deliveries) == 2  # 31 days and the other 10
    assert len(got.charges) == 41
    assert got.total("billed_cost") == Decimal("61.5")
    assert len(server.asked) == 16 + 5
    assert server.asked[0]["group_by"] == ["project_id", "line_item"]
    assert len({row["event_key"] for row in got.charges}) == 41
    server.asked.clear()
    again = read(tmp_path, cursor=got.cursor, **options)
    assert [row["charge_start"].timestamp() for row in again.charges] == [today - i * DAY for i in (3, 2, 1, 0)]
    assert len(server.asked) == 2
    assert set(again.deliveries[0].snapshot_keys()) <= {k for d in got.deliveries for k in d.snapshot_keys()}
    saved = again.deliveries[0].raw
    assert isinstance(saved, bytes)
    (tmp_path / "saved.json").write_bytes(saved)
    assert read(tmp_path, type="openai_costs", path="saved.json").total("billed_cost") == 6


def test_live_anthropic_costs(tmp_path: Path, read: Any, server: Server) -> None:
    key = tmp_path / "key"
    key.write_text("sk-admin\n")
    since = (datetime.now(UTC) - timedelta(days=3)).date().isoformat()
    got = read(tmp_path, type="anthropic_costs", url=server.url + "/", key="file:key", since=since)
    assert got.total("billed_cost") == 3
    assert len(server.asked) == 3
    assert server.asked[0]["group_by[]"] == ["workspace_id", "description"]
    assert server.headers[0]["anthropic-version"] == "2023-06-01"


def test_a_refused_key_is_said_without_the_key(
    tmp_path: Path, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ADMIN_KEY", "sk-wrong")
    source = build({"type": "openai_costs", "url": server.url, "key": "env:ADMIN_KEY"}, tmp_path)
    probe = source.probe()
    assert not probe.reachable
    assert [finding.code for finding in probe.findings] == ["openai_costs.unreachable"]
    assert "401" in probe.findings[0].message
    with pytest.raises(SourceError, match="refused the key") as refusal:
        list(source.deliveries({}))
    assert "sk-wrong" not in str(refusal.value) + probe.findings[0].line()


def test_the_live_probe_asks_for_one_day(tmp_path: Path, server: Server) -> None:
    probe = build({"type": "openai_costs", "url": server.url, "key": "env:ADMIN_KEY"}, tmp_path).probe()
    assert probe.reachable
    assert len(server.asked) == 1
    assert int(server.asked[0]["end_time"][0]) - int(server.asked[0]["start_time"][0]) == DAY


def test_a_busy_server_is_asked_again(tmp_path: Path, read: Any, server: Server) -> None:
    server.failures = [429, 503]
    since = datetime.now(UTC).date().isoformat()
    read(tmp_path, type="openai_costs", url=server.url, key="env:ADMIN_KEY", since=since)
    assert len(server.asked) == 3


@pytest.mark.parametrize(("failures", "words"), [([404], "HTTP 404"), ([500] * 4, "HTTP 500")])
def test_other_answers_are_errors(tmp_path: Path, server: Server, failures: list[int], words: str) -> None:
    server.failures = list(failures)
    source = build({"type": "openai_costs", "url": server.url, "key": "env:ADMIN_KEY"}, tmp_path)
    with pytest.raises(SourceError, match=words):
        list(source.deliveries({}))


def test_paging_that_never_ends_is_an_error(tmp_path: Path, server: Server) -> None:
    server.endless = True
    source = build({"type": "openai_costs", "url": server.url, "key": "env:ADMIN_KEY"}, tmp_path)
    with pytest.raises(SourceError, match="never ends"):
        list(source.deliveries({}))


def test_an_absent_server_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ADMIN_KEY", "x")
    monkeypatch.setattr(vendor_pages, "RETRIES", 0)
    source = build({"type": "openai_costs", "url": "http://127.0.0.1:9", "key": "env:ADMIN_KEY"}, tmp_path)
    assert not source.probe().reachable
    with pytest.raises(SourceError, match="cannot be reached"):
        list(source.deliveries({}))


def test_a_missing_secret_is_an_error_and_a_literal_key_is_refused(tmp_path: Path) -> None:
    source = build({"type": "openai_costs", "url": "http://127.0.0.1:9", "key": "env:NO_SUCH_KEY"}, tmp_path)
    assert "NO_SUCH_KEY" in source.probe().findings[0].line()
    with pytest.raises(ConfigError, match="never the secret itself") as refusal:
        build({"type": "openai_costs", "url": "http://x", "key": "sk-live-123"}, tmp_path)
    assert "sk-live-123" not in str(refusal.value)
    for options in ({}, {"path": "a", "url": "b", "key": "env:C"}, {"url": "b"}):
        with pytest.raises(ConfigError, match=r"give either path|needs key"):
            build({"type": "openai_costs", **options}, tmp_path)


def test_no_saved_file_is_a_finding(tmp_path: Path) -> None:
    probe = build({"type": "anthropic_costs", "path": "*.json"}, tmp_path).probe()
    assert [finding.code for finding in probe.findings] == ["anthropic_costs.no_file"]
