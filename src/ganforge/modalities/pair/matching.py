"""Which images of two sets belong together, and which are held out: both by the names of their files."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import PurePosixPath

import numpy as np

from ganforge.core.dataset import Dataset
from ganforge.core.errors import UserError
from ganforge.core.rng import seed_of
from ganforge.data.store import common_folder
from ganforge.modalities.image.sources import folder
from ganforge.modalities.pair.views import Chosen

SHOWN = 10  # names in a message


def partners(
    source: Dataset, target: Dataset, fix: Callable[[int], str], skip: bool = False
) -> tuple[list[str], tuple[np.ndarray, np.ndarray]]:
    """The names that both sets have, and the items of each by these names.

    Args:
        fix: given the number of pairs, says what can be done about files without a partner.
        skip: leave those out.

    Raises:
        UserError: names without a partner (lists them), or none with one.
    """
    left, right = by_name(source), by_name(target)
    if left is None or right is None:  # arrays have no names: the order pairs them
        if len(source) != len(target):
            raise UserError(
                f"data: {source.name} contains {len(source)} images and {target.name} {len(target)}; without file "
                "names they are paired in order, so both must contain the same number",
                code="data.counts_differ",
            )
        return [str(k) for k in range(len(target))], (np.arange(len(source)), np.arange(len(target)))
    both = [name for name in right if name in left]
    lonely = [f"{source.name}: {name}" for name in left if name not in right]
    lonely += [f"{target.name}: {name}" for name in right if name not in left]
    if not both:
        raise UserError(
            f"data: no file of {source.name} has the name of a file of {target.name} (endings are ignored), for "
            f"instance:\n  {first(lonely)}",
            code="data.no_pairs",
        )
    if lonely and not skip:
        raise UserError(
            f"data: {len(lonely)} files have no partner of the same name in the other set:\n  {first(lonely)}\n"
            f"{fix(len(both))}",
            code="data.unpaired_files",
        )
    return both, (np.array([left[name] for name in both]), np.array([right[name] for name in both]))


def by_name(dataset: Dataset) -> dict[str, int] | None:
    """Items by their file's name below the folder that all lie in, without its ending; None without files.

    Raises:
        UserError: two files that differ in their endings alone.
    """
    if not isinstance(dataset, folder.PictureDataset):
        return None
    prefix = common_folder(dataset.files)
    found: dict[str, int] = {}
    for k, file in enumerate(dataset.files):
        name = PurePosixPath(file[len(prefix) :]).with_suffix("").as_posix()
        if name in found:
            raise UserError(
                f"data {dataset.name}: {dataset.files[found[name]]} and {file} have the same name; keep one of them",
                code="data.duplicate_names",
            )
        found[name] = k
    return found


def first(lines: Sequence[str]) -> str:
    """The first few of many, one a line."""
    more = [f"... and {len(lines) - SHOWN} more"] if len(lines) > SHOWN else []
    return "\n  ".join([*lines[:SHOWN], *more])


def some_of(dataset: Dataset, split: str, holdout: float) -> Dataset:
    """A set, or the part of it for training or evaluation."""
    if not holdout:
        return dataset
    names = list(by_name(dataset) or map(str, range(len(dataset))))
    rows = part_of(names, split, holdout, dataset.name)
    return Chosen(dataset, rows, [names[k] for k in rows])


def part_of(names: Sequence[str], split: str, holdout: float, where: str) -> np.ndarray:
    """The indices of the images to train on, or of those held out: each is drawn from its name alone.

    So adding or removing images changes nothing for the others, and runs with other seeds hold out the same ones.

    Raises:
        UserError: none would be held out, or all.
    """
    back = np.array([seed_of("held back", name) / 2**63 < holdout for name in names])
    if holdout and back.all() == back.any():
        raise UserError(
            f"data {where}: a share of {holdout:g} of {len(names)} images holds out "
            f"{'all' if back.all() else 'none'} of them; choose another data.holdout",
            code="data.bad_holdout",
        )
    return np.flatnonzero(back if holdout and split == "test" else ~back)
