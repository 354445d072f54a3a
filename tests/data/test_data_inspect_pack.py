"""What is told of a set, and the clean copy of it."""

from __future__ import annotations

import json
import zipfile

import numpy as np
import pytest
from PIL import Image

from ganforge.data.path import PathData
from ganforge.modalities.image.files import ORIENTATION
from ganforge.modalities.image.inspect import fingerprint, inspect
from ganforge.modalities.image.pack import pack
from ganforge.modalities.image.sources.embedded import Digits
from ganforge.modalities.image.sources.folder import MANIFEST
from ganforge.recipes.fitting import inspection
from refused import refused


@pytest.fixture
def mess(tmp_path):
    """A folder of all sorts."""
    rng = np.random.default_rng(0)
    folder = tmp_path / "mess"
    for name in ("cat", "dog"):
        (folder / name).mkdir(parents=True)
    gray = Image.fromarray(rng.integers(0, 256, (8, 6), np.uint8))
    gray.save(folder / "cat" / "a.png")
    gray.save(folder / "cat" / "same as a.bmp")
    Image.fromarray(rng.integers(0, 65536, (8, 6), np.uint16)).save(folder / "cat" / "deep.png")
    Image.fromarray(rng.integers(0, 256, (9, 7, 4), np.uint8)).save(folder / "cat" / "clear.png")
    Image.fromarray(rng.integers(0, 256, (9, 7, 2), np.uint8)).save(folder / "dog" / "la.png")
    exif = Image.Exif()
    exif[ORIENTATION] = 6
    Image.fromarray(rng.integers(0, 256, (20, 30, 3), np.uint8)).save(folder / "dog" / "photo.jpg", exif=exif)
    (folder / "dog" / "fake.png").write_text("no")
    (folder / "dog" / "readme.txt").write_text("x")
    return PathData(path=str(folder))


def test_the_report(mess):
    report = inspect(mess)
    assert (report.count, report.looked_at, report.readable) == (7, 7, 6)
    assert report.classes == {"cat": 4, "dog": 2}
    assert report.balance == 2
    assert report.sizes == {(8, 6): 3, (9, 7): 2, (30, 20): 1}
    assert (report.smallest, report.median, report.largest) == ((8, 6), (8, 6), (30, 20))
    assert report.modes == {"L": 3, "RGBA": 1, "LA": 1, "RGB": 1}
    assert report.depths == {8: 5, 16: 1}
    assert report.duplicates == [["cat/a.png", "cat/same as a.bmp"]]
    assert report.unreadable == [("dog/fake.png", "not an image that can be read")]
    assert report.ignored == {".txt": 1}
    assert report.nbytes > 500
    plain = json.loads(json.dumps(report.to_plain()))
    assert plain["sizes"]["30×20"] == 1
    assert plain["readable"] == 6


def test_what_every_recipe_says_of_the_data_is_said_once(mess, notices):
    inspection(mess.open())
    assert sum("16 bits, and 8 are kept" in text for text in notices.text.splitlines()) == 1


def test_a_report_of_a_part_and_of_arrays(mess):
    assert inspect(mess, limit=3).looked_at == 3
    report = inspect(Digits())
    assert report.count == 1797
    assert report.balance == pytest.approx(183 / 174)


def test_fingerprints_tell_shapes_apart():
    flat = np.zeros((2, 8, 1), np.uint8)
    assert fingerprint(flat) == fingerprint(flat.copy())
    assert fingerprint(flat) != fingerprint(flat.reshape(8, 2, 1))
    assert fingerprint(flat) != fingerprint(np.zeros((2, 4, 1), np.uint16))


