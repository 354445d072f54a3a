"""A run from start to end: start or resume, train, finish."""

from __future__ import annotations

import contextlib
import json
import logging
import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch

from ganforge.artifacts import checkpoint
from ganforge.artifacts.folder import next_folder
from ganforge.artifacts.rundir import RunDir, UnwrittenRun, refuse_existing, stored_recipe
from ganforge.core.component import build
from ganforge.core.dataset import Dataset
from ganforge.core.device import pick_device
from ganforge.core.errors import UserError
from ganforge.core.types import Spec
from ganforge.core.words import counted
from ganforge.data import few_labels
from ganforge.data.loader import Loader
from ganforge.engine import preflight, transfer
from ganforge.engine.build import fingerprint, is_same_data, make_loader, open_data, reading
from ganforge.engine.out_of_memory import out_of_memory_said
from ganforge.engine.processes import joined, launch_id, restarted
from ganforge.engine.resume import data_of_run
from ganforge.engine.session import Session, shared_checkpoint
from ganforge.engine.snapshot_taker import SnapshotTaker
from ganforge.engine.trainer import Trainer
from ganforge.engine.world import World
from ganforge.recipes.base import Recipe
from ganforge.recipes.callback import Callback, Listener, RunView
from ganforge.registry import load_all

log = logging.getLogger("ganforge")


@dataclass(frozen=True)
class TrainResult:
    """The result of training.

    Attributes:
        folder: the run directory.
        samples: real samples seen.
        reason: "finished", "patience" (its metric no longer improved), "minutes" or "interrupted".
        spec: shape, labels and decoding of its samples.
    """

    folder: Path
    samples: int
    reason: str
    spec: Spec


def train(
    recipe: Recipe,
    *,
    run_dir: Path | str | None = None,
    resume: Path | str | None = None,
    minutes: float | None = None,
    listeners: Sequence[Callable[[RunView], Listener]] = (),
    device: str | None = None,
) -> TrainResult:
    """Trains a recipe in a new run directory, or resumes a run.

    Args:
        run_dir: directory to write to; by default the next free `runs/NNNN-name`.
        resume: a run directory to resume. `recipe` must be its recipe (see `resume_recipe`).
        minutes: stop and save after this many minutes of training.
        listeners: functions that create additional listeners, besides the recipe's callbacks.
        device: "cpu", "cuda", "cuda:1", ...; by default the best available.

    Raises:
        UserError: the data, the recipe or the folder cannot be used. Existing files are unchanged.
        TrainingError: training cannot continue; the message names the last good checkpoint.
    """
    load_all()
    check(recipe)
    with contextlib.ExitStack() as stack:
        world = stack.enter_context(joined(pick_device(device)))
        place = world.device(pick_device(device))
        if resume is None:
            resume = begun_before(world, run_dir)
        with world.together():
            check_split(recipe, world)
            run = opened(resume, run_dir, world, stack)
        point = checkpoint.newest(run.checkpoints) if run and world.leads else None
        tensors, state = shared_checkpoint(world, point) or ({}, {})  # nothing: stopped before its first checkpoint
        if resume is None:
            dataset, spec = world.in_turn(lambda: open_data(recipe))
        else:
            recipe, dataset, spec = world.in_turn(lambda: data_of_run(recipe, resume, state.get("data")))
        stack.enter_context(out_of_memory_said(recipe, place, world.size))
        with world.together():
            prints = fingerprint(dataset)
            check_same_data(resume, state, prints, dataset)
            loader = make_loader(recipe, dataset, spec, place, world)
            stack.callback(loader.close)
            kind = Trainer.of(recipe)
            recipe = kind.finalize(recipe, spec, loader)
            stack.enter_context(torch.random.fork_rng())
            trainer = kind(recipe, spec, loader, place, world)
            init_notes = [] if state else transfer.start(trainer)
            place_of_run = Path(run.folder if run else run_dir or "runs")
            for line in preflight.check(trainer, place_of_run):
                log.warning("%s", line)
            needs = preflight.needs(trainer, place_of_run)
            if run is None and world.leads:
                run = stack.enter_context(RunDir(run_dir or next_folder(recipe.name)))
                run.begin(recipe, place, processes=world.size, **({} if world.size == 1 else {"launch": launch_id()}))
                if dataset.labeled is not None:
                    few_labels.write_list(dataset, run.folder)
        folder = world.of_leader(lambda: str(run.folder if run else "").encode()).decode()
        run = run or UnwrittenRun(folder)
        if state:
            trainer.load_state(tensors, state["samples"], str(resume))
        run.events.rewind(trainer.samples)
        tensors.clear()

        session = Session(trainer, run, dataset, prints, state)
        for line in reading(dataset):
            if line.left_out:
                log.warning("%s", line.text)
        session.log(
            "start" if resume is None else "resume",
            recipe=recipe.name, device=str(place), dataset=len(loader), planned=recipe.samples,
        )  # fmt: skip
        if init_notes:
            session.log("init", notes=init_notes)
            log.warning("starting from a trained model: %s", "; ".join(init_notes))
        n_logged = _log_skipped(session, loader)
        session.listeners = [c.build(session) for c in watchers(recipe) if world.leads or c.everywhere]
        if world.leads:
            session.listeners += [make(session) for make in listeners]
            session.listeners += [SnapshotTaker(session)] if recipe.ema.snapshots else []
        session.tell({"event": "needs", "message": str(needs), **asdict(needs)})
        with stopped_by_interrupt(session):
            reason = session.train(minutes)
        _log_skipped(session, loader, n_logged)  # with streamed data, unreadable items are found late
        return TrainResult(run.folder, session.samples, reason, spec)


