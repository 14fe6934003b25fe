"""The columnar form of a trace that was read before, so that reading never dominates twice.

One file per path and options in the user's cache folder, written beside its name and moved into place. It is used only
while the file is the one it was made from: same size and times of change, where those were settled when it was made
(a file changed in the last seconds may change again within the clock's tick), else the same hash of its content. Where
nothing can be written, nothing is kept. The form holds numbers and the names of sessions and tenants, never text.
"""

from __future__ import annotations

import contextlib
import json
import os
import tempfile
import time
from collections.abc import Mapping
from dataclasses import asdict, fields
from hashlib import blake2b
from pathlib import Path
from typing import Any, BinaryIO, cast

import numpy as np

from netyield.core.finding import Finding, Severity
from netyield.sources.traces.trace import Identity, Trace

FORM = 2  # of the cached file; another number is another form, and old files are read anew
LEAST_ACCESSES = 500_000  # below this the file itself is read as quickly
SETTLED_NS = 2_000_000_000
KEPT_BYTES = 8 << 30
SUFFIX = ".trace"
MAGIC = b"netyield trace\n"
ARRAYS = tuple(f.name for f in fields(Trace) if f.name not in (
    "name", "format", "identity", "block_size", "tenants", "sessions", "start_us", "notes", "findings"
))  # fmt: skip


def cache_folder() -> Path:
    """Where columnar forms are kept: ``$NETYIELD_CACHE``, else the user's cache folder."""
    named = os.environ.get("NETYIELD_CACHE")
    if named:
        return Path(named) / "traces"
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "netyield" / "traces"


def signature(path: Path) -> list[list[Any]]:
    """What tells one state of a file (or a folder's files) from another without reading it."""
    found = sorted(one for one in path.rglob("*") if one.is_file()) if path.is_dir() else [path]
    states = [(one, one.stat()) for one in found]
    return [[str(one), state.st_size, state.st_mtime_ns, state.st_ctime_ns, state.st_ino] for one, state in states]


def digest(path: Path) -> str:
    """The hash of the content, of a folder with the names of its files."""
    total = blake2b(digest_size=16)
    for name, *_ in signature(path):
        total.update(name.encode() + b"\0")
        with Path(name).open("rb") as stream:
            while block := stream.read(1 << 20):
                total.update(block)
    return total.hexdigest()


def entry(folder: Path, path: Path, options: Mapping[str, Any]) -> Path:
    """The file that holds the form of this path under these options."""
    key = json.dumps([FORM, str(path.resolve()), dict(options)], sort_keys=True, default=str)
    return folder / f"{blake2b(key.encode(), digest_size=16).hexdigest()}{SUFFIX}"


def load(place: Path, path: Path) -> Trace | None:
    """The trace from its columnar form, or None when there is none for the file as it is now."""
    try:
        with place.open("rb") as stream:
            if stream.read(len(MAGIC)) != MAGIC:
                return None
            head = json.loads(stream.read(int.from_bytes(stream.read(8), "little")))
            if not _same(head, path):
                return None
            arrays = {name: _read(stream, kind, count) for name, kind, count in head["arrays"]}
        with contextlib.suppress(OSError):
            os.utime(place)
        return _trace(head, arrays, place)
    except (OSError, ValueError, KeyError, TypeError):
        return None


def keep(place: Path, path: Path, trace: Trace, before: list[list[Any]]) -> None:
    """Write the columnar form, unless the file changed since ``before`` or no folder can be written."""
    with contextlib.suppress(OSError):
        settled = time.time_ns() - max(max(one[2], one[3]) for one in before) > SETTLED_NS
        content = digest(path)
        if signature(path) != before:
            return
        place.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=place.parent, suffix=".tmp", delete=False) as stream:
            written = Path(stream.name)
            try:
                _write(cast(BinaryIO, stream), trace, {"signature": before, "settled": settled, "digest": content})
                stream.close()
                written.replace(place)
            except BaseException:
                written.unlink(missing_ok=True)
                raise
        _forget_oldest(place.parent)


def _same(head: dict[str, Any], path: Path) -> bool:
    now = signature(path)
    if head["settled"] and head["signature"] == now:
        return True
    same_sizes = [one[:2] for one in head["signature"]] == [one[:2] for one in now]
    return same_sizes and digest(path) == head["digest"]


def _write(stream: BinaryIO, trace: Trace, origin: dict[str, Any]) -> None:
    arrays = [(name, getattr(trace, name)) for name in ARRAYS if getattr(trace, name) is not None]
    head = origin | {
        "arrays": [[name, values.dtype.str, len(values)] for name, values in arrays],
        "name": trace.name, "format": trace.format, "identity": trace.identity, "block_size": trace.block_size,
        "tenants": trace.tenants, "sessions": trace.sessions, "start_us": trace.start_us, "notes": trace.notes,
        "findings": [asdict(finding) for finding in trace.findings],
    }  # fmt: skip
    text = json.dumps(head).encode()
    stream.write(MAGIC + len(text).to_bytes(8, "little") + text)
    for _, values in arrays:
        stream.write(np.ascontiguousarray(values).view(np.uint8).data)


def _read(stream: BinaryIO, kind: str, count: int) -> Any:
    values = np.empty(count, np.dtype(kind))
    if count and stream.readinto(values.view(np.uint8).data) != values.nbytes:  # type: ignore[attr-defined]
        message = "the columnar form is cut short"
        raise ValueError(message)
    return values


def _trace(head: dict[str, Any], arrays: dict[str, Any], place: Path) -> Trace:
    findings = [Finding(**one | {"severity": Severity(one["severity"])}) for one in head["findings"]]
    return Trace(
        name=head["name"],
        format=head["format"],
        identity=Identity(head["identity"]),
        block_size=head["block_size"],
        tenants=tuple(head["tenants"]),
        sessions=tuple(head["sessions"]),
        start_us=head["start_us"],
        notes=(*head["notes"], f"read from its cached columnar form, {place}"),
        findings=tuple(findings),
        **arrays,
    )


def _forget_oldest(folder: Path) -> None:
    """Keep the forms used last, up to a total size."""
    found = sorted(((one.stat().st_mtime_ns, one.stat().st_size, one) for one in folder.glob(f"*{SUFFIX}")), reverse=True)
    total = 0
    for _, size, one in found:
        total += size
        if total > KEPT_BYTES:
            one.unlink(missing_ok=True)
