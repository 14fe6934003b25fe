"""How does a drawing become bytes? SVG and PNG files, and the script bundle that draws it in a browser.

vl-convert renders without a browser and without the network (no base address is allowed). It leaves a chart's
description out of its SVG, so title and description are put in here for screen readers.
"""

from __future__ import annotations

import json
import os
import re
import sys
import tempfile
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape

from netyield.charts.drawing import Drawing

STATIC_WIDTH_PIXELS = 900
PNG_SCALE = 2.0
BUNDLE_ENTRY = "window.vegaEmbed = vegaEmbed;"
_SVG_OPENING = re.compile(r"<svg\b[^>]*>")


def svg(drawing: Drawing) -> str:
    """A standalone SVG with ``<title>`` and ``<desc>``."""
    import vl_convert

    drawn: str = vl_convert.vegalite_to_svg(_static(drawing.spec), allowed_base_urls=[])
    words = f"<title>{escape(drawing.title)}</title><desc>{escape(drawing.description)}</desc>"
    return _SVG_OPENING.sub(lambda opening: opening.group(0) + words, drawn, count=1)


def png(drawing: Drawing) -> bytes:
    """A PNG at twice the screen density."""
    import vl_convert

    drawn: bytes = vl_convert.vegalite_to_png(_static(drawing.spec), scale=PNG_SCALE, allowed_base_urls=[])
    return drawn


def _static(spec: Mapping[str, Any]) -> str:
    """The specification with a fixed width: there is no page to follow. Refuses NaN and infinity."""
    return json.dumps({**spec, "width": STATIC_WIDTH_PIXELS}, allow_nan=False)


def bundle() -> str:
    """Vega, Vega-Lite and vega-embed as one script, made once per version and kept in the user's cache folder.

    Making it takes about two seconds of CPU. A cache that cannot be written is no fault: it is made again.
    """
    import vl_convert

    kept = _cache_folder() / f"vega-bundle-{version('vl-convert-python')}.js"
    try:
        return kept.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        made = embeddable(vl_convert.javascript_bundle(BUNDLE_ENTRY))
    try:
        _keep(kept, made)
    except OSError:
        return made
    return made


def embeddable(script: str) -> str:
    """The script as it may stand inside a ``<script>`` element: nothing in it can close the element or open a comment.

    Inside a string, template or regular expression the backslash changes nothing; outside them neither sequence
    is JavaScript. Line ends become those an HTML parser hands to the content-security hash.
    """
    unix = script.replace("\r\n", "\n").replace("\r", "\n")
    return re.sub(r"<(?=/script)", r"<\\", unix, flags=re.IGNORECASE).replace("<!--", "<\\!--")


def _cache_folder() -> Path:
    """Where a user's programs keep what they can make again."""
    if os.environ.get("XDG_CACHE_HOME"):
        return Path(os.environ["XDG_CACHE_HOME"]) / "netyield"
    if sys.platform == "win32" and os.environ.get("LOCALAPPDATA"):
        return Path(os.environ["LOCALAPPDATA"]) / "netyield" / "cache"
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Caches" / "netyield"
    return Path.home() / ".cache" / "netyield"


def _keep(path: Path, text: str) -> None:
    """Write the file so that a reader sees all of it or nothing."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile("w", encoding="utf-8", newline="", dir=path.parent, delete=False) as stream:
        stream.write(text)
    Path(stream.name).replace(path)
