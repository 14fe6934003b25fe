"""OpenAI's costs API (``/v1/organization/costs``), its JSON pages saved or live.

    [[source]]
    type = "openai_costs"
    path = "openai/costs-*.json"          # or: url = "https://api.openai.com", key = "env:OPENAI_ADMIN_KEY"

Amounts are JSON numbers that were binary floating point at the sender; they are read as the shortest decimal. The
model and token class come from the line item ("gpt-4o-2024-08-06, input"), so save pages grouped by line_item.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, ClassVar

from netyield.core.period import Period
from netyield.sources.bills.cost_api import CostApi, currency_code
from netyield.sources.bills.cost_api_settings import CostApiSettings
from netyield.sources.bills.sku_details import token_class
from netyield.sources.bills.vendor_pages import WINDOW_DAYS, Params

MODEL_NAME = re.compile(r"[a-z0-9]+(?:[-.:_/][A-Za-z0-9.:_/-]+)+")


class OpenAICosts(CostApi):
    """Charges from OpenAI's daily costs."""

    type: ClassVar[str] = "openai_costs"
    vendor_name: ClassVar[str] = "OpenAI"
    service: ClassVar[str] = "OpenAI API"
    endpoint: ClassVar[str] = "/v1/organization/costs"

    class Settings(CostApiSettings):
        """Keys of ``type = "openai_costs"``."""

    def headers(self, key: str) -> Mapping[str, str]:
        """Bearer authentication with an admin key."""
        return {"Authorization": f"Bearer {key}"}

    def params(self, window: Period) -> Params:
        """Days by project and line item."""
        return [
            ("start_time", str(int(window.since.timestamp()))),
            ("end_time", str(int(window.until.timestamp()))),
            ("bucket_width", "1d"),
            ("limit", str(WINDOW_DAYS)),
            ("group_by", "project_id"),
            ("group_by", "line_item"),
        ]

    def bucket(self, bucket: Mapping[str, Any]) -> tuple[datetime, datetime]:
        """``start_time`` and ``end_time`` are Unix seconds."""
        start = datetime.fromtimestamp(int(bucket["start_time"]), UTC)
        end = bucket.get("end_time")
        return start, start if end is None else datetime.fromtimestamp(int(end), UTC)

    def line(self, result: Mapping[str, Any]) -> tuple[str, str, dict[str, Any]]:
        """One result: amount, project and line item."""
        amount = result["amount"]
        item = result.get("line_item")
        model, kind = model_of(item)
        project = result.get("project_id")
        columns = {
            "charge_description": item or "OpenAI API costs (not grouped by line item)",
            "sku_meter": item,
            "sub_account_id": project,
            "sub_account_name": result.get("project_name") or project,
            "model": model,
            "token_class": kind,
        }
        return _amount_text(amount["value"]), currency_code(amount["currency"]), columns


def _amount_text(value: Any) -> str:
    """Plain digits of a number or text; numbers with a point were read as the shortest decimal already."""
    if isinstance(value, bool) or value is None:
        message = f"{value!r} is no amount"
        raise ValueError(message)
    return f"{value:f}" if isinstance(value, Decimal) else str(value)


def model_of(line_item: str | None) -> tuple[str | None, str | None]:
    """(model, token class) of a line item such as "gpt-4o-2024-08-06, cached input"; null where it names none."""
    if not line_item:
        return None, None
    name, _, words = line_item.partition(",")
    name = name.strip()
    kind = token_class(words) if words else None
    named = MODEL_NAME.fullmatch(name) or (kind and " " not in name)
    return name if named else None, kind
