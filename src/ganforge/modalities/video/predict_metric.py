"""How near predicted films come to what came, by lead time, beside persistence (the last frame again and again).

    PSNR, SSIM  of each predicted frame: the mean over the draws, and the best draw of each film (of its mean over time)
    features    ‖f(ŷ) − f(y)‖² ÷ E ‖f(y) − f(y′)‖²: 0 for equal frames, 1 for frames of films that have nothing to do
                with each other; f: the small net that is trained on the data
    CRPS        mean_i |yⁱ − y| − ½ mean_{i,j} |yⁱ − yʲ| by pixel, in levels of 255; persistence has |last − y|
    CSI         hits ÷ (hits + misses + false alarms) of pixels above a threshold, for maps of rain or clouds

The best of many draws is what papers on video prediction report: it grows with the number of draws, which the protocol
states. The mean punishes blurred draws less than sharp ones that are wrong; CRPS is fair to both.

N: films, M: draws, H: frames ahead.  real [N, T, h, w, 3], made [N, M, H, h, w, 3], both uint8.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, ClassVar

import numpy as np
import torch
from pydantic import Field

from ganforge.core.component import build
from ganforge.core.language import phrase
from ganforge.core.plot.charts import Chart, lines
from ganforge.metrics.base import Comparison, Encoder, Extractor, Meaning, Metric, Result, SampleSet
from ganforge.modalities.image.metrics.pairwise import WINDOW, psnr, ssim

PART = 4  # films at a time
FRAMES = 4_096  # that the net of features is trained on, at most


class PredictScores(Metric, kind="predict"):
    """PSNR, SSIM, distance of features, CRPS and CSI of predicted films by lead time, beside persistence."""

    signals: ClassVar[tuple[str, ...]] = ("film",)
    values: ClassVar[Mapping[str, Meaning]] = {
        "predict_crps": Meaning("Error of predictions as distributions, by pixel, in levels of 255.", "lower", 0),
        "predict_psnr": Meaning("Peak signal-to-noise ratio of predicted frames in dB, mean over draws.", "higher"),
        "predict_psnr_best": Meaning("The same of the best draw of each film.", "higher"),
        "predict_ssim": Meaning("Structural similarity of predicted frames, mean over draws.", "higher", 1),
        "predict_ssim_best": Meaning("The same of the best draw of each film.", "higher", 1),
        "predict_features": Meaning("Distance of predicted frames in features; 1 for unrelated frames.", "lower", 0),
        "predict_features_best": Meaning("The same of the best draw of each film.", "lower", 0),
        "csi": Meaning("Share of pixels above the threshold, predicted or real, that are both.", "higher", 1),
    }
    threshold: float | None = Field(default=None, gt=0, lt=255)
    """Level from which a pixel counts for CSI, from 0 to 255, as a mean over colors; null: no CSI."""
    features: bool = True
    """Whether frames are also compared in features, for which a small net is trained on the data."""

    def compute(self, comparison: Comparison) -> list[Result]:
        encoder = self._encoder(comparison) if self.features else None
        usual = 1.0
        if encoder is not None:
            usual = spread(encoder, comparison)
        model: dict[str, list[np.ndarray]] = {}
        rival: dict[str, list[np.ndarray]] = {}
        n = comparison.count("fake", self.n)
        for k, (real, made) in enumerate(_pairs(comparison, n)):
            comparison.progress("predictions", k * PART, n)
            past = real.shape[1] - made.shape[2]
            still = np.repeat(real[:, past - 1 : past], made.shape[2], 1)[:, None]
            for found, films in ((model, made), (rival, still)):
                for name, values in scores(films, real[:, past:], self.threshold, encoder, usual).items():
                    found.setdefault(name, []).append(values)
        ours, theirs = ({k: np.concatenate(v) for k, v in one.items()} for one in (model, rival))
        draws = int(ours["psnr"].shape[1])
        horizon = int(ours["psnr"].shape[2])
        protocol = comparison.protocol(self.n) | {"draws": draws, "frames_ahead": horizon}
        if encoder is not None:
            protocol |= {"features": encoder.tag}
        if self.threshold is not None:
            protocol |= {"threshold": self.threshold}
        results = []
        for name in ("crps", "psnr", "psnr_best", "ssim", "ssim_best", "features", "features_best", "csi"):
            stem = name.removesuffix("_best")
            if stem not in ours:
                continue
            one, other = (by_lead(found[stem], stem, name != stem) for found in (ours, theirs))
            value, persistence = (float(found.mean()) for found in (one, other))
            detail: dict[str, Any] = {
                "persistence": persistence,
                "by_lead_time": {"model": one.tolist(), "persistence": other.tolist()},
                "notes": [phrase("persistence {value:.4g}", value=persistence)],
            }
            if name == stem:
                detail["plots"] = [{"title": stem, "drawing": drawn(stem, one, other)}]
            full = name if name == "csi" else f"predict_{name}"
            results.append(Result(f"{full}[{n}]", value, protocol, detail))
        return results

    def _encoder(self, comparison: Comparison) -> Encoder:
        frames = np.concatenate([part.reshape(-1, *part.shape[2:]) for part in comparison.batches("real", None, PART)])
        some = np.unique(np.linspace(0, len(frames) - 1, min(len(frames), FRAMES)).round().astype(int))
        data = SampleSet.of(frames[some], name=f"frames of {comparison.real.name}")
        return build(Extractor, {"kind": "small"}).open(data, seed=comparison.seed, device=comparison.device)


def _pairs(comparison: Comparison, n: int) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    return zip(comparison.batches("real", n, PART), comparison.batches("fake", n, PART), strict=True)


def spread(encoder: Encoder, comparison: Comparison) -> float:
    """Mean square distance of the features of two real frames: 2 tr Σ."""
    found = [
        encoder.encode(part[:, :: max(1, part.shape[1] // 4)].reshape(-1, *part.shape[2:]))[0].double()
        for part in comparison.batches("real", None, PART)
    ]
    features = torch.cat(found)
    return max(2 * float(features.var(0, correction=0).sum()), 1e-12)


def scores(
    made: np.ndarray, real: np.ndarray, threshold: float | None, encoder: Encoder | None, usual: float
) -> dict[str, np.ndarray]:
    """Scores of each frame: [N, M, H] each; CRPS [N, 1, H]; "csi" [N, 3, H], mean counts over draws, for which see
    `by_lead`.

    Args:
        made: [N, M, H, h, w, 3]. real: [N, H, h, w, 3].
        usual: square distance of the features of unrelated frames.
    """
    n, draws, horizon = made.shape[:3]
    x = torch.from_numpy(np.ascontiguousarray(made)).double().movedim(5, 3)  # [N, M, H, 3, h, w]
    y = torch.from_numpy(np.ascontiguousarray(real)).double().movedim(4, 2)[:, None].expand_as(x)
    flat, goal = x.flatten(0, 2), y.flatten(0, 2)
    found = {"psnr": psnr(flat, goal)}
    if min(real.shape[2:4]) >= WINDOW:
        found["ssim"] = ssim(flat, goal)
    if encoder is not None:
        a = encoder.encode(made.reshape(-1, *made.shape[3:]))[0].double().unflatten(0, (n, draws, horizon))
        b = encoder.encode(real.reshape(-1, *real.shape[2:]))[0].double().unflatten(0, (n, 1, horizon))
        found["features"] = ((a - b).square().sum(3) / usual).flatten().cpu()
    shaped = {name: values.view(n, draws, horizon).numpy() for name, values in found.items()}
    ordered = x.sort(1).values
    weights = (2 * torch.arange(1, draws + 1) - draws - 1).view(1, -1, 1, 1, 1, 1)
    crps = (x - y).abs().mean(1) - (weights * ordered).sum(1) / draws**2  # [N, H, 3, h, w]
    shaped["crps"] = crps.mean((2, 3, 4))[:, None].numpy()
    if threshold is not None:
        a, b = (each.mean(3) >= threshold for each in (x, y))  # [N, M, H, h, w]
        counts = [(a & b), (~a & b), (a & ~b)]
        shaped["csi"] = torch.stack([c.double().sum((3, 4)).mean(1) for c in counts], 1).numpy()
    return shaped


def by_lead(values: np.ndarray, name: str, best: bool) -> np.ndarray:
    """The score at each lead time, [H]; with `best`, of the draw of each film that is the best over all its frames."""
    if name == "csi":
        hits, misses, false = values.sum(0)
        return hits / np.maximum(hits + misses + false, 1e-12)
    if best:
        whole = values.mean(2)
        draw = whole.argmin(1) if name == "features" else whole.argmax(1)
        values = values[np.arange(len(values)), draw][:, None]
    return values.mean((0, 1))


def drawn(name: str, ours: np.ndarray, theirs: np.ndarray) -> Any:
    """The score over the lead time, as lines."""
    series: dict[str, list[tuple[float, float]]] = {
        phrase("model"): [(float(k + 1), float(v)) for k, v in enumerate(ours)],
        phrase("persistence"): [(float(k + 1), float(v)) for k, v in enumerate(theirs)],
    }
    return lines(Chart(name, "", series, across=phrase("frames ahead")))
