"""Image files of all kinds, whole and broken, as arrays."""

from __future__ import annotations

import contextlib
import io
import struct
import zlib

import numpy as np
import pytest
from PIL import Image

from ganforge.core.dataset import BadItem
from ganforge.modalities.image import files as pictures
from ganforge.modalities.image.png import COLOR_TYPES, SIGNATURE

RNG = np.random.default_rng(0)
NOISE = RNG.integers(0, 256, (12, 9, 3), np.uint8)


def saved(picture, form, **options):
    buffer = io.BytesIO()
    picture.save(buffer, form, **options)
    buffer.seek(0)
    return buffer


def both(buffer):
    """The array, after a check that the header foretold it."""
    shape, dtype = pictures.header(buffer, "x")
    buffer.seek(0)
    array = pictures.decode(buffer, "x")
    assert array.shape == shape
    assert str(array.dtype) == dtype
    return array


@pytest.mark.parametrize("form", ["PNG", "BMP", "TIFF", "PPM"])
@pytest.mark.parametrize("mode", ["L", "RGB"])
def test_lossless_formats_keep_the_pixels(form, mode):
    picture = Image.fromarray(NOISE).convert(mode)
    assert np.array_equal(both(saved(picture, form)), np.asarray(picture).reshape(12, 9, -1))


@pytest.mark.parametrize(("form", "options"), [("JPEG", {"quality": 95}), ("WEBP", {"lossless": True})])
def test_photo_formats_are_near(form, options):
    smooth = np.tile(np.linspace(0, 255, 16).astype(np.uint8)[:, None, None], (1, 16, 3))
    array = both(saved(Image.fromarray(smooth), form, **options))
    assert array.shape == (16, 16, 3)
    assert abs(array.astype(int) - smooth).max() < 12


@pytest.mark.parametrize("form", ["PNG", "WEBP", "TIFF"])
def test_alpha_is_kept(form):
    rgba = RNG.integers(1, 256, (7, 5, 4), np.uint8)
    options = {"lossless": True, "exact": True} if form == "WEBP" else {}
    assert np.array_equal(both(saved(Image.fromarray(rgba), form, **options)), rgba)


def test_gray_with_alpha():
    la = RNG.integers(0, 256, (7, 5, 2), np.uint8)
    assert np.array_equal(both(saved(Image.fromarray(la), "PNG")), la)


def test_palettes_with_and_without_transparency():
    picture = Image.fromarray(NOISE).quantize(16)
    colors = np.asarray(picture.convert("RGB"))
    assert np.array_equal(both(saved(picture, "PNG")), colors)
    assert both(saved(picture, "GIF")).shape == (12, 9, 3)
    clear = both(saved(picture, "PNG", transparency=3))
    assert clear.shape == (12, 9, 4)
    assert np.array_equal(clear[..., 3] == 0, np.asarray(picture) == 3)


def test_a_transparent_gray_level_becomes_alpha():
    gray = np.array([[10, 20], [20, 30]], np.uint8)
    array = both(saved(Image.fromarray(gray), "PNG", transparency=20))
    assert array[..., 0].tolist() == gray.tolist()
    assert array[..., 1].tolist() == [[255, 0], [0, 255]]


def test_one_bit_pictures_are_black_and_white():
    bits = NOISE[..., 0] > 128
    assert np.array_equal(both(saved(Image.fromarray(bits), "PNG"))[..., 0], bits * np.uint8(255))


def test_cmyk_becomes_rgb():
    assert both(saved(Image.new("CMYK", (5, 6), (0, 255, 255, 0)), "TIFF"))[0, 0].tolist() == [255, 0, 0]


@pytest.mark.parametrize("form", ["PNG", "TIFF", "PPM"])
def test_sixteen_bits_of_gray_are_kept(form):
    deep = RNG.integers(0, 65536, (6, 4), np.uint16)
    array = both(saved(Image.fromarray(deep), form))
    assert array.dtype == np.uint16
    assert np.array_equal(array[..., 0], deep)


def test_floating_point_pictures_are_refused():
    with pytest.raises(BadItem, match="floating-point"):
        pictures.decode(saved(Image.fromarray(np.zeros((4, 4), np.float32)), "TIFF"), "x")


def test_the_first_frame_of_an_animation():
    frames = [Image.new("L", (4, 4), v) for v in (0, 255)]
    assert (both(saved(frames[0], "GIF", save_all=True, append_images=frames[1:])) == 0).all()


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("form", ["JPEG", "PNG", "TIFF", "WEBP"])
def test_pictures_come_upright(orientation, form):
    upright = np.zeros((32, 16, 3), np.uint8)
    upright[:8, :8] = 255  # white at the top left
    # What the camera stored, that the tag undoes.
    undo = {2: 0, 3: 3, 4: 1, 5: 5, 6: 2, 7: 6, 8: 4}
    stored = Image.fromarray(upright)
    if orientation > 1:
        stored = stored.transpose(Image.Transpose(undo[orientation]))
    exif = Image.Exif()
    exif[pictures.ORIENTATION] = orientation
    array = both(saved(stored, form, exif=exif))
    assert array.shape == (32, 16, 3)
    assert array[:6, :6].mean() > 240
    assert array[12:].mean() < 15
    assert array[:, 12:].mean() < 15


