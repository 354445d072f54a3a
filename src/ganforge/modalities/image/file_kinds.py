"""What a file is, by how it begins."""

from __future__ import annotations

KINDS = {
    b"%PDF": "a PDF", b"PK\x03\x04": "a zip", b"<html": "a web page", b"<!doc": "a web page", b"<svg": "an SVG drawing",
    b"<?xml": "an XML text", b"8BPS": "a Photoshop file", b"\x1f\x8b": "a gzip file", b"Rar!": "a RAR archive",
    b"7z\xbc\xaf": "a 7z archive", b"\x1aE\xdf\xa3": "a film (Matroska, WebM)", b"\x93NUMPY": "an array of numpy",
    b"\xff\x0a": "JPEG XL", b"\0\0\0\x0cJXL ": "JPEG XL", b"\0\0\0\x0cjP  ": "JPEG 2000",
    b"version https://git-lfs": "a pointer of Git LFS, without the file itself", b"\0\0\x01\0": "a Windows icon",
}  # fmt: skip
"""What begins so, in small letters where these are letters."""

BRANDS = {b"heic": "HEIC", b"heix": "HEIC", b"hevc": "HEIC", b"mif1": "HEIC", b"msf1": "HEIC", b"heim": "HEIC",
          b"avif": "AVIF", b"avis": "AVIF"}  # fmt: skip
"""What the ISO base media files are: all that are no images are films."""

IMAGES = {b"\xff\xd8": ".jpg", b"\x89PNG": ".png", b"GIF8": ".gif", b"BM": ".bmp", b"II*\0": ".tif", b"MM\0*": ".tif"}
"""How files begin whose ending should be this one."""


def kind_of(start: bytes) -> str:
    """What a file is that begins so, for people; empty where that is not known."""
    if start[4:8] == b"ftyp":
        return BRANDS.get(start[8:12], "a film (MP4, MOV)")
    for begins, kind in KINDS.items():
        if start.startswith(begins) or start.lstrip().lower().startswith(begins.lower()):
            return kind
    return ""


def ending_of(start: bytes) -> str | None:
    """The ending that suits an image file that begins so; None where that is not known."""
    if start[:4] == b"RIFF" and start[8:12] == b"WEBP":
        return ".webp"
    return next((ending for begins, ending in IMAGES.items() if start.startswith(begins)), None)
