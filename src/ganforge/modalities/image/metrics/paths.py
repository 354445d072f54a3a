"""Perceptual path length: how much the image changes along a short step in latent space.

Karras, Laine & Aila 2019, "A Style-Based Generator Architecture for Generative Adversarial Networks":

    PPL = E[ d( G(γ(z₁, z₂; t)), G(γ(z₁, z₂; t + ε)) ) / ε² ],   t ~ U(0, 1), ε = 10⁻⁴

γ: along the arc between two latents, or along the line for latents that are not normal; d: the squared distance of the
extractor's features, which needs no additional weights, or LPIPS. As in the paper, the lowest and highest percent of
the values are excluded. Images are not rounded to 8 bits, which would hide such small steps.

z [n, L], G(z) [n, C, H, W] in [−1, 1].
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, Literal

import numpy as np
import torch
from pydantic import Field
from torch import Tensor

from ganforge.metrics.base import Comparison, Meaning, Metric, Result, short_count
from ganforge.modalities.image.metrics.lpips import TrunkName, load

BATCH = 16


def slerp(a: Tensor, b: Tensor, t: Tensor) -> Tensor:
    """Points at t [n] on the arcs from a to b [n, L], with interpolated lengths; float64."""
    a, b, t = a.double(), b.double(), t.double()[:, None]
    u, v = (x / x.norm(dim=1, keepdim=True).clamp(min=1e-30) for x in (a, b))
    angle = (u * v).sum(1, keepdim=True).clamp(-1, 1).arccos()
    sine = angle.sin()
    straight = sine < 1e-9  # the two are parallel: the arc is a line
    sine = torch.where(straight, torch.ones_like(sine), sine)
    arc = ((1 - t) * angle).sin() / sine * u + (t * angle).sin() / sine * v
    direction = torch.where(straight, (1 - t) * u + t * v, arc)
    return direction * ((1 - t) * a.norm(dim=1, keepdim=True) + t * b.norm(dim=1, keepdim=True))


def line(a: Tensor, b: Tensor, t: Tensor) -> Tensor:
    """Points at t [n] on the lines from a to b [n, L]; float64."""
    return torch.lerp(a.double(), b.double(), t.double()[:, None])


class PathLength(Metric, kind="ppl"):
    """Perceptual path length: low if small steps in latent space change the image only slightly, everywhere."""

    needs: ClassVar[frozenset[str]] = frozenset({"latents"})
    signals: ClassVar[tuple[str, ...]] = ("image", "pair")
    values: ClassVar[Mapping[str, Meaning]] = {
        "ppl": Meaning("How much samples change with small steps of the latent: lower is smoother.", "lower"),
    }
    paths: int = Field(default=1000, ge=2)
    """Number of short steps to measure."""
    epsilon: float = Field(default=1e-4, gt=0, lt=1)
    """Length of a step, as a fraction of the path between two latents."""
    distance: Literal["features", "lpips"] = "features"
    """The distance between two images: in the extractor's features, or LPIPS, which needs weights."""
    trunk: TrunkName = "vgg"
    """Net of LPIPS, for distance=lpips: alex, vgg or squeeze."""

    def lacks(self, comparison: Comparison) -> str:
        missing = super().lacks(comparison)
        if missing or self.distance != "features" or comparison.has_encoder:
            return missing
        return "an extractor of features, or distance=lpips"

    @torch.inference_mode()
    def compute(self, comparison: Comparison) -> list[Result]:
        latents = comparison.latents
        assert latents is not None
        walk = slerp if latents.space == "normal" else line
        apart, tag, provenance = self._apart(comparison)
        t = torch.from_numpy(comparison.draws("ppl").random(self.paths))
        found = []
        for start in range(0, self.paths, BATCH):
            n = min(BATCH, self.paths - start)
            a, b = latents.draw(2 * start, 2 * n).chunk(2)
            at = t[start : start + n].to(a.device)
            x, y = (latents.render(walk(a, b, at + step).float()) for step in (0.0, self.epsilon))
            found.append(apart(x, y).double().cpu() / self.epsilon**2)
            comparison.progress("path lengths", start + n, self.paths)
        values = torch.cat(found).numpy()
        low, high = np.quantile(values, [0.01, 0.99])
        kept = values[(values >= low) & (values <= high)]
        sides = {"fake": comparison.fake.name, "seed": comparison.seed} | comparison.extra
        protocol = provenance | sides | {"paths": self.paths, "epsilon": self.epsilon, "space": latents.space}
        sd = float(kept.std())
        detail = {"sd": sd, "error": sd / len(kept) ** 0.5, "median": float(np.median(values))}
        return [Result(f"ppl{short_count(self.paths)}[{tag}]", float(kept.mean()), protocol, detail)]

    def _apart(self, comparison: Comparison):
        """A function from two batches of images to their distances [n]; its name; its protocol."""
        if self.distance == "lpips":
            net, digest = comparison.once(
                ("lpips", self.trunk, None, None), lambda: load(self.trunk, None, None, comparison.cache)
            )
            net = net.to(comparison.device)

            def lpips(x: Tensor, y: Tensor) -> Tensor:
                x, y = (part.expand(-1, 3, -1, -1)[:, :3].to(comparison.device) for part in (x, y))
                return net(x, y)

            return lpips, f"lpips-{self.trunk}@{digest[:8]}", {"distance": "lpips", "weights": digest}
        encoder = comparison.encoder

        def features(x: Tensor, y: Tensor) -> Tensor:
            u, v = (encoder.encode(_decoded(part))[0].double() for part in (x, y))
            return (u - v).square().sum(1)

        return features, encoder.tag, encoder.provenance | {"distance": "squared distance of features"}


def _decoded(x: Tensor) -> np.ndarray:
    """[n, C, H, W] in [−1, 1] as float32 [n, H, W, C], 0 to 255, not rounded."""
    return ((x.float().clamp(-1, 1) + 1) * 127.5).permute(0, 2, 3, 1).cpu().numpy()
