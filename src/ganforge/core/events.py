"""The log of a run: one JSON object per line. It is only appended to, except that a resume drops later events."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ganforge.core.files import atomic_file
from ganforge.core.names import writable


class EventLog:
    """Appends events to a file. Each has an `event` name, the `samples` seen and the wall time `t` (Unix seconds)."""

    def __init__(self, path: Path):
        self.path = path

    def write(self, event: dict[str, Any]) -> None:
        """Appends one event, on a new line even if a crash left an incomplete line before it."""
        with self.path.open("a+b") as file:
            whole = True
            if file.seek(0, os.SEEK_END):
                file.seek(-1, os.SEEK_END)
                whole = file.read(1) == b"\n"
            file.write((b"" if whole else b"\n") + line_of(event).encode())

    def rewind(self, samples: int) -> None:
        """Drops events after `samples`, which a resumed run will log again."""
        if not self.path.exists():
            return
        kept = [e for e in read_events(self.path) if e.get("samples", 0) <= samples]
        with atomic_file(self.path) as file:
            file.write_text("".join(map(line_of, kept)), encoding="utf-8")


def line_of(event: dict[str, Any]) -> str:
    """An event as a line of the log; file names that are not valid UTF-8 are escaped."""
    return writable(json.dumps(event, ensure_ascii=False)) + "\n"


def read_events(path: Path, name: str | None = None) -> Iterator[dict[str, Any]]:
    """The events of a log, or those named `name`. An incomplete line, left by a crash, is ignored."""
    if not path.exists():
        return
    with path.open(encoding="utf-8", errors="replace") as file:  # a line may be truncated within a character
        for line in file:
            try:
                event = json.loads(line)
            except json.JSONDecodeError:
                continue
            if name is None or event.get("event") == name:
                yield event
