"""Sounds at a path: folders and zips of sound files, and single long recordings."""

from __future__ import annotations

from pathlib import Path

from ganforge.core.dataset import Dataset
from ganforge.core.errors import UserError
from ganforge.data.opener import Head, Opener
from ganforge.data.store import FolderStore, Store, is_hidden
from ganforge.data.zip_store import ZipStore
from ganforge.modalities.audio import files as sounds
from ganforge.modalities.audio.source import SoundFiles, open_store, part_of

CLEAR, WRONG = 0.92, 0.2
"""Claims: most files are sounds (a cover image beside them makes it no set of images, which claims 0.9); none are, but
what is wrong can be said here (other openers say so with 0.1)."""


class AudioOpener(Opener, kind="audio"):
    """Folders and zips of sound files, and single files to cut."""

    signal = "audio"
    takes = "sounds: a folder or zip of .wav, .flac, .ogg, .mp3, or one such file"
    endings = (".zip", *sorted(sounds.EXTENSIONS))

    def claims(self, path: Path, head: Head) -> float:
        names = [name for name in head.names if not is_hidden(name)]
        if not names:
            return CLEAR if sounds.is_sound(path.name) else WRONG if _silent_kind(path.name) else 0.0
        heard = sum(sounds.is_sound(name) for name in names)
        if heard * 2 > len(names):
            return CLEAR
        if sum(_silent_kind(name) for name in names) * 2 > len(names):
            return WRONG
        return 0.4 if heard else 0.0

    def open(self, path: Path, head: Head, name: str, *, split: str, holdout: float, asked: bool) -> Dataset:
        if head.store is None and not head.names:
            return part_of(_one_file(path, name), split, holdout)
        store: Store = head.store or ZipStore(path, head.name_encoding)
        found = open_store(store, name, split, head.labels, holdout)
        if found is None:
            raise _no_sound(name, [n for n in store.names() if not is_hidden(n)])
        return found


def _one_file(path: Path, name: str) -> SoundFiles:
    if not sounds.is_sound(path.name):
        raise _no_sound(name, [path.name])
    if not path.stat().st_size:
        raise UserError(f"data {name}: the file is empty", code="data.empty")
    return SoundFiles(name, FolderStore(path.parent), [path.name], None, ())


def _silent_kind(name: str) -> bool:
    """Whether a file is near to a sound and none that can be read."""
    return Path(name).suffix.lower() in sounds.SCORES | sounds.OTHERS


def _no_sound(name: str, names: list[str]) -> UserError:
    endings = {Path(n).suffix.lower() for n in names}
    if endings & sounds.SCORES:
        return UserError(
            f"data {name}: MIDI and ABC files hold notes, not sound. Play them to wav files with a synthesizer "
            "(for example fluidsynth), and train on those",
            code="data.not_sound",
        )
    if endings & sounds.OTHERS:
        return UserError(
            f"data {name}: {', '.join(sorted(endings & sounds.OTHERS))} files cannot be read. Convert them first, for "
            "example: ffmpeg -i sound.m4a sound.wav",
            code="data.unsupported_format",
        )
    return UserError(
        f"data {name}: no sounds here. Expected files that end in {', '.join(sorted(sounds.EXTENSIONS))}",
        code="data.no_sounds",
    )
