"""The documentation promises nothing the code does not have, and leaves nothing out."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest
from doc_pages import ROOT, anchors, blocks, command_lines, links, pages
from generate_reference import stale
from reference_commands import commands
from reference_settings import config_tables, keys, source_settings, unknown_meanings

from netyield import config
from netyield.core.contract import RAW_TABLES, contract
from netyield.faces.cli.report import ANSWERS
from netyield.sources import registry

EVERYWHERE = {"--help", "-h", "--version"}
PAGES = pages()


def named(page: Path) -> str:
    return str(page.relative_to(ROOT))


def test_generated_pages_are_as_the_code_says() -> None:
    assert [named(page) for page in stale()] == [], "run: make docs"


def test_every_key_of_the_configuration_has_a_meaning() -> None:
    models = config_tables() | {f"source.{name}": model for name, model in source_settings().items()}
    mute = [(key.table, key.name) for table, model in models.items() for key in keys(table, model) if not key.meaning]
    assert mute == []
    assert unknown_meanings() == []


def test_every_column_has_a_description() -> None:
    assert [(t, c.name) for t in RAW_TABLES for c in contract(t).columns if not c.description.strip()] == []


def test_every_command_and_option_says_what_it_does() -> None:
    mute = [(command.name, word.spelling) for command in commands() for word in command.options if not word.meaning]
    assert mute == []
    assert [command.name for command in commands() if not command.meaning] == []


def test_every_source_type_has_a_page_and_every_page_a_source_type() -> None:
    on_disk = {page.stem for page in (ROOT / "docs" / "sources").glob("*.md")} - {"README"}
    assert on_disk == set(registry.known_types())
    index = (ROOT / "docs" / "sources" / "README.md").read_text(encoding="utf-8")
    assert [name for name in registry.known_types() if f"]({name}.md)" not in index] == []


@pytest.mark.parametrize("kind", sorted(registry.known_types()))
def test_a_source_page_has_its_keys_and_an_example(kind: str) -> None:
    page = ROOT / "docs" / "sources" / f"{kind}.md"
    assert f"<!-- generated: keys/{kind} -->" in page.read_text(encoding="utf-8")
    examples = [tomllib.loads(text) for text in blocks(page, "toml")]
    assert kind in {source["type"] for example in examples for source in example.get("source", [])}


@pytest.mark.parametrize("page", PAGES, ids=named)
def test_links_lead_somewhere(page: Path) -> None:
    for target in links(page):
        file, _, anchor = target.partition("#")
        there = (page.parent / file).resolve() if file else page
        assert there.exists(), f"{named(page)}: {target}"
        if anchor and there.suffix == ".md":
            assert anchor in anchors(there), f"{named(page)}: {target}"


@pytest.mark.parametrize("page", PAGES, ids=named)
def test_configuration_examples_are_valid(page: Path, tmp_path: Path) -> None:
    for text in blocks(page, "toml"):
        parsed = config.parse(tomllib.loads(text), named(page))
        for options in parsed.source:
            registry.build(options, tmp_path)


@pytest.mark.parametrize("page", PAGES, ids=named)
def test_commands_exist(page: Path) -> None:
    known = {command.name: command for command in commands()}
    for words in command_lines(page, "netyield"):
        if not words or words[0] in EVERYWHERE:
            continue
        verb = next((v for v in (" ".join(words[:2]), words[0]) if v in known), None)
        group = len(words) == 1 and any(name.startswith(f"{words[0]} ") for name in known)
        assert verb or group, f"{named(page)}: netyield {' '.join(words)}"
        if verb is None:
            continue
        command = known[verb]
        spellings = {one for word in command.options for one in word.spelling.split(", ")} | EVERYWHERE
        unknown = [word for word in words[1:] if word.startswith("-") and word != "-" and word.split("=")[0] not in spellings]
        assert unknown == [], f"{named(page)}: netyield {' '.join(words)}"
        if words[0] == "report" and len(words) > 1 and not words[1].startswith(("-", "[")):
            assert words[1].replace("-", "_") in ANSWERS, f"{named(page)}: netyield {' '.join(words)}"


@pytest.mark.parametrize("page", PAGES, ids=named)
def test_make_targets_exist(page: Path) -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    targets = set(re.findall(r"^([a-z-]+):", makefile, re.MULTILINE))
    for words in command_lines(page, "make"):
        wanted = [word for word in words if "=" not in word and not word.startswith("-")]
        assert set(wanted) <= targets, f"{named(page)}: make {' '.join(words)}"


def test_the_guide_names_every_answer() -> None:
    page = (ROOT / "docs" / "guide.md").read_text(encoding="utf-8")
    assert [name for name in ANSWERS if f"| `{name}` |" not in page] == []


def test_the_waterfall_page_names_every_step() -> None:
    from netyield.answers.steps import known_steps

    page = (ROOT / "docs" / "waterfall.md").read_text(encoding="utf-8")
    explained = page.split("<!-- end -->", maxsplit=1)[1]
    assert [step.step for step in known_steps() if f"`{step.step}" not in explained] == []


def test_the_picture_of_the_report_is_small_enough_to_load() -> None:
    picture = ROOT / "docs" / "images" / "report.png"
    assert picture.read_bytes().startswith(b"\x89PNG")
    assert picture.stat().st_size <= 200_000
    assert "docs/images/report.png" in (ROOT / "README.md").read_text(encoding="utf-8")
