"""From a Python object to a data source: wrappers of torch and others are removed here; the `Opener` of each signal
then identifies the samples."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from ganforge.core.component import build
from ganforge.core.errors import UserError
from ganforge.data import opener as openers
from ganforge.data.base import DataSource
from ganforge.data.given import Given
from ganforge.registry import load_all

log = logging.getLogger(__name__)


def is_object(value: Any) -> bool:
    """Whether a value is data itself, not a path or a name."""
    if isinstance(value, Mapping):
        return "kind" not in value
    return value is not None and not isinstance(value, (str, Path, DataSource))


def source_of(value: Any) -> DataSource:
    """The source for a path, the name of a set, the fields of a source, or an object.

    Raises:
        UserError: no signal supports objects of this type, or the samples cannot be used.
    """
    load_all()
    if isinstance(value, DataSource):
        return value
    if isinstance(value, (str, Path)):
        return build(DataSource, DataSource.from_text(str(value)), what="data")
    if isinstance(value, Mapping) and "kind" in value:
        return build(DataSource, value, what="data")
    given = unwrapped(value)
    for opener in openers.openers():
        if (source := opener.source_of(given)) is not None:
            dataset = source.open()
            shapes = ", ".join("×".join(map(str, shape)) for shape, _ in list(dataset.shapes())[:3])
            labels = f", {len(dataset.classes)} labels" if dataset.classes else ""
            log.info("data: a %s, read as %d samples of %s%s", type(value).__name__, len(dataset), shapes, labels)
            return source
    raise UserError(
        f"data: a {type(value).__name__} is not data. Give a path, the name of a set, an array or a tensor, a list of "
        "images, a pair (samples, labels), a DataFrame, a torch Dataset or DataLoader, or a Dataset of `datasets`",
        code="data.type_not_supported",
    )


def unwrapped(value: Any) -> Given:
    """Samples and labels, from a pair of both or from torch's data sets and loaders."""
    if isinstance(value, torch.utils.data.DataLoader):
        value = value.dataset  # a run makes its own batches
    if isinstance(value, torch.utils.data.TensorDataset):
        first, *more = value.tensors
        value = (first, more[0]) if more else first
    if isinstance(value, torch.utils.data.Dataset):
        return _of_items(value)
    if isinstance(value, tuple) and len(value) == 2 and _are_labels(value[1], len(value[0])):
        return replace(unwrapped(value[0]), labels=np.asarray(plain_array(value[1])))
    if isinstance(value, Sequence) and not isinstance(value, (str, bytes)):
        return Given([plain_array(item) for item in value])
    return Given(plain_array(value))


def _of_items(dataset: Any) -> Given:
    """Every item of a torch Dataset once: x, or (x, label, ...)."""
    count = range(len(dataset)) if hasattr(dataset, "__len__") else None
    items = list(dataset) if count is None else [dataset[k] for k in count]
    pairs = [item if isinstance(item, (tuple, list)) else (item,) for item in items]
    samples = [plain_array(pair[0]) for pair in pairs]
    labels = [plain_array(pair[1]) for pair in pairs if len(pair) > 1]
    if len(labels) != len(samples) or not all(np.ndim(label) == 0 for label in labels):
        return Given(samples)
    names = getattr(dataset, "classes", ())
    numbers = np.asarray(labels)
    known = numbers.dtype.kind in "iu" and len(names) and numbers.min() >= 0 and numbers.max() < len(names)
    return Given(samples, numbers, tuple(map(str, names)) if known else ())


def _are_labels(value: Any, count: int) -> bool:
    labels = np.asarray(plain_array(value)) if not isinstance(value, str) else None
    return labels is not None and labels.ndim == 1 and len(labels) == count


def plain_array(value: Any) -> Any:
    """A tensor as an array; everything else as it is."""
    if not isinstance(value, torch.Tensor):
        return value
    value = value.detach().cpu()
    return (value.float() if value.dtype == torch.bfloat16 else value).numpy()
