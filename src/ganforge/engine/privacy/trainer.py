"""DP-SGD: one net (D) is trained on real samples with clipped and noised gradients; all others depend on the data only
through it.

Abadi et al. 2016, "Deep Learning with Differential Privacy"; Xie et al. 2018, "Differentially Private Generative
Adversarial Network"; Bie et al. 2023, "Private GANs, Revisited": many steps of D for one of G.

    each sample is included with probability q = B/n, independently                     S, k samples
    B fakes are generated; a row is a real sample or a fake, its gradient  gᵢ = ∇ lossᵢ
    ĝ = 1/B · (Σ_rows gᵢ · min(1, C/‖gᵢ‖) + σ C ξ),   ξ ~ N(0, 1)

Adding or removing a sample changes the sum by at most C. The fakes do not depend on real samples and need no clipping
for privacy; they are clipped so that D does not weight fakes more than reals. G is trained only from D and random
draws, and anything computed from a private D is private (post-processing): phases that do not train a guarded net never
see a real sample.

Per-row gradients are never stored. One backward pass computes their norms with the hooks of Opacus ("ghost clipping",
Li et al. 2022), a second one computes the clipped sum, with each row's loss weighted by its clipping factor. For fully
connected nets this is many times faster than storing the gradients, and needs no more memory than an ordinary step.

n: samples in the data, B: `batch`, k: real samples in a step (B on average). C: `clip`, σ: `noise_multiplier`. x [k,
*shape], losses and norms [k + B].
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from ganforge.core.dataset import Order
from ganforge.core.errors import UserError
from ganforge.core.rng import Rng, seed_layers
from ganforge.core.types import Batch, Spec
from ganforge.data.loader import Loader
from ganforge.engine.privacy import checks
from ganforge.engine.privacy.account import Account
from ganforge.engine.privacy.checks import steps_by
from ganforge.engine.privacy.secret import Secret
from ganforge.engine.step import StepTrace
from ganforge.engine.trainer import Trainer
from ganforge.engine.world import World
from ganforge.recipes.base import Recipe
from ganforge.recipes.privacy import DpSgd
from ganforge.tasks.base import Phase

SAFE = 0.999
"""Rows are clipped to this fraction of C, so that rounding in the two passes (10 bits on some GPUs) cannot exceed C."""
TRIED = 4
"""Number of random rows whose gradient norms are compared with plain autograd before a run starts."""


class Poisson(Order):
    """Poisson sampling: each item independently with the same probability, as the privacy accounting assumes."""

    def __init__(self, n: int, secret: Secret):
        self.n, self.secret = n, secret

    def rows(self, seed: int, start: int, count: int) -> tuple[np.ndarray, dict[str, np.ndarray]]:
        return self.secret.chosen(self.n, count / self.n, "rows", start), {}


def ghost_clipping(net: nn.Module):
    """Opacus' hooks for per-row gradient norms of a net; they are registered by layer class, so label embeddings are
    added."""
    from opacus.grad_sample import GradSampleModuleFastGradientClipping as Hooks

    tables = {type(layer) for layer in net.modules() if isinstance(layer, nn.Embedding)}

    class WithTables(Hooks):
        GRAD_SAMPLERS = Hooks.GRAD_SAMPLERS | dict.fromkeys(tables, Hooks.GRAD_SAMPLERS[nn.Embedding])
        NORM_SAMPLERS = Hooks.NORM_SAMPLERS | dict.fromkeys(tables, Hooks.NORM_SAMPLERS[nn.Embedding])

    return WithTables(net, loss_reduction="sum")


class RowNorms:
    """Gradient norms of the rows that a net is evaluated on.

    Raises:
        UserError: the net has layers without per-row gradients, or layers that Opacus does not support.
    """

    def __init__(self, name: str, net: nn.Module, spec: Spec, device: torch.device):
        self.net = net
        try:
            self.hooks = ghost_clipping(net)
            self.hooks.disable_hooks()
            right = self._agree(spec, device)
        except NotImplementedError:
            right = False
        if not right:
            raise UserError(
                f"privacy: the gradient of a single sample cannot be computed in the net {name} (it has spectral "
                "norm, for example, or layers that mix the samples of a batch). Set task.discriminator.norm=layer "
                "or none",
                code="privacy.gradient_not_per_sample",
            )

    @contextmanager
    def taken(self) -> Iterator[None]:
        """The context for one forward pass of the net and one backward pass of the sum of its losses."""
        self.hooks.enable_hooks()
        try:
            yield
        finally:
            self.hooks.disable_hooks()

    @contextmanager
    def quiet(self) -> Iterator[None]:
        """Suppresses torch's warning that real samples require no gradient, which is intended."""
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", "Full backward hook is firing", UserWarning)
            yield

    def read(self) -> Tensor:
        """The norms [rows] from that pass."""
        return self.hooks.get_norm_sample().detach()

    def _agree(self, spec: Spec, device: torch.device) -> bool:
        """Whether the hooks see the whole gradient: weights used outside of hooked layers would not be clipped."""
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(0)
            x = torch.randn(TRIED, *spec.shape).to(device, next(self.net.parameters()).dtype)
        c = (torch.arange(TRIED, device=device) % spec.classes) if spec.classes else None
        weights = list(self.net.parameters())
        with self.quiet(), self.taken():
            losses: Tensor = self.net(x, c).logits
            losses.sum().backward(retain_graph=True)
        with self.quiet():
            rows = [torch.autograd.grad(loss, weights, retain_graph=True, allow_unused=True) for loss in losses]
        norms = [torch.stack([g.square().sum() for g in row if g is not None]).sum().sqrt() for row in rows]
        self.net.zero_grad(set_to_none=True)
        return bool(torch.allclose(self.read(), torch.stack(norms), rtol=1e-3))


