"""Any folder and any archive of images: refused with a message, or every image is counted once and nothing is lost
without a word."""

from __future__ import annotations

import os
import re
import sys
import unicodedata
import zipfile
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ganforge.core.dataset import BadItem
from ganforge.core.errors import UserError
from ganforge.core.names import readable, readables
from ganforge.data.path import PathData
from ganforge.data.store import is_hidden, without_runs
from strategies.archives import Entry, Plan, damaged, is_image_name, lay, packed, plans
from strategies.folders import image, write_folder

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="names of any bytes")
FEW = settings(max_examples=15, deadline=None, suppress_health_check=list(HealthCheck))
MANY = settings(max_examples=1000, deadline=None, suppress_health_check=list(HealthCheck))
NOT_USED = re.compile(r"([\d,]+) (?:in (?:train|val|test)\b|outside)")


def opened(path, **fields):
    try:
        return PathData(path=str(path), signal="image", **fields).open()
    except UserError as error:
        refusal = str(error)
    refusal.encode()
    assert not any(unicodedata.category(c) == "Cc" for c in refusal.replace("\n", " "))
    return None


def said(dataset) -> str:
    dataset.shapes()
    text = " ".join(line.text for line in dataset.reading())
    text.encode()
    return text


def not_used(text: str) -> int:
    """How many images a notice says are not used: those of other parts, and those beside trainA and trainB."""
    return sum(int(count.replace(",", "")) for count in NOT_USED.findall(text))


def check(path: Path, names: list[str]) -> None:
    """All that holds of what is at a path, whose files have these names (links that are followed are resolved)."""
    outside = {run for run in runs_in(names) if run}
    names = [name for name in names if not name.startswith(tuple(f"{run}/" for run in outside))]
    shown = [name for name in names if not is_hidden(name)]
    images = sorted(name for name in shown if is_image_name(name))
    hidden = sum(is_image_name(name) for name in names if is_hidden(name) and not is_of_the_system(name))
    every = opened(path, split="all")
    if every is None:
        assert not images
        return
    text = said(every)
    assert set(every.files) <= set(images)
    assert len(every.files) + not_used(text) == len(images), text
    ignored = len(shown) - len(images) - ("ganforge.json" in shown)
    assert sum(every.ignored.values()) == ignored
    assert (f"{ignored:,} file" in text) == bool(ignored)
    assert ("hold runs" in text or "holds a run" in text) == bool(runs_in(names) or outside)
    assert (f"{hidden:,} hidden image" in text) == bool(hidden)
    assert sum(every.shapes().values()) + sum(every.unreadable().values()) == len(every.files)
    for k in range(len(every)):
        every.describe(k).encode()
        try:
            pixels = every.read(k)
        except BadItem as error:
            str(error).encode()
        else:
            assert pixels.ndim == 3
    for fields in ({}, {"labels": "first"}, {"labels": "last"}, {"labels": "none"}, {"split": "test"}):
        found = opened(path, **fields)
        if found is None:  # no such part
            assert fields == {"split": "test"}
            continue
        assert set(found.files) <= set(images)
        assert len(set(found.files)) == len(found)
        text = said(found)
        assert len(found) + not_used(text) == len(images), (fields, text)
        check_labels(found, fields.get("labels", "auto"))


def check_labels(found, how: str) -> None:
    """Every label is the name of a folder of its file: the last one, or the first that is not common to all."""
    assert (found.labels is None) == (not found.classes)
    if found.labels is None:
        return
    assert how != "none"
    assert set(found.labels.tolist()) <= set(range(len(found.classes)))
    assert len(set(found.classes)) == len(found.classes)
    for name in found.classes:
        name.encode()
    if found.domains or any("/" not in file for file in found.files):
        return
    names = readables({folder for file in found.files for folder in file.split("/")[:-1]})
    for file, label in zip(found.files, found.labels, strict=True):
        folders = [names.get(folder, readable(folder)) for folder in file.split("/")[:-1]]
        also = [readable(folder) for folder in file.split("/")[:-1]]
        assert found.classes[label] in folders + also


def is_of_the_system(name: str) -> bool:
    """Copies of metadata and thumbnails that macOS and Windows write."""
    return any(part.startswith("._") or part.lower() in ("__macosx", "@eadir") for part in name.split("/"))


def runs_in(names: list[str]) -> list[str]:
    homes = Counter(
        name.rpartition("/")[0] for name in names if name.rpartition("/")[2] in ("recipe.yaml", "events.jsonl")
    )
    hidden = {home for home in homes if is_hidden(home)}
    return [home for home, count in homes.items() if count == 2 and home not in hidden]


def followed(root: Path) -> list[str]:
    """The files below a folder: each folder once, under its own name if it has one here, links to others after that."""
    seen, found, links = set(), [], [root]
    while links:
        start = links.pop(0)
        if not start.is_dir() or os.path.realpath(start) in seen:
            continue
        later = []
        for folder, below, files in os.walk(start):
            below.sort()
            if os.path.realpath(folder) in seen:
                below.clear()
                continue
            seen.add(os.path.realpath(folder))
            found += [(Path(folder) / file).relative_to(root).as_posix() for file in files]
            later += [Path(folder) / name for name in below if (Path(folder) / name).is_symlink()]
        links += later
    return found


