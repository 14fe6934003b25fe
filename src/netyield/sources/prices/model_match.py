"""Which price does a reported model name stand for? Asked once per distinct (provider, model), never per request.

The user's contract prices come first where they name the reported model; then the matcher of ``genai-prices``
(aliases, dated snapshots, regional Bedrock ids, resellers); then the user's globs. Nothing else: a name nobody knows
is unpriced with its tokens, and a model on somebody's own GPUs never takes the price of a vendor who hosts it too.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from fnmatch import fnmatchcase
from functools import cache

import pyarrow as pa
import pyarrow.compute as pc

from netyield.sources.prices.genai_catalogue import bare_model, providers, resold_id
from netyield.sources.prices.price_rows import CONTRACT_SOURCE

# Provider names LiteLLM writes (custom_llm_provider) that genai-prices does not know by itself.
LITELLM_PROVIDERS = {
    "azure_ai": "azure",
    "azure_text": "azure",
    "codestral": "mistral",
    "fireworks_ai": "fireworks",
    "text-completion-codestral": "mistral",
}
# Routes to one's own or unknown servers. genai-prices reads "openai" in two of them and would price them as OpenAI.
OWN_SERVERS = frozenset({
    "custom", "custom_openai", "docker_model_runner", "hosted_vllm", "llamafile", "lm_studio", "ollama", "ollama_chat",
    "openai_like", "petals", "self-hosted", "self_hosted", "sglang", "tgi", "triton", "vllm", "xinference",
})
GATEWAYS = frozenset({"litellm", "litellm_proxy"})  # they say nothing of the provider behind them
_HOST = re.compile(r"^(?:https?://)?[a-z0-9-]+(?:\.[a-z0-9-]+)+(?::\d+)?(?:/.*)?$", re.IGNORECASE)
_GLOB = re.compile(r"[*?\[]")
PriceKey = tuple[str, str]
RESOLVED = pa.schema(
    [
        pa.field("provider", pa.string()),
        pa.field("model", pa.string()),
        pa.field("price_provider", pa.string()),
        pa.field("price_model", pa.string()),
    ]
)


def resolve_models(pairs: Iterable[tuple[str | None, str | None]], prices: pa.Table | None = None) -> pa.Table:
    """(provider, model, price_provider, price_model) for each distinct pair; both price columns null = no price.

    ``provider`` may be a provider's name, LiteLLM's name for it, an API address or null (then the model's own prefix
    or name decides). ``prices`` is the ``model_prices`` table whose contract rows are to be found by name or glob.
    """
    contracts = () if prices is None else contract_keys(prices)
    distinct = sorted({(provider, model) for provider, model in pairs}, key=lambda pair: (pair[0] or "", pair[1] or ""))
    found = [resolve_model(provider, model, contracts) for provider, model in distinct]
    rows = [(*pair, *(key or (None, None))) for pair, key in zip(distinct, found, strict=True)]
    columns = list(zip(*rows, strict=True)) or [()] * 4
    return pa.table(dict(zip(RESOLVED.names, columns, strict=True)), schema=RESOLVED)


def resolve_model(provider: str | None, model: str | None, contracts: tuple[PriceKey, ...] = ()) -> PriceKey | None:
    """The price key of one reported name, or None."""
    if not model or not model.strip():
        return None
    name = model.strip().lower()
    listed = catalogue_key(provider, name)
    route = provider_id(provider) or (listed[0] if listed else (provider or "").strip().lower())
    mine = [key for key in contracts if fnmatchcase(route, key[0]) and fnmatchcase(name, key[1])]
    literal = [key for key in mine if not is_glob(key[1])]
    if not mine:
        return listed
    wanted = (literal or mine)[-1]
    # A model of the list carries the contracts that name it; a contract's own key is for what the list does not have.
    return listed if listed is not None and is_named(listed, wanted[1]) else wanted


def is_named(key: PriceKey, wanted: str) -> bool:
    """Is the model, with or without the maker a reseller's key starts with, what a contract's name or glob means?"""
    return any(fnmatchcase(name.lower(), wanted) for name in (key[1], bare_model(*key)))


def is_glob(name: str) -> bool:
    """Does the name stand for several models?"""
    return _GLOB.search(name) is not None


def contract_keys(prices: pa.Table) -> tuple[PriceKey, ...]:
    """The (provider, model or glob) keys the user's own rows have, in the order of the table, last one last."""
    mine = prices.filter(pc.starts_with(prices["price_source"], CONTRACT_SOURCE)).select(["provider", "model"])
    keys = zip(mine["provider"].to_pylist(), mine["model"].to_pylist(), strict=True)
    return tuple(dict.fromkeys(keys))


@cache
def provider_id(reported: str | None) -> str | None:
    """The provider a reported name, LiteLLM name or API address stands for; None when unknown or one's own server."""
    from genai_prices.data_snapshot import find_provider_by_id

    name = (reported or "").strip().lower()
    if not name or name in OWN_SERVERS:
        return None
    if _HOST.match(name):
        address = name if "://" in name else f"https://{name}"
        return next((one.id for one in providers() if re.match(one.api_pattern, address)), None)
    found = find_provider_by_id(providers(), LITELLM_PROVIDERS.get(name, name))
    return found.id if found else None


@cache
def catalogue_key(reported: str | None, model: str) -> PriceKey | None:
    """The catalogue's key for a reported provider and a lower-case model name, by genai-prices' own matching."""
    named = (reported or "").strip().lower()
    route = None if named in GATEWAYS else provider_id(named)
    if route is None and named and named not in GATEWAYS:
        return None
    prefix, _, rest = model.partition("/")
    candidates: list[tuple[str | None, str]] = [(route, model)]
    if rest and prefix not in OWN_SERVERS and provider_id(prefix) is not None and route in (None, provider_id(prefix)):
        candidates.insert(0 if route is None else 1, (provider_id(prefix), rest))
    elif rest and route is None and prefix in OWN_SERVERS:
        return None
    for provider, name in candidates:
        key = _match(provider, name)
        if key is not None:
            return key
    return None


def _match(provider: str | None, model: str) -> PriceKey | None:
    from genai_prices.data_snapshot import get_snapshot

    try:
        found, info = get_snapshot().find_provider_model(model, None, provider, None)
    except LookupError:
        return None
    if any(info is own for own in found.models):
        return found.id, info.id
    makers = [one for one in providers() if one.id in (found.fallback_model_providers or ())]
    maker = next(one for one in makers if any(info is own for own in one.models))
    return found.id, resold_id(maker.id, info.id)
