"""Logits of the classes of samples, by a trained model that classifies, and the classes that are known of them."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from ganforge.core.condition_kinds import Category
from ganforge.core.dataset import Dataset
from ganforge.core.errors import UserError
from ganforge.core.rng import Rng
from ganforge.data.base import DataSource
from ganforge.evaluation.reader import Reader
from ganforge.evaluation.runs import named_data
from ganforge.inference.model import Model

PART = 256


def classes_of(model: Model) -> tuple[str, ...]:
    """The names of the classes that a model predicts.

    Raises:
        UserError: it predicts none.
    """
    if not model.spec.predicts:
        raise UserError(
            f"{model.folder}: this model ({model.recipe.name}) does not classify samples. Train one that does: "
            "ganforge train sgan data=...",
            code="classify.not_a_classifier",
        )
    return model.spec.predicts


def opened(model: Model, data: Any) -> Dataset:
    """The samples of some data, all parts of it, as the model's signal counts them.

    Raises:
        UserError: nothing there, or samples of another signal.
    """
    source = named_data(str(data) if isinstance(data, Path) else data, model.recipe.data)
    signal = model.recipe.signal
    whole = (source if isinstance(data, str) and "=" in data else every_part(source)).open()
    if whole.signal and whole.signal not in (signal.kind, *signal.reads):
        raise UserError(
            f"data {whole.name}: holds {whole.signal} samples, and {model.folder} was trained on {signal.kind} samples",
            code="data.other_signal",
        )
    return signal.items(whole)


def every_part(source: DataSource) -> DataSource:
    """The source of all parts (train, test, ...) of the same data, where it can open them together."""
    whole = source.whole()
    every = whole.part("all") if source.kind == "path" else None
    try:
        if every is not None:
            every.open()
            return every
    except UserError:  # a file of one part, which has no name
        return whole
    return whole


@torch.inference_mode()
def logits_of(
    model: Model, dataset: Dataset, rows: np.ndarray | None = None
) -> tuple[np.ndarray, np.ndarray, list[tuple[str, str]]]:
    """Logits of samples.

    Args:
        rows: which samples; by default all.

    Returns:
        Logits float64 [M, K]; the places of these samples, int64 [M]; (sample, why) of those that cannot be read.
    """
    bundle, signal = model.bundle, model.recipe.signal.deterministic()
    wanted = np.arange(len(dataset)) if rows is None else rows
    found, places, bad = [], [], []
    with Reader(signal, dataset, model.spec) as read, bundle.on_trial():
        for start in range(0, len(wanted), PART):
            part = wanted[start : start + PART].tolist()
            items = read(np.array(part))
            good = [(k, item) for k, item in zip(part, items, strict=True) if item is not None]
            bad += [
                (dataset.describe(k), "cannot be read") for k, item in zip(part, items, strict=True) if item is None
            ]
            if good:
                stored = torch.from_numpy(np.stack([item for _, item in good])).to(bundle.device)
                x = signal.batch(stored, None, model.spec, Rng(0, device=bundle.device)).x.to(bundle.dtype)
                found.append(model.recipe.task.class_logits(bundle.nets, x).double().cpu().numpy())
                places += [k for k, _ in good]
    logits = np.concatenate(found) if found else np.zeros((0, len(model.spec.predicts)))
    return logits, np.array(places, np.int64), bad


def targets_of(dataset: Dataset, names: Sequence[str]) -> np.ndarray | None:
    """The known classes of samples as places in `names`, int64 [N], -1 for an unknown one; None if none is known."""
    place = {unicodedata.normalize("NFC", name): k for k, name in enumerate(names)}
    if dataset.labels is not None:
        own = np.array([place.get(unicodedata.normalize("NFC", name), -1) for name in dataset.classes], np.int64)
        found = own[dataset.labels]
    else:
        fits = [one for one in dataset.conditions.each if isinstance(one, Category) and set(one.values) & set(place)]
        if len(fits) != 1 or dataset.vectors is None:
            return None
        values = fits[0].decode(dataset.vectors[:, dataset.conditions.slices[fits[0].name]])
        found = np.array([-1 if value is None else place.get(str(value), -1) for value in values], np.int64)
    return found if (found >= 0).any() else None