def test_a_pack_reads_back_the_same(mess, tmp_path):
    out = tmp_path / "new" / "clean.zip"
    manifest = pack(mess, out)
    assert manifest["count"] == 5
    assert manifest["duplicates"] == [["cat/same as a.bmp", "cat/a.png"]]
    assert manifest["unreadable"] == [["dog/fake.png", "not an image that can be read"]]
    before, after = mess.open(), PathData(path=str(out)).open()
    assert after.classes == before.classes
    for k in range(len(after)):
        source = manifest["files"][after.files[k]]
        index = before.files.index(source)
        assert np.array_equal(after.read(k), before.read(index))
        assert after.read(k).dtype == before.read(index).dtype
        assert after.labels[k] == before.labels[index]
    assert inspect(PathData(path=str(out))).ignored == {}
    assert str(tmp_path) not in json.dumps(manifest)
    assert pack(mess, tmp_path / "all.zip", duplicates=True)["count"] == 6
    assert pack(mess, tmp_path / "again.zip")["files"] == manifest["files"]
    assert (tmp_path / "again.zip").read_bytes() == out.read_bytes()


def test_packs_keep_class_names_and_their_order(tmp_path):
    images = np.random.default_rng(0).integers(0, 256, (6, 4, 4), np.uint8)
    names = np.array(["T-shirt/top", "../x", "T-shirt_top", "a", "a", "a"])
    np.savez(tmp_path / "x.npz", images=images, labels=names)
    before = PathData(path=str(tmp_path / "x.npz")).open()
    pack(PathData(path=str(tmp_path / "x.npz")), tmp_path / "x.zip")
    after = PathData(path=str(tmp_path / "x.zip")).open()
    assert after.classes == before.classes
    pairs = {(after.read(k).tobytes(), int(after.labels[k])) for k in range(6)}
    assert pairs == {(before.read(k).tobytes(), int(before.labels[k])) for k in range(6)}
    with zipfile.ZipFile(tmp_path / "x.zip") as archive:
        assert not any(".." in name.split("/") for name in archive.namelist())


def test_a_pack_of_one_class_keeps_it_and_one_of_none_has_none(tmp_path):
    images = np.random.default_rng(0).integers(0, 256, (4, 4, 4), np.uint8)
    np.savez(tmp_path / "one.npz", images=images, labels=np.zeros(4, int))
    np.savez(tmp_path / "none.npz", images=images)
    for name, classes in (("one", ("0",)), ("none", ())):
        pack(PathData(path=str(tmp_path / f"{name}.npz")), tmp_path / f"{name}.zip")
        assert PathData(path=str(tmp_path / f"{name}.zip")).open().classes == classes


def test_nothing_is_written_over_or_left_half_done(mess, tmp_path, monkeypatch):
    out = tmp_path / "x.zip"
    out.write_text("mine")
    with refused("output.exists", str(out), "--force"):
        pack(mess, out)
    monkeypatch.setattr(
        "ganforge.modalities.image.pack.png_of",
        lambda item: (_ for _ in ()).throw(OSError(28, "No space left on device")),
    )
    with refused("output.not_writable", str(out), "No space left"):
        pack(mess, out, force=True)
    assert out.read_text() == "mine"
    monkeypatch.undo()
    pack(mess, out, force=True)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["mess", "x.zip"]


def test_a_set_without_a_readable_picture_cannot_be_packed(tmp_path):
    (tmp_path / "bad").mkdir()
    (tmp_path / "bad" / "x.png").write_text("no")
    with refused("data.none_readable", "none of its 1 images"):
        pack(PathData(path=str(tmp_path / "bad")), tmp_path / "x.zip")
    assert not (tmp_path / "x.zip").exists()


def test_another_programs_manifest_does_no_harm(mess, tmp_path):
    with zipfile.ZipFile(tmp_path / "x.zip", "w") as archive:
        archive.writestr(MANIFEST, '{"classes": 5}')
        archive.write(f"{mess.path}/cat/a.png", "b/a.png")
        archive.write(f"{mess.path}/cat/a.png", "a/a.png")
    assert PathData(path=str(tmp_path / "x.zip")).open().classes == ("a", "b")
