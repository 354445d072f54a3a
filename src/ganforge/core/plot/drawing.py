"""A drawing of rectangles, lines, dots, texts and pixels, with coordinates in px; output as SVG or as an image."""

from __future__ import annotations

import base64
import io
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cache
from html import escape
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from ganforge.core.language import Phrase, translated
from ganforge.core.plot.text import SIZE

if TYPE_CHECKING:
    import numpy as np
    from PIL import Image, ImageDraw, ImageFont

Anchor = Literal["start", "middle", "end"]
Point = tuple[float, float]
Mark = Any
"""One of the named tuples below."""

COLORS = {
    "label": ("#5f6168", "#a2a6ad"),
    "strong": ("#1d1d1f", "#ececee"),
    "axis": ("#d9d5cd", "#373b41"),
    "grid": ("#e7e4de", "#2a2d31"),
    "real": ("#6f6a61", "#9aa0a8"),
    "fake": ("#2f6db3", "#6fa8e8"),
    "heat": ("#b84a20", "#f0916a"),
    "empty": ("#f3f1ec", "#24272b"),
    "c0": ("#2f6db3", "#6fa8e8"),
    "c1": ("#b84a20", "#f0916a"),
    "c2": ("#257a50", "#6fcf9b"),
    "c3": ("#8a4fa8", "#c697e0"),
    "c4": ("#866916", "#dcbc62"),
    "c5": ("#55606e", "#a7b0bc"),
}
"""Each style's color on a light page and on a dark one. All but axis, grid and empty, which carry no value, have a
contrast of at least 4.5 to 1 with the page."""
SERIES = 6
"""Styles c0, c1, ... for the lines of a chart; further lines begin again at c0."""
FAMILY = (
    "system-ui,-apple-system,'Segoe UI',Roboto,'Helvetica Neue',Arial,'Noto Sans','Noto Sans CJK SC',"
    "'PingFang SC','Microsoft YaHei','Hiragino Sans','Malgun Gothic',sans-serif"
)
LATIN = 0x24F
"""The last character that Pillow's built-in font is expected to have."""
FONTS = (
    "NotoSansCJK-Regular.ttc", "NotoSansCJKsc-Regular.otf", "SourceHanSansSC-Regular.otf", "wqy-microhei.ttc",
    "wqy-zenhei.ttc", "DroidSansFallbackFull.ttf", "PingFang.ttc", "Hiragino Sans GB.ttc", "STHeiti Light.ttc",
    "msyh.ttc", "simsun.ttc", "malgun.ttf", "YuGothM.ttc", "DejaVuSans.ttf",
)  # fmt: skip
"""Font files of operating systems that cover many scripts; the first one that exists is used."""
SMOOTH = 3
"""Shapes are painted larger by this factor and scaled down, for antialiasing."""


def _style(dark: bool) -> str:
    return "".join(f"svg .{name}{{color:{pair[dark]}}}" for name, pair in COLORS.items())


STYLE = (
    f"svg text{{font:{SIZE}px {FAMILY};fill:currentColor}}svg .strong{{font-weight:600}}"
    f"{_style(False)}@media(prefers-color-scheme:dark){{{_style(True)}}}"
)
"""CSS that every SVG of a drawing needs."""


class Rect(NamedTuple):
    style: str
    x: float
    y: float
    width: float
    height: float
    opacity: float


class Line(NamedTuple):
    style: str
    points: tuple[Point, ...]
    width: float
    dashed: bool
    title: str


class Dot(NamedTuple):
    style: str
    x: float
    y: float
    radius: float


class Text(NamedTuple):
    style: str
    x: float
    y: float
    text: str
    anchor: Anchor
    upright: bool


class Pixels(NamedTuple):
    x: float
    y: float
    pixels: np.ndarray


