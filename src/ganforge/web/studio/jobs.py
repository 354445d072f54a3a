"""Trainings and evaluations as processes of their own, which live on when the studio ends.

What is true of a run is in its directory: `.lock` while it trains, `events.jsonl`, and for the studio `studio.json`
(the process: its number and when the system started it), `studio.log` (what it printed) and `studio-form.json` (what
was entered in the form that started it). So a studio that is started
again, after a crash too, finds every process of an earlier one.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from ganforge.artifacts.folder import next_folder
from ganforge.artifacts.summary import is_locked, is_run, to_trash
from ganforge.core.files import atomic_file
from ganforge.web.refused import Refused
from ganforge.web.studio.log import tail_of

RECORD, OUTPUT, FORM = "studio.json", "studio.log", "studio-form.json"
TRAIN, EVALUATE = "train", "evaluate"
COMMAND = (sys.executable, "-m", "ganforge")
STUBBORN = 60.0
"""Seconds after which a process that was asked to stop may be ended at once."""


@dataclass(frozen=True)
class Job:
    """A process that works on a run.

    Attributes:
        kind: `TRAIN` or `EVALUATE`. pid: its number. born: when the system started it, in its own unit; tells it from
            a later process of the same number. begun, asked: Unix seconds of its start, and of the request to stop.
    """

    kind: str
    pid: int
    born: str
    begun: float
    asked: float | None = None


class Jobs:
    """Starts and stops processes for the runs of a folder."""

    def __init__(self, root: Path, command: Sequence[str] = COMMAND):
        self.root, self.command = root, tuple(command)
        self.children: dict[int, subprocess.Popen[bytes]] = {}
        self.lock = threading.Lock()

    def train(
        self, name: str, words: Sequence[str], beside: bool = False, form: Mapping[str, Any] | None = None
    ) -> Path:
        """Starts a new run of a recipe; returns its directory, which holds the run as soon as training begins.

        Args:
            words: of the command line after `train NAME`.
            beside: start it even if another training runs.
            form: what was entered, to be shown when the form is opened again; as JSON can hold it.

        Raises:
            Refused: another training runs.
        """
        with self.lock:
            self._refuse_second(beside)
            folder = next_folder(name, self.root)
            with atomic_file(folder / FORM) as file:
                file.write_text(json.dumps(form or {"recipe": name}) + "\n", encoding="utf-8")
            self._start(folder, TRAIN, ["train", name, *words, "--run-dir", str(folder)])
        return folder

    def resume(self, folder: Path, words: Sequence[str] = (), beside: bool = False) -> None:
        """Resumes a run.

        Raises:
            Refused: it is being worked on, or another training runs.
        """
        with self.lock:
            self._refuse_busy(folder)
            self._refuse_second(beside)
            self._start(folder, TRAIN, ["train", "--resume", str(folder), *words])

    def evaluate(self, folder: Path, language: str) -> None:
        """Evaluates a run; the report replaces an earlier one.

        Raises:
            Refused: it is being worked on.
        """
        with self.lock:
            self._refuse_busy(folder)
            self._start(folder, EVALUATE, ["evaluate", str(folder), "--lang", language, "--saliency"])

    def _refuse_second(self, beside: bool) -> None:
        others = [] if beside else [folder.name for folder in self.folders() if self.training(folder)]
        if others:
            raise Refused(
                f"{others[0]} is being trained. Two trainings share the processor, so each takes longer",
                code="studio.training",
                status=409,
            )

    def _refuse_busy(self, folder: Path) -> None:
        if self.alive(folder) is not None or is_locked(folder):
            raise Refused(f"{folder.name}: another process works on this run", code="run.in_use", status=409)

    def _start(self, folder: Path, kind: str, words: Sequence[str]) -> None:
        with (folder / OUTPUT).open("wb") as output:
            child = subprocess.Popen(
                [*self.command, *words],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,  # signals that end the studio do not reach it
                env={**os.environ, "PYTHONUNBUFFERED": "1", "COLUMNS": "120"},
            )
        self.children[child.pid] = child
        write(folder, Job(kind, child.pid, born(child.pid), time.time()))

    def folders(self) -> list[Path]:
        """The directories that are runs, or are to become runs."""
        try:
            found = [path for path in self.root.iterdir() if not path.name.startswith(".")]
        except OSError:
            return []
        return sorted(path for path in found if self.holds(path))

    def holds(self, path: Path) -> bool:
        """Whether a directory is a run, or is to become one."""
        return not path.is_symlink() and (is_run(path) or (path / RECORD).is_file())

    def job(self, folder: Path) -> Job | None:
        """The last process that the studio started for a run; it may have ended."""
        try:
            return Job(**json.loads((folder / RECORD).read_text(encoding="utf-8")))
        except (OSError, ValueError, TypeError):  # a run of the command line, or a file of something else
            return None

    def form(self, folder: Path) -> dict[str, Any]:
        """What was entered in the form that started a run; empty of a run of the command line."""
        try:
            found = json.loads((folder / FORM).read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return {}
        return found if isinstance(found, dict) else {}

    def alive(self, folder: Path) -> Job | None:
        """The process of the studio that works on a run."""
        job = self.job(folder)
        if job is None:
            return None
        if (child := self.children.get(job.pid)) is not None and child.poll() is not None:
            del self.children[job.pid]
            return None
        return job if job.born and born(job.pid) == job.born else None

    def training(self, folder: Path) -> bool:
        """Whether a process trains in a run, or is about to."""
        job = self.alive(folder)
        return is_locked(folder) if job is None else job.kind == TRAIN

    def stop(self, folder: Path, at_once: bool = False) -> None:
        """Asks the process of a run to save and stop, as Ctrl-C does.

        Args:
            at_once: end it without saving, if it was asked a minute ago.

        Raises:
            Refused: there is no such process of the studio, or it is too early to end it.
        """
        with self.lock:
            job = self.alive(folder)
            if job is None:
                if is_locked(folder):
                    raise Refused(
                        f"{folder.name}: the training was not started here. Stop it with Ctrl-C in its terminal",
                        code="studio.not_own",
                        status=409,
                    )
                raise Refused(f"{folder.name}: nothing is running", code="studio.not_running", status=409)
            if at_once and (job.asked is None or time.time() - job.asked < STUBBORN):
                raise Refused(f"{folder.name}: is still saving; wait a minute", code="studio.saving", status=409)
            with contextlib.suppress(ProcessLookupError):  # it ended by itself just now
                os.killpg(job.pid, signal.SIGKILL) if at_once else os.kill(job.pid, signal.SIGINT)
            write(folder, replace(job, asked=job.asked or time.time()))

    def put_away(self, folder: Path) -> str:
        """Moves a run to the trash of `ganforge runs prune`; a directory in which no run began is removed.

        Returns:
            The name of the run in the trash, where another one may have had its name; empty if it was removed.

        Raises:
            Refused: a process works on it.
            UserError: it cannot be moved.
        """
        with self.lock:
            self._refuse_busy(folder)
            if is_run(folder):
                return to_trash(folder).name
            for name in (RECORD, OUTPUT, FORM, ".lock"):
                (folder / name).unlink(missing_ok=True)
            folder.rmdir()
            return ""

    def problem(self, folder: Path) -> str:
        """What a process that has ended said went wrong; empty if it ended well."""
        job = self.job(folder)
        if job is None or self.alive(folder) is not None:
            return ""
        lines = [line for line in tail_of(folder / OUTPUT).splitlines() if line.strip()]
        errors = [k for k, line in enumerate(lines) if line.startswith("error: ")]
        if errors:
            return " ".join(line.strip() for line in lines[errors[-1] :]).removeprefix("error: ")
        return "" if is_run(folder) else (lines[-1] if lines else "the process ended before training began")


def write(folder: Path, job: Job) -> None:
    with atomic_file(folder / RECORD) as file:
        file.write_text(json.dumps(asdict(job)) + "\n", encoding="utf-8")


def born(pid: int) -> str:
    """When the system started a process; empty if it has ended. Where the system does not say, that it runs."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except FileNotFoundError:
        if Path("/proc/self/stat").exists():
            return ""
    else:
        state, *fields = text.rpartition(")")[2].split()  # the name before may hold spaces and parentheses
        return "" if state in "ZX" else fields[18]  # field 22 of proc(5), counted from 1
    try:
        os.kill(pid, 0)
    except OSError:
        return ""
    return "running"
