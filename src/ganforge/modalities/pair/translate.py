"""Inference with a trained translator: images of any size, depth and mode in; images of the same kind out.

mode      the image is brought to what the model learned from (gray, color, a label map); alpha goes beside it and
          comes back, enlarged as the image is
depth     16 bits go in as they are, and come out as 16 bits
size      large images go through in overlapping tiles (`inference.tiles`), row by row
mask      where an image has holes to be filled, every other pixel comes back bit for bit
"""

from __future__ import annotations

import contextlib
import logging
import math
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from ganforge.artifacts.bundle import Bundle
from ganforge.core.dataset import BadItem
from ganforge.core.errors import UserError, did_you_mean
from ganforge.modalities.image import pixels as pictures
from ganforge.modalities.image.objects import Held, held
from ganforge.modalities.pair import photo
from ganforge.modalities.pair.coloring import in_colors
from ganforge.modalities.pair.holes import holes, kept, refuse_black
from ganforge.modalities.pair.layers.translating import TranslatorNet, settled
from ganforge.modalities.pair.tiles import Span, Tiling, assembled, spread, tiling

PROBE = 16  # px

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Made:
    """An image on its way: its size and depth are known, its rows come in bands.

    Attributes:
        shape: (H, W, C). dtype: "uint8" or "uint16".
        bands: arrays [k, W, C] from top to bottom.
        parts: how many bands there are.
    """

    shape: tuple[int, int, int]
    dtype: str
    bands: Iterator[np.ndarray]
    parts: int


