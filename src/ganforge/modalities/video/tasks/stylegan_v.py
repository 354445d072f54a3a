"""StyleGAN-V: synthesis of films against a critic of few frames of each, by the rules of StyleGAN2.

Skorokhodov, Tulyakov & Elhoseiny 2022. The frames and the noise of motion are those of `filming`; G and D are
StyleGAN2's. No style mixing and no path length, as in the paper.
"""

from __future__ import annotations

from pydantic import Field
from torch import nn

from ganforge.core.errors import UserError
from ganforge.core.types import Spec
from ganforge.modalities.video.nets.stylegan_v import StyleGanVDiscriminator
from ganforge.modalities.video.tasks.filming import Filming
from ganforge.nets.base import Discriminator


class StyleGanV(Filming, kind="stylegan_v"):
    """Films by StyleGAN2 with motion: D joins the features of three frames."""

    frames: int = Field(default=3, ge=2)
    """Frames of each film that D sees."""
    longest: int = Field(default=16, ge=1)
    """Frames from one of them to the next, at most."""

    def nearest(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        return self.discriminator.nearest(self.generator.nearest(shape))

    def _critic(self, discriminator: Discriminator, spec: Spec) -> nn.Module:
        if not isinstance(discriminator, StyleGanVDiscriminator):
            raise UserError(
                f"task.discriminator={discriminator.kind}: this task joins features of frames, which stylegan_v does; "
                "others fit the task filming",
                code="task.unsuitable_net",
            )
        return discriminator.of_frames(spec, self.frames)
