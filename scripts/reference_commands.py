"""Which words does the command line take? Read from the commands themselves, as --help shows them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum
from typing import Any

import typer

from netyield.faces.cli.main import app


@dataclass(frozen=True)
class Word:
    """One argument or option of a command."""

    spelling: str
    value: str
    default: str
    meaning: str


@dataclass(frozen=True)
class Command:
    """One verb."""

    name: str
    meaning: str
    arguments: tuple[Word, ...]
    options: tuple[Word, ...]


def commands() -> Iterator[Command]:
    """Every verb, in the order --help lists them; those of a group by both words."""
    yield from _of(typer.main.get_command(app), "")


def _of(group: Any, before: str) -> Iterator[Command]:
    for name, command in group.commands.items():
        if hasattr(command, "commands"):
            yield from _of(command, f"{before}{name} ")
            continue
        words = [(parameter.param_type_name, _word(parameter)) for parameter in command.params]
        yield Command(
            f"{before}{name}",
            " ".join((command.help or "").split()),
            tuple(word for kind, word in words if kind == "argument"),
            tuple(word for kind, word in words if kind == "option"),
        )


def epilog() -> str:
    """What --help says about exit codes."""
    group: Any = typer.main.get_command(app)
    return str(group.epilog)


def _word(parameter: Any) -> Word:
    choices = parameter.type_descriptor.annotation
    is_choice = isinstance(choices, type) and issubclass(choices, Enum)
    value = parameter.metavar or (", ".join(f"`{one.value}`" for one in choices) if is_choice else "")
    if parameter.param_type_name == "argument":
        spelling = parameter.metavar or parameter.name.upper()
        value = "required" if parameter.required else ""
    else:
        spelling = ", ".join([*parameter.opts, *parameter.secondary_opts])
    given = parameter.default
    shown = "" if given in (None, "", False, ()) else f"`{given.value if isinstance(given, Enum) else given}`"
    return Word(spelling, value, shown, " ".join((parameter.help or "").split()))