@dataclass
class Drawing:
    """Marks in the order in which they are painted; x goes right and y goes down, in px.

    Attributes:
        width, height: in px.
        label: text alternative, for accessibility.
    """

    width: float
    height: float
    label: str = ""
    marks: list[Mark] = field(default_factory=list)

    def rect(self, style: str, x: float, y: float, width: float, height: float, opacity: float = 1.0) -> None:
        if height > 0:
            self.marks.append(Rect(style, x, y, max(width, 0.5), height, opacity))

    def line(
        self, style: str, points: Sequence[Point], width: float = 1.0, dashed: bool = False, title: str = ""
    ) -> None:
        """A line through points; `title` is shown on hover."""
        self.marks.append(Line(style, tuple(points), width, dashed, title))

    def dot(self, style: str, x: float, y: float, radius: float) -> None:
        self.marks.append(Dot(style, x, y, radius))

    def text(
        self, x: float, y: float, text: str, anchor: Anchor = "start", style: str = "label", upright: bool = False
    ) -> None:
        """A text whose baseline is at y; `upright` turns it by 90° counterclockwise."""
        self.marks.append(Text(style, x, y, text, anchor, upright))

    def pixels(self, x: float, y: float, pixels: np.ndarray) -> None:
        """An image, uint8 [H, W, 3], at scale 1 with its top left corner at (x, y)."""
        self.marks.append(Pixels(x, y, pixels))

    def place(self, other: Drawing, x: float, y: float) -> None:
        """All marks of another drawing, moved by (x, y)."""
        self.marks.extend(_moved(mark, x, y) for mark in other.marks)

    def svg(self, whole: bool = True, language: str = "en") -> str:
        """As SVG.

        Args:
            whole: include style and size, for a file; otherwise the page must have `STYLE` and set the width.
            language: language of the texts that are in its catalog.
        """
        size = f' width="{self.width:.0f}" height="{self.height:.0f}"' if whole else ""
        style = f"<style>{STYLE}</style>" if whole else ""
        named = translated(self.label, language) if isinstance(self.label, Phrase) else self.label
        label = f' role="img" aria-label="{escape(named)}"' if named else ""
        marks = [
            mark._replace(text=translated(mark.text, language))
            if isinstance(mark, Text) and isinstance(mark.text, Phrase)  # else it is a name of the data
            else mark
            for mark in self.marks
        ]
        return (
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {self.width:.0f} {self.height:.0f}"{size}{label}>'
            f"{style}{''.join(map(_svg, marks))}</svg>"
        )

    def image(self, scale: float = 1.0) -> Image.Image:
        """As an RGB image on white, with `scale` pixels per px."""
        from PIL import Image, ImageDraw

        size = (round(self.width * scale), round(self.height * scale))
        shapes = Image.new("RGB", (size[0] * SMOOTH, size[1] * SMOOTH), "white")
        pen = ImageDraw.Draw(shapes, "RGBA")
        for mark in self.marks:
            _paint(pen, mark, scale * SMOOTH)
        image = shapes.reduce(SMOOTH)
        for mark in self.marks:  # without supersampling: pixels must stay exact, and fonts have their own antialiasing
            if isinstance(mark, Pixels):
                block = Image.fromarray(mark.pixels)
                size = (round(block.width * scale), round(block.height * scale))
                block = block.resize(size, Image.Resampling.NEAREST)
                image.paste(block, (round(mark.x * scale), round(mark.y * scale)))
        letters = "".join(mark.text for mark in self.marks if isinstance(mark, Text))
        font = _font(SIZE * scale, any(ord(letter) > LATIN for letter in letters))
        for mark in self.marks:
            if isinstance(mark, Text):
                _write(image, mark, font, scale)
        return image


def _moved(mark: Mark, x: float, y: float) -> Mark:
    if isinstance(mark, Line):
        return mark._replace(points=tuple((px + x, py + y) for px, py in mark.points))
    return mark._replace(x=mark.x + x, y=mark.y + y)


def _svg(mark: Mark) -> str:
    if isinstance(mark, Rect):
        opacity = f' fill-opacity="{mark.opacity:.2f}"' if mark.opacity < 1 else ""
        return (
            f'<rect class="{mark.style}" fill="currentColor" x="{mark.x:.1f}" y="{mark.y:.1f}" '
            f'width="{mark.width:.1f}" height="{mark.height:.1f}"{opacity}/>'
        )
    if isinstance(mark, Line):
        points = " ".join(f"{x:.1f},{y:.1f}" for x, y in mark.points)
        dashes = ' stroke-dasharray="3 4"' if mark.dashed else ""
        title = f"<title>{escape(mark.title)}</title>" if mark.title else ""
        return (
            f'<polyline class="{mark.style}" fill="none" stroke="currentColor" stroke-width="{mark.width:g}" '
            f'stroke-linejoin="round"{dashes} points="{points}">{title}</polyline>'
        )
    if isinstance(mark, Dot):
        place = f'cx="{mark.x:.1f}" cy="{mark.y:.1f}" r="{mark.radius:g}"'
        return f'<circle class="{mark.style}" fill="currentColor" {place}/>'
    if isinstance(mark, Text):
        turn = f' transform="rotate(-90 {mark.x:.1f} {mark.y:.1f})"' if mark.upright else ""
        return (
            f'<text class="{mark.style}" x="{mark.x:.1f}" y="{mark.y:.1f}" text-anchor="{mark.anchor}"{turn}>'
            f"{escape(mark.text)}</text>"
        )
    from PIL import Image

    data = io.BytesIO()
    Image.fromarray(mark.pixels).save(data, "PNG")
    height, width = mark.pixels.shape[:2]
    return (
        f'<image x="{mark.x:.1f}" y="{mark.y:.1f}" width="{width}" height="{height}" '
        f'href="data:image/png;base64,{base64.b64encode(data.getvalue()).decode()}"/>'
    )


