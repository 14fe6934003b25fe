"""Spend log rows as LiteLLM writes them, and what they cost by genai-prices itself."""

from __future__ import annotations

import json
import random
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal, localcontext
from typing import Any

import genai_prices

START = datetime(2026, 3, 2, tzinfo=UTC)
MODELS = (("openai", "gpt-4o-mini"), ("openai", "gpt-5"), ("anthropic", "claude-sonnet-4-5"), ("gemini", "gemini-2.5-flash"))
GENAI_NAMES = {"gemini": "google"}
PICO = Decimal("1e-12")


@dataclass(frozen=True)
class Call:
    """One call; counts are inclusive, as LiteLLM writes them."""

    number: int
    provider: str
    model: str
    start: datetime
    prompt: int
    cached: int
    completion: int
    reasoning: int
    team: str

    def row(self) -> dict[str, Any]:
        usage = {
            "prompt_tokens_details": {"cached_tokens": self.cached},
            "completion_tokens_details": {"reasoning_tokens": self.reasoning},
        }
        return {
            "request_id": f"chatcmpl-{self.number}", "litellm_call_id": f"call-{self.number}", "call_type": "acompletion",
            "api_key": "0" * 64, "cache_hit": "False", "startTime": self.start.isoformat(sep=" "),
            "endTime": (self.start + timedelta(seconds=3)).isoformat(sep=" "), "model": self.model, "model_group": self.model,
            "custom_llm_provider": self.provider, "prompt_tokens": self.prompt, "completion_tokens": self.completion,
            "total_tokens": self.prompt + self.completion, "spend": 0.001, "status": "success", "team_id": self.team,
            "end_user": "", "request_tags": "[]", "messages": "{}", "response": "{}",
            "metadata": json.dumps({"status": "success", "additional_usage_values": usage}),
        }

    def price(self) -> Decimal:
        """What genai-prices says, once rounded to a pico-unit."""
        usage = genai_prices.Usage(
            input_tokens=self.prompt, cache_read_tokens=self.cached or None, output_tokens=self.completion,
        )
        with localcontext() as context:
            context.prec = 60
            found = genai_prices.calc_price(
                usage, self.model, provider_id=GENAI_NAMES.get(self.provider, self.provider), genai_request_timestamp=self.start
            )
            return Decimal(found.total_price).quantize(PICO)


def calls(count: int, models: Sequence[tuple[str, str]] = MODELS, seed: int = 7) -> list[Call]:
    """Calls spread over two days."""
    draw = random.Random(seed)
    found = []
    for number in range(count):
        provider, model = models[number % len(models)]
        prompt, completion = draw.randint(1, 20_000), draw.randint(1, 3_000)
        reasoning = draw.randint(0, completion) if model == "gpt-5" else 0
        start = START + timedelta(seconds=draw.randint(0, 2 * 86_400 - 10), microseconds=number)
        found.append(Call(number, provider, model, start, prompt, draw.choice([0, prompt // 2]), completion, reasoning,
                          draw.choice(["red", "blue"])))
    return found


def spend_log(made: Sequence[Call]) -> str:
    return "".join(json.dumps(call.row()) + "\n" for call in made)
