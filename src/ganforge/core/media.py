"""Samples in a form for display: an image, sound, video, drawing or text, as bytes with a MIME type."""

from __future__ import annotations

import io
from dataclasses import dataclass
from typing import Any

ENDINGS = {
    "image/png": ".png",
    "image/gif": ".gif",
    "image/svg+xml": ".svg",
    "audio/wav": ".wav",
    "video/mp4": ".mp4",
    "text/html": ".html",
    "text/plain": ".txt",
    "model/obj": ".obj",
}


@dataclass(frozen=True)
class Media:
    """One medium to display.

    Attributes:
        data: the content of a file.
        mime: its MIME type, one of `ENDINGS`.
        caption: what it shows; may be empty.
        interactive: whether an HTML page runs scripts of its own, which need nothing from elsewhere.
    """

    data: bytes
    mime: str
    caption: str = ""
    interactive: bool = False

    @property
    def ending(self) -> str:
        """The file extension: `.png`, `.wav`."""
        return ENDINGS[self.mime]


def png(pixels: Any, caption: str = "") -> Media:
    """An array uint8 [H, W] or [H, W, C], or a Pillow image, as a PNG."""
    from PIL import Image

    image = pixels if isinstance(pixels, Image.Image) else Image.fromarray(pixels)
    data = io.BytesIO()
    image.save(data, "PNG")
    return Media(data.getvalue(), "image/png", caption)


def open_image(media: Media) -> Any:
    """The pixels of an image, as Pillow's in RGB."""
    from PIL import Image

    with Image.open(io.BytesIO(media.data)) as image:
        return image.convert("RGB")


def first_image(media: list[Media]) -> Media | None:
    """The first PNG among some media, for outputs that support only images; None if there is none."""
    return next((one for one in media if one.mime == "image/png"), None)