class ImageTranslator:
    """A model that translates images.

    Args:
        bundle: the trained model.
        name: what the user calls it, for messages.
        direction: one of `task.directions()`; by default the first.
        tile: px of the source that the net sees at a time, a side; by default what gives about a million px.

    Attributes:
        takes_mask: whether it fills holes.
        colors: whether gray label maps are shown to it in colors, as they were in its training.
        seconds: spent in the net so far.

    Raises:
        UserError: the model does not translate in this direction.
    """

    def __init__(self, bundle: Bundle, name: str, direction: str | None = None, tile: int | None = None):
        ways = bundle.recipe.task.directions()
        if direction is not None and direction not in ways:
            known = named(ways, bundle.spec.state.get("domains"))
            raise UserError(
                f"--direction {direction}: this model translates {known}{did_you_mean(direction, ways)}",
                code="translate.unknown_direction",
            )
        if tile is not None and tile < 16:
            raise UserError(f"--tile {tile}: must be at least 16 px", code="translate.tile_too_small")
        self.bundle, self.name, self.direction = bundle, name, direction or ways[0]
        self.signal: Any = bundle.recipe.signal
        state = bundle.spec.state
        self.source: dict[str, Any] | None = state.get("source")
        self.mode: str = self.source["mode"] if self.source else state["mode"]
        self.target: str = state["mode"]
        self.takes_mask = bool(self.source and self.source["mask"])
        self.scale: int = self.source["scale"] if self.source else 1
        of = self.direction and dict(zip("ab", state.get("domains", ()), strict=False)).get(self.direction[0])
        self.colors = of in state.get("coloured", ())
        self.seconds = 0.0
        self.warned = False
        self.nets = self.players()
        halos = [net.settled_halo for net in self.nets]
        known = [halo for halo in halos if halo is not None]
        self.halo = max(known) if halos and len(known) == len(halos) else None
        self.settles = self.halo is not None and any(net.halo is None for net in self.nets)
        self.multiple = math.lcm(*(net.multiple for net in self.nets))
        self.tile = tile
        self.plan: Tiling = tiling(self.halo, self.multiple, self.scale, tile)

    def players(self) -> list[TranslatorNet]:
        """The translators that run in this direction: found by a look at what runs."""
        found: list[TranslatorNet] = []
        channels = self.source["shape"][0] if self.source else self.bundle.spec.shape[0]
        all_nets = [m for net in self.bundle.running.values() for m in net.modules() if isinstance(m, TranslatorNet)]
        watches = [net.register_forward_hook(lambda *_, net=net: found.append(net)) for net in all_nets]
        self.net(torch.zeros(1, channels, PROBE, PROBE))
        for watch in watches:
            watch.remove()
        return found

    def check_mask(self, given: bool) -> None:
        """
        Raises:
            UserError: a mask is given where none is taken, or none where one is needed.
        """
        if self.takes_mask and not given:
            raise UserError(
                f"{self.name} fills holes: mark them with --mask FILE, an image that is white where a hole is",
                code="translate.mask_missing",
            )
        if given and not self.takes_mask:
            raise UserError(
                f"{self.name} was not trained to fill holes and takes no mask: leave it out",
                code="translate.mask_not_taken",
            )

    def check(self, image: np.ndarray, mask: np.ndarray | None) -> None:
        """
        Raises:
            UserError: a mask where none is taken or none where one is needed, one of another size, or an image of
                another kind than those of the training.
        """
        self.check_mask(mask is not None)
        if mask is not None and mask.shape[:2] != image.shape[:2]:
            raise UserError(
                f"the mask is {mask.shape[1]}×{mask.shape[0]} px and the image "
                f"{image.shape[1]}×{image.shape[0]}; they must have the same size",
                code="translate.mask_size_differs",
            )
        if mask is not None:
            refuse_black(mask)
        classes = self.source["classes"] if self.source else []
        if self.mode == "classes" and image.shape[2] > 2 and not isinstance(classes[0], str):
            raise UserError(
                f"{self.name} takes label maps whose gray levels are the classes, but this is an image in color",
                code="data.wrong_label_map_mode",
            )

    def __call__(self, image: np.ndarray, mask: np.ndarray | None = None) -> Made:
        """Translates an image.

        Args:
            image: uint8 or uint16 [H, W, C]: gray, gray with alpha, RGB or RGBA; or a label map.
            mask: uint8 or uint16 [H, W, C], white where it is to be filled.

        Raises:
            UserError: as `check`; and, while the bands come, a label map with unknown classes.
        """
        self.check(image, mask)
        if self.colors and image.shape[2] == 1 and image.dtype == np.uint8:
            image = in_colors(image)
        height, width = image.shape[:2]
        hidden = None if mask is None else holes(mask)
        beside = image.shape[2] in (2, 4) and self.mode not in ("RGBA", "classes") and self.target != "RGBA"
        colors, alpha = (image[..., :-1], image[..., -1:]) if beside else (image, None)
        channels = pictures.CHANNELS[self.target] + beside
        dtype = "uint8" if self.mode == "classes" else str(image.dtype)
        parts = len(self.plan.spans(height))
        whole_at_once = parts * len(self.plan.spans(width)) == 1
        if self.plan.fade and not whole_at_once:
            self.tell_of_blending()

        def make(row: Span, column: Span) -> np.ndarray | None:
            if hidden is not None and not hidden[slice(*row.used), slice(*column.used)].any():
                return None
            part = (slice(row.low, row.high), slice(column.low, column.high))
            made = self.net(self.encoded(colors[part], None if hidden is None else hidden[part]))
            return made if alpha is None else np.concatenate([made, self.enlarged(alpha[part])])

        def look() -> None:
            """Shows the nets parts of the image, spread evenly over it, with as many px in sum as one tile."""
            corners = spread(height, width, self.plan.side, self.multiple)
            self.net(torch.cat([self.encoded(colors[c], None if hidden is None else hidden[c]) for c in corners]))

        def bands() -> Iterator[np.ndarray]:
            with contextlib.ExitStack() as stack:
                if self.settles and not whole_at_once:
                    stack.enter_context(settled(self.nets, look))
                top = 0
                for band in assembled(self.plan, height, width, channels, make):
                    rows = whole(band, dtype)
                    if hidden is None:
                        yield rows
                    else:
                        part = slice(top, top + len(rows))
                        yield kept(image[part], rows, hidden[part])
                    top += len(rows)

        shape = (height * self.scale, width * self.scale, channels)
        if hidden is not None:
            shape = image.shape  # in its own mode, or what is known could not come back as it was
        return Made((shape[0], shape[1], shape[2]), dtype, bands(), parts)

    def translated(self, source: Any, mask: Any = None) -> Any:
        """What is made of an image or its file, in the form that it came in; of a file, uint8 or uint16 [H, W, C].

        Raises:
            UserError: as `__call__`; also a file that cannot be read, or an object of another form.
        """
        if getattr(source, "ndim", 0) == 4:
            made = [self.translated(one, mask) for one in source]
            if not made:
                raise UserError("the array of images is empty", code="data.empty")
            return np.stack(made) if isinstance(source, np.ndarray) else torch.stack(made)
        image = as_held(source)
        hidden = None if mask is None else as_held(mask).pixels
        return image.returned(np.concatenate(list(self(image.pixels, hidden).bands)))

    def translate_file(self, source: Path, out: Path, mask: Path | None = None) -> None:
        """Translates an image file to another, as the rows come; metadata is kept.

        Raises:
            UserError: as `__call__`; also a file that cannot be read, or an output that cannot hold the image.
        """
        try:
            image = photo.read(source, source.name)
            hidden = None if mask is None else photo.read(mask, mask.name).pixels
        except (BadItem, OSError) as error:
            raise UserError(str(error), code="data.unreadable") from None
        made = self(image.pixels, hidden)
        photo.check_ending(out, made.shape[2])
        if self.takes_mask and out.suffix.lower() not in photo.LOSSLESS:
            raise UserError(
                f"{out.name}: this format would change the pixels outside the mask; use png", code="output.lossy_format"
            )
        photo.write(out, made.bands, made.shape, made.dtype, image)

    def tell_of_blending(self) -> None:
        """Says once that large images are not exactly what the whole would give."""
        if not self.warned:
            self.warned = True
            sees = "the whole image" if self.halo is None else f"{self.halo} px around each"
            log.info(
                "each output pixel depends on %s, but a tile includes only %d px around it: tiles are blended, and the "
                "result differs slightly from that of the whole image (use a larger --tile)", sees, self.plan.margin,
            )  # fmt: skip

    def encoded(self, image: np.ndarray, hidden: np.ndarray | None) -> torch.Tensor:
        """Part of an image as the net takes it, float32 [1, Cs, h, w]."""
        if self.source:
            mask = None if hidden is None else np.where(hidden, 255, 0).astype(np.uint8)
            return self.signal.source_of(image, self.bundle.spec, mask)[None]
        top = int(np.iinfo(image.dtype).max)
        item = pictures.to_mode(image, self.mode, self.signal.background * (top // 255))
        return torch.from_numpy(item.transpose(2, 0, 1).astype(np.float32))[None] / (top / 2) - 1

    def net(self, source: torch.Tensor) -> np.ndarray:
        """[1, Cs, h, w] → [C, h·s, w·s]."""
        begun = time.perf_counter()
        try:
            made = self.bundle.translate(source, self.direction)[0]
        except torch.OutOfMemoryError:
            h, w = source.shape[2:]
            raise UserError(
                f"not enough memory for {w}×{h} px at a time; use smaller tiles: --tile {max(16, h // 2)}",
                code="device.out_of_memory",
            ) from None
        self.seconds += time.perf_counter() - begun
        return made

    def enlarged(self, alpha: np.ndarray) -> np.ndarray:
        """Alpha [h, w, 1] as the net would give it, [1, h·s, w·s] in [-1, 1]."""
        x = torch.from_numpy(alpha.transpose(2, 0, 1).astype(np.float32))[None] / (np.iinfo(alpha.dtype).max / 2) - 1
        if self.scale > 1:
            x = torch.nn.functional.interpolate(x, scale_factor=self.scale, mode="bilinear")
        return x[0].numpy()


def as_held(image: Any) -> Held:
    """An image or its file as pixels, with the way back.

    Raises:
        UserError: no such file, or none that can be read; an object of another form.
    """
    if not isinstance(image, (str, Path)):
        return held(image)
    try:
        return Held(photo.read(Path(image), str(image)).pixels, lambda made: made)
    except (BadItem, OSError) as error:
        raise UserError(str(error), code="data.unreadable") from None


def whole(band: np.ndarray, dtype: str) -> np.ndarray:
    """float32 in [-1, 1] (beyond is cut) → uint8 or uint16. Works in `band`."""
    top = np.iinfo(dtype).max
    np.clip(band, -1, 1, out=band)
    band += 1
    band *= top / 2
    return np.rint(band, out=band).astype(dtype)


def named(ways: tuple[str, ...], domains: list[str] | None) -> str:
    """The directions as people can choose among them: ab (horses → deer), ba (deer → horses)."""
    if not domains or ways == ("",):
        return "one way; leave the option out" if len(ways) == 1 else ", ".join(ways)
    return ", ".join(f"{way} ({domains['ab'.index(way[0])]} → {domains['ab'.index(way[1])]})" for way in ways)
