"""The page in a real Chromium, opened from disk: drawn, walkable, accessible, silent on the network."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import sample_answers as sample

from netyield.faces.report.page import page

pytestmark = pytest.mark.browser
Open = Callable[..., Any]


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("report") / "report.html"
    path.write_text(page(sample.every_answer(), project="Acme"), encoding="utf-8")
    return path


@pytest.fixture
def opened(chromium: Any, file: Path) -> Iterator[Open]:
    """Open the page in a context of its own; its complaints and requests are kept on it."""
    contexts = []

    def opening(**options: Any) -> Any:
        context = chromium.new_context(**options)
        contexts.append(context)
        tab = context.new_page()
        tab.complaints, tab.requested = [], []
        tab.on("console", lambda message: tab.complaints.append(message.text))
        tab.on("pageerror", lambda error: tab.complaints.append(str(error)))
        tab.on("request", lambda request: tab.requested.append(request.url))
        tab.goto(file.as_uri())
        if options.get("java_script_enabled", True):
            tab.wait_for_selector("html[data-ready=charts]", timeout=60_000)
        return tab

    yield opening
    for context in contexts:
        context.close()


def test_every_chart_is_drawn_without_a_complaint_or_a_request(opened: Open, file: Path) -> None:
    tab = opened()
    assert tab.locator(".chart svg").count() == tab.locator(".chart").count() == 8
    assert tab.complaints == []
    assert tab.requested == [file.as_uri()]


def test_a_hostile_name_stays_a_name(opened: Open) -> None:
    tab = opened()
    assert tab.evaluate("document.scripts.length") == tab.evaluate("document.querySelectorAll('script').length")
    assert tab.get_by_text(sample.HOSTILE, exact=True).count() >= 1


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 390])
def test_axe_finds_nothing_wrong(opened: Open, scheme: str, width: int) -> None:
    from axe_playwright_python.sync_playwright import Axe

    tab = opened(color_scheme=scheme, viewport={"width": width, "height": 900})
    result = Axe().run(tab)
    assert result.violations_count == 0, result.generate_report()


def test_the_arrow_keys_read_each_mark(opened: Open) -> None:
    tab = opened()
    tab.focus("#waterfall-1")
    status = tab.locator("#waterfall figure .status")
    tab.keyboard.press("ArrowRight")
    assert status.inner_text() == "Unused commitment: $5,120.25, 4.8% (measured)"
    tab.keyboard.press("ArrowRight")
    assert status.inner_text() == "Down: $1,310.40, 1.2% (measured)"
    tab.wait_for_selector('#waterfall-1 path[stroke="#1d2630"]', timeout=10_000)  # the mark is outlined
    for _ in range(2):
        tab.keyboard.press("ArrowRight")
    assert status.inner_text() == "Fragmented (no slice fits): not measured"
    tab.keyboard.press("End")
    assert status.inner_text().startswith("Outside AI")
    tab.keyboard.press("Home")
    tab.keyboard.press("ArrowLeft")
    assert status.inner_text().startswith("Unused commitment")


def test_marks_carry_the_answers_words(opened: Open) -> None:
    tab = opened()
    labels = tab.eval_on_selector_all(
        "#waterfall-1 [role=graphics-symbol]", "marks => marks.map(mark => mark.getAttribute('aria-label'))"
    )
    assert "Idle while allocated: $21,480.10, 20.3% (measured)" in labels
    assert not any("walk" in label or "lo:" in label for label in labels)


def test_without_scripts_every_table_is_shown(opened: Open) -> None:
    tab = opened(java_script_enabled=False)
    assert tab.locator("table").count() >= 10
    assert tab.locator("table:visible").count() == tab.locator("table").count()
    assert tab.get_by_text("$21,480.10").first.is_visible()
    assert tab.locator(".chart svg").count() == 0


def test_tables_fold_away_once_charts_are_there_and_open_again(opened: Open) -> None:
    tab = opened()
    table = tab.locator("#waterfall table")
    assert not table.is_visible()
    tab.locator("#waterfall summary").click()
    assert table.is_visible()


@pytest.mark.parametrize("zone", ["Asia/Tokyo", "America/New_York", "UTC"])
def test_days_are_utc_days_wherever_the_reader_is(opened: Open, zone: str) -> None:
    tab = opened(timezone_id=zone)
    words = tab.locator("#trend-1 svg text").all_text_contents()
    assert [word for word in words if word.endswith(" Oct")] == ["1 Oct", "4 Oct", "7 Oct", "10 Oct", "13 Oct"]
    assert not any(word.endswith(" Sep") for word in words)
    assert tab.locator("#fleet-1 svg text").all_text_contents().count("2 Oct") == 1


@pytest.mark.parametrize("width", [1280, 768, 390, 320])
def test_nothing_is_wider_than_the_screen(opened: Open, width: int) -> None:
    tab = opened(viewport={"width": width, "height": 800})
    assert tab.evaluate("document.documentElement.scrollWidth") <= width
    assert tab.evaluate("Math.max(...[...document.querySelectorAll('.chart svg')].map(s => s.clientWidth))") <= width


def test_an_explain_command_can_be_copied(opened: Open, chromium: Any) -> None:
    tab = opened(permissions=["clipboard-read", "clipboard-write"])
    tab.locator("#waterfall summary").click()
    button = tab.get_by_role("button", name="Copy: netyield explain waterfall/idle ")
    button.click()
    tab.wait_for_selector("#waterfall button:text-is('Copied')", timeout=10_000)
    copied = tab.evaluate("navigator.clipboard.readText()")
    assert copied == "netyield explain waterfall/idle --since 2026-10-01T00:00:00Z --until 2026-10-15T00:00:00Z"


def test_the_theme_button_changes_the_page(opened: Open) -> None:
    tab = opened(color_scheme="light")
    before = tab.evaluate("getComputedStyle(document.body).backgroundColor")
    tab.click("#theme")
    assert tab.evaluate("getComputedStyle(document.body).backgroundColor") != before
    assert tab.inner_text("#theme") == "Light"


def test_print_is_dark_on_light_in_either_scheme(opened: Open) -> None:
    tab = opened(color_scheme="dark")
    tab.emulate_media(media="print")
    assert tab.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    ink = tab.evaluate("getComputedStyle(document.querySelector('#waterfall-1 .mark-text.role-mark text')).fill")
    assert ink == "rgb(29, 38, 48)"
    assert not tab.locator("nav").is_visible()


def test_reduced_motion_is_respected(opened: Open) -> None:
    tab = opened(reduced_motion="reduce")
    assert tab.evaluate("getComputedStyle(document.documentElement).scrollBehavior") == "auto"
