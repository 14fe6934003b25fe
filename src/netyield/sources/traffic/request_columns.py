"""Which words may ``columns = {...}`` of a request log map?"""

from __future__ import annotations

from netyield.core.tokens import class_names, dialects
from netyield.sources.traffic.attempt_rows import (
    AFTER_START,
    DURATIONS,
    OTHER_WORDS,
    PLAIN_WORDS,
    TIME_WORDS,
    WHOLE_NUMBERS,
)
from netyield.sources.traffic.prefix import PROMPT

ALIASES = {"tenant": "customer", "cost": "reported_cost"}
COUNT_WORDS = (*dialects()["mapped_inclusive"].paths, *class_names())
NUMBER_WORDS = frozenset(
    (*TIME_WORDS, *COUNT_WORDS, *WHOLE_NUMBERS, *DURATIONS, *AFTER_START, "reported_cost", "http_status")
)
KNOWN_WORDS = (
    *TIME_WORDS, *COUNT_WORDS, *PLAIN_WORDS, *WHOLE_NUMBERS, *OTHER_WORDS, *DURATIONS, *AFTER_START, PROMPT,
)
