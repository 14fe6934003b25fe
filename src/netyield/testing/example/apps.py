"""The example company's applications: which model serves each, and how do its requests end?

``endings`` are shares of logical requests; traffic.py says what each ending means. The rates are invented.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class App:
    """One application. ``models``: for customers below ten, for the others. Speeds are per engine or provider."""

    name: str
    team: str
    trace: str
    share: float
    provider: str
    models: tuple[str, str]
    endings: dict[str, float]
    log: str = "spend"
    customers: int = 0
    reasoning_fifths: int = 0
    predicts: bool = False
    run_length: int = 0


@dataclass(frozen=True, slots=True)
class Speed:
    """Milliseconds before the first token, input tokens per millisecond, milliseconds per output token."""

    start_ms: int
    input_per_ms: int
    output_ms: int


SELF_HOSTED = "hosted_vllm"
SPEEDS = {
    "llama-3.1-405b-fp8": Speed(60, 4, 34),
    "llama-3.1-70b": Speed(45, 8, 25),
    "qwen2.5-coder-32b": Speed(35, 10, 16),
    "llama-3.1-8b": Speed(12, 30, 6),
    "": Speed(310, 20, 12),  # any API
}
REPLICAS = {
    "llama-3.1-405b-fp8": ("llama-405b-0",),
    "llama-3.1-70b": ("llama-70b-0",),
    "qwen2.5-coder-32b": ("qwen-coder-0", "qwen-coder-1"),
    "llama-3.1-8b": ("llama-8b-canary-0",),
}
FALLBACK = ("openai", "gpt-4o-mini")
UNKNOWN_MODEL = "nimbus-large-preview"

APPS = (
    App(
        "support-chat",
        "support",
        "conv",
        0.55,
        SELF_HOSTED,
        ("llama-3.1-405b-fp8", "llama-3.1-70b"),
        {
            "accepted": 0.45,
            "rejected": 0.08,
            "partial": 0.05,
            "silent": 0.18,
            "retried": 0.04,
            "regenerated": 0.05,
            "aborted": 0.05,
            "late_accepted": 0.04,
            "late_rejected": 0.02,
            "overturned": 0.01,
            "fallback": 0.02,
            "judged": 0.01,
        },
        customers=40,
    ),
    App(
        "doc-editor",
        "product",
        "conv",
        0.15,
        "openai",
        ("gpt-4o-mini", "gpt-4o-mini"),
        {
            "accepted": 0.5,
            "rejected": 0.1,
            "partial": 0.1,
            "silent": 0.15,
            "aborted": 0.05,
            "truncated": 0.03,
            "blocked": 0.02,
            "late_accepted": 0.05,
        },
        log="requests",
        predicts=True,
    ),
    App(
        "report-writer",
        "product",
        "conv",
        0.12,
        "openai",
        ("gpt-5-mini", "gpt-5-mini"),
        {"accepted": 0.5, "silent": 0.2, "rejected": 0.1, "regenerated": 0.1, "blocked": 0.02, "late_accepted": 0.08},
        reasoning_fifths=2,
    ),
    App(
        "support-mail",
        "support",
        "conv",
        0.13,
        "anthropic",
        ("claude-haiku-4-5", "claude-haiku-4-5"),
        {"accepted": 0.53, "silent": 0.2, "rejected": 0.15, "truncated": 0.05, "aborted": 0.05, "blocked": 0.02},
        log="payload",
        customers=40,
    ),
    App(
        "market-intel",
        "research",
        "conv",
        0.05,
        "nimbus",
        (UNKNOWN_MODEL, UNKNOWN_MODEL),
        {"accepted": 0.5, "silent": 0.5},
    ),
    App(
        "ide-assist",
        "engineering",
        "code",
        0.6,
        SELF_HOSTED,
        ("qwen2.5-coder-32b", "qwen2.5-coder-32b"),
        {"accepted": 0.35, "rejected": 0.38, "silent": 0.15, "aborted": 0.05, "retried": 0.03, "bad_tool_call": 0.04},
        log="requests",
    ),
    App(
        "review-agent",
        "engineering",
        "code",
        0.4,
        "anthropic",
        ("claude-sonnet-4-5", "claude-sonnet-4-5"),
        {"run": 1.0},
        run_length=6,
    ),
)
RUN_ENDINGS = {"succeeded": 0.5, "failed": 0.2, "silent": 0.3}


@dataclass(frozen=True, slots=True)
class Rates:
    """Published list prices in pico-dollars per token, October 2026."""

    in_uncached: int
    in_cache_read: int
    out: int


# OpenAI and Anthropic price pages; a test compares them with genai-prices for the window's date.
PRICES = {
    "gpt-4o-mini": Rates(150_000, 75_000, 600_000),
    "gpt-5-mini": Rates(250_000, 25_000, 2_000_000),
    "claude-haiku-4-5": Rates(1_000_000, 100_000, 5_000_000),
    "claude-sonnet-4-5": Rates(3_000_000, 300_000, 15_000_000),
}
