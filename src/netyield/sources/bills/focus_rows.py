"""From blocks of a FOCUS file to charges. Which rows are money, which are refused, and what was lost on the way?

A row is refused (with the reason, into quarantine) when its period, currency or one of its four costs cannot be
read; everything else that is odd is a remark and the row stays. Digits finer than a pico-unit are cut off, added up
exactly per currency and cost column, recorded in a finding and, once they make whole pico-units, booked as one
extra Adjustment row per currency, so that the file's totals are kept.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from netyield.core.contract import conform
from netyield.core.money import MONEY
from netyield.sources.amounts import Amounts, exact_amounts, quantities
from netyield.sources.bills.focus_columns import COSTS, Layout, focus_name
from netyield.sources.bills.remainder import Remainders
from netyield.sources.bills.sku_details import SkuDetails, gpus_of_tag, sku_details, token_class
from netyield.sources.bills.values import Converter, known_words, moments, normal_json, numbers, text, times, words
from netyield.sources.contract import Chunk, rejected_rows
from netyield.sources.files import Block, Place

CURRENCY = r"^[A-Z]{3}$"
TIMES = ("charge_start", "charge_end", "billing_period_start", "billing_period_end")
REPAIR = "Correct the row at its source and deliver the file again; it waits in quarantine."


@dataclass(slots=True)
class _Reasons:
    """Why rows of a block are refused: the first reason of each counts."""

    rows: dict[int, tuple[str, str]] = field(default_factory=dict)

    def add(self, index: int, code: str, message: str) -> None:
        self.rows.setdefault(index, (code, message))


@dataclass(slots=True)
class FocusReader:
    """Reads one file. ``identity`` (a content hash) makes row identities; state is what blocks share."""

    layout: Layout
    place: Place
    identity: str
    zone: str = "UTC"
    gpu_count_tag: str | None = None
    remainders: Remainders = field(default_factory=Remainders)
    converters: dict[str, Converter] = field(default_factory=dict)
    told: bool = False

    def chunk(self, block: Block) -> Chunk:
        """The charges, refused rows and remarks of one block."""
        result = Chunk(findings=list(block.findings))
        self._tell_about_columns(block, result)
        refused = [(number, "charges", code, message, record) for number, code, message, record in block.rejected]
        if block.rows.num_rows and not self.layout.missing:
            refused += self._charges(block, result)
        if refused:
            result.rejected = rejected_rows(refused)
        return result

    def _charges(self, block: Block, result: Chunk) -> list[tuple[int, str, str, str, dict[str, Any]]]:
        reasons = _Reasons()
        raw = {column: self._raw(block.rows, column) for column in self.layout.columns}
        columns: dict[str, pa.Array] = {}
        for column in TIMES:
            if column in raw:
                columns[column] = self._time(column, raw[column], reasons, result, block)
        columns["currency"] = self._currency(raw["currency"], reasons)
        costs = {column: self._cost(column, raw[column], reasons) for column in COSTS if column in raw}
        columns.update({column: amounts.kept for column, amounts in costs.items()})
        self._check_presence(columns, block.rows.num_rows, reasons)
        for column, values in raw.items():
            if column not in columns:
                columns[column] = self._other(column, values, result, block)
        self._derive(columns, block.rows.num_rows)
        self._no_category(columns, block, result)
        good = np.ones(block.rows.num_rows, bool)
        good[list(reasons.rows)] = False
        mask = pa.array(good)
        for column, amounts in costs.items():
            self.remainders.add(column, amounts, columns["currency"], mask)
        table = self._table(columns, block.numbers, mask)
        if table.num_rows:
            result.tables["charges"] = table
            self.remainders.remember(table)
        return self._refuse(reasons, raw, block, result)

    def _raw(self, rows: pa.Table, column: str) -> pa.Array:
        """The file's column for ours; where the best one has no value, the next one's."""
        kind = self.layout.kinds[column]
        names = self.layout.columns[column]
        typed = kind in ("time", "cost", "other_cost", "quantity")
        arrays = [_one_array(rows[name]) for name in names]
        if typed and len(arrays) == 1:
            return arrays[0] if kind == "time" else numbers(arrays[0])
        result = text(arrays[0])
        for array in arrays[1:]:
            result = pc.coalesce(result, text(array))
        return result

    def _converter(self, key: str, fresh: Converter) -> Converter:
        """The converter of this file under ``key``: its memory outlives the block."""
        return self.converters.setdefault(key, fresh)

    def _time(self, column: str, raw: pa.Array, reasons: _Reasons, result: Chunk, block: Block) -> pa.Array:
        values, texts = moments(raw, self.zone, self._converter("times", times(self.zone)))
        unread = pc.and_(pc.is_null(values), pc.is_valid(texts))
        if column in ("charge_start", "charge_end"):
            for index in _where(pc.is_null(values)):
                written = texts[index].as_py()
                why = "is missing" if written is None else f"{written!r} is no time"
                reasons.add(index, "bad_period", f"{focus_name(column)} {why}")
        elif pc.any(unread).as_py():
            message = f"{focus_name(column)} is not a time and was left out"
            self._remark(result, block, unread, "bad_billing_period", message)
        return values

    def _currency(self, raw: pa.Array, reasons: _Reasons) -> pa.Array:
        values = pc.utf8_upper(pc.utf8_trim_whitespace(raw))
        fits = pc.fill_null(pc.match_substring_regex(values, CURRENCY), False)
        for index in _where(pc.invert(fits)):
            written = raw[index].as_py()
            why = "is missing" if written is None else f"{written!r} is no ISO 4217 code"
            reasons.add(index, "bad_currency", f"BillingCurrency {why}")
        return values

    def _cost(self, column: str, raw: pa.Array, reasons: _Reasons) -> Amounts:
        amounts = exact_amounts(raw)
        for index, message in amounts.bad.items():
            reasons.add(index, "bad_amount", f"{focus_name(column)}: {message}")
        return amounts

    def _check_presence(self, columns: dict[str, pa.Array], rows: int, reasons: _Reasons) -> None:
        """A row needs a period that lasts and at least one of the two costs every report stands on."""
        start, end = columns["charge_start"], columns["charge_end"]
        for index in _where(pc.fill_null(pc.less_equal(end, start), False)):
            reasons.add(index, "bad_period", f"the charge period from {start[index]} ends at {end[index]}")
        nothing = pa.nulls(rows, MONEY)
        either = pc.coalesce(columns.get("billed_cost", nothing), columns.get("effective_cost", nothing))
        for index in _where(pc.is_null(either)):
            reasons.add(index, "bad_amount", "neither BilledCost nor EffectiveCost has a value")

    def _other(self, column: str, raw: pa.Array, result: Chunk, block: Block) -> pa.Array:
        kind = self.layout.kinds[column]
        if kind == "word":
            return self._converter(column, words(column))(raw)
        if kind == "json":
            values = self._converter(column, Converter(normal_json, pa.string()))(raw)
            unread = pc.and_(pc.is_null(values), pc.is_valid(raw))
            if pc.any(unread).as_py():
                message = f"{focus_name(column)} is not a JSON object and was left out"
                self._remark(result, block, unread, "bad_json", message)
            return values
        if kind == "quantity":
            values, bad = quantities(raw)
            self._remark_bad(result, block, column, bad)
            return values
        if kind == "other_cost":
            amounts = exact_amounts(raw)
            self._remark_bad(result, block, column, amounts.bad)
            return amounts.kept
        return raw

    def _remark_bad(self, result: Chunk, block: Block, column: str, bad: dict[int, str]) -> None:
        if bad:
            mask = np.zeros(block.rows.num_rows, bool)
            mask[list(bad)] = True
            why = f"{focus_name(column)} was left out: {bad[min(bad)]}"
            self._remark(result, block, pa.array(mask), "bad_quantity", why)

    def _remark(self, result: Chunk, block: Block, mask: pa.Array, code: str, message: str) -> None:
        rows = _where(mask)
        first = block.numbers[rows[0]].as_py()
        result.findings.append(self.place.warning(code, message, "The row's costs were kept.", first, len(rows)))

    def _derive(self, columns: dict[str, pa.Array], rows: int) -> None:
        """GPU count, model and token class, from SkuPriceDetails, a tag or the meter's name."""
        none = pa.nulls(rows, pa.string())
        details = columns.get("sku_price_details", none)
        gpus = self._converter("gpus", Converter(lambda value: sku_details(value).gpu_count, pa.int64()))(details)
        if self.gpu_count_tag and "tags" in columns:
            tag = self.gpu_count_tag
            of_tag = self._converter("tag", Converter(lambda value: gpus_of_tag(value, tag), pa.int64()))
            gpus = pc.coalesce(gpus, of_tag(columns["tags"]))
        columns["gpu_count"] = gpus
        columns["model"] = self._converter("model", Converter(lambda v: sku_details(v).model, pa.string()))(details)
        said = self._converter("token", Converter(lambda v: token_class(_token_words(sku_details(v))), pa.string()))
        meter = self._converter("meter", Converter(token_class, pa.string()))
        columns["token_class"] = pc.coalesce(said(details), meter(columns.get("sku_meter", none)))

    def _no_category(self, columns: dict[str, pa.Array], block: Block, result: Chunk) -> None:
        values = columns.get("charge_category", pa.nulls(block.rows.num_rows, pa.string()))
        empty = pc.is_null(values)
        if pc.any(empty).as_py():
            self._remark(result, block, empty, "no_category", "ChargeCategory is missing and was taken as Usage")
            values = pc.fill_null(values, "Usage")
        strange = pc.invert(pc.is_in(values, value_set=pa.array(sorted(known_words("charge_category")))))
        if pc.any(strange).as_py():
            first = values[_where(strange)[0]].as_py()
            self._remark(result, block, strange, "unknown_category", f"ChargeCategory {first!r} is not one FOCUS knows")
        columns["charge_category"] = values

    def _table(self, columns: dict[str, pa.Array], row_numbers: pa.Array, mask: pa.Array) -> pa.Table:
        columns = dict(columns)
        columns["row_number"] = row_numbers
        columns["event_key"] = pc.binary_join_element_wise(self.identity, row_numbers.cast(pa.string()), ":")
        columns["event_time"] = columns["charge_start"]
        columns["focus_version"] = pa.array([self.layout.version] * len(row_numbers), pa.string())
        return conform("charges", pa.table(columns).filter(mask))

    def _refuse(
        self, reasons: _Reasons, raw: dict[str, pa.Array], block: Block, result: Chunk
    ) -> list[tuple[int, str, str, str, dict[str, Any]]]:
        refused = []
        counts = Counter(code for code, _ in reasons.rows.values())
        for index, (code, message) in sorted(reasons.rows.items()):
            record = {column: str(value) for column in raw if (value := raw[column][index].as_py()) is not None}
            number = block.numbers[index].as_py()
            refused.append((number, "charges", f"{self.place.code}.{code}", message, record))
            if code in counts:  # the first row of its code speaks for all of them
                result.findings.append(self.place.error(code, message, REPAIR, number, counts.pop(code)))
        return refused

    def _tell_about_columns(self, block: Block, result: Chunk) -> None:
        """Once per file: columns nobody knows, columns that are missing, money in binary floating point."""
        if self.told:
            return
        self.told = True
        if self.layout.unknown:
            message = f"columns that are not FOCUS columns were not read: {', '.join(self.layout.unknown[:20])}"
            repair = "Name them in the source's columns setting if they hold something FOCUS calls otherwise."
            result.findings.append(self.place.info("unknown_columns", message, repair, count=len(self.layout.unknown)))
        names = {name: column for column in COSTS for name in self.layout.columns.get(column, ())}
        floating = [f.name for f in block.rows.schema if f.name in names and pa.types.is_floating(f.type)]
        if floating:
            message = f"money in binary floating point, read as the shortest decimal: {', '.join(floating)}"
            repair = "Export costs as decimals if the sender can."
            result.findings.append(self.place.info("floating_point", message, repair))

    def finish(self) -> Iterator[Chunk]:
        """After the last block: the remainder, as a finding and, where it makes whole pico-units, as charges."""
        finding = self.remainders.finding(self.place)
        if finding is not None:
            chunk = Chunk(findings=[finding])
            columns = [column for column in COSTS if column in self.layout.columns]
            extra = self.remainders.charges(self.identity, columns, self.layout.version)
            if extra is not None:
                chunk.tables["charges"] = extra
            yield chunk


def _token_words(details: SkuDetails) -> str:
    return f"{details.direction} {details.cache}".strip()


def _one_array(column: pa.ChunkedArray) -> pa.Array:
    combined = column.combine_chunks()
    return combined.combine_chunks() if isinstance(combined, pa.ChunkedArray) else combined


def _where(mask: pa.Array) -> list[int]:
    found: list[int] = np.flatnonzero(mask.to_numpy(zero_copy_only=False)).tolist()
    return found

