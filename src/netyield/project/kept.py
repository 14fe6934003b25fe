"""Keeps what was computed: in the project, or for this process alone where somebody may only read it."""

from __future__ import annotations

import atexit
import errno
import os
import shutil
import tempfile
from functools import cache
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq


def kept(table: pa.Table, path: Path) -> Path:
    """Where the table was written: at ``path``, or for this process alone where somebody may only read the project."""
    try:
        return _written(table, path)
    except OSError as error:
        if error.errno not in (errno.EACCES, errno.EPERM, errno.EROFS):
            raise
        return _written(table, _own_folder() / path.parent.relative_to(path.parents[2]) / path.name)


def _written(table: pa.Table, path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_suffix(f".{os.getpid()}.tmp")
    pq.write_table(table, temporary, compression="zstd")
    temporary.replace(path)
    return path


@cache
def _own_folder() -> Path:
    """A folder that goes with the process."""
    folder = Path(tempfile.mkdtemp(prefix="netyield-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder
