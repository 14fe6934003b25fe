"""Write the parts of docs/ that follow from code and data: whole reference pages, and marked blocks of other pages.

A block stands between ``<!-- generated: NAME -->`` and ``<!-- end -->``. With --check nothing is written; the exit code
is 1 when a page is stale. tests/docs does the same check.
"""

from __future__ import annotations

import csv
import re
import sys
from collections.abc import Callable, Iterable, Sequence
from importlib import resources
from pathlib import Path

import reference_kv
from reference_commands import Command, Word, commands, epilog
from reference_settings import COMMON, Key, config_tables, is_list, keys, source_settings

from netyield.core.contract import ARROW_TYPES, RAW_TABLES, SOURCE_GIVES, contract
from netyield.sources.outcomes.events import KNOWN_WORDS as OUTCOME_WORDS
from netyield.sources.outcomes.verdicts import words_for as outcome_vocabulary
from netyield.sources.traffic.request_columns import KNOWN_WORDS as REQUEST_WORDS
from netyield.sources.traffic.vocabulary import words_for as request_vocabulary

ROOT = Path(__file__).resolve().parent.parent
DOCS = ROOT / "docs"
BLOCK = re.compile(r"(<!-- generated: (?P<name>[\w./-]+) -->\n).*?(<!-- end -->)", re.DOTALL)
NOTE = "Written by `make docs` from {source}; edit that instead.\n"


