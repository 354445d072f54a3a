"""Selects the image files in a folder or zip: not hidden, not written by a run, and of a supported format."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from ganforge.data.store import Store, ending_of, is_hidden, is_of_system, notice_of, without_runs
from ganforge.modalities.image import files as pictures

LIKELY_SAMPLES = frozenset(
    {".heic", ".heif", ".avif", ".jxl", ".jp2", ".psd", ".svg", ".raw", ".dng", ".cr2", ".nef", ".arw", ".exr", ".hdr"}
    | {".npy", ".dcm", ".mov", ".mp4", ".avi", ".webm", ".mkv"}
)
"""Extensions of files that may be intended as samples, but are not supported."""


@dataclass(frozen=True)
class Listing:
    """The files of a store.

    Attributes:
        images: the names of image files, sorted.
        names: names of all files that are neither hidden nor written by a run, sorted.
        ignored: number of these of other types, by extension.
        runs: run directories, whose files are ignored.
        notices: notices of the store about how its names were found.
        hidden: hidden files that are images by their names, but for those that systems write.
    """

    images: list[str]
    names: list[str]
    ignored: Counter[str]
    runs: list[str]
    notices: list[str]
    hidden: list[str]

    @property
    def left_out(self) -> bool:
        """Whether something was left out that may be intended as a sample."""
        return bool(self.runs or self.notices) or any(ending in LIKELY_SAMPLES for ending in self.ignored)

    def sentences(self) -> list[str]:
        """What was left out and why, as sentences."""
        said = []
        if self.ignored:
            kinds = ", ".join(f"{count:,} {ending}" for ending, count in self.ignored.most_common(6))
            more = ", …" if len(self.ignored) > 6 else ""
            count = self.ignored.total()
            said.append(f"{count:,} file{'s' * (count > 1)} ignored: {kinds}{more}{pictures.heif_hint(self.ignored)}")
        said += notice_of(self.runs, "folder", "left out, which hold runs of ganforge" if len(self.runs) > 1 else
                        "left out, which holds a run of ganforge")  # fmt: skip
        said += notice_of(self.hidden, "hidden image", "left out")
        return said + self.notices


def listing(store: Store, manifest: str = "ganforge.json") -> Listing:
    """The files of a store.

    Args:
        manifest: name of a file that belongs to the data set and is not notice_of as ignored.
    """
    every, runs = without_runs(sorted(store.names()))
    names = [name for name in every if not is_hidden(name)]
    hidden = [n for n in every if is_hidden(n) and pictures.is_picture(n) and not is_of_system(n)]
    images = [name for name in names if pictures.is_picture(name)]
    others = Counter(ending_of(n) or "(none)" for n in names if not pictures.is_picture(n))
    if manifest in names:
        others[".json"] -= 1
    return Listing(images, names, +others, runs, store.notices(), hidden)
