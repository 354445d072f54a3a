"""The generator of RelGAN: relational memory in place of an LSTM.

Santoro et al. 2018, "Relational recurrent neural networks"; Nie et al. 2019 (RelGAN). With the memory M [N, S, W] and
the token before:

    u = W_in e            the embedding of the token as one more row of the memory
    M' = LN(P + MLP(P)),  P = LN(A + attention(A)),  A = M ‖ u,  without its last row
    M ← σ(i) · tanh(M') + σ(f + 1) · M,   i, f = W_x u + W_m tanh(M)
    logits = W_out M

attention: queries, keys and values of A by one linear layer with a layer norm; H heads.

N: texts, T: tokens, V: vocabulary, S: slots, H: heads, W = H · head.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import relu

from ganforge.modalities.text.stepwise import Stepwise, allowed
from ganforge.modalities.text.tokens import END


class RelationalMemory(nn.Module):
    """One step: inputs [N, embed], memory [N, S, W] → the next memory."""

    def __init__(self, embed: int, slots: int, heads: int, head: int):
        super().__init__()
        width = heads * head
        self.slots, self.heads, self.head = slots, heads, head
        self.inward = nn.Linear(embed, width)
        self.asked = nn.Linear(width, 3 * width, bias=False)
        self.asked_norm, self.first_norm, self.second_norm = (nn.LayerNorm(n) for n in (3 * width, width, width))
        self.mlp = nn.ModuleList([nn.Linear(width, width), nn.Linear(width, width)])
        self.gate_in = nn.Linear(width, 2 * width, bias=False)
        self.gate_memory = nn.Linear(width, 2 * width, bias=False)

    def empty(self, n: int, like: Tensor) -> Tensor:
        """The memory before the first step: rows of the identity."""
        eye = torch.eye(self.slots, self.heads * self.head, dtype=like.dtype, device=like.device)
        return eye.expand(n, -1, -1)

    def attention(self, a: Tensor) -> Tensor:
        mixed = self.asked_norm(self.asked(a)).unflatten(2, (self.heads, -1)).transpose(1, 2)  # [N, H, rows, 3·head]
        q, k, v = mixed.chunk(3, 3)
        weights = ((3 * self.head) ** -0.5 * q @ k.transpose(2, 3)).softmax(3)
        return (weights @ v).transpose(1, 2).flatten(2)

    def forward(self, x: Tensor, memory: Tensor) -> Tensor:
        u = self.inward(x)[:, None]
        a = torch.cat([memory, u], 1)
        p = self.first_norm(a + self.attention(a))
        h = p
        for layer in self.mlp:
            h = relu(layer(h))
        new = self.second_norm(p + h)[:, :-1]
        keep, forget = (self.gate_in(u) + self.gate_memory(memory.tanh())).chunk(2, 2)
        return keep.sigmoid() * new.tanh() + (forget + 1).sigmoid() * memory


class RelganG(Stepwise):
    """Texts by a relational memory."""

    def __init__(self, vocabulary: int, steps: int, embed: int, slots: int, heads: int, head: int):
        super().__init__(vocabulary, steps)
        self.embed = nn.Embedding(vocabulary, embed)
        nn.init.normal_(self.embed.weight, 0.0, vocabulary**-0.5)
        self.memory = RelationalMemory(embed, slots, heads, head)
        self.out = nn.Linear(slots * heads * head, vocabulary)

    def step(self, token: Tensor, state: Any, here: Tensor | None = None, c: Tensor | None = None) -> Any:
        x = self.embed(token[:, 0])
        memory = self.memory(x, self.memory.empty(len(x), x) if state is None else state)
        return self.out(memory.flatten(1)), memory

    def forward(self, gumbel: Tensor) -> tuple[Tensor, Tensor]:
        """Drawn tokens int64 [N, T], and the sums of logits and noise [N, T, V] of which each is the largest.

        The token that is fed back is cut from the gradient.

        Args:
            gumbel: Gumbel noise [N, T, V].
        """
        token, state, tokens, sums = gumbel.new_full((len(gumbel), 1), END, dtype=torch.long), None, [], []
        for t in range(gumbel.shape[1]):
            logits, state = self.step(token, state)
            sums.append(allowed(logits, t == 0) + gumbel[:, t])
            token = sums[-1].detach().argmax(1, keepdim=True)
            tokens.append(token)
        return torch.cat(tokens, 1), torch.stack(sums, 1)
