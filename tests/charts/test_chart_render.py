"""Drawings as files, and the script bundle of the page."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ElementTree
from importlib.metadata import version
from pathlib import Path

import altair
import pytest
import sample_answers as sample

from netyield.charts import render, waterfall
from netyield.charts.drawing import Drawing

SVG = "{http://www.w3.org/2000/svg}"


@pytest.fixture(scope="module")
def drawing() -> Drawing:
    return waterfall.chart(sample.waterfall())


def test_an_svg_says_what_it_shows(drawing: Drawing) -> None:
    root = ElementTree.fromstring(render.svg(drawing))
    assert root.tag == f"{SVG}svg"
    assert root.findtext(f"{SVG}title") == drawing.title
    assert root.findtext(f"{SVG}desc") == drawing.description
    words = " ".join(root.itertext())
    assert "$5,120.25 · 4.8%" in words
    assert "not measured" in words


def test_words_from_data_cannot_leave_the_svg(drawing: Drawing) -> None:
    hostile = Drawing("waterfall", sample.HOSTILE, f"{sample.HOSTILE} & more", drawing.spec, drawing.sentences)
    root = ElementTree.fromstring(render.svg(hostile))
    assert root.findtext(f"{SVG}title") == sample.HOSTILE
    assert not list(root.iter(f"{SVG}script"))


def test_a_png_is_one_and_repeats_byte_for_byte(drawing: Drawing) -> None:
    first = render.png(drawing)
    assert first.startswith(b"\x89PNG\r\n\x1a\n")
    assert render.png(drawing) == first


def test_the_bundle_is_made_once_and_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    made = render.bundle()
    kept = tmp_path / "netyield" / f"vega-bundle-{version('vl-convert-python')}.js"
    assert kept.read_text(encoding="utf-8") == made
    assert "vegaEmbed" in made
    kept.write_text("// kept", encoding="utf-8")
    assert render.bundle() == "// kept"


def test_a_cache_that_cannot_be_written_is_no_fault(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("not a folder", encoding="utf-8")
    monkeypatch.setenv("XDG_CACHE_HOME", str(blocked))
    assert "vegaEmbed" in render.bundle()


def test_the_bundle_cannot_close_its_element() -> None:
    script = 'const a = "</script>", b = /<!--/, c = "</SCRIPT>";\r\n'
    safe = render.embeddable(script)
    assert not re.search(r"</script|<!--|\r", safe, re.IGNORECASE)
    assert safe.endswith(";\n")


def test_the_drawing_library_and_the_specifications_speak_the_same_vega_lite(drawing: Drawing) -> None:
    """Altair writes a schema version; the bundle of vl-convert must hold that minor version."""
    import vl_convert

    wanted = re.search(r"v(\d+\.\d+)", altair.SCHEMA_VERSION)
    assert wanted is not None
    assert wanted.group(1) in vl_convert.get_vegalite_versions()[-1]
    assert f"v{wanted.group(1)}" in drawing.spec["$schema"]
