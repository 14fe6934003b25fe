"""The page as text: complete, escaped, deterministic, and forbidden to ask for anything."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from dataclasses import replace
from html.parser import HTMLParser

import pyarrow as pa
import pytest
import sample_answers as sample

from netyield.faces.report.blocks import ROWS_LIMIT
from netyield.faces.report.page import page


class Reading(HTMLParser):
    """Collects elements, scripts by type, and the words of every table."""

    def __init__(self) -> None:
        super().__init__()
        self.scripts: list[tuple[str, str]] = []
        self.styles: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.words: list[str] = []
        self._inside = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        self._inside = tag
        if tag == "script":
            self.scripts.append((dict(attrs).get("type") or "", ""))

    def handle_endtag(self, tag: str) -> None:
        self._inside = ""

    def handle_data(self, data: str) -> None:
        if self._inside == "script":
            kind, text = self.scripts.pop()
            self.scripts.append((kind, text + data))
        elif self._inside == "style":
            self.styles.append(data)
        else:
            self.words.append(data.strip())


@pytest.fixture(scope="module")
def text() -> str:
    return page(sample.every_answer(), project="Acme & Söhne", filters=["--where", "team=a b"])


@pytest.fixture(scope="module")
def read(text: str) -> Reading:
    reading = Reading()
    reading.feed(text)
    return reading


def test_the_same_answers_give_the_same_bytes(text: str) -> None:
    assert page(sample.every_answer(), project="Acme & Söhne", filters=["--where", "team=a b"]) == text


def test_headline_figures_and_parts_are_there_in_order(read: Reading) -> None:
    words = " | ".join(read.words)
    top = [words.index(part) for part in (sample.SENTENCE, "26.1% to 43.7%", "$11.43 to $19.11", "Each bar starts")]
    assert top == sorted(top)
    anchors = [attrs["id"] for tag, attrs in read.tags if tag == "section"]
    assert anchors == [
        "waterfall", "trend", "unit-costs", "fleet", "usefulness", "reconciliation", "mapping", "findings", "method",
    ]  # fmt: skip
    links = [attrs["href"] for tag, attrs in read.tags if tag == "a"]
    assert links == ["#main", *(f"#{anchor}" for anchor in anchors)]  # no link leads out of the file


def test_a_hostile_team_is_text(text: str, read: Reading) -> None:
    assert sample.HOSTILE not in text
    assert sample.HOSTILE in read.words
    assert all("alert" not in script for kind, script in read.scripts if kind != "application/json")


def test_specifications_are_json_and_cannot_close_their_element(read: Reading) -> None:
    data = [script for kind, script in read.scripts if kind == "application/json"]
    assert len(data) == 8
    for script in data:
        assert json.loads(script)["$schema"].endswith(".json")
        assert not re.search("[<>&]", script)


def test_hostile_names_in_charts_are_escaped_too() -> None:
    answer = sample.usefulness()
    hostile = answer.table.set_column(1, "reason", pa.array([sample.HOSTILE] * answer.table.num_rows))
    text = page([replace(answer, table=hostile)])
    assert sample.HOSTILE not in text
    reading = Reading()
    reading.feed(text)
    (data,) = [script for kind, script in reading.scripts if kind == "application/json"]
    assert f"useful: {sample.HOSTILE}" in json.dumps(json.loads(data))


def test_the_policy_names_exactly_the_scripts_and_the_style_of_the_file(read: Reading) -> None:
    policy = next(attrs["content"] for tag, attrs in read.tags if attrs.get("http-equiv") == "Content-Security-Policy")
    assert policy is not None
    rules = dict(rule.strip().split(" ", 1) for rule in policy.split(";"))
    assert rules["default-src"] == "'none'"
    assert "unsafe" not in policy

    def hashed(content: str) -> str:
        return f"'sha256-{base64.b64encode(hashlib.sha256(content.encode()).digest()).decode()}'"

    scripts = [script for kind, script in read.scripts if kind == ""]
    assert rules["script-src"].split() == [hashed(script) for script in scripts]
    assert rules["style-src"] == hashed("".join(read.styles))


def test_nothing_is_loaded_from_anywhere(read: Reading) -> None:
    assert not [attrs for _, attrs in read.tags if "src" in attrs]
    assert not [tag for tag, _ in read.tags if tag in {"link", "img", "iframe", "object", "embed", "form"}]
    assert not [attrs for _, attrs in read.tags if "style" in attrs]  # the policy would refuse it
    assert not [name for _, attrs in read.tags for name in attrs if name.startswith("on")]


def test_every_chart_has_a_caption_and_a_table(read: Reading) -> None:
    charts = [attrs for tag, attrs in read.tags if tag == "div" and attrs.get("class") == "chart"]
    identifiers = {attrs["id"] for _, attrs in read.tags if "id" in attrs}
    assert len(charts) == 8
    for attrs in charts:
        assert attrs["aria-labelledby"] in identifiers
        assert attrs["data-spec"] in identifiers
    assert len([1 for tag, _ in read.tags if tag == "table"]) >= 10


def test_tables_stand_open_for_readers_without_scripts(read: Reading) -> None:
    twins = [attrs for tag, attrs in read.tags if tag == "details"]
    assert twins
    assert all("open" in attrs for attrs in twins)


def test_explain_commands_repeat_the_window_and_the_filters(read: Reading) -> None:
    command = (
        "netyield explain waterfall/idle --since 2026-10-01T00:00:00Z --until 2026-10-15T00:00:00Z --where 'team=a b'"
    )
    assert command in read.words


def test_explain_commands_are_safe_to_paste(read: Reading) -> None:
    """A slice's name is data: quoted for the shell, and with the dimension it belongs to."""
    answer = sample.unit_cost("team")
    table = answer.table.set_column(0, "slice", pa.array(["a; rm -rf ~", "$(boom)", "b"]))
    drill = {name: f"unit_cost/{name}" for name in ("a; rm -rf ~", "$(boom)", "b")}
    reading = Reading()
    reading.feed(page([replace(answer, table=table, drill=drill, headline={"by": "team"})]))
    window = "--since 2026-10-01T00:00:00Z --until 2026-10-15T00:00:00Z"
    assert f"netyield explain 'unit_cost/a; rm -rf ~' --by team {window}" in reading.words
    assert f"netyield explain 'unit_cost/$(boom)' --by team {window}" in reading.words


