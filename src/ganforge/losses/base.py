"""Base classes of losses: pure functions of logits and samples.

N: samples in the batch. Logits are [N], before any sigmoid: high means "real".
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from typing import ClassVar, Literal

import torch
from pydantic import Field
from torch import Tensor, nn

from ganforge.core.component import Component
from ganforge.core.errors import UserError
from ganforge.core.rng import Rng
from ganforge.core.schedule import Rate
from ganforge.core.types import DiscriminatorOutput, Memory, Spec

Critic = Callable[[Tensor], Tensor]
"""A discriminator with labels and augmentation already applied: samples [N, ...] → logits [N]."""


class Objective(Component, family="objective"):
    """The adversarial loss: one loss for D and one for G, unreduced and stateless."""

    uses_real: ClassVar[bool] = False
    """Whether G's loss uses D's logits of real samples (the relativistic ones do)."""
    elementwise: ClassVar[bool] = True
    """Whether the loss of a sample is independent of the logits of other samples."""
    estimates_ratio: ClassVar[bool] = False
    """Whether the D that minimizes the loss says how much more likely a sample is among real than among generated
    ones: `log_ratio` is then exact for it, up to a constant."""

    def d(self, real: Tensor, fake: Tensor) -> Tensor:
        """D's loss [N] from its logits of real and of fake samples, each [N]."""
        raise NotImplementedError

    def g(self, fake: Tensor, real: Tensor | None) -> Tensor:
        """G's loss [N] from D's logits of fakes [N] and, where `uses_real`, of reals [N]."""
        raise NotImplementedError

    def log_ratio(self, logits: Tensor) -> Tensor:
        """log(p(x) / q(x)) [N] from D's logits of samples x, p the density of real and q that of generated ones, up to
        a constant that is the same for all x. Where not `estimates_ratio`, the logits themselves."""
        return logits


@dataclass(frozen=True)
class LossContext:
    """Everything a penalty or a loss term may read in one step.

    With packing, a sample here is a pack, which D scores as one.

    Attributes:
        critic: samples → logits [N]. Augmentation and noise are the same at every call, so that D(x) and D(x′) differ
            only because of x and x′.
        real: samples [N, ...]; the critic can be differentiated with respect to them.
        fake: samples [N, ...]; detached if D is trained, with G's graph if G is trained.
        rng: random draws of this loss only.
        memory: the state that this loss declared, by name.
        player: the net that is being trained: D or G.
        on_real: D's output for `real` in this step, if it was computed. on_fake: for `fake`.
        deterministic: whether the critic uses no random draws, so that a second call would return the same.
        z: latents [n, L] of the fakes, n samples to N packs.
        generator: latents [n, L] → samples [N, ...], with labels already applied.
        labels: int64 [n] of the samples, or None; for tasks in which D predicts them.
    """

    critic: Critic
    real: Tensor
    fake: Tensor
    rng: Rng = Rng(0)
    memory: Memory = field(default_factory=Memory)
    player: nn.Module | None = None
    on_real: DiscriminatorOutput | None = None
    on_fake: DiscriminatorOutput | None = None
    deterministic: bool = False
    z: Tensor | None = None
    generator: Callable[[Tensor], Tensor] | None = None
    labels: Tensor | None = None

    @property
    def real_logits(self) -> Tensor:
        """D's logits [N] of `real`; computed now if D has not evaluated them in this step."""
        return self.critic(self.real.detach()) if self.on_real is None else self.on_real[0]

    @property
    def fake_logits(self) -> Tensor:
        """D's logits [N] of `fake`; computed now if D has not evaluated them in this step."""
        return self.critic(self.fake.detach()) if self.on_fake is None else self.on_fake[0]

    def critic_logits(self, side: Literal["real", "fake"]) -> Tensor:
        """The critic's logits [N] of one side, with the same draws as its calls on other samples."""
        x, output = (self.real, self.on_real) if side == "real" else (self.fake, self.on_fake)
        return output[0] if self.deterministic and output is not None else self.critic(x.detach())


