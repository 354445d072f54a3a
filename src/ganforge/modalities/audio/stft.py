"""Short-time spectra of sounds and the way back, with frames that divide a clip exactly.

A clip of T = hop · F samples has F frames: the first is centered hop/2 after its start, so that a clip has as many
frames as hops whatever the window is, and frames of both ends reach into zeros.

    analysis   S[k, f] = Σ_t w[t] x[f·hop + t − (window − hop)/2] exp(−2πi k t / window)
    synthesis  x = Σ_f w · irfft(S[:, f]) / Σ_f w²        the least-squares inverse (Griffin & Lim 1984)

x [..., T], S complex [..., window/2 + 1, F], w the Hann window.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import fold, pad

from ganforge.core.types import wide


def hann(window: int, like: Tensor) -> Tensor:
    """The periodic Hann window [window], of the device of `like` and in its dtype, float32 at least."""
    return torch.hann_window(window, device=like.device, dtype=wide(like[..., :0]).dtype)


def analysis(x: Tensor, window: int, hop: int) -> Tensor:
    """Sounds [..., T] → spectra, complex [..., window/2 + 1, T/hop]. FFTs know no bf16: in float32 at least."""
    x = wide(x)
    edge = (window - hop) // 2
    frames = pad(x, (edge, window - hop - edge)).unfold(-1, window, hop) * hann(window, x)  # [..., F, window]
    return torch.fft.rfft(frames, dim=-1).transpose(-1, -2)


def synthesis(spectra: Tensor, window: int, hop: int) -> Tensor:
    """Spectra [..., window/2 + 1, F] → the sounds [..., hop·F] whose spectra are nearest to them."""
    frames = torch.fft.irfft(spectra, window, dim=-2)
    return added_up(frames, hann(window, frames), hop)


def added_up(frames: Tensor, window: Tensor, hop: int) -> Tensor:
    """Frames [..., window, F] → [..., F·hop], overlapping, each under the window and the sum divided by its weight."""
    size, count = frames.shape[-2:]
    before = frames.shape[:-2]
    rows = (frames * window[:, None]).reshape(-1, size, count)
    both = torch.cat([rows, window.square()[:, None].expand(1, -1, count)])
    sums = fold(both, (1, (count - 1) * hop + size), (1, size), stride=(1, hop))[:, 0, 0]
    edge = (size - hop) // 2
    sums = sums[:, edge : edge + count * hop]
    return (sums[:-1] / sums[-1]).reshape(*before, count * hop)


def griffin_lim(magnitude: Tensor, window: int, hop: int, rounds: int, momentum: float = 0.99) -> Tensor:
    """Sounds [..., hop·F] whose spectra have nearly these magnitudes [..., window/2 + 1, F].

    Griffin & Lim 1984, with the momentum of Perraudin, Balazs & Søndergaard 2013 ("A fast Griffin–Lim algorithm"). The
    phases start from one table of random numbers, the same for all sounds: a sound does not depend on its neighbors.
    """
    bins, frames = magnitude.shape[-2:]
    start = torch.rand(bins, frames, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    angle = 2 * torch.pi * start.to(magnitude)
    spectra = torch.polar(magnitude, angle.expand_as(magnitude).contiguous())
    before = torch.zeros_like(spectra)
    for _ in range(rounds):
        made = analysis(synthesis(spectra, window, hop), window, hop)
        ahead = made + momentum * (made - before)
        spectra = magnitude * ahead / ahead.abs().clamp_min(1e-12)
        before = made
    return synthesis(spectra, window, hop)
