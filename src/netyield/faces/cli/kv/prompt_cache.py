"""``netyield kv prompt-cache``: what a provider's prompt caching costs and saves on these prompts, and how to use it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from netyield.core.errors import WrongUse
from netyield.faces.cli.kv.trace_options import (
    BlockSize,
    FormatWord,
    FromLedger,
    Interleave,
    NoCache,
    Order,
    OrderOption,
    Reuse,
    TimeUnitOption,
    Tokenizer,
    TracePath,
    TraceWords,
)
from netyield.faces.cli.options import (
    AsOf,
    Csv,
    FailOn,
    FailOnOption,
    Filters,
    Html,
    Json,
    ProjectPath,
    Since,
    Until,
    Where,
    one_stdout,
)

if TYPE_CHECKING:
    from netyield.answers.answer import Answer
    from netyield.answers.prompt_cache import Question

PROVIDER = "Provider"
Provider = Annotated[
    str,
    typer.Option(
        metavar="NAME", help="Whose caching: anthropic, openai, azure, google, deepseek or aws.", rich_help_panel=PROVIDER
    ),
]
ModelName = Annotated[str, typer.Option("--model", metavar="NAME", help="The provider's model.", rich_help_panel=PROVIDER)]
At = Annotated[
    str | None,
    typer.Option(metavar="TIME", help="Prices and rules in force then (default: now).", rich_help_panel=PROVIDER),
]
Price = Annotated[
    list[str] | None,
    typer.Option(
        metavar="NAME=USD_PER_MTOK",
        help="Your own price: input, cache_read, cache_write_5m, _30m, _1h or _12h; may be repeated.",
        rich_help_panel=PROVIDER,
    ),
]
Rule = Annotated[
    list[str] | None,
    typer.Option(
        metavar="NAME=VALUE",
        help="Another rule: minimum_tokens, increment_tokens, breakpoints, lookback_blocks (-1 = no limit),"
        " available_after_seconds or storage_usd_per_mtok_hour; may be repeated.",
        rich_help_panel=PROVIDER,
    ),
]
BilledWords = Annotated[
    list[str] | None,
    typer.Option(
        "--billed",
        metavar="NAME=VALUE",
        help="What was billed, in tokens: input, cache_read, cache_write_5m ..., and usd for its amount; may be repeated.",
        rich_help_panel=PROVIDER,
    ),
]
Families = Annotated[
    int, typer.Option("--families", metavar="N", min=0, help="List the N families that save most.", rich_help_panel=PROVIDER)
]


def prompt_cache(
    provider: Provider,
    model: ModelName,
    trace: TracePath = None,
    trace_format: FormatWord = None,
    block_size: BlockSize = None,
    order: OrderOption = Order.FILE,
    interleave: Interleave = "together",
    tokenizer: Tokenizer = "approximate",
    time_unit: TimeUnitOption = None,
    reuse: Reuse = None,
    no_cache: NoCache = False,
    at: At = None,
    price: Price = None,
    rule: Rule = None,
    billed: BilledWords = None,
    families: Families = 20,
    from_ledger: FromLedger = False,
    since: Since = None,
    until: Until = None,
    where: Where = None,
    as_of: AsOf = None,
    project: ProjectPath = None,
    json_out: Json = False,
    csv_out: Csv = None,
    html: Html = None,
    fail_on: FailOnOption = FailOn.ERROR,
) -> None:
    """Show what a provider's prompt caching costs and saves on a trace, and the best breakpoints per prefix family."""
    one_stdout(json_out, csv_out, html)
    if from_ledger and not any(word.strip().startswith("model=") for word in where or ()):
        where = [*(where or ()), f"model={model.strip()}"]
    filters = Filters(since=since, until=until, where=tuple(where or ()), as_of=as_of)
    words = TraceWords(
        trace, trace_format, block_size, order, interleave, tokenizer, time_unit, reuse, no_cache, from_ledger, filters,
        project,
    )  # fmt: skip
    asked = Asked(provider.strip().lower(), model.strip().lower(), at, price or (), rule or (), billed or (), families)

    from netyield.answers import prompt_cache as answers
    from netyield.faces.cli.kv.show import show
    from netyield.faces.cli.output import exit_code
    from netyield.faces.cli.progress import Working

    with Working("Reading the trace") as working:
        read = words.read(working)
        question = asked.of_ledger(filters, project) if from_ledger else asked.question()
        working("Trying breakpoints", 0)
        found = answers.answer(read, question)
    show(found, about(found), json_out=json_out, csv_out=csv_out, html=html)
    raise typer.Exit(exit_code(found.findings, fail_on))


