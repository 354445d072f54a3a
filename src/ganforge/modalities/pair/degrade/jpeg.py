"""JPEG artifacts, by writing and reading with Pillow: 8×8 blocks, quantized cosines, halved colors (4:2:0).

x [N, C, H, W] in 0..255, C 1 or 3.
"""

from __future__ import annotations

import io
from typing import Annotated, ClassVar

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from ganforge.core.rng import Rng
from ganforge.modalities.pair.degrade.base import Alter, Range, draw, one_by_one, within


class Jpeg(Alter, kind="jpeg"):
    """JPEG artifacts."""

    number: ClassVar[str] = "quality"

    quality: Annotated[Range, within(1, 100)] = (30, 30)
    """Quality from 1 to 100, or a..b: 10 is very poor, 95 nearly lossless."""

    def alter(self, x: Tensor, rng: Rng) -> Tensor:
        qualities = draw(rng, "quality", self.quality, x.shape[0]).round().int().tolist()
        pixels = x.byte().permute(0, 2, 3, 1).cpu().numpy()
        back = np.stack(one_by_one(written, pixels, qualities))
        return torch.from_numpy(back).permute(0, 3, 1, 2).to(x)


def written(image: np.ndarray, quality: int) -> np.ndarray:
    """An image uint8 [H, W, C] as it comes back from a JPEG file."""
    gray = image.shape[2] == 1
    file = io.BytesIO()
    Image.fromarray(np.ascontiguousarray(image[..., 0] if gray else image)).save(file, "JPEG", quality=quality)
    back = np.asarray(Image.open(file))
    return back[..., None] if gray else back
