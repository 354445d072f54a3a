"""What the numbers of an encoded table row mean, for the nets that make them.

A row x [D] is a sequence of blocks, as `Spec.state["blocks"]` lists them: a number in [-1, 1] (tanh), or a choice of
one of several (softmax), which real rows hold as a one-hot. A net makes a raw number r for each of the D.

    Gumbel-softmax    y = softmax((r + g) / τ) within each block, g = −log(−log u), u ~ U(0, 1)
                      Jang et al. 2017; Maddison et al. 2017: argmax y is a draw from softmax(r), and y can be learned

All blocks are done at once: sums over blocks are products with the 0/1 matrix that says which number is of which block.

N: rows, D: numbers a row, S: blocks with a choice.  r, u, y, x [N, D].
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

TINY = 1e-20  # so that a logarithm is finite


class Columns(nn.Module):
    """The blocks of a row as tensors. It learns nothing and is in no checkpoint: the spec says it all.

    Args:
        width: D.
        blocks: mappings with `start`, `width` and `activation`: "softmax", "tanh" or "none".
    """

    segment: Tensor
    member: Tensor
    chosen: Tensor
    values: Tensor
    bounded: Tensor

    def __init__(self, width: int, blocks: Sequence[dict[str, Any]]):
        super().__init__()
        choices = [b for b in blocks if b["activation"] == "softmax"]
        segment = torch.full((width,), len(choices))  # S where there is no choice
        for k, block in enumerate(choices):
            segment[block["start"] : block["start"] + block["width"]] = k
        bounded = [b["start"] + k for b in blocks if b["activation"] == "tanh" for k in range(b["width"])]
        self.count = len(choices)
        own = {
            "segment": segment,  # [D]
            "member": torch.nn.functional.one_hot(segment, len(choices) + 1).float(),  # [D, S + 1]
            "chosen": segment < len(choices),  # [D]
            "values": torch.nonzero(segment == len(choices)).flatten(),  # numbers that are no choice
            "bounded": torch.tensor(bounded, dtype=torch.int64),  # those among them that tanh holds
        }
        for name, tensor in own.items():
            self.register_buffer(name, tensor, persistent=False)

    def forward(self, raw: Tensor, uniform: Tensor, temperature: float) -> Tensor:
        """Rows [N, D] from raw numbers: tanh of the values, a Gumbel-softmax of each choice."""
        gumbel = -(-uniform.clamp_min(TINY).log()).log()
        soft = self.log_softmax((raw + gumbel) / temperature).exp()
        return self.with_values(soft, raw)

    def draw(self, raw: Tensor, uniform: Tensor) -> Tensor:
        """Rows [N, D] as real ones are: each choice is one-hot, drawn with its probability."""
        gumbel = -(-uniform.clamp_min(TINY).log()).log()
        perturbed = raw + gumbel
        return self.with_values((perturbed >= self.spread(self.highest(perturbed))).to(raw.dtype), raw)

    def with_values(self, choices: Tensor, raw: Tensor) -> Tensor:
        """[N, D]: `choices` where there is a choice, else the raw numbers, those that tanh holds through it."""
        x = torch.where(self.chosen, choices, raw)
        return x.index_copy(1, self.bounded, raw.index_select(1, self.bounded).tanh())

    def log_softmax(self, raw: Tensor) -> Tensor:
        """Within each block [N, D]; of no meaning where there is no choice."""
        with torch.no_grad():  # what is subtracted changes no value: it holds the exponentials in range
            top = self.spread(self.highest(raw))
        shifted = raw - top
        total = shifted.exp() @ self.member.to(raw.dtype)  # [N, S + 1]
        # where every number is of a choice, the sum of the others is an empty one
        return shifted - self.spread(total.clamp_min(TINY).log())

    def highest(self, raw: Tensor) -> Tensor:
        """The highest number of each block [N, S + 1], the last of those without a choice."""
        low = raw.new_full((raw.shape[0], self.count + 1), -torch.inf)
        high = low.scatter_reduce(1, self.segment.expand_as(raw), raw, "amax")
        return high.nan_to_num(neginf=0.0)  # a table of choices alone has none without

    def spread(self, of_blocks: Tensor) -> Tensor:
        """Each number's own of [N, S + 1], as [N, D]."""
        return of_blocks.index_select(1, self.segment)
