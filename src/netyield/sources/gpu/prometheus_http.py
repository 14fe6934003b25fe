"""Asking a Prometheus server. One request in, its bytes out; every failure says what to do about it.

Answers are streamed and capped, never followed to another host, retried where the server asks for patience. A
request that is too large for the server raises TooMuch, and the caller asks for half.
"""

from __future__ import annotations

import json
import os
import re
import ssl
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import httpx2

from netyield.core.errors import SourceError
from netyield.sources.gpu.prometheus_settings import PrometheusSettings

LONGEST_GET = 2000  # longer queries go as a form, as Grafana does
MOST_REDIRECTS = 3
_PATIENCE = frozenset({429, 502, 503, 504})
_TOO_MANY = re.compile(r"too many samples|exceed|maximum number|too large|limit|timed? ?out", re.IGNORECASE)
Params = Mapping[str, str | list[str]]


class TooMuch(SourceError):
    """The server or the size cap refused a request for its size or duration."""


def secret(reference: str, root: Path) -> str:
    """The secret behind ``env:NAME`` or ``file:/path`` (relative to ``root``). Raises SourceError when it is absent."""
    kind, _, place = reference.partition(":")
    if kind == "env":
        value = os.environ.get(place, "")
    else:
        try:
            value = (root / Path(place).expanduser()).read_text(encoding="utf-8").strip()
        except OSError as error:
            message = f"the secret {reference!r} cannot be read ({error.strerror});"
            raise SourceError(message, "check the path and its permissions.") from None
    if not value:
        message = f"the secret {reference!r} is empty;"
        raise SourceError(message, "set it before the run.")
    return value


class PrometheusClient:
    """The HTTP API of one server. ``requests`` and ``bytes`` count what was asked and received."""

    def __init__(self, settings: PrometheusSettings, root: Path, sleep: Callable[[float], None] = time.sleep) -> None:
        self._settings = settings
        self._sleep = sleep
        self.requests = 0
        self.bytes = 0
        headers = {name: _header(value, root) for name, value in settings.headers.items()}
        if settings.tenant:
            headers["X-Scope-OrgID"] = settings.tenant
        if settings.bearer:
            headers["Authorization"] = f"Bearer {secret(settings.bearer, root)}"
        auth = (settings.user, secret(settings.password, root) if settings.password else "") if settings.user else None
        self._client = httpx2.Client(
            headers=headers, auth=auth, verify=_verify(settings, root), timeout=settings.timeout_seconds,
            follow_redirects=False,
        )

    def __enter__(self) -> PrometheusClient:
        return self

    def __exit__(self, *_: object) -> None:
        self._client.close()

    def data(self, path: str, params: Params | None = None) -> Any:
        """The ``data`` of an answer. Raises SourceError."""
        return answer(self.ask(path, params or {}), self._settings.url)["data"]

    def ask(self, path: str, params: Params) -> bytes:
        """The bytes of an answer with status 200. Raises SourceError, or TooMuch for what half a request may cure."""
        last: SourceError | None = None
        for attempt in range(self._settings.retries + 1):
            if attempt:
                self._sleep(min(0.5 * 2**attempt, 10.0))
            try:
                status, headers, body = self._send(path, params)
            except httpx2.TimeoutException:
                text = f"{self._settings.url} did not answer within {self._settings.timeout_seconds:g} s;"
                last = TooMuch(text, "raise timeout_seconds or lower max_samples_per_request.")
                continue
            except httpx2.TransportError as error:
                last = self._unreachable(error)
                if _certificate(error) or (attempt and isinstance(error, httpx2.ConnectError)):
                    break  # nobody listens: more patience would not change that
                continue
            if status == 200:
                return body
            last = self._refused(status, body)
            if status not in _PATIENCE:
                break
            if headers.get("retry-after", "").isdigit():
                self._sleep(min(float(headers["retry-after"]), 30.0))
        raise last or SourceError("no answer;")

    def _send(self, path: str, params: Params) -> tuple[int, Mapping[str, str], bytes]:
        """One exchange, following redirects only within the same origin."""
        url = httpx2.URL(f"{self._settings.url}{path}")
        form = sum(len(text) for value in params.values() for text in value) > LONGEST_GET
        for _ in range(MOST_REDIRECTS + 1):
            self.requests += 1
            request: dict[str, Any] = {"data": dict(params)} if form else {"params": dict(params)}
            with self._client.stream("POST" if form else "GET", url, **request) as reply:
                if not reply.is_redirect:
                    return reply.status_code, reply.headers, self._read(reply)
                target = url.join(reply.headers.get("location", ""))
            if (target.scheme, target.host, target.port) != (url.scheme, url.host, url.port):
                message = f"{self._settings.url} redirects to {target.scheme}://{target.host};"
                raise SourceError(message, "set url to the address that answers by itself (and check its login).")
            url = target.copy_with(query=None)
        message = f"{self._settings.url} redirects in a circle;"
        raise SourceError(message, "set url to the address that answers by itself.")

    def _read(self, reply: httpx2.Response) -> bytes:
        """The body, piece by piece, up to the cap."""
        cap = self._settings.max_response_mib << 20
        pieces, size = [], 0
        for piece in reply.iter_bytes():
            size += len(piece)
            if size > cap:
                message = f"an answer is larger than max_response_mib = {self._settings.max_response_mib};"
                raise TooMuch(message, "lower max_samples_per_request or raise max_response_mib.")
            pieces.append(piece)
        self.bytes += size
        return b"".join(pieces)

    def _unreachable(self, error: httpx2.TransportError) -> SourceError:
        certificate = _certificate(error)
        if certificate:
            message = f"the certificate of {self._settings.url} is not trusted ({certificate});"
            return SourceError(message, "set ca to your authority's file (or verify = false, at your own risk).")
        message = f"cannot reach {self._settings.url} ({error});"
        return SourceError(message, "check url, name resolution and firewall.")

    def _refused(self, status: int, body: bytes) -> SourceError:
        """The error an answer stands for."""
        reason = _reason(body)
        start = f"{self._settings.url} answered {status}" + (f" ({reason})" if reason else "") + ";"
        if status == 401:
            return SourceError(start, "set bearer, or user and password (env: or file: references).")
        if status == 403:
            return SourceError(start, "the login lacks the right to query, or set tenant (X-Scope-OrgID).")
        if status == 404:
            return SourceError(start, "url must be the base under which /api/v1/query answers; add its path prefix.")
        if status in {413, 504} or (status in {422, 500, 503} and _TOO_MANY.search(reason)):
            return TooMuch(start, "lower max_samples_per_request, or use mode = \"windows\".")
        if status in _PATIENCE:
            return SourceError(start, "the server is overloaded or starting; try again later.")
        return SourceError(start, "check url and selectors.")


