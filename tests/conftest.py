"""Shared by all tests: in CI nothing may be skipped, and soak tests run only when they are asked for.

Tests mirror the package, so that two rooms may have a test file of the same name: pytest imports by path, and helper
modules beside a test stay importable by name.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent
HELPERS = {path.parent for path in HERE.rglob("*.py") if not path.name.startswith("test_") and path.name != "conftest.py"}
sys.path += [str(folder) for folder in sorted(HELPERS) if str(folder) not in sys.path]
SKIPPED = pytest.StashKey[list[str]]()


def pytest_configure(config: pytest.Config) -> None:
    config.option.importmode = "importlib"
    config.stash[SKIPPED] = []
    config.addinivalue_line("markers", "soak: takes minutes; run with `make soak`")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave soak tests out unless -m names them."""
    if "soak" in (config.getoption("-m") or ""):
        return
    left_out = [item for item in items if item.get_closest_marker("soak")]
    if left_out:
        config.hook.pytest_deselected(items=left_out)
        items[:] = [item for item in items if not item.get_closest_marker("soak")]


class NothingSkipped:
    """In CI a skipped test fails the run, with its reason."""

    def __init__(self, found: list[str]) -> None:
        self.found = found

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.skipped and not hasattr(report, "wasxfail"):
            self.found.append(f"{report.nodeid}: {_reason(report)}")

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        if report.skipped:
            self.found.append(f"{report.nodeid}: {_reason(report)}")

    @pytest.hookimpl(tryfirst=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        if self.found and session.exitstatus == pytest.ExitCode.OK:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        if self.found:
            terminalreporter.section("skipped, which CI does not allow", red=True)
            for line in self.found:
                terminalreporter.line(line)


def pytest_sessionstart(session: pytest.Session) -> None:
    if os.environ.get("CI"):
        session.config.pluginmanager.register(NothingSkipped(session.config.stash[SKIPPED]), "nothing-skipped")


def _reason(report: pytest.TestReport | pytest.CollectReport) -> str:
    return str(report.longrepr[2]) if isinstance(report.longrepr, tuple) else str(report.longrepr)
