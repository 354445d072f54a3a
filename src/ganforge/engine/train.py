"""A run from start to end: start or resume, train; and what a dry run reports of it."""

from __future__ import annotations

import contextlib
import logging
import signal
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import torch

from ganforge.artifacts import checkpoint
from ganforge.artifacts.rundir import RunDir, next_folder, refuse_existing, stored_recipe
from ganforge.core import overrides
from ganforge.core.component import build, to_plain
from ganforge.core.dataset import Dataset
from ganforge.core.device import pick_device
from ganforge.core.errors import UserError
from ganforge.core.files import atomic_file
from ganforge.core.types import Spec
from ganforge.data.loader import Loader
from ganforge.engine import transfer
from ganforge.engine.build import fingerprint, is_same_data, make_loader, open_data, reading
from ganforge.engine.session import Session
from ganforge.engine.trainer import Trainer
from ganforge.recipes.base import Recipe
from ganforge.recipes.callback import Callback, Listener, RunView
from ganforge.registry import load_all

log = logging.getLogger("ganforge")

FREE_ON_RESUME = (
    "samples",
    "checkpoint_every",
    "keep",
    "log_every",
    "callbacks",
    "metrics",
    "every",
    "health",
    "privacy.epsilon",
)
"""What may differ when a run goes on, since no step changes with it; beside these, what its data source says
(`free_on_resume`). (Moved data is known by its fingerprint. A rollback does change steps; it is asked for explicitly,
and what it changed is in the checkpoint.)"""


