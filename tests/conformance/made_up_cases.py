"""Statements over tables made up for them, with every edge: those whose inputs are plain enough to make up."""

from __future__ import annotations

import pyarrow as pa

from netyield.attribution import price_sheets, pricing
from netyield.attribution.statements import statement
from netyield.testing.engines import Case, EmbeddedEngine, statement_tables
from netyield.testing.statement_tables import ACTIVE_ABOVE_PPM, HI_US, LO_US, MEMORY_FLOOR_BYTES, Tables

FEW = ("in_uncached", "out_text")


def made_up_cases(seed: int, size: int) -> list[Case]:
    """Capacity, charges, counters and prices."""
    tables = statement_tables(seed, size)
    states = statement("states", lo=LO_US, hi=HI_US, active_above=ACTIVE_ABOVE_PPM, memory_floor=MEMORY_FLOOR_BYTES)
    every = _case("intervals", states, tables, "signal", "memory", "allocation", "presence")
    tables |= {"intervals": _embedded(every), "price_sheets": _sheets(tables)}
    few = pricing.pricing_statement("api_attempts", "price_sheets", FEW, FEW, rests=False)
    return [
        every,
        _case("device slots", statement("state_hours", lo=LO_US), tables, "intervals", "parts", "holders", "grid"),
        _case("growth", statement("engine_growth"), tables, "counters"),
        _case("pieces of charges", statement("cut"), tables, "groups", "hours"),
        _case("hour shares", statement("split_hours"), tables, "paid", "weights"),
        _case("priced", pricing.pricing_statement("api_attempts", "price_sheets"), tables, "api_attempts", "price_sheets"),
        _case("priced, few classes", few, tables, "api_attempts", "price_sheets"),
    ]


def _case(name: str, text: str, tables: Tables, *read: str) -> Case:
    return Case(name, text, {table: tables[table] for table in read})


def _embedded(case: Case) -> pa.Table:
    engine = EmbeddedEngine()
    for name, rows in case.tables.items():
        engine.load(name, rows)
    found = engine.rows(case.statement)
    engine.close()
    return found


def _sheets(tables: Tables) -> pa.Table:
    """The price rows turned into sheets as every project does."""
    attempts = tables["api_attempts"]
    wanted: dict[tuple[str, str, str], tuple[str, str] | None] = {}
    for row in attempts.select(["provider", "model", "tariff"]).to_pylist():
        key = (row["provider"] or "", row["model"] or "")
        wanted[*key, row["tariff"] or "standard"] = key
    times = attempts.column("time_us").to_pylist()
    return price_sheets.sheet_table(tables["model_prices"], wanted, min(times), max(times))
