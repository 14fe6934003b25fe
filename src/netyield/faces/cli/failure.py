"""What does a person see when something goes wrong? A message and its repair on stderr, and an exit code.

0 good; 1 findings at or above --fail-on, or a source that cannot be read; 2 wrong use; 3 a fault of Netyield itself.
A traceback is shown only with NETYIELD_DEBUG=1.
"""

from __future__ import annotations

import errno
import os
import sys
import traceback

from netyield.core.errors import ConservationError, ContractError, NetyieldError, SourceError

GOOD, FINDINGS, WRONG_USE, FAULT = 0, 1, 2, 3
INTERRUPTED, BROKEN_PIPE = 130, 141  # as a shell counts SIGINT and SIGPIPE
DEBUG = "NETYIELD_DEBUG"
# What a disk refuses, and what a person does about it.
DISK = {
    errno.EROFS: "Netyield writes beside netyield.toml: copy the project to a place that can be written.",
    errno.EACCES: "Give this user the right to it, or run as its owner.",
    errno.EPERM: "Give this user the right to it, or run as its owner.",
    errno.ENOSPC: "Free some space and run again; the books are as they were.",
    errno.EDQUOT: "Free some space and run again; the books are as they were.",
}


class PipeClosed(Exception):
    """The reader of stdout has enough. No OSError, because the command-line library ends those with 1 (findings)."""


def explain_failure(error: BaseException) -> int:
    """Print what happened and what to do; return the exit code."""
    if os.environ.get(DEBUG) == "1":
        traceback.print_exception(error)
    if isinstance(error, OSError) and error.errno in DISK:
        _say(f"netyield: {error.filename or 'a file'}: {error.strerror}.")
        _say(f"  {DISK[error.errno]}")
        return WRONG_USE
    if isinstance(error, ConservationError | ContractError) or not isinstance(error, NetyieldError):
        kind = "" if isinstance(error, NetyieldError) else f"{type(error).__name__}: "
        _say(f"netyield: a fault of Netyield itself: {kind}{error}")
        _say(f"  Run again with {DEBUG}=1 and report what it prints; the books hold what was committed before.")
        return FAULT
    _say(f"netyield: {error.message}")
    if error.repair:
        _say(f"  {error.repair}")
    return FINDINGS if isinstance(error, SourceError) else WRONG_USE


def _say(line: str) -> None:
    print(line, file=sys.stderr)  # noqa: T201


def leave_quietly() -> int:
    """After a reader closed the pipe: keep the interpreter from complaining at exit."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return BROKEN_PIPE
