"""Which price does every attempt carry? The shipped dated catalogue with the project's contract prices over it."""

from __future__ import annotations

import hashlib
from datetime import date
from functools import cached_property
from importlib.metadata import version

import pyarrow as pa

from netyield.attribution import pricing
from netyield.attribution.attempts import CLASSES
from netyield.core.period import Period
from netyield.ledger.currency import RATE_UNIT, Rates
from netyield.sources.prices.model_match import resolve_models
from netyield.sources.prices.model_prices import catalogue_table
from netyield.store.engine import Engine


class Prices:
    """The price table of one manifest. ``booked``: model_prices rows of [[source]] type = "prices", or empty."""

    def __init__(self, booked: pa.Table, rates: Rates) -> None:
        self._booked = booked
        self._rates = rates

    @cached_property
    def table(self) -> pa.Table:
        """Contract ``model_prices`` rows (source columns). A booked price source already holds the catalogue it used."""
        return self._booked if self._booked.num_rows else catalogue_table()

    def digest(self, segment: Period) -> str:
        """The identity of what can price this segment: booked rows by content, else the catalogue's version."""
        if not self._booked.num_rows:
            return f"genai-prices {version('genai-prices')}"
        ids = sorted(set(self._booked.column("price_id").to_pylist()))
        return hashlib.sha256("\n".join([segment.since.date().isoformat(), *ids]).encode()).hexdigest()

    def one_names(self, billed: pa.Table) -> dict[str, str]:
        """Every model name of bill lines (columns provider, model) to its one name."""
        pairs = zip(billed.column("provider").to_pylist(), billed.column("model").to_pylist(), strict=True)
        named = [(provider, model) for provider, model in pairs if model]
        return _one_name(resolve_models(named, self.table)) if named else {}

    def price(self, engine: Engine, currency: str) -> dict[str, str]:
        """Make ``priced`` for the API attempts in the engine; returns every model name's one name.

        ``priced``: attempt_id, cost_pico, input_pico, output_pico, reasoning_pico in the reporting currency, priced.
        """
        classes = ", ".join(CLASSES)
        engine.run(
            f"""CREATE OR REPLACE TEMP VIEW api_attempts AS
                SELECT attempt_id, t AS time_us, words_id, CASE WHEN purpose = 'gateway_cache_hit' THEN 0 ELSE 1 END AS calls,
                       {classes} FROM attempts_in WHERE serving_id IS NULL"""
        )
        seen = engine.query("SELECT DISTINCT provider, model FROM dims WHERE serving_id IS NULL").to_pylist()
        billed = engine.query("SELECT DISTINCT provider, model FROM api_pieces WHERE model IS NOT NULL")
        resolved = resolve_models([(row["provider"] or None, row["model"]) for row in seen], self.table)
        filled = resolved.set_column(
            0, "provider", pa.array([p or "" for p in resolved.column("provider").to_pylist()], pa.string())
        )
        pricing.price(engine, "api_attempts", self.table, "priced_own", filled, "price_words")
        self._convert(engine, currency)
        return _one_name(resolved) | self.one_names(billed)

    def _convert(self, engine: Engine, currency: str) -> None:
        """Costs in other currencies by the rate of the day; without one the attempt is not priced."""
        found = engine.query(
            "SELECT DISTINCT currency, CAST(make_timestamp(a.t) AS DATE) AS day FROM priced_own p "
            "JOIN attempts_in a ON p.attempt_id = a.attempt_id WHERE p.priced"
        ).to_pylist()
        rows = []
        for row in found:
            day: date = row["day"]
            rate = self._rates.convert(RATE_UNIT, row["currency"], currency, day.isoformat())
            rows.append((row["currency"], day, rate))
        engine.register(
            "price_rates",
            pa.table(
                {
                    "currency": pa.array([r[0] for r in rows], pa.string()),
                    "day": pa.array([r[1] for r in rows], pa.date32()),
                    "rate": pa.array([r[2] for r in rows], pa.int64()),
                }
            ),
        )
        parts = {
            n: f"CASE WHEN r.rate = {RATE_UNIT} THEN p.{n} ELSE narrow(int_div(wide(p.{n}) * r.rate, {RATE_UNIT})) END"
            for n in ("input_pico", "output_pico", "reasoning_pico")
        }
        free = "a.purpose = 'gateway_cache_hit'"
        engine.keep(
            "priced",
            f"""SELECT attempt_id, input_pico + output_pico + reasoning_pico AS cost_pico, input_pico, output_pico, reasoning_pico,
                       priced, unpriced_reason FROM (
                SELECT p.attempt_id, {", ".join(f"CASE WHEN {free} THEN 0 ELSE {sql} END AS {n}" for n, sql in parts.items())},
                       (p.priced AND r.rate IS NOT NULL) OR {free} AS priced,
                       CASE WHEN p.priced AND r.rate IS NULL THEN 'no_exchange_rate' ELSE p.unpriced_reason END AS unpriced_reason
                FROM priced_own p JOIN attempts_in a ON p.attempt_id = a.attempt_id
                LEFT JOIN price_rates r ON p.currency = r.currency AND CAST(make_timestamp(a.t) AS DATE) = r.day)""",
        )


def _one_name(resolved: pa.Table) -> dict[str, str]:
    """Reported model to ``price_provider/price_model`` where known, else to itself."""
    rows = resolved.to_pylist()
    return {
        row["model"]: row["price_model"].rsplit("/", maxsplit=1)[-1] if row["price_model"] else row["model"]
        for row in rows
        if row["model"]
    }
