"""Read a trace file of any known format. Which blocks of prompt did each request share, and with which?"""

from __future__ import annotations

import gzip
import zlib
from pathlib import Path

from netyield.core.errors import SourceError, WrongUse
from netyield.sources.traces import prefix_jsonl
from netyield.sources.traces.build import build
from netyield.sources.traces.trace import Trace

FORMATS = ("mooncake", "bailian")


def read_trace(path: Path, *, format: str | None = None, block_size: int | None = None) -> Trace:
    """The trace in a file (``.gz`` or not). ``format`` is found from the content when it is not given.

    Raises WrongUse for an unknown format or a path that is no file, SourceError for a file that cannot be read.
    """
    if format is not None and format not in FORMATS:
        message = f"{format!r} is no trace format;"
        repair = f"give one of {', '.join(FORMATS)}, or leave it out."
        raise WrongUse(message, repair)
    if block_size is not None and block_size < 1:
        message = f"a block of {block_size} tokens holds nothing;"
        raise WrongUse(message, "give a block size of 1 or more.")
    columns = prefix_jsonl.parse(content(path), path.name)
    if block_size is not None:
        columns.block_size = block_size
    return build(columns, path.name, path.name)


def content(path: Path) -> bytes:
    """The bytes of a file, unpacked."""
    try:
        packed = path.read_bytes()
    except OSError as error:
        message = f"the trace {str(path)!r} cannot be read ({error.strerror});"
        raise WrongUse(message, "correct the path.") from error
    if not packed.startswith(b"\x1f\x8b"):
        return packed
    try:
        return gzip.decompress(packed)
    except (EOFError, OSError, zlib.error) as error:
        message = f"the trace {str(path)!r} is a damaged gzip file ({error});"
        raise SourceError(message, "copy it again from where it came.") from error
