"""Does any tracked file name a package registry or a path of somebody's machine? Prints them and exits with 1."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
REGISTRIES = re.compile(
    r"\b(?:pypi\.org|test\.pypi\.org|files\.pythonhosted\.org|pythonhosted\.org|conda\.anaconda\.org|registry\.npmjs\.org|"
    r"deb\.debian\.org|security\.debian\.org|archive\.ubuntu\.com|proxy\.golang\.org|index\.crates\.io|repo1?\.maven\.org|"
    r"repo\.maven\.apache\.org|docker\.io)\b|--(?:extra-)?index-url|--find-links|--trusted-host"
)
# A folder of one machine. Standard places that every Debian has (the binaries under /usr) are not meant.
MACHINE_PATHS = re.compile(r"(?<![\w.:/-])/(?:work|root|tmp|home|Users|opt|mnt|srv|var/tmp)/[A-Za-z0-9_./-]+")


def tracked_files() -> list[str]:
    """Every file git knows, relative to the repository."""
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True).stdout
    return [name for name in listed.decode().split("\0") if name]


def offences(name: str, text: str) -> Iterator[str]:
    """``file:line: what`` of every registry host or machine path in a text."""
    for number, line in enumerate(text.splitlines(), start=1):
        for what, pattern in (("package registry", REGISTRIES), ("machine path", MACHINE_PATHS)):
            for match in pattern.finditer(line):
                yield f"{name}:{number}: {what} {match.group()}"


def check() -> list[str]:
    """All offences of the repository, this file (which spells the patterns) left out."""
    found: list[str] = []
    for name in tracked_files():
        path = ROOT / name
        if path == Path(__file__) or not path.is_file():
            continue
        try:
            found += offences(name, path.read_text(encoding="utf-8"))
        except UnicodeDecodeError:
            continue
    return found


def main() -> int:
    """Print what was found; the exit code."""
    found = check()
    for line in found:
        sys.stderr.write(f"{line}\n")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
