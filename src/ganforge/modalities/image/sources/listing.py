"""Which files of a folder or a zip are images to use: not hidden, not a run's own, of a format that is read here."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from pathlib import PurePosixPath

from ganforge.data.store import Store, counted, is_hidden, without_runs
from ganforge.modalities.image import files as pictures

LIKELY_SAMPLES = frozenset(
    {".heic", ".heif", ".avif", ".jxl", ".jp2", ".psd", ".svg", ".raw", ".dng", ".cr2", ".nef", ".arw", ".exr", ".hdr"}
    | {".npy", ".dcm", ".mov", ".mp4", ".avi", ".webm", ".mkv"}
)
"""Endings of files that people mean as samples, and that are not read."""


@dataclass(frozen=True)
class Listing:
    """The files of a store.

    Attributes:
        images: the names of image files, sorted.
        names: of all files that are neither hidden nor a run's own, sorted.
        ignored: how many of these are of another kind, by ending.
        runs: folders that hold a run, none of whose files counts.
        notices: what the store says of how its names were found.
    """

    images: list[str]
    names: list[str]
    ignored: Counter[str]
    runs: list[str]
    notices: list[str]

    @property
    def left_out(self) -> bool:
        """Whether something is left out that may be meant as a sample."""
        return bool(self.runs or self.notices) or any(ending in LIKELY_SAMPLES for ending in self.ignored)

    def sentences(self) -> list[str]:
        """What was left out and why, for people."""
        said = []
        if self.ignored:
            kinds = ", ".join(f"{count:,} {ending}" for ending, count in self.ignored.most_common(6))
            more = ", …" if len(self.ignored) > 6 else ""
            count = self.ignored.total()
            said.append(f"{count:,} file{'s' * (count > 1)} ignored: {kinds}{more}{pictures.heif_hint(self.ignored)}")
        said += counted(self.runs, "folder", "left out, which hold runs of ganforge" if len(self.runs) > 1 else
                        "left out, which holds a run of ganforge")  # fmt: skip
        return said + self.notices


def listing(store: Store, manifest: str = "ganforge.json") -> Listing:
    """The files of a store.

    Args:
        manifest: a file that is part of the set and counts as no other kind.
    """
    names, runs = without_runs([name for name in sorted(store.names()) if not is_hidden(name)])
    images = [name for name in names if pictures.is_picture(name)]
    others = Counter(PurePosixPath(n).suffix.lower() or "(none)" for n in names if not pictures.is_picture(n))
    if manifest in names:
        others[".json"] -= 1
    return Listing(images, names, +others, runs, store.notices())
