"""Anthropic's cost report (``/v1/organizations/cost_report``), its JSON pages saved or live.

    [[source]]
    type = "anthropic_costs"
    path = "anthropic/*.json"             # or: url = "https://api.anthropic.com", key = "env:ANTHROPIC_ADMIN_KEY"

Amounts are decimal strings in CENTS ("123.45" is 1.2345 dollars). A null workspace is the default one. Priority Tier
cost is billed otherwise and is absent from this report: a remark says so.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any, ClassVar

from netyield.core.finding import Finding
from netyield.core.money import CONTEXT
from netyield.core.period import Period, iso, parse_time
from netyield.sources.amounts import read_number
from netyield.sources.bills.cost_api import CostApi, currency_code
from netyield.sources.bills.cost_api_settings import CostApiSettings
from netyield.sources.bills.sku_details import token_class
from netyield.sources.bills.vendor_pages import WINDOW_DAYS, Params
from netyield.sources.files import Place

CENTS_PLACES = 2
API_VERSION = "2023-06-01"
DEFAULT_WORKSPACE = "default"


class AnthropicCosts(CostApi):
    """Charges from Anthropic's daily cost report."""

    type: ClassVar[str] = "anthropic_costs"
    vendor_name: ClassVar[str] = "Anthropic"
    service: ClassVar[str] = "Claude API"
    endpoint: ClassVar[str] = "/v1/organizations/cost_report"

    class Settings(CostApiSettings):
        """Keys of ``type = "anthropic_costs"``."""

    def headers(self, key: str) -> Mapping[str, str]:
        """An admin key and the API version."""
        return {"x-api-key": key, "anthropic-version": API_VERSION}

    def params(self, window: Period) -> Params:
        """Days by workspace and description (which brings model and token type)."""
        return [
            ("starting_at", iso(window.since)),
            ("ending_at", iso(window.until)),
            ("bucket_width", "1d"),
            ("limit", str(WINDOW_DAYS)),
            ("group_by[]", "workspace_id"),
            ("group_by[]", "description"),
        ]

    def bucket(self, bucket: Mapping[str, Any]) -> tuple[datetime, datetime]:
        """``starting_at`` and ``ending_at`` are RFC 3339."""
        start = parse_time(bucket["starting_at"])
        end = bucket.get("ending_at")
        return start, start if end is None else parse_time(end)

    def line(self, result: Mapping[str, Any]) -> tuple[str, str, dict[str, Any]]:
        """One result: cents, workspace, model, token type, tier and context window."""
        if not isinstance(result["amount"], str):
            message = f"the amount {result['amount']!r} is not decimal text in cents"
            raise ValueError(message)
        amount = CONTEXT.scaleb(read_number(result["amount"]), -CENTS_PLACES)
        workspace = result.get("workspace_id") or DEFAULT_WORKSPACE
        token_type = result.get("token_type")
        said = {key: result[key] for key in ("cost_type", "service_tier", "context_window", "token_type", "model")
                if result.get(key) is not None}
        columns = {
            "charge_description": result.get("description") or "Claude API costs (not grouped by description)",
            "sku_meter": token_type or result.get("cost_type"),
            "sku_price_details": json.dumps(said, sort_keys=True, separators=(",", ":")) if said else None,
            "sub_account_id": workspace,
            "sub_account_name": workspace,
            "region": result.get("inference_geo"),
            "model": result.get("model"),
            "token_class": token_class(token_type) if token_type else None,
        }
        return f"{amount:f}", currency_code(result["currency"]), columns

    def remarks(self, place: Place) -> list[Finding]:
        """What the report leaves out."""
        message = "Priority Tier cost is not part of Anthropic's cost report; if you bought it, this total lacks it"
        return [place.info("priority_tier", message, "Add the commitment's invoice as a FOCUS bill or a rate card.")]
