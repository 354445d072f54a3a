"""Transfer learning: a run starts from the weights of another, on other data and possibly with other labels.

Mo, Cho & Shin 2020, "Freeze the Discriminator: a Simple Baseline for Fine-Tuning GANs": The lower layers of D are
frozen, since their features (edges, colors) are the same for all images; with little data D then overfits less.

    every net: the weights of the other run's net of the same name; optimizers, schedules and clock start from zero
    label embeddings: rows of labels with the same name are copied, all others are newly initialized
    freeze k: the first k layers of every critic, and the norms between them, are not trained

Which tensors depend on the labels, and along which axis, is found by building the nets with one more label and with
none.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from torch import Tensor, nn

from ganforge.artifacts import bundle, checkpoint
from ganforge.artifacts.rundir import stored_recipe
from ganforge.core import overrides
from ganforge.core.errors import UserError
from ganforge.core.types import Spec
from ganforge.engine.trainer import Trainer
from ganforge.recipes.base import Recipe
from ganforge.recipes.init import FromBundle
from ganforge.tasks.base import Task

SHOWN = 6
"""Maximum number of differences of each kind in an error message."""


@dataclass(frozen=True)
class Source:
    """A trained model that another run starts from.

    Attributes:
        path: of its run directory or file.
        recipe, spec: how it was trained, and on what.
        nets, averages: tensors by name, as in `net.G.layers.0.weight` and `ema.G.layers.0.weight`; identical for a
            bundle.
    """

    path: str
    recipe: Recipe
    spec: Spec
    nets: dict[str, Tensor]
    averages: dict[str, Tensor]

    def has(self, player: str) -> bool:
        return any(name.startswith(f"{player}.") for name in self.nets)


def read(path: Path | str) -> Source:
    """Reads a run directory (its newest checkpoint, if any) or a bundle.

    Raises:
        UserError: it does not exist, is not trained yet, or is damaged.
    """
    recipe, spec, tensors = model(path)
    folder = Path(path).expanduser()
    point = checkpoint.newest(folder / "checkpoints") if folder.is_dir() else None
    if point is None:
        return Source(str(path), recipe, spec, tensors, tensors)
    found, _ = checkpoint.read(point)
    return Source(str(path), stored_recipe(folder), spec, _part(found, "net"), _part(found, "ema"))


def model(path: Path | str) -> tuple[Recipe, Spec, dict[str, Tensor]]:
    """Recipe, spec and tensors of the model given by `init`.

    Raises:
        UserError: it does not exist, is not trained yet, or is damaged; the message names `init`.
    """
    try:
        return bundle.read(Path(path).expanduser())
    except UserError as error:
        raise UserError(f"init={error}", code=error.code) from None


def _part(tensors: Mapping[str, Tensor], prefix: str) -> dict[str, Tensor]:
    return {name[len(prefix) + 1 :]: t for name, t in tensors.items() if name.startswith(f"{prefix}.")}


@dataclass(frozen=True)
class LabelShapes:
    """Which tensors of the nets depend on the labels.

    Attributes:
        axes: tensor name (`D.label.weight`) → the axis with one entry per label.
        alone: names of tensors that exist only if there are labels.
    """

    axes: dict[str, int]
    alone: set[str]


def label_shapes(task: Task, spec: Spec, classes: int) -> LabelShapes:
    """Found by building the nets with `classes` labels, with one more and with none."""
    one, more, none = (_shapes(task, spec, count) for count in (classes, classes + 1, 0))
    axes = {}
    for name, shape in one.items():
        changed = [k for k, (a, b) in enumerate(zip(shape, more[name], strict=True)) if a != b]
        if changed:
            axes[name] = changed[0]
    return LabelShapes(axes, set(one) - set(none))


def _shapes(task: Task, spec: Spec, classes: int) -> dict[str, torch.Size]:
    with torch.random.fork_rng(devices=[]), warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Initializing zero-element tensors")  # a classifier of no classes
        players = task.players(replace(spec, classes=classes, labels=tuple(str(k) for k in range(classes))))
    return {f"{player}.{name}": t.shape for player, net in players.items() for name, t in net.state_dict().items()}


def start(trainer: Trainer) -> list[str]:
    """Loads the weights given by the recipe's `init` into a new trainer; returns messages for the user.

    Raises:
        UserError: there is no such model, or its nets differ (the message lists how). The trainer is unchanged.
    """
    init = trainer.recipe.init
    if not isinstance(init, FromBundle):
        return []
    source = read(init.path)
    critics = trainer.recipe.task.critic_players(trainer.nets)
    if init.freeze and (absent := [name for name in critics if not source.has(name)]):
        raise UserError(
            f"init.freeze={init.freeze}: {init.path} does not contain {', '.join(absent)}, whose layers would be "
            "frozen. Give the run directory with its checkpoints, or leave freeze out",
            code="init.player_missing",
        )
    if not any(source.has(name) for name in trainer.nets):
        raise UserError(_refusal(source, trainer, []), code="init.nets_differ")
    labels = LabelShapes({}, set())
    if source.spec.labels != trainer.spec.labels:
        labels = label_shapes(trainer.recipe.task, trainer.spec, trainer.spec.classes or source.spec.classes)
    elif source.spec.conditions.each != trainer.spec.conditions.each:  # their embeddings start new
        here, there = trainer.spec.for_nets, source.spec.for_nets
        labels = label_shapes(trainer.recipe.task, trainer.spec, here.classes or there.classes)
    copies: list[tuple[Tensor, Tensor]] = []
    wrong: list[str] = []
    for players, tensors in ((trainer.nets, source.nets), (trainer.averages, source.averages)):
        for player, net in players.items():
            if source.has(player):
                found, differs = _match(player, net, tensors, labels, trainer.spec, source.spec)
                copies += found
                wrong += differs
    if wrong:
        raise UserError(_refusal(source, trainer, list(dict.fromkeys(wrong))), code="init.nets_differ")
    with torch.no_grad():
        for own, theirs in copies:
            own.copy_(theirs)
    return _summary(source, trainer)


def _match(
    player: str, net: nn.Module, tensors: Mapping[str, Tensor], labels: LabelShapes, here: Spec, there: Spec
) -> tuple[list[tuple[Tensor, Tensor]], list[str]]:
    """Pairs (own tensor or a row of it, source of its values), and the tensors that do not fit."""
    copies: list[tuple[Tensor, Tensor]] = []
    wrong: list[str] = []
    own = {f"{player}.{name}": tensor for name, tensor in net.state_dict().items()}
    for name, tensor in own.items():
        other = tensors.get(name)
        axis = labels.axes.get(name)
        if other is None:
            if name not in labels.alone:
                wrong.append(f"{name}: not there, {list(tensor.shape)} here")
        elif axis is not None and _without_axis(other.shape, axis) == _without_axis(tensor.shape, axis):
            for k, label in enumerate(here.labels):
                if label in there.labels:
                    copies.append((tensor.select(axis, k), other.select(axis, there.labels.index(label))))
        elif other.shape == tensor.shape:
            copies.append((tensor, other))
        else:
            wrong.append(f"{name}: {list(other.shape)} there, {list(tensor.shape)} here")
    for name in tensors:
        if name.startswith(f"{player}.") and name not in own and name not in labels.alone:
            wrong.append(f"{name}: {list(tensors[name].shape)} there, not here")
    return copies, wrong


def _without_axis(shape: torch.Size, axis: int) -> tuple[int, ...]:
    return (*shape[:axis], *shape[axis + 1 :])


def _refusal(source: Source, trainer: Trainer, wrong: list[str]) -> str:
    recipe = trainer.recipe
    lines = []
    if source.spec.shape != trainer.spec.shape:
        lines.append(f"sample: {_dimensions(source.spec.shape)} there, {_dimensions(trainer.spec.shape)} here")
    deciding = {"kind", *source.recipe.task.net_fields(), *recipe.task.net_fields()}
    nets = [
        f"{path}: {old!r} there, {new!r} here"
        for path, old, new in overrides.diff(source.recipe, recipe)
        if path.startswith("task.") and path.split(".")[1] in deciding
    ]
    for found in (nets, wrong):
        lines += found[:SHOWN] + ([f"and {len(found) - SHOWN} more"] if len(found) > SHOWN else [])
    return (
        f"init={source.path}: these nets cannot start from it; differences:\n  " + "\n  ".join(lines) + "\n"
        f"It was trained with the recipe {source.recipe.name!r}: use that recipe, its fields and its size, or leave "
        "init out"
    )


def _dimensions(shape: tuple[int, ...]) -> str:
    return "×".join(map(str, shape))


def _summary(source: Source, trainer: Trainer) -> list[str]:
    taken = [name for name in trainer.nets if source.has(name)]
    lines = [f"{', '.join(taken)} with the weights of {source.path}, trained as {source.recipe.name!r}"]
    absent = [name for name in trainer.nets if not source.has(name)]
    if absent:
        lines.append(
            f"{', '.join(absent)} starts from random weights: a model file contains only generators. To load all nets, "
            "use the run directory with its checkpoints"
        )
    here, there = trainer.spec.labels, source.spec.labels
    if here != there and here:
        kept = [label for label in here if label in there]
        lines.append(f"labels: {len(kept)} matched by name, {len(here) - len(kept)} new")
    if source.spec.conditions.each != trainer.spec.conditions.each:
        lines.append("conditions: they differ from those of that model, so their embeddings are new")
    if trainer.frozen:
        lines.append(f"{sum(weight.numel() for weight in trainer.frozen):,} weights of the critics are frozen")
    return lines
