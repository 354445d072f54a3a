"""Sig-CWGAN (Liao et al. 2021): no critic; the expected signature of the future given the past is matched.

    S(·): signature to depth 2 of the lead-lag path of a piece of a series
    once over the data:  linear map ℓ with  E[S(y) | p] ≈ ℓ(S(p)),  by ridge regression
    G takes a step on    ‖ ℓ(S(p)) − mean_m S(G(p, z_m)) ‖,   of `draws` futures of each past
    G: y_t = AR-FNN(p_{t−2..t}, z_t), 3 × 50 PReLU with residual connections, a step at a time; p = q = 3

Departures: ℓ comes from sums of S(p)ᵀS(p) and S(p)ᵀS(y) that grow with each batch, in `Memory`, so that the first steps
have a rougher map than those after one pass.

Samples begin at zeros, and the first `burn` steps are dropped.

N windows, M draws, K channels, P, Q steps, F = numbers in a signature.  x [N, K, T], p [N, P, K], y [N, Q, K].
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import torch
from pydantic import Field
from torch import Tensor, nn

from ganforge.core.rng import Rng
from ganforge.core.types import Batch, Memory, Nets, Request, Spec, Terms, wide
from ganforge.modalities.series.nets import check
from ganforge.modalities.series.tasks import noise
from ganforge.tasks.base import Phase, Task

RIDGE = 1e-3
WIDTH, LAYERS = 50, 3


def signature(path: Tensor) -> Tensor:
    """Signature to depth 2 of piecewise linear paths [N, T, D]: [N, D + D²].

    The first level is the increment; by Chen's identity the second is Σ_t (S¹ up to t) ⊗ δ_t + ½ δ_t ⊗ δ_t.
    """
    steps = path[:, 1:] - path[:, :-1]  # [N, T − 1, D]
    before = steps.cumsum(1) - steps
    second = torch.einsum("nti,ntj->nij", before + 0.5 * steps, steps)
    return torch.cat([steps.sum(1), second.flatten(1)], 1)


def lead_lag(x: Tensor) -> Tensor:
    """The path of a series [N, T, K] and of itself a step later, [N, 2 T − 1, 2 K]: with its quadratic variation."""
    lead = x.repeat_interleave(2, 1)
    return torch.cat([lead[:, 1:], lead[:, :-1]], 2)


def features(x: Tensor, scale: float) -> Tensor:
    """What of a piece [N, T, K] is matched: the signature of its sums, with the value that they start from."""
    path = torch.cat([torch.zeros_like(x[:, :1]), x], 1).cumsum(1) * scale
    return signature(lead_lag(path))


class Feedforward(nn.Module):
    """AR-FNN: `forward(p, z)` with p [N, P, K], z [N, Q, K] → [N, Q, K]."""

    def __init__(self, channels: int, past: int, steps: int, width: int):
        super().__init__()
        self.shape, self.past = (channels, steps), past
        self.first = nn.Linear((past + 1) * channels, width)
        self.hidden = nn.ModuleList(nn.Linear(width, width) for _ in range(LAYERS - 1))
        self.acts = nn.ModuleList(nn.PReLU() for _ in range(LAYERS))
        self.out = nn.Linear(width, channels)

    def forward(self, p: Tensor, z: Tensor) -> Tensor:
        found = [p[:, k] for k in range(p.shape[1])]
        for t in range(z.shape[1]):
            h = self.acts[0](self.first(torch.cat([*found[-self.past :], z[:, t]], 1)))
            for layer, act in zip(self.hidden, self.acts[1:], strict=True):  # type: ignore[arg-type]
                h = h + act(layer(h))
            found.append(self.out(h))
        return torch.stack(found[p.shape[1] :], 1)


class SigCwgan(Task, kind="sigcwgan"):
    """A generator that matches the expected signature of the future given the past; no critic."""

    shaping: ClassVar[tuple[str, ...]] = ("past", "width")

    past: int = Field(default=3, ge=1)
    """Steps that the next one depends on."""
    future: int = Field(default=3, ge=1)
    """Steps whose signature is matched."""
    draws: int = Field(default=100, ge=2)
    """Futures of each past; 1,000 in the paper's code."""
    scale: float = Field(default=0.2, gt=0)
    """What sums of values are multiplied with before signatures are taken."""
    width: int = Field(default=WIDTH, ge=1)
    """Units of G's three layers."""
    burn: int = Field(default=50, ge=0)
    """Steps from zeros that are dropped when samples are made."""

    def adapt(self, spec: Spec) -> Spec:
        check(spec.shape)
        return Spec(spec.shape, state=spec.state)

    def players(self, spec: Spec) -> dict[str, nn.Module]:
        return {"G": Feedforward(spec.shape[0], self.past, spec.shape[1], self.width)}

    def memory(self, spec: Spec) -> Memory:
        size = 2 * spec.shape[0] + (2 * spec.shape[0]) ** 2
        return Memory({"pp": torch.zeros(size + 1, size + 1), "py": torch.zeros(size + 1, size), "n": torch.zeros(())})

    def phases(self) -> Sequence[Phase]:
        return [Phase("G", self.g_loss, trains=("G",))]

    def g_loss(self, nets: Nets, batch: Batch, rng: Rng) -> Terms:
        """The distance [N] of the regressed signature to the mean of those of G's futures."""
        x = wide(batch.x).transpose(1, 2)
        k = int(rng.integers("place", (1,), x.shape[1] - self.past - self.future + 1)[0])
        p, y = x[:, k : k + self.past], x[:, k + self.past : k + self.past + self.future]
        with torch.no_grad():
            wanted = self._regressed(nets.memory, features(p, self.scale), features(y, self.scale))
        shape = (len(x), self.draws * self.future * x.shape[2])
        z = rng.normal("z", shape).to(x.dtype).view(len(x) * self.draws, self.future, x.shape[2])
        made = features(nets.G(p.repeat_interleave(self.draws, 0), z), self.scale)
        mean = made.unflatten(0, (len(x), self.draws)).mean(1)
        return Terms({"signature": ((wanted - mean).square().sum(1) + 1e-12).sqrt()})

    def latents(self, request: Request) -> Tensor:
        return noise.rows(request)

    def sample(self, nets: Nets, request: Request) -> Tensor:
        channels, steps = nets.G.shape  # type: ignore[misc]
        channels, steps = int(channels), int(steps) + self.burn
        z = noise.taken(noise.rows(request), channels * steps)
        z = z.to(request.device, request.dtype).unflatten(1, (steps, channels))
        begin = z.new_zeros(len(z), self.past, channels)
        return nets.G(begin, z)[:, self.burn :].transpose(1, 2)

    def _regressed(self, memory: Memory, past: Tensor, future: Tensor) -> Tensor:
        """ℓ(S(p)) [N, F], after this batch has joined the regression."""
        design = torch.cat([torch.ones_like(past[:, :1]), past], 1)
        n = memory["n"] + len(past)
        memory["n"] = n
        memory["pp"] = memory["pp"] + design.T @ design
        memory["py"] = memory["py"] + design.T @ future
        ridge = RIDGE * torch.eye(design.shape[1], device=past.device, dtype=past.dtype)
        return design @ torch.linalg.solve(memory["pp"] / n + ridge, memory["py"] / n)
