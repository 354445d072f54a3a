"""Small recurrent nets that read windows, several of them trained at once: a step of ten takes as long as three by one.

    r, u = sigmoid(W x_t + b + V h + c)     n = tanh(W x_t + b + r ⊙ (V h + c))     h ← (1 − u) n + u h     GRU
    y = w · h + v                           of the last state, or of every one

Each has weights, batches and an optimizer of its own; the products of all are batched. R: nets, B: windows, T: steps,
d: channels, H: units.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn

OFTEN = 100  # steps


class Readers(nn.Module):
    """R nets: windows [R, B, T, d], for each its own, to numbers [R, B], or [R, B, T] at every step.

    Args:
        seeds: of the first weights, one for each net; uniform within ±1/√H, as `torch.nn.GRU` draws them.
    """

    def __init__(self, inputs: int, units: int, every_step: bool, seeds: Sequence[int]):
        super().__init__()
        self.units, self.every_step = max(1, units), every_step
        nets = []
        for seed in seeds:
            with torch.random.fork_rng():
                torch.manual_seed(seed)
                gru, out = nn.GRU(inputs, self.units, batch_first=True), nn.Linear(self.units, 1)
            nets.append([p.detach() for p in (*gru.parameters(), *out.parameters())])
        read, keep, read_bias, keep_bias, out, bias = (torch.stack(same) for same in zip(*nets, strict=True))
        self.read, self.keep = nn.Parameter(read.mT.contiguous()), nn.Parameter(keep.mT.contiguous())
        self.read_bias, self.keep_bias = nn.Parameter(read_bias[:, None]), nn.Parameter(keep_bias[:, None])
        self.out, self.bias = nn.Parameter(out.mT.contiguous()), nn.Parameter(bias[:, None])

    def forward(self, x: Tensor) -> Tensor:
        nets, windows, steps, inputs = x.shape
        rows = x.transpose(1, 2).reshape(nets, steps * windows, inputs)
        seen = torch.baddbmm(self.read_bias, rows, self.read).view(nets, steps, windows, -1)
        h = x.new_zeros(nets, windows, self.units)
        states = []
        for now in seen.unbind(1):
            gates, new = now.split([2 * self.units, self.units], 2)
            kept_gates, kept = torch.baddbmm(self.keep_bias, h, self.keep).split([2 * self.units, self.units], 2)
            r, u = torch.sigmoid(gates + kept_gates).chunk(2, 2)
            h = torch.lerp(torch.tanh(torch.addcmul(new, r, kept)), h, u)
            states.append(h)
        if not self.every_step:
            return torch.baddbmm(self.bias, h, self.out)[..., 0]
        every = torch.stack(states, 2).view(nets, windows * steps, self.units)
        return torch.baddbmm(self.bias, every, self.out).view(nets, windows, steps)


def fit(
    nets: Readers,
    batch: Callable[[int], tuple[Tensor, Tensor]],
    loss: Callable[[Tensor, Tensor], Tensor],
    steps: int,
    progress: Callable[[int, int], None],
) -> Readers:
    """Trains the nets by Adam at 1e-3.

    Args:
        batch: the windows [B, T, d] and the answers of a step of net k.
        loss: the mean over the scores and the answers that it is given.
        progress: is called with the step and their number now and then.
    """
    weights = list(nets.parameters())
    count = len(weights[0])
    optimizer = torch.optim.Adam(weights, 1e-3)
    with torch.enable_grad():
        for step in range(steps):
            if step % OFTEN == 0:
                progress(step, steps)
            x, y = (torch.stack(side) for side in zip(*map(batch, range(count)), strict=True))
            gradients = torch.autograd.grad(count * loss(nets(x), y), weights)  # of the sum of the nets' losses
            for weight, gradient in zip(weights, gradients, strict=True):
                weight.grad = gradient
            optimizer.step()
    return nets
