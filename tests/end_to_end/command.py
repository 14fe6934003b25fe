"""The command as a person runs it: words in, exit code, stdout and stderr out."""

from __future__ import annotations

import io
import json
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest import mock

from netyield.faces.cli.main import call

DATA = Path(__file__).parents[1] / "data"
COMMAND = [sys.executable, "-c", "from netyield.faces.cli.main import run; run()"]


@dataclass(frozen=True)
class Said:
    """What one command did."""

    code: int
    out: str
    err: str

    @property
    def body(self) -> dict[str, Any]:
        """Stdout, which must be one JSON object and nothing else."""
        value = json.loads(self.out)
        assert isinstance(value, dict)
        return value

    def remarks(self, code: str) -> list[dict[str, Any]]:
        """The findings of one code that ``ingest --json`` or ``check --json`` printed."""
        return [remark for remark in self.body["remarks"] if remark["code"] == code]


class Product:
    """A project folder and the command over it."""

    def __init__(self, root: Path, toml: str) -> None:
        self.root = root
        root.mkdir(parents=True, exist_ok=True)
        self.configure(toml)

    def configure(self, toml: str) -> None:
        (self.root / "netyield.toml").write_text(toml, encoding="utf-8")

    def put(self, name: str, content: str | bytes) -> Path:
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path

    def run(self, *words: str, fresh: bool = False) -> Said:
        """One command, in this process, or in a ``fresh`` one as after installation. Never a traceback."""
        said = (_process if fresh else _here)([*words, "--project", str(self.root)])
        assert "Traceback" not in said.err + said.out, said.err
        return said

    def ingest(self, *words: str) -> Said:
        """``netyield ingest --json``; the exit code is 1 exactly when there is an error finding."""
        said = self.run("ingest", "--json", *words)
        assert said.out, said.err
        if not words:
            assert said.code == (1 if said.body["findings"]["error"] else 0)
        return said

    def report(self, *words: str) -> dict[str, Any]:
        """``netyield report [ANSWER] --json``, whatever its findings."""
        said = self.run("report", *words, "--json", "--fail-on", "never")
        assert said.code == 0, said.err
        return said.body


def _here(words: list[str]) -> Said:
    out, err = io.TextIOWrapper(io.BytesIO(), encoding="utf-8"), io.TextIOWrapper(io.BytesIO(), encoding="utf-8")
    with mock.patch.object(sys, "stdout", out), mock.patch.object(sys, "stderr", err):
        code = call(words)
        out.flush()
        err.flush()
    assert isinstance(out.buffer, io.BytesIO)
    assert isinstance(err.buffer, io.BytesIO)
    return Said(code, out.buffer.getvalue().decode("utf-8"), err.buffer.getvalue().decode("utf-8"))


def _process(words: list[str]) -> Said:
    done = subprocess.run([*COMMAND, *words], capture_output=True, text=True, encoding="utf-8", timeout=240, check=False)
    return Said(done.returncode, done.stdout, done.stderr)


MakeProduct = Callable[[str], Product]
