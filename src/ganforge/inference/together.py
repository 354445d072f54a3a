"""Samples of several requests from one pass through the nets.

A pass over 16 samples takes much less than 16 passes over one. Requests can share a pass if a sample is a function of
its latent, its label and its extra inputs alone: row k of the pass is then the same sample, up to rounding, that a pass
of its own would make. Tasks that draw more than latents (the choices of tokens, noise per level) make other samples
then, so `is_function_of_latents` tries it instead of trusting a list.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import torch

from ganforge.artifacts.bundle import Bundle
from ganforge.core.types import Request
from ganforge.recipes.sampling import labeled


def with_latents(bundle: Bundle, request: Request) -> Request:
    """The request with its latents [n, L] and its labels written out, as they would be drawn."""
    request = labeled(request, bundle.spec)
    if request.latents is not None:
        return request
    return replace(request, latents=bundle.recipe.task.latents(request).cpu())


def is_function_of_latents(bundle: Bundle) -> bool:
    """Whether samples depend on nothing but latents, labels and extra inputs, so that requests can share a pass.

    Makes three samples: of a seed; of its latents; and of the same latents with another seed. All must be equal, bit
    for bit.
    """
    if not bundle.recipe.task.has_latents:
        return False
    written = with_latents(bundle, Request(n=1, seed=1))
    made = [bundle.generate(one) for one in (Request(n=1, seed=1), written, replace(written, seed=2, start=3))]
    return all(
        isinstance(one, np.ndarray) and np.array_equal(one, made[0], equal_nan=one.dtype.kind == "f") for one in made
    )


def generate_together(bundle: Bundle, requests: Sequence[Request]) -> list[Any]:
    """The decoded samples of each request, from one pass. The requests share truncation, temperature and extra inputs'
    names, and the bundle is such that `is_function_of_latents`."""
    written = [with_latents(bundle, request) for request in requests]
    first = written[0]
    labels = None if first.labels is None else torch.cat([one.labels for one in written if one.labels is not None])
    joined = replace(
        first,
        n=sum(one.n for one in written),
        latents=torch.cat([one.latents for one in written if one.latents is not None]),
        labels=labels,
        extra={name: torch.cat([one.extra[name] for one in written]) for name in first.extra},
    )
    made = bundle.generate(joined)
    ends = np.cumsum([one.n for one in written]).tolist()
    return [made[end - one.n : end] for one, end in zip(written, ends, strict=True)]
