"""Class labels given by name or by index."""

from __future__ import annotations

import operator
import unicodedata
from collections.abc import Sequence
from typing import Any

import torch

from ganforge.core.errors import UserError, did_you_mean
from ganforge.core.types import Spec

Label = int | str | Sequence[int | str]
"""A label by name, or by index if no name is a number; or a sequence with one label per sample."""


def label_names(spec: Spec) -> tuple[str, ...]:
    """The names of the classes, or their indices if they have no names."""
    return tuple(spec.labels) or tuple(str(k) for k in range(spec.classes))


def label_ids(label: Any, n: int, labels: Sequence[str], recipe: str) -> torch.Tensor | None:
    """The labels of samples 0..n as int64 [n], or None for an unconditional model: see `Model.label_ids`.

    Args:
        labels: the names of the classes; empty for an unconditional model.
        recipe: the name of the model's recipe, for messages.
    """
    if not labels:
        if label is not None:
            raise UserError(
                f"label {label!r}: this model ({recipe}) was trained without labels. "
                "Leave the label out, or train a conditional recipe such as cdcgan",
                code="sample.no_labels",
            )
        return None
    if label is None:
        return torch.arange(n) % len(labels)
    if isinstance(label, str) or not hasattr(label, "__len__") or getattr(label, "ndim", 1) == 0:
        return torch.full((n,), label_id(label, labels), dtype=torch.int64)
    ids = [label_id(one, labels) for one in label]
    if len(ids) != n:
        raise UserError(
            f"got {len(ids)} labels for {n} samples: give one label, or one for each sample",
            code="sample.labels_differ_in_number",
        )
    return torch.tensor(ids, dtype=torch.int64)


def label_id(label: int | str, labels: Sequence[str]) -> int:
    """The index of a label.

    Raises:
        UserError: the label is unknown.
    """
    name = unicodedata.normalize("NFC", str(label))
    names = [unicodedata.normalize("NFC", known) for known in labels]
    if name in names:
        return names.index(name)
    try:
        number = int(label) if isinstance(label, str) else operator.index(label)  # a float is not a class index
    except (ValueError, TypeError):
        number = -1
    numbered = any(known.isdecimal() for known in names)
    if numbered:  # a number is a name then, in every form: 7 is 007
        same = [k for k, known in enumerate(names) if known.isdecimal() and int(known) == number]
        number = same[0] if len(same) == 1 else -1
    if not 0 <= number < len(labels):
        known = ", ".join(name if numbered else f"{k} {name}" for k, name in enumerate(labels[:30]))
        more = f", ... {len(labels)} in all" if len(labels) > 30 else ""
        hint = did_you_mean(label, labels) if isinstance(label, str) else ""
        raise UserError(
            f"unknown label {label!r}{hint} (the labels of this model: {known}{more})", code="sample.unknown_label"
        )
    return number
