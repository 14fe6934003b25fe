"""One line of the example bill: fills the FOCUS 1.4 columns that follow from others, exactly."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal

from netyield.core.money import CONTEXT, text
from netyield.core.period import iso
from netyield.testing.example.focus_columns import COST_AND_USAGE
from netyield.testing.example.plan import DAYS, START

Row = dict[str, str]
MONTH_START = START - timedelta(days=4)
MONTH_HOURS = 31 * 24
WINDOW_FROM_MONTH_START_HOURS = 4 * 24
HOURS = DAYS * 24
EC2 = ("Amazon Elastic Compute Cloud", "Compute", "Virtual Machines")

PROVIDERS = {
    "aws": ("Amazon Web Services", "481210374455", "Example Company production", "us-east-1"),
    "openai": ("OpenAI", "org-8Zk2vQh1", "Example Company", ""),
    "anthropic": ("Anthropic", "ws-01HXK3", "Example Company", ""),
    "nimbus": ("Nimbus AI", "nmb-20931", "Example Company", ""),
    "github": ("GitHub", "example-company", "Example Company", ""),
    "contoso": ("Contoso Data", "C-55812", "Example Company", ""),
}


@dataclass(frozen=True, slots=True)
class Line:
    """What a bill line says. Hours count from the window's start; costs follow from quantity and unit prices.

    effective: the amortised cost where it differs from contracted price times quantity; billed likewise.
    """

    step: str  # where the waterfall must put its effective cost ("" for lines of several steps)
    provider: str
    service: tuple[str, str, str]  # name, category, subcategory
    description: str
    start_hour: int
    hours: int
    quantity: Decimal
    unit: str
    unit_price: Decimal
    list_price: Decimal | None = None
    effective: Decimal | None = None
    billed: Decimal | None = None
    category: str = "Usage"
    frequency: str = "Usage-Based"
    charge_class: str = ""
    sku: str = ""
    meter: str = ""
    details: Mapping[str, object] | None = None
    resource: tuple[str, str, str] = ("", "", "")  # id, name, type
    tags: Mapping[str, str] | None = None
    consumed: tuple[Decimal, str] | None = None
    more: Mapping[str, str] | None = None
    pool: str = ""

    @property
    def contracted_cost(self) -> Decimal:
        """ContractedCost."""
        return CONTEXT.multiply(self.unit_price, self.quantity)

    @property
    def effective_cost(self) -> Decimal:
        """EffectiveCost."""
        return self.contracted_cost if self.effective is None else self.effective

    @property
    def billed_cost(self) -> Decimal:
        """BilledCost."""
        return self.contracted_cost if self.billed is None else self.billed

    @property
    def list_cost(self) -> Decimal:
        """ListCost."""
        return CONTEXT.multiply(self.unit_price if self.list_price is None else self.list_price, self.quantity)

    def in_window(self, amount: Decimal, window_hours: int) -> Decimal:
        """The part of an amount whose hours fall in the window: whole, or a month cut by cumulative integers."""
        if self.start_hour >= 0 and self.start_hour + self.hours <= window_hours:
            return amount
        pico = int(CONTEXT.scaleb(amount, 12))
        since = -self.start_hour
        parts = [abs(pico) * edge // self.hours for edge in (since, since + window_hours)]
        cut = parts[1] - parts[0]
        return CONTEXT.scaleb(Decimal(cut if pico >= 0 else -cut), -12)

    def row(self) -> Row:
        """The line as FOCUS columns; absent values are empty."""
        name, account, account_name, region = PROVIDERS[self.provider]
        start, end = (iso(START + timedelta(hours=hour)) for hour in (self.start_hour, self.start_hour + self.hours))
        row = dict.fromkeys(COST_AND_USAGE, "")
        row |= {
            "BillingAccountId": account,
            "BillingAccountName": account_name,
            "BillingAccountType": "Organization",
            "BillingCurrency": "USD",
            "BillingPeriodStart": iso(MONTH_START),
            "BillingPeriodEnd": iso(MONTH_START + timedelta(hours=MONTH_HOURS)),
            "ChargeCategory": self.category,
            "ChargeClass": self.charge_class,
            "ChargeDescription": self.description,
            "ChargeFrequency": self.frequency,
            "ChargePeriodStart": start,
            "ChargePeriodEnd": end,
            "InvoiceIssuerName": name,
            "HostProviderName": name,
            "ServiceProviderName": name,
            "ServiceName": self.service[0],
            "ServiceCategory": self.service[1],
            "ServiceSubcategory": self.service[2],
            "BilledCost": text(self.billed_cost),
            "EffectiveCost": text(self.effective_cost),
            "ListCost": text(self.list_cost),
            "ContractedCost": text(self.contracted_cost),
            "PricingCurrency": "USD",
            "PricingCurrencyEffectiveCost": text(self.effective_cost),
            "RegionId": region,
            "RegionName": region,
            "ResourceId": self.resource[0],
            "ResourceName": self.resource[1],
            "ResourceType": self.resource[2],
            "Tags": json.dumps(self.tags) if self.tags else "",
        }
        if self.sku:
            row |= self._priced()
        return row | dict(self.more or {})

    def _priced(self) -> Row:
        unit_price = text(self.unit_price)
        list_price = text(self.unit_price if self.list_price is None else self.list_price)
        priced = {
            "SkuId": self.sku,
            "SkuPriceId": f"{self.sku}.price",
            "SkuMeter": self.meter or self.description,
            "SkuPriceDetails": json.dumps(self.details) if self.details else "",
            "PricingQuantity": text(self.quantity),
            "PricingUnit": self.unit,
            "PricingCategory": "Standard",
            "ListUnitPrice": list_price,
            "ContractedUnitPrice": unit_price,
            "PricingCurrencyListUnitPrice": list_price,
            "PricingCurrencyContractedUnitPrice": unit_price,
        }
        if self.category == "Usage":
            quantity, unit = self.consumed or (self.quantity, self.unit)
            priced |= {"ConsumedQuantity": text(quantity), "ConsumedUnit": unit}
        return priced
