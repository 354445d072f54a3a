"""Where files that can be made or downloaded again are kept."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path


def cache_folder() -> Path:
    """The folder for downloads: $GANFORGE_CACHE, else $XDG_CACHE_HOME/ganforge, else ~/.cache/ganforge, or a temporary
    folder for a user without a home directory."""
    own = os.environ.get("GANFORGE_CACHE")
    if own:
        return Path(own).expanduser()
    try:
        return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache").expanduser() / "ganforge"
    except RuntimeError:  # no home directory, as in some containers
        return Path(tempfile.gettempdir()) / "ganforge"
