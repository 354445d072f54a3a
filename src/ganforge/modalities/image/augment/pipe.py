"""The random augmentations of ADA.

Karras et al. 2020, "Training Generative Adversarial Networks with Limited Data". Each one is applied to a sample with
probability p, independently:

    blits      horizontal flip (probability p/2) · rotate by a random multiple of 90° ·
               translate by whole pixels, up to ⅛ of each side
    geometry   scale by 2^(0.2·n) · rotate by any angle · stretch by 2^(0.2·n), keeping the area · rotate by any angle ·
               translate by ⅛·n of each side
    color      add 0.2·n to brightness · contrast times 2^(½·n) · flip the luma (probability p/2) ·
               rotate the hue by any angle · saturation times 2^n
    filter     each of four frequency bands times 2^n, with about the same total power
    noise      add 0.1·|n|·noise
    cutout     0 in a box of half the height and half the width, with its center anywhere

with n ~ N(0, 1). The two rotations have probability 1 − √(1 − p) each, so that p is the probability of any rotation.

x [N, C, H, W] in [−1, 1], gray, RGB or RGBA. Color, filter and noise do not change alpha.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from ganforge.augment.draws import Draws, per_sample
from ganforge.modalities.image.augment.resample import filtered, mirrored, pick, shifted, warped

BANDS = (8, 4, 2)
"""Upper limits of the frequency bands, as fractions of the image's bandwidth."""
BAND_POWER = (10 / 13, 1 / 13, 1 / 13, 1 / 13)
"""Fraction of the power of natural images in each band, lowest first (Karras et al. 2020, appendix B)."""


def blits(x: Tensor, draws: Draws, p: Tensor | float) -> Tensor:
    """Flips, 90° rotations and integer translations. Non-square images are rotated only by 180°."""
    height, width = x.shape[2:]
    mirror = draws.chosen("mirror", p) & (draws.integers("mirror", 2) == 1)
    x = torch.where(per_sample(mirror), x.flip(3), x)
    turn, quarters = draws.chosen("quarters", p), draws.integers("quarters", 4)
    x = torch.where(per_sample(turn & (quarters >= 2)), x.flip((2, 3)), x)
    if height == width:
        x = torch.where(per_sample(turn & (quarters % 2 == 1)), x.rot90(1, (2, 3)), x)
    move = draws.chosen("move", p)
    down, right = (
        (draws.uniform(name, -0.125, 0.125) * side).round().long() * move
        for name, side in (("down", height), ("right", width))
    )
    return pick(x, mirrored(shifted(height, down), height), mirrored(shifted(width, right), width))


@dataclass(frozen=True)
class Warp:
    """A geometric transformation of each sample: the output at q is the input at linear·q + offset, in pixels from the
    center.

    Attributes:
        linear: [N, 2, 2], on (x, y). offset: [N, 2].
        touched: bool [N]: whether the sample is changed.
    """

    linear: Tensor
    offset: Tensor
    touched: Tensor


def draw_warp(draws: Draws, p: Tensor | float, height: int, width: int) -> Warp:
    """Random scaling, rotation, stretching, second rotation, translation."""
    turning = 1 - (1 - p) ** 0.5
    scale, stretch = (draws.chosen(name, p) for name in ("scale", "stretch"))
    first, second = (draws.chosen(name, turning) for name in ("first turn", "second turn"))
    move = draws.chosen("float", p)
    size = torch.exp2(0.2 * draws.normal("scale") * scale)
    aspect = torch.exp2(0.2 * draws.normal("stretch") * stretch)
    before, after = (
        draws.uniform(name, -math.pi, math.pi) * chosen
        for name, chosen in (("first turn", first), ("second turn", second))
    )
    offset = torch.stack(
        [0.125 * side * draws.normal(name) * move for name, side in (("float right", width), ("float down", height))],
        dim=1,
    )
    # The image is scaled, rotated by `before`, stretched, rotated by `after` and translated, so the inverse is
    # R(−before)/size · diag(1/aspect, aspect) · R(−after) · (q − offset). Written out explicitly: in half precision, a
    # matrix product would shift the image by whole pixels.
    a, b, c, d = after.cos() / aspect, after.sin() / aspect, -after.sin() * aspect, after.cos() * aspect
    cos, sin = before.cos() / size, before.sin() / size
    linear = torch.stack([cos * a + sin * c, cos * b + sin * d, cos * c - sin * a, cos * d - sin * b], dim=1)
    linear = linear.unflatten(1, (2, 2))
    return Warp(linear, -(linear * offset[:, None]).sum(2), scale | stretch | first | second | move)


