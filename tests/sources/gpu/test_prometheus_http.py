"""Talking to a server: logins, patience, refusals. Every failure is a SourceError that says what to do."""

from __future__ import annotations

import base64
import json
import ssl
import threading
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import live_fleet
import pytest
from live_server import serving
from pydantic import ValidationError

from netyield.core.errors import ConfigError, SourceError
from netyield.core.finding import Severity
from netyield.sources.gpu.prometheus import Prometheus
from netyield.sources.gpu.prometheus_estimate import edges_closed
from netyield.sources.gpu.prometheus_http import PrometheusClient, TooMuch, answer, secret
from netyield.sources.gpu.prometheus_plan import Plan
from netyield.sources.gpu.prometheus_settings import PrometheusSettings
from netyield.sources.registry import build

DATA = Path(__file__).parents[2] / "data" / "prometheus"
GOOD = (200, {}, b'{"status":"success","data":{"resultType":"vector","result":[]}}')
Reply = tuple[int, dict[str, str], bytes]


@dataclass
class Heard:
    """What a stand-in server was asked."""

    requests: list[tuple[str, str, dict[str, str], bytes]] = field(default_factory=list)


@contextmanager
def standing_in(
    reply: Callable[[str, str, dict[str, str], bytes], Reply], tls: bool = False
) -> Iterator[tuple[str, Heard]]:
    """A local server that answers with ``reply(method, path, headers, body)``."""
    heard = Heard()

    class Handler(BaseHTTPRequestHandler):
        def _answer(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            headers = {name.lower(): value for name, value in self.headers.items()}
            heard.requests.append((self.command, self.path, headers, body))
            status, extra, content = reply(self.command, self.path, headers, body)
            self.send_response(status)
            for name, value in extra.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        do_GET = do_POST = _answer

        def log_message(self, format: str, *args: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    if tls:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(DATA / "localhost.pem", DATA / "localhost.key")
        server.socket = context.wrap_socket(server.socket, server_side=True)
        server.handle_error = lambda request, address: None  # type: ignore[method-assign]
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield f"{'https' if tls else 'http'}://127.0.0.1:{server.server_port}", heard
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def always(*replies: Reply) -> Callable[..., Reply]:
    """Each reply once, the last one for ever."""
    rest = list(replies)
    return lambda *_: rest.pop(0) if len(rest) > 1 else rest[0]


def client(url: str, root: Path = Path(), **options: Any) -> PrometheusClient:
    return PrometheusClient(PrometheusSettings(type="prometheus", url=url, **options), root, sleep=lambda _: None)


def error(status: int, text: str = "") -> Reply:
    return status, {}, json.dumps({"status": "error", "errorType": "x", "error": text}).encode()


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"user": "ann", "password": "env:PROM_SECRET"},
         {"authorization": "Basic " + base64.b64encode(b"ann:hunter2").decode()}),
        ({"bearer": "env:PROM_SECRET"}, {"authorization": "Bearer hunter2"}),
        ({"bearer": "file:token"}, {"authorization": "Bearer from-file"}),
        ({"tenant": "team-a"}, {"x-scope-orgid": "team-a"}),
        ({"headers": {"X-Api": "env:PROM_SECRET", "X-Plain": "1"}}, {"x-api": "hunter2", "x-plain": "1"}),
    ],
)
def test_logins_and_headers_reach_the_server(options, expected, tmp_path, monkeypatch) -> None:
    monkeypatch.setenv("PROM_SECRET", "hunter2")
    (tmp_path / "token").write_text("from-file\n", encoding="utf-8")
    with standing_in(always(GOOD)) as (url, heard), client(url, tmp_path, **options) as asking:
        asking.data("/api/v1/query", {"query": "up"})
    headers = heard.requests[0][2]
    assert {name: headers.get(name) for name in expected} == expected


@pytest.mark.prometheus
def test_a_whole_read_goes_through_a_proxy_that_wants_a_login(tmp_path, monkeypatch) -> None:
    monkeypatch.setenv("PROM_SECRET", "hunter2")
    fleet = live_fleet.build()
    with serving(tmp_path, fleet.text()) as upstream:
        def forward(method: str, path: str, headers: dict[str, str], body: bytes) -> Reply:
            if headers.get("authorization") != "Bearer hunter2" or headers.get("x-scope-orgid") != "team-a":
                return 401, {}, b"who are you?"
            request = urllib.request.Request(f"{upstream}{path}", data=body or None, method=method)
            try:
                with urllib.request.urlopen(request, timeout=20) as reply:
                    return reply.status, {}, reply.read()
            except urllib.error.HTTPError as refused:
                with refused:
                    return refused.code, {}, refused.read()

        with standing_in(forward) as (url, _):
            options = {"type": "prometheus", "url": url, "since": "2026-10-01", "until": "2026-10-01T02:00:00"}
            origin = build({**options, "bearer": "env:PROM_SECRET", "tenant": "team-a"}, tmp_path)
            rows = sum(chunk.tables[name].num_rows for delivery in origin.deliveries({}) for chunk in delivery.chunks()
                       for name in chunk.tables if name == "gpu_samples")
            stranger = build(options, tmp_path).probe()
    assert rows == sum(map(len, fleet.gpu.values()))
    assert not stranger.reachable
    assert [(finding.code, finding.severity) for finding in stranger.findings] == [
        ("prometheus.unreachable", Severity.ERROR)]
    assert "set bearer" in stranger.findings[0].repair


