"""The metrics that pairs are evaluated with by default."""

from __future__ import annotations

from collections.abc import Sequence

from ganforge.core.cache import cache_folder
from ganforge.core.types import Spec
from ganforge.modalities.image.metrics.lpips import at_hand
from ganforge.modalities.image.metrics.pairwise import WINDOW
from ganforge.modalities.image.metrics.sharpness import SMALLEST


def usual_metrics(spec: Spec, sizes: Sequence[tuple[int, ...]]) -> Sequence[str]:
    """Pair by pair, as papers on restoration judge; of images that are few and whole no distance of sets.

    Args:
        sizes: of the images, where each is evaluated at its own.
    """
    source, least = spec.state["source"], min(min(size) for size in sizes or [spec.shape[1:]])
    crop = source["scale"] if source["scale"] > 1 else 0  # papers on super-resolution cut so much from each edge
    kinds = ["psnr", "ssim"] if least - 2 * crop >= WINDOW else ["psnr"]
    channels = ["RGB", "Y"] if spec.shape[0] > 1 else ["RGB"]
    pairwise = [f"{kind}(channel={channel},crop={crop})" for kind in kinds for channel in channels]
    lpips = ["lpips"] if at_hand("alex", cache_folder() / "evaluation") else []
    looks = ["sharpness", "texture"] if least >= SMALLEST else []
    maps = ["segmentation"] if source["mode"] == "classes" else []
    return [*pairwise, *lpips, *looks, *maps, *([] if sizes else ["fd"])]
