"""DINOv2 and CLIP as extractors, through the package transformers (which runs without torchvision).

Oquab et al. 2023, "DINOv2: Learning Robust Visual Features without Supervision"; as an extractor: Stein et al. 2023,
"Exposing flaws of generative model evaluation metrics". Radford et al. 2021, "Learning Transferable Visual Models From
Natural Language Supervision"; as an extractor: Kynkäänniemi et al. 2023, "The Role of ImageNet Classes in FID".

Images are resized to the square input with Pillow's bicubic filter, without cropping, and normalized.

x [N, 3, S, S] → the class token after the last norm (DINOv2), or the embedding that CLIP compares with text: [N, D].
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor, nn

from ganforge.core.errors import MissingExtra, UserError
from ganforge.metrics.base import Encoder, Extractor, OpenContext, SampleSet
from ganforge.modalities.image.extractors import weights
from ganforge.modalities.image.extractors.resize import resize, rgb

IMAGENET = ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
OPENAI = ((0.48145466, 0.4578275, 0.40821073), (0.26862954, 0.26130258, 0.27577711))
BATCH = 32


class _Hub(Extractor):
    """A vision transformer in Hugging Face format: a folder with config.json and model.safetensors, or a name on the
    Hub."""

    signals: ClassVar[tuple[str, ...]] = ("image", "pair")

    side: ClassVar[int] = 224
    scale: ClassVar[tuple[tuple[float, ...], tuple[float, ...]]] = IMAGENET
    usual: ClassVar[str] = ""
    """The standard model, as a name on the Hub."""
    model: str = ""
    """A folder with config.json and model.safetensors, or a name on the Hugging Face Hub; by default the standard
    model."""

    def build(self) -> type[Any]:
        """The class of transformers that loads it."""
        raise NotImplementedError

    def read(self, net: nn.Module, x: Tensor) -> Tensor:
        """Features [N, D] of images [N, 3, S, S]."""
        raise NotImplementedError

    def load(self, data: SampleSet, context: OpenContext) -> Encoder:
        model = self.model or self.usual
        try:
            cls = self.build()
        except ImportError:
            raise MissingExtra("transformers", "metrics", f"the extractor {self.kind}") from None
        try:
            # No pickles, and no code from the model's folder.
            net = cls.from_pretrained(model, use_safetensors=True, trust_remote_code=False)
        except (OSError, ValueError) as error:
            reason = " ".join(str(error).split())[:200]
            raise UserError(
                f"extractor {self.kind}: {model} cannot be loaded ({reason}).\n"
                f"  which: config.json and model.safetensors of https://huggingface.co/{self.usual}\n"
                f"  where: any folder; pass model=FOLDER\n"
                "  what runs without it: the extractor small (the default)",
                code="weights.not_loaded",
            ) from None
        net = net.eval().requires_grad_(False).to(context.device)
        side = min(self.side, int(net.config.image_size)) if hasattr(net.config, "image_size") else self.side
        return HubEncoder(self.kind, net, self.read, side, self.scale, context.device)


class HubEncoder(Encoder):
    """The net at work.

    Args:
        read: (net, x [N, 3, S, S]) → features [N, D].
        side: S, in px.
        scale: mean and standard deviation of each channel, for images in [0, 1].
    """

    def __init__(
        self,
        name: str,
        net: nn.Module,
        read: Callable[[nn.Module, Tensor], Tensor],
        side: int,
        scale: tuple[tuple[float, ...], tuple[float, ...]],
        device: torch.device | str,
    ):
        self.name, self.net, self.read, self.side, self.device = name, net, read, side, device
        self.mean, self.spread = (torch.tensor(values, device=device).view(1, 3, 1, 1) for values in scale)
        self.digest = weights.digest_of(net.state_dict())
        self.resizer = f"pil-bicubic {side}×{side}"
        self.detail = {}
        self.dim = self.encode(np.zeros((1, side, side, 3), np.uint8))[0].shape[1]

    @torch.inference_mode()
    def encode(self, samples: np.ndarray) -> tuple[Tensor, Tensor | None]:
        found = []
        for start in range(0, len(samples), BATCH):
            x = resize(rgb(samples[start : start + BATCH]), self.side, self.side, "pil-bicubic").to(self.device)
            found.append(self.read(self.net, (x / 255 - self.mean) / self.spread))
        return torch.cat(found), None


class DinoV2(_Hub, kind="dinov2"):
    """DINOv2, a self-supervised net; more suitable than Inception for images unlike those in ImageNet."""

    usual: ClassVar[str] = "facebook/dinov2-large"

    def build(self) -> type[Any]:
        from transformers import Dinov2Model

        return Dinov2Model

    def read(self, net: nn.Module, x: Tensor) -> Tensor:
        return net(pixel_values=x).pooler_output


class Clip(_Hub, kind="clip"):
    """CLIP's image encoder, with features related to image captions."""

    scale: ClassVar[tuple[tuple[float, ...], tuple[float, ...]]] = OPENAI
    usual: ClassVar[str] = "openai/clip-vit-large-patch14"

    def build(self) -> type[Any]:
        from transformers import CLIPVisionModelWithProjection

        return CLIPVisionModelWithProjection

    def read(self, net: nn.Module, x: Tensor) -> Tensor:
        return net(pixel_values=x).image_embeds
