"""What if a source fails? Its exception becomes a finding, so that the other sources still run.

Only calls into a source go through here: a fault of the store or of the books is never taken for one of a source.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TypeVar

from netyield.core.errors import ConservationError, NetyieldError
from netyield.core.finding import Finding, Severity

T = TypeVar("T")
log = logging.getLogger(__name__)
log.addHandler(logging.NullHandler())  # without a configured log nothing may reach the terminal: no traceback there
FAILED = "ledger.source_failed"


class SourceFailed(Exception):
    """A source failed; carries the finding that says so."""

    def __init__(self, finding: Finding) -> None:
        super().__init__(finding.message)
        self.finding = finding


@dataclass(frozen=True, slots=True)
class Guard:
    """Calls into the source ``name`` of a ``kind``."""

    name: str
    kind: str

    def call(self, action: Callable[[], T], doing: str, file: str = "") -> T:
        """What ``action`` returns; whatever it raises becomes SourceFailed. ``doing`` completes "failed while ..."."""
        try:
            return action()
        except ConservationError:
            raise
        except NetyieldError as error:
            message = f"source {self.name!r}: {error.message}"
            repair = error.repair or "Repair it and run again; nothing of it was booked."
            raise SourceFailed(Finding(FAILED, Severity.ERROR, message, repair, file or self.name)) from error
        except OSError as error:
            if not error.filename:
                raise self._fault(error, doing, file) from error
            message = f"source {self.name!r}: the file cannot be read: {error.strerror}"
            repair = "Give the user that runs Netyield the right to read it, and run again."
            raise SourceFailed(Finding(FAILED, Severity.ERROR, message, repair, str(error.filename))) from error
        except Exception as error:
            raise self._fault(error, doing, file) from error

    def _fault(self, error: Exception, doing: str, file: str) -> SourceFailed:
        """An unexpected exception as a finding; its text goes to the log only, because it may quote what was read."""
        log.error("source %s (%s) failed while %s", self.name, self.kind, doing, exc_info=error)
        message = f"source {self.name!r} ({self.kind}) failed while {doing}: {type(error).__name__}."
        repair = "Nothing of it was booked. It is a fault of the source: report it with the type of the source."
        return SourceFailed(Finding(FAILED, Severity.ERROR, message, repair, file or self.name))

    def items(self, start: Callable[[], Iterator[T]], doing: str, file: str = "") -> Iterator[T]:
        """The items of a source's iterator, each pulled under guard."""
        iterator = self.call(start, doing, file)
        end = object()
        while True:
            item = self.call(lambda: next(iterator, end), doing, file)
            if item is end:
                return
            yield item  # type: ignore[misc]
