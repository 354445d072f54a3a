"""What tasks share whose G draws a text token by token, each by one number of noise.

N: texts, T: tokens, L: numbers of the noise.  z [N, L] ~ N(0, 1): one a token drawn.
"""

from __future__ import annotations

from typing import cast

import torch
from pydantic import Field
from torch import Tensor

from ganforge.core.errors import UserError
from ganforge.core.rng import Rng
from ganforge.core.types import Nets, Request, Spec
from ganforge.modalities.text import tokens
from ganforge.modalities.text.nets import check
from ganforge.modalities.text.stepwise import Stepwise
from ganforge.tasks import latent
from ganforge.tasks.base import Task


class DrawsTokens(Task):
    """G is a `Stepwise` net, which needs no latents besides the numbers that draw its tokens."""

    noise: int = Field(default=1_024, ge=1)
    """Numbers of noise of a text, of which each token takes one: the longest text that can be made."""

    def fitting(self, spec: Spec) -> Spec:
        """The spec, if its texts are short enough.

        Raises:
            UserError: they are not, or the samples are no texts.
        """
        check(spec.shape)
        if spec.shape[1] > self.noise:
            raise UserError(
                f"task.noise={self.noise}: texts of {spec.shape[1]} tokens need as many; set "
                f"task.noise={spec.shape[1]} or a lower signal.length",
                code="text.too_little_noise",
            )
        return spec

    def adapt(self, spec: Spec) -> Spec:
        return Spec(self.fitting(spec).shape, state=spec.state)

    @property
    def takes_temperature(self) -> bool:
        return True

    def latents(self, request: Request) -> Tensor:
        return latent.normal_rows(request, self.noise)

    def sample(self, nets: Nets, request: Request) -> Tensor:
        labels = None if request.labels is None else request.labels.to(request.device)
        G = cast(Stepwise, nets.G)
        uniform = torch.special.ndtr(self.latents(request).to(request.device, request.dtype))[:, : G.steps]
        drawn = G.draw(uniform, None, labels, request.temperature)
        return tokens.to_bits(drawn, tokens.bits(G.vocabulary)).to(request.dtype)

    def made(self, nets: Nets, n: int, rng: Rng) -> Tensor:
        """Fresh texts of G as tokens int64 [N, T], without a gradient."""
        G = cast(Stepwise, nets.G)
        with torch.no_grad():
            return G.draw(rng.uniform("tokens", (n, G.steps)))
