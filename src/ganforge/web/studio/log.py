"""The log of a run, read once and then followed: a thinned copy of its ticks, and the events that are no ticks.

A log may hold a million ticks. All lines are read, none but those that are kept is parsed: of the ticks and of the
evaluations every n-th, where n doubles as soon as more than `most` are kept.
"""

from __future__ import annotations

import json
import os
from collections import deque
from collections.abc import Iterator
from pathlib import Path
from typing import Any, TypeGuard

from ganforge.artifacts.summary import TICK

CHUNK = 1 << 22
EVALUATE, CHECKPOINT = b'{"event": "evaluate"', b'{"event": "checkpoint"'
MOST_NOTABLE = 500


class Thinned:
    """At most `most` of many lines, evenly spread: every n-th from the first."""

    def __init__(self, most: int):
        self.most, self.every, self.seen = most, 1, 0
        self.kept: list[bytes] = []

    def add(self, line: bytes) -> None:
        if self.seen % self.every == 0:
            self.kept.append(line)
            if len(self.kept) > self.most:
                self.kept, self.every = self.kept[::2], 2 * self.every
        self.seen += 1


class Log:
    """The events of one run.

    Attributes:
        offset: bytes read so far, up to the end of a line.
        version: changes when the file is replaced (a resume drops what it will log again) instead of appended to.
        ticks, evaluations: thinned lines. last_tick, checkpoint: the newest line of each, or empty.
        notable: all other events, parsed; of very many the newest.
    """

    def __init__(self, path: Path, most: int = 1500):
        self.path, self.most = path, most
        self.version = 0
        self._begin()

    def _begin(self) -> None:
        self.offset = 0
        self.ticks, self.evaluations = Thinned(self.most), Thinned(self.most)
        self.first = self.last = self.last_tick = self.checkpoint = self.last_evaluation = self.best = b""
        self.notable: deque[dict[str, Any]] = deque(maxlen=MOST_NOTABLE)

    def follow(self) -> bool:
        """Reads what was appended; returns whether there was anything new. A line without its end is left for later."""
        try:
            file = self.path.open("rb")
        except OSError:
            return False
        with file:
            facts = os.fstat(file.fileno())
            if facts.st_ino != self.version or facts.st_size < self.offset:
                self._begin()
                self.version = facts.st_ino
            if facts.st_size == self.offset:
                return False
            file.seek(self.offset)
            before, rest = self.offset, b""
            while chunk := file.read(CHUNK):
                lines = (rest + chunk).split(b"\n")
                rest = lines.pop()
                self.offset += sum(map(len, lines)) + len(lines)
                for line in lines:
                    self._add(line)
            return self.offset > before

    def _add(self, line: bytes) -> None:
        if line.startswith(TICK):
            self.ticks.add(line)
            self.last_tick = self.last = line
            return
        if line.startswith(EVALUATE):
            self.evaluations.add(line)
            self.last_evaluation = self.last = line
            if b'"best": true' in line:
                self.best = line
        elif line.startswith(CHECKPOINT):
            self.checkpoint = self.last = line
        elif (event := parsed(line)) is not None:
            self.notable.append(event)
            self.last = line
        else:
            return
        self.first = self.first or line

    def notable_events(self) -> list[dict[str, Any]]:
        """What `summarized` needs: the first event, those of note, the newest tick, evaluation and checkpoint, the best
        evaluation; in the order of the log."""
        lines = {self.first, self.checkpoint, self.best, self.last_evaluation, self.last_tick}
        events = [event for line in lines if (event := parsed(line)) is not None]
        events = [event for event in events if event not in self.notable] + list(self.notable)
        newest = parsed(self.last)
        return sorted(events, key=lambda event: (event == newest, event.get("t", 0.0)))

    def curves(self) -> dict[str, Any]:
        """The kept ticks and evaluations as columns: {"ticks": {"samples": [...], "loss/D": [...]}, "every", ...}."""
        ticks = list(self.ticks.kept)
        if self.last_tick and ticks[-1] != self.last_tick:
            ticks.append(self.last_tick)
        return {
            "ticks": columns(ticks),
            "evaluations": columns(self.evaluations.kept),
            "seen": self.ticks.seen,
            "every": self.ticks.every,
        }

    def since(self, offset: int, most: int = CHUNK) -> tuple[list[dict[str, Any]], int]:
        """The events that follow a byte, as far as they are complete, and the byte after them."""
        with self.path.open("rb") as file:
            file.seek(offset)
            found = file.read(most)
        whole = found[: found.rfind(b"\n") + 1]
        return [event for line in whole.splitlines() if (event := parsed(line)) is not None], offset + len(whole)


def parsed(line: bytes) -> dict[str, Any] | None:
    """The event of a line; None of one that a crash cut short."""
    try:
        event = json.loads(line)
    except ValueError:
        return None
    return event if isinstance(event, dict) and "event" in event else None


def columns(lines: list[bytes]) -> dict[str, list[Any]]:
    """The numbers of events, by name; None where an event lacks one."""
    events = [event for line in lines if (event := parsed(line)) is not None]
    names = dict.fromkeys(name for event in events for name, value in event.items() if is_number(value))
    return {name: [number(event.get(name)) for event in events] for name in names}


def is_number(value: Any) -> TypeGuard[float]:
    """Whether a value of an event is a number."""
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def number(value: Any) -> float | None:
    """A finite number, else None: JSON has no infinity."""
    return value if is_number(value) and abs(value) < float("inf") else None


def finite(value: Any) -> Any:
    """A value of an event without infinite numbers, for JSON."""
    if isinstance(value, float):
        return number(value)
    if isinstance(value, dict):
        return {name: finite(inner) for name, inner in value.items()}
    return [finite(inner) for inner in value] if isinstance(value, list) else value


def tail_of(path: Path, most: int = 1 << 16) -> str:
    """The end of a text file; empty where there is none. Of a line that was written over by `\\r` the last state."""
    try:
        with path.open("rb") as file:
            size = file.seek(0, os.SEEK_END)
            file.seek(max(0, size - most))
            text = file.read().decode("utf-8", "replace")
    except OSError:
        return ""
    return "\n".join(line.rsplit("\r", 1)[-1] for line in lines_of(text, size > most))


def lines_of(text: str, cut: bool) -> Iterator[str]:
    lines = text.replace("\r\n", "\n").split("\n")
    return iter(lines[1:] if cut and len(lines) > 1 else lines)
