"""Which signal says a device is active? The ladder, from best to weakest, and its unit.

Sources: facts sheet on GPU telemetry section 5. Readings become whole parts per million, rounded up, so that a reading
above 0 stays above 0. Power is the last rung: a device above the idle floor of its model (measured captures, +30 %)
counts as active; its evidence is ``modelled``.
"""

from __future__ import annotations

LADDER = ("sm_active_ratio", "engine_active_ratio", "gpu_util_percent", "power_watts")
MODELLED_RUNGS = ("power_watts",)

# Idle power of the shipped captures (W): H100 SXM 69.9, H200 77.7, H100 MIG 71.2, H200 MIG 78.3. Times 1.3, rounded up.
IDLE_POWER_FLOOR_WATTS = {"H100": 93, "H200": 102}

_PPM = """CASE metric
    WHEN 'gpu_util_percent' THEN CAST(CEIL(value * 10000) AS BIGINT)
    WHEN 'power_watts' THEN {power}
    ELSE CAST(CEIL(value * 1000000) AS BIGINT) END"""


def ppm_sql() -> str:
    """The expression that turns a reading into parts per million of activity (null = this rung cannot say)."""
    models = " ".join(
        f"WHEN gpu_model LIKE '%{model}%' THEN CASE WHEN value > {watts} THEN 1000000 ELSE 0 END"
        for model, watts in IDLE_POWER_FLOOR_WATTS.items()
    )
    return _PPM.replace("{power}", f"CASE {models} END")


def rank_sql() -> str:
    """The rung of a metric, 1 = best; null for metrics that are no activity signal."""
    rungs = " ".join(f"WHEN '{metric}' THEN {rank}" for rank, metric in enumerate(LADDER, start=1))
    return f"CASE metric {rungs} END"
