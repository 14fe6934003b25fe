"""``netyield init``: what is found in a folder, what is asked, what is written, and what is said to be missing."""

from __future__ import annotations

import gzip
import io
import json
import tomllib
from datetime import UTC, datetime
from pathlib import Path

import pytest
from fake_project import FakeProject, Run

from netyield.config import load
from netyield.core.errors import WrongUse
from netyield.faces.cli.setup.columns import CAPACITY_NAMES, infer
from netyield.faces.cli.setup.config_text import config_text, value, with_pools
from netyield.faces.cli.setup.discover import Proposal, discover, recognise, row_spacing
from netyield.faces.cli.setup.given import Given
from netyield.faces.cli.setup.questions import ask, choose, missing
from netyield.faces.cli.setup.unmeasured import gaps
from netyield.store.collection import Collectable

FOCUS = "BilledCost,EffectiveCost,ListCost,ContractedCost,BillingCurrency,ChargePeriodStart,ChargePeriodEnd,ChargeCategory\n"
AZURE = "TIMESTAMP,ContextTokens,GeneratedTokens\n2023-11-16 18:15:46.6805900,374,44\n"


def write(folder: Path, name: str, text: str) -> Path:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(gzip.compress(text.encode()) if name.endswith(".gz") else text.encode())
    return path


@pytest.mark.parametrize(
    ("name", "text", "kind", "source"),
    [
        ("bill.csv", FOCUS, "bill", "focus"),
        ("bill.csv.gz", FOCUS, "bill", "focus"),
        ("trace.csv", AZURE, "traffic", "requests"),
        ("log.jsonl", '{"timestamp": 1, "model": "m", "prompt_tokens": 3, "completion_tokens": 4}\n', "traffic", "requests"),
        ("spend.jsonl", '{"request_id": "a", "spend": 0.1, "prompt_tokens": 3, "startTime": "x"}\n', "traffic", "litellm"),
        ("o.jsonl", '{"time": "2026-11-01", "request_id": "a", "verdict": "accepted"}\n', "outcomes", "outcomes"),
        ("c.json", '{"object": "page", "data": [{"results": [{"object": "organization.costs.result"}]}]}', "bill", "openai_costs"),
        ("a.json", '{"data": [{"starting_at": "x", "results": [{"cost_type": "tokens"}]}]}', "bill", "anthropic_costs"),
        ("m.prom", "# HELP DCGM_FI_DEV_GPU_UTIL GPU utilization.\n", "metrics", "metrics_text"),
        ("smi.txt", "==============NVSMI LOG==============\n", "metrics", "metrics_text"),
    ],
)  # fmt: skip
def test_files_are_told_by_their_content(tmp_path: Path, name: str, text: str, kind: str, source: str) -> None:
    found = recognise(write(tmp_path, name, text), tmp_path)
    assert found is not None
    assert (found.kind, found.options["type"], found.options["path"]) == (kind, source, name)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("notes.txt", "hello"),
        ("x.csv", "a,b\n1,2\n"),
        ("empty.csv", ""),
        ("x.json", "{}"),
        ("broken.csv.gz", "no gzip"),
    ],
)
def test_other_files_are_left_alone(tmp_path: Path, name: str, text: str) -> None:
    path = tmp_path / name
    path.write_text(text, encoding="utf-8")
    assert recognise(path, tmp_path) is None


def test_a_request_log_is_mapped_by_its_header_names(tmp_path: Path) -> None:
    found = recognise(write(tmp_path, "trace.csv", AZURE), tmp_path)
    assert found is not None
    assert found.options["columns"] == {
        "time": "TIMESTAMP", "input_tokens": "ContextTokens", "output_tokens": "GeneratedTokens",
    }  # fmt: skip


def test_prompts_and_addresses_are_never_mapped(tmp_path: Path) -> None:
    header = "timestamp,model,prompt_tokens,completion_tokens,prompt,response,client_ip,api_key\n"
    found = recognise(write(tmp_path, "log.csv", header), tmp_path)
    assert found is not None
    assert set(found.options["columns"].values()) == {"timestamp", "model", "prompt_tokens", "completion_tokens"}


def test_files_of_one_meaning_become_one_glob_and_mixed_ones_do_not(tmp_path: Path) -> None:
    write(tmp_path, "traffic/a.csv", AZURE)
    write(tmp_path, "traffic/b.csv", AZURE)
    write(tmp_path, "mixed/a.csv", AZURE)
    write(tmp_path, "mixed/bill.csv", FOCUS)
    write(tmp_path, ".netyield/raw/c.csv", AZURE)
    paths = sorted(str(proposal.options["path"]) for proposal in discover(tmp_path))
    assert paths == ["mixed/a.csv", "mixed/bill.csv", "traffic/*.csv"]