class PrivateTrainer(Trainer, privacy="dp_sgd"):
    """The trainer for `privacy=dp_sgd`. All draws come from a secret; the seed determines only the initial weights.

    Attributes:
        secret: the source of the noise; stored only in checkpoints.
    """

    saves_first = True  # a run that is killed early must not use different noise for the same steps

    @classmethod
    def check(cls, recipe: Recipe) -> None:
        checks.check(recipe)

    @classmethod
    def finalize(cls, recipe: Recipe, spec: Spec, loader: Loader) -> Recipe:
        return checks.finalize(super().finalize(recipe, spec, loader), loader)

    @classmethod
    def notes(cls, recipe: Recipe) -> list[str]:
        privacy = recipe.privacy
        assert isinstance(privacy, DpSgd)
        return [
            f"privacy: ε at most {privacy.epsilon:g} at δ = {privacy.delta:.2g} after {recipe.samples:,} samples, "
            f"with noise of {privacy.noise_multiplier:.3g} times the clipping norm"
        ]

    def __init__(self, recipe: Recipe, spec: Spec, loader: Loader, device: torch.device, world: World | None = None):
        super().__init__(recipe, spec, loader, device, world)
        assert isinstance(recipe.privacy, DpSgd)
        assert recipe.privacy.noise_multiplier is not None
        assert recipe.privacy.delta is not None
        private = [phase for phase in self.phases if set(phase.trains) & set(recipe.task.guarded)]
        assert [len(phase.trains) for phase in private] == [1], "one phase meets real samples and trains one player"
        self.dtype = self.weights_dtype  # never bf16, which is not accurate enough to bound a gradient norm
        self.secret = Secret()
        self.seed = self.secret.seed
        self.n, self.clip = len(loader), recipe.privacy.clip
        self.noise, self.delta = recipe.privacy.noise_multiplier, recipe.privacy.delta
        self.account = Account(self.noise, recipe.batch / self.n)
        (self.player,) = private[0].trains
        self.norms = RowNorms(self.player, self.nets[self.player], spec, device)
        loader.order = Poisson(self.n, self.secret)

    def _gradients(self, phase: Phase, batch: Batch, position: int, trace: StepTrace | None) -> None:
        rng = Rng(self.seed, position, phase.name, device=self.device, dtype=self.weights_dtype)
        if self.player not in phase.trains:
            super()._gradients(phase, self._without_reals(rng), position, trace)
            return
        net = self.nets[self.player]
        seed_layers(rng.seed_for("torch"), self.device)
        with self.norms.quiet(), self.norms.taken():
            terms = phase.loss(self.nets, Batch(batch.x, batch.c, {"asked": self._labels(rng)}), rng)
            losses = torch.cat(list(terms.losses.values()))  # [k + B]
            losses.sum().backward(retain_graph=True)
        share = SAFE * self.clip / self.norms.read().clamp_min(self.clip)  # [k + B]
        net.zero_grad(set_to_none=True)
        with self.norms.quiet():
            (share * losses).sum().backward()
        self._add_noise(net, position)
        for p in net.parameters():
            assert p.grad is not None
            p.grad.mul_(phase.gain / self.recipe.batch)
        for stat, value in terms.stats.items():  # the losses depend on real samples and are not reported
            self.stats.add(stat, value)

    def _add_noise(self, net: nn.Module, position: int) -> None:
        weights = list(net.parameters())
        noise = self.secret.normal(sum(p.numel() for p in weights), "noise", position)
        noise = (noise * (self.noise * self.clip)).to(self.device, self.weights_dtype)
        for p, part in zip(weights, noise.split([p.numel() for p in weights]), strict=True):
            p.grad = part.view_as(p) if p.grad is None else p.grad.add_(part.view_as(p))
            self._losses.append(p.grad.abs().amax())  # not finite if any of them is not

    def _without_reals(self, rng: Rng) -> Batch:
        """A placeholder batch of size B for phases that must not see real samples."""
        none = torch.full((), torch.nan, device=self.device, dtype=self.weights_dtype)
        x = none.expand(self.recipe.batch, *self.spec.shape)
        return Batch(x, self._labels(rng))

    def _labels(self, rng: Rng) -> Tensor:
        """Labels of B fakes, drawn uniformly, since the label frequencies of the data are private, too; zeros without
        classes."""
        return rng.integers("asked", (self.recipe.batch,), max(self.spec.classes, 1))

    def change_draws(self, seed: int, rate: float) -> None:
        self.rate = rate  # the draws come from the secret

    def state(self) -> dict[str, Tensor]:
        return super().state() | {"privacy.secret": torch.frombuffer(bytearray(self.secret.key), dtype=torch.uint8)}

    def load_state(self, tensors: dict[str, Tensor], samples: int, where: str) -> None:
        super().load_state(tensors, samples, where)
        self.secret.key = bytes(tensors["privacy.secret"].tolist())
        self.seed = self.secret.seed

    def spent(self) -> dict[str, float]:
        steps = steps_by(self.recipe, self.samples)
        return {"epsilon": float(f"{self.account.epsilon(steps, self.delta):.6g}"), "delta": self.delta}

    def statement(self) -> dict[str, Any]:
        return {
            **self.spent(),
            "noise_multiplier": self.noise,
            "clip": self.clip,
            "sampling": "poisson",
            "sampling_rate": self.recipe.batch / self.n,
            "steps": steps_by(self.recipe, self.samples),
            "neighbors": "one sample more or less",
            "accountant": "rdp",
        }