@pytest.mark.parametrize(
    ("reply", "kind", "repair"),
    [
        (error(401), SourceError, "set bearer"),
        (error(403), SourceError, "tenant"),
        (error(404), SourceError, "path prefix"),
        (error(400, "parse error"), SourceError, "selectors"),
        (error(422, "query processing would load too many samples into memory"), TooMuch, "max_samples_per_request"),
        (error(422, "the query exceeded the maximum number of chunks"), TooMuch, "max_samples_per_request"),
        (error(422, "many-to-many matching not allowed"), SourceError, "selectors"),
        ((413, {}, b""), TooMuch, "max_samples_per_request"),
        (error(503, "query timed out in expression evaluation"), TooMuch, "windows"),
        (error(503, "starting"), SourceError, "later"),
        ((200, {}, b"<html>log in</html>"), SourceError, "login page"),
        (error(200, "nonsense"), SourceError, "selectors"),
        ((302, {"Location": "https://sso.example.com/"}, b""), SourceError, "answers by itself"),
    ],
)
def test_refusals_say_what_to_do(reply, kind, repair) -> None:
    with standing_in(always(reply)) as (url, _), client(url, retries=1) as asking:
        with pytest.raises(SourceError) as caught:
            asking.data("/api/v1/query", {"query": "up"})
        assert type(caught.value) is kind
        assert repair in str(caught.value)


def test_patience_with_a_server_that_is_busy() -> None:
    with standing_in(always(error(503), (429, {"Retry-After": "1"}, b""), GOOD)) as (url, heard), client(url) as asking:
        assert asking.data("/api/v1/query", {"query": "up"})["result"] == []
    assert len(heard.requests) == 3


def test_no_patience_with_a_wrong_login() -> None:
    with standing_in(always(error(401))) as (url, heard), client(url) as asking, pytest.raises(SourceError):
        asking.data("/api/v1/query", {"query": "up"})
    assert len(heard.requests) == 1


def test_redirects_are_followed_on_the_same_server_only_and_not_for_ever(monkeypatch) -> None:
    monkeypatch.setenv("PROM_SECRET", "hunter2")
    inside = always((302, {"Location": "/prom/api/v1/query"}, b""), GOOD)
    with standing_in(inside) as (url, heard), client(url) as asking:
        asking.data("/api/v1/query", {"query": "up"})
        assert [path for _, path, _, _ in heard.requests] == ["/api/v1/query?query=up", "/prom/api/v1/query?query=up"]
    with standing_in(always(GOOD)) as (other, stranger), standing_in(
        lambda *_: (307, {"Location": f"{other}/api/v1/query"}, b"")
    ) as (url, _), client(url, bearer="env:PROM_SECRET") as asking:
        with pytest.raises(SourceError, match="redirects to"):
            asking.data("/api/v1/query", {"query": "up"})
        assert stranger.requests == []
    circle = pytest.raises(SourceError, match="circle")
    with standing_in(always((302, {"Location": "/again"}, b""))) as (url, _), client(url) as asking, circle:
        asking.data("/api/v1/query", {"query": "up"})


def test_long_queries_go_as_a_form_and_short_ones_as_get() -> None:
    with standing_in(always(GOOD)) as (url, heard), client(url) as asking:
        asking.data("/api/v1/query", {"query": "up"})
        asking.data("/api/v1/query", {"query": "x" * 3000, "time": "1.000"})
    assert [request[0] for request in heard.requests] == ["GET", "POST"]
    assert b"time=1.000" in heard.requests[1][3]


def test_an_endless_answer_is_cut_at_the_cap() -> None:
    large = always((200, {}, b" " * (2 << 20)))
    refused = pytest.raises(TooMuch, match="max_response_mib = 1")
    with standing_in(large) as (url, _), client(url, max_response_mib=1) as asking, refused:
        asking.data("/api/v1/query", {"query": "up"})


