"""What is in this folder? Files recognised by their content, each as the [[source]] it would be."""

from __future__ import annotations

import json
import os
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path
from typing import Any

from netyield.faces.cli.setup.columns import CAPACITY_NAMES, infer, plain

FILES_LIMIT = 2_000
DEPTH_LIMIT = 3
HEAD_BYTES = 65_536
SPACING_ROWS = 200
LATEST_SECONDS = 1e11  # above it a number of seconds would be a date after the year 5000: it counts milliseconds
TABLE_ENDINGS = (".csv", ".csv.gz", ".parquet", ".jsonl", ".jsonl.gz", ".ndjson", ".ndjson.gz")
TEXT_ENDINGS = (".om", ".om.gz", ".prom", ".prom.gz", ".txt", ".txt.gz", ".metrics")
FOCUS_MARKS = frozenset({"billedcost", "chargeperiodstart", "chargecategory"})
# Told by the columns a source of that type needs; the first that has them all.
MAPPED = (("traffic", "requests", "a request log"), ("outcomes", "outcomes", "outcome events"))
LITELLM_MARKS = (
    frozenset({"requestid", "spend", "prompttokens"}),
    frozenset({"responsecost", "calltype", "litellmcallid"}),
)


@dataclass(frozen=True)
class Proposal:
    """A source that could be configured: its options, which of init's kinds it is, and why it was recognised."""

    kind: str  # bill | metrics | traffic | outcomes
    options: Mapping[str, Any]
    why: str


def discover(folder: Path) -> list[Proposal]:
    """Proposals for the files of a folder; files of one folder, ending and meaning become one glob."""
    groups: dict[tuple[str, str, str], tuple[Proposal, list[Path]]] = {}
    for path in _files(folder):
        proposal = recognise(path, folder)
        if proposal is None:
            continue
        key = (str(path.parent), _ending(path), json.dumps({**proposal.options, "path": ""}, sort_keys=True))
        groups.setdefault(key, (proposal, []))[1].append(path)
    return [each for proposal, paths in groups.values() for each in _grouped(proposal, paths, folder)]


def recognise(path: Path, root: Path) -> Proposal | None:
    """What one file is, told by its content; None when nothing known. Unreadable files are nothing known."""
    relative = path.relative_to(root).as_posix() if path.is_relative_to(root) else str(path)
    name = path.name.lower()
    try:
        if name.endswith(TABLE_ENDINGS):
            return _table(path, relative)
        if name.endswith((".json", ".json.gz")):
            return _cost_page(path, relative)
        return _metrics(path, relative) if name.endswith(TEXT_ENDINGS) else None
    except (OSError, EOFError, ValueError, zlib.error):
        return None


def _files(folder: Path) -> Iterator[Path]:
    seen = 0
    for place, folders, names in os.walk(folder):
        depth = len(Path(place).relative_to(folder).parts)
        folders[:] = sorted(name for name in folders if not name.startswith(".") and depth < DEPTH_LIMIT - 1)
        for name in sorted(names):
            seen += 1
            if seen > FILES_LIMIT:
                return
            if not name.startswith("."):
                yield Path(place) / name


def _ending(path: Path) -> str:
    """All of a log's endings (``.jsonl.gz``), without dots inside its stem."""
    parts = path.name.split(".")
    packed = len(parts) > 2 and parts[-1] == "gz"
    return "." + ".".join(parts[-2:] if packed else parts[-1:])


def _grouped(proposal: Proposal, paths: list[Path], root: Path) -> list[Proposal]:
    """One glob when every file of that folder and ending means the same, else one proposal per file."""
    folder, ending = paths[0].parent, _ending(paths[0])
    alike = [path for path in folder.iterdir() if path.is_file() and path.name.endswith(ending)]
    if len(paths) == 1 or len(alike) != len(paths):
        names = [path.relative_to(root).as_posix() for path in paths]
        return [replace(proposal, options={**proposal.options, "path": name}) for name in names]
    pattern = (folder.relative_to(root) / f"*{ending}").as_posix()
    why = f"{proposal.why} ({len(paths)} files)"
    return [replace(proposal, options={**proposal.options, "path": pattern}, why=why)]


