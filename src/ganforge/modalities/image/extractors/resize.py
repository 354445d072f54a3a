"""Resizing of images to the input size of a net: part of the protocol, since it can change FID by several points.

Parmar, Zhang & Zhu 2022, "On Aliased Resizing and Surprising Subtleties in GAN Evaluation".

    tf-bilinear    TensorFlow 1: pixel i is interpolated at i · in / out, without antialiasing
    pil-bicubic    Pillow's bicubic on 8 bits, antialiased
    clean          Pillow's bicubic on float32, channel by channel, antialiased, not rounded to 8 bits (clean-fid)

x [N, H, W, C], uint8 or float32, 0 to 255; out float32 [N, C, h, w], 0 to 255.
"""

from __future__ import annotations

from typing import Literal

import numpy as np
import torch
from PIL import Image
from torch import Tensor

Resizer = Literal["tf-bilinear", "pil-bicubic", "clean"]


def resize(x: np.ndarray, height: int, width: int, how: Resizer) -> Tensor:
    """Resized images, float32 [N, C, height, width], 0 to 255."""
    if x.shape[1:3] == (height, width):
        return torch.from_numpy(np.ascontiguousarray(x.transpose(0, 3, 1, 2), np.float32))
    match how:
        case "tf-bilinear":
            return _tf_bilinear(x, height, width)
        case "pil-bicubic":
            whole = np.rint(x).clip(0, 255).astype(np.uint8)
            planes = [_planes(one, height, width) for one in whole]
        case "clean":
            planes = [_planes(one.astype(np.float32), height, width) for one in x]
    return torch.from_numpy(np.stack(planes).astype(np.float32))


def _planes(picture: np.ndarray, height: int, width: int) -> np.ndarray:
    """[H, W, C] → [C, height, width]; Pillow processes each channel separately in any case."""
    channels = [Image.fromarray(np.ascontiguousarray(picture[..., k])) for k in range(picture.shape[2])]
    return np.stack([np.asarray(c.resize((width, height), Image.Resampling.BICUBIC)) for c in channels])


def _tf_bilinear(x: np.ndarray, height: int, width: int) -> Tensor:
    y = torch.from_numpy(np.ascontiguousarray(x.transpose(0, 3, 1, 2), np.float32))
    for axis, size in ((2, height), (3, width)):
        length = y.shape[axis]
        at = torch.arange(size, dtype=torch.float32) * (length / size)
        low = at.long().clamp(max=length - 1)
        high = (low + 1).clamp(max=length - 1)
        share = (at - low).view([-1 if k == axis else 1 for k in range(4)])
        y = y.index_select(axis, low) * (1 - share) + y.index_select(axis, high) * share
    return y


def rgb(x: np.ndarray) -> np.ndarray:
    """Decoded images [N, H, W, 1, 3 or 4] with three channels, 0 to 255: gray is repeated, alpha is blended over
    white."""
    if x.dtype == np.uint16:
        x = x.astype(np.float32) / 257
    if x.shape[3] == 4:
        alpha = x[..., 3:].astype(np.float32) / 255
        x = x[..., :3].astype(np.float32) * alpha + 255 * (1 - alpha)
    return np.repeat(x, 3, axis=3) if x.shape[3] == 1 else x
