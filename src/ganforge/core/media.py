"""Samples as people can see or hear them: an image, a sound, a film, a drawing, a text, as bytes of a known type."""

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
    """One thing to show.

    Attributes:
        data: the bytes of a file.
        mime: its type, one of `ENDINGS`.
        caption: what it shows, as a phrase; may be empty.
    """

    data: bytes
    mime: str
    caption: str = ""

    @property
    def ending(self) -> str:
        """Of a file's name: `.png`, `.wav`."""
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
    """The first PNG of some media, for what shows nothing else; None where there is none."""
    return next((one for one in media if one.mime == "image/png"), None)