def table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A Markdown table. A bar inside a cell is escaped."""
    lines = [" | ".join(header), " | ".join("---" for _ in header)]
    lines += [" | ".join(cell.replace("|", "\\|").replace("\n", " ") for cell in row) for row in rows]
    return "".join(f"| {line} |\n" for line in lines)


def tables_page() -> str:
    """docs/reference/tables.md: the table contracts."""
    parts = [
        "# Tables\n",
        NOTE.format(source="src/netyield/core/tables/*.csv"),
        "Every source delivers rows of these tables. A source gives "
        f"{', '.join(f'`{name}`' for name in SOURCE_GIVES)} and the table's own columns; the ledger adds the other lineage columns. "
        "The same files make the storage schema and the checks at the door.\n",
        "## Types\n",
        table(("type", "stored as"), [(f"`{name}`", f"`{kind}`") for name, kind in ARROW_TYPES.items()]),
        "## lineage: columns of every table\n",
        _columns(contract(RAW_TABLES[0]).lineage),
    ]
    for name in RAW_TABLES:
        parts += [f"## {name}\n", _columns(contract(name).own)]
    return "\n".join(parts)


def _columns(columns: Iterable[object]) -> str:
    rows = [
        (f"`{c.name}`", c.type, c.unit, "" if c.nullable else "required", c.description)  # type: ignore[attr-defined]
        for c in columns
    ]
    return table(("column", "type", "unit", "", "meaning"), rows)


def commands_page() -> str:
    """docs/reference/cli.md: every verb with its words."""
    listed = list(commands())
    parts = [
        "# Command line\n",
        NOTE.format(source="the commands' own --help"),
        f"{epilog()} `--json` prints one object on stdout and nothing else; messages go to stderr.\n",
        table(("command", ""), [(f"[`netyield {c.name}`](#netyield-{c.name.replace(' ', '-')})", c.meaning) for c in listed]),
    ]
    for command in listed:
        parts += _command(command)
    return "\n".join(parts)


def _command(command: Command) -> list[str]:
    arguments = "".join(f" {word.spelling}" for word in command.arguments)
    parts = [f"## netyield {command.name}\n", f"{command.meaning}\n", f"    netyield {command.name} [OPTIONS]{arguments}\n"]
    if command.arguments:
        parts.append(table(("argument", "meaning"), [(f"`{w.spelling}`", w.meaning) for w in command.arguments]))
    if command.options:
        parts.append(table(("option", "value", "default", "meaning"), [_option(word) for word in command.options]))
    return parts


def _option(word: Word) -> tuple[str, str, str, str]:
    value = f"`{word.value}`" if word.value and not word.value.startswith("`") else word.value
    return f"`{word.spelling}`", value, word.default, word.meaning


def configuration_page() -> str:
    """docs/reference/configuration.md: every table of netyield.toml."""
    parts = [
        "# netyield.toml\n",
        NOTE.format(source="the settings classes that check the file, and docs/reference/meanings.csv"),
        "The file is strict: an unknown key or type is refused, with the nearest known one. Globs ignore case. "
        "Secrets are never written into it, only references: `env:NAME` or `file:/path`.\n",
    ]
    for name, model in config_tables().items():
        parts += [f"## {f'[[{name}]]' if is_list(name) else f'[{name}]'}\n", _keys(list(keys(name, model)))]
    common = [key for key in keys("source", next(iter(source_settings().values()))) if key.name in COMMON]
    parts += ["## [[source]]\n", "Every source has these keys:\n", _keys(common)]
    parts += ["and those of its type:\n", table(("type", "page"), [(f"`{n}`", f"[{n}](../sources/{n}.md)") for n in source_settings()])]
    return "\n".join(parts)


def _keys(listed: Sequence[Key]) -> str:
    rows = [(f"`{key.name}`", key.kind, key.default, key.meaning) for key in listed]
    return table(("key", "type", "default", "meaning"), rows)


def _source_keys(kind: str) -> str:
    """The keys of one source type without the common ones; tables inside follow under their own name."""
    listed = [key for key in keys(f"source.{kind}", source_settings()[kind]) if key.name not in COMMON or key.table.count(".") > 1]
    parts = []
    for name in dict.fromkeys(key.table for key in listed):
        inner = name.removeprefix(f"source.{kind}").lstrip(".")
        parts.append(f"Keys of each entry of `{inner}`:\n" if inner else "")
        parts.append(_keys([key for key in listed if key.table == name]))
    return "\n".join(part for part in parts if part)


def _words(words: Iterable[str], usual: dict[str, list[str]]) -> str:
    rows = [(f"`{word}`", ", ".join(f"`{name}`" for name in usual.get(word, []))) for word in words]
    return table(("word", "columns taken for it when `columns` is left out (besides its own name)"), rows)


def _usual(vocabulary: Callable[[str], object]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for spelling, word in dict(vocabulary("columns")).items():  # type: ignore[call-overload]
        if spelling != word:
            found.setdefault(str(word), []).append(str(spelling))
    return found


def _data(package: str, name: str) -> list[dict[str, str]]:
    text = resources.files(package).joinpath(name).read_text(encoding="utf-8")
    return list(csv.DictReader(text.splitlines()))


def _steps() -> str:
    rows = [(f"`{r['step']}{'<…>' if r['step'].endswith('.') else ''}`", r["label"], r["kind"], r["meaning"])
            for r in _data("netyield.answers", "steps.csv")]
    return table(("step", "name", "kind", "meaning"), rows)


def _verdicts() -> str:
    rows = [(r["code"], f"`{r['step']}`", r["reason"].replace("_", " "), f"E{r['grade']}", r["certain"], r["rule"])
            for r in _data("netyield.usefulness", "verdicts.csv")]
    return table(("code", "step", "reason", "grade", "certain waste", "rule"), rows)


def _classes() -> str:
    rows = [(f"`{r['class']}`", r["counts_as_useful_output"], r["description"]) for r in _data("netyield.core", "token_classes.csv")]
    return table(("class", "counts as useful output", "meaning"), rows)


def block(name: str) -> str:
    """The text of a marked block. Raises KeyError for a name nobody makes."""
    kind, _, rest = name.partition("/")
    if kind == "keys":
        return _source_keys(rest)
    if kind == "kv":
        return reference_kv.block(rest, table)
    makers: dict[str, Callable[[], str]] = {
        "steps": _steps, "verdicts": _verdicts, "classes": _classes,
        "words/requests": lambda: _words(REQUEST_WORDS, _usual(request_vocabulary)),
        "words/outcomes": lambda: _words(dict.fromkeys(OUTCOME_WORDS), _usual(outcome_vocabulary)),
    }
    return makers[name]()


def with_blocks(text: str) -> str:
    """A page with its marked blocks made anew."""
    return BLOCK.sub(lambda found: f"{found.group(1)}{block(found.group('name'))}{found.group(3)}", text)


def expected() -> dict[Path, str]:
    """Every page that has generated text, as it should be."""
    pages = {
        DOCS / "reference" / "tables.md": tables_page(),
        DOCS / "reference" / "cli.md": commands_page(),
        DOCS / "reference" / "configuration.md": configuration_page(),
    }
    for path in sorted(DOCS.rglob("*.md")):
        text = path.read_text(encoding="utf-8") if path not in pages else ""
        if BLOCK.search(text):
            pages[path] = with_blocks(text)
    return pages


def stale() -> list[Path]:
    """Pages that are not as they should be."""
    return [path for path, text in expected().items() if not path.is_file() or path.read_text(encoding="utf-8") != text]


def main(words: Sequence[str]) -> int:
    """Write the stale pages, or with --check name them."""
    wrong = stale()
    for path in wrong:
        sys.stdout.write(f"{path.relative_to(ROOT)}\n")
        if "--check" not in words:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(expected()[path], encoding="utf-8")
    return 1 if wrong and "--check" in words else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
