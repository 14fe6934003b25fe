"""Make docs/images/report.png: the first screen of the example company's report, in a headless Chromium.

    python scripts/picture.py [REPORT.html]     without a report the example company is made anew in a temporary folder
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from playwright.sync_api import sync_playwright

PICTURE = Path(__file__).resolve().parent.parent / "docs" / "images" / "report.png"
WIDTH, HEIGHT = 1040, 1240
LARGEST_BYTES = 200_000
SWITCHES = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-sync", "--font-render-hinting=none"]


def take(report: Path) -> None:
    """Draw a report and keep its first screen. Raises SystemExit when there is no browser or the file is too large."""
    browser_path = shutil.which("chromium") or shutil.which("chromium-browser")
    if browser_path is None:
        message = "The picture needs Chromium: apt-get install chromium"
        raise SystemExit(message)
    PICTURE.parent.mkdir(parents=True, exist_ok=True)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=browser_path, args=SWITCHES)
        page = browser.new_page(viewport={"width": WIDTH, "height": HEIGHT}, color_scheme="light")
        page.goto(report.resolve().as_uri())
        page.wait_for_selector("svg, canvas")
        page.wait_for_timeout(500)
        page.screenshot(path=PICTURE)
        browser.close()
    size = PICTURE.stat().st_size
    if size > LARGEST_BYTES:
        message = f"{PICTURE} has {size:,} bytes; keep it below {LARGEST_BYTES:,}"
        raise SystemExit(message)


def main(words: Sequence[str]) -> int:
    """Take the picture of the given report, or of a fresh example."""
    if words:
        take(Path(words[0]))
        return 0
    with TemporaryDirectory(prefix="netyield-") as folder:
        demo = Path(folder) / "demo"
        netyield = Path(sys.executable).with_name("netyield")
        subprocess.run([netyield, "demo", "--folder", demo], check=True, stdout=subprocess.DEVNULL)
        take(demo / "report.html")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