def _table(path: Path, relative: str) -> Proposal | None:
    from netyield.sources.files import Place, header

    headers = header(path, Place("init", relative))
    names = {plain(each) for each in headers}
    if names >= FOCUS_MARKS:
        return Proposal("bill", {"type": "focus", "path": relative}, "a FOCUS bill")
    if any(names >= marks for marks in LITELLM_MARKS):
        return Proposal("traffic", {"type": "litellm", "path": relative}, "LiteLLM spend logs")
    for kind, source_type, what in MAPPED:
        columns = _mapping(source_type, headers)
        if columns:
            return Proposal(kind, {"type": source_type, "path": relative, "columns": columns}, what)
    return _counts(path, headers, relative)


def _mapping(source_type: str, headers: list[str]) -> dict[str, str]:
    """The source's own reading of these headers; empty when a column it needs is not among them."""
    from netyield.sources import registry
    from netyield.sources.mapped_columns import proposed_columns
    from netyield.sources.mapped_log import MappedLog

    source = registry.build({"type": source_type, "path": "-"}, Path())
    if not isinstance(source, MappedLog):
        return {}
    found = proposed_columns(headers, source.words, source.usual())
    needed = source.needed(found)
    return found if all(any(word in found for word in group) for group in needed) else {}


def _counts(path: Path, headers: list[str], relative: str) -> Proposal | None:
    """GPUs total and allocated; only when the file itself shows how far apart its rows are."""
    capacity = infer(headers, CAPACITY_NAMES)
    if set(capacity) != {"time", "total", "allocated"}:
        return None
    spacing = row_spacing(path, capacity["time"])
    if spacing is None:
        return None
    unit, seconds = spacing
    options = {
        "type": "capacity_csv",
        "path": relative,
        "columns": capacity,
        "time_unit": unit,
        "interval_seconds": seconds,
    }
    return Proposal("metrics", options, f"GPUs total and allocated, every {seconds} s")


def row_spacing(path: Path, column: str) -> tuple[str, int] | None:
    """(time unit, seconds between rows) of a file, from its first rows; None when they do not say one thing."""
    from netyield.sources.files import Place, read_rows

    block = next(iter(read_rows(path, Place("init", path.name), [column])), None)
    values = [] if block is None else block.rows[column].slice(0, SPACING_ROWS).to_pylist()
    moments, unit = _moments([str(value) for value in values if value not in {None, ""}])
    gaps = [late - early for early, late in pairwise(sorted(set(moments)))]
    usual = min(set(gaps), key=lambda gap: (-gaps.count(gap), gap), default=0.0)
    regular = bool(gaps) and usual >= 1 and gaps.count(usual) * 2 > len(gaps)
    return (unit, round(usual)) if regular else None


def _moments(texts: list[str]) -> tuple[list[float], str]:
    """Seconds since 1970 and the unit the texts are in. Raises ValueError for other text."""
    from netyield.core.period import parse_time

    if all(text.replace(".", "", 1).isdigit() for text in texts):
        numbers = [float(text) for text in texts]
        milliseconds = max(numbers, default=0.0) > LATEST_SECONDS
        return ([number / 1000 for number in numbers], "ms") if milliseconds else (numbers, "s")
    return [parse_time(text).timestamp() for text in texts], "iso"


def _cost_page(path: Path, relative: str) -> Proposal | None:
    head = _head(path)
    if "organization.costs.result" in head:
        return Proposal("bill", {"type": "openai_costs", "path": relative}, "OpenAI cost pages")
    if '"starting_at"' in head and '"cost_type"' in head:
        return Proposal("bill", {"type": "anthropic_costs", "path": relative}, "Anthropic cost report pages")
    return None


def _metrics(path: Path, relative: str) -> Proposal | None:
    head = _head(path)
    if "NVSMI LOG" in head:
        options = {"type": "metrics_text", "path": relative, "kind": "nvidia_smi"}
        return Proposal("metrics", options, "nvidia-smi -q output")
    if "# TYPE " in head or "# HELP " in head:
        options = {"type": "metrics_text", "path": relative, "kind": "prometheus"}
        return Proposal("metrics", options, "Prometheus or OpenMetrics text")
    return None


def _head(path: Path) -> str:
    from netyield.sources.files import open_binary

    with open_binary(path) as stream:
        return stream.read(HEAD_BYTES).decode("utf-8", errors="replace")