def test_capacity_counts_are_taken_only_with_their_own_spacing(tmp_path: Path) -> None:
    """The Helios files: one row a minute, with a time that repeats or is missing here and there."""
    rows = "".join(f"2020-05-01 00:{minute:02d}:00,64,59\n" for minute in range(30) if minute != 7)
    found = recognise(write(tmp_path, "vc.csv", "time,total_gpu_num,running_gpu_num\n" + rows), tmp_path)
    assert found is not None
    assert found.options["interval_seconds"] == 60
    assert found.options["columns"] == {"time": "time", "total": "total_gpu_num", "allocated": "running_gpu_num"}
    one = write(tmp_path, "one.csv", "time,total,allocated\n2020-05-01,64,59\n")
    assert recognise(one, tmp_path) is None  # one row says nothing about the interval


@pytest.mark.parametrize(
    ("times", "expected"),
    [
        (["1588291200", "1588291260", "1588291320"], ("s", 60)),
        (["1588291200000", "1588291205000", "1588291210000"], ("ms", 5)),
        (["2020-05-01T00:00:00Z", "2020-05-01T01:00:00Z", "2020-05-01T02:00:00Z"], ("iso", 3600)),
        (["0", "7", "100", "1000"], None),
    ],
)
def test_row_spacing(tmp_path: Path, times: list[str], expected: tuple[str, int] | None) -> None:
    path = write(tmp_path, "x.csv", "time\n" + "\n".join(times) + "\n")
    assert row_spacing(path, "time") == expected


def test_each_header_is_used_once() -> None:
    assert infer(["Time", "capacity", "used_gpus"], CAPACITY_NAMES) == {
        "time": "Time", "total": "capacity", "allocated": "used_gpus",
    }  # fmt: skip


def test_the_written_file_is_valid_and_says_what_is_missing(tmp_path: Path) -> None:
    path = 'bi"ll\\\n\x7f/*.csv'
    chosen = [
        Proposal("bill", {"type": "focus", "path": path}, "a FOCUS bill\nof two lines"),
        Proposal("bill", {"type": "rate_card", "rates": [{"pool": "*", "usd_per_gpu_hour": "2.00"}]}, "a rate card"),
    ]
    text = config_text(chosen, name='Acme "GmbH"', currency="EUR", timezone="Europe/Berlin")
    parsed = tomllib.loads(text)
    assert parsed["project"] == {"name": 'Acme "GmbH"', "currency": "EUR", "timezone": "Europe/Berlin"}
    assert parsed["source"][0]["path"] == path
    assert parsed["source"][1]["rates"] == [{"pool": "*", "usd_per_gpu_hour": "2.00"}]
    for missing_kind in ("prometheus", "litellm", "outcomes"):
        assert f'# type = "{missing_kind}"' in text
    file = tmp_path / "netyield.toml"
    file.write_text(text, encoding="utf-8")
    assert load(file).project.timezone == "Europe/Berlin"


def test_proposed_pools_stand_in_the_file_in_force_or_as_comments(tmp_path: Path) -> None:
    text = config_text([], name="x", currency=None, timezone="UTC")
    rules = [{"name": "h100-a", "tags": {"pool": "h100-a"}, "hosts": ["gpu-a-*"]}, {"name": "b", "hosts": ["b-1"]}]
    proposed, confirmed = (with_pools(text, rules, confirmed=sure) for sure in (False, True))
    assert tomllib.loads(confirmed)["pool"] == rules
    assert "pool" not in tomllib.loads(proposed)
    uncommented = "\n".join(line.removeprefix("# ") for line in proposed[proposed.index("# [[pool]]") :].split("\n\n# What")[0].splitlines())
    assert tomllib.loads(uncommented)["pool"] == rules
    assert with_pools(text, [], confirmed=True) == text


