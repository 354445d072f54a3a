"""NetGAN's nets: random walks from an LSTM, and an LSTM that scores them (Bojchevski et al. 2018).

    G   h, c = tanh(W tanh(W z));   v_t ~ softmax((W↑ h_t + b) / τ) by Gumbel noise;   h, c = LSTM(W↓ᴳ v_t, h, c)
    D   h, c = LSTM(W↓ᴰ v_t, h, c);   logit = W h_T

The LSTM cell is written out, with one bias, as in the paper's counts; cuDNN's has no second derivative.

N walks, T steps, V nodes, L latents.  z [N, L], v [N, T, V] one-hot, logits [N].
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from ganforge.nets.layers.gumbel import gumbel, straight_through


class Cell(nn.Module):
    """One step of an LSTM: x [N, D], h, c [N, H] → h, c."""

    def __init__(self, inputs: int, units: int):
        super().__init__()
        self.gates = nn.Linear(inputs + units, 4 * units)
        nn.init.xavier_uniform_(self.gates.weight)
        nn.init.zeros_(self.gates.bias)
        with torch.no_grad():
            self.gates.bias[units : 2 * units] = 1  # remember at first

    def forward(self, x: Tensor, h: Tensor, c: Tensor) -> tuple[Tensor, Tensor]:
        enter, forget, new, leave = self.gates(torch.cat([x, h], 1)).chunk(4, 1)
        c = forget.sigmoid() * c + enter.sigmoid() * new.tanh()
        return leave.sigmoid() * c.tanh(), c


class WalkG(nn.Module):
    """Walks from latents."""

    def __init__(self, nodes: int, steps: int, latent: int, units: int, narrow: int):
        super().__init__()
        self.nodes, self.steps = nodes, steps
        self.first = nn.Linear(latent, units)
        self.h, self.c = nn.Linear(units, units), nn.Linear(units, units)
        self.down = nn.Linear(nodes, narrow, bias=False)
        self.cell = Cell(narrow, units)
        self.up = nn.Linear(units, nodes)
        for layer in (self.first, self.h, self.c, self.down, self.up):
            nn.init.xavier_uniform_(layer.weight)

    def begin(self, z: Tensor) -> tuple[Tensor, Tensor]:
        first = self.first(z).tanh()
        return self.h(first).tanh(), self.c(first).tanh()

    def forward(self, z: Tensor, noise: Tensor, temperature: float) -> Tensor:
        """One-hot walks [N, T, V] with the gradient of the softmax, from noise [N, T, V] ~ N(0, 1)."""
        h, c = self.begin(z)
        x, walk = z.new_zeros(len(z), self.down.out_features), []
        for t in range(self.steps):
            h, c = self.cell(x, h, c)
            walk.append(straight_through(self.up(h), gumbel(noise[:, t]).to(h), temperature))
            x = self.down(walk[-1])
        return torch.stack(walk, 1)

    @torch.no_grad()
    def walks(self, z: Tensor, uniform: Tensor) -> Tensor:
        """Walks as numbers of nodes, int64 [N, T], drawn with one uniform number a step, [N, T]."""
        h, c = self.begin(z)
        x, walk = z.new_zeros(len(z), self.down.out_features), []
        for step in uniform.unbind(1):
            h, c = self.cell(x, h, c)
            sums = self.up(h).softmax(1).cumsum(1)
            node = torch.searchsorted(sums, step[:, None] * sums[:, -1:], right=True)[:, 0].clamp_max(self.nodes - 1)
            walk.append(node)
            x = self.down.weight.T[node]
        return torch.stack(walk, 1)


class WalkD(nn.Module):
    """Scores of walks [N, T, V]."""

    def __init__(self, nodes: int, units: int, narrow: int):
        super().__init__()
        self.down = nn.Linear(nodes, narrow, bias=False)
        self.cell = Cell(narrow, units)
        self.out = nn.Linear(units, 1)
        nn.init.xavier_uniform_(self.down.weight)

    def forward(self, walks: Tensor) -> Tensor:
        h = c = walks.new_zeros(len(walks), self.cell.gates.out_features // 4)
        for x in self.down(walks).unbind(1):
            h, c = self.cell(x, h, c)
        return self.out(h)[:, 0]
