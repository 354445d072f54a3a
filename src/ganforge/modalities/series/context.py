"""Distances that a net or a transform sees: context-FD, spectra, and usefulness for forecasts.

    context_fd   Fréchet distance of the codes of a dilated convolutional encoder that is trained on the real windows:
                 two views of a window, with steps hidden, should have codes that agree with each other and with no
                 other window (InfoNCE). The idea is TS2Vec's (Yue et al. 2022); figures of papers compare within one
                 encoder only, and this is another one.
    spectrum     mean |log10 power of generated − of real|, over frequencies above 0 and channels
    forecast_usefulness   error of a ridge regression of a window's last quarter on the rest: learned from generated
                 windows, tested on held-out ones, ÷ the same learned from real windows; 1: as good as real data

N: windows, T: steps, d: channels, E: numbers of a code.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np
import torch
from pydantic import Field
from torch import Tensor, nn
from torch.nn.functional import cross_entropy, gelu, normalize

from ganforge.core.language import phrase
from ganforge.metrics.base import Comparison, Meaning, Metric, Result
from ganforge.metrics.frechet import frechet_distance
from ganforge.metrics.statistics import moments
from ganforge.modalities.series.metrics import HALVES, scaled

WIDTH, CODE = 32, 64
HIDDEN = 0.5  # share of steps that a view does not show
TEMPERATURE = 0.2
RIDGE = 1e-3
LEAST_POWER = 1e-8


class Encoder(nn.Module):
    """[N, T, d] → codes [N, E]: dilated convolutions, the largest value over time."""

    def __init__(self, channels: int):
        super().__init__()
        self.read = nn.Conv1d(channels, WIDTH, 1)
        self.layers = nn.ModuleList(nn.Conv1d(WIDTH, WIDTH, 3, padding=2**k, dilation=2**k) for k in range(4))
        self.out = nn.Conv1d(WIDTH, CODE, 1)

    def forward(self, x: Tensor, shown: Tensor | None = None) -> Tensor:
        h = self.read(x.transpose(1, 2))
        h = h if shown is None else h * shown[:, None]
        for layer in self.layers:
            h = h + gelu(layer(h))
        return self.out(h).amax(2)


def trained(real: np.ndarray, steps: int, draws: np.random.Generator) -> Encoder:
    """An encoder of real windows; the same for the same draws."""
    x = torch.from_numpy(real)
    with torch.random.fork_rng(), torch.enable_grad():
        torch.manual_seed(int(draws.integers(2**31)))
        net = Encoder(real.shape[2])
        optimizer = torch.optim.Adam(net.parameters(), 1e-3)
        for _ in range(steps):
            batch = x[torch.from_numpy(draws.integers(len(x), size=64))]
            views = [torch.from_numpy(draws.random(batch.shape[:2]) > HIDDEN).float() for _ in range(2)]
            a, b = (normalize(net(batch, shown), dim=1) for shown in views)
            loss = cross_entropy(a @ b.T / TEMPERATURE, torch.arange(len(batch)))
            gradients = torch.autograd.grad(loss, list(net.parameters()))
            for parameter, gradient in zip(net.parameters(), gradients, strict=True):
                parameter.grad = gradient
            optimizer.step()
    return net.eval()


@torch.no_grad()
def codes(net: Encoder, x: np.ndarray) -> np.ndarray:
    return torch.cat([net(part) for part in torch.from_numpy(x).split(512)]).numpy()


class ContextDistance(Metric, kind="context_fd"):
    """Fréchet distance of the codes of an encoder that was trained on the real windows."""

    signals: ClassVar[tuple[str, ...]] = ("series",)
    values: ClassVar[Mapping[str, Meaning]] = {
        "context_fd": Meaning("Distance of the distributions of codes of whole windows.", "lower", 0.0)
    }
    steps: int = Field(default=200, ge=1)
    """Steps of the encoder's training."""

    def compute(self, comparison: Comparison) -> list[Result]:
        real, fake = scaled(comparison, "real"), scaled(comparison, "fake", self.n)
        draws = comparison.draws("context_fd")
        net = trained(real, self.steps, draws)
        order = draws.permutation(len(real))
        halves = [moments(codes(net, real[part])) for part in np.array_split(order, 2)]
        floor = frechet_distance(*halves)
        value = frechet_distance(moments(codes(net, real)), moments(codes(net, fake)))
        detail = {"floor": floor, "notes": [phrase(HALVES, floor=floor)]}
        return [Result(f"context_fd[{len(fake)}]", value, comparison.protocol(self.n) | {"steps": self.steps}, detail)]


