"""A small FOCUS 1.2 bill as CSV: only what a test says, everything else as a plain one-day usage line."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Mapping
from typing import Any

USUAL: Mapping[str, str] = {
    "BillingAccountId": "acct", "BillingAccountName": "Account", "BillingCurrency": "USD", "BilledCost": "0",
    "BillingPeriodStart": "2026-03-01T00:00:00Z", "BillingPeriodEnd": "2026-04-01T00:00:00Z",
    "ChargeCategory": "Usage", "ChargeClass": "", "ChargeDescription": "", "ChargeFrequency": "Usage-Based",
    "ChargePeriodStart": "2026-03-02T00:00:00Z", "ChargePeriodEnd": "2026-03-03T00:00:00Z",
    "CommitmentDiscountId": "", "CommitmentDiscountStatus": "", "CommitmentDiscountCategory": "",
    "ConsumedQuantity": "", "ConsumedUnit": "", "ContractedCost": "0", "EffectiveCost": "0", "InvoiceIssuerName": "Cloud",
    "ListCost": "0", "PricingQuantity": "", "PricingUnit": "", "ProviderName": "Cloud", "PublisherName": "Cloud",
    "RegionId": "eu", "ResourceId": "", "ResourceName": "", "ResourceType": "", "ServiceCategory": "Compute",
    "ServiceName": "Elastic Compute", "SkuId": "", "SkuPriceDetails": "", "SubAccountId": "sub", "Tags": "{}",
}
GPU = {"SkuPriceDetails": json.dumps({"GpuCount": 1}), "ConsumedUnit": "Hours", "ConsumedQuantity": "24"}


def line(cost: str, **columns: Any) -> dict[str, str]:
    """One charge with this EffectiveCost and BilledCost."""
    assert set(columns) <= set(USUAL)
    return {**USUAL, "EffectiveCost": cost, "BilledCost": cost, "ListCost": cost, "ContractedCost": cost, **columns}


def bill(*lines: Mapping[str, str]) -> str:
    stream = io.StringIO(newline="")
    writer = csv.DictWriter(stream, list(USUAL), lineterminator="\n")
    writer.writeheader()
    writer.writerows(lines)
    return stream.getvalue()
