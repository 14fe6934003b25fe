"""Where an engine counted tokens that no request log explains: its active money is ``unproven``, reason ``engine_only``.

The SQL pieces run.py uses for it. A slot counts when a holder's device is active in it, no request log knows an attempt,
and the holder's own counters grew. The tokens stand once per holder and slot, however many devices it has.
"""

from __future__ import annotations

from netyield.attribution.leaf import leaf_sql

STEP, REASON_WORD = "unproven", "engine_only"  # verdict code 33 of the useful-token policy
# Active serving slots of a holder whose engine counted tokens without any request log; in ``held`` before the split.
SLOTS = """
SELECT h.pool, h.owner, h.slot_us, h.hour_us, narrow(total(t.prompt_tokens)) AS prompt_tokens,
       narrow(total(COALESCE(t.computed_tokens, t.prompt_tokens))) AS computed_tokens, narrow(total(t.output_tokens)) AS output_tokens
FROM (SELECT DISTINCT h.pool, h.owner, h.slot_us, h.hour_us FROM held h LEFT JOIN busy_slots b ON h.slot_id = b.slot_id
      WHERE h.state = 'active' AND h.kind = 'serving' AND b.slot_id IS NULL AND h.us > 0) h
JOIN engine_tokens t ON h.pool = t.pool AND h.owner = t.owner AND h.slot_us = t.slot_us
WHERE t.unlogged = 1 GROUP BY h.pool, h.owner, h.slot_us, h.hour_us HAVING SUM(t.prompt_tokens + t.output_tokens) > 0
"""
REASON = f"CASE WHEN p.counted_by IS NOT NULL THEN '{REASON_WORD}' ELSE '' END"
MODEL = "CASE WHEN p.counted_by IS NOT NULL THEN COALESCE(m.model, f.model, '') ELSE COALESCE(f.model, '') END"


def token_leaves(currency: str) -> str:
    """The tokens of those slots. Computed prompt tokens are uncached input, the rest was read from a cache."""
    columns = leaf_sql(
        hour_us="e.hour_us",
        currency=f"'{currency}'",
        step=f"'{STEP}'",
        reason=f"'{REASON_WORD}'",
        scope="'gpu'",
        pool="e.pool",
        owner="e.owner",
        team="COALESCE(f.team, '')",
        app="COALESCE(f.app, '')",
        model="COALESCE(m.model, f.model, '')",
        evidence="'measured'",
        method="'engine counters'",
        unit_tokens="e.output_tokens",
        out_text="e.output_tokens",
        in_uncached="least(e.computed_tokens, e.prompt_tokens)",
        in_cache_read="greatest(e.prompt_tokens - e.computed_tokens, 0)",
    )
    return f"""SELECT {columns} FROM engine_slots e LEFT JOIN owner_facts f ON e.owner = f.owner
               LEFT JOIN engine_models m ON e.pool = m.pool AND e.owner = m.owner"""
