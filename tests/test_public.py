"""Names other programs rely on, the walls between the rooms, and what no file may say."""

from __future__ import annotations

import inspect
import subprocess
import sys
from importlib.metadata import entry_points
from pathlib import Path

import netyield
from netyield.answers.answer import Answer
from netyield.faces.cli import main, report
from netyield.project import Project, Query
from netyield.sources import contract, registry

ROOT = Path(__file__).resolve().parent.parent


def public(thing: object) -> list[str]:
    return sorted(name for name in vars(thing) if not name.startswith("_"))


def test_the_version_is_that_of_the_installed_package() -> None:
    from importlib.metadata import version

    assert version("netyield") == netyield.__version__


def test_source_types_and_verbs() -> None:
    assert list(registry.known_types()) == [
        "anthropic_costs", "assets", "capacity_csv", "contract_commitments", "focus", "fx", "gpu_csv", "litellm", "metrics_text", "openai_costs",
        "outcomes", "prices", "prometheus", "rate_card", "requests",
    ]
    assert [verb.__name__ for verb in main.VERBS] == [
        "init", "ingest", "report", "explain", "check", "close", "export", "demo", "doctor",
    ]
    assert report.ANSWERS == (
        "waterfall", "unit_cost", "fleet", "allocation", "usefulness", "reconciliation", "mapping", "coverage", "depreciation",
    )


def test_what_a_plug_in_author_imports() -> None:
    written_here = [name for name, thing in vars(contract).items() if getattr(thing, "__module__", "") == contract.__name__]
    assert sorted(written_here) == ["Chunk", "Delivery", "Probe", "Source", "SourceSettings", "file_hash", "rejected_rows", "unreadable"]
    assert public(contract.Source) == ["deliveries", "probe"]
    assert [f for f in contract.Delivery.__dataclass_fields__] == [
        "name", "kind", "content_hash", "chunks", "raw", "next_cursor", "snapshot_keys", "size_bytes", "fault",
    ]
    for entry in entry_points(group=registry.GROUP):
        plugin = entry.load()
        assert plugin.type == entry.name
        assert issubclass(plugin.Settings, contract.SourceSettings)


def test_what_a_notebook_imports() -> None:
    assert {"open", "ingest", "answer", "explain", "check", "close_month", "probe", "manifest"} <= set(public(Project))
    assert list(inspect.signature(Query).parameters) == ["since", "until", "by", "where", "basis", "currency", "as_of"]
    assert {"table", "columns", "headline", "description", "caveats", "drill", "views", "findings", "body", "as_of"} <= set(
        Answer.__dataclass_fields__
    )


def test_rooms_import_one_way() -> None:
    linter = Path(sys.executable).with_name("lint-imports")
    ran = subprocess.run([linter, "--no-cache"], cwd=ROOT, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stdout


def test_no_file_names_a_registry_or_a_machine() -> None:
    ran = subprocess.run(
        [sys.executable, "scripts/check_wording.py"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert (ran.returncode, ran.stderr) == (0, "")


def test_the_wording_check_finds_what_it_is_for() -> None:
    sys.path.insert(0, str(ROOT / "scripts"))
    try:
        from check_wording import offences
    finally:
        sys.path.pop(0)
    host, folder = ".".join(("files", "pythonhosted", "org")), "/".join(("", "home", "me", "x.csv"))
    text = f"fine\nget it from {host}\npath = {folder}\nsee src/home/me and file:/path"
    assert list(offences("a.md", text)) == [f"a.md:2: package registry {host}", f"a.md:3: machine path {folder}"]


def test_the_locks_name_versions_and_hashes_only() -> None:
    for name in ("requirements.txt", "requirements-test.txt", "requirements-spark.txt", "requirements-sizing.txt"):
        lines = (ROOT / name).read_text(encoding="utf-8").splitlines()
        pinned = [line for line in lines if not line.startswith("    --hash=sha256:")]
        assert pinned, name
        assert [line for line in pinned if "==" not in line or not line.endswith(" \\")] == []
        assert sum(line.startswith("    --hash=sha256:") for line in lines) >= len(pinned)
