"""Nets of the task `impute`: a U-Net along time that fills gaps, and a critic that sees what is given.

N: windows, V: channels of values, Q: channels known in advance, K: all channels, C: columns, T: steps.
x [N, V, T], given [N, V, T], known [N, Q, T], z [N, L].
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn.functional import leaky_relu

from ganforge.core.types import Spec
from ganforge.modalities.series.clock import STEP
from ganforge.modalities.series.windows import gaps_of, known_in, values_in, words_of

SLOPE = 0.2
LEAST = 0.02  # the scale of a window that does not move, in units of scaled values


def across(x: Tensor, given: Tensor) -> Tensor:
    """x [N, V, T] with straight lines between what is given on both sides, level beyond the first and last; 0 of none.

    Args:
        given: 1 where a value is given, of the same shape.
    """
    steps = torch.arange(x.shape[2], device=x.device).expand_as(x)
    none = torch.full_like(steps, -1)
    before = torch.where(given > 0, steps, none).cummax(2).values
    after = x.shape[2] - 1 - torch.where(given > 0, x.shape[2] - 1 - steps, none).flip(2).cummax(2).values.flip(2)
    has_before, has_after = before >= 0, after < x.shape[2]
    first = torch.where(has_before, before, after.clamp_max(x.shape[2] - 1))
    last = torch.where(has_after, after, first)
    share = (steps - first).to(x.dtype) / (last - first).clamp_min(1)
    line = x.gather(2, first) * (1 - share) + x.gather(2, last) * share
    return torch.where(has_before | has_after, line, torch.zeros_like(x))


class Filler(nn.Module):
    """G: `forward(x, given, known, z)` → windows with gaps filled, [N, V, T].

    Attributes:
        column: int64 [V], the column of each channel. flag: int64 [C], the channel that says that a column is missing;
            −1 where none does.
        usual: float [C], 1 for columns that are hidden by themselves; those with gaps in the data, or all.
        never: float [C], 1 for columns that are never hidden.
    """

    column: Tensor
    flag: Tensor
    usual: Tensor
    never: Tensor

    def __init__(self, spec: Spec, width: int, latent: int):
        super().__init__()
        columns, gaps = spec.state["columns"], gaps_of(spec.state)
        self.values, self.known, self.latent = values_in(spec.state), known_in(spec.state), latent
        widths = [len(words_of(c)) or 1 for c in columns]
        never = [c["name"] == STEP for c in columns]
        usual = [k in gaps if gaps else not never[k] for k in range(len(columns))]
        flags = [self.values + gaps.index(k) if k in gaps else -1 for k in range(len(columns))]
        for name, value in (
            ("column", torch.arange(len(columns)).repeat_interleave(torch.tensor(widths))),
            ("flag", torch.tensor(flags)),
            ("usual", torch.tensor(usual, dtype=torch.float32)),
            ("never", torch.tensor(never, dtype=torch.float32)),
        ):
            self.register_buffer(name, value, persistent=False)
        self.quarter = (spec.shape[1] + 3) // 4
        self.read = nn.ModuleList(
            nn.Conv1d(a, width, 5, stride, 2)
            for a, stride in ((4 * self.values + self.known, 1), (width, 2), (width, 2))
        )
        self.middle = nn.ModuleList(nn.Conv1d(width, width, 3, padding=d, dilation=d) for d in (1, 2, 4, 8))
        self.start = nn.Conv1d(width + 2 * latent, width, 3, padding=1)
        self.grow = nn.ModuleList(nn.Conv1d(2 * width, width, 5, padding=2) for _ in range(2))
        self.out = nn.Conv1d(width, self.values, 5, padding=2)

    @property
    def width(self) -> int:
        """The width L of z: some numbers for a whole window, and some for each fourth step."""
        return self.latent * (1 + self.quarter)

    def present(self, x: Tensor) -> Tensor:
        """1 where the data has a value, [N, C, T]."""
        flags = x[:, self.flag.clamp_min(0)] > 0
        return 1 - (flags & (self.flag >= 0)[:, None]).to(x.dtype)

    def by_channel(self, of_columns: Tensor) -> Tensor:
        """[N, C, T] → [N, V, T]."""
        return of_columns[:, self.column]

    def seen(self, x: Tensor, given: Tensor, known: Tensor) -> tuple[Tensor, ...]:
        """What is given alone says: the line ℓ [N, V, T], a, s, and codes at three lengths."""
        line = across(x, given)
        count = given.sum(2, keepdim=True).clamp_min(1)
        a = (line * given).sum(2, keepdim=True) / count
        s = (((line - a) * given).square().sum(2, keepdim=True) / count).sqrt().clamp_min(LEAST)
        level = torch.cat([a, s.log()], 1).expand(-1, -1, x.shape[2])
        h, codes = torch.cat([(line - a) / s, given, level, known], 1), []
        for layer in self.read:
            h = leaky_relu(layer(h), SLOPE)
            codes.append(h)
        for layer in self.middle:
            h = h + leaky_relu(layer(h), SLOPE)
        return (line, a, s, *codes[:2], h)

    def drawn(self, x: Tensor, given: Tensor, seen: Sequence[Tensor], z: Tensor) -> Tensor:
        """One filling for each row of z, from what `seen` gave for the same rows."""
        line, _, s, full, half, h = seen
        z = z.unflatten(1, (1 + self.quarter, self.latent)).transpose(1, 2)  # [N, latent, 1 + T / 4]
        noise = torch.cat([z[..., :1].expand(-1, -1, self.quarter), z[..., 1:]], 1)
        h = leaky_relu(self.start(torch.cat([h, noise], 1)), SLOPE)
        for layer, code in zip(self.grow, (half, full), strict=True):
            h = h.repeat_interleave(2, 2)[..., : code.shape[2]]
            h = leaky_relu(layer(torch.cat([h, code], 1)), SLOPE)
        return torch.where(given > 0, x, line + s * self.out(h))

    def forward(self, x: Tensor, given: Tensor, known: Tensor, z: Tensor) -> Tensor:
        return self.drawn(x, given, self.seen(x, given, known), z)


class Reader(nn.Module):
    """D: a critic of windows in units of what is given, which sees what is."""

    def __init__(self, net: nn.Module):
        super().__init__()
        self.net = net

    def forward(self, x: Tensor, given: Tensor, known: Tensor, a: Tensor, s: Tensor) -> Tensor:
        return self.net(torch.cat([(x - a) / s, given, known], 1)).logits


def middle(G: Filler, n: int, length: int, size: int) -> Tensor:
    """1 for a block in the middle of windows, in the columns that are hidden by themselves, [N, C, T]."""
    steps = torch.arange(length, device=G.usual.device)
    first = (length - size) // 2
    block = ((steps >= first) & (steps < first + size)).to(G.usual.dtype)
    return (G.usual[:, None] * block).expand(n, -1, -1)
