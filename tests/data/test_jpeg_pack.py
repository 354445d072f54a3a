"""`data pack` keeps JPEGs: the same pixels, no place and no camera."""

from __future__ import annotations

import io
import zipfile

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageCms

from ganforge.data.path import PathData
from ganforge.modalities.image.files import ORIENTATION, decode
from ganforge.modalities.image.jpeg import stripped
from ganforge.modalities.image.pack import pack


def smooth(height: int = 40, width: int = 56, channels: int = 3) -> np.ndarray:
    y, x = np.mgrid[:height, :width]
    waves = [128 + 100 * np.sin((x + 3 * c) / 9) * np.cos(y / (7 + c)) for c in range(channels)]
    return np.stack(waves, axis=2).astype(np.uint8)


def jpeg(turn: int = 1, mode: str = "RGB", **options) -> bytes:
    exif = Image.Exif()
    exif[ORIENTATION] = turn
    exif[0x010F] = "A maker of cameras"
    out = io.BytesIO()
    image = Image.fromarray(smooth()).convert(mode)
    image.save(out, "JPEG", exif=exif, comment=b"taken at home", **options)
    return out.getvalue()


@pytest.mark.parametrize("turn", range(1, 9))
def test_every_orientation_reads_as_before(turn):
    data = jpeg(turn)
    pixels = decode(io.BytesIO(data), "x")
    kept = stripped(data, pixels)
    assert kept is not None
    assert np.array_equal(decode(io.BytesIO(kept), "x"), pixels)
    assert b"cameras" in data
    assert b"cameras" not in kept
    assert b"home" not in kept


@pytest.mark.parametrize(
    ("mode", "options"),
    [
        ("L", {}),
        ("CMYK", {}),
        ("RGB", {"progressive": True}),
        ("RGB", {"subsampling": 2, "quality": 30}),
        ("RGB", {"icc_profile": ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()}),
        ("RGB", {"restart_marker_blocks": 1}),
    ],
)
def test_every_kind_of_jpeg(mode, options):
    data = jpeg(6, mode, **options)
    pixels = decode(io.BytesIO(data), "x")
    kept = stripped(data + b"trailing bytes of a phone", pixels)
    assert kept is not None
    assert kept.endswith(b"\xff\xd9")
    assert np.array_equal(decode(io.BytesIO(kept), "x"), pixels)
    assert ("icc_profile" in Image.open(io.BytesIO(kept)).info) == ("icc_profile" in options)


def test_what_is_no_jpeg_or_reads_otherwise_is_not_kept():
    data = jpeg()
    pixels = decode(io.BytesIO(data), "x")
    assert stripped(b"\x89PNG", pixels) is None
    assert stripped(data, pixels + 1) is None
    assert stripped(data, pixels[:-1]) is None


@settings(max_examples=200, deadline=None)
@given(st.integers(0, 3000), st.integers(0, 255), st.integers(0, 3000))
def test_damaged_files_are_kept_right_or_not_at_all(place, value, length):
    data = bytearray(jpeg(3))
    pixels = decode(io.BytesIO(bytes(data)), "x")
    data[place % len(data)] = value
    kept = stripped(bytes(data[: len(data) - length % 1000]), pixels)
    assert kept is None or np.array_equal(decode(io.BytesIO(kept), "x"), pixels)


def test_a_pack_holds_them_as_they_are(tmp_path):
    folder = tmp_path / "photos"
    folder.mkdir()
    for k in range(1, 9):
        (folder / f"{k}.jpg").write_bytes(jpeg(k, quality=90 + k))
    Image.fromarray(smooth()).save(folder / "9.png")
    manifest = pack(PathData(path=str(folder)), tmp_path / "clean.zip")
    with zipfile.ZipFile(tmp_path / "clean.zip") as archive:
        names = [name for name in archive.namelist() if not name.endswith(".json")]
        assert [name.rpartition(".")[2] for name in sorted(names)] == ["jpg"] * 8 + ["png"]
        assert not any(b"cameras" in archive.read(name) for name in names)
    before, after = PathData(path=str(folder)).open(), PathData(path=str(tmp_path / "clean.zip")).open()
    for k, name in enumerate(after.files):
        assert np.array_equal(after.read(k), before.read(before.files.index(manifest["files"][name])))
    total = sum(path.stat().st_size for path in folder.iterdir())
    assert (tmp_path / "clean.zip").stat().st_size < total + 3000
