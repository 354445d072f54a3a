"""Given samples in the form in which a model's nets see them: files of a user, and held-out samples of a run's data."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ganforge.core.dataset import Dataset
from ganforge.core.errors import UserError
from ganforge.core.rng import Rng, seed_of
from ganforge.evaluation.class_logits import opened
from ganforge.evaluation.classify import gathered
from ganforge.evaluation.heldout import held_out
from ganforge.evaluation.reader import Reader
from ganforge.inference.model import Model

MOST = 64
"""Samples that are read from what a user gives, at most."""


def given_samples(model: Model, data: Any, most: int = MOST) -> tuple[Tensor, list[str]]:
    """Encoded samples [N, *spec.shape] and where each is from.

    Args:
        data: files, folders, a named set, or samples in memory; one of these or a list.
        most: further samples are not read.

    Raises:
        UserError: nothing there, samples of another signal, or none that can be read.
    """
    found, names = [], []
    with tempfile.TemporaryDirectory() as folder:
        for one in gathered(data if isinstance(data, (list, tuple)) else [data], Path(folder)):
            dataset = opened(model, one)
            x, rows = encoded_items(model, dataset, np.arange(min(len(dataset), most - len(names))))
            found.append(x)
            names += [dataset.describe(k) for k in rows]
            if len(names) >= most:
                break
    if not names:
        raise UserError(f"{data}: no sample in it can be read", code="data.none_readable")
    return torch.cat(found), names


def held_out_samples(model: Model, n: int, seed: int = 0) -> Tensor | None:
    """A few samples that a run was not trained on, encoded [n, *spec.shape]; None where there are none, as of a bundle
    or where its data is gone."""
    recipe = model.recipe
    try:
        dataset = recipe.signal.items(recipe.data.open())
        _, kept, _ = held_out(recipe.data, recipe.signal, dataset)
    except UserError:
        return None
    if kept is None:
        return None
    rows = np.random.Generator(np.random.PCG64(seed_of(seed, "held out"))).permutation(len(kept))[:n]
    x, _ = encoded_items(model, kept, np.sort(rows))
    return x if len(x) else None


def encoded_items(model: Model, dataset: Dataset, rows: Sequence[int] | np.ndarray) -> tuple[Tensor, list[int]]:
    """Items of a data set as the nets see them, with nothing drawn at random, on their device; and which these are,
    without those that cannot be read."""
    bundle, signal = model.bundle, model.recipe.signal.deterministic()
    with Reader(signal, dataset, model.spec) as read:
        items = zip(np.asarray(rows).tolist(), read(np.asarray(rows)), strict=True)
        good = [(k, item) for k, item in items if item is not None]
    if not good:
        return torch.zeros(0, *model.spec.shape, device=bundle.device, dtype=bundle.dtype), []
    stored = torch.from_numpy(np.stack([item for _, item in good])).to(bundle.device)
    return signal.batch(stored, None, model.spec, Rng(0, device=bundle.device)).x.to(bundle.dtype), [k for k, _ in good]
