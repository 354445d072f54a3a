"""Visible differences between real and generated images, measured without nets: brightness, contrast, color.

Everything is relative to the variation among real images, so that the same thresholds apply to all data.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from ganforge.core.language import phrase
from ganforge.evaluation.report.content import Finding
from ganforge.evaluation.report.evidence import Evidence

APPEARANCE_SAMPLES = 2_000
SHIFT = 0.5
"""Threshold of the shift in brightness, in standard deviations of the reals: visible in two grids side by side."""
CONTRAST = (0.8, 1.25)
TINT = 8.0
"""Threshold of the difference of a channel from the others, in levels of 255."""


@dataclass(frozen=True)
class Appearance:
    """Differences in appearance between fakes and reals.

    Attributes:
        brightness: mean level of the fakes minus that of the reals, in standard deviations of the mean levels of reals
            (in levels of 255 if the standard deviation is below one).
        contrast: standard deviation of the levels of a fake divided by that of a real, each as a median over images.
        color: difference of the mean level of each channel, minus the difference in brightness, in levels of 255.
    """

    brightness: float
    contrast: float
    color: Mapping[str, float]


def compare_appearance(real: np.ndarray, fake: np.ndarray) -> Appearance:
    """Compares images uint8 [N, H, W, C] and [M, H, W, C]."""
    means = [x.astype(np.float64).mean((1, 2)) for x in (real[..., :3], fake[..., :3])]  # [N, C]
    levels = [mean.mean(1) for mean in means]
    contrasts = [x[..., :3].astype(np.float64).std((1, 2)).mean(1) for x in (real, fake)]
    shift = means[1].mean(0) - means[0].mean(0)
    names = "RGB" if shift.size == 3 else ("gray",)
    return Appearance(
        brightness=float((levels[1].mean() - levels[0].mean()) / max(levels[0].std(), 1.0)),
        contrast=ratio(float(np.median(contrasts[1])), float(np.median(contrasts[0]))),
        color={name: float(shift[k] - shift.mean()) for k, name in enumerate(names)},
    )


def ratio(fake: float, real: float) -> float:
    """Ratio of the spreads of fakes and reals; 1 if both are 0 (images of one color, or of one pixel)."""
    return 1.0 if max(fake, real) < 1e-6 else fake / max(real, 1e-6)


def appearance_findings(evidence: Evidence) -> Iterator[Finding]:
    if evidence.appearance is None:
        return
    shift, contrast = evidence.appearance.brightness, evidence.appearance.contrast
    if abs(shift) > SHIFT:
        yield Finding(
            "warn",
            phrase("the samples are too bright") if shift > 0 else phrase("the samples are too dark"),
            phrase(
                "Their mean level is {size:.1f} standard deviations {side} that of the reals.",
                size=abs(shift),
                side=side_of(shift),
            ),
            phrase("Often a sign of mode collapse or of divergence late in training: compare with best.safetensors."),
        )
    if not CONTRAST[0] <= contrast <= CONTRAST[1]:
        yield Finding(
            "warn",
            phrase("the samples have too little contrast")
            if contrast < 1
            else phrase("the samples have too much contrast"),
            phrase(
                "The standard deviation of their levels is {contrast:.2f} times that of the reals.", contrast=contrast
            ),
            phrase("Low contrast is typical of a too long half-life of the EMA (ema.half_life) or of short training."),
        )
    channel, tint = max(evidence.appearance.color.items(), key=lambda item: abs(item[1]))
    if abs(tint) > TINT:
        yield Finding(
            "warn",
            phrase("the colors are off"),
            phrase(
                "Channel {channel} is {size:.0f} of 255 levels {side} the overall shift in brightness.",
                channel=channel,
                size=abs(tint),
                side=side_of(tint),
            ),
            phrase("Check that the real images have the same color mode; otherwise train longer."),
        )


def side_of(shift: float) -> str:
    return phrase("above") if shift > 0 else phrase("below")


RULES = (appearance_findings,)
