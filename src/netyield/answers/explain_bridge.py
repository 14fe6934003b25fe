"""Where does a line of the reconciliation come from? Each line of the bridge, and each model of the API bill.

The bridge leads from what was invoiced to the waterfall's total; its bill lines are shown whole, as the files have them,
while the bridge counts the seconds of them that lie in the window.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from netyield.answers.books import Books
from netyield.attribution.coverage import UNBILLED
from netyield.core.money import from_pico, text
from netyield.core.period import micros
from netyield.ledger.charges import BASES, pico_sql
from netyield.store.engine import Engine


@dataclass(frozen=True, slots=True)
class BridgeLine:
    """``formula``; which bill lines it adds up (SQL over ``charges``) and which amount of them; or which leaves."""

    formula: str
    bill: str = ""
    amount: str = ""
    leaves: str = ""


_BILLED, _BASIS = "billed", "basis"
LINES: Mapping[str, BridgeLine] = {
    "invoice": BridgeLine("sum of BilledCost of all lines but corrections, cut to the window by seconds",
                          "COALESCE(charge_class, '') <> 'Correction'", _BILLED),
    "purchases": BridgeLine("less the BilledCost of lines of category Purchase: paid now, used over their term",
                            "COALESCE(charge_class, '') <> 'Correction' AND charge_category = 'Purchase'", _BILLED),
    "amortisation": BridgeLine("waterfall's bill - (invoice - purchases + corrections): what the basis counts of lines beyond their BilledCost, "
                               "and of purchases", "COALESCE(charge_class, '') <> 'Correction'", f"{_BASIS} - {_BILLED}"),
    "corrections": BridgeLine("sum of the lines of class Correction on the report's basis", "charge_class = 'Correction'", _BASIS),
    "rate_card": BridgeLine("GPU-hours x dated rate of the card, where no bill pays for the pool", leaves="provider = 'rate card'"),
    "list_estimate": BridgeLine("tokens x dated price of the calls no bill covers", leaves=f"method = '{UNBILLED}'"),
    "adjustments": BridgeLine("differences in closed months, posted in the window", leaves="method LIKE 'adjustment of %'"),
    "total": BridgeLine("sum of all steps = invoice - purchases + amortisation + corrections + rate card + list estimate + adjustments",
                        leaves="TRUE"),
}  # fmt: skip
MODEL_FORMULA = (
    "per day: what the bill asks for the model, less what its priced calls carry; a bill nobody priced is unpriced, "
    "one that no log speaks of unproven"
)


def model_clause(model: str) -> str:
    """The leaves of one row of the API reconciliation: the bill of a model and its priced calls."""
    quoted = model.replace("'", "''")
    return f"scope = 'ai_api' AND model = '{quoted}'"


def models(books: Books) -> list[str]:
    """The models the API reconciliation has a row for."""
    found = books.engine.query("SELECT DISTINCT model FROM reconciliation WHERE COALESCE(model, '') <> '' ORDER BY 1")
    return [str(name) for name in found.column(0).to_pylist()]


def amount(name: str, books: Books) -> Decimal | None:
    """The bridge's own figure, None for a line that is a sum of leaves or that these books do not have."""
    figure: Mapping[str, Any] = books.bill
    return Decimal(figure[name]) if LINES[name].bill and name in figure else None


def charges(name: str, books: Books, raw: Engine) -> Iterator[dict[str, str]]:
    """The bill lines behind a line of the bridge: file, rows and what they add to it."""
    line = LINES[name]
    counted = f"CASE WHEN charge_category = 'Purchase' THEN {_BASIS} ELSE {line.amount} END" if name == "amortisation" else line.amount
    rows = raw.query(
        f"""SELECT d.file, service, category, currency, COUNT(*) AS lines, MIN(row_number) AS first, MAX(row_number) AS last,
                   total({counted}) AS pico
            FROM (SELECT *, service_name AS service, charge_category AS category, {pico_sql("billed_cost")} AS {_BILLED},
                         {pico_sql(BASES[books.basis])} AS {_BASIS} FROM charges
                  WHERE {line.bill} AND micros(charge_start) < {micros(books.window.until)} AND micros(charge_end) > {micros(books.window.since)}) c
            JOIN deliveries d ON c.delivery = d.delivery
            GROUP BY ALL HAVING total({counted}) <> 0 ORDER BY abs(total({counted})) DESC, 1, 2, 3, 4 LIMIT 20"""
    ).to_pylist()
    for row in rows:
        foreign = "" if row["currency"] == books.currency else f", in {row['currency']}"
        many = f"{row['first']} to {row['last']} ({row['lines']:,} rows)"
        yield {
            "kind": "charges",
            "text": f"{row['category']} lines of {row['service'] or 'no service'} (whole charge periods{foreign})",
            "file": row["file"],
            "rows": many if row["first"] != row["last"] else str(row["first"]),
            "amount": text(from_pico(int(row["pico"]))),
        }
