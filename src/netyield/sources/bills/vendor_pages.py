"""Pages of a cost API, saved or live. What did the vendor say each day cost, down to the last page?

Live reads go window by window from the cursor to now, follow ``next_page`` to the end (page one alone is a fraction of
the spend), and read the last few days again because vendors still correct them. What came back is kept as one JSON
list of pages, so that it can be read again from a file.
"""

from __future__ import annotations

import gzip
import json
import time
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

from netyield.core.errors import SourceError
from netyield.core.period import DAY, Period, midnight
from netyield.sources.files import Place, open_binary

WINDOW_DAYS = 31  # buckets of one request: both vendors allow it
MOST_PAGES = 1_000
MOST_BYTES = 256 << 20
TIMEOUT_SECONDS = 60.0
RETRIES = 3
LONGEST_WAIT_SECONDS = 60.0
TRY_AGAIN = frozenset({429, 500, 502, 503, 504, 529})
Params = Sequence[tuple[str, str]]


def shortest(text: str) -> Decimal:
    """A JSON number that was binary floating point at the sender: the shortest decimal that gives it back."""
    return Decimal(repr(float(text)))


def saved_bytes(path: Path) -> bytes:
    """A saved answer, unpacked; nothing when it is damaged (which is then no page). Raises OSError: not readable."""
    try:
        with open_binary(path) as stream:
            return stream.read()
    except (gzip.BadGzipFile, EOFError, zlib.error):
        return b""


def pages(content: bytes) -> list[dict[str, Any]]:
    """One page, a list of pages or one page per line. Raises ValueError when it is none of these."""
    text = content.decode("utf-8-sig")
    try:
        found = json.loads(text, parse_float=shortest)
    except ValueError:
        found = [json.loads(line, parse_float=shortest) for line in text.splitlines() if line.strip()]
    listed = found if isinstance(found, list) else [found]
    if not listed or not all(isinstance(page, dict) and isinstance(page.get("data"), list) for page in listed):
        message = 'there is no page with a "data" list in it'
        raise ValueError(message)
    return listed


def incomplete(listed: Sequence[Mapping[str, Any]]) -> bool:
    """Whether the last page says that more follow."""
    return bool(listed) and bool(listed[-1].get("has_more"))


def windows(since: datetime, until: datetime) -> Iterator[Period]:
    """Whole UTC days from ``since`` to the end of the day of ``until``, in requests the vendors allow."""
    start, end = midnight(since), midnight(until) + DAY
    while start < end:
        stop = min(start + timedelta(days=WINDOW_DAYS), end)
        yield Period(start, stop)
        start = stop


@dataclass(slots=True)
class CostApiClient:
    """GET with headers, pages followed to the end. ``headers`` hold the key and are never shown."""

    vendor: str
    url: str
    headers: Mapping[str, str] = field(repr=False)
    sleep: Callable[[float], None] = time.sleep

    def fetch(self, params: Params) -> bytes:
        """Every page of one window as a JSON list. Raises SourceError when one of them does not come."""
        import httpx2  # 0.1 s to import, and only live reads need it

        bodies: list[bytes] = []
        token: str | None = None
        with httpx2.Client(headers=dict(self.headers), timeout=TIMEOUT_SECONDS, follow_redirects=False) as client:
            while True:
                asked = [*params, *([("page", token)] if token else [])]
                body = self._get(client, asked)
                bodies.append(body)
                page = self._page(body)
                following = page.get("next_page")
                if not page.get("has_more"):
                    return b"[" + b",".join(bodies) + b"]"
                if not following or following == token or len(bodies) >= MOST_PAGES:
                    message = f"{self.vendor} says that more pages follow but not which, or never ends;"
                    raise SourceError(message, "narrow the window with since, or try again later.")
                token = str(following)

    def _page(self, body: bytes) -> dict[str, Any]:
        try:
            return pages(body)[0]
        except ValueError as error:
            message = f"the answer of {self.vendor} is not a page of costs ({error});"
            raise SourceError(message, "check the url.") from None

    def _get(self, client: Any, params: Params) -> bytes:
        import httpx2

        for attempt in range(RETRIES + 1):
            try:
                response = client.get(self.url, params=list(params))
            except httpx2.HTTPError as error:
                if attempt < RETRIES:
                    self.sleep(2.0**attempt)
                    continue
                message = f"{self.vendor} at {self.url} cannot be reached ({type(error).__name__});"
                raise SourceError(message, "check the url and the network.") from None
            if response.status_code in TRY_AGAIN and attempt < RETRIES:
                self.sleep(_wait(response.headers.get("retry-after"), attempt))
                continue
            return self._body(response)
        raise AssertionError  # the last attempt returns or raises

    def _body(self, response: Any) -> bytes:
        if response.status_code in (401, 403):
            message = f"{self.vendor} refused the key (HTTP {response.status_code});"
            raise SourceError(message, "cost reports need an organisation's admin key; check the key setting.")
        if response.status_code != 200:
            message = f"{self.vendor} answered HTTP {response.status_code};"
            raise SourceError(message, "check the url, or try again later.")
        content: bytes = response.content
        if len(content) > MOST_BYTES:
            message = f"{self.vendor} answered more than {MOST_BYTES >> 20} MiB;"
            raise SourceError(message, "check the url.")
        return content


def _wait(retry_after: str | None, attempt: int) -> float:
    try:
        asked = float(retry_after) if retry_after else 2.0**attempt
    except ValueError:
        asked = 2.0**attempt
    return min(max(asked, 0.0), LONGEST_WAIT_SECONDS)


def unreadable(place: Place, error: Exception) -> Any:
    """The finding for a saved file that holds no pages."""
    message = f"the file holds no page of costs: {error}"
    return place.error("bad_page", message, "Save the API's JSON answer unchanged, one page or a list of pages.")
