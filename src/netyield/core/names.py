"""Reserved dimension values and the dimensions a report can be cut by."""

from __future__ import annotations

IDLE = "__idle__"
SHARED = "__shared__"
UNATTRIBUTED = "__unattributed__"
UNKNOWN = "__unknown__"

# Dimensions of a leaf, in the order in which tables show them.
DIMENSIONS = (
    "scope",
    "provider",
    "service",
    "account",
    "pool",
    "device",
    "owner",
    "model",
    "team",
    "app",
    "customer",
)
# What a person may write after --by, beyond the dimensions themselves.
DIMENSION_ALIASES = {"tenant": "customer", "account_id": "account"}