def test_the_key_figures_can_be_explained_too(read: Reading) -> None:
    assert any(words.startswith("netyield explain headline/net_yield ") for words in read.words)


def test_amounts_in_another_currency_carry_its_sign(read: Reading) -> None:
    assert "€27.18" in read.words


def test_unmeasured_and_unbounded_are_words(read: Reading) -> None:
    assert "not measured" in read.words
    assert "from $9.64, unbounded" in read.words


def test_a_chart_with_too_many_marks_is_a_note_and_its_table_is_cut_aloud() -> None:
    answer = sample.reconciliation()
    rows = 6_000
    table = pa.table(
        {"line": [f"line {n}" for n in range(rows)], "amount": sample.money(["1"] * rows), "note": [""] * rows}
    )
    reading = Reading()
    reading.feed(page([replace(answer, table=table, views={})]))
    assert any("6,000 marks are more than" in words for words in reading.words)
    assert any(f"The first {ROWS_LIMIT} of 6,000 rows." in words for words in reading.words)
    assert "csv" in " ".join(reading.words)


def test_an_answer_without_rows_needs_no_drawing_library() -> None:
    answer = sample.usefulness()
    text = page([replace(answer, table=answer.table.slice(0, 0))])
    assert "vegaEmbed = " not in text
    assert len(text) < 100_000


def test_findings_are_told_worst_first(read: Reading) -> None:
    words = " ".join(read.words)
    assert words.index("No samples for 63 GPU-hours") < words.index("Column x_CostCentre")
    assert "metrics/h100-a.om:812" in words
