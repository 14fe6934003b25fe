"""The verbs ``placement compare`` and ``placement flip`` from the command line."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from netyield.faces.cli.main import call

OPTIONS = """
[decision]
model = "open-model"
as_of = 2026-11-22
[[capacity]]
gpu = "h200"
gpus_per_replica = 1
processed = 12000
log_sd = 0.17
dated = 2026-11-01
source = "a load test"
[[option]]
kind = "api"
name = "API"
input = 2.0
cache_read = 0.2
output = 8.0
dated = 2026-11-01
source = "a quote"
[[option]]
kind = "rent"
name = "rented"
gpu = "h200"
usd_per_gpu_hour = 2.6
term = "12 months"
dated = 2026-11-01
source = "a quote"
minimum_gpus = 1
[[option]]
kind = "hybrid"
name = "both"
base = "rented"
spill = "API"
"""


@pytest.fixture
def files(tmp_path: Path) -> list[str]:
    """Two hours of chat, a burst every minute that grows, and three ways to serve it."""
    rows = [f"{second + (second % 60 == 0) * each * 0.01},{900 + 7 * (second % 40)},{180 + second % 50}"
            for second in range(0, 7200, 2) for each in range(30 + second // 90 if second % 60 == 0 else 1)]  # fmt: skip
    traffic, options = tmp_path / "requests.csv", tmp_path / "options.toml"
    traffic.write_text("TIMESTAMP,ContextTokens,GeneratedTokens\n" + "\n".join(rows) + "\n")
    options.write_text(OPTIONS)
    return ["--traffic", str(traffic), "--options", str(options), "--draws", "60"]


def printed(words: list[str], capfd: pytest.CaptureFixture[str]) -> dict[str, Any]:
    assert call([*words, "--json"]) == 0
    body: dict[str, Any] = json.loads(capfd.readouterr().out)
    return body


def test_the_json_is_that_of_the_contract_and_repeats(files: list[str], capfd: pytest.CaptureFixture[str]) -> None:
    body = printed(["placement", "compare", *files], capfd)

    assert {"options", "verdict", "flip", "assumptions"} <= set(body)
    keys = {"name", "usd_per_useful_mtok", "usd_per_served_mtok", "usd_per_month", "replicas", "utilisation", "meets_slo", "p_cheapest"}
    for option in body["options"]:
        assert keys <= set(option)
        assert option["usd_per_useful_mtok"] is None  # no outcomes: never a number
        assert option["usd_per_month"]["p10"] <= option["usd_per_month"]["p50"] <= option["usd_per_month"]["p90"]
        assert list(option["usd_per_served_mtok"]) == ["p10", "p50", "p90"]
    assert sum(option["p_cheapest"] for option in body["options"]) == pytest.approx(1)
    names = {option["name"] for option in body["options"]}
    assert body["verdict"] in names or body["verdict"].startswith("undecided: measure ")
    for flip in body["flip"]:
        assert {"input", "from", "to", "then"} <= set(flip)
        assert flip["then"] in names
    for used in body["assumptions"]:
        assert used["source"], used
        assert used["dated"] or not used["assumed"], used
    again = printed(["placement", "flip", *files], capfd)
    assert again["flip"]
    assert {key: body[key] for key in ("verdict", "leader", "flip", "measure_first", "definition")} == {
        key: value for key, value in again.items() if key != "answer"
    }


def test_flip_tells_what_changes_the_verdict(files: list[str], capfd: pytest.CaptureFixture[str]) -> None:
    assert call(["placement", "flip", *files]) == 0
    shown = capfd.readouterr().out
    assert "price" in shown
    assert "trough" in shown or "P99" in shown or "rented" in shown


def test_growth_and_bursts_are_asked_for_on_the_command_line(files: list[str], capfd: pytest.CaptureFixture[str]) -> None:
    """Three times the requests cost an API three times as much; worse bursts cost a fleet more, an API the same."""
    plain, more, bursts = (printed(["placement", "compare", *files, "--growth", *words], capfd)
                           for words in (["1"], ["3"], ["1", "--burst", "4"]))  # fmt: skip
    (api, rented, _), (api_more, _, _), (api_bursts, rented_bursts, _) = (
        [option["usd_per_month"]["p50"] for option in body["options"]] for body in (plain, more, bursts)
    )
    assert api_more == pytest.approx(3 * api, rel=1e-4)
    assert api_bursts == pytest.approx(api, rel=0.01)
    assert rented_bursts > rented
    growth = next(used for used in more["assumptions"] if "growth" in used["input"])
    assert (growth["value"], growth["source"], growth["assumed"]) == (3, "--growth", False)


def test_a_page_and_a_table_are_written(files: list[str], tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    page, table = tmp_path / "page.html", tmp_path / "table.csv"
    assert call(["placement", "compare", *files, "--html", str(page), "--csv", str(table)]) == 0
    assert table.read_text().splitlines()[0].startswith("name,kind,usd_per_month_p10")
    written = page.read_text()
    titles = ("Own, rent or call an API", "Cost of the same requests", "What sways it", "Utilisation over the week", "Break-even surface")
    assert all(title in written for title in titles)
    assert call(["placement", "compare", *files, "--break-even"]) == 0
    assert "times the mean" in capfd.readouterr().out


@pytest.mark.parametrize(
    ("changed", "code", "told"),
    [
        (("as_of = 2026-11-22", "as_of = 2026-11-22\nutilisation = 0.6"), 2, "Utilisation is an output"),
        (("dated = 2026-11-01\nsource = \"a quote\"\nminimum_gpus = 1", "minimum_gpus = 1"), 1, "its GPU price has no date"),
        (('gpu = "h200"\nusd', 'gpu = "h2000"\nusd'), 1, "nothing says how many h2000"),
        (('spill = "API"', 'spill = "rented"'), 2, "is none of API"),
        (("input = 2.0", "inputs = 2.0"), 2, "Did you mean input?"),
        (("output = 8.0", ""), 2, "input and output"),
        (("input = 2.0", 'input = { value = 2.0, dated = "yesterday" }'), 2, "'yesterday' is no day"),
        (("input = 2.0", "input = [3, 2, 1]"), 2, "write [low, likely, high]"),
        (("dated = 2026-11-01\nsource = \"a quote\"\n[[option]]\nkind = \"rent\"", "[[option]]\nkind = \"rent\""), 1, "its price has no date"),
    ],
)
def test_what_is_wrong_ends_with_its_repair(
    files: list[str], changed: tuple[str, str], code: int, told: str, capfd: pytest.CaptureFixture[str]
) -> None:
    path = Path(files[3])
    path.write_text(OPTIONS.replace(*changed))
    assert call(["placement", "compare", *files]) == code
    out, err = capfd.readouterr()
    assert told in " ".join((out + err).split())
    assert "Traceback" not in err


def test_too_little_traffic_is_never_a_verdict(files: list[str], capfd: pytest.CaptureFixture[str]) -> None:
    path = Path(files[1])
    path.write_text("\n".join(path.read_text().splitlines()[:40]) + "\n")
    assert call(["placement", "compare", *files, "--json"]) == 1
    assert json.loads(capfd.readouterr().out)["verdict"] == "undecided: measure a longer window of traffic (a week) first"


def test_one_request_makes_no_rate(files: list[str], capfd: pytest.CaptureFixture[str]) -> None:
    path = Path(files[1])
    path.write_text("\n".join(path.read_text().splitlines()[:2]) + "\n")
    assert call(["placement", "compare", *files, "--json"]) == 2
    assert "no two requests at different times" in capfd.readouterr().err


def test_an_options_file_is_written_once(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "options.toml"
    assert call(["placement", "compare", "--write-options", str(path)]) == 0
    assert call(["placement", "compare", "--write-options", str(path)]) == 2
    assert call(["placement", "compare"]) == 2
    assert "--traffic FILE" in capfd.readouterr().err


@pytest.mark.parametrize(
    ("words", "code", "told"),
    [
        (["--gpu", "h1000"], 2, "Did you mean H100?"),
        (["--slo", "fast"], 2, "ttft p99 < 2s"),
        (["--slo", "ttft p99 < 1ms"], 1, "no size of it keeps the latency objective"),
        (["--model", "nobody/no-model"], 1, "no option can be compared"),
    ],
)
def test_unknown_gpus_models_and_objectives_nobody_can_meet(
    files: list[str], words: list[str], code: int, told: str, capfd: pytest.CaptureFixture[str]
) -> None:
    made_up = ["placement", "compare", *files[:2], "--draws", "60", "--model", "Qwen/Qwen3-32B", *words]
    assert call(made_up) == code
    out, err = capfd.readouterr()
    assert told in " ".join((out + err).split())
    assert "Traceback" not in err
