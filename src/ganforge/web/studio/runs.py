"""What the run directories of a folder hold, for the pages: states, curves, previews, reports, recipes."""

from __future__ import annotations

import json
import os
import re
import threading
import time
from collections import OrderedDict
from dataclasses import asdict
from pathlib import Path
from typing import Any

from ganforge.artifacts.health_words import STATES, explained
from ganforge.artifacts.summary import Summary, is_run, recipe_of, size_of, summarized
from ganforge.core.commands import command
from ganforge.core.errors import UserError
from ganforge.core.language import joined, translated
from ganforge.web.confined import confined
from ganforge.web.refused import Refused
from ganforge.web.studio.jobs import FORM, OUTPUT, Job, Jobs
from ganforge.web.studio.log import Log, finite, number, parsed, tail_of

FRESH = 0.7
"""Seconds for which the list of runs is not read again, however many pages ask."""
ACTIVE = ("running", "starting", "stopping")
"""States of runs that a process works on: they can end without a change of a file."""
OPEN_LOGS = 16
"""Logs that are kept in memory with their curves."""
PREVIEW = re.compile(r"(\d{9,}|latest)\.(png|gif|svg|wav|mp4|txt|html|obj)")
FILES = {"curves.png", "timelapse.gif", "model.safetensors", "best.safetensors", "recipe.yaml", OUTPUT}
"""Files of a run, besides previews, that a page may have."""
REPORT = Path("evaluation", "report.html")


class Runs:
    """The runs of a folder; reads, and never writes."""

    def __init__(self, jobs: Jobs):
        self.jobs, self.root = jobs, jobs.root
        self.lock = threading.Lock()
        self.short: dict[str, Log] = {}  # with the events of note alone, for the list
        self.whole: OrderedDict[str, Log] = OrderedDict()
        self.recipes: dict[str, tuple[int, dict[str, Any]]] = {}
        self.known: dict[str, tuple[tuple[int, ...], dict[str, Any]]] = {}  # rows, each with its `state_of_files`
        self.listed: tuple[float, list[dict[str, Any]]] = (0.0, [])

    def folder(self, name: str) -> Path:
        """The directory of a run.

        Raises:
            Refused: there is no run of that name here.
        """
        folder = confined(self.root, name)
        if folder.name.startswith(".") or not self.jobs.holds(folder):
            raise Refused(f"{name}: there is no such run", code="run.not_found", status=404)
        return folder

    def rows(self) -> list[dict[str, Any]]:
        """All runs, the newest first."""
        with self.lock:
            if time.monotonic() - self.listed[0] > FRESH:
                folders = self.jobs.folders()
                rows = [self._known_row(folder) for folder in folders]
                for name in self.short.keys() - {folder.name for folder in folders}:
                    del self.short[name]
                    self.known.pop(name, None)
                rows.sort(key=lambda row: (row["started"] or 0.0, row["name"]), reverse=True)
                self.listed = (time.monotonic(), rows)
            return self.listed[1]

    def changed(self) -> None:
        """To be called after a change, which the next list then shows."""
        self.listed = (0.0, [])

    def row(self, name: str) -> dict[str, Any]:
        """One run, as the list shows it."""
        with self.lock:
            return self._row(self.folder(name))

    def _known_row(self, folder: Path) -> dict[str, Any]:
        """The row of a run; the same object as before if no process works on it and no file behind it has changed."""
        now = state_of_files(folder)
        before, row = self.known.get(folder.name, ((), {}))
        if before != now or row["state"] in ACTIVE or row["evaluating"]:
            self.known[folder.name] = (now, self._row(folder))
        return self.known[folder.name][1]

    def _row(self, folder: Path) -> dict[str, Any]:
        job = self.jobs.alive(folder)
        log = self.short.setdefault(folder.name, Log(folder / "events.jsonl", most=2))
        log.follow()
        try:
            recipe = self.recipe(folder)
            found, broken = summarized(folder, recipe, log.notable_events()), ""
        except UserError as error:
            found, broken = Summary(folder, "failed", "", "", 0, 0), "" if is_run(folder) is False else str(error)
        problem = broken or self.jobs.problem(folder)
        tick, healths = parsed(log.last_tick) or {}, [e for e in log.notable if e["event"] == "health"]
        begun = job or self.jobs.job(folder)
        plain = asdict(found)
        plain.pop("folder")
        return finite({
            **plain,
            "name": folder.name,
            "recipe": found.recipe or folder.name.partition("-")[2],
            "started": found.started or (begun.begun if begun else None),
            "state": state_of(found, job, log, is_run(folder)),
            "evaluating": job is not None and job.kind == "evaluate",
            "own": job is not None,
            "asked": job.asked if job else None,
            "problem": problem,
            "health": tick.get("health") or (healths[-1]["state"] if healths else ""),
            "sps": number(tick.get("sps")),
            "preview": newest_preview(folder),
            "model": (folder / "model.safetensors").is_file(),
            "report": mtime(folder / REPORT),
            "form": (folder / FORM).is_file(),
        })  # fmt: skip

    def recipe(self, folder: Path) -> dict[str, Any]:
        """The recipe of a run, read again when its file has changed.

        Raises:
            UserError: as `recipe_of`.
        """
        changed = mtime(folder / "recipe.yaml")
        known = self.recipes.get(folder.name)
        if known is None or known[0] != changed:
            known = self.recipes[folder.name] = (changed, recipe_of(folder))
        return known[1]

    def log(self, folder: Path) -> Log:
        """The log of a run with its curves, up to date."""
        with self.lock:
            log = self.whole.pop(folder.name, None) or Log(folder / "events.jsonl")
            self.whole[folder.name] = log
            while len(self.whole) > OPEN_LOGS:
                self.whole.popitem(last=False)
            log.follow()
            return log

    def detail(self, name: str, language: str) -> dict[str, Any]:
        """All that the page of one run shows."""
        folder = self.folder(name)
        log = self.log(folder)
        return {
            **self.row(name),
            "curves": log.curves(),
            "version": log.version,
            "offset": log.offset,
            "events": [finite(event) for event in list(log.notable)[-100:]],
            "health_words": health_words(log, language),
            "previews": previews(folder),
            "files": {name: mtime(folder / name) for name in sorted(FILES) if (folder / name).is_file()},
            "bytes": size_of(folder),
            "environment": environment(folder),
            "commands": {
                "resume": command("train", "--resume", folder),
                "sample": command("sample", folder, "-n", 64, "--grid", "grid.png"),
                "evaluate": command("evaluate", folder),
            },
        }

    def text(self, name: str) -> str:
        """The recipe of a run as YAML."""
        return (self.folder(name) / "recipe.yaml").read_text(encoding="utf-8", errors="replace")

    def output(self, name: str) -> str:
        """The end of what the process of a run printed."""
        return tail_of(self.folder(name) / OUTPUT)

    def file(self, name: str, file: str) -> Path:
        """A file of a run that pages may have.

        Raises:
            Refused: there is no such file.
        """
        folder = self.folder(name)
        first, _, second = file.rpartition("/")
        if (first == "previews" and PREVIEW.fullmatch(second)) or file in FILES:
            found = folder / file
            if found.is_file() and found.resolve().parent == (folder / first).resolve() and not found.is_symlink():
                return found
        raise Refused(f"{name}: there is no such file", code="web.not_found", status=404)