def check_folder(plan: Plan, place: Path) -> None:
    root = lay(plan, place / "d")
    check(root, followed(root))


def check_archive(plan: Plan, place: Path, dots: bool) -> None:
    names = [entry.path for entry in plan.entries]
    path = packed(plan, place / "d.zip", dots)
    found = opened(path, split="all")
    if found is None or not plan.encoding or all(name.isascii() for name in names):
        check(path, names)
    else:  # which encoding it is can only be guessed: as many, whatever they are called
        assert len(set(found.files)) + not_used(said(found)) == sum(
            is_image_name(name)
            for name in names
            if not is_hidden(name) and not any(name.startswith(f"{run}/") for run in runs_in(names) if run)
        )
        named = opened(path, split="all", name_encoding=plan.encoding)
        assert named is not None
        check_labels(named, "auto")
    tar = packed(plan, place / "d.tar", dots)
    assert opened(tar) is None


def check_damaged(plan: Plan, place: Path, data) -> None:
    path = packed(plan, place / "d.zip")
    path.write_bytes(data.draw(damaged(path.read_bytes())))
    found = opened(path, split="all")
    if found is None:
        return
    said(found)
    for k in range(len(found)):
        try:
            found.read(k)
        except BadItem as error:
            str(error).encode()


class TestFound:
    """What the strategies found, in small."""

    def test_names_with_dots_in_archives_are_no_hidden_ones(self, tmp_path):
        path = packed(Plan([Entry("cat/a.png", image()), Entry("dog//b.png", image())]), tmp_path / "d.zip", dots=True)
        found = opened(path)
        assert (found.files, found.classes) == (["cat/a.png", "dog/b.png"], ("cat", "dog"))

    def test_images_beside_two_sets_are_told(self, tmp_path):
        write_folder(tmp_path, ["a.png", "trainA/b.png", "trainB/c.png"])
        assert "1 outside both left out, as a.png" in said(opened(tmp_path, split="all"))

    def test_hidden_images_are_counted(self, tmp_path):
        write_folder(tmp_path, ["a.png", ".cache/b.png", "._a.png", "__MACOSX/a.png"])
        assert "1 hidden image left out (.cache/b.png)" in said(opened(tmp_path))

    @pytest.mark.filterwarnings("ignore:Duplicate name")
    def test_a_name_that_comes_twice_is_said(self, tmp_path):
        path = tmp_path / "d.zip"
        with zipfile.ZipFile(path, "w") as archive:
            for level in (1, 2):
                archive.writestr("a.png", image(level=level))
        found = opened(path)
        assert found.read(0).max() == 2
        assert "1 file name more than once in the archive, only the last file of each is read (a.png)" in said(found)

    def test_a_folder_keeps_its_own_name_beside_a_link_to_it(self, tmp_path):
        write_folder(tmp_path, ["b/1.png", "c/2.png"])
        (tmp_path / "a").symlink_to("b")
        (tmp_path / "c" / "d").symlink_to("../b")
        found = opened(tmp_path)
        assert found.classes == ("b", "c")
        assert "2 linked folders left out, since its target is already read (a, c/d)" in said(found)

    def test_pipes_are_not_waited_for(self, tmp_path):
        write_folder(tmp_path, ["a.png"])
        os.mkfifo(tmp_path / "b.png")
        found = opened(tmp_path)
        assert found.identity()
        assert "missing, or a broken link" in " ".join(found.unreadable())

    def test_an_empty_manifest_is_no_manifest(self, tmp_path):
        write_folder(tmp_path, ["cat/a.png", "dog/b.png"])
        (tmp_path / "ganforge.json").touch()
        assert opened(tmp_path).classes == ("cat", "dog")

    def test_line_breaks_in_names_are_escaped(self, tmp_path):
        write_folder(tmp_path, ["new\nline/a.png", "b/c.png"])
        found = opened(tmp_path)
        assert found.classes == ("b", "new\\nline")
        assert len(said(found).splitlines()) == 1


@pytest.mark.parametrize("few", [True, pytest.param(False, marks=pytest.mark.slow)], ids=["few", "many"])
class TestAny:
    def test_folder(self, few, tmp_path_factory):
        @(FEW if few else MANY)
        @given(plans())
        def holds(plan):
            check_folder(plan, tmp_path_factory.mktemp("folder"))

        holds()

    def test_archive(self, few, tmp_path_factory):
        @(FEW if few else MANY)
        @given(plans(links=False), st.booleans())
        def holds(plan, dots):
            check_archive(plan, tmp_path_factory.mktemp("archive"), dots)

        holds()

    def test_damaged_archive(self, few, tmp_path_factory):
        @(FEW if few else MANY)
        @given(plans(links=False), st.data())
        def holds(plan, data):
            check_damaged(plan, tmp_path_factory.mktemp("damaged"), data)

        holds()


def test_runs_in_hidden_folders_are_not_told():
    names = ["a.png", "__MACOSX/recipe.yaml", "__MACOSX/events.jsonl", ".old/recipe.yaml", ".old/events.jsonl"]
    assert without_runs(names) == (names, [])
    assert without_runs([*names, "old/recipe.yaml", "old/events.jsonl"]) == (names, ["old"])