def power(x: np.ndarray) -> np.ndarray:
    """log10 of the mean power at each frequency above 0, [T // 2, d], each window without its mean."""
    spectrum = np.abs(np.fft.rfft(x - x.mean(1, keepdims=True), axis=1))[:, 1:] ** 2 / x.shape[1]
    return np.log10(spectrum.mean(0) + LEAST_POWER)


class Spectrum(Metric, kind="spectrum"):
    """How far the power at each frequency is from that of real windows."""

    signals: ClassVar[tuple[str, ...]] = ("series",)
    values: ClassVar[Mapping[str, Meaning]] = {
        "spectrum": Meaning("Mean difference of log10 power over frequencies.", "lower", 0.0)
    }

    def compute(self, comparison: Comparison) -> list[Result]:
        real, fake = scaled(comparison, "real"), scaled(comparison, "fake", self.n)
        halves = np.array_split(comparison.draws("spectrum").permutation(len(real)), 2)
        floor = float(np.abs(power(real[halves[0]]) - power(real[halves[1]])).mean())
        detail = {"floor": floor, "notes": [phrase(HALVES, floor=floor)]}
        value = float(np.abs(power(real) - power(fake)).mean())
        return [Result(f"spectrum[{len(fake)}]", value, comparison.protocol(self.n), detail)]


class Usefulness(Metric, kind="forecast_usefulness"):
    """What a forecast learns from generated windows, tested on held-out real ones."""

    signals: ClassVar[tuple[str, ...]] = ("series",)
    needs: ClassVar[frozenset[str]] = frozenset({"heldout"})
    values: ClassVar[Mapping[str, Meaning]] = {
        "forecast_usefulness": Meaning(
            "Error of a forecast learned from generated windows over that from real ones.", "near", 1
        )
    }

    def compute(self, comparison: Comparison) -> list[Result]:
        real, fake = scaled(comparison, "real"), scaled(comparison, "fake", self.n)
        test = scaled(comparison, "heldout")
        errors = {name: forecast_error(x, test) for name, x in (("real", real), ("fake", fake))}
        cut = test.shape[1] - max(1, test.shape[1] // 4)
        last = float(np.abs(test[:, cut:] - test[:, cut - 1 : cut]).mean())
        detail: dict[str, Any] = {"error": errors["fake"], "error_of_real": errors["real"], "error_of_last": last}
        detail["notes"] = [
            phrase(
                "error {fake:.4g}; learned from real windows {real:.4g}; of the last value {last:.4g}",
                last=last,
                **errors,
            )
        ]
        value = errors["fake"] / max(errors["real"], 1e-12)
        return [Result(f"forecast_usefulness[{len(fake)}]", value, comparison.protocol(self.n), detail)]


def forecast_error(train: np.ndarray, test: np.ndarray) -> float:
    """Mean absolute error of all channels over the last quarter of test windows."""
    cut = train.shape[1] - max(1, train.shape[1] // 4)

    def sides(x: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        level = x[:, cut - 1 : cut]
        moved = x - level
        return moved[:, :cut].reshape(len(x), -1).astype(np.float64), moved[:, cut:].reshape(len(x), -1), level

    x, y, _ = sides(train)
    design = np.hstack([np.ones((len(x), 1)), x])
    weights = np.linalg.solve(design.T @ design + RIDGE * len(x) * np.eye(design.shape[1]), design.T @ y)
    x, y, _ = sides(test)
    return float(np.abs(np.hstack([np.ones((len(x), 1)), x]) @ weights - y).mean())
