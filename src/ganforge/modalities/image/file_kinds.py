"""Detects the type of a file by its first bytes."""

from __future__ import annotations

KINDS = {
    b"%PDF": "a PDF", b"PK\x03\x04": "a zip", b"<html": "a web page", b"<!doc": "a web page", b"<svg": "an SVG drawing",
    b"<?xml": "an XML text", b"8BPS": "a Photoshop file", b"\x1f\x8b": "a gzip file", b"Rar!": "a RAR archive",
    b"7z\xbc\xaf": "a 7z archive", b"\x1aE\xdf\xa3": "a video (Matroska, WebM)", b"\x93NUMPY": "an array of numpy",
    b"\xff\x0a": "JPEG XL", b"\0\0\0\x0cJXL ": "JPEG XL", b"\0\0\0\x0cjP  ": "JPEG 2000",
    b"version https://git-lfs": "a pointer of Git LFS, without the file itself", b"\0\0\x01\0": "a Windows icon",
}  # fmt: skip
"""First bytes (in lower case) → type of the file."""

BRANDS = {b"heic": "HEIC", b"heix": "HEIC", b"hevc": "HEIC", b"mif1": "HEIC", b"msf1": "HEIC", b"heim": "HEIC",
          b"avif": "AVIF", b"avis": "AVIF"}  # fmt: skip
"""Brands of ISO base media files that are images; all others are videos."""

IMAGES = {b"\xff\xd8": ".jpg", b"\x89PNG": ".png", b"GIF8": ".gif", b"BM": ".bmp", b"II*\0": ".tif", b"MM\0*": ".tif"}
"""First bytes of files that should have this extension."""


def kind_of(start: bytes) -> str:
    """The type of a file with these first bytes, for messages; empty if unknown."""
    if start[4:8] == b"ftyp":
        return BRANDS.get(start[8:12], "a video (MP4, MOV)")
    for begins, kind in KINDS.items():
        if start.startswith(begins) or start.lstrip().lower().startswith(begins.lower()):
            return kind
    return ""


def ending_of(start: bytes) -> str | None:
    """The extension for an image file with these first bytes; None if unknown."""
    if start[:4] == b"RIFF" and start[8:12] == b"WEBP":
        return ".webp"
    return next((ending for begins, ending in IMAGES.items() if start.startswith(begins)), None)
