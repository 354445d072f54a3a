"""How images differ to the eye, before any net looks: brightness, contrast, color; and what is wrong with them.

Everything is measured relative to how much real images differ among themselves, so that one threshold serves all data.
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
"""Standard deviations of brightness among reals: a shift that one sees in two grids side by side."""
CONTRAST = (0.8, 1.25)
TINT = 8.0
"""Levels of 255 by which one channel may run ahead of the others."""


@dataclass(frozen=True)
class Appearance:
    """What images of two sides look like.

    Attributes:
        brightness: mean level of the fakes less that of the reals, in standard deviations of the reals' mean levels
            (in levels of 255 where that deviation is less than one).
        contrast: standard deviation of a fake's levels over that of a real's, both as medians.
        color: by channel, the difference of its mean level less that of brightness, in levels of 255.
    """

    brightness: float
    contrast: float
    color: Mapping[str, float]


def compare_appearance(real: np.ndarray, fake: np.ndarray) -> Appearance:
    """Of images uint8 [N, H, W, C] and [M, H, W, C]."""
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
    """How much more fakes spread than reals; 1 where neither spreads (images of one color, or of one pixel)."""
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
                "Their mean level lies {size:.1f} standard deviations {side} the reals'.",
                size=abs(shift),
                side=side_of(shift),
            ),
            phrase(
                "Often one mode takes over, or training went off late: compare earlier bundles, see best.safetensors."
            ),
        )
    if not CONTRAST[0] <= contrast <= CONTRAST[1]:
        yield Finding(
            "warn",
            phrase("the samples have too little contrast")
            if contrast < 1
            else phrase("the samples have too much contrast"),
            phrase("Their levels spread {contrast:.2f} times as much as the reals'.", contrast=contrast),
            phrase(
                "Flat samples are typical of an average that is taken too long (ema.half_life) or of short training."
            ),
        )
    channel, tint = max(evidence.appearance.color.items(), key=lambda item: abs(item[1]))
    if abs(tint) > TINT:
        yield Finding(
            "warn",
            phrase("the colors are off"),
            phrase(
                "Channel {channel} lies {size:.0f} of 255 levels {side} what brightness alone makes it.",
                channel=channel,
                size=abs(tint),
                side=side_of(tint),
            ),
            phrase("Check that the real images have the same color mode; otherwise train longer."),
        )


def side_of(shift: float) -> str:
    return phrase("above") if shift > 0 else phrase("below")


RULES = (appearance_findings,)