def answer(body: bytes, url: str) -> dict[str, Any]:
    """The parsed answer of the API. Raises SourceError when it is none, or says it failed."""
    try:
        parsed = json.loads(body)
    except ValueError:
        parsed = None
    if not isinstance(parsed, dict) or "status" not in parsed:
        message = f"{url} does not answer like Prometheus;"
        raise SourceError(message, "url must be the base under which /api/v1/query answers (a login page is not).")
    if parsed["status"] != "success" or "data" not in parsed:
        message = f"{url} refused the query ({parsed.get('error', 'no reason given')});"
        raise SourceError(message, "check selectors.")
    return parsed


def _reason(body: bytes) -> str:
    """The server's own words, one line, short."""
    try:
        text = str(json.loads(body).get("error", ""))
    except (ValueError, AttributeError):
        text = ""
    return " ".join(text.split())[:300]


def _certificate(error: BaseException) -> str:
    """What is wrong with the certificate, when that is the cause."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, ssl.SSLCertVerificationError):
            return cause.verify_message
        cause = cause.__cause__ or cause.__context__
    return "certificate verify failed" if "CERTIFICATE_VERIFY_FAILED" in str(error) else ""


def _header(value: str, root: Path) -> str:
    return secret(value, root) if value.startswith(("env:", "file:")) else value


def _verify(settings: PrometheusSettings, root: Path) -> ssl.SSLContext | bool:
    if not settings.verify:
        return False
    if not settings.ca:
        return True
    try:
        return ssl.create_default_context(cafile=str(root / Path(settings.ca).expanduser()))
    except (OSError, ssl.SSLError) as error:
        message = f"ca = {settings.ca!r} cannot be read ({error});"
        raise SourceError(message, "give the path of a PEM file.") from None
