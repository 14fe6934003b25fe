"""Rows of a Parquet file in bounded batches. What can still be read of it?

A file cut short has no footer and gives nothing; a damaged row group gives the rows before it. Both are findings.
Rows are numbered from 1 (a Parquet file has no header line).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from netyield.sources.opened import Block, Place

BATCH_ROWS = 131_072


def parquet_blocks(
    path: Path, place: Place, columns: Sequence[str] | None = None, batch_rows: int = BATCH_ROWS
) -> Iterator[Block]:
    """Blocks with the file's own column types. ``columns`` keeps only those of the file's columns."""
    read = 0
    try:
        with pq.ParquetFile(path) as file:
            names = [name for name in file.schema_arrow.names if columns is None or name in columns]
            for batch in file.iter_batches(batch_size=batch_rows, columns=names or None):
                rows = pa.Table.from_batches([batch])
                numbers = pa.array(np.arange(read + 1, read + rows.num_rows + 1), pa.int64())
                read += rows.num_rows
                yield Block(rows, numbers)
            if read == 0:
                empty = file.schema_arrow.empty_table()
                yield Block(empty, pa.array([], pa.int64()))
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError, OSError) as error:
        message = f"the Parquet file is cut short or damaged ({_reason(error)}); {read} rows were read"
        finding = place.error("truncated", message, "Download or export the file again.", read + 1 if read else None)
        yield Block(pa.table({}), pa.array([], pa.int64()), findings=[finding])


def parquet_header(path: Path) -> list[str]:
    """The column names of a Parquet file; empty when it cannot be opened."""
    try:
        return list(pq.read_schema(path).names)
    except (pa.ArrowInvalid, OSError):
        return []


def parquet_rows(path: Path) -> int:
    """The number of rows the footer states; 0 when it cannot be read."""
    try:
        return int(pq.read_metadata(path).num_rows)
    except (pa.ArrowInvalid, OSError):
        return 0


def _reason(error: Exception) -> str:
    return str(error).splitlines()[0][:160] if str(error) else type(error).__name__
