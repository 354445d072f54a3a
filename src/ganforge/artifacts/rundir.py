"""The run directory: all files of a run, locked by one process at a time.

recipe.yaml environment.json events.jsonl previews/ checkpoints/ model.safetensors curves.png
"""

from __future__ import annotations

import json
import os
import platform
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import filelock
import torch

from ganforge.artifacts.folder import make_folder
from ganforge.core import overrides
from ganforge.core.component import build_stored
from ganforge.core.errors import UserError
from ganforge.core.events import EventLog
from ganforge.core.version import __version__
from ganforge.recipes.base import Recipe
from ganforge.registry import load_for


class RunDir:
    """A run's folder, locked while this object is open.

    Raises:
        UserError: another process has locked it, or it cannot be written to.
    """

    def __init__(self, folder: Path | str):
        self.folder = Path(folder)
        make_folder(self.folder)
        self._lock = filelock.FileLock(self.folder / ".lock", timeout=0)
        try:
            self._lock.acquire()
        except filelock.Timeout:
            raise UserError(
                f"{self.folder}: another process is training in this run. Stop it first, or start a separate run",
                code="run.in_use",
            ) from None
        except OSError as error:
            raise UserError(
                f"{self.folder}: cannot be written to ({error.strerror})", code="output.not_writable"
            ) from None
        self.events = EventLog(self.folder / "events.jsonl")
        self.checkpoints = self.folder / "checkpoints"

    def __enter__(self) -> RunDir:
        return self

    def __exit__(self, *_: object) -> None:
        self._lock.release()

    def begin(self, recipe: Recipe, device: torch.device, **more: Any) -> None:
        """Writes the complete recipe and a description of the environment, with `more` facts of it.

        Raises:
            UserError: the folder already contains a run.
        """
        refuse_existing(self.folder)
        placed = replace(recipe, data=recipe.data.located())  # the run may be resumed from another working directory
        environment = json.dumps(environment_of(device) | more, indent=2)
        (self.folder / "environment.json").write_text(environment + "\n", encoding="utf-8")
        (self.folder / "recipe.yaml").write_text(overrides.to_yaml(placed), encoding="utf-8")


class UnwrittenRun:
    """The run directory as processes other than process 0 know it: they write nothing there, and it may be on another
    machine."""

    def __init__(self, folder: Path | str):
        self.folder = Path(folder)
        self.events = UnwrittenLog()
        self.checkpoints = self.folder / "checkpoints"


class UnwrittenLog:
    """Takes events and writes none."""

    def write(self, event: dict[str, Any]) -> None:
        return

    def rewind(self, samples: int) -> None:
        return


def refuse_existing(folder: Path | str) -> None:
    """Raises UserError if a folder already contains a run."""
    if (Path(folder) / "recipe.yaml").exists():
        raise UserError(
            f"{folder}: already holds a run. Resume it (--resume {folder}) or choose another --run-dir",
            code="run.already_exists",
        )


def stored_recipe(folder: Path | str) -> Recipe:
    """The recipe of a run directory.

    Raises:
        UserError: there is no run, or its recipe cannot be read.
    """
    path = Path(folder) / "recipe.yaml"
    if not path.is_file():
        raise UserError(
            f"{folder}: no run here (there is no {path.name}). A run directory looks like runs/0001-dcgan",
            code="run.not_found",
        )
    plain = overrides.from_yaml(path)
    load_for(plain)
    return build_stored(Recipe, plain, str(path))


def environment_of(device: torch.device) -> dict[str, Any]:
    """What is needed to interpret the results of a run: versions, machine, device, command."""
    return {
        "ganforge": __version__,
        "torch": torch.__version__,
        "python": platform.python_version(),
        "platform": platform.platform(),
        "device": torch.cuda.get_device_name(device) if device.type == "cuda" else device.type,
        "cpu_capability": torch.backends.cpu.get_cpu_capability(),
        "threads": torch.get_num_threads(),
        "cores": os.cpu_count(),
        "command": [Path(sys.argv[0]).name, *sys.argv[1:]],
    }
