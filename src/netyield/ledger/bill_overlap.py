"""Did two files bring lines of the same bill? Then their dollars would count twice.

Files of an ``immutable`` source say that they do not overlap, and nothing in them identifies a line across files. A line
is told by what it says: who bills whom for what, when and how much (LINE). Where at least half of the smaller side's lines
of a day of a bill (issuer, account, billing period) were delivered before, the file delivers that bill again: a line that
stands in the books is not booked a second time, its copy waits in quarantine, and somebody is told. The books are then
the same whichever file came first. Within one file equal lines all count, and so do equal lines of days that are otherwise
different. Days whose lines differ while their number and sums agree are only told: they may be alike by chance.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa

from netyield.core.contract import contract
from netyield.core.finding import Finding, Severity
from netyield.core.money import quantise
from netyield.ledger.repeats import Positions, number_files, positions_by_path, scan
from netyield.store.engine import Engine
from netyield.store.manifest import Segment
from netyield.store.writer import Writer

REPEATED = "ledger.repeated_line"
BATCH_LINES = 50_000
ALIKE_ROWS = 2  # one line alike proves nothing
NAMED = 3
LINE = (
    "sub_account_id", "currency", "charge_start", "charge_end", "charge_category", "charge_class", "charge_description",
    "provider", "invoice_id", "resource_id", "region", "service_name", "sku_id", "sku_meter", "sku_price_id",
    "pricing_category", "pricing_quantity", "consumed_quantity", "billed_cost", "effective_cost", "list_cost",
    "contracted_cost", "commitment_id", "commitment_status", "capacity_reservation_status", "model", "token_class",
)  # fmt: skip
_BILL = "concat_ws('|', COALESCE(issuer, ''), COALESCE(billing_account_id, ''), COALESCE(strftime(billing_period_start, '%Y-%m-%d'), ''))"
_COLUMNS = (
    f"{_BILL} AS bill, strftime(charge_start, '%Y-%m-%d') AS day, currency, hash({', '.join(LINE)}) AS h,"
    " COALESCE(billed_cost, 0) AS billed, COALESCE(effective_cost, billed_cost, 0) AS amount"
)


@dataclass(slots=True)
class Overlap:
    """Where the staged lines are that stand in the books already, and what to say of it."""

    leave_out: dict[str, list[Positions]] = field(default_factory=dict)
    findings: list[Finding] = field(default_factory=list)


def find(engine: Engine, writer: Writer, staged: Sequence[Segment], file: str, delivery: str) -> Overlap:
    """Compare the staged charges of a delivery with those other deliveries booked for the same bills and days."""
    found = Overlap()
    months = {segment.day for segment in staged}
    booked = [segment for segment in writer.manifest.of("charges") if segment.day in months]
    if not staged or not booked:
        return found
    number_files(engine, writer.paths(staged))
    engine.keep(
        "staged_lines",
        f"""SELECT file, CAST(file_row_number AS INT) AS position, row_number, {_COLUMNS}
            FROM {scan(writer.paths(staged))} JOIN files USING (filename)""",
    )
    engine.register("this_delivery", pa.table({"name": [delivery]}))
    engine.keep(
        "booked_lines",
        f"""SELECT delivery, {_COLUMNS} FROM {scan(writer.paths(booked))}
            WHERE delivery NOT IN (SELECT name FROM this_delivery)
              AND ({_BILL}, strftime(charge_start, '%Y-%m-%d')) IN (SELECT DISTINCT (bill, day) FROM staged_lines)""",
    )
    names = {record.hash: record.name for record in writer.manifest.deliveries.values()}
    engine.keep("overlapping", _OVERLAPPING)
    if engine.scalar("SELECT count(*) FROM overlapping"):
        engine.keep("repeated_lines", _REPEATED)
        rows = engine.query("SELECT file, position FROM repeated_lines ORDER BY file, position")
        positions_by_path(rows, staged, found.leave_out)
        found.findings.append(_told(engine, names, file))
    found.findings += _alike(engine, names, file)
    return found


def repeated(engine: Engine, writer: Writer, staged: Sequence[Segment]) -> list[pa.Table]:
    """The lines ``find`` left out, in bounded pieces, for quarantine. To be read before they are removed."""
    columns = ", ".join(f's."{name}"' for name in contract("charges").source_schema.names)
    pieces = -(-int(engine.scalar("SELECT count(*) FROM repeated_lines")) // BATCH_LINES)
    number_files(engine, writer.paths(staged))
    return [
        engine.query(
            f"""SELECT {columns} FROM {scan(writer.paths(staged))} s JOIN files f ON s.filename = f.filename
                JOIN repeated_lines r ON r.file = f.file AND r.position = s.file_row_number
                WHERE r.place % {pieces} = {piece} ORDER BY s.row_number"""
        )
        for piece in range(pieces)
    ]


# Days of a bill of which at least half of the smaller side's lines are the same; one line of many proves nothing.
_OVERLAPPING = """
WITH shared AS (
  SELECT s.bill, s.day, CAST(SUM(least(s.n, b.n)) AS BIGINT) AS shared
  FROM (SELECT bill, day, h, COUNT(*) AS n FROM staged_lines GROUP BY ALL) s
  JOIN (SELECT bill, day, h, COUNT(*) AS n FROM booked_lines GROUP BY ALL) b ON s.bill = b.bill AND s.day = b.day AND s.h = b.h
  GROUP BY ALL
),
days AS (
  SELECT h.bill, h.day, h.shared, s.n AS here, b.n AS there FROM shared h
  JOIN (SELECT bill, day, COUNT(*) AS n FROM staged_lines GROUP BY ALL) s ON h.bill = s.bill AND h.day = s.day
  JOIN (SELECT bill, day, COUNT(*) AS n FROM booked_lines GROUP BY ALL) b ON h.bill = b.bill AND h.day = b.day
  WHERE 2 * h.shared >= least(s.n, b.n)
)
SELECT * FROM days
QUALIFY SUM(shared) OVER (PARTITION BY bill) > 1 OR SUM(shared) OVER (PARTITION BY bill) = SUM(least(here, there)) OVER (PARTITION BY bill)
"""
# Of equal lines as many are repeated as stand in the books.
_REPEATED = """
SELECT s.file, s.position, s.row_number, s.bill, s.day, s.currency, s.amount, s.h, ROW_NUMBER() OVER (ORDER BY s.file, s.position) AS place
FROM (SELECT *, ROW_NUMBER() OVER (PARTITION BY bill, day, h ORDER BY row_number, file, position) AS n FROM staged_lines) s
JOIN overlapping o ON s.bill = o.bill AND s.day = o.day
JOIN (SELECT bill, day, h, COUNT(*) AS n FROM booked_lines GROUP BY ALL) b ON s.bill = b.bill AND s.day = b.day AND s.h = b.h
WHERE s.n <= b.n
"""


def _told(engine: Engine, names: Mapping[str, str], file: str) -> Finding:
    """Both files, the bill, how many lines and dollars, and what of those days is not the same."""
    lines, first = _row(engine, "SELECT COUNT(*), MIN(row_number) FROM repeated_lines")
    here, there = _row(engine, "SELECT SUM(here - shared), SUM(there - shared) FROM overlapping")
    fresh = engine.scalar("SELECT COUNT(*) FROM staged_lines WHERE bill IN (SELECT bill FROM overlapping)") - lines
    money = engine.query("SELECT currency, SUM(amount) AS amount FROM repeated_lines GROUP BY ALL ORDER BY ALL").to_pylist()
    dollars = ", ".join(f"{quantise(r['amount'], 2):,} {r['currency']}" for r in money)
    bills = engine.query("SELECT DISTINCT bill FROM overlapping ORDER BY 1").column(0).to_pylist()
    others = engine.query(
        "SELECT delivery, COUNT(*) AS n FROM booked_lines SEMI JOIN repeated_lines USING (bill, day, h) GROUP BY ALL ORDER BY n DESC, 1"
    ).to_pylist()
    listed = _listed([names.get(row["delivery"], row["delivery"][:12]) for row in others])
    message = (
        f"{lines:,} lines ({dollars}) of {_listed([_called(bill) for bill in bills])} were delivered before, in {listed}: "
        "they are not booked a second time, their copies are in quarantine"
    )
    if here and there:
        message += (
            f"; {here:,} lines of the same days differ from the {there:,} booked before and are booked beside them, "
            "so that a line that was corrected counts in both versions"
        )
    repair = (
        'If newer files replace older ones, set delivery = "snapshot", move the data folder (.netyield) aside and ingest again; '
        "else remove one of the files. If both are parts of one export, join them into one file: there equal lines all count."
    )
    severity = Severity.ERROR if fresh or there else Severity.WARNING
    return Finding("ledger.bill_overlap", severity, message, repair, file, first, lines)


def _alike(engine: Engine, names: Mapping[str, str], file: str) -> list[Finding]:
    """Days with as many lines and the same sums as another file brought, in other words."""
    sums = "day, bill, currency, COUNT(*) AS n, SUM(billed) AS billed, SUM(amount) AS amount"
    rows = engine.query(
        f"""SELECT s.day, s.bill, b.delivery FROM (SELECT {sums} FROM staged_lines GROUP BY ALL) s
            JOIN (SELECT delivery, {sums} FROM booked_lines GROUP BY ALL) b
              ON s.bill = b.bill AND s.day = b.day AND s.currency = b.currency AND s.n = b.n AND s.billed = b.billed AND s.amount = b.amount
            WHERE s.n >= {ALIKE_ROWS} AND (s.billed <> 0 OR s.amount <> 0)
              AND (s.bill, s.day) NOT IN (SELECT (bill, day) FROM overlapping) ORDER BY ALL"""
    ).to_pylist()
    if not rows:
        return []
    days = len({(row["bill"], row["day"]) for row in rows})
    listed = _listed(sorted({names.get(row["delivery"], row["delivery"][:12]) for row in rows}))
    message = f"{days} days (first {rows[0]['day']}) have as many lines and the same sums as in {listed} and may count twice"
    repair = 'Remove one of the files, or set delivery = "snapshot" if newer files replace older ones.'
    return [Finding("ledger.bill_alike", Severity.WARNING, message, repair, file, count=days)]


def _row(engine: Engine, sql: str) -> tuple[int, int]:
    first, second = next(iter(engine.query(sql).to_pylist())).values()
    return int(first), int(second)


def _called(bill: str) -> str:
    issuer, account, period = bill.split("|")
    who = " ".join(part for part in (issuer, f"account {account}" if account else "") if part) or "a bill"
    return f"{who}, billing period {period}" if period else who


def _listed(names: Sequence[Any]) -> str:
    more = len(names) - NAMED
    return " and ".join(str(name) for name in names[:NAMED]) + (f" and {more} more" if more > 0 else "")