def test_init_proposes_pools_and_a_yes_puts_them_in_force(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    costs = "BilledCost,EffectiveCost,ListCost,ContractedCost,BillingCurrency"
    head = f"{costs},ChargePeriodStart,ChargePeriodEnd,ChargeCategory,ResourceName,SkuPriceDetails\n"
    details = '"{""GpuCount"": 1}"'
    (tmp_path / "bill.csv").write_text(f"{head}9,9,9,9,USD,2026-10-01,2026-10-02,Usage,gpu-a-1,{details}\n")
    (tmp_path / "m.prom").write_text(
        '# TYPE DCGM_FI_DEV_GPU_UTIL gauge\nDCGM_FI_DEV_GPU_UTIL{gpu="0",UUID="GPU-1",Hostname="gpu-a-1"} 10 1790812800000\n'
    )
    monkeypatch.setattr("netyield.faces.cli.setup.questions.ask", lambda question: "y" if "pools" in question else "")
    ran = run("init", "--folder", tmp_path, "--fail-on", "never")
    assert ran.code == 0, ran.err
    assert "Pools the sources suggest" in ran.out
    assert [rule.name for rule in load(tmp_path / "netyield.toml").pool] == ["gpu-a"]
    again = run("init", "--folder", tmp_path, "--force", "--yes", "--fail-on", "never")
    assert again.code == 0, again.err
    assert load(tmp_path / "netyield.toml").pool == []
    assert '# hosts = ["gpu-a-*"]' in (tmp_path / "netyield.toml").read_text()


def test_every_commented_example_is_a_valid_source(tmp_path: Path) -> None:
    """A person who removes the comment signs gets a configuration the sources accept."""
    from netyield.sources import registry

    text = config_text([], name="x", currency=None, timezone="UTC")
    uncommented = "\n".join(
        line.removeprefix("# ") for line in text.splitlines() if line[:3] in {"# [", "# t", "# p", "# u", "# r", "# c"}
    )
    sources = [line for line in uncommented.split("[[source]]")[1:]]
    assert len(sources) == 5
    for source in sources:
        options = tomllib.loads(source.split("[[")[0])
        assert registry.build(options, tmp_path).settings.type == options["type"]


@pytest.mark.parametrize("item", [True, 3, 2.5, "a", ["a", 1], {"a b": {"c": [False]}}])
def test_toml_values_come_back_as_they_went(item: object) -> None:
    assert tomllib.loads(f"x = {value(item)}")["x"] == item


def test_secrets_are_only_taken_by_reference(tmp_path: Path) -> None:
    for wrong in (
        Given(metrics_url="http://p:9090", metrics_bearer="s3cret"),
        Given(metrics_url="http://p:9090", metrics_basic="me:s3cret"),
        Given(traffic_dsn="postgresql://me:s3cret@db/litellm"),
    ):
        with pytest.raises(WrongUse) as caught:
            wrong.proposals(tmp_path)
        assert "s3cret" not in str(caught.value)
    given = Given(metrics_url="http://p:9090", metrics_basic="me:env:PROM_PASSWORD", metrics_tenant="ml")
    assert given.proposals(tmp_path)[0].options == {
        "type": "prometheus", "url": "http://p:9090", "user": "me", "password": "env:PROM_PASSWORD", "tenant": "ml",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("text", "pool", "amount"), [("pool=h100-*:2.50", "h100-*", "2.50"), ("*:2", "*", "2"), ("2.00", "*", "2.00")]
)
def test_rates(tmp_path: Path, text: str, pool: str, amount: str) -> None:
    (card,) = Given(rates=(text,)).proposals(tmp_path)
    assert card.options["rates"] == [{"pool": pool, "usd_per_gpu_hour": amount}]


def test_a_file_of_another_kind_is_refused_with_what_it_is(tmp_path: Path) -> None:
    write(tmp_path, "trace.csv", AZURE)
    with pytest.raises(WrongUse, match="looks like a request log, not a bill"):
        Given(bill="trace.csv").proposals(tmp_path)
    with pytest.raises(WrongUse, match="No file matches"):
        Given(bill="none.csv").proposals(tmp_path)


def test_live_cost_reports_name_their_key_and_never_hold_it(tmp_path: Path) -> None:
    (bill,) = Given(bill="openai").proposals(tmp_path)
    assert bill.options["key"] == "env:OPENAI_ADMIN_KEY"


def test_questions_are_asked_again_until_the_answer_can_be_used(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write(tmp_path, "bill.csv", FOCUS)
    answers = iter(["nothing.csv", "bill.csv", "http://p:9090", "env:TOKEN", "env:DB", ""])
    asked: list[str] = []

    def asking(question: str) -> str:
        asked.append(question)
        return next(answers)

    given = missing(Given(), set(), tmp_path, asking)
    assert (given.bill, given.metrics_url, given.metrics_bearer) == ("bill.csv", "http://p:9090", "env:TOKEN")
    assert (given.traffic_dsn, given.outcomes) == ("env:DB", "")
    assert len(asked) == 6
    assert "No file matches" in capsys.readouterr().err


def test_enter_skips_every_question(tmp_path: Path) -> None:
    assert missing(Given(), set(), tmp_path, lambda question: "") == Given()


def test_a_secret_in_the_environment_is_named_not_shown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_ADMIN_KEY", "sk-s3cret")
    asked: list[str] = []
    missing(Given(), set(), tmp_path, lambda question: asked.append(question) or "")
    assert any("OPENAI_ADMIN_KEY is set" in question for question in asked)
    assert not any("s3cret" in question for question in asked)


def test_found_files_may_be_refused() -> None:
    found = [Proposal("bill", {"type": "focus", "path": "a.csv"}, "a FOCUS bill")]
    assert choose(found, lambda question: "n") == []
    assert choose(found, lambda question: "") == found


def test_gaps_name_the_steps_and_what_fills_them() -> None:
    left = gaps(["charges", "gpu_samples"])
    assert [gap.steps.split(",")[0] for gap in left] == ["unallocated", "fragmented", "unproven", "useful"]
    assert gaps(["charges", "gpu_owners", "gpu_samples", "gpu_slices", "attempts", "outcomes"]) == []


def test_init_refuses_to_overwrite_and_to_make_an_empty_project(run: Run, tmp_path: Path) -> None:
    empty = run("init", "--folder", tmp_path, "--yes")
    assert empty.code == 2
    assert "netyield demo" in empty.err
    (tmp_path / "netyield.toml").write_text("", encoding="utf-8")
    there = run("init", "--folder", tmp_path, "--yes")
    assert there.code == 2
    assert "--force" in there.err


def test_init_writes_probes_and_tells_what_is_missing(run: Run, tmp_path: Path) -> None:
    write(tmp_path, "trace.csv", AZURE)
    ran = run("init", "--folder", tmp_path, "--yes", "--no-report", "--rate", "pool=*:2.00", "--name", "Acme")
    assert ran.code == 0, ran.out + ran.err
    assert "rate_card" in ran.out
    assert "Not measured yet, and what would fill it" in ran.out
    parsed = tomllib.loads((tmp_path / "netyield.toml").read_text(encoding="utf-8"))
    assert parsed["project"]["name"] == "Acme"
    assert {source["type"] for source in parsed["source"]} == {"rate_card", "requests"}


def test_an_unreachable_source_is_a_finding_and_the_file_is_still_written(run: Run, tmp_path: Path) -> None:
    ran = run(
        "init", "--folder", tmp_path, "--yes", "--no-report", "--metrics-url", "http://127.0.0.1:9", "--rate", "2"
    )
    assert ran.code == 1
    assert "not found" in ran.out
    assert (tmp_path / "netyield.toml").exists()


def test_doctor_knows_the_installation_and_the_project(run: Run, fake: FakeProject) -> None:
    ran = run("doctor", "--json")
    found = json.loads(ran.out)
    lines = {line["what"]: line for line in found["lines"]}
    assert lines["duckdb"]["state"] == "ok"
    assert lines["source bill"]["state"] == "ok"
    assert lines["source prom"]["state"] == "fault"
    assert (ran.code, found["healthy"]) == (1, False)


def test_doctor_tells_how_far_back_the_books_go_and_what_waits_to_be_collected(run: Run, fake: FakeProject) -> None:
    def history() -> dict[str, str]:
        return next(line for line in json.loads(run("doctor", "--json").out)["lines"] if line["what"] == "history")

    assert (history()["state"], "from the beginning" in history()["found"]) == ("ok", True)
    fake.old = Collectable(datetime(2026, 3, 1, tzinfo=UTC), 7, (1, 2, 3), (Path("a"), Path("b")), 2_500_000)
    told = history()
    assert told["state"] == "remark"
    assert "since 2026-03-01" in told["found"]
    assert "3 older states and 2 replaced files (2.5 MB)" in told["found"]
    assert "history_days" in told["repair"]


def test_doctor_without_a_project_is_healthy(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    ran = run("doctor")
    assert ran.code == 0
    assert "netyield init" in ran.out


def test_the_demo_does_not_write_into_a_folder_with_other_things(run: Run, tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("precious", encoding="utf-8")
    ran = run("demo", "--folder", tmp_path)
    assert ran.code == 2
    assert "--folder" in ran.err
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]


def test_the_demo_says_what_is_real_and_writes_the_page(
    run: Run, fake: FakeProject, monkeypatch: pytest.MonkeyPatch
) -> None:
    def generated(folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "truth.json").write_text("{}", encoding="utf-8")

    monkeypatch.setattr("netyield.testing.example.generate", generated)
    ran = run("demo")
    assert ran.code == 0, ran.err
    assert "Where the money went" in ran.out
    assert "Real: request times" in ran.err
    assert "Simulated: the company" in ran.err
    assert "netyield explain waterfall/useful --project demo" in ran.err  # the largest step of the sample
    assert Path("demo/report.html").read_text(encoding="utf-8").startswith("<!doctype html>")
    again = run("demo", "--json")
    assert again.code == 0
    assert json.loads(again.out)["answer"] == "waterfall"


def test_answers_are_read_from_stdin_and_questions_stay_off_stdout(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO("bill.csv\n"))
    assert ask("A bill?") == "bill.csv"
    assert ask("More?") == ""  # the end of the input skips
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err == "A bill? More? "