@dataclass(frozen=True)
class TrainResult:
    """How a run ended.

    Attributes:
        folder: the run directory.
        samples: real samples seen.
        reason: "finished", "minutes" or "interrupted".
        spec: what its samples are.
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
    """Trains a recipe in a run directory, or goes on with one.

    Args:
        run_dir: where to write; by default the next free `runs/NNNN-name`.
        resume: a run directory to go on with. `recipe` must be its recipe (see `resume_recipe`).
        minutes: stop and save after so much training.
        listeners: makers of further listeners, beside the recipe's callbacks.
        device: "cpu", "cuda", "cuda:1", ...; by default the best there is.

    Raises:
        UserError: the data, the recipe or the folder cannot be used. Nothing that was there is changed.
        TrainingError: training cannot go on; the message names the last good checkpoint.
    """
    load_all()
    check(recipe)
    place = pick_device(device)
    with contextlib.ExitStack() as stack:
        run, tensors, state = None, {}, {}
        if resume is not None:
            stored_recipe(resume)
            run = stack.enter_context(RunDir(resume))
            if (point := checkpoint.newest(run.checkpoints)) is not None:  # None: stopped before its first checkpoint
                tensors, state = checkpoint.read(point)
        elif run_dir is not None:
            refuse_existing(run_dir)

        if resume is None:
            dataset, spec = open_data(recipe)
        else:
            recipe, dataset, spec = data_of_run(recipe, resume, state.get("data"))
        prints = fingerprint(dataset)
        if state and not is_same_data(state["data"], prints):
            raise UserError(
                f"{resume}: the data is no longer what this run was trained on (count, classes, sizes, names or "
                f"content of its files differ), so the run cannot be resumed exactly. It was read as: "
                f"{'; '.join(line.text for line in reading(dataset)) or dataset.name}. Set data= to the original data, "
                "or start a new run",
                code="run.data_differs",
            )
        loader = make_loader(recipe, dataset, spec, place)
        stack.callback(loader.close)
        kind = Trainer.of(recipe)
        recipe = kind.finalize(recipe, loader)
        stack.enter_context(torch.random.fork_rng())
        trainer = kind(recipe, spec, loader, place)
        init_notes = [] if state else transfer.start(trainer)
        if run is None:
            run = stack.enter_context(RunDir(run_dir or next_folder(recipe.name)))
            run.begin(recipe, place)
        if state:
            trainer.load_state(tensors, state["samples"], str(resume))
        run.events.rewind(trainer.samples)
        tensors.clear()

        session = Session(trainer, run, dataset, prints, state)
        for line in reading(dataset):
            if line.left_out:
                log.warning("%s", line.text)
        session.log("start" if resume is None else "resume", recipe=recipe.name, device=str(place), dataset=len(loader))
        if init_notes:
            session.log("init", notes=init_notes)
            log.warning("starting from a trained model: %s", "; ".join(init_notes))
        n_logged = _log_skipped(session, loader)
        session.listeners = [c.build(session) for c in watchers(recipe)] + [make(session) for make in listeners]
        with stopped_by_interrupt(session):
            reason = session.train(minutes)
        _log_skipped(session, loader, n_logged)  # a streamed set shows its bad items late
        return TrainResult(run.folder, session.samples, reason, spec)


def data_of_run(recipe: Recipe, folder: Path | str, known: str | None) -> tuple[Recipe, Dataset, Spec]:
    """As `open_data`, for a run that is there already; with the recipe, which then says how its data was read.

    Args:
        known: the fingerprint of what it was trained on, where there is one. Runs of before took train and val for one
            part; they go on with both.
    """
    try:
        dataset, spec = open_data(recipe)
        if known is None or is_same_data(known, fingerprint(dataset)) or recipe.data.kind != "path":
            return recipe, dataset, spec
        for items in (["data.split=all"], ["data.split=all", "data.labels=none"]):
            both = build(Recipe, overrides.apply(to_plain(recipe), items, Recipe))
            other, other_spec = open_data(both)
            if is_same_data(known, fingerprint(other)):
                log.warning("this run was trained on all parts of its data: it goes on with %s", " ".join(items))
                with atomic_file(Path(folder) / "recipe.yaml") as file:
                    file.write_text(overrides.to_yaml(both), encoding="utf-8")
                return both, other, other_spec
        return recipe, dataset, spec
    except UserError as error:
        if error.code != "data.not_found":
            raise
        fields = " ".join(f"data.{name}=PATH" for name in recipe.data.places if getattr(recipe.data, name, ""))
        raise UserError(
            f"{error}. If the data of {folder} has moved, say where it is: {fields}", code=error.code
        ) from None


def _log_skipped(session: Session, loader: Loader, n_logged: int = 0) -> int:
    """Logs the samples that could not be used, beyond the first `n_logged`; returns how many there are."""
    new = loader.skipped[n_logged:]
    if new:
        session.log("skipped", count=len(new), items=[f"{where}: {why}" for where, why in new[:100]])
        log.warning("%d samples could not be used and were skipped, the first: %s: %s", len(new), *new[0])
    return len(loader.skipped)


def check(recipe: Recipe) -> None:
    """Refuses combinations of fields that each are fine alone.

    Raises:
        UserError: such a combination.
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
    if recipe.init and recipe.init.freeze and recipe.privacy.kind != "off":
        raise UserError(
            f"init.freeze={recipe.init.freeze} cannot be combined with privacy={recipe.privacy.kind}, which "
            "trains all layers of the net that sees real samples. Leave freeze out",
            code="privacy.freeze_not_supported",
        )
    recipe.task.check(recipe.batch // recipe.accumulate)
    Trainer.of(recipe).check(recipe)


def watchers(recipe: Recipe) -> list[Callback]:
    """The recipe's callbacks, and before them the evaluation that its field `metrics` asks for."""
    evaluation = (
        [build(Callback, {"kind": "evaluation", "metrics": recipe.metrics, "every": recipe.every})]
        if recipe.metrics
        else []
    )
    return [*evaluation, *recipe.callbacks]


def resume_recipe(folder: Path | str, name: str | None = None, items: Sequence[str] = ()) -> Recipe:
    """The recipe with which a run goes on: the stored one with `items` (`path=value`) put in.

    Raises:
        UserError: no run there, another recipe's name, or items that change what the run computes (says what differs).
    """
    load_all()
    stored = stored_recipe(folder)
    if name is not None and name != stored.name:
        raise UserError(
            f"{folder}: a run of the recipe {stored.name!r}, not {name!r}. Leave the name out, or start a new run",
            code="run.recipe_name_differs",
        )
    recipe = build(Recipe, overrides.apply(to_plain(stored), items, Recipe))
    free_fields = (*FREE_ON_RESUME, *(f"data.{name}" for name in stored.data.free_on_resume))
    changed = [
        f"{path}: {old!r} in the run, {new!r} now"
        for path, old, new in overrides.diff(stored, recipe)
        if not any(path == free or path.startswith(f"{free}.") for free in free_fields)
    ]
    if changed:
        raise UserError(
            f"{folder} cannot be resumed with a different recipe; differences:\n  " + "\n  ".join(changed) + "\n"
            f"Leave these out, or start a new run. These may change: {', '.join(free_fields)}",
            code="run.recipe_differs",
        )
    return recipe


@contextlib.contextmanager
def stopped_by_interrupt(session: Session) -> Iterator[None]:
    """The first Ctrl-C (or SIGTERM) finishes the step, saves and ends; a second one ends at once."""
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


@dataclass(frozen=True)
class Plan:
    """What a run would be, found by building it and measuring a few steps. Nothing is written.

    Attributes:
        players: parameters of each player.
        memory_bytes: at the peak: what torch allocated on a GPU; on a CPU, by how much the process grew.
        step_seconds: mean of iterations at moments spread over the run. seconds_total: for all of its samples.
    """

    recipe: Recipe
    spec: Spec
    device: str
    dataset_size: int
    players: dict[str, int]
    memory_bytes: int
    step_seconds: float
    samples_per_second: float
    seconds_total: float
    notes: list[str] = field(default_factory=list)


def plan(recipe: Recipe, device: str | None = None, steps: int = 4) -> Plan:
    """Builds a recipe whole, takes a few steps in memory, and estimates what the run would take.

    Raises:
        UserError: as `train` would.
    """
    load_all()
    check(recipe)
    place = pick_device(device)
    dataset, spec = open_data(recipe)
    loader = make_loader(recipe, dataset, spec, place)
    try:
        kind = Trainer.of(recipe)
        recipe = kind.finalize(recipe, loader)
        with torch.random.fork_rng():
            before = _process_bytes()
            trainer = kind(recipe, spec, loader, place)
            init_notes = transfer.start(trainer)
            iterations = -(-recipe.samples // trainer.stride)
            times = []
            for k in range(steps):
                # Spread over the run, since nets may grow; at odd iterations, at which few lazy phases are due.
                moment = iterations * (2 * k - 1) // (2 * (steps - 1)) | 1 if k else 0
                trainer.samples = moment * trainer.stride
                start = time.perf_counter()
                trainer.iterate()
                trainer.check_finite()  # waits for the device
                times.append(time.perf_counter() - start)
            if place.type == "cuda":
                memory = torch.cuda.max_memory_allocated(place)
            else:
                memory = max(
                    _process_bytes() - before, sum(t.numel() * t.element_size() for t in trainer.state().values())
                )
        step = sum(times[1:]) / len(times[1:])  # the first one sets everything up
        notes = [f"{len(loader.skipped)} samples cannot be used"] if loader.skipped else []
        notes += [line.text for line in reading(dataset)] + kind.notes(recipe) + init_notes
        return Plan(
            recipe=recipe,
            spec=spec,
            device=str(place),
            dataset_size=len(loader),
            players={name: sum(p.numel() for p in net.parameters()) for name, net in trainer.nets.items()},
            memory_bytes=memory,
            step_seconds=step,
            samples_per_second=trainer.stride / step,
            seconds_total=iterations * step,
            notes=notes,
        )
    finally:
        loader.close()


def _process_bytes() -> int:
    """The most memory this process has held, in bytes; 0 where the system does not report it (Windows)."""
    try:
        import resource
        import sys
    except ImportError:
        return 0
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024
