"""Read a trace of any known format. Which blocks of prompt did each request share, and with which?"""

from __future__ import annotations

import gzip
import secrets
import zlib
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np

from netyield.core.errors import SourceError, WrongUse
from netyield.core.finding import Finding, Severity
from netyield.sources.fingerprints import Fingerprints, tokenizer_named
from netyield.sources.secret import read_secret
from netyield.sources.traces import (
    cached,
    content_jsonl,
    length_columns,
    lengths,
    prefix_jsonl,
    servegen,
    session_files,
    text_jsonl,
)  # fmt: skip
from netyield.sources.traces.build import build, possible_sizes
from netyield.sources.traces.columns import Columns, take
from netyield.sources.traces.detect import FORMATS, detect
from netyield.sources.traces.times import UNITS_US
from netyield.sources.traces.trace import Trace

ORDERS = ("file", "time")
TEXT_BLOCK = 16  # vLLM's usual block, in tokens
SCAN_BYTES = 16 << 20  # below this the general reader is done before the scanner is compiled


@dataclass(frozen=True, slots=True)
class Options:
    """How to read; everything here is part of what the figures mean. See ``read_trace``."""

    format: str | None = None
    block_size: int | None = None
    order: str = "file"
    interleave: str = "together"
    tokenizer: str = "approximate"
    time_unit: str | None = None
    reuse: str | None = None
    columns: str | None = None


def read_trace(
    path: Path, *, format: str | None = None, block_size: int | None = None, order: str = "file",
    interleave: str = "together", tokenizer: str = "approximate", time_unit: str | None = None,
    reuse: str | None = None, columns: str | None = None, secret: str = "", cache: Path | None = None,
) -> Trace:  # fmt: skip
    """The trace in a file (``.gz`` or not) or a folder of session files.

    ``format`` is found from the content when not given. ``order="time"`` sorts by arrival. ``interleave`` (sessions):
    ``together``, ``sequence``, ``every:SECONDS``. ``tokenizer`` (text): ``approximate``, ``approximate:BYTES``,
    ``file:PATH``. ``time_unit`` s, ms, us or ns. ``reuse`` (lengths): ``shared:TOKENS+conversations:COUNT``. ``columns``
    (lengths) names its columns: ``time=ts,input=n,output=m,cached=c``. ``secret`` is a reference, only needed where
    fingerprints must equal those of another run. ``cache`` is the folder of columnar forms; none is used when it is not
    given.

    Raises WrongUse for a wrong option or path, SourceError for a file that cannot be read. What is wrong inside the
    file is a finding of the trace.
    """
    options = Options(format, block_size, order, interleave, tokenizer, time_unit, reuse, columns)
    _check(options)
    if not path.exists():
        message = f"there is no trace at {str(path)!r};"
        raise WrongUse(message, "correct the path.")
    try:
        return _read(path, options, secret) if cache is None else _through_cache(path, options, secret, cache)
    except OSError as error:
        message = f"{str(error.filename or path)!r} cannot be read ({error.strerror});"
        raise WrongUse(message, "correct the path or its permissions, and let nothing change the folder meanwhile.") from error


def _through_cache(path: Path, options: Options, secret: str, cache: Path) -> Trace:
    tokenizer = options.tokenizer
    state = cached.signature(Path(tokenizer[5:]).expanduser()) if tokenizer.startswith("file:") else None
    place = cached.entry(cache, path, asdict(options) | {"tokenizer_state": state})
    found = cached.load(place, path)
    if found is not None:
        return found
    before = cached.signature(path)
    trace = _read(path, options, secret)
    if trace.accesses >= cached.LEAST_ACCESSES:
        cached.keep(place, path, trace, before)
    return trace


def content(path: Path) -> bytes:
    """The bytes of a file, unpacked."""
    try:
        packed = path.read_bytes()
    except OSError as error:
        message = f"the trace {str(path)!r} cannot be read ({error.strerror});"
        raise WrongUse(message, "correct the path or its permissions.") from error
    if not packed.startswith(b"\x1f\x8b"):
        return packed
    try:
        return gzip.decompress(packed)
    except (EOFError, OSError, zlib.error) as error:
        message = f"the trace {str(path)!r} is a damaged gzip file ({error});"
        raise SourceError(message, "copy it again from where it came.") from error


