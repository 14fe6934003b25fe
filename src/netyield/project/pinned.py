"""One manifest on one basis and in one currency, with everything its days share."""

from __future__ import annotations

from typing import NamedTuple

import pyarrow.compute as pc

from netyield.attribution.coverage import ApiBills, api_bills
from netyield.config import Config
from netyield.core.contract import contract
from netyield.core.period import Period
from netyield.project import days
from netyield.project.inputs import Shared, rates_of, views
from netyield.project.prices import Prices
from netyield.store.engine import Engine
from netyield.store.folder import Folder
from netyield.store.manifest import Manifest


class Pinned(NamedTuple):
    """What the days of one manifest share."""

    manifest: Manifest
    shared: Shared
    prices: Prices
    api_bills: ApiBills


def pin(folder: Folder, manifest: Manifest, shared: Shared) -> Pinned:
    """Read what else its days share: prices, rates, and which API calls its bills cover."""
    prices = prices_of(folder, manifest)
    api = shared.groups.filter(pc.equal(shared.groups.column("step"), "api")).group_by(["provider", "model"]).aggregate([])
    lines = zip(*(api.column(name).to_pylist() for name in ("provider", "model")), strict=True)
    return Pinned(manifest, shared, prices, api_bills(lines, prices.one_names(api)))


def prices_of(folder: Folder, manifest: Manifest) -> Prices:
    """The prices and exchange rates of a manifest."""
    engine = Engine(threads=1)
    try:
        views(engine, folder, manifest, "model_prices", "fx_rates")
        columns = ", ".join(contract("model_prices").source_schema.names)
        booked = engine.query(f"SELECT {columns} FROM model_prices ORDER BY price_id")
        rates = rates_of(engine)
    finally:
        engine.close()
    return Prices(booked.cast(contract("model_prices").source_schema), rates)


def job_of(folder: Folder, books: Pinned, config: Config, segment: Period) -> days.DayJob:
    """One day of it."""
    return days.DayJob(folder, books.manifest, config, books.shared, books.prices, segment, books.api_bills)
