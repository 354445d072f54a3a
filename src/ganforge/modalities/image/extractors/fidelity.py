"""TF's Inception-v3 as the package torch-fidelity has it, which brings its weights along (downloaded when first used).

torch-fidelity imports torchvision, which ganforge never does by itself: it is imported here only where it is asked for.
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import ClassVar

import numpy as np
import torch
from torch import Tensor

from ganforge.core.errors import UserError
from ganforge.metrics.base import Encoder, Extractor, OpenContext, SampleSet
from ganforge.modalities.image.extractors.inception import CLASSES, KNOWN, ORIGINAL, SIDE
from ganforge.modalities.image.extractors.resize import rgb


class Fidelity(Extractor, kind="torch-fidelity"):
    """Inception-v3 through the package torch-fidelity, which needs torchvision; the reference for FID."""

    signals: ClassVar[tuple[str, ...]] = ("image", "pair")

    weights: str | None = None
    """Its file of weights, weights-inception-2015-12-05-6726825d.pth; by default it downloads it."""

    def load(self, data: SampleSet, context: OpenContext) -> Encoder:
        try:
            from torch_fidelity.feature_extractor_inceptionv3 import FeatureExtractorInceptionV3
        except (ImportError, RuntimeError) as error:  # torchvision of another build raises a RuntimeError
            raise UserError(
                f"the extractor torch-fidelity needs the packages torch-fidelity and torchvision ({error}). Install "
                "them in the builds that go with your torch: pip install torch-fidelity torchvision. "
                f"Without: the extractor inception with a file of weights ({KNOWN.file}), or {KNOWN.without}"
            ) from None
        if self.weights is not None:
            _check(Path(self.weights))
        try:
            net = FeatureExtractorInceptionV3(
                "inception-v3-compat", ["2048", "logits_unbiased"], feature_extractor_weights_path=self.weights
            )
        except OSError as error:
            raise UserError(
                f"torch-fidelity could not get its weights ({error}). Get {KNOWN.source} by other means and name it "
                f"with weights=FILE. Without: {KNOWN.without}"
            ) from None
        return FidelityEncoder(net.eval().to(context.device), context.device)


def _check(path: Path) -> None:
    if not path.is_file():
        raise UserError(f"{path}: no such file of weights for torch-fidelity; it is made from {KNOWN.source}")
    with path.open("rb") as file:
        found = hashlib.file_digest(file, "sha256").hexdigest()
    if found != ORIGINAL:
        raise UserError(f"{path}: not the weights of FID: its SHA-256 is {found}, it should be {ORIGINAL}")


class FidelityEncoder(Encoder):
    """The net at work; it resizes by itself."""

    name = "inception"
    digest = ORIGINAL
    resizer = f"tf-bilinear {SIDE}×{SIDE}"
    dim = 2048
    classes = tuple(f"class {k}" for k in range(CLASSES))
    reference = True

    def __init__(self, net: torch.nn.Module, device: torch.device | str):
        self.net, self.device = net, device
        self.detail = {"through": "torch-fidelity"}

    @torch.inference_mode()
    def encode(self, samples: np.ndarray) -> tuple[Tensor, Tensor | None]:
        whole = np.rint(rgb(samples)).clip(0, 255).astype(np.uint8).transpose(0, 3, 1, 2)
        found = [self.net(part.to(self.device)) for part in torch.from_numpy(np.ascontiguousarray(whole)).split(32)]
        features, logits = (torch.cat(parts) for parts in zip(*found, strict=True))
        return features, logits.softmax(1)