def geometry(x: Tensor, draws: Draws, p: Tensor | float) -> Tensor:
    """Scaling, rotation, stretching and translation in one resampling. Unchanged images stay exact."""
    warp = draw_warp(draws, p, *x.shape[2:])
    if x.device.type != "cpu":  # counting the changed samples would synchronize with the GPU
        return torch.where(per_sample(warp.touched), warped(x, warp.linear, warp.offset), x)
    rows = warp.touched.nonzero()[:, 0]
    if not len(rows):
        return x
    return x.index_copy(0, rows, warped(x[rows], warp.linear[rows], warp.offset[rows]))


def color_matrix(draws: Draws, p: Tensor | float) -> tuple[Tensor, Tensor]:
    """The combined color transformation: gain and offset along the gray axis, and the map of chroma.

    In homogeneous coordinates each change is a 4×4 matrix. All of them preserve the gray axis v = (1, 1, 1)/√3 and the
    orthogonal plane of chroma, on which they act only by rotation and scaling. So their product is

        luma ↦ gain·luma + offset,    chroma ↦ a·chroma + b·(v × chroma)

    Returns:
        luma [N, 2]: gain, offset.  chroma [N, 2]: a, b.
    """
    brightness = 0.2 * draws.normal("brightness") * draws.chosen("brightness", p)
    contrast = torch.exp2(0.5 * draws.normal("contrast") * draws.chosen("contrast", p))
    negative = draws.chosen("negative", p) & (draws.integers("negative", 2) == 1)
    hue = draws.uniform("hue", -math.pi, math.pi) * draws.chosen("hue", p)
    saturation = torch.exp2(draws.normal("saturation") * draws.chosen("saturation", p))
    gain = torch.where(negative, -contrast, contrast)
    chroma = contrast * saturation
    return torch.stack([gain, gain * brightness], 1), torch.stack([chroma * hue.cos(), chroma * hue.sin()], 1)


def recolor(x: Tensor, draws: Draws, p: Tensor | float) -> Tensor:
    """Random brightness, contrast, luma, hue and saturation of x [N, 1 or 3, H, W]; gray has no hue and saturation."""
    (gain, offset), (a, b) = (t.unbind(1) for t in color_matrix(draws, p))
    if x.shape[1] == 1:
        return per_sample(gain) * x + per_sample(offset)
    gray = x.mean(1, keepdim=True)
    chroma = x - gray
    across = (chroma.roll(1, 1) - chroma.roll(-1, 1)) / math.sqrt(3)  # v × chroma
    changed = per_sample(gain) * gray + per_sample(offset) + per_sample(a) * chroma + per_sample(b) * across
    untouched = (gain == 1) & (offset == 0) & (a == 1) & (b == 0)
    return torch.where(per_sample(untouched), x, changed)  # exactly x, which gray + (x − gray) would not be


def band_gains(x: Tensor, draws: Draws, p: Tensor | float) -> Tensor:
    """Random gains of four frequency bands, drawn independently. The bands sum to x."""
    power = torch.tensor(BAND_POWER, dtype=x.dtype, device=x.device)
    gains = torch.ones(x.shape[0], len(BAND_POWER), dtype=x.dtype, device=x.device)
    for band in range(len(BAND_POWER)):
        one = torch.ones_like(gains)
        one[:, band] = torch.exp2(draws.normal(f"band {band}") * draws.chosen(f"band {band}", p))
        gains = gains * one / (power * one.square()).sum(1, keepdim=True).sqrt()
    below = [filtered(x, "blur", x.shape[2:], stretch) for stretch in BANDS]
    low, changed = torch.zeros_like(x), torch.zeros_like(x)
    for band, upto in enumerate([*below, x]):
        changed = changed + per_sample(gains[:, band]) * (upto - low)
        low = upto
    return torch.where(per_sample((gains == 1).all(1)), x, changed)


def add_noise(x: Tensor, draws: Draws, p: Tensor | float) -> Tensor:
    """White noise, with a random strength per sample."""
    strength = 0.1 * draws.normal("strength").abs() * draws.chosen("noise", p)
    return x + per_sample(strength) * draws.rng.normal("noise", x.shape).to(x.dtype)


def cut(x: Tensor, draws: Draws, p: Tensor | float) -> Tensor:
    """Cutout: a box of half the height and half the width is set to 0."""
    chosen = draws.chosen("cutout", p)
    near = []
    for name, side in (("centre y", x.shape[2]), ("centre x", x.shape[3])):
        places = (torch.arange(side, device=x.device, dtype=x.dtype) + 0.5) / side
        near.append((places - draws.uniform(name)[:, None]).abs() < 0.25)  # [N, side]
    box = near[0][:, None, :, None] & near[1][:, None, None, :]
    return torch.where(box & per_sample(chosen), 0.0, x)