def test_a_server_that_is_not_there_and_one_that_does_not_answer() -> None:
    with standing_in(always(GOOD)) as (url, _):
        gone = url
    with client(gone, retries=0) as asking, pytest.raises(SourceError, match="cannot reach"):
        asking.data("/api/v1/query", {"query": "up"})
    wait = threading.Event()
    with standing_in(lambda *_: (wait.wait(5), GOOD)[1]) as (url, _):
        with client(url, retries=0, timeout_seconds=0.2) as asking, pytest.raises(TooMuch, match="did not answer"):
            asking.data("/api/v1/query", {"query": "up"})
        wait.set()


def test_an_unknown_certificate_is_refused_until_its_authority_is_given() -> None:
    with standing_in(always(GOOD), tls=True) as (url, _):
        with client(url, retries=0) as asking, pytest.raises(SourceError, match=r"not trusted.*set ca"):
            asking.data("/api/v1/query", {"query": "up"})
        with client(url, retries=0, ca=str(DATA / "localhost.pem")) as asking:
            assert asking.data("/api/v1/query", {"query": "up"})["result"] == []
        with client(url, retries=0, verify=False) as asking:
            assert asking.data("/api/v1/query", {"query": "up"})["result"] == []
    with pytest.raises(SourceError, match="PEM"):
        client("https://127.0.0.1:1", ca="nowhere.pem")


def test_secrets_are_references_and_an_absent_one_is_said(tmp_path, monkeypatch) -> None:
    monkeypatch.delenv("NOT_SET", raising=False)
    with pytest.raises(SourceError, match="is empty"):
        secret("env:NOT_SET", tmp_path)
    with pytest.raises(SourceError, match="cannot be read"):
        secret("file:nowhere", tmp_path)
    origin = Prometheus(PrometheusSettings(type="prometheus", url="http://127.0.0.1:1", bearer="env:NOT_SET"), tmp_path)
    assert origin.probe().findings[0].code == "prometheus.unreachable"


@pytest.mark.parametrize(
    "options",
    [
        {"password": "hunter2"}, {"bearer": "abc"}, {"url": "http://user:pw@host"}, {"url": "ftp://host"},
        {"url": "http://host?x=1"}, {"selectors": ["cluster=prod"]}, {"selectors": ['a="b"} or up{x="']},
        {"metrics": ["nonsense"]}, {"since": "yesterday"}, {"bearer": "env:A", "user": "b"}, {"windowseconds": 60},
    ],
)
def test_settings_refuse_secrets_in_clear_and_what_is_no_setting(options) -> None:
    with pytest.raises((ValidationError, ConfigError)):
        build({"type": "prometheus", "url": "http://host:9090", **options}, Path())


@pytest.mark.parametrize(("points", "closed"), [("2", True), ("1", False)])
def test_the_engine_itself_is_asked_how_it_counts_at_edges(points: str, closed: bool) -> None:
    body = {"status": "success", "data": {"resultType": "vector", "result": [{"metric": {}, "value": [0, points]}]}}
    with standing_in(always((200, {}, json.dumps(body).encode()))) as (url, _), client(url) as asking:
        assert edges_closed(asking, Plan(version="")) is closed


def test_a_server_that_counts_edges_in_its_own_way_is_read_raw_only() -> None:
    refused = pytest.raises(SourceError, match='mode = "raw"')
    with standing_in(always(GOOD)) as (url, _), client(url) as asking, refused:
        edges_closed(asking, Plan(version="2.24.0"))


def test_an_answer_must_be_an_answer() -> None:
    assert answer(GOOD[2], "u")["data"]["result"] == []
    with pytest.raises(SourceError):
        answer(b"[]", "u")


@pytest.mark.parametrize("data", ["null", "3", "[1]", '{"result":[{}]}', '{"result":[{"metric":{},"value":["a","b"]}]}',
                                  '{"resultType":"matrix","result":[{"metric":{"__name__":"up"},"values":[[1]]}]}'])
def test_a_server_that_speaks_another_language_is_a_finding_and_never_a_traceback(data: str) -> None:
    def reply(method: str, path: str, headers: dict[str, str], body: bytes) -> Reply:
        names = path.startswith("/api/v1/label/__name__")
        content = '["DCGM_FI_DEV_GPU_UTIL"]' if names else data
        return 200, {}, f'{{"status":"success","data":{content}}}'.encode()

    with standing_in(reply) as (url, _):
        origin = build({"type": "prometheus", "url": url, "since": "2026-10-01", "until": "2026-10-02"}, Path())
        probe = origin.probe()
        assert not probe.reachable
        with pytest.raises(SourceError):
            list(origin.deliveries({}))
