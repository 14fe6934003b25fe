"""What would an API charge for the same requests? Every token class once, at its own dated price."""

from __future__ import annotations

import numpy as np

from netyield.core.errors import WrongUse
from netyield.core.finding import Finding, Severity
from netyield.economics.placement.api_prices import ListPrice, list_price
from netyield.economics.placement.case import Case
from netyield.economics.placement.costs import MILLION, Cost, finding
from netyield.economics.placement.stated import too_old, unstated
from netyield.economics.placement.uncertain import Float64, Uncertain, exactly
from netyield.economics.placement.ways import Api

CLASSES = ("input", "cache_read", "cache_write", "cache_write_long", "output")
OTHERWISE = {"cache_read": "input", "cache_write": "input", "cache_write_long": "cache_write"}


def api_cost(case: Case, option: Api, share: Float64 | float = 1.0) -> Cost:
    """The monthly bill of an API, or of the ``share`` of the traffic that goes there."""
    cost = Cost(meets_slo=option.meets_slo)
    own = option.blended or option.input
    listed = None
    if own is not None:
        cost.missing += unstated(option, "price", own)
        cost.notes += too_old(case, option, "price", own)
    else:
        try:
            listed = list_price(option.provider or "", option.provider_model or "", case.as_of, case.demand.longer, option.tariff)
        except WrongUse as unknown:
            cost.missing.append(finding("no_price", Severity.ERROR, f"{option.name}: {unknown.message}", unknown.repair))
    if cost.missing:
        return cost
    scale = case.month() * case.tokens_ratio(option) * share / MILLION
    factor = case.of(option, "price_change") * (1.0 - _term(case, option, "discount")) * _batch(case, option, listed)
    if option.blended is not None:
        rate = case.inputs.given(f"{option.name}: blended price", option.blended, "USD per Mtok", option.source, _day(option))
        cost.parts["tokens"] = rate * scale * factor * case.demand.processed_tokens
        cost.notes.append(_blended(option))
    else:
        tokens = _tokens(case)
        for name in CLASSES:
            if tokens[name].any():
                cost.parts[name.replace("_", " ")] = _rate(case, option, name, listed) * scale * factor * tokens[name]
        if listed is None and option.cache_read is None and tokens["cache_read"].any():
            cost.notes.append(_no_cache_price(option))
    cost.parts |= _by_volume(case, option, cost.usd_per_month if cost.parts else np.zeros(case.inputs.draws.count))
    cost.parts["fees"] = _term(case, option, "usd_per_month")
    return cost


def _tokens(case: Case) -> dict[str, Float64]:
    """Disjoint classes of the window: an input token is computed, read or written once."""
    demand = case.demand
    written = min(demand.cache_write_tokens, demand.input_tokens)
    long = min(demand.cache_write_long_tokens, written)
    read = np.minimum(case.cache_read_share() * demand.input_tokens, demand.input_tokens - written)
    ones = np.ones(case.inputs.draws.count)
    return {
        "input": demand.input_tokens - read - written, "cache_read": read, "cache_write": ones * (written - long),
        "cache_write_long": ones * long, "output": ones * demand.output_tokens,
    }  # fmt: skip


def _rate(case: Case, option: Api, name: str, listed: ListPrice | None) -> Float64:
    """The price of a class; one that is not listed apart is charged as plain input."""
    if listed is not None:
        key = f"{option.name}: {name.replace('_', ' ')} price"
        return case.inputs.given(key, exactly(getattr(listed, name)), "USD per Mtok", listed.source, listed.dated)
    own: Uncertain | None = getattr(option, name)
    while own is None:
        name = OTHERWISE[name]
        own = getattr(option, name)
    return case.inputs.given(f"{option.name}: {name.replace('_', ' ')} price", own, "USD per Mtok", option.source, _day(option))


def _batch(case: Case, option: Api, listed: ListPrice | None) -> Float64:
    """What is left of the bill when a part of the requests waits: at the list's batch tariff, unless the option says another."""
    if option.batch_share.high == 0:
        return np.ones(case.inputs.draws.count)
    share = _term(case, option, "batch_share")
    if option.batch_discount is None and listed is not None and listed.batch_discount is not None:
        key = f"{option.name}: batch discount"
        return 1.0 - share * case.inputs.given(key, exactly(listed.batch_discount), "of the price", listed.source, listed.dated)
    return 1.0 - share * case.of(option, "batch_discount")


def _by_volume(case: Case, option: Api, bill: Float64) -> dict[str, Float64]:
    """Discounts on what is spent beyond each tier's amount: the last tier reached holds for the rest."""
    saved = np.zeros(len(bill))
    tiers = sorted(option.tier, key=lambda tier: tier.from_usd_per_month.mid)
    before = np.zeros(len(bill))
    for number, tier in enumerate(tiers, 1):
        edge = case.inputs.given(f"{option.name}: tier {number} from", tier.from_usd_per_month, "USD per month", option.source, _day(option))
        cut = case.inputs.given(f"{option.name}: tier {number} discount", tier.discount, "of the price", option.source, _day(option))
        saved += np.maximum(0.0, bill - edge) * (cut - before)
        before = cut
    return {"volume discount": -saved} if tiers else {}


def _term(case: Case, option: Api, name: str) -> Float64:
    """A term that is a choice: nothing, unless the option says otherwise."""
    value: Uncertain = getattr(option, name)
    if value.exact and value.mid == 0.0:
        return np.zeros(case.inputs.draws.count)
    return case.of(option, name)


def _no_cache_price(option: Api) -> Finding:
    message = f"{option.name}: no cache_read price: tokens a cache would serve are charged as fresh input, often 10 to 50 times more."
    return finding("no_cache_price", Severity.WARNING, message, "Write cache_read (the input price where there is no cache).")


def _blended(option: Api) -> Finding:
    message = f"{option.name}: a blended price holds for one mix of input, cached and output tokens only."
    return finding("blended_price", Severity.WARNING, message, "Write input, cache_read and output.")


def _day(option: Api) -> str:
    return option.dated.isoformat() if option.dated else ""
