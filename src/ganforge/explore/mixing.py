"""Style mixing: the styles of some layers from one sample, those of the others from another.

Karras, Laine & Aila 2019, "A Style-Based Generator Architecture for Generative Adversarial Networks". In generators
whose layers each read a part of the latent (BigGAN), the parts are mixed.

    w_l = b_l for the chosen layers l, a_l for the others,   a, b [layers, K] the styles of two samples

A, B: numbers of the samples whose other layers and whose chosen layers are used.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import torch

from ganforge.core.errors import UserError
from ganforge.explore.space import Space, space_of
from ganforge.inference.codes import Codes
from ganforge.inference.model import Model


@dataclass(frozen=True)
class Mixed:
    """Samples with mixed styles.

    Attributes:
        base, style: the samples that are mixed, decoded, [A, ...] and [B, ...].
        mixed: decoded [A·B, ...], for each base in turn all styles.
        codes: their styles.
        layers: the first and the last layer with styles of `style`.
    """

    base: Any
    style: Any
    mixed: Any
    codes: Codes
    layers: tuple[int, int]


@torch.no_grad()
def mix(model: Model, base: Codes, style: Codes, layers: tuple[int, int] | None = None) -> Mixed:
    """Mixes each of some samples with each of others.

    Args:
        base, style: styles of samples, as `styles_of_seeds` gives them or as they were saved.
        layers: the first and the last layer whose styles come from `style`; by default the second half.

    Raises:
        UserError: the model has no styles, or no such layers.
    """
    space = space_of(model, "w")
    last = space.shape[0] - 1
    first, end = layers or ((last + 1) // 2, last)
    if not 0 <= first <= end <= last:
        raise UserError(
            f"--layers {first}-{end}: the layers of this model are 0-{last}", code="explore.layers_out_of_range"
        )
    for codes in (base, style):
        if codes.space != "w":
            raise UserError(
                "latents are mixed layer by layer, and these have no layers. Project the image with --space w",
                code="explore.no_styles",
            )
    device, dtype = model.bundle.device, model.bundle.dtype
    a, b = base.values.to(device, dtype), style.values.to(device, dtype)
    mixed = a[:, None].repeat(1, len(b), 1, 1)
    mixed[:, :, first : end + 1] = b[None, :, first : end + 1]
    mixed = mixed.flatten(0, 1)
    labels = None if base.labels is None else base.labels.repeat_interleave(len(b), 0)
    made = [
        space.decoded(space.make(points, of)) for points, of in ((a, base.labels), (b, style.labels), (mixed, labels))
    ]
    return Mixed(made[0], made[1], made[2], space.codes(mixed, labels), (first, end))


def styles_of_seeds(model: Model, seeds: list[int], label: Any = None, truncation: float = 1.0) -> Codes:
    """The styles of the first sample of each seed.

    Args:
        label: the class of all; by default the first of a conditional model.

    Raises:
        UserError: the model has no styles.
    """
    space = space_of(model, "w")
    label = model.labels[0] if label is None and model.labels else label
    requests = [replace(space.request(1, seed, label=label), truncation=truncation) for seed in seeds]
    labels = (
        None if requests[0].labels is None else torch.cat([one.labels for one in requests if one.labels is not None])
    )
    return space.codes(torch.cat([space.points_of(one) for one in requests]), labels)


def layers_of(model: Model) -> int:
    """How many layers have styles."""
    return Space(model, "w").shape[0]
