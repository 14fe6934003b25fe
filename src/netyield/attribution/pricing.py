"""What did each attempt cost at the price in force? One statement over all of them, exact to the pico-unit.

The statement (pricing.sql) joins attempts with dated price sheets: all input tokens together pick the tier that
re-rates the whole request, event time and time of day pick the sheet, token counts times whole pico-unit rates give
the cost. Rates finer than a pico-unit are added up exactly and rounded once per attempt, half away from zero.
Nothing has a fallback price: an attempt that cannot be priced has cost null, a reason, and keeps its tokens.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib import resources

import pyarrow as pa
import pyarrow.compute as pc

from netyield.attribution.price_sheets import SHEETS, STANDARD, TOKEN_CLASSES, PriceKey, Wanted, sheet_table
from netyield.store.engine import Engine

INPUT_CLASSES = tuple(name for name in TOKEN_CLASSES if name.startswith("in_"))
REASONING = "out_reasoning"
OUTPUT_CLASSES = tuple(name for name in TOKEN_CLASSES if name.startswith("out_") and name != REASONING)
ALWAYS = ("in_uncached", "out_text")  # so that the statement's lists are never empty
UNPRICED_REASONS = {
    "no_price": "no price is known for this model at this time",
    "no_usage": "no token count was reported",
    "no_rate": "the contract names no rate for a class this attempt has tokens of",
    "too_large": "the cost is beyond 9.2 million currency units; the token counts cannot be right",
}


_REASON_NUMBERS = {reason: number for number, reason in enumerate(UNPRICED_REASONS, start=1)}
# The words a price is found by, and what is meant where one is missing.
_WORDS = {"provider": "", "model": "", "tariff": STANDARD}


def price(
    engine: Engine, attempts_view: str, prices: pa.Table, out: str, resolved: pa.Table | None = None, words: str | None = None
) -> None:
    """Make ``out`` with the cost of every row of ``attempts_view``, and ``<out>_prices`` with the sheets used.

    The view has attempt_id (any type), time_us BIGINT, provider, model, tariff (as reported, may be null), the 17
    token classes and calls as BIGINT (null: not reported; calls null: 1). It is read two or three times: a table or a
    plain view over segments, not a heavy query. ``prices`` has the columns of contract ``model_prices``. ``resolved``
    (columns provider, model, price_provider, price_model) says which price a reported name stands for; without it
    names are price keys. ``words``: a table (words_id, provider, model, tariff); then the view has words_id in their place,
    and no word is looked at per row.

    ``out``: attempt_id, cost_pico = input_pico + output_pico + reasoning_pico (BIGINT, null when not priced; fees per
    call are in input_pico), priced, unpriced_reason (a key of UNPRICED_REASONS), currency, price_row (of
    ``<out>_prices``), input_reported, output_reported (false: no class of that side was reported; it counted as 0).
    """
    span = _span(engine, attempts_view)
    sheets = SHEETS.empty_table()
    if span.rows:
        wanted = _wanted(engine, words or attempts_view, resolved)
        sheets = sheet_table(prices, wanted, span.first_us, span.last_us)
    engine.register(f"{out}_sheets", sheets)
    if words:
        same = " AND ".join(f"s.{name} = COALESCE(w.{name}, '{absent}')" for name, absent in _WORDS.items())
        engine.keep(f"{out}_prices", f"SELECT s.*, w.words_id FROM {out}_sheets s JOIN {words} w ON {same}")
    else:
        engine.keep(f"{out}_prices", f"SELECT * FROM {out}_sheets")
    rests = pc.any(sheets["has_rest"]).as_py() is True
    statement = pricing_statement(attempts_view, f"{out}_prices", span.charged, span.reported, rests, words is not None)
    # At rest numbers stand for words: fewer columns to write.
    engine.keep(f"{out}_rows", statement)
    engine.view(out, _spelled_out(out))


def _spelled_out(out: str) -> str:
    """What was kept, with its words. A sheet may stand for several words: its currency is looked up by its number."""
    reasons = " ".join(f"WHEN {number} THEN '{reason}'" for reason, number in _REASON_NUMBERS.items())
    return f"""
        SELECT r.attempt_id, r.input_pico + r.output_pico + r.reasoning_pico AS cost_pico, r.input_pico, r.output_pico, r.reasoning_pico,
               r.unpriced = 0 AS priced, CASE r.unpriced {reasons} END AS unpriced_reason, p.currency,
               r.price_row, r.sides % 2 = 1 AS input_reported, r.sides >= 2 AS output_reported
        FROM {out}_rows r LEFT JOIN {out}_sheets p ON r.price_row = p.price_row"""


def pricing_statement(
    attempts: str,
    prices: str,
    charged: Sequence[str] = TOKEN_CLASSES,
    reported: Sequence[str] = TOKEN_CLASSES,
    rests: bool = True,
    numbered: bool = False,
) -> str:
    """The statement over a table of attempts and a sheet table. It may leave out what makes no difference.

    ``charged``: token classes any attempt has tokens of; ``reported``: classes any attempt reports, zeros included;
    ``rests``: whether any sheet has a rate that is no whole number of pico-units; ``numbered``: attempts and sheets are
    joined by words_id, not by provider, model and tariff.
    """
    counted = [name for name in TOKEN_CLASSES if name in charged or name in ALWAYS]
    known = [name for name in TOKEN_CLASSES if name in reported or name in counted]
    inputs = [name for name in counted if name in INPUT_CLASSES]
    outputs = [name for name in counted if name in OUTPUT_CLASSES]
    reasoning = [name for name in counted if name == REASONING]
    return _template().format(
        attempts=attempts,
        prices=prices,
        words="a.words_id" if numbered else ", ".join(f"COALESCE(a.{name}, '{absent}') AS {name}" for name, absent in _WORDS.items()),
        same_words=" AND ".join(f"c.{name} = p.{name}" for name in (["words_id"] if numbered else _WORDS)),
        **_REASON_NUMBERS,
        has_rest="has_rest" if rests else "FALSE",
        counts=", ".join(f"a.{name}" for name in counted),
        input_tokens=_sum(inputs, _tokens),
        all_tokens=_sum(counted, _tokens),
        input_reported=_any_given([name for name in known if name in INPUT_CLASSES]),
        output_reported=_any_given([name for name in known if name not in INPUT_CLASSES]),
        rates=", ".join(f"p.rate_pico_{name}, p.rate_rest_{name}" for name in counted),
        unrated=" OR ".join(f"(c.{name} > 0 AND p.rate_pico_{name} IS NULL)" for name in counted),
        input_pico=_sum(inputs, _pico),
        output_pico=_sum(outputs, _pico),
        reasoning_pico=_sum(reasoning, _pico),
        input_rest=_sum(inputs, _rest),
        output_rest=_sum(outputs, _rest),
        reasoning_rest=_sum(reasoning, _rest),
    )


def _template() -> str:
    text = resources.files("netyield.attribution").joinpath("pricing.sql").read_text(encoding="utf-8")
    return "\n".join(line for line in text.splitlines() if not line.startswith("--"))


def _sum(names: Sequence[str], term: Callable[[str], str]) -> str:
    return " + ".join(term(name) for name in names) or "CAST(0 AS BIGINT)"


def _tokens(name: str) -> str:
    return f"COALESCE(a.{name}, 0)"


def _pico(name: str) -> str:
    # Null when the class was not reported, or has no rate and (see no_rate) no tokens: nothing to charge either way.
    return f"COALESCE({name} * rate_pico_{name}, 0)"


def _rest(name: str) -> str:
    return f"COALESCE(wide({name}) * rate_rest_{name}, 0)"


def _any_given(names: Sequence[str]) -> str:
    given = ", ".join(f"a.{name}" for name in names)
    return f"COALESCE({given}) IS NOT NULL" if len(names) > 1 else f"{given} IS NOT NULL"


@dataclass(frozen=True, slots=True)
class _Span:
    """What a set of attempts covers: rows, time, and the token classes it reports and has tokens of."""

    rows: int
    first_us: int
    last_us: int
    reported: tuple[str, ...]
    charged: tuple[str, ...]


def _span(engine: Engine, attempts: str) -> _Span:
    most = ", ".join(f"MAX({name}) AS {name}" for name in TOKEN_CLASSES)
    found = engine.query(
        f"SELECT COUNT(*) AS n, MIN(time_us) AS first_us, MAX(time_us) AS last_us, {most} FROM {attempts}"
    ).to_pylist()[0]
    reported = tuple(name for name in TOKEN_CLASSES if found[name] is not None)
    charged = tuple(name for name in reported if found[name] > 0)
    return _Span(found["n"], found["first_us"] or 0, found["last_us"] or 0, reported, charged)


def _wanted(engine: Engine, attempts: str, resolved: pa.Table | None) -> Mapping[Wanted, PriceKey | None]:
    """The price key of every (provider, model, tariff) the attempts report."""
    words = ", ".join(f"COALESCE({name}, '{absent}') AS {name}" for name, absent in _WORDS.items())
    seen = engine.query(f"SELECT DISTINCT {words} FROM {attempts}").to_pylist()
    if resolved is None:
        return {(row["provider"], row["model"], row["tariff"]): (row["provider"], row["model"]) for row in seen}
    keys: dict[tuple[str, str], PriceKey | None] = {}
    for row in resolved.to_pylist():
        known = row["price_provider"] is not None and row["price_model"] is not None
        key = (row["price_provider"], row["price_model"]) if known else None
        keys[row["provider"] or "", row["model"] or ""] = key
    return {
        (row["provider"], row["model"], row["tariff"]): keys.get((row["provider"], row["model"])) for row in seen
    }
