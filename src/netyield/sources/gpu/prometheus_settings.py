"""What can be set on a ``[[source]] type = "prometheus"``, and which window does it read?"""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta
from typing import Literal

from pydantic import Field, field_validator, model_validator

from netyield.core.period import micros, parse_time
from netyield.sources.contract import SourceSettings
from netyield.sources.gpu.aliases import SIGNALS, UtilScale
from netyield.sources.gpu.series_owners import Allocation

MINUTE_MS = 60_000
_MATCHER = re.compile(r'[a-zA-Z_][a-zA-Z0-9_]*\s*(=|!=|=~|!~)\s*"(?:[^"\\]|\\.)*"')
_REFERENCE = re.compile(r"(env|file):.+")


class PrometheusSettings(SourceSettings):
    """Keys of the source. Secrets only by reference: ``env:NAME`` or ``file:/path``.

    ``selectors`` are extra matchers for every series (``cluster="prod"``), ``gpu_selectors`` for GPU series only.
    ``mode = "windows"`` asks the server for one mean per ``window_seconds`` instead of every sample. Without
    ``since`` the last ``lookback_days`` are read at first; without ``until`` up to ``settle_seconds`` ago.
    """

    type: Literal["prometheus"] = "prometheus"
    url: str
    user: str = ""
    password: str = ""
    bearer: str = ""
    tenant: str = ""
    headers: dict[str, str] = Field(default_factory=dict)
    verify: bool = True
    ca: str = ""
    since: str = ""
    until: str = ""
    lookback_days: int = Field(default=15, ge=1, le=3650)
    settle_seconds: int = Field(default=120, ge=0)
    mode: Literal["raw", "windows"] = "raw"
    window_seconds: int = Field(default=300, ge=10, le=86_400)
    selectors: list[str] = Field(default_factory=list)
    gpu_selectors: list[str] = Field(default_factory=list)
    metrics: list[str] = Field(default_factory=lambda: list(SIGNALS))
    engines: bool = True
    kubernetes: bool = True
    scrape_interval_seconds: float | None = Field(default=None, gt=0)
    hold_factor: int = Field(default=3, ge=1, le=100)
    util_scale: UtilScale | None = None
    allocation: Allocation = "auto"
    pool: str = ""
    host: str = ""
    max_samples_per_request: int = Field(default=500_000, ge=100)
    max_response_mib: int = Field(default=256, ge=1)
    timeout_seconds: float = Field(default=60.0, gt=0)
    retries: int = Field(default=3, ge=0, le=10)

    @field_validator("url")
    @classmethod
    def _plain_url(cls, url: str) -> str:
        if not re.fullmatch(r"https?://[^\s/?#@]+(/[^\s?#@]*)?", url):
            message = "give http(s)://host:port with an optional path prefix; user and password have their own keys"
            raise ValueError(message)
        return url.rstrip("/")

    @field_validator("since", "until", mode="before")
    @classmethod
    def _moment(cls, value: object) -> object:
        return value.isoformat() if isinstance(value, date) else value  # TOML has dates and times of its own

    @field_validator("password", "bearer")
    @classmethod
    def _reference(cls, text: str) -> str:
        if text and not _REFERENCE.fullmatch(text):
            message = 'write a reference, "env:NAME" or "file:/path", never the secret itself'
            raise ValueError(message)
        return text

    @field_validator("selectors", "gpu_selectors")
    @classmethod
    def _matchers(cls, matchers: list[str]) -> list[str]:
        for matcher in matchers:
            if not _MATCHER.fullmatch(matcher):
                message = f'{matcher!r} is no matcher; write label="value" (or !=, =~, !~)'
                raise ValueError(message)
        return matchers

    @field_validator("metrics")
    @classmethod
    def _signals(cls, names: list[str]) -> list[str]:
        unknown = sorted(set(names) - set(SIGNALS))
        if unknown:
            message = f"unknown signals {unknown}; known are {list(SIGNALS)}"
            raise ValueError(message)
        return names

    @model_validator(mode="after")
    def _consistent(self) -> PrometheusSettings:
        if self.bearer and (self.user or self.password):
            message = "set either bearer or user and password"
            raise ValueError(message)
        for text in (self.since, self.until):
            if text:
                parse_time(text, self.timezone)
        return self

    @property
    def interval_us(self) -> int | None:
        """The declared scrape interval in microseconds."""
        return round(self.scrape_interval_seconds * 1e6) if self.scrape_interval_seconds else None

    def window_ms(self, now: datetime) -> tuple[int, int]:
        """[since, until) in milliseconds, the unit of Prometheus; in windows mode cut to whole windows. Never past
        what has settled at ``now``: a window is read once."""
        until = parse_time(self.until, self.timezone) if self.until else now.astimezone(UTC) - timedelta(
            seconds=self.settle_seconds)
        since = parse_time(self.since, self.timezone) if self.since else until - timedelta(days=self.lookback_days)
        latest = micros(now) // 1000 - self.settle_seconds * 1000
        first, last = micros(since) // 1000, min(micros(until) // 1000, latest - latest % MINUTE_MS)
        if self.mode == "windows":
            step = self.window_seconds * 1000
            first, last = first + -first % step, last - last % step
        return first, max(first, last)