class Penalty(Component, family="penalty"):
    """A regularization term of D's loss, most often a gradient penalty."""

    order: ClassVar[int] = 2
    """Order of the highest derivative needed for its backward pass."""
    gradient_at: ClassVar[str] = ""
    """"real" or "fake" if it uses D's gradient at exactly these samples; D is then evaluated on them only once."""
    per_sample: ClassVar[bool] = False
    """Whether it requires that D scores each sample independently, which excludes batch norm."""
    weight: Rate = 1.0
    """Weight of this term in the loss."""
    every: int = Field(default=1, ge=1)
    """Apply the penalty only every n-th step of D, with n times the weight (lazy regularization)."""

    def check(self, spec: Spec) -> None:
        """Raises an error for samples on which it is undefined.

        Raises:
            UserError: with the reason and an alternative.
        """

    def memory(self, player: nn.Module) -> dict[str, Tensor]:
        """Initial persistent state for this D, by name; empty for most penalties."""
        return {}

    def loss(self, context: LossContext) -> Tensor:
        """The loss [N], not yet weighted."""
        raise NotImplementedError


class Term(Component, family="term"):
    """An additional term of G's loss."""

    uses_real: ClassVar[bool] = False
    """Whether it uses D's output on real samples."""
    weight: Rate = 1.0
    """Weight of this term in the loss."""

    def memory(self, player: nn.Module) -> dict[str, Tensor]:
        """Initial persistent state for this G, by name; empty for most terms."""
        return {}

    def loss(self, context: LossContext) -> Tensor:
        """The loss [N], not yet weighted."""
        raise NotImplementedError


class PerceptualNet(Component, family="lens"):
    """A frozen net whose feature maps are used to compare images (perceptual loss)."""

    def memory(self) -> dict[str, Tensor]:
        """The frozen weights, by name; saved in the run's checkpoints, so that a resume needs no other file."""
        return {}

    def maps(self, x: Tensor, memory: Memory) -> list[Tensor]:
        """Maps [N, F, h, w] of images x [N, C, H, W] in [-1, 1], from fine to coarse."""
        raise NotImplementedError


@dataclass(frozen=True)
class TranslatedPair:
    """Generated images and their targets.

    Attributes:
        made: [N, C, H, W] with G's graph. When filling in, the known part has been restored.
        target: [N, C, H, W]: the ground truth, or, in tasks without pairs, arbitrary images of the target domain.
        raw: G's output, before the known part was restored.
        mask: [N, 1, H, W], 1 where the image is filled in; None if all of it is generated.
        on_made: the output of each critic for `made`. on_target: for `target`; without a graph.
        perceptual_features: images → feature maps of the task's `lens` (perceptual net); None to use the hidden layers
            of the critics.
    """

    made: Tensor
    target: Tensor
    raw: Tensor
    mask: Tensor | None = None
    on_made: tuple[DiscriminatorOutput, ...] = ()
    on_target: tuple[DiscriminatorOutput, ...] = ()
    perceptual_features: Callable[[Tensor], list[Tensor]] | None = None

    @cached_property
    def features(self) -> tuple[list[Tensor], list[Tensor]]:
        """Perceptual feature maps of `made` and of `target`; those of the target have no graph."""
        if self.perceptual_features is None:
            return self.critic_features
        with torch.no_grad():
            wanted = self.perceptual_features(self.target)
        return self.perceptual_features(self.made), wanted

    @property
    def critic_features(self) -> tuple[list[Tensor], list[Tensor]]:
        """Hidden feature maps of all critics, for `made` and for `target`."""
        if any(output.layers is None for output in self.on_made):
            raise UserError(
                "task.terms: a term needs the critics' hidden layers, and one of these critics does not return them. "
                "Use patchgan, multiscale, unet_critic or vgg_critic, or another lens",
                code="task.unsuitable_net",
            )
        made = [m for output in self.on_made for m in output.layers or ()]
        return made, [m.detach() for output in self.on_target for m in output.layers or ()]


class ReconstructionLoss(Component, family="likeness"):
    """A reconstruction loss of G: the distance of generated images to their targets."""

    paired: ClassVar[bool] = True
    """Whether it needs pairs, in which generated image and target show the same scene."""
    sees: ClassVar[str] = "pixels"
    """What it compares: "pixels", "critics" (hidden layers of the critics) or "lens" (feature maps of the task's
    `lens`)."""
    weight: Rate = 1.0
    """Weight of this term in the loss."""

    def loss(self, pair: TranslatedPair) -> Tensor:
        """The loss [N], not yet weighted."""
        raise NotImplementedError
