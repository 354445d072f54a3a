"""Image files with all they say of themselves: written row by row, 16 bits, notes, color profiles."""

from __future__ import annotations

import io
import struct
import zlib

import numpy as np
import pytest
from PIL import Image, ImageCms, ImageOps
from translate_models import photo_like

from ganforge.core.dataset import BadItem
from ganforge.core.errors import UserError
from ganforge.modalities.image import files as pictures
from ganforge.modalities.image.png import COLOR_TYPES, SIGNATURE, deep_color, unfiltered
from ganforge.modalities.pair import photo
from ganforge.modalities.pair.photo import Photo
from refused import refused

SRGB = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()


def written(path, pixels: np.ndarray, like: Photo | None = None, parts: int = 3):
    photo.write(path, np.array_split(pixels, parts), pixels.shape, str(pixels.dtype), like)
    return path


@pytest.mark.parametrize("channels", [1, 2, 3, 4])
@pytest.mark.parametrize("dtype", ["uint8", "uint16"])
def test_png_round_trip(tmp_path, channels, dtype):
    pixels = np.random.default_rng(0).integers(0, np.iinfo(dtype).max, (37, 23, channels), dtype, endpoint=True)
    back = photo.read(written(tmp_path / "a.png", pixels), "a.png").pixels
    assert back.dtype == pixels.dtype
    np.testing.assert_array_equal(back, pixels)


def test_pillow_reads_what_is_written(tmp_path):
    pixels = photo_like(50, 41)
    with Image.open(written(tmp_path / "a.png", pixels, parts=7)) as picture:
        np.testing.assert_array_equal(np.asarray(picture), pixels)


def test_files_are_about_as_small_as_pillows(tmp_path):
    pixels = photo_like(200, 200)
    ours = written(tmp_path / "a.png", pixels).stat().st_size
    Image.fromarray(pixels).save(tmp_path / "b.png")
    assert ours < 1.15 * (tmp_path / "b.png").stat().st_size