def opened(resume: Path | str | None, run_dir: Path | str | None, world: World, stack: ExitStack) -> RunDir | None:
    """The directory of a run to resume, locked by process 0; None for a new run, or in another process.

    Raises:
        UserError: there is no run to resume, or there is one where a new one is to be written.
    """
    if not world.leads:
        return None
    if resume is not None:
        stored_recipe(resume)
        return stack.enter_context(RunDir(resume))
    if run_dir is not None:
        refuse_existing(run_dir)
    return None


def begun_before(world: World, run_dir: Path | str | None) -> Path | None:
    """The run that these processes trained before torchrun started them again, since one of them had ended."""
    if world.size == 1 or not restarted():
        return None

    def found() -> bytes:
        for folder in [Path(run_dir)] if run_dir else sorted(Path("runs").glob("[0-9]*-*"), reverse=True):
            known = folder / "environment.json"
            whole = (folder / "recipe.yaml").exists() and known.exists()
            if whole and json.loads(known.read_text(encoding="utf-8")).get("launch") == launch_id():
                return str(folder).encode()
        return b""

    folder = world.of_leader(found).decode()
    return Path(folder) if folder else None


def check_same_data(resume: Path | str | None, state: dict[str, Any], prints: str, dataset: Dataset) -> None:
    """Raises UserError if a run to resume was trained on other data."""
    if state and not is_same_data(state["data"], prints):
        raise UserError(
            f"{resume}: the data is no longer what this run was trained on (count, classes, sizes, names or "
            f"content of its files differ), so the run cannot be resumed exactly. It was read as: "
            f"{'; '.join(line.text for line in reading(dataset)) or dataset.name}. Set data= to the original data, "
            "or start a new run",
            code="run.data_differs",
        )


def check_split(recipe: Recipe, world: World) -> None:
    """Rejects a recipe whose batch several processes cannot share.

    Raises:
        UserError: its parts are not of equal size, or too small for the task; or it has a privacy guarantee.
    """
    if world.size == 1:
        return
    if recipe.privacy.kind != "off":
        raise UserError(
            f"privacy={recipe.privacy.kind}: each step draws a random number of samples, so a batch cannot be split "
            f"over {world.size} processes. Train in one process",
            code="scale.privacy_not_supported",
        )
    parts = world.size * recipe.accumulate
    if recipe.batch % parts:
        raise UserError(
            f"batch={recipe.batch} cannot be split over {world.size} processes with accumulate={recipe.accumulate}. "
            f"For example batch={-(-recipe.batch // parts) * parts}",
            code="scale.batch_not_divisible",
        )
    recipe.task.check(recipe.batch // parts)


def _log_skipped(session: Session, loader: Loader, n_logged: int = 0) -> int:
    """Logs unusable samples beyond the first `n_logged`; returns their total number."""
    new = loader.skipped[n_logged:]
    if new:
        session.log("skipped", count=len(new), items=[f"{where}: {why}" for where, why in new[:100]])
        how_many = f"{counted(len(new), 'sample')} could not be used and {'was' if len(new) == 1 else 'were'} skipped"
        log.warning("%s, the first: %s: %s", how_many, *new[0])
    return len(loader.skipped)


def check(recipe: Recipe) -> None:
    """Rejects invalid combinations of fields that are each valid on their own.

    Raises:
        UserError: the recipe has such a combination.
    """
    if recipe.batch % recipe.accumulate:
        raise UserError(
            f"accumulate={recipe.accumulate} does not divide batch={recipe.batch}",
            code="recipe.accumulate_not_a_divisor",
        )
    if recipe.metrics and any(callback.kind == "evaluation" for callback in recipe.callbacks):
        raise UserError(
            "metrics: the callbacks already hold an evaluation with its own metrics; set them there, or leave "
            "metrics out",
            code="recipe.metrics_given_twice",
        )
    if recipe.patience and not recipe.metrics:
        raise UserError(
            f"patience={recipe.patience}: there is no metric that could stop improving. Name one: metrics=[fd5k], and "
            "how often it is measured: every=50k",
            code="recipe.patience_without_metrics",
        )
    if recipe.init and recipe.init.freeze and recipe.privacy.kind != "off":
        raise UserError(
            f"init.freeze={recipe.init.freeze} cannot be combined with privacy={recipe.privacy.kind}, which "
            "trains all layers of the net that sees real samples. Leave freeze out",
            code="privacy.freeze_not_supported",
        )
    recipe.task.check(recipe.batch // recipe.accumulate)
    Trainer.of(recipe).check(recipe)


def watchers(recipe: Recipe) -> list[Callback]:
    """The recipe's callbacks, preceded by the evaluation for its field `metrics`, if any."""
    if not recipe.metrics:
        return [*recipe.callbacks]
    asked = {"metrics": recipe.metrics, "every": recipe.every, "patience": recipe.patience}
    return [build(Callback, {"kind": "evaluation", **asked}), *recipe.callbacks]


@contextlib.contextmanager
def stopped_by_interrupt(session: Session) -> Iterator[None]:
    """The first Ctrl-C (or SIGTERM) stops training after the current step and saves; a second one exits immediately."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def handle(number: int, frame: object) -> None:
        if session.stop:
            raise KeyboardInterrupt
        session.stop = True
        log.warning("stopping after this step and saving; interrupt again to stop immediately")

    old = {number: signal.signal(number, handle) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in old.items():
            signal.signal(number, handler)
