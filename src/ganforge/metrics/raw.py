"""Features without a net: the values of a sample. For points, and as a reference for images."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from ganforge.core.errors import UserError
from ganforge.metrics.base import Encoder, Extractor, OpenContext, SampleSet


class Raw(Extractor, kind="raw"):
    """The values of a sample, flattened; no net."""

    def load(self, data: SampleSet, context: OpenContext) -> Encoder:
        first = next(iter(data.parts(1, 1)))
        if not isinstance(first, np.ndarray) or not np.issubdtype(first.dtype, np.number):
            raise UserError(
                f"extractor 'raw': the samples of {data.name} are not arrays of numbers, so no features can be "
                "computed from them: leave out the metrics that need features",
                code="metric.no_features",
            )
        return RawEncoder(int(np.prod(first.shape[1:])))


class RawEncoder(Encoder):
    """[N, ...] → [N, D]."""

    name = "raw"

    def __init__(self, dim: int):
        self.dim = dim
        self.detail = {}

    def encode(self, samples: np.ndarray) -> tuple[Tensor, Tensor | None]:
        return torch.from_numpy(samples.reshape(len(samples), -1).astype(np.float32)), None
