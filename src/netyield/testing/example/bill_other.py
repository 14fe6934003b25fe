"""The bill lines beside GPUs and tokens: seats, platform, what is not AI, credit, tax, and a line nobody knows."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from decimal import Decimal

from netyield.testing.example.bill_rows import EC2, MONTH_HOURS, WINDOW_FROM_MONTH_START_HOURS, Line


def _daily(
    step: str, provider: str, service: tuple[str, str, str], what: str, amounts: Mapping[int, str], **extra: object
) -> Iterator[Line]:
    for day, amount in amounts.items():
        name = what.lower().replace(" ", "-")
        quantity = Decimal(-1) if amount.startswith("-") else Decimal(1)  # unit prices are never negative
        price = abs(Decimal(amount))
        yield Line(step, provider, service, what, day * 24, 24, quantity, "Units", price, sku=name, **extra)  # type: ignore[arg-type]


def seats() -> Iterator[Line]:
    """Subscriptions per person."""
    office = ("ChatGPT Enterprise", "AI and Machine Learning", "Generative AI")
    yield Line(
        "seats",
        "openai",
        office,
        "ChatGPT Enterprise seats, monthly",
        -WINDOW_FROM_MONTH_START_HOURS,
        MONTH_HOURS,
        Decimal(1),
        "Units",
        Decimal("1237.463829475123"),
        category="Purchase",
        frequency="Recurring",
        sku="chatgpt-enterprise-seats",
    )
    copilot = ("GitHub Copilot Business", "Developer Tools", "Developer Platforms")
    yield from _daily("seats", "github", copilot, "Copilot seats", {0: "7.741935483871", 1: "7.741935483871"})


def platform() -> Iterator[Line]:
    """What the AI cluster needs besides GPUs, with a correction of last month's meter."""
    tags = {"tags": {"cost-center": "ai-platform", "cluster": "ai"}}
    containers = ("Amazon Elastic Kubernetes Service", "Compute", "Containers")
    disks = ("Amazon Elastic Block Store", "Storage", "Block Storage")
    network = ("AWS Data Transfer", "Networking", "Network Connectivity")
    yield from _daily("platform", "aws", containers, "EKS control plane", {0: "2.4", 1: "2.4"}, **tags)
    yield from _daily(
        "platform", "aws", EC2, "CPU nodes m7i.4xlarge", {0: "38.707214335811", 1: "38.707214335811"}, **tags
    )
    yield from _daily("platform", "aws", disks, "Model volumes", {0: "11.333333333333", 1: "11.340000000007"}, **tags)
    yield from _daily(
        "platform", "aws", network, "Cluster egress", {0: "4.018273645519", 1: "5.000000000001"}, **tags
    )
    yield from _daily(
        "platform",
        "aws",
        network,
        "Cluster egress, corrected meter",
        {0: "-1.273645519283"},
        charge_class="Correction",
        **tags,
    )


def rest() -> Iterator[Line]:
    """The web site, a line no rule knows, a credit and tax."""
    site = {"tags": {"site": "www"}}
    yield from _daily(
        "non_ai", "aws", EC2, "Web servers m7g.large", {0: "61.204999999999", 1: "61.204999999999"}, **site
    )
    storage = ("Amazon Simple Storage Service", "Storage", "Object Storage")
    yield from _daily("non_ai", "aws", storage, "Website assets", {0: "3.141592653589", 1: "3.141592653589"}, **site)
    market = ("Contoso Enrichment", "Other", "Other (Other)")
    yield from _daily("unclassified", "contoso", market, "Enrichment records", {1: "27.182818284591"})
    credit = ("AWS Credits", "Other", "Other (Other)")
    yield Line(
        "credits",
        "aws",
        credit,
        "Promotional credit",
        0,
        24,
        Decimal(1),
        "",
        Decimal("-250.101010101011"),
        category="Credit",
        frequency="One-Time",
    )
    tax = ("AWS Tax", "Other", "Other (Other)")
    for day, amount in {0: "19.876543210987", 1: "21.012345678901"}.items():
        yield Line(
            "tax",
            "aws",
            tax,
            "Sales tax",
            day * 24,
            24,
            Decimal(1),
            "",
            Decimal(amount),
            category="Tax",
            frequency="Usage-Based",
        )
