"""A project that answers with the sample answers, a way to run the command line, and a browser."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fake_project import FakeProject, Ran, Run

from netyield.core.finding import Finding, Severity
from netyield.faces.cli.main import call
from netyield.project import Project


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
