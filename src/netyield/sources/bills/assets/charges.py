"""Which bill lines does owned hardware make? Depreciation and running cost per asset and month, as any vendor's bill.

    Purchase     on the day of purchase: billed the cost, effective nothing
    Usage        each month in service: billed nothing, effective the depreciation; GPU-hours = GPUs * hours in service.
                 An asset whose life is over has lines of nothing: its GPU-hours are still there
    Usage        running cost of each kind: billed and effective the same
    Adjustment   write-downs (reversals negative) and what a disposal left or brought: billed nothing (proceeds: less them)

Over an asset's life effective cost adds up to cost less proceeds, as billed cost does.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pyarrow as pa

from netyield.core.contract import conform, contract
from netyield.core.currencies import coins, from_coins
from netyield.core.depreciation import first_day, month_name
from netyield.core.finding import Finding
from netyield.sources.bills.assets.asset import Asset
from netyield.sources.bills.assets.history import History, history
from netyield.sources.bills.assets.register import Register
from netyield.sources.bills.assets.running import RunningCost, running_costs, served
from netyield.sources.opened import Place

ISSUER = "Owned hardware"
DEPRECIATION = "depreciation"
GPUS, OTHER = "Owned GPUs", "Owned hardware"
DAY = timedelta(days=1)


def lines(register: Register, account: str, until: date) -> pa.Table:
    """Charges of every asset up to ``until`` (a first of a month), as the table contract wants them."""
    rows = list(_rows(register, account, until))
    for number, row in enumerate(rows, 1):
        row["row_number"] = number
    return conform("charges", pa.Table.from_pylist(rows, schema=contract("charges").source_schema))


def open_ends(register: Register, place: Place, until: date) -> list[Finding]:
    """What the register leaves open for the charges: units nobody gave yet, a disposal without proceeds."""
    found = []
    for asset in register.assets:
        each = history(asset, register.terms.book)
        if each.missing is not None and first_day(each.missing) < until:
            message = f"asset {asset.id!r}: nobody gave units for {month_name(each.missing)}; it has no depreciation from then on"
            found.append(place.warning("units_missing", message, "Add the month's units, 0 when it was off.", asset.row))
        if asset.terms.disposed is not None and asset.terms.proceeds is None:
            message = f"asset {asset.id!r}: it was disposed of, and nobody says for how much; no gain or loss is booked"
            found.append(place.warning("no_proceeds", message, 'Add proceeds, "0" when it was scrapped.', asset.row))
    return found


def _rows(register: Register, account: str, until: date) -> Iterator[dict[str, Any]]:
    for asset in register.assets:
        yield from _asset(asset, history(asset, register.terms.book), account, until)
    starts = [asset.terms.in_service for asset in register.assets if asset.terms.in_service < until]
    if starts and register.terms.running:
        first = min(starts)
        months = range(first.year * 12 + first.month - 1, until.year * 12 + until.month - 1)
        for cost in running_costs(register.assets, register.terms.running, months):
            yield _running(cost, account)


def _asset(asset: Asset, found: History, account: str, until: date) -> Iterator[dict[str, Any]]:
    bought = asset.terms.purchased or asset.terms.in_service
    if bought < until:
        yield _line(asset, account, "purchase", (bought, bought + DAY), 0, asset.cost, "Purchase")
    end = until.year * 12 + until.month - 1
    charges = found.charges()
    first = asset.terms.in_service.year * 12 + asset.terms.in_service.month - 1
    last = end if asset.terms.disposed is None else min(end, asset.terms.disposed.year * 12 + asset.terms.disposed.month)
    for month in range(min(first, found.first), last):
        if found.missing is not None and month >= found.missing:
            break
        span = served(asset, None, month)
        charge = charges[month - found.first] if 0 <= month - found.first < len(charges) else 0
        if span is not None:
            yield _depreciation(asset, account, span, charge)
    for number, each in enumerate(found.written):
        if each.month < end:
            line = _line(asset, account, "write-down", _month(each.month), each.coins, 0, "Adjustment")
            yield line | {"event_key": f"{asset.id}|write-down|{each.day.isoformat()}|{number}"}
    yield from _disposal(asset, found, account, until)


def _disposal(asset: Asset, found: History, account: str, until: date) -> Iterator[dict[str, Any]]:
    """The loss (or gain, negative) on disposal; billed is the money that came in."""
    day, proceeds = asset.terms.disposed, asset.terms.proceeds
    if day is None or proceeds is None or day >= until or found.disposed is None:
        return
    money = coins(proceeds, asset.currency)
    span = (day, day + DAY)
    yield _line(asset, account, "disposal", span, found.derecognised() - money, -money, "Adjustment")


def _depreciation(asset: Asset, account: str, span: tuple[date, date], charge: int) -> dict[str, Any]:
    line = _line(asset, account, DEPRECIATION, span, charge, 0, "Usage")
    if asset.terms.gpus:
        hours = Decimal((span[1] - span[0]).days * 24 * asset.terms.gpus)
        line |= {"gpu_count": asset.terms.gpus, "consumed_quantity": hours, "consumed_unit": "GPU Hours"}
    return line


def _running(cost: RunningCost, account: str) -> dict[str, Any]:
    name = f"{cost.running.kind} {cost.running.name}".strip()
    line = _line(cost.asset, account, name, (cost.start, cost.end), cost.coins, cost.coins, "Usage", cost.currency)
    return line | {"charge_description": f"{name.capitalize()} of owned hardware"}


def _line(
    asset: Asset, account: str, what: str, span: tuple[date, date], effective: int, billed: int, category: str,
    currency: str | None = None,
) -> dict[str, Any]:  # fmt: skip
    """One charge. ``effective`` and ``billed`` in coins."""
    money = currency or asset.currency
    start, end = _moment(span[0]), _moment(span[1])
    since = _moment(span[0].replace(day=1))
    tags = dict(asset.terms.tags or {}) | ({"pool": asset.terms.pool} if asset.terms.pool else {})
    return {
        "event_key": f"{asset.id}|{what}|{span[0].isoformat()}", "event_time": start, "charge_start": start, "charge_end": end,
        "billing_period_start": since, "billing_period_end": _moment(_next(span[0])), "currency": money,
        "billed_cost": from_coins(billed, money), "effective_cost": from_coins(effective, money), "charge_category": category,
        "charge_frequency": "One-Time" if category in ("Purchase", "Adjustment") else "Recurring",
        "charge_description": f"{what.capitalize()} of owned hardware", "provider": ISSUER, "issuer": ISSUER,
        "billing_account_id": account, "resource_id": asset.id, "resource_type": asset.terms.group or None,
        "service_category": "Compute", "service_name": GPUS if asset.terms.gpus or asset.terms.pool else OTHER,
        "sku_id": what.split()[0], "tags": json.dumps(tags, sort_keys=True) if tags else None,
    }  # fmt: skip


def _month(month: int) -> tuple[date, date]:
    return first_day(month), first_day(month + 1)


def _next(day: date) -> date:
    return first_day(day.year * 12 + day.month)


def _moment(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=UTC)

