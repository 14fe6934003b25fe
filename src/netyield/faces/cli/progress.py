"""How far is it? A bar on stderr for anything longer than two seconds; plain lines where there is no terminal."""

from __future__ import annotations

import sys
import threading
import time
from types import TracebackType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.progress import Progress

QUIET_SECONDS = 2.0
PLAIN_SECONDS = 10.0  # between two plain lines in a log


class Working:
    """A context: says nothing for two seconds, then shows what is being done until it is left.

    Call it with (what, rows) as ingest does, or ``step`` it through ``total`` known parts.
    """

    def __init__(self, what: str, total: int | None = None) -> None:
        self._what, self._total, self._done, self._rows = what, total, 0, 0
        self._lock = threading.Lock()
        self._timer = threading.Timer(QUIET_SECONDS, self._show)
        self._timer.daemon = True
        self._bar: Progress | None = None
        self._shown = self._left = False
        self._last_line = 0.0

    def __enter__(self) -> Working:
        self._timer.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._timer.cancel()
        with self._lock:
            self._left = True
            if self._bar is not None:
                self._bar.stop()

    def __call__(self, what: str, rows: int) -> None:
        """Rows read so far of the thing named."""
        with self._lock:
            self._what, self._rows = what, rows
            self._refresh()

    def step(self, what: str) -> None:
        """The next of the known parts begins."""
        with self._lock:
            self._what, self._done = what, self._done + 1
            self._refresh()

    def expect(self, total: int) -> None:
        """So many known parts follow: what was done before them does not count."""
        with self._lock:
            self._total, self._done = total, 0
            if self._bar is not None:
                self._bar.update(self._bar.task_ids[0], total=total)
            self._refresh()

    def _show(self) -> None:
        with self._lock:
            if self._left:
                return
            self._shown = True
            if sys.stderr.isatty():
                self._bar = _bar()
                self._bar.add_task(self._words(), total=self._total, completed=max(0, self._done - 1))
                self._bar.start()
            self._refresh()

    def _words(self) -> str:
        return f"{self._what}: {self._rows:,} rows" if self._rows > 1 else self._what

    def _refresh(self) -> None:
        if not self._shown:
            return
        if self._bar is not None:
            self._bar.update(self._bar.task_ids[0], description=self._words(), completed=max(0, self._done - 1))
        elif time.monotonic() - self._last_line >= PLAIN_SECONDS:
            self._last_line = time.monotonic()
            part = f" ({self._done} of {self._total})" if self._total and self._done else ""
            print(f"{self._words()}{part} ...", file=sys.stderr, flush=True)  # noqa: T201


def _bar() -> Progress:
    from rich.console import Console
    from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

    columns = (SpinnerColumn(), TextColumn("{task.description}", markup=False), BarColumn(), TimeElapsedColumn())
    return Progress(*columns, console=Console(stderr=True), transient=True)
