"""Which trace, and how is it read? The same words in every kv verb."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from netyield.core.errors import WrongUse
from netyield.faces.cli.options import Filters

if TYPE_CHECKING:
    from netyield.answers.kv_present import Counted
    from netyield.faces.cli.progress import Working
    from netyield.sources.traces.trace import Trace

TRACE, COUNTING = "Trace", "What is counted"


class Order(StrEnum):
    """In which order requests are replayed."""

    FILE = "file"
    TIME = "time"


class TimeUnit(StrEnum):
    """The unit of the file's times."""

    S = "s"
    MS = "ms"
    US = "us"
    NS = "ns"


class WeightWord(StrEnum):
    """What a block counts for."""

    TOKENS = "tokens"
    BLOCKS = "blocks"


class MatchWord(StrEnum):
    """What of a request is a hit."""

    PREFIX = "prefix"
    ANY = "any"


class MeanWord(StrEnum):
    """How requests are put together."""

    SUM = "sum"
    REQUESTS = "requests"


class DenominatorWord(StrEnum):
    """What the ratio is over."""

    INPUT = "input"
    IDENTIFIED = "identified"


TracePath = Annotated[
    Path | None,
    typer.Option(
        "--trace", metavar="PATH", help="Trace file (.gz or not) or folder of sessions.", rich_help_panel=TRACE
    ),
]
FormatWord = Annotated[
    str | None,
    typer.Option(
        "--format",
        metavar="NAME",
        help="Format of the trace: mooncake, bailian, sessions, content, text, lengths, servegen (default: found from its content).",
        rich_help_panel=TRACE,
    ),
]
BlockSize = Annotated[
    int | None,
    typer.Option(metavar="TOKENS", help="Tokens per block, where the file does not say.", rich_help_panel=TRACE),
]
OrderOption = Annotated[
    Order, typer.Option("--order", help="Replay in the order of the file or of the times.", rich_help_panel=TRACE)
]
Interleave = Annotated[
    str,
    typer.Option(
        metavar="HOW",
        help="Session folders: together (all start at 0), sequence, or every:SECONDS.",
        rich_help_panel=TRACE,
    ),
]
Tokenizer = Annotated[
    str,
    typer.Option(
        metavar="NAME", help="Prompts as text: approximate, approximate:BYTES or file:PATH.", rich_help_panel=TRACE
    ),
]
TimeUnitOption = Annotated[
    TimeUnit | None,
    typer.Option("--time-unit", help="Unit of the times, where the file does not say.", rich_help_panel=TRACE),
]
Reuse = Annotated[
    str | None,
    typer.Option(
        metavar="MODEL",
        help="Traces of lengths only: the reuse to assume, shared:TOKENS+conversations:COUNT.",
        rich_help_panel=TRACE,
    ),
]
ColumnsOption = Annotated[
    str | None,
    typer.Option(
        "--columns",
        metavar="ROLE=NAME,...",
        help="Files of lengths: which column is time, input, output and cached.",
        rich_help_panel=TRACE,
    ),
]
NoCache = Annotated[
    bool, typer.Option("--no-cache", help="Neither use nor keep a columnar form of the trace.", rich_help_panel=TRACE)
]
FromLedger = Annotated[
    bool,
    typer.Option(
        "--from-ledger",
        help="Take the trace from the project's own calls (--since, --until, --where, --project).",
        rich_help_panel=TRACE,
    ),
]
Counters = Annotated[
    list[Path] | None,
    typer.Option(
        "--counters",
        metavar="FILE",
        help="A saved /metrics page of vLLM or SGLang; several in the order they were taken."
        " Without it, the engines' samples of the project.",
        rich_help_panel=TRACE,
    ),
]
Warmup = Annotated[
    float,
    typer.Option(metavar="SHARE", help="Share of the requests that only fill the cache.", rich_help_panel=COUNTING),
]
WeightOption = Annotated[
    WeightWord, typer.Option("--weight", help="Count tokens or whole blocks.", rich_help_panel=COUNTING)
]
MatchOption = Annotated[
    MatchWord,
    typer.Option("--match", help="Hits are the leading run of blocks, or any block.", rich_help_panel=COUNTING),
]
MeanOption = Annotated[
    MeanWord, typer.Option("--mean", help="Sum over requests, or mean of their ratios.", rich_help_panel=COUNTING)
]
DenominatorOption = Annotated[
    DenominatorWord,
    typer.Option("--denominator", help="Over all input tokens, or those with a block id.", rich_help_panel=COUNTING),
]


@dataclass(frozen=True)
class TraceWords:
    """How to read a trace, as typed."""

    path: Path | None
    format: str | None = None
    block_size: int | None = None
    order: Order = Order.FILE
    interleave: str = "together"
    tokenizer: str = "approximate"
    time_unit: TimeUnit | None = None
    reuse: str | None = None
    no_cache: bool = False
    from_ledger: bool = False
    filters: Filters = field(default_factory=Filters)
    project: Path | None = None
    columns: str | None = None

    def read(self, working: Working) -> Trace:
        """The trace, of the file or of the ledger. Raises WrongUse or SourceError."""
        if self.from_ledger and self.path is not None:
            message = "A trace comes from a file or from the ledger, not from both."
            raise WrongUse(message, "Leave out --trace or --from-ledger.")
        if self.from_ledger:
            return self._of_ledger(working)
        if self.project or self.filters != Filters():
            message = "--since, --until, --where, --as-of and --project choose calls of the ledger."
            raise WrongUse(message, "Give --from-ledger as well, or leave them out.")
        from netyield.sources.traces.cached import cache_folder
        from netyield.sources.traces.read import read_trace

        if self.path is None:
            message = "There is no trace to read."
            raise WrongUse(message, "Give --trace PATH, or --from-ledger in a project.")
        working(f"Reading {self.path.name}", 0)
        return read_trace(
            self.path,
            format=self.format,
            block_size=self.block_size,
            order=self.order.value,
            interleave=self.interleave,
            tokenizer=self.tokenizer,
            time_unit=self.time_unit.value if self.time_unit else None,
            reuse=self.reuse,
            columns=self.columns,
            cache=None if self.no_cache else cache_folder(),
        )

    def _of_ledger(self, working: Working) -> Trace:
        from netyield.faces.cli.opened import open_project

        working("Reading the ledger", 0)
        opened = open_project(self.project)
        return opened.prefix_trace(self.filters.query(opened))


ENGINE_WORDS = frozenset({"model", "replica"})  # of --where, those an engine's counters know


def engine_counts(pages: list[Path] | None, words: TraceWords) -> Counted | None:
    """What running engines count: on saved pages, else in the project of a trace from the ledger. None: nothing known.

    Counters know no customers: where the trace is of some calls of an engine only, the project's are not taken.
    """
    from netyield.answers.kv_present import Counted
    from netyield.economics.kv.observed_hits import observed_hits, scraped

    if pages:
        return Counted(tuple(observed_hits(scraped(pages))), ", ".join(page.name for page in pages))
    if not words.from_ledger:
        return None
    from netyield.faces.cli.opened import open_project
    from netyield.project.kv_counts import engine_hits

    opened = open_project(words.project)
    query = words.filters.query(opened)
    if set(query.where) - ENGINE_WORDS:
        return None
    found = engine_hits(opened, query)
    return Counted(tuple(found), opened.config.project.name) if found else None
