"""Builds the parts of a run from a recipe: data, spec, nets, optimizers."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Iterator
from dataclasses import replace

import torch

from ganforge.core.dataset import Dataset, Reading
from ganforge.core.device import building, weights_dtype
from ganforge.core.errors import UserError, did_you_mean
from ganforge.core.rng import Rng, seed_of
from ganforge.core.types import Batch, Nets, Spec
from ganforge.data.balance import Balanced, groups_of
from ganforge.data.few_labels import as_condition, keep_labels
from ganforge.data.loader import Loader
from ganforge.data.prepared import Prepared
from ganforge.engine.world import World
from ganforge.recipes.base import Recipe

log = logging.getLogger("ganforge")


def open_data(recipe: Recipe) -> tuple[Dataset, Spec]:
    """The data set of a recipe, and the spec of its samples for the recipe's nets.

    Raises:
        UserError: the data or the requested size cannot be used.
    """
    whole = recipe.data.open()
    dataset = recipe.signal.items(whole)
    if whole.conditions and not dataset.conditions:
        raise UserError(
            f"data {dataset.name}: its conditions are of whole items, and {recipe.signal.kind} samples are parts of "
            "them, which conditions are not known for. Use samples that are whole items, or leave data.labels out",
            code="data.conditions_of_parts",
        )
    if recipe.data.labels_per_class is not None:
        keep_labels(dataset, recipe.data.labels_per_class, recipe.data.labels_seed)
    elif recipe.drop_conditions != 0:
        as_condition(dataset)  # classes have no value for "unknown"
    try:
        spec = recipe.task.adapt(recipe.signal.spec(dataset, recipe.task.nearest).conditioned(dataset.conditions))
        if dataset.conditions and not (spec.conditions or spec.predicts):
            log.warning(
                "data %s: the recipe %s is not conditional, so that the conditions %s are not used "
                "(task.conditional=true, or a conditional recipe such as cdcgan)",
                dataset.name, recipe.name, ", ".join(dataset.conditions.names),
            )  # fmt: skip
        if recipe.drop_conditions != 0 and not (spec.conditions and recipe.task.hides_conditions):
            raise UserError(
                f"drop_conditions: the recipe {recipe.name} has no conditions that can be hidden. Use a conditional "
                "recipe such as cdcgan, or leave it out",
                code="recipe.no_conditions_to_drop",
            )
        return dataset, spec
    except UserError as error:
        if error.code == "data.no_labels" and dataset.no_labels:
            raise UserError(f"{error}. (There are folders: {dataset.no_labels})", code=error.code) from None
        raise


def finalize(recipe: Recipe, spec: Spec) -> Recipe:
    """The recipe with the fields of the task filled in that depend on the data, and optimizers for the nets that the
    task then has."""
    task = recipe.task.finalize(spec)
    absent = set(task.optional) - set(task.generators())
    if task is recipe.task and absent.isdisjoint(recipe.optimizers):
        return recipe
    kept = {name: optimizer for name, optimizer in recipe.optimizers.items() if name not in absent}
    return replace(recipe, task=task, optimizers=kept)


def reading(dataset: Dataset) -> list[Reading]:
    """How a data set and its parts were read, without duplicate lines."""
    lines = [*dataset.reading(), *(dataset.source.reading() if dataset.source is not None else ())]
    return list(dict.fromkeys(lines))


def make_loader(
    recipe: Recipe, dataset: Dataset, spec: Spec, device: torch.device, world: World | None = None
) -> Loader:
    """The batches of a run, by position; of several processes, the part of this one."""
    world = world or World()
    whole = recipe.signal.prepare_all(dataset, spec)
    loader = Loader(
        dataset if whole is None else Prepared(dataset, whole),
        (lambda item: recipe.signal.prepare(item, spec)) if whole is None else (lambda item: item),
        recipe.signal.stored(spec) if whole is None else whole.shape[1:],
        batch=recipe.batch,
        seed=recipe.seed,
        device=device,
        in_memory=recipe.data.in_memory,
        workers=recipe.data.workers,
        min_samples=recipe.task.min_samples(recipe.batch),
        noun=recipe.signal.noun.many,
        shard=world.shard,
        sharing=world.local,
    )
    try:
        chosen = recipe.task.order(spec, EverySample(recipe, loader, spec))
        if recipe.balance is not None:
            refuse_two_orders(recipe, chosen is not None)
            chosen = Balanced(groups_of(dataset, recipe.balance))
        loader.order = chosen or loader.order
    except BaseException:
        loader.close()
        raise
    return loader


def refuse_two_orders(recipe: Recipe, by_task: bool) -> None:
    """Raises UserError for `balance`, where the samples of a batch are chosen otherwise already."""
    if by_task or recipe.privacy.kind != "off":
        who = f"the task {recipe.task.kind}" if by_task else f"privacy={recipe.privacy.kind}"
        raise UserError(
            f"balance={recipe.balance}: {who} chooses the samples of a batch itself. Leave balance out",
            code="recipe.balance_not_possible",
        )


class EverySample:
    """All samples of a run once, encoded, in the order of the data set.

    Attributes:
        labels: labels of all samples, int64 [len], or None; available without reading samples.
        vectors: their conditions, float32 [len, K], or None.
        conditions: what the vectors stand for.
    """

    def __init__(self, recipe: Recipe, loader: Loader, spec: Spec):
        self.recipe, self.loader, self.spec = recipe, loader, spec
        self.labels, self.vectors = loader.dataset.labels, loader.dataset.vectors
        self.conditions = loader.dataset.conditions

    def __iter__(self) -> Iterator[Batch]:
        for start, stored, labels in self.loader.sweep():
            rng = Rng(self.recipe.seed, start, "sweep", device=self.loader.device)
            yield self.recipe.signal.batch(stored, labels, self.spec, rng)


def make_nets(recipe: Recipe, spec: Spec, device: torch.device) -> Nets:
    """Newly initialized nets and memory on `device`, which depend only on the recipe's seed.

    The initial weights are the same in every precision, except for rounding.
    """
    dtype = weights_dtype(recipe.precision, device)
    with torch.random.fork_rng(devices=[]), building(dtype):
        torch.manual_seed(seed_of(recipe.seed, "init"))
        nets = Nets(recipe.task.players(spec.for_nets), recipe.task.memory(spec.for_nets))
    return nets.to(device, dtype)


def make_optimizers(recipe: Recipe, nets: Nets) -> dict[str, torch.optim.Optimizer]:
    """An optimizer for each net.

    Raises:
        UserError: the keys of the recipe's `optimizers` do not match the task's nets.
    """
    for name in recipe.optimizers:
        if name not in nets:
            raise UserError(
                f"optimizers.{name}: the task has no player of this name{did_you_mean(name, nets)} (players: "
                f"{', '.join(nets)})",
                code="recipe.unknown_player",
            )
    missing = [name for name in nets if name not in recipe.optimizers]
    if missing:
        raise UserError(
            f"optimizers: no optimizer for {', '.join(missing)}. Add optimizers.{missing[0]}=adam",
            code="recipe.no_optimizer",
        )
    return {name: recipe.optimizers[name].build(net) for name, net in nets.items()}


def fingerprint(dataset: Dataset) -> str:
    """A short hash with which a resumed run detects that its data has changed: of count, classes, labels, shapes and
    digest, followed by "-" and a hash of the names, the sizes and some of the content of its files, if it has files."""
    digest = hashlib.sha256(repr((len(dataset), dataset.classes, sorted(dataset.shapes().items()))).encode())
    if dataset.labels is not None:
        digest.update(dataset.labels.astype("<i8").tobytes())
    if dataset.vectors is not None:
        digest.update(repr(dataset.conditions.each).encode() + dataset.vectors.astype("<f4").tobytes())
    digest.update(dataset.digest.encode())
    sources = [dataset] if dataset.source is None else [dataset, dataset.source]
    files = "".join(one.identity() for one in sources)
    shapes = digest.hexdigest()[:16]
    return f"{shapes}-{hashlib.sha256(files.encode()).hexdigest()[:16]}" if files else shapes


def is_same_data(known: str, now: str) -> bool:
    """Whether two fingerprints are of the same data. Those of older runs lack the hash of the files, which is then
    ignored."""
    return known == now or ("-" not in known and known == now.partition("-")[0])
