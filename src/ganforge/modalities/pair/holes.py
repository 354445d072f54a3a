"""Masks of holes to be filled: what they mark, which ones are refused, and how a filling is put in."""

from __future__ import annotations

import logging

import numpy as np

from ganforge.core.errors import UserError
from ganforge.modalities.image import pixels as pictures

log = logging.getLogger(__name__)

WHITE = 128
"""A mask's level from which on a pixel is to be filled."""


def holes(mask: np.ndarray) -> np.ndarray:
    """Where a mask [H, W, C] is white, bool [H, W]. What is transparent is not."""
    return levels_of(mask) >= WHITE


def levels_of(mask: np.ndarray) -> np.ndarray:
    """The gray levels of a mask [H, W, C], 0 to 255, [H, W]; what is transparent is black."""
    return pictures.to_mode(pictures.to_depth(mask, 8), "L", 0)[..., 0]


def refuse_black(mask: np.ndarray) -> None:
    """Raises UserError where a mask marks something, but nothing in white, so that nothing would be filled; says which
    levels it has. A mask that is all black is reported: of a folder of masks some may be.

    Levels that are neither black nor white are counted and reported where many are taken for black.
    """
    levels = levels_of(mask)
    white = int((levels >= WHITE).sum())
    if not levels.any() and (mask.shape[2] in (1, 3) or not mask[..., -1].any() or mask[..., -1].all()):
        log.warning("the mask is black, so nothing is filled")
    elif not white:
        clear = mask.shape[2] in (2, 4) and levels.max() == 0 and mask[..., -1].any()
        fix = "it is drawn in its alpha channel, which is not read: save it as a gray image" if clear else (
            f"white is from level {WHITE} on: multiply 0/1 masks by 255, draw in white"
        )  # fmt: skip
        raise UserError(
            f"the mask has no white pixel (highest level {int(levels.max())}), so nothing would be filled; {fix}",
            code="translate.mask_is_black",
        )
    between = int(((levels > 0) & (levels < WHITE)).sum())
    if between > white // 10:
        log.warning(
            "the mask has %s px of levels 1 to %d, which are not filled (white, from level %d on: %s px)",
            f"{between:,}", WHITE - 1, WHITE, f"{white:,}",
        )  # fmt: skip


def kept(image: np.ndarray, made: np.ndarray, hidden: np.ndarray) -> np.ndarray:
    """What was made where it is hidden, in the image's own mode; elsewhere the image, and its alpha everywhere."""
    colors = image.shape[2] - (image.shape[2] in (2, 4))
    filling = pictures.to_mode(made[..., : 3 if made.shape[2] >= 3 else 1], "L" if colors == 1 else "RGB", 255)
    result = image.copy()
    result[..., :colors][hidden] = filling[hidden]
    return result
