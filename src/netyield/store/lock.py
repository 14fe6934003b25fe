"""Who may write? One process at a time; readers need no lock because what they read never changes.

``flock`` belongs to the open file: the system gives it back when the process ends, however it ends, so that a killed
writer never leaves the folder locked.
"""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from netyield.core.errors import StoreError

POLL_SECONDS = 0.05


@contextmanager
def exclusive(path: Path, wait_seconds: float) -> Iterator[None]:
    """Hold the lock file. Raises StoreError when another process keeps it longer than ``wait_seconds``."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    try:
        _acquire(descriptor, path, wait_seconds)
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, f"{os.getpid()}\n".encode(), 0)
        yield
    finally:
        os.close(descriptor)


def _acquire(descriptor: int, path: Path, wait_seconds: float) -> None:
    deadline = time.monotonic() + wait_seconds
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() < deadline:
                time.sleep(POLL_SECONDS)
                continue
            holder = os.pread(descriptor, 32, 0).decode(errors="replace").strip() or "unknown"
            message = f"another netyield (process {holder}) has been writing to {path.parent} for {wait_seconds:g} s."
            repair = "Wait until it ends, or end it, then run again; reading is not blocked."
            raise StoreError(message, repair) from None
        else:
            return
