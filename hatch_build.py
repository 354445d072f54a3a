"""Metadata that depends on where the project is published.

An index page shows the README without the files beside it. Where `GANFORGE_URL` names the repository while a
distribution is built (https://github.com/OWNER/ganforge), links to files become links to that repository.
"""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any

from hatchling.metadata.plugin.interface import MetadataHookInterface

LINK = re.compile(r"(!?)\[([^\]]*)\]\((?!https?:|#)([^)]+)\)")


class Published(MetadataHookInterface):
    """Gives the README and the addresses of the project."""

    def update(self, metadata: dict[str, Any]) -> None:
        text = (Path(self.root) / "README.md").read_text(encoding="utf-8")
        url = os.environ.get("GANFORGE_URL", "").rstrip("/")
        if url:
            text = absolute(text, url, f"v{metadata['version']}")
            metadata["urls"] = {
                "Homepage": url,
                "Documentation": f"{url}/tree/main/docs",
                "Issues": f"{url}/issues",
                "Changelog": f"{url}/blob/main/CHANGELOG.md",
            }
        metadata["readme"] = {"content-type": "text/markdown", "text": text}


def absolute(text: str, url: str, tag: str) -> str:
    """Markdown with links to files of the project as links to the repository at that tag."""
    return LINK.sub(lambda m: f"{m[1]}[{m[2]}]({url}/{'raw' if m[1] else 'blob'}/{tag}/{m[3]})", text)
