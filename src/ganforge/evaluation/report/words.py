"""What figures tell, in plain words, by the stem of their names: `fd5k[small@1a2b3c4d]` is an `fd`."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

Direction = Literal["lower", "higher", "near", ""]


@dataclass(frozen=True)
class Meaning:
    """What a figure is about.

    Attributes:
        said: what it tells.
        direction: which way is better; "near" means near to `target`.
        target: where a perfect generator would be, if there is such a place.
    """

    said: str
    direction: Direction = ""
    target: float | None = None

    @property
    def better(self) -> str:
        if self.direction == "near":
            return f"near {self.target:g} is right"
        at = f", {self.target:g} at best" if self.target is not None else ""
        return f"{self.direction} is better{at}" if self.direction else ""


MEANINGS = {
    "fid": Meaning("How far the whole of the fakes lies from the reals, in Inception's features.", "lower", 0),
    "fd": Meaning("How far the whole of the fakes lies from the reals, in the extractor's features.", "lower", 0),
    "mfd": Meaning("The same with a penalty for fakes that sit next to training samples.", "lower", 0),
    "ifd": Meaning("The same within each class, averaged: it sees a class that went wrong.", "lower", 0),
    "kid": Meaning("As the above, by a kernel and without the bias of few samples.", "lower", 0),
    "is": Meaning(
        "Whether each sample is clearly of one class, and all classes come. It never sees the reals.", "higher"
    ),
    "precision": Meaning("Share of fakes that lie where reals do: quality.", "higher", 1),
    "recall": Meaning("Share of reals that lie where fakes do: variety.", "higher", 1),
    "density": Meaning("How thick fakes lie among reals: quality. 1 for reals, may be above.", "higher"),
    "coverage": Meaning("Share of reals that have a fake next to them: variety.", "higher", 1),
    "copies": Meaning("Share of fakes nearer to a training sample than 99 % of unseen reals come.", "near", 0.01),
    "closer": Meaning("How often a fake lies nearer to a training sample than an unseen real does.", "near", 0.5),
    "cas": Meaning("Accuracy on real test samples of a classifier that was trained on fakes alone.", "higher", 1),
    "swd": Meaning("How texture differs, from fine to coarse (sliced Wasserstein distance).", "lower", 0),
    "ms_ssim": Meaning("How alike fakes are to each other; hold it against that of the reals.", "lower"),
    "lpips_diversity": Meaning("How much fakes differ from each other to a trained eye.", "higher"),
    "ppl": Meaning("How much samples change with small steps of the latent: lower is smoother.", "lower"),
    "psnr": Meaning("Signal-to-noise ratio of pairs, in dB.", "higher"),
    "ssim": Meaning("Structural similarity of pairs.", "higher", 1),
    "lpips": Meaning("Perceptual distance of pairs.", "lower", 0),
    "texture": Meaning("Texture that differs from the real picture's, wherever its details lie.", "lower", 0),
    "sharpness": Meaning("Fine detail over that of the real picture: less is blurred, more noisy.", "near", 1),
    "iou": Meaning(
        "How well a net that learnt from real pairs finds the label map again in a picture made from it: right pixels "
        "over all of either, a mean over the classes.",
        "higher",
        1,
    ),
    "iou_of_real": Meaning("The same in the real picture: what is to be had."),
    "pixel_accuracy": Meaning("In how many pixels that net names the class of the label map.", "higher", 1),
    "pixel_accuracy_of_real": Meaning("The same in real pictures: what is to be had."),
    "class_accuracy": Meaning("The same within each class, averaged: rare classes count as common ones.", "higher", 1),
    "class_accuracy_of_real": Meaning("The same in real pictures: what is to be had."),
    "ks": Meaning("How far the values of numbers and dates are from the reals', a mean over the columns.", "lower", 0),
    "tv": Meaning("How far the shares of categories are from the reals', a mean over the columns.", "lower", 0),
    "missing": Meaning("How far the share of missing numbers is from the reals', a mean over the columns.", "lower", 0),
    "correlation": Meaning("Whether numbers go up and down together as in the real table.", "higher", 1),
    "contingency": Meaning("Whether values of two columns come together as in the real table.", "higher", 1),
    "detection": Meaning(
        "How surely a classifier tells generated rows from real ones: ½ guesses, 1 knows.", "near", 0.5
    ),
    "usefulness": Meaning("Score on real rows of a model that learned from generated rows alone.", "higher", 1),
    "usefulness_of_real": Meaning("The same of a model that learned from real rows: as good as it can get."),
    "usefulness_of_constant": Meaning("The same of whoever always says the same: no use at all."),
    "dcr": Meaning("How often a fake lies nearer to a training row than an unseen real row does.", "near", 0.5),
    "exact_copies": Meaning("Share of fakes that equal a training row in every column.", "lower", 0),
    "membership": Meaning(
        "How surely an attacker with the fakes alone tells who was trained on: ½ guesses.", "near", 0.5
    ),
    "modes": Meaning("How many of the data's classes are made at all.", "higher"),
    "mode_kl": Meaning("How far the shares of the classes are from those of the reals.", "lower", 0),
}
"""By stem. A figure that is not here is shown without words."""


def stem_of(name: str) -> str:
    """`fd` of `fd5k[small@1a2b3c4d]`, `ssim` of `ssim_y[...]`."""
    bare = re.sub(r"-?\d+(\.\d+)?[kKmM]?$", "", name.split("[")[0]).lower().replace("-", "_")
    while bare not in MEANINGS and "_" in bare:
        bare = bare.rsplit("_", 1)[0]
    return bare


def meaning_of(name: str) -> Meaning:
    """What a figure of that name tells; empty words for one that nobody here knows."""
    return MEANINGS.get(stem_of(name), Meaning(""))
