"""A project that answers with the sample answers, a way to run the command line, and a browser."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import sample_answers as sample

from netyield.answers.answer import Answer
from netyield.core.finding import Finding, Severity
from netyield.core.period import Period
from netyield.faces.cli.main import call
from netyield.project import Project, Query
from netyield.sources.contract import Probe

SAMPLES: dict[str, Callable[[Query], Answer]] = {
    "waterfall": lambda query: sample.waterfall(),
    "unit_cost": lambda query: sample.unit_cost(query.by or "model"),
    "fleet": lambda query: sample.fleet(),
    "usefulness": lambda query: sample.usefulness(),
    "reconciliation": lambda query: sample.reconciliation(),
}


@dataclass
class FakeProject:
    """Answers with samples and remembers what it was asked."""

    findings: list[Finding] = field(default_factory=list)
    asked: list[tuple[str, Query]] = field(default_factory=list)
    closed: list[str] = field(default_factory=list)
    config: Any = field(default_factory=lambda: SimpleNamespace(project=SimpleNamespace(name="Acme", timezone="UTC")))

    def answer(self, name: str, query: Query, progress: Callable[[str, int], None] | None = None) -> Answer:
        self.asked.append((name, query))
        return SAMPLES[name](query)

    def explain(self, figure: str, query: Query, progress: Callable[[str, int], None] | None = None) -> Answer:
        self.asked.append((figure, query))
        return sample.explanation(figure)

    def ingest(self, progress: Callable[[str, int], None]) -> Any:
        progress("bill", 1_000)
        record = SimpleNamespace(source="bill", name="bill.csv", kind="immutable", rows={"charges": 1_000})
        return SimpleNamespace(findings=self.findings, booked=[record], skipped=2)

    def probe(self) -> dict[str, Probe]:
        found = Probe(True, "1 bill file, 1,000 rows", Period(sample.WINDOW.since, sample.WINDOW.until), 1_000, 9)
        return {"bill": found, "prom": Probe(False, "no answer", findings=tuple(self.findings))}

    def check(self) -> list[Finding]:
        return self.findings

    def close_month(self, month: str) -> None:
        self.closed.append(month)

    def manifest(self) -> Any:
        return SimpleNamespace(deliveries={"hash": object()})


@dataclass(frozen=True)
class Ran:
    """What a command printed and how it ended."""

    code: int
    out: str
    err: str


Run = Callable[..., Ran]


@pytest.fixture
def run(capfd: pytest.CaptureFixture[str]) -> Run:
    """Run ``netyield`` with these words."""

    def running(*words: object) -> Ran:
        capfd.readouterr()
        code = call([str(word) for word in words])
        captured = capfd.readouterr()
        return Ran(code, captured.out, captured.err)

    return running


@pytest.fixture
def fake(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FakeProject:
    """A folder with a netyield.toml, opened as the fake project; it is the working directory."""
    (tmp_path / "netyield.toml").write_text("", encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    project = FakeProject()
    monkeypatch.setattr(Project, "open", staticmethod(lambda path: project))
    return project


@pytest.fixture
def warning() -> Finding:
    return Finding("prometheus.gap", Severity.WARNING, "A gap.", "Check it.", "h100.om", 812, 3)


@pytest.fixture
def error() -> Finding:
    return Finding("focus.bad_amount", Severity.ERROR, "Not a number.", "Mend it.", "bill.csv", 7)


@pytest.fixture(scope="session")
def chromium() -> Iterator[Any]:
    """A Chromium on PATH; in CI it must be there."""
    path = shutil.which("chromium") or shutil.which("chromium-browser")
    if path is None:
        reason = "needs Chromium: apt-get install chromium"
        if os.environ.get("CI"):
            pytest.fail(reason)
        pytest.skip(reason)
    from playwright.sync_api import sync_playwright

    switches = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-sync"]
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=switches)
        yield browser
        browser.close()
