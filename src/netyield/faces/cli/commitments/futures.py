"""Which futures? The words of --future, the same in ``exit`` and ``buy``."""

from __future__ import annotations

from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, Annotated

import typer

from netyield.core.errors import WrongUse

if TYPE_CHECKING:
    from netyield.economics.commitments.keep_value import Future

FutureOption = Annotated[
    list[str] | None,
    typer.Option(
        "--future", metavar="NAME:DEMAND:PRICE[:WEIGHT]",
        help="A scenario, changes a year, as 'slump:-0.5:-0.2:1'; may be repeated, replaces the five shipped.",
    ),
]  # fmt: skip


def futures_of(words: list[str] | None) -> tuple[Future, ...]:
    """The scenarios asked for; the five shipped where there are none. Raises WrongUse."""
    from netyield.economics.commitments.keep_value import FUTURES, Future

    return tuple(Future(*_future(each)) for each in words) if words else FUTURES


def _future(words: str) -> tuple[str, Decimal, Decimal, Decimal]:
    """``NAME:DEMAND:PRICE[:WEIGHT]``. Raises WrongUse."""
    name, *rest = words.split(":")
    try:
        numbers = [Decimal(part) for part in rest]
    except InvalidOperation:
        numbers = []
    good = len(numbers) in (2, 3) and all(n.is_finite() for n in numbers) and min(numbers[:2]) > -1
    if not name or not good:
        message = f"--future {words!r} is not NAME:DEMAND:PRICE[:WEIGHT] with changes a year above -1."
        raise WrongUse(message, "Write for example --future slump:-0.5:-0.2.")
    if numbers[2:] and numbers[2] <= 0:
        message = f"--future {words!r} has no positive weight."
        raise WrongUse(message, "Give a weight above 0.")
    return name, numbers[0], numbers[1], numbers[2] if len(numbers) == 3 else Decimal(1)