def _check(options: Options) -> None:
    session_files.check_interleave(options.interleave)
    for name, value, known in (
        ("format", options.format, FORMATS), ("order", options.order, ORDERS), ("time unit", options.time_unit, tuple(UNITS_US)),
    ):  # fmt: skip
        if value is not None and value not in known:
            message = f"{value!r} is no trace {name};"
            raise WrongUse(message, f"give one of {', '.join(known)}, or leave it out.")
    if options.block_size is not None and options.block_size < 1:
        message = f"a block of {options.block_size} tokens holds nothing;"
        raise WrongUse(message, "give a block size of 1 or more.")
    length_columns.columns_named(options.columns)
    if options.columns and options.format not in (None, "lengths"):
        message = f"columns are named in files of lengths, not in format {options.format};"
        raise WrongUse(message, "leave out --columns or --format.")
    if options.reuse:
        lengths.reuse_named(options.reuse)


def _read(path: Path, options: Options, secret: str) -> Trace:
    if path.is_dir():
        columns = _folder(path, options)
    else:
        text = content(path)
        kind = options.format or ("lengths" if options.columns else detect(text))
        if kind == "servegen":
            columns = servegen.parse([path])
        elif kind is None:
            columns = prefix_jsonl.parse(b"", path.name)
            if text.strip():
                columns.findings.append(_unknown(path.name))
        else:
            columns = _file(text, path.name, replace(options, format=kind), secret)
    if options.order == "time":
        take(columns, np.argsort(columns.time_us, kind="stable"))
        columns.notes.append("requests in the order of their arrival times")
    return build(columns, path.name, path.name)


def _file(text: bytes, name: str, options: Options, secret: str) -> Columns:
    size, unit = options.block_size, options.time_unit
    if options.format == "sessions":
        return _sized(session_files.parse(_session_texts(name, text), options.interleave, name), size)
    if options.format == "content":
        return content_jsonl.parse(text, name, size or content_jsonl.LARGEST_BLOCK, unit)
    if options.format == "lengths":
        return lengths.parse(text, name, size, unit, options.reuse, options.columns)
    if options.format == "text":
        key = read_secret(secret, Path.cwd()).encode() if secret else secrets.token_bytes(32)
        made = Fingerprints(key, size or TEXT_BLOCK, tokenizer_named(options.tokenizer))
        return text_jsonl.parse(text, name, made, unit)
    forced = options.format if options.format in ("mooncake", "bailian") else None
    return _sized(prefix_jsonl.parse(text, name, forced, unit, scanned=len(text) >= SCAN_BYTES), size)


def _sized(columns: Columns, block_size: int | None) -> Columns:
    """The block size that was asked for, else the format's own where it fits, else the one that the lengths tell."""
    if block_size is not None:
        columns.block_size = block_size
        return columns
    possible = possible_sizes(columns.input_tokens, columns.blocks, columns.full_blocks)
    if possible.likely and not possible.low <= columns.block_size <= possible.high:
        columns.block_size = possible.likely
        columns.notes.append(f"block size {possible.likely}, found from lengths and numbers of ids")
    return columns


def _folder(path: Path, options: Options) -> Columns:
    clients = sorted(path.glob(servegen.TRACES))
    if clients and options.format in (None, "servegen"):
        return servegen.parse(clients)
    if options.format not in (None, "sessions"):
        message = f"{str(path)!r} is a folder, and only traces of formats sessions and servegen are folders;"
        raise WrongUse(message, "give one file.")
    files = sorted(one for one in path.rglob("*") if one.is_file() and {".json", ".jsonl"} & set(one.suffixes))
    texts = (part for one in files for part in _session_texts(str(one.relative_to(path)), content(one)))
    return _sized(session_files.parse(texts, options.interleave, path.name), options.block_size)


def _session_texts(name: str, text: bytes) -> list[tuple[str, int, bytes]]:
    """One session a line, or one in the whole file."""
    lines = [(row, line) for row, line in enumerate(text.split(b"\n"), 1) if line.strip()]
    if len(lines) == 1 or not lines or not lines[0][1].rstrip().endswith(b"}"):
        return [(name, 1, text)]
    return [(f"{name}:{row}", row, line) for row, line in lines]


def _unknown(file: str) -> Finding:
    message = "the file is in no known trace format."
    repair = f"Name it with --format: one of {', '.join(FORMATS)}."
    return Finding("trace.unknown_format", Severity.ERROR, message, repair, file, 1)
