"""Few labels: all but some samples of each class lose their label, to try methods for data that is mostly unlabeled.

Which samples keep it is a function of the labels and `labels_seed`, so it is the same in every run on the same data;
it is stated when training starts, and a run keeps the list (`labeled.csv`).
"""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np

from ganforge.core.condition_kinds import Category
from ganforge.core.conditions import Conditions
from ganforge.core.dataset import Dataset
from ganforge.core.errors import UserError
from ganforge.core.files import atomic_file
from ganforge.core.names import writable
from ganforge.core.rng import seed_of

LABEL = "label"
"""The name of the condition that stands for the classes of a data set."""


def as_condition(dataset: Dataset) -> None:
    """The classes of a data set as a condition, `label`, whose value may be unknown; changes nothing without classes.

    Raises:
        UserError: there is only one class, or the labels are two domains to translate between.
    """
    if dataset.conditions or dataset.labels is None or dataset.domains:
        return
    if len(dataset.classes) < 2:
        raise UserError(
            f"data {dataset.name}: all samples are of one class; at least two are needed", code="data.one_class"
        )
    one = Category(LABEL, tuple(dataset.classes))
    rows = [(one.values[k],) for k in dataset.labels.tolist()]
    dataset.conditions = Conditions((one,)).with_observed(rows)
    dataset.vectors = dataset.conditions.encode(rows)
    dataset.labels, dataset.classes = None, ()


def keep_labels(dataset: Dataset, per_class: int, seed: int) -> None:
    """Makes the label of all but `per_class` samples of each class unknown; `dataset.labeled` are those that keep it.

    Raises:
        UserError: there is no label, or not just one category, or a class has fewer samples.
    """
    as_condition(dataset)
    categories = [one for one in dataset.conditions.each if isinstance(one, Category)]
    if len(categories) != 1 or dataset.vectors is None:
        known = ", ".join(one.name for one in categories)
        how = f"choose one of the categories {known} (data.columns=[NAME])" if known else "its samples have no labels"
        raise UserError(f"data.labels_per_class={per_class}: {dataset.name}: {how}", code="data.labels_per_class")
    one = categories[0]
    place = dataset.conditions.slices[one.name]
    given = dataset.vectors[:, place]
    chosen = []
    for k, value in enumerate(one.values):
        members = np.flatnonzero(given[:, k] > 0.5)
        if len(members) < per_class:
            raise UserError(
                f"data.labels_per_class={per_class}: only {len(members):,} samples of {dataset.name} are labeled "
                f"{value!r}. Use data.labels_per_class={len(members)} or less",
                code="data.labels_per_class",
            )
        draws = np.random.Generator(np.random.PCG64(seed_of(seed, "labels per class", value)))
        chosen.append(members[draws.permutation(len(members))[:per_class]])
    kept = np.sort(np.concatenate(chosen))
    vectors = dataset.vectors.copy()
    vectors[:, place] = one.encode([None])
    vectors[kept, place] = given[kept]
    dataset.vectors, dataset.labeled = vectors, kept
    dataset.conditions = dataset.conditions.with_observed(dataset.conditions.decode(vectors[kept]))
    total = len(one.values) * per_class
    dataset.understood = (
        *dataset.understood,
        f"labels of {total:,} of {len(dataset):,} samples are used, {per_class:,} of each of {len(one.values)} classes "
        f"(data.labels_seed={seed})",
    )


def write_list(dataset: Dataset, folder: Path) -> None:
    """`labeled.csv`: the samples that keep their label, by their place in the data and their origin, with the label."""
    assert dataset.labeled is not None
    assert dataset.vectors is not None
    one = next(one for one in dataset.conditions.each if isinstance(one, Category))
    values = one.decode(dataset.vectors[dataset.labeled, dataset.conditions.slices[one.name]])
    with atomic_file(folder / "labeled.csv") as path, path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["place", "sample", one.name])
        writer.writerows(
            [k, writable(dataset.describe(k)), v] for k, v in zip(dataset.labeled.tolist(), values, strict=True)
        )
