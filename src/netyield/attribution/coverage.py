"""Which API calls does some bill pay for? The others are charges themselves, at their list price (``list_estimate``).

A call is billed when its provider is one that bills here, when a bill names its model, or when the log does not say who
answered. A biller whose lines name no model may have billed any call, unless all it sells is its own models.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import pyarrow as pa

from netyield.store.engine import Engine

# A gateway's word for a provider, and what the name on the provider's bill contains.
BILL_NAMES = {
    "azure": "microsoft", "azure_ai": "microsoft", "bedrock": "aws", "vertex_ai": "google", "gemini": "google",
    "openai": "openai", "anthropic": "anthropic", "mistral": "mistral", "cohere": "cohere", "deepseek": "deepseek", "xai": "xai",
}
SELLS_ITS_OWN = ("openai", "anthropic", "mistral", "cohere", "deepseek", "xai")
# The method of leaves that are charges at list price because no bill covers them.
UNBILLED = "price list, no bill"


@dataclass(frozen=True, slots=True)
class ApiBills:
    """``words``: gateway's word to the biller's name. ``models``: one names that bills speak of. ``any_call``: some
    biller may have billed whatever was called."""

    words: Mapping[str, str]
    models: frozenset[str] = frozenset()
    any_call: bool = False

    def covers(self, word: str, model: str) -> bool:
        """Is a call of this provider word and this model (its one name) billed by somebody?"""
        return self.any_call or word in self.words or model in self.models or (not word and bool(self.words or self.models))


def api_bills(lines: Iterable[tuple[str | None, str | None]], one_names: Mapping[str, str]) -> ApiBills:
    """What API bill lines (provider, model) cover; ``one_names``: a bill's word for a model to its one name."""
    known = set(lines)
    billers = {provider or "" for provider, _ in known}
    silent = {provider or "" for provider, model in known if not model}
    words = {word: biller for word, hint in BILL_NAMES.items() for biller in sorted(billers) if hint in _plain(biller)}
    models = frozenset(one_names.get(model, model) for _, model in known if model)
    return ApiBills(words, models, any(not _sells_its_own(biller) for biller in silent))


def _plain(biller: str) -> str:
    return biller.lower().replace("amazon web services", "aws")


def _sells_its_own(biller: str) -> bool:
    return any(hint in _plain(biller) for hint in SELLS_ITS_OWN)


def mark(engine: Engine, bills: ApiBills, one_names: Mapping[str, str]) -> None:
    """``provider_names(word, bill_name)`` and ``unbilled(provider, model)``: calls in ``dims`` that no bill covers.

    ``one_names``: a log's word for a model to its one name.
    """
    words = dict(bills.words) or {"": ""}
    engine.register("provider_names", pa.table({"word": list(words), "bill_name": list(words.values())}))
    seen = engine.query("SELECT DISTINCT provider, model FROM dims WHERE serving_id IS NULL ORDER BY ALL").to_pylist()
    own = [row for row in seen if not bills.covers(row["provider"], one_names.get(row["model"], row["model"]))]
    engine.register("unbilled", pa.table({name: pa.array([row[name] for row in own], pa.string()) for name in ("provider", "model")}))