def deep_png(pixels: np.ndarray, filters: list[int]) -> bytes:
    """A PNG of 16 bits whose rows use the filters that are asked for, byte by byte as the specification says it."""
    height, width, channels = pixels.shape
    step = 2 * channels
    raw = pixels.astype(">u2").view(np.uint8).reshape(height, -1).astype(int)
    out = bytearray()
    for r, kind in enumerate(filters):
        out.append(kind)
        for i in range(width * step):
            a = raw[r, i - step] if i >= step else 0
            b = raw[r - 1, i] if r else 0
            c = raw[r - 1, i - step] if r and i >= step else 0
            p = a + b - c
            near = min((abs(p - a), 0, a), (abs(p - b), 1, b), (abs(p - c), 2, c))[2]
            out.append(int(raw[r, i] - [0, a, b, (a + b) // 2, near][kind]) % 256)

    def chunk(name: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    head = struct.pack(">IIBBBBB", width, height, 16, COLOR_TYPES[channels], 0, 0, 0)
    return SIGNATURE + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(bytes(out))) + chunk(b"IEND", b"")


@pytest.mark.parametrize("shape", [(10, 7, 3), (5, 11, 4), (6, 1, 2), (1, 6, 3)])
def test_every_filter_of_png_is_undone(shape):
    pixels = np.random.default_rng(1).integers(0, 65536, shape, np.uint16)
    filters = [k % 5 for k in range(shape[0])]
    data = deep_png(pixels, filters)
    np.testing.assert_array_equal(deep_color(data), pixels)
    with Image.open(io.BytesIO(data)) as picture:  # a file that others can read, if with 8 bits
        assert picture.size == (shape[1], shape[0])


def test_pngs_of_8_bits_and_other_files_are_left_to_pillow(tmp_path):
    assert deep_color(written(tmp_path / "a.png", photo_like(4, 4)).read_bytes()) is None
    assert deep_color(b"GIF89a") is None


def test_a_deep_png_that_is_cut_short_is_a_bad_item(tmp_path):
    data = deep_png(np.random.default_rng(0).integers(0, 65536, (9, 9, 3), np.uint16), [0] * 9)
    (tmp_path / "a.png").write_bytes(data[:200])
    with pytest.raises(BadItem, match=r"a\.png"):
        photo.read(tmp_path / "a.png", "a.png")


def test_unfiltering_by_diagonals_is_that_row_by_row():
    """Rows of one filter have a short way to be undone: sums along the row, or down the columns."""
    rest = np.random.default_rng(2).integers(0, 256, (6, 9, 3), np.uint8)
    left = np.cumsum(rest, axis=1, dtype=np.uint8)
    np.testing.assert_array_equal(unfiltered(np.full(6, 1, np.uint8), rest), left)
    above = np.cumsum(rest, axis=0, dtype=np.uint8)
    np.testing.assert_array_equal(unfiltered(np.full(6, 2, np.uint8), rest), above)


@pytest.mark.parametrize("ending", [".png", ".jpg", ".webp"])
def test_notes_and_profile_are_kept(tmp_path, ending):
    exif = Image.Exif()
    exif[0x010F] = "A camera"
    exif[pictures.ORIENTATION] = 6
    Image.fromarray(photo_like(20, 30)).save(tmp_path / "a.jpg", exif=exif, icc_profile=SRGB)
    original = photo.read(tmp_path / "a.jpg", "a.jpg")
    assert original.pixels.shape == (30, 20, 3), "upright"
    out = written(tmp_path / f"b{ending}", original.pixels, original)
    with Image.open(out) as picture:
        picture.load()
        assert picture.info["icc_profile"] == SRGB
        assert picture.getexif()[0x010F] == "A camera"
        assert picture.getexif()[pictures.ORIENTATION] == 1, "or it would be turned again"
        assert picture.size == (20, 30)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_deep_pictures_are_turned_as_pillow_turns_them(tmp_path, orientation):
    pixels = (photo_like(5, 8).astype(np.uint16) * 257) + 3
    exif = Image.Exif()
    exif[pictures.ORIENTATION] = orientation
    written(tmp_path / "deep.png", pixels, Photo(pixels, exif.tobytes()))
    with Image.open(tmp_path / "deep.png") as picture:
        shallow = np.asarray(ImageOps.exif_transpose(picture))
    deep = photo.read(tmp_path / "deep.png", "deep.png").pixels
    assert deep.dtype == np.uint16
    assert np.abs(pictures_8(deep).astype(int) - shallow).max() <= 1


def pictures_8(pixels: np.ndarray) -> np.ndarray:
    return (pixels // 257).astype(np.uint8)


def test_a_profile_for_other_channels_is_left_out(tmp_path):
    out = written(tmp_path / "a.png", photo_like(8, 8, 1), Photo(photo_like(8, 8), profile=SRGB))
    with Image.open(out) as picture:
        assert "icc_profile" not in picture.info


def test_damaged_notes_do_not_cost_the_picture(tmp_path):
    Image.fromarray(photo_like(8, 8)).save(tmp_path / "a.jpg", exif=b"Exif\0\0II*\0\x08\0\0\0\xff\xff")
    back = photo.read(tmp_path / "a.jpg", "a.jpg")
    assert back.pixels.shape == (8, 8, 3)
    written(tmp_path / "b.png", back.pixels, back)


def test_what_breaks_off_leaves_what_was_there(tmp_path):
    path = written(tmp_path / "a.png", photo_like(8, 8))
    before = path.read_bytes()

    def rows():
        yield photo_like(4, 8)
        raise UserError("the net stopped", code="translate.failed")

    with refused("translate.failed", "the net stopped"):
        photo.write(path, rows(), (8, 8, 3), "uint8")
    assert path.read_bytes() == before
    assert [p.name for p in tmp_path.iterdir()] == ["a.png"]


def test_what_a_format_cannot_hold_is_said(tmp_path):
    with refused("output.not_writable", "a.jpg", "transparency"):
        written(tmp_path / "a.jpg", photo_like(8, 8, 4))
    with refused("output.not_writable", "a.webp"):
        written(tmp_path / "a.webp", np.zeros((1, 20000, 3), np.uint8), parts=1)
    assert list(tmp_path.iterdir()) == []
