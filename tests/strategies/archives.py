"""Hypothesis strategies for whole folders and archives of images: any nesting, names of any bytes, stray and broken
files, links, empty files, runs, and archives whose bytes are damaged.

A plan is a list of entries; `lay` makes a folder of it, `packed` a zip or a tar.
"""

from __future__ import annotations

import io
import os
import tarfile
import zipfile
from pathlib import Path
from typing import NamedTuple

from hypothesis import strategies as st

from strategies.folders import OldName, image

ENDINGS = (".png", ".jpg", ".JPEG", ".gif", ".bmp", ".tif")
STEMS = (
    "a", "b", "1", "10", "02", "cat", "Cat", "猫", "表示", "é", "e\u0301", "ﬁ", "x y", " lead", "trail ",
    "new\nline", "tab\t", "q'\"", "$(x)", "%d", "a=b", "-n", "~", "a.b", "l" * 200, "图" * 60, "\u202egnp", "😀", "CON",
)  # fmt: skip
FOLDERS = (*STEMS, "train", "val", "test", "trainA", "trainB", "Train", "train2017", "x.png", "runs", "__MACOSX")
OTHERS = (
    "notes.txt", "labels.csv", "film.mov", "phone.HEIC", "no_ending", "inner.zip", "ganforge.json", "Thumbs.db",
    ".DS_Store", "._a.png", ".hidden.png", "recipe.yaml", "events.jsonl",
)  # fmt: skip
CONTENTS = (b"", b"other", b"{}", b"[]", b"null", b'{"classes": 3}', b'{"classes": [{"folder": "cat", "name": "x"}]}')
OLD = ("gbk", "cp932", "latin-1")
"""Encodings of names in archives and on disks that are no UTF-8."""


class Entry(NamedTuple):
    """A file of a plan.

    Attributes:
        path: with / between folders.
        content: its bytes. target: of a link, relative to its folder; of a link the content does not count.
    """

    path: str
    content: bytes = b""
    target: str | None = None


class Plan(NamedTuple):
    """Files, and the encoding of their names; None: UTF-8."""

    entries: list[Entry]
    encoding: str | None = None


def is_image_name(path: str) -> bool:
    return path.lower().endswith(tuple(ending.lower() for ending in ENDINGS))


@st.composite
def contents_of_images(draw: st.DrawFn, path: str) -> bytes:
    """A whole image, perhaps of another format than its name says, or a broken one."""
    whole = image(draw(st.sampled_from([os.path.splitext(path)[1].lower(), ".png"])), draw(st.integers(0, 255)))  # noqa: PTH122
    match draw(st.integers(0, 9)):
        case 0:
            return b""
        case 1:
            return b"no image"
        case 2:
            return whole[: draw(st.integers(0, len(whole)))]
        case 3:
            at = draw(st.integers(0, len(whole) - 1))
            return whole[:at] + bytes([draw(st.integers(0, 255))]) + whole[at + 1 :]
    return whole


@st.composite
def plans(draw: st.DrawFn, links: bool = True) -> Plan:
    """A folder or an archive as it might be, at least one file; no path is a file and a folder, or comes twice."""
    encoding = draw(st.sampled_from([None, None, None, *OLD]))

    def fits(name: str) -> bool:
        try:
            return len(name.encode(encoding or "utf-8")) <= 250
        except UnicodeEncodeError:
            return False

    folders = st.sampled_from([name for name in FOLDERS if fits(name)])
    stems = st.sampled_from([name for name in STEMS if fits(name + "0.JPEG")])
    places = [(), *draw(st.lists(st.lists(folders, min_size=1, max_size=3).map(tuple), max_size=5))]
    found: dict[str, Entry] = {}

    def add(entry: Entry) -> None:
        above = {"/".join(entry.path.split("/")[:k]) for k in range(1, entry.path.count("/") + 1)}
        if entry.path in found or above & found.keys() or any(p.startswith(entry.path + "/") for p in found):
            return
        found[entry.path] = entry

    for _ in range(draw(st.integers(1, 10))):
        folder = draw(st.sampled_from(places))
        if draw(st.integers(0, 3)):
            path = "/".join(
                [*folder, draw(stems) + draw(st.sampled_from(["", "1", "2"])) + draw(st.sampled_from(ENDINGS))]
            )
            add(Entry(path, draw(contents_of_images(path))))
        else:
            add(Entry("/".join([*folder, draw(st.sampled_from(OTHERS))]), draw(st.sampled_from(CONTENTS))))
    for k in range(draw(st.integers(0, 2)) if links else 0):
        folder = draw(st.sampled_from(places))
        up = "../" * len(folder)
        target = draw(st.sampled_from([*found, *("/".join(place) or "." for place in places), "nowhere"]))
        add(Entry("/".join([*folder, f"link{k}{draw(st.sampled_from(['', '.png']))}"]), target=up + target))
    return Plan(list(found.values()) or [Entry("a.png", image())], encoding)


def lay(plan: Plan, root: Path) -> Path:
    """The plan as a folder."""
    root.mkdir(parents=True, exist_ok=True)
    for entry in plan.entries:
        path = root / on_disk(entry.path, plan.encoding)
        path.parent.mkdir(parents=True, exist_ok=True)
        if entry.target is None:
            path.write_bytes(entry.content)
        else:
            path.symlink_to(on_disk(entry.target, plan.encoding))
    return root


def on_disk(name: str, encoding: str | None) -> str:
    """A name as Python gives the bytes that an older system wrote."""
    return name.encode(encoding).decode("utf-8", "surrogateescape") if encoding else name


def packed(plan: Plan, path: Path, dots: bool = False) -> Path:
    """The plan as a zip or a tar, by the ending of `path`; with dots every name begins with ./"""
    start = "./" if dots else ""
    if path.suffix == ".tar":
        with tarfile.open(path, "w", encoding=plan.encoding or "utf-8") as tar:
            for entry in plan.entries:
                info = tarfile.TarInfo(start + entry.path)
                info.size = len(entry.content)
                tar.addfile(info, io.BytesIO(entry.content))
        return path
    with zipfile.ZipFile(path, "w") as archive:
        for entry in plan.entries:
            info = OldName(start + entry.path) if plan.encoding else zipfile.ZipInfo(start + entry.path)
            if isinstance(info, OldName):
                info.raw = (start + entry.path).encode(plan.encoding or "utf-8")
            archive.writestr(info, entry.content)
    return path


@st.composite
def damaged(draw: st.DrawFn, data: bytes) -> bytes:
    """The bytes of an archive, cut or with some of them changed."""
    if draw(st.booleans()):
        return data[: draw(st.integers(0, len(data)))]
    changed = bytearray(data)
    for at in draw(st.lists(st.integers(0, len(data) - 1), min_size=1, max_size=6)):
        changed[at] = draw(st.integers(0, 255))
    return bytes(changed)
