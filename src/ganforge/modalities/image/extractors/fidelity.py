"""TensorFlow's Inception-v3 from the package torch-fidelity, which downloads its weights at first use.

torch-fidelity imports torchvision, which ganforge does not depend on, so it is imported only if this extractor is used.
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
    """Inception-v3 from the package torch-fidelity (requires torchvision); the reference for FID."""

    signals: ClassVar[tuple[str, ...]] = ("image", "pair")

    weights: str | None = None
    """Path of its weights file, weights-inception-2015-12-05-6726825d.pth; downloaded by default."""

    def load(self, data: SampleSet, context: OpenContext) -> Encoder:
        try:
            from torch_fidelity.feature_extractor_inceptionv3 import FeatureExtractorInceptionV3
        except (ImportError, RuntimeError) as error:  # an incompatible build of torchvision raises a RuntimeError
            raise UserError(
                f"the extractor torch-fidelity needs the packages torch-fidelity and torchvision ({error}). Install "
                "them in builds that match your torch: pip install torch-fidelity torchvision. "
                f"Without them: the extractor inception with a weights file ({KNOWN.file}), or {KNOWN.without}",
                code="extractor.package_not_found",
            ) from None
        if self.weights is not None:
            _check(Path(self.weights))
        try:
            net = FeatureExtractorInceptionV3(
                "inception-v3-compat", ["2048", "logits_unbiased"], feature_extractor_weights_path=self.weights
            )
        except OSError as error:
            raise UserError(
                f"torch-fidelity could not download its weights ({error}). Download {KNOWN.source} by other means and "
                f"pass weights=FILE. What runs without it: {KNOWN.without}",
                code="weights.not_loaded",
            ) from None
        return FidelityEncoder(net.eval().to(context.device), context.device)


def _check(path: Path) -> None:
    if not path.is_file():
        raise UserError(
            f"{path}: the weights file for torch-fidelity does not exist; it is made from {KNOWN.source}",
            code="weights.not_found",
        )
    with path.open("rb") as file:
        found = hashlib.file_digest(file, "sha256").hexdigest()
    if found != ORIGINAL:
        raise UserError(
            f"{path}: not the weights that FID uses: expected SHA-256 {ORIGINAL}, got {found}",
            code="weights.wrong_checksum",
        )


class FidelityEncoder(Encoder):
    """The encoder; the net includes resizing."""

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
