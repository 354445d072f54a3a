"""Hypothesis strategies for folders and archives as people have them: parts, classes, stray files, odd names."""

from __future__ import annotations

import io
import os
import zipfile
from collections.abc import Sequence
from pathlib import Path

from hypothesis import strategies as st
from PIL import Image

ENDINGS = (".png", ".jpg", ".JPG", ".gif", ".bmp")
OTHERS = (".mov", ".heic", ".csv", ".txt", "", ".json")
WORDS = (
    "cat",
    "dog",
    "1",
    "2",
    "10",
    "猫",
    "表示",
    "é",
    "e\u0301",
    "a b",
    "x,y",
    "label=1",
    "-dash",
    "l" * 100,
    "图" * 60,
)

words = st.sampled_from(WORDS)
parts = st.sampled_from(
    [
        ("train", "val"),
        ("train", "test"),
        ("Train", "Validation", "Test"),
        ("train2017", "val2017"),
        ("trainA", "trainB"),
    ]
)


@st.composite
def trees(draw: st.DrawFn) -> list[str]:
    """Names of files, at least one of them an image, with / between folders; none of them twice."""
    tops: Sequence[str] = draw(st.one_of(st.just(("",)), parts, st.lists(words, min_size=1, max_size=3, unique=True)))
    names: list[str] = []
    for top in tops:
        for _ in range(draw(st.integers(1, 3))):
            below = draw(st.lists(words, max_size=2))
            stem, ending = draw(words), draw(st.sampled_from(ENDINGS))
            names.append("/".join(filter(None, [top, *below, f"{stem}{len(names)}{ending}"])))
    for ending in draw(st.lists(st.sampled_from(OTHERS), max_size=3)):
        names.append(f"other{len(names)}{ending}")
    return names


def image(ending: str = ".png", level: int = 0) -> bytes:
    """A file of 4×4 px of one level."""
    found = io.BytesIO()
    kind = {".jpg": "JPEG", ".gif": "GIF", ".bmp": "BMP"}.get(ending.lower(), "PNG")
    Image.new("RGB", (4, 4), (level, level, level)).save(found, kind)
    return found.getvalue()


def content(name: str) -> bytes:
    ending = os.path.splitext(name)[1]  # noqa: PTH122  # of a text, not of a file
    return image(ending) if ending in ENDINGS else b"other"


def write_folder(root: Path, names: Sequence[str]) -> Path:
    """The files below a folder."""
    for name in names:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content(name))
    return root


class OldName(zipfile.ZipInfo):
    """A file in a zip whose name is not marked as UTF-8."""

    raw = b""

    def _encodeFilenameFlags(self):  # noqa: N802  # the name that zipfile asks for
        return self.raw, self.flag_bits & ~0x800


def write_zip(path: Path, names: Sequence[str], encoding: str | None = None) -> Path:
    """The files in a zip; with an encoding their names are not marked as UTF-8."""
    with zipfile.ZipFile(path, "w") as archive:
        for name in names:
            info = OldName(name) if encoding else zipfile.ZipInfo(name)
            if isinstance(info, OldName):
                info.raw = name.encode(encoding or "utf-8")
            archive.writestr(info, content(name))
    return path
