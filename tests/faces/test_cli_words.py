"""The words of the command line: the same filters everywhere, help for all of them, mistakes answered with a repair."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import typer
from fake_project import FakeProject, Run

from netyield.faces.cli.demo import generate_into
from netyield.faces.cli.failure import explain_failure
from netyield.faces.cli.main import app, call

FILTERS = {"--since", "--until", "--by", "--where", "--basis", "--currency", "--as-of"}
COMMAND: Any = typer.main.get_command(app)
VERBS = sorted(COMMAND.commands)


def options(verb: str) -> dict[str, Any]:
    params = [param for param in COMMAND.commands[verb].params if param.param_type_name == "option"]
    return {name: param for param in params for name in param.opts}


def test_the_verbs_are_those_of_the_design() -> None:
    assert VERBS == ["assets", "check", "close", "commitments", "demo", "doctor", "explain", "export", "ingest", "init", "kv", "placement", "report"]


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_and_every_option_has_help(verb: str) -> None:
    command = COMMAND.commands[verb]
    assert command.help
    assert [name for name, option in options(verb).items() if not option.help] == []
    assert all(param.help for param in command.params if param.param_type_name == "argument")


@pytest.mark.parametrize("verb", ["report", "explain", "export"])
def test_the_filter_words_are_the_same_everywhere(verb: str) -> None:
    assert set(options(verb)) >= FILTERS


def test_filters_reach_the_project_as_utc(run: Run, fake: FakeProject) -> None:
    fake.config.project.timezone = "Europe/Berlin"
    run(
        "report", "fleet", "--since", "2026-11", "--until", "2026-11-02T06:00Z", "--by", "pool", "--where", "team=a=b",
        "--where", "model=x", "--basis", "billed", "--currency", "eur", "--as-of", "2026-12-01T00:00+00:00",
    )  # fmt: skip
    name, query = fake.asked[0]
    assert name == "fleet"
    assert query.since == "2026-10-31T23:00:00Z"  # midnight in Berlin
    assert query.until == "2026-11-02T06:00:00Z"
    assert query.where == {"team": "a=b", "model": "x"}
    assert (query.basis, query.currency, query.as_of) == ("billed", "EUR", "2026-12-01T00:00:00Z")


def test_by_replaces_the_reports_own_cuts(run: Run, fake: FakeProject) -> None:
    run("report", "--by", "app")
    assert [(name, query.by) for name, query in fake.asked] == [
        ("waterfall", None), ("unit_cost", "app"), ("fleet", None), ("usefulness", None), ("reconciliation", None),
        ("mapping", None),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("words", "repair"),
    [
        (["report", "waterfal"], "Did you mean waterfall?"),
        (["report", "xyz"], "Answers: waterfall"),
        (["report", "--where", "team"], "--where team=search"),
        (["report", "--where", "team=a", "--where", "team=b"], "Keep one of them."),
        (["report", "--since", "yesterday"], "2026-11-01T06:00Z"),
        (["report", "--basis", "amortised"], "effective"),
        (["report", "--fail-on", "sometimes"], "warning"),
        (["report", "--project", "elsewhere"], "netyield init --folder elsewhere"),
        (["reprot"], "reprot"),
        (["explain"], "FIGURE"),
    ],
)
def test_wrong_use_is_2_with_the_repair_on_stderr(run: Run, fake: FakeProject, words: list[str], repair: str) -> None:
    ran = run(*words)
    assert (ran.code, ran.out) == (2, "")
    assert repair in ran.err
    assert "Traceback" not in ran.err


def test_without_a_project_the_way_to_one_is_shown(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    ran = run("report", "--json")
    assert (ran.code, ran.out) == (2, "")
    assert "netyield init" in ran.err
    assert "netyield demo" in ran.err


def test_the_nearest_project_upwards_is_used(run: Run, fake: FakeProject, monkeypatch: pytest.MonkeyPatch) -> None:
    deep = Path("a/b")
    deep.mkdir(parents=True)
    monkeypatch.chdir(deep)
    assert run("report", "--json").code == 0


def test_version_and_no_words(run: Run) -> None:
    assert run("--version").out.startswith("netyield ")
    shown = run()
    assert "Usage" in shown.out + shown.err


def netyield(*words: str, cwd: Path, **more: str) -> subprocess.Popen[bytes]:
    code = "from netyield.faces.cli.main import run; run()"
    return subprocess.Popen(
        [sys.executable, "-c", code, *words], cwd=cwd, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        env={**os.environ, **more},
    )  # fmt: skip


def test_a_reader_that_leaves_early_hears_no_complaint(tmp_path: Path) -> None:
    """As in ``netyield doctor | true``."""
    process = netyield("doctor", cwd=tmp_path)
    assert process.stdout is not None
    process.stdout.close()
    assert process.stderr is not None
    complaint = process.stderr.read()
    process.stderr.close()
    assert process.wait(60) in {0, 141}
    assert complaint == b""


def test_a_terminal_that_knows_only_ascii_is_served(tmp_path: Path) -> None:
    process = netyield("doctor", cwd=tmp_path, PYTHONIOENCODING="ascii", PYTHONUTF8="0")
    out, err = process.communicate(timeout=60)
    assert process.returncode == 0
    assert b"PYTHONUTF8=1" in out
    assert b"Traceback" not in err


def test_help_imports_nothing_heavy() -> None:
    """The budget of 0.4 CPU-seconds rests on this; benchmarks/bench_cli.py measures it."""
    code = (
        "import sys; from netyield.faces.cli.main import call; call(['--help']); "
        "heavy = {'pyarrow', 'duckdb', 'altair', 'pydantic', 'jinja2', 'numpy', 'httpx2'}; "
        "print(sorted(heavy & set(sys.modules)), file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True, timeout=60)
    assert done.stderr.decode().strip() == "[]"


@pytest.mark.parametrize("number", [errno.EROFS, errno.EACCES, errno.ENOSPC])
def test_what_the_disk_refuses_is_no_fault_of_netyield(number: int, capsys: pytest.CaptureFixture[str]) -> None:
    assert explain_failure(OSError(number, os.strerror(number), "books/lock")) == 2
    said = capsys.readouterr().err
    assert said.startswith(f"netyield: books/lock: {os.strerror(number)}.\n  ")
    assert "fault" not in said


def test_an_interrupted_example_company_can_be_made_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def half(folder: Path) -> None:
        (folder / "bill").mkdir(parents=True)
        raise KeyboardInterrupt

    monkeypatch.setattr("netyield.testing.example.generate", half)
    with pytest.raises(KeyboardInterrupt):
        generate_into(tmp_path / "demo")
    assert not (tmp_path / "demo").exists()


def test_the_package_runs_as_a_module() -> None:
    done = subprocess.run([sys.executable, "-m", "netyield", "--version"], capture_output=True, text=True, check=True)
    assert done.stdout.startswith("netyield ")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["kv", "curve", "--trace", "t.jsonl"], ("--json", "--csv", "-")),
        (["kv", "curve", "--trace", "t.jsonl"], ("--html", "-")),
        (["commitments", "report"], ("--html", "-")),
        (["placement", "size", "--traffic", "t.csv"], ("--html", "-")),
        (["assets", "schedule", "--asset", "a.toml"], ("--html", "-")),
        (["report"], ("--json", "--csv", "-")),
    ],
)
def test_stdout_takes_one_form_and_never_a_page(words: list[str], said: tuple[str, ...], capsys: pytest.CaptureFixture[str]) -> None:
    assert call([*words, *said]) == 2
    told = capsys.readouterr().err
    assert ("both want stdout" if "--json" in said else "--html writes a file, not stdout") in told.replace("\n", " ")
