"""The bill lines of the model APIs: tokens by day, model and meter, with what only the provider counted."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from decimal import Decimal

from netyield.core.money import CONTEXT, from_pico
from netyield.testing.example.apps import PRICES, UNKNOWN_MODEL
from netyield.testing.example.attempt import Attempt
from netyield.testing.example.bill_rows import Line
from netyield.testing.example.plan import DAY_MS

MILLION = Decimal(1_000_000)
# Tokens the provider billed and the gateway never saw (negative: seen, not billed), by day, model and class.
PLANTED_TOKENS = {
    (0, "gpt-4o-mini", "in_uncached"): 31_415_927,
    (1, "claude-haiku-4-5", "in_uncached"): 2_718_281,
    (1, "claude-sonnet-4-5", "out"): -1_234,
}
EMBEDDING = ("text-embedding-3-small", 20_000, 100_000_123)  # a model no gateway row mentions: pico per token, tokens
NIMBUS_PICO = {"in_uncached": 900_000, "in_cache_read": 900_000, "out": 2_700_000}
METERS = {
    "in_uncached": ("Input Tokens", "Input", "Uncached"),
    "in_cache_read": ("Cached Input Tokens", "Input", "Read"),
    "out": ("Output Tokens", "Output", ""),
}


def api_tokens(attempts: Sequence[Attempt]) -> dict[tuple[int, str, str], int]:
    """Tokens the gateway saw by day, API model and billed kind (in_uncached, in_cache_read, out)."""
    seen: dict[tuple[int, str, str], int] = {}
    for attempt in attempts:
        if attempt.replica:
            continue
        day = attempt.start_ms // DAY_MS
        counts = {
            "in_uncached": attempt.in_uncached,
            "in_cache_read": attempt.in_cache_read,
            "out": attempt.completion_tokens,
        }
        for kind, tokens in counts.items():
            seen[day, attempt.model, kind] = seen.get((day, attempt.model, kind), 0) + tokens
    return seen


def api_lines(attempts: Sequence[Attempt]) -> Iterator[Line]:
    """Every line of the model APIs."""
    provider_of = {attempt.model: attempt.provider for attempt in attempts if not attempt.replica}
    for (day, model, kind), tokens in sorted(api_tokens(attempts).items()):
        billed = tokens + PLANTED_TOKENS.get((day, model, kind), 0)
        rates = NIMBUS_PICO if model == UNKNOWN_MODEL else {name: getattr(PRICES[model], name) for name in METERS}
        yield _tokens(provider_of[model], model, kind, day, billed, rates[kind])
    name, rate, tokens = EMBEDDING
    yield _tokens("openai", name, "in_uncached", 0, tokens, rate)


def _tokens(provider: str, model: str, kind: str, day: int, tokens: int, pico: int) -> Line:
    meter, direction, cache = METERS[kind]
    names = {"openai": "OpenAI API", "anthropic": "Claude API", "nimbus": "Nimbus API"}
    details: dict[str, object] = {"x_ModelId": model, "x_TokenDirection": direction}
    if cache:
        details["x_TokenCacheAction"] = cache
    return Line(
        "",
        provider,
        (names[provider], "AI and Machine Learning", "Generative AI"),
        f"{meter} for {model}",
        day * 24,
        24,
        CONTEXT.divide(Decimal(tokens), MILLION),
        "1000000 Tokens",
        CONTEXT.multiply(from_pico(pico), MILLION).normalize(),
        sku=f"{model}-{kind}",
        meter=meter,
        details=details,
        consumed=(Decimal(tokens), "Tokens"),
    )
