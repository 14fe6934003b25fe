"""How do bytes get to disk so that a crash leaves either all of them or none?

A file that others look for: write to a temporary name, fsync, give the final name, fsync the folder. Files that
nobody knows of yet (segments before their manifest): write, and sync all of them together before they are named.
After a failed write or fsync nothing is retried: the error says what to do.
"""

from __future__ import annotations

import contextlib
import errno
import os
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from netyield.core.errors import StoreError

TEMPORARY = ".tmp"
FEW = 8
_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}


def publish(path: Path, content: bytes | memoryview, *, exclusive: bool = False) -> None:
    """Make ``content`` appear at ``path`` in one step. ``exclusive``: raises FileExistsError when it is there."""
    make_folder(path.parent)
    temporary = path.with_name(f".{path.name}.{os.getpid()}{TEMPORARY}")
    try:
        with temporary.open("wb") as stream:
            stream.write(content)
            stream.flush()
            os.fsync(stream.fileno())
        if exclusive:
            os.link(temporary, path)
        else:
            temporary.replace(path)
        sync_folder(path.parent)
    finally:
        with contextlib.suppress(OSError):
            temporary.unlink()


def sync_files(paths: Sequence[Path]) -> None:
    """Make the content and the names of files durable; many at once, so that the file system can join the work."""
    if len(paths) > FEW:
        with ThreadPoolExecutor(FEW) as pool:
            list(pool.map(_sync_file, paths))
    else:
        for path in paths:
            _sync_file(path)
    for folder in sorted({path.parent for path in paths}):
        sync_folder(folder)


def _sync_file(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def make_folder(path: Path) -> None:
    """The folder and its parents, each new one made durable."""
    if path.is_dir():
        return
    make_folder(path.parent)
    with contextlib.suppress(FileExistsError):
        path.mkdir()
    sync_folder(path.parent)


def sync_folder(path: Path) -> None:
    """Make the names in a folder durable."""
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextlib.contextmanager
def reported(doing: str) -> Iterator[None]:
    """Turn a failure of the disk into a StoreError that says what was being done and what to do next."""
    try:
        yield
    except FileExistsError:
        raise
    except OSError as error:
        if error.errno in _FULL:
            message = f"the disk is full (while {doing})."
            repair = "Free some space and run again: what was booked stands, and nothing is booked twice."
        else:
            message = f"the disk refused (while {doing}): {error.strerror or error}."
            repair = "Check the disk and its permissions and run again: what was booked stands."
        raise StoreError(message, repair) from error
