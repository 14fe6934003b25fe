"""The leaf: the smallest piece of money a report adds up. One schema for every pass that makes them."""

from __future__ import annotations

import pyarrow as pa

from netyield.attribution.attempts import CLASSES
from netyield.core.names import DIMENSIONS

PICO = pa.decimal128(38, 0)
LEAF = pa.schema(
    [
        ("hour_us", pa.int64()),
        ("currency", pa.string()),
        ("step", pa.string()),
        ("reason", pa.string()),
        *((name, pa.string()) for name in DIMENSIONS),
        ("evidence", pa.string()),
        ("method", pa.string()),
        ("pico", PICO),
        ("gpu_us", pa.int64()),
        ("attempts", pa.int64()),
        ("answers", pa.int64()),
        ("unit_tokens", pa.int64()),
        *((name, pa.int64()) for name in CLASSES),
    ]
)


def leaf_sql(**columns: str) -> str:
    """The select list of a leaf: what is given as SQL, '' for other words, 0 for other numbers."""
    parts = []
    for field in LEAF:
        default = "''" if pa.types.is_string(field.type) else "0"
        kind = "VARCHAR" if pa.types.is_string(field.type) else "DECIMAL(38,0)" if field.name == "pico" else "BIGINT"
        parts.append(f"CAST({columns.get(field.name, default)} AS {kind}) AS {field.name}")
    unknown = set(columns) - set(LEAF.names)
    if unknown:
        message = f"a leaf has no columns {sorted(unknown)}"
        raise ValueError(message)
    return ", ".join(parts)
