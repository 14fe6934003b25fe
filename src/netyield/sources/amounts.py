"""Exact money from what a bill wrote. Which pico-units are kept, and which finer digits are set aside?

Whole columns are cast by Arrow, which refuses to lose a digit; only values it cannot take go through Python's
Decimal one by one. Amounts are cut toward zero at 12 places; what is cut off is kept beside them, exact.
Binary floating point (Parquet double) is read as the shortest decimal that gives the same number back.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from decimal import ROUND_HALF_EVEN, Decimal, InvalidOperation

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from netyield.core.contract import QUANTITY
from netyield.core.money import CONTEXT, MONEY, PICO_DIGITS, from_pico, parse_amount, to_pico

NARROW = pa.decimal128(27, PICO_DIGITS)  # 15 whole digits: beyond 1e15 a line is not money
FINE = pa.decimal128(37, 22)  # the same whole digits with ten finer ones
SAFE_PLACES = 38
FINEST_PLACES = 60  # beyond this a text is not an amount, and the exact context would round
PLAIN = r"^[+-]?([0-9]{1,15}(\.[0-9]{0,22})?|\.[0-9]{1,22})$"
NUMBER = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]{1,4})?", re.ASCII)


@dataclass(slots=True)
class Amounts:
    """One money column. ``kept`` is DECIMAL(38,12); ``fine`` and ``finest`` hold what was cut off each value."""

    kept: pa.Array
    fine: pa.Array | None = None
    finest: dict[int, Decimal] = field(default_factory=dict)
    bad: dict[int, str] = field(default_factory=dict)


def exact_amounts(values: pa.Array) -> Amounts:
    """The money of a text, decimal, integer or double column; unreadable values are null and named in ``bad``."""
    values = _castable(values)
    if not _safe(values):
        return _one_by_one(values.cast(pa.string()))
    try:
        return Amounts(values.cast(NARROW).cast(MONEY))
    except pa.ArrowInvalid:
        pass
    try:
        return _cut(values.cast(FINE))
    except pa.ArrowInvalid:
        return _one_by_one(values.cast(pa.string()))


def _castable(values: pa.Array) -> pa.Array:
    if pa.types.is_floating(values.type):
        values = pc.if_else(pc.is_finite(values), values, None)  # a NaN is how data frames write "no value"
        return values.cast(pa.string())
    return values.cast(pa.string()) if pa.types.is_integer(values.type) else values


def _safe(values: pa.Array) -> bool:
    """Whether Arrow may cast the column: it loses digits silently when it must drop more than 38 places at once."""
    if pa.types.is_decimal(values.type):
        return int(values.type.scale) <= SAFE_PLACES
    longest = pc.max(pc.binary_length(values)).as_py() or 0
    return longest <= SAFE_PLACES and not pc.any(pc.match_substring(values, "e", ignore_case=True)).as_py()


def _cut(fine: pa.Array) -> Amounts:
    whole = pc.round(fine, ndigits=PICO_DIGITS, round_mode="towards_zero")
    return Amounts(whole.cast(MONEY), pc.subtract(fine, whole))


def _one_by_one(texts: pa.Array) -> Amounts:
    plain = pc.fill_null(pc.match_substring_regex(texts, PLAIN), False)
    result = _cut(pc.if_else(plain, texts, None).cast(FINE))
    odd = np.flatnonzero(pc.and_(pc.invert(plain), pc.is_valid(texts)).to_numpy(zero_copy_only=False))
    replaced: dict[int, Decimal] = {}
    for index, text in zip(odd.tolist(), texts.take(pa.array(odd)).to_pylist(), strict=True):
        try:
            pico, rest = to_pico(read_number(text, parse_amount))
        except ValueError as error:
            result.bad[index] = str(error)
            continue
        replaced[index] = from_pico(pico)
        if rest:
            result.finest[index] = rest
    result.kept = _with(result.kept, replaced, MONEY)
    return result


def read_number(text: str, parse: Callable[[str], Decimal] = Decimal) -> Decimal:
    """A plain or scientific number in ASCII digits. Raises ValueError for anything else or absurdly fine digits."""
    clean = text.strip()
    if not NUMBER.fullmatch(clean):
        message = f"{text!r} is not a number"
        raise ValueError(message)
    value = parse(clean)
    exponent = value.as_tuple().exponent
    if isinstance(exponent, int) and exponent < -FINEST_PLACES:
        message = f"{text!r} has more than {FINEST_PLACES} decimal places"
        raise ValueError(message)
    return value


def _with(values: pa.Array, replaced: dict[int, Decimal], kind: pa.DataType) -> pa.Array:
    if not replaced:
        return values
    mask = np.zeros(len(values), bool)
    mask[list(replaced)] = True
    return pc.replace_with_mask(values, pa.array(mask), pa.array([replaced[i] for i in sorted(replaced)], kind))


def quantities(values: pa.Array) -> tuple[pa.Array, dict[int, str]]:
    """DECIMAL(38,18) quantities and unit prices. Finer digits are rounded (they carry no money); bad ones are null."""
    values = _castable(values)
    if _safe(values):
        try:
            return values.cast(QUANTITY), {}
        except pa.ArrowInvalid:
            pass
    texts = values.cast(pa.string())
    plain = pc.fill_null(pc.match_substring_regex(texts, r"^[+-]?[0-9]{1,19}(\.[0-9]{0,18})?$"), False)
    result = pc.if_else(plain, texts, None).cast(QUANTITY)
    odd = np.flatnonzero(pc.and_(pc.invert(plain), pc.is_valid(texts)).to_numpy(zero_copy_only=False))
    replaced, bad = {}, {}
    for index, text in zip(odd.tolist(), texts.take(pa.array(odd)).to_pylist(), strict=True):
        try:
            value = read_number(text).quantize(Decimal(1).scaleb(-18), ROUND_HALF_EVEN, CONTEXT)
            if abs(value) >= Decimal(10) ** 20:
                message = f"{text!r} does not fit 20 whole digits"
                raise ValueError(message)
            replaced[index] = value
        except InvalidOperation:
            bad[index] = f"{text!r} does not fit 20 whole digits"
        except ValueError as error:
            bad[index] = str(error)
    return _with(result, replaced, QUANTITY), bad