def _paint(pen: ImageDraw.ImageDraw, mark: Mark, scale: float) -> None:
    """Paints one shape with `scale` pixels per px; texts and pixels are painted later."""
    if isinstance(mark, Rect):
        box = [mark.x * scale, mark.y * scale, (mark.x + mark.width) * scale - 1, (mark.y + mark.height) * scale - 1]
        # Pillow requires end ≥ start, which does not hold for a bar thinner than a pixel.
        box[2:] = max(box[0], box[2]), max(box[1], box[3])
        pen.rectangle(box, fill=(*_rgb(mark.style), round(255 * mark.opacity)))
    elif isinstance(mark, Dot):
        x, y, r = mark.x * scale, mark.y * scale, mark.radius * scale
        pen.ellipse((x - r, y - r, x + r, y + r), fill=_rgb(mark.style))
    elif isinstance(mark, Line):
        points = [(x * scale, y * scale) for x, y in mark.points]
        for piece in _dashes(points, 3 * scale, 4 * scale) if mark.dashed else [points]:
            pen.line(piece, fill=_rgb(mark.style), width=max(1, round(mark.width * scale)), joint="curve")


def _dashes(points: Sequence[Point], on: float, off: float) -> list[list[Point]]:
    """The dashes of a straight line between two points."""
    (x0, y0), (x1, y1) = points
    length = ((x1 - x0) ** 2 + (y1 - y0) ** 2) ** 0.5
    starts = [k * (on + off) for k in range(int(length / (on + off)) + 1)]

    def at(distance: float) -> Point:
        share = min(distance / length, 1.0)
        return x0 + share * (x1 - x0), y0 + share * (y1 - y0)

    return [[at(start), at(start + on)] for start in starts]


def _write(image: Image.Image, mark: Text, font: ImageFont.FreeTypeFont | Any, scale: float) -> None:
    from PIL import Image, ImageDraw

    x, y = mark.x * scale, mark.y * scale
    anchor = {"start": "ls", "middle": "ms", "end": "rs"}[mark.anchor]
    if not mark.upright:
        ImageDraw.Draw(image).text((x, y), mark.text, fill=_rgb(mark.style), font=font, anchor=anchor)
        return
    width, height = round(font.getlength(mark.text)) + 2, round(SIZE * scale * 2)
    mask = Image.new("L", (width, height))
    ImageDraw.Draw(mask).text((1, height * 3 // 4), mark.text, fill=255, font=font, anchor="ls")
    mask = mask.rotate(90, expand=True)
    begin = {"start": width, "middle": width / 2, "end": 0}[mark.anchor]
    image.paste(_rgb(mark.style), (round(x - height * 3 / 4), round(y - begin)), mask)


def _rgb(style: str) -> tuple[int, int, int]:
    color = COLORS[style][0]
    return int(color[1:3], 16), int(color[3:5], 16), int(color[5:7], 16)


def has_letters(text: str) -> bool:
    """Whether a font of this system is expected to have the characters of a text."""
    return all(ord(letter) <= LATIN for letter in text) or _font(SIZE, True).getname() != _font(SIZE, False).getname()


@cache
def _font(size: float, many_scripts: bool) -> ImageFont.FreeTypeFont | Any:
    """Pillow's built-in font or, if it lacks characters, the first of `FONTS` on this system."""
    from PIL import ImageFont

    for name in FONTS if many_scripts else ():
        try:
            return ImageFont.truetype(name, size)
        except OSError:  # not on this system: try the next one
            continue
    return ImageFont.load_default(size)