def state_of(found: Summary, job: Job | None, log: Log, begun: bool) -> str:
    """A state of `summary.STATES`, or starting or stopping."""
    if job is None or job.kind != "train":
        return found.state if begun else "failed"
    if job.asked is not None:
        return "stopping"
    last = parsed(log.last) or {}
    return "running" if found.state == "running" and last.get("t", 0.0) > job.begun else "starting"


def health_words(log: Log, language: str) -> dict[str, Any]:
    """What the log says of the health of a run, in a language: the state, why, and what to try."""
    events = [event for event in log.notable if event["event"] == "health"]
    if not events:
        return {}
    last = events[-1]
    why = [explained(part) for part in str(last.get("why", "")).split(", ") if part]
    return {
        "state": last["state"],
        "says": translated(STATES.get(last["state"], ""), language),
        "why": translated(joined(why), language),
        "advice": [translated(str(text), language) for text in last.get("advice", ())],
        "samples": last.get("samples", 0),
    }


def previews(folder: Path, after: int = -1) -> list[dict[str, Any]]:
    """Previews made after a number of samples, oldest first: [{"samples", "files": {"png": mtime, "wav": ...}}]."""
    found: dict[str, dict[str, int]] = {}
    for entry in scanned(folder / "previews"):
        if (match := PREVIEW.fullmatch(entry.name)) and match[1] != "latest" and int(match[1]) > after:
            found.setdefault(match[1], {})[match[2]] = entry.stat().st_mtime_ns
    return [{"samples": int(stem), "stem": stem, "files": files} for stem, files in sorted(found.items())]


def state_of_files(folder: Path) -> tuple[int, ...]:
    """What changes as soon as a row of the list does: its files are replaced or appended to."""
    found = []
    for name in ("", "previews", "evaluation", "recipe.yaml", "events.jsonl"):
        try:
            facts = (folder / name).stat()
        except OSError:
            found += [0, 0, 0]
        else:
            found += [facts.st_ino, facts.st_size, facts.st_mtime_ns]
    return tuple(found)


def newest_preview(folder: Path) -> str:
    """`latest.png?v=1`, or another image; empty without any."""
    for name in ("latest.png", "latest.gif", "latest.svg"):
        if changed := mtime(folder / "previews" / name):
            return f"{name}?v={changed}"
    return ""


def scanned(folder: Path) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(folder) as entries:
            return list(entries)
    except OSError:
        return []


def mtime(path: Path) -> int:
    """When a file was changed, in ns; 0 if there is none."""
    try:
        return path.stat().st_mtime_ns
    except OSError:
        return 0


def environment(folder: Path) -> dict[str, Any]:
    """The device and versions of a run; of the command only its words after the program."""
    try:
        found = json.loads((folder / "environment.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return {
        name: found[name] for name in ("ganforge", "torch", "python", "device", "threads", "cores") if name in found
    }
