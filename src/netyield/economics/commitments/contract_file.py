"""Reads contracts from a file: TOML with [[commitment]], or rows of FOCUS's Contract Commitment dataset (CSV, JSON Lines, Parquet)."""

from __future__ import annotations

import difflib
import tomllib
from collections.abc import Mapping, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from netyield.core.errors import WrongUse
from netyield.core.finding import Finding, Severity
from netyield.economics.commitments.contract import Commitment
from netyield.economics.commitments.contract_rows import told_by_rows
from netyield.economics.commitments.known_terms import Told, known
from netyield.economics.commitments.settings import CommitmentRule
from netyield.sources.bills.contract_commitment_rows import TABLE
from netyield.sources.bills.contract_commitments import ContractCommitments
from netyield.sources.files import file_format

TABULAR = (".csv", ".gz", ".jsonl", ".ndjson", ".parquet")


def read_contracts(path: Path) -> tuple[list[Commitment], list[Finding]]:
    """The good contracts of a file alone and what is wrong with the others. Raises WrongUse when it cannot be read at all."""
    told, findings = told_by_file(path)
    found = known([told])
    return list(found.commitments), [*findings, *found.findings]


def told_by_file(path: Path) -> tuple[Told, list[Finding]]:
    """What a file says of commitments. Raises WrongUse when it cannot be read at all."""
    if not path.is_file():
        message = f"{path} cannot be read: {'it is a folder' if path.is_dir() else 'there is no such file'}."
        raise WrongUse(message, "Give the path of a TOML, CSV or Parquet file of contracts.")
    if path.suffix.lower() in TABULAR or file_format(path) == "parquet":
        return _dataset(path)
    try:
        content = tomllib.loads(path.read_bytes().decode("utf-8-sig"), parse_float=Decimal)
    except OSError as error:
        message = f"{path} cannot be read: {error.strerror}."
        raise WrongUse(message, "Give the path of a TOML, CSV or Parquet file of contracts.") from None
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        message = f"{path} is no TOML: {error}."
        raise WrongUse(message, "Mend that line; words need quotes.") from None
    entries = content.get("commitment", [])
    if not isinstance(entries, list) or not entries or not all(isinstance(entry, dict) for entry in entries):
        message = f"{path} has no [[commitment]]."
        raise WrongUse(message, "docs/commitments.md shows one.")
    return declared(entries, str(path))


def declared(entries: Sequence[Mapping[str, Any]], file: str) -> tuple[Told, list[Finding]]:
    """What parsed [[commitment]] tables say, and findings for those that cannot be read."""
    said: dict[str, dict[str, Any]] = {}
    findings: list[Finding] = []
    for number, entry in enumerate(entries, start=1):
        try:
            rule = CommitmentRule.model_validate(entry)
        except ValidationError as error:
            findings.append(invalid(str(entry.get("id", f"commitment {number}")), error, file))
            continue
        if rule.id in said:
            words = f"{rule.id} is declared twice; the first counts"
            findings.append(Finding("commitments.twice", Severity.ERROR, words, "Give each its own id.", file))
            continue
        said[rule.id] = rule.said()
    return Told(file, said, file), findings


def invalid(name: str, error: ValidationError, file: str) -> Finding:
    """The finding for keys that cannot be read."""
    first = error.errors()[0]
    key = ".".join(str(part) for part in first["loc"])
    if first["type"] == "extra_forbidden":
        known_keys = list(CommitmentRule.model_fields)
        near = difflib.get_close_matches(str(first["loc"][-1]), known_keys, n=1)
        repair = f"Did you mean {near[0]!r}?" if near else "docs/commitments.md lists the keys."
        return Finding("commitments.unknown_key", Severity.ERROR, f"{name}: unknown key {key!r}", repair, file)
    return Finding("commitments.bad_value", Severity.ERROR, f"{name}: {key}: {first['msg']}", "Correct it; the contract is left out.", file)


def _dataset(path: Path) -> tuple[Told, list[Finding]]:
    """Rows of the dataset, read as the source of the same name reads them."""
    source = ContractCommitments(ContractCommitments.Settings(type=ContractCommitments.type, path=path.name), path.parent)
    chunks = [chunk for delivery in source.deliveries({}) for chunk in delivery.chunks()]
    findings = [finding for chunk in chunks for finding in chunk.findings]
    rows = [row for chunk in chunks if TABLE in chunk.tables for row in chunk.tables[TABLE].to_pylist()]
    if not rows and not any(chunk.rejected is not None for chunk in chunks):
        why = findings[0].message if findings else "it has no rows."
        message = f"{path} has no contract commitments: {why}"
        raise WrongUse(message, "Give TOML with [[commitment]], or FOCUS's Contract Commitment dataset as CSV or Parquet.")
    told, more = told_by_rows(rows, str(path))
    return told, [*findings, *more]