def test_damaged_exif_does_not_lose_the_picture():
    assert both(saved(Image.fromarray(NOISE), "JPEG", exif=b"Exif\0\0nonsense")).shape == (12, 9, 3)


def test_truncated_and_fake_files_are_bad_items():
    for form in ("PNG", "JPEG", "WEBP", "BMP", "TIFF", "GIF"):
        whole = saved(Image.fromarray(np.tile(NOISE, (8, 8, 1))), form).getvalue()
        with pytest.raises(BadItem) as error:
            pictures.decode(io.BytesIO(whole[: len(whole) // 2]), "cut.file")
        assert error.value.where == "cut.file"
    with pytest.raises(BadItem, match="not an image"):
        pictures.decode(io.BytesIO(b"<html>not found</html>"), "x")


@pytest.mark.filterwarnings("ignore::UserWarning:PIL")
def test_any_damage_is_a_bad_item_or_a_picture():
    for form in ("PNG", "JPEG", "WEBP", "BMP", "TIFF", "GIF"):
        whole = np.frombuffer(saved(Image.fromarray(NOISE), form).getvalue(), np.uint8)
        for seed in range(60):
            rng = np.random.default_rng(seed)
            damaged = whole.copy()
            damaged[rng.integers(0, len(whole), 6)] = rng.integers(0, 256, 6)
            for read in (pictures.decode, pictures.header):
                with contextlib.suppress(BadItem):
                    read(io.BytesIO(damaged.tobytes()), "x")


def png_that_claims(width, height):
    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0))
    return io.BytesIO(b"\x89PNG\r\n\x1a\n" + head + chunk(b"IDAT", zlib.compress(b"\0" * 1000)) + chunk(b"IEND", b""))


@pytest.mark.parametrize("size", [(200_000, 200_000), (13_000, 13_000)])
@pytest.mark.filterwarnings("ignore::PIL.Image.DecompressionBombWarning")
def test_bombs_are_refused_from_their_header(size):
    for read in (pictures.decode, pictures.header):
        with pytest.raises(BadItem, match="bomb"):
            read(png_that_claims(*size), "x")


def deep_png(pixels, *chunks, interlaced=0):
    """A PNG of 16 bits [H, W, C], its rows as they are, with more chunks before the pixels."""
    height, width, channels = pixels.shape
    head = struct.pack(">IIBBBBB", width, height, 16, COLOR_TYPES[channels], 0, 0, interlaced)
    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in pixels)
    parts = [(b"IHDR", head), *chunks, (b"IDAT", zlib.compress(rows)), (b"IEND", b"")]
    coded = (struct.pack(">I", len(d)) + n + d + struct.pack(">I", zlib.crc32(n + d)) for n, d in parts)
    return io.BytesIO(SIGNATURE + b"".join(coded))


@pytest.mark.parametrize("channels", [2, 3, 4])
def test_png_of_16_bits_is_read_whole(channels):
    pixels = RNG.integers(0, 65536, (6, 4, channels), np.uint16)
    assert np.array_equal(both(deep_png(pixels)), pixels)


def test_a_transparent_color_of_16_bits_becomes_alpha():
    pixels = RNG.integers(0, 65536, (6, 4, 3), np.uint16)
    array = both(deep_png(pixels, (b"tRNS", struct.pack(">HHH", *pixels[2, 3]))))
    assert np.array_equal(array[..., :3], pixels)
    assert array[2, 3, 3] == 0
    assert (array[..., 3] == 65535).sum() == 23


def test_png_of_16_bits_is_turned_upright():
    pixels = RNG.integers(0, 65536, (6, 4, 3), np.uint16)
    exif = Image.Exif()
    for orientation, turn in pictures.TURNS.items():
        exif[pictures.ORIENTATION] = orientation
        array = both(deep_png(pixels, (b"eXIf", exif.tobytes().removeprefix(b"Exif\0\0"))))
        high = Image.fromarray((pixels >> 8).astype(np.uint8)).transpose(turn)
        assert np.array_equal(array >> 8, np.asarray(high))


def test_interlaced_png_of_16_bits_is_left_to_pillow():
    assert both(deep_png(np.full((1, 1, 3), 65535, np.uint16), interlaced=1)).tolist() == [[[255, 255, 255]]]


def test_a_png_of_16_bits_that_is_cut_short_is_a_bad_item():
    data = deep_png(RNG.integers(0, 65536, (90, 90, 3), np.uint16)).getvalue()
    with pytest.raises(BadItem):
        pictures.decode(io.BytesIO(data[:-400]), "x")
