"""What can be set on a cost API source?"""

from __future__ import annotations

from datetime import date
from typing import Any

from pydantic import Field, field_validator, model_validator

from netyield.core.period import parse_time
from netyield.sources.contract import SourceSettings
from netyield.sources.secret import check_reference


class CostApiSettings(SourceSettings):
    """``path`` of saved pages, or ``url`` and ``key`` (``env:NAME`` or ``file:/path``) for live ones."""

    path: str = ""
    url: str = ""
    key: str = ""
    organization: str | None = None
    since: str = ""
    lookback_days: int = Field(default=31, ge=1, le=3650)
    revisit_days: int = Field(default=5, ge=0, le=366)

    @field_validator("key")
    @classmethod
    def _only_a_reference(cls, key: str) -> str:
        return check_reference(key)

    @field_validator("since", mode="before")
    @classmethod
    def _a_date(cls, since: Any) -> Any:
        """TOML dates and times, or their text."""
        if isinstance(since, date):
            return since.isoformat()
        if isinstance(since, str) and since:
            parse_time(since)
        return since

    @model_validator(mode="after")
    def _one_of_both(self) -> CostApiSettings:
        if bool(self.path) == bool(self.url):
            message = "give either path (saved pages) or url and key (live)"
            raise ValueError(message)
        if self.url and not self.key:
            message = "a live url needs key, such as env:OPENAI_ADMIN_KEY"
            raise ValueError(message)
        return self
