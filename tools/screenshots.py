"""Screenshots of pages as people see them, at the widths of a desktop and of a phone.

    python tools/screenshots.py RUN/evaluation/report.html --out shots/

Needs Chromium and fonts for Chinese (Debian: apt-get install chromium fonts-noto-cjk) and `pip install playwright`.
"""

from __future__ import annotations

import argparse
from pathlib import Path

WIDTHS = (1200, 390)
"""Viewports in px: a desktop, a phone."""


def take(pages: list[Path], out: Path, widths: list[int], browser: str, quality: int, tallest: int) -> None:
    """Writes `NAME-WIDTH.jpg` of each page, and says where a page is wider than its viewport."""
    from playwright.sync_api import sync_playwright

    out.mkdir(parents=True, exist_ok=True)
    with sync_playwright() as driver:
        chromium = driver.chromium.launch(executable_path=browser, args=["--no-sandbox"])
        for path in pages:
            for width in widths:
                page = chromium.new_page(viewport={"width": width, "height": 900})
                page.goto(path.resolve().as_uri())
                wide, tall = page.evaluate(
                    "[document.documentElement.scrollWidth, document.documentElement.scrollHeight]"
                )
                file = out / f"{path.resolve().parent.name}-{path.stem}-{width}.jpg"
                page.screenshot(
                    path=file, full_page=True, type="jpeg", quality=quality,
                    clip={"x": 0, "y": 0, "width": width, "height": min(tall, tallest)},
                )  # fmt: skip
                page.close()
                print(f"{file}: {width}×{tall}" + (f", cut: the page is {wide} px wide" if wide > width else ""))
        chromium.close()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("pages", nargs="+", type=Path, help="HTML files")
    parser.add_argument("--out", type=Path, default=Path("screenshots"), help="folder for the images")
    parser.add_argument("--widths", nargs="+", type=int, default=list(WIDTHS), help="of the viewport, in px")
    parser.add_argument("--browser", default="/usr/bin/chromium", help="the executable of Chromium")
    parser.add_argument("--quality", type=int, default=80, help="of the JPEG files")
    parser.add_argument("--tallest", type=int, default=12_000, help="px of a page that are shown, at most")
    given = parser.parse_args()
    take(given.pages, given.out, given.widths, given.browser, given.quality, given.tallest)


if __name__ == "__main__":
    main()
