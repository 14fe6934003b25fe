"""What would an API charge for the same requests? Every token class once, at its own dated price."""

from __future__ import annotations

import numpy as np

from netyield.core.errors import WrongUse
from netyield.core.finding import Finding, Severity
from netyield.economics.placement.api_prices import ListPrice, list_price
from netyield.economics.placement.case import Case
from netyield.economics.placement.costs import MILLION, Cost, finding
from netyield.economics.placement.options import Api
from netyield.economics.placement.uncertain import Float64, Uncertain, exactly

OLD_DAYS = 180
CLASSES = ("input", "cache_read", "cache_write", "output")


def api_cost(case: Case, option: Api, share: Float64 | float = 1.0) -> Cost:
    """The monthly bill of an API, or of the ``share`` of the traffic that goes there."""
    cost = Cost(meets_slo=option.meets_slo)
    ratio = case.tokens_ratio(option)
    scale = case.month() * ratio * share / MILLION
    listed = None
    if option.blended is None and option.input is None:
        try:
            listed = _listed(case, option)
        except WrongUse as unknown:
            cost.missing.append(finding("no_price", Severity.ERROR, f"{option.name}: {unknown.message}", unknown.repair))
            return cost
    if listed is None and option.dated is None:
        message = f"{option.name}: its price has no date."
        cost.missing.append(finding("undated_price", Severity.ERROR, message, "Write dated = YYYY-MM-DD and source."))
        return cost
    cut = case.inputs.of(option.name, "price_change", option.price_change, option.source, _day(option))
    factor = cut * (1.0 - _terms(case, option, "discount", option.discount)) * _batch(case, option, listed)
    tokens = _tokens(case)
    if option.blended is not None:
        rate = case.inputs.given(f"{option.name}: blended price", option.blended, "USD per Mtok", option.source, _day(option))
        cost.parts["tokens"] = rate * scale * factor * case.demand.processed_tokens
        cost.notes.append(_blended(option))
    else:
        for name in CLASSES:
            rate = _rate(case, option, name, listed)
            cost.parts[name.replace("_", " ")] = rate * scale * factor * tokens[name]
        if listed is None and option.cache_read is None:
            cost.notes.append(_no_cache_price(option))
    cost.parts["fees"] = _terms(case, option, "usd_per_month", option.usd_per_month) * np.ones(case.inputs.draws.count)
    _age(case, option, cost)
    return cost


def _tokens(case: Case) -> dict[str, Float64]:
    """Disjoint classes of the window: an input token is computed, read or written once."""
    demand = case.demand
    written = min(demand.cache_write_tokens, demand.input_tokens)
    read = np.minimum(case.cache_read_share() * demand.input_tokens, demand.input_tokens - written)
    ones = np.ones(case.inputs.draws.count)
    return {
        "input": demand.input_tokens - read - written, "cache_read": read, "cache_write": ones * written,
        "output": ones * demand.output_tokens,
    }  # fmt: skip


def _listed(case: Case, option: Api) -> ListPrice:
    mean = case.demand.input_tokens / max(1, case.demand.requests)
    return list_price(option.provider or "", option.provider_model or "", case.as_of, mean)


def _rate(case: Case, option: Api, name: str, listed: ListPrice | None) -> Float64:
    """The price of a class; one that is not listed apart is charged as plain input."""
    key = f"{option.name}: {name.replace('_', ' ')} price"
    if listed is not None:
        return case.inputs.given(key, exactly(getattr(listed, name)), "USD per Mtok", listed.source, listed.dated)
    own: Uncertain | None = getattr(option, name)
    if own is None:
        own, key = option.input or exactly(0.0), f"{option.name}: input price"
    return case.inputs.given(key, own, "USD per Mtok", option.source, _day(option))


def _batch(case: Case, option: Api, listed: ListPrice | None) -> Float64:
    share = _terms(case, option, "batch_share", option.batch_share)
    if option.batch_share.high == 0:
        return np.ones(case.inputs.draws.count)
    discount = option.batch_discount
    if listed is not None and listed.batch_discount is not None:
        discount = exactly(listed.batch_discount)
    return 1.0 - share * _terms(case, option, "batch_discount", discount)


def _terms(case: Case, option: Api, name: str, value: Uncertain) -> Float64:
    if value.exact and value.mid == 0.0:
        return np.zeros(case.inputs.draws.count)
    return case.inputs.given(f"{option.name}: {name.replace('_', ' ')}", value, "", option.source, _day(option))


def _age(case: Case, option: Api, cost: Cost) -> None:
    if option.dated is not None and (case.as_of - option.dated).days > OLD_DAYS:
        message = f"{option.name}: its price is {(case.as_of - option.dated).days} days old."
        cost.notes.append(finding("old_price", Severity.WARNING, message, "Ask for a new quote, or give an interval."))


def _no_cache_price(option: Api) -> Finding:
    message = f"{option.name}: no cache_read price: tokens a cache would serve are charged as fresh input, often 10 to 50 times more."
    return finding("no_cache_price", Severity.WARNING, message, "Write cache_read (the input price where there is no cache).")


def _blended(option: Api) -> Finding:
    message = f"{option.name}: a blended price holds for one mix of input, cached and output tokens only."
    return finding("blended_price", Severity.WARNING, message, "Write input, cache_read and output.")


def _day(option: Api) -> str:
    return option.dated.isoformat() if option.dated else ""
