"""Price rows turned round for the pricing join: one row per sheet, one column per token class.

Which sheets can apply to the attempts at hand? Only those of the models they name, cut to the time they cover. The
result never has two rows for one attempt: where price sources overlap, contracts win over lists, and of two lists
the one whose name sorts last.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from netyield.core.money import INT64_MAX
from netyield.core.token_dialects import class_names

TOKEN_CLASSES = class_names()
REQUEST = "request"
STANDARD = "standard"
NO_TOKEN_LIMIT = 2**62
REST_PER_PICO = 10**12
TIMES = ("valid_from", "valid_until")
READ = (
    "provider", "model", "currency", "tariff", "from_input_tokens", *TIMES, "day_from_us", "day_until_us", "class",
    "rate_pico", "rate_rest", "price_source",
)
PriceKey = tuple[str, str]
Wanted = tuple[str, str, str]  # provider, model and tariff as the attempts report them

_HEAD = (
    ("provider", pa.string()), ("model", pa.string()), ("tariff", pa.string()), ("price_row", pa.int64()),
    ("price_provider", pa.string()), ("price_model", pa.string()), ("price_tariff", pa.string()),
    ("currency", pa.string()), ("price_source", pa.string()),
    ("valid_from_us", pa.int64()), ("valid_until_us", pa.int64()),
    ("day_from_us", pa.int64()), ("day_until_us", pa.int64()),
    ("least_input_tokens", pa.int64()), ("below_input_tokens", pa.int64()),
    ("safe_units", pa.int64()), ("has_rest", pa.bool_()), ("has_gaps", pa.bool_()),
)
_RATES = tuple(f"rate_{part}_{name}" for name in (*TOKEN_CLASSES, REQUEST) for part in ("pico", "rest"))
SHEETS = pa.schema([pa.field(*head) for head in _HEAD] + [pa.field(name, pa.int64()) for name in _RATES])


@dataclass(frozen=True, slots=True)
class _Block:
    """The sheets of one source for one model, tariff and validity: its tiers and daily windows."""

    source: str
    valid_from_us: int
    valid_until_us: int
    sheets: Mapping[tuple[int, int, int, str], Mapping[str, tuple[int, int]]]

    def outside(self, other: _Block) -> Iterator[_Block]:
        """What is left of the block before and after the other's validity."""
        if self.valid_from_us < other.valid_from_us:
            yield replace(self, valid_until_us=min(self.valid_until_us, other.valid_from_us))
        if self.valid_until_us > other.valid_until_us:
            yield replace(self, valid_from_us=max(self.valid_from_us, other.valid_until_us))


def sheet_table(
    prices: pa.Table, wanted: Mapping[Wanted, PriceKey | None], first_us: int, last_us: int
) -> pa.Table:
    """The sheets in force in [first_us, last_us] for each reported (provider, model, tariff) and its price key.

    A tariff the list has no rates for is charged at the standard rates (``price_tariff`` says so), as genai-prices
    does and vendors do. A model without a key gets no row: its attempts are unpriced.
    """
    keys = {key for key in wanted.values() if key is not None}
    books = _books(prices, keys, first_us, last_us)
    rows: list[dict[str, Any]] = []
    for (provider, model, tariff), key in sorted(wanted.items()):
        if key is None:
            continue
        used = tariff if (*key, tariff) in books else STANDARD
        for block in books.get((*key, used), ()):
            for row in _block_rows(block):
                names = {"provider": provider, "model": model, "tariff": tariff, "price_row": len(rows)}
                origin = {"price_provider": key[0], "price_model": key[1], "price_tariff": used}
                rows.append(names | origin | row)
    return pa.Table.from_pylist(rows, schema=SHEETS)


def _books(
    prices: pa.Table, keys: set[PriceKey], first_us: int, last_us: int
) -> dict[tuple[str, str, str], list[_Block]]:
    """Blocks by (provider, model, tariff), none overlapping another."""
    gathered: dict[tuple[str, str, str], dict[tuple[str, int, int], dict[Any, dict[str, tuple[int, int]]]]] = {}
    for row in _rows_of(prices, keys, first_us, last_us):
        book = gathered.setdefault((row["provider"], row["model"], row["tariff"]), {})
        sheets = book.setdefault((row["price_source"], row["valid_from"], row["valid_until"]), {})
        sheet = sheets.setdefault(
            (row["day_from_us"], row["day_until_us"], row["from_input_tokens"], row["currency"]), {}
        )
        sheet[row["class"]] = (row["rate_pico"], row["rate_rest"])
    books = {}
    for name, book in gathered.items():
        kept: list[_Block] = []
        for source, since, until in sorted(book, key=lambda block: (block[0].startswith("contract"), *block)):
            block = _Block(source, since, until, book[source, since, until])
            kept = [part for one in kept for part in one.outside(block)] + [block]
        books[name] = kept
    return books


def _rows_of(prices: pa.Table, keys: set[PriceKey], first_us: int, last_us: int) -> Iterable[dict[str, Any]]:
    """Long price rows of some models that apply at some time in [first_us, last_us], times as microseconds."""
    arrays = [prices[name].cast(pa.int64()) if name in TIMES else prices[name] for name in READ]
    table = pa.table(arrays, names=list(READ))
    chosen = pc.and_(
        pc.is_in(table["model"], pa.array(sorted({model for _, model in keys}), pa.string())),
        pc.and_(pc.less_equal(table["valid_from"], last_us), pc.greater(table["valid_until"], first_us)),
    )
    rows: list[dict[str, Any]] = table.filter(chosen).to_pylist()
    return [row for row in rows if (row["provider"], row["model"]) in keys]


def _block_rows(block: _Block) -> Iterator[dict[str, Any]]:
    """The block's sheets as rows: tiers as half-open ranges of input tokens, rates as columns."""
    for (day_from, day_until, from_tokens, currency), rates in sorted(block.sheets.items()):
        higher = [tier for start, end, tier, _ in block.sheets if (start, end) == (day_from, day_until)]
        above = min((tier for tier in higher if tier > from_tokens), default=NO_TOKEN_LIMIT - 1)
        yield {
            "currency": currency,
            "price_source": block.source,
            "valid_from_us": block.valid_from_us,
            "valid_until_us": block.valid_until_us,
            "day_from_us": day_from,
            "day_until_us": day_until,
            # A tier holds above its threshold; the base holds from no tokens at all.
            "least_input_tokens": from_tokens + 1 if from_tokens else 0,
            "below_input_tokens": above + 1,
            **_rate_columns(rates),
        }


def _rate_columns(rates: Mapping[str, tuple[int, int]]) -> dict[str, Any]:
    """Rates per class and what the statement must know of them.

    ``safe_units``: up to so many tokens and calls together, no sum of products can pass 64 bits.
    """
    known: Mapping[str, tuple[int | None, int | None]] = {REQUEST: (0, 0)} | dict(rates)
    pairs = {name: known.get(name, (None, None)) for name in (*TOKEN_CLASSES, REQUEST)}
    dearest = max((pico + (rest > 0) for pico, rest in rates.values()), default=0)
    columns: dict[str, Any] = {}
    for name, (pico, rest) in pairs.items():
        columns |= {f"rate_pico_{name}": pico, f"rate_rest_{name}": rest}
    return columns | {
        "safe_units": INT64_MAX // max(dearest, 1),
        "has_rest": any(rest > 0 for _, rest in rates.values()),
        "has_gaps": any(pico is None for pico, _ in pairs.values()),
    }