class Asked:
    """The words about provider, prices and rules, as typed."""

    def __init__(
        self, provider: str, model: str, at: str | None, price: Sequence[str], rule: Sequence[str], billed: Sequence[str],
        families: int,
    ) -> None:  # fmt: skip
        self.provider, self.model, self.at, self.families = provider, model, at, families
        self.price, self.rule, self.billed = pairs("--price", price), pairs("--rule", rule), pairs("--billed", billed)

    def question(self) -> Question:
        """The question at list prices, with the user's own over them."""
        from netyield.answers.prompt_cache import Question
        from netyield.core.period import iso
        from netyield.economics.kv.prompt_caching.billed import given
        from netyield.economics.kv.prompt_caching.prices import list_rates
        from netyield.economics.kv.prompt_caching.rules import schemes

        moment = instant(self.at)
        rates = list_rates(self.provider, self.model, moment, self.price)
        bill = given(self.billed, rates) if self.billed else None
        offered = schemes(self.provider, self.model, moment.date(), self.rule)
        return Question(self.provider, self.model, iso(moment), offered, rates, bill, self.families)

    def of_ledger(self, filters: Filters, project: Path | None) -> Question:
        """The question at the prices of a project's books, with what its attempts were billed."""
        from netyield.answers.prompt_cache import Question
        from netyield.core.period import iso
        from netyield.economics.kv.prompt_caching.billed import given
        from netyield.economics.kv.prompt_caching.prices import book_rates, list_rates
        from netyield.economics.kv.prompt_caching.rules import schemes
        from netyield.faces.cli.opened import open_project
        from netyield.project.kv_counts import billed_input, price_list

        opened = open_project(project)
        query, moment = filters.query(opened), instant(self.at)
        rates = (
            list_rates(self.provider, self.model, moment, self.price)
            if self.price
            else book_rates(price_list(opened, query), self.provider, self.model, moment)
        )
        bill = given(self.billed, rates) if self.billed else billed_input(opened, query, rates.currency)
        offered = schemes(self.provider, self.model, moment.date(), self.rule)
        return Question(self.provider, self.model, iso(moment), offered, rates, bill, self.families)


def pairs(option: str, words: Sequence[str]) -> dict[str, str]:
    """``NAME=VALUE`` words as a mapping. Raises WrongUse."""
    found: dict[str, str] = {}
    for word in words:
        name, equals, value = word.partition("=")
        if not equals or not name.strip() or name.strip() in found:
            message = f"{option} {word!r} is not NAME=VALUE, or its name is given twice."
            raise WrongUse(message, f"Write for example {option} {EXAMPLES[option]}, each name once.")
        found[name.strip()] = value.strip()
    return found


EXAMPLES = {"--price": "cache_read=0.30", "--rule": "minimum_tokens=1024", "--billed": "cache_read=1200000"}


def instant(words: str | None) -> datetime:
    """``--at`` as a moment; now when it is not given. Raises WrongUse."""
    from netyield.core.period import parse_time

    if words is None:
        return datetime.now(UTC).replace(microsecond=0)
    try:
        return parse_time(words)
    except ValueError:
        message = f"--at {words!r} is not a time."
        raise WrongUse(message, "Write 2026-11-01 or 2026-11-01T12:00Z.") from None


def about(found: Answer) -> list[str]:
    """The trace and the model in a few words, for headings."""
    trace = found.body["trace"]
    return [
        trace["name"],
        f"{found.body['provider']} {found.body['prices']['model']}",
        f"{found.body['requests']:,} requests",
        f"{found.body['input_tokens']:,} input tokens in {trace['span_seconds']:,.0f} s",
    ]
