"""Small pieces of HTML for notebooks."""

from __future__ import annotations

import base64
import html
from collections.abc import Mapping
from pathlib import Path
from typing import Any


def table(facts: Mapping[str, Any]) -> str:
    """A table of names and values; empty values are left out."""
    rows = "".join(
        f"<tr><th style='text-align:left'>{html.escape(name)}</th>"
        f"<td style='text-align:left'>{html.escape(str(value))}</td></tr>"
        for name, value in facts.items()
        if value not in ("", None)
    )
    return f"<table>{rows}</table>"


def image(png: bytes, text: str) -> str:
    """A PNG inside the page, enlarged without smoothing where it is small."""
    data = base64.b64encode(png).decode()
    style = "max-width:100%;min-width:256px;image-rendering:pixelated"
    return f"<img alt='{html.escape(text)}' style='{style}' src='data:image/png;base64,{data}'>"


def newest_preview(folder: Path) -> str:
    """The newest samples of a run directory as an image; empty where it has none."""
    file = folder / "previews" / "latest.png"
    return image(file.read_bytes(), f"the newest samples of {folder.name}") if file.is_file() else ""
