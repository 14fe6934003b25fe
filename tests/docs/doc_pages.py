"""Reads Markdown pages: their headings, links, and pieces of code."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
FENCE = re.compile(r"^```(?P<kind>\w*)\n(?P<text>.*?)^```", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"!?\[[^\]]*\]\((?P<target>[^)\s]+)\)")
INLINE = re.compile(r"`(?P<text>[^`\n]+)`")


def pages() -> list[Path]:
    """Every Markdown page a person reads."""
    tops = [ROOT / name for name in ("README.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "CHANGELOG.md")]
    return [*tops, *sorted((ROOT / "docs").rglob("*.md")), *sorted((ROOT / "benchmarks").glob("*.md"))]


def prose(page: Path) -> str:
    """The page without fenced code."""
    return FENCE.sub("", page.read_text(encoding="utf-8"))


def anchors(page: Path) -> set[str]:
    """What a link to a heading of the page may say after #."""
    titles = re.findall(r"^#+ +(.*)$", prose(page), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.replace("`", "").lower()).strip().replace(" ", "-") for title in titles}


def links(page: Path) -> Iterator[str]:
    """Targets of the page's links into the repository."""
    for found in LINK.finditer(prose(page)):
        if "://" not in found["target"] and not found["target"].startswith("mailto:"):
            yield found["target"]


def blocks(page: Path, kind: str) -> list[str]:
    """The page's fenced code of a kind."""
    return [found["text"] for found in FENCE.finditer(page.read_text(encoding="utf-8")) if found["kind"] == kind]


def command_lines(page: Path, program: str) -> Iterator[list[str]]:
    """Every command that starts with ``program`` in the page's shell blocks, indented code and inline code, as words."""
    lines = [line for kind in ("sh", "console", "bash", "") for text in blocks(page, kind) for line in text.splitlines()]
    lines += [line for line in prose(page).splitlines() if line.startswith("    ")]
    lines += [found["text"] for found in INLINE.finditer(prose(page))]
    for line in "\n".join(lines).replace("\\\n", " ").splitlines():
        for command in re.split(r"&&|;|\|", line.split(" #")[0]):
            text = command.strip().removeprefix("$ ")
            if text == program or text.startswith(f"{program} "):
                yield shlex.split(text)[1:]
