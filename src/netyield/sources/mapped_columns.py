"""Columns of a file by the words of a source: what does ``columns = {...}`` lead to, and what is missing?"""

from __future__ import annotations

import difflib
import re
from collections.abc import Collection, Iterable, Mapping, Sequence

import pyarrow as pa
import pyarrow.compute as pc

from netyield.core.finding import Finding
from netyield.sources.opened import Place

MOST_NAMES = 20
A_NAME = re.compile(r"[\w.:/@ -]{1,40}")


def check_words(given: Iterable[str], known: Collection[str]) -> None:
    """Raises ValueError naming the nearest known word for one that is not known."""
    for word in given:
        if word not in known:
            near = difflib.get_close_matches(word, known, n=1)
            hint = f"did you mean {near[0]!r}?" if near else f"known: {', '.join(sorted(known))}"
            message = f"{word!r} is not a word of this source; {hint}"
            raise ValueError(message)


def proposed_columns(header: Sequence[str], known: Collection[str], usual: Mapping[str, str]) -> dict[str, str]:
    """Word to column for the columns whose name says what they are; the first of several wins."""
    found: dict[str, str] = {}
    for name in header:
        word = name if name in known else usual.get(name.lower().replace(" ", "_").replace("-", "_"))
        if word is not None:
            found.setdefault(word, name)
    return found


def mapping_findings(
    mapping: Mapping[str, str], header: Sequence[str], needed: Sequence[Collection[str]], place: Place
) -> list[Finding]:
    """What the file lacks: an error when of one of the ``needed`` groups of words there is none, else a warning.
    What is not mapped: an info."""
    findings = []
    for group in needed:
        if not any(word in group and has_column(header, column) for word, column in mapping.items()):
            asked = [f"{mapping[word]!r} (columns.{word})" for word in group if word in mapping]
            missing = f"the file has no column {' or '.join(asked)}"
            message = missing if asked else f"columns maps none of {_some(group)}"
            hint = _hint([mapping[word] for word in group if word in mapping], header)
            findings.append(place.error("missing_column", f"{message}; nothing of it was read", hint, 1))
    if findings:
        return findings
    for word, column in mapping.items():
        if not has_column(header, column):
            message = f"the file has no column {column!r} (columns.{word}); it is read without"
            findings.append(place.warning("missing_column", message, _hint([column], header), 1))
    used = {name for column in mapping.values() for name in (column, column.split(".")[0])}
    unused = [name for name in header if name not in used]
    if unused:
        message = f"columns not read: {_some(unused)}"
        findings.append(place.info("unmapped_columns", message, "Map those that matter.", 1))
    return findings


def _hint(columns: Sequence[str], header: Sequence[str]) -> str:
    near = [name for column in columns for name in difflib.get_close_matches(column, header, n=1)]
    return f"Did you mean {near[0]!r}?" if near else f"Its columns: {_some(header)}."


def _some(names: Collection[str]) -> str:
    # A file without a header has data where its names should be: nothing that is not a name is repeated.
    listed = [name if A_NAME.fullmatch(name) else f"<{len(name)} characters>" for name in names]
    return ", ".join(listed[:MOST_NAMES]) + (" ..." if len(listed) > MOST_NAMES else "")


def has_column(header: Sequence[str], column: str) -> bool:
    """Is it there, by its own name or as a member of a struct (``usage.prompt_tokens``)?"""
    return column in header or column.split(".")[0] in header


def cells(rows: pa.Table, column: str) -> pa.Array | None:
    """A column by name, or the member of a struct a dotted name leads to; None where there is none."""
    if column in rows.column_names:
        return _one(rows[column])
    first, *members = column.split(".")
    if first not in rows.column_names:
        return None
    found = _one(rows[first])
    for member in members:
        if not pa.types.is_struct(found.type) or found.type.get_field_index(member) < 0:
            return None
        found = pc.struct_field(found, member)
    return found


def _one(column: pa.ChunkedArray) -> pa.Array:
    array = column.combine_chunks()
    return array.combine_chunks() if isinstance(array, pa.ChunkedArray) else array
