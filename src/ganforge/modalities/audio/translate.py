"""A trained vocoder or restorer at work: on mels and sounds of any length, in chunks that fit together.

A frame of the output depends only on `halo` frames of the source on either side. A chunk is therefore computed with
`halo` extra frames, which are then cut off: the output equals that of the whole up to rounding, without clicks.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from ganforge.core.dataset import BadItem
from ganforge.core.errors import UserError
from ganforge.core.files import check_folder, check_new, refuse_input
from ganforge.core.progress import Stages
from ganforge.core.refusals import PartlyDone, Refusal, listed
from ganforge.data.store import FolderStore
from ganforge.data.zip_store import ZipStore
from ganforge.modalities.audio import files as sounds
from ganforge.modalities.audio.clips import mixed, resampled

if TYPE_CHECKING:
    from ganforge.artifacts.bundle import Bundle

CHUNK = 2_048
"""Frames that the net makes at a time."""
MELS = (".npy",)
WRITTEN = {".wav": "WAV", ".flac": "FLAC"}


class FileTranslator:
    """A model that makes sounds of mels or sounds.

    Args:
        bundle: the trained model.
        name: what the user calls it, for messages.
        chunk: frames that the net makes at a time.

    Attributes:
        seconds: spent in the net so far. made: seconds of sound that were made.
    """

    def __init__(self, bundle: Bundle, name: str, chunk: int | None = None):
        if chunk is not None and chunk < 1:
            raise UserError(f"--tile {chunk}: must be at least 1 frame", code="translate.tile_too_small")
        self.bundle, self.name, self.chunk = bundle, name, chunk or CHUNK
        self.task: Any = bundle.recipe.task
        self.net: Any = bundle.nets["G"]
        self.rate: int = bundle.spec.state["rate"]
        self.gain: float = bundle.spec.state["gain"]
        self.channels = bundle.spec.shape[0]
        self.seconds = self.made = 0.0

    def translated(self, source: Any, mask: Any = None) -> np.ndarray:
        """The sound that is made of a file, of a sound [T] or [T, C] at the model's rate, or of a mel [bands, F].

        Returns:
            float32 [T]; [T, 2] of a stereo model.

        Raises:
            UserError: nothing that can be read, a mel with other bands, or a mask.
        """
        if mask is not None:
            raise UserError(f"{self.name}: sounds take no mask: leave it out", code="translate.mask_not_taken")
        try:
            held = self._read(Path(source)) if isinstance(source, (str, Path)) else self._given(np.asarray(source))
        except (BadItem, OSError) as error:
            raise UserError(str(error), code="data.unreadable") from None
        made = np.concatenate(list(self.parts(*held)))
        return made[:, 0] if self.channels == 1 else made

    def _given(self, x: np.ndarray) -> tuple[Tensor, bool]:
        """The source [1, Cs, ...] of an array, and whether it is a mel."""
        bands = self.task.mel.bands * self.channels
        if not np.issubdtype(x.dtype, np.floating):
            raise BadItem("the array", f"expected floats, got {x.dtype}")
        if not np.isfinite(x).all():
            raise BadItem("the array", "some of its numbers are not finite (NaN or infinite)")
        if self.task.takes == "mel" and x.ndim >= 2 and x.shape[-1] > 2 and x.shape[-2] > 2:
            mel = x[0] if x.ndim == 3 and len(x) == 1 else x
            if mel.ndim != 2 or mel.shape[0] != bands:
                raise BadItem(
                    "the mel", f"expected [{bands}, frames] as this model was trained on, got {list(x.shape)}"
                )
            return torch.from_numpy(np.ascontiguousarray(mel, np.float32))[None], True
        if x.ndim > 2 or x.size == 0:
            raise BadItem("the array", f"expected a sound [samples] or [samples, channels], got {list(x.shape)}")
        return self._sound(np.asarray(x, np.float32).reshape(len(x), -1)), False

    def _sound(self, x: np.ndarray) -> Tensor:
        return torch.from_numpy(np.ascontiguousarray(mixed(x, self.channels).T))[None] * self.gain

    def _read(self, path: Path, where: str | None = None, source: Any = None) -> tuple[Tensor, bool]:
        where = where or str(path)
        if path.suffix.lower() in MELS:
            try:
                array = np.load(path if source is None else source, allow_pickle=False)
            except (ValueError, EOFError, OSError) as error:
                raise BadItem(where, f"not an array that can be read ({str(error)[:80]})") from None
            try:
                return self._given(array)
            except BadItem as error:
                raise BadItem(where, error.why) from None
        x, rate = sounds.decode(path if source is None else source, where)
        return self._sound(resampled(x, rate, self.rate)), False

    def parts(self, source: Tensor, is_mel: bool) -> Iterator[np.ndarray]:
        """What is made of a source, in parts [t, C] from its beginning to its end.

        Args:
            source: a mel [1, bands, F] or a sound [1, C, T], raised by the gain of the training.
        """
        length = None if is_mel else source.shape[2]
        if length is not None:
            source = torch.nn.functional.pad(source, (0, -length % self.task.mel.hop))
            if self.task.takes == "mel":
                source = self.task.mel(source, self.rate)
        unit, hop, halo = self.net.unit, self.net.hop, self.net.halo
        frames = source.shape[2] // unit
        left = frames * hop if length is None else length
        for start in range(0, frames, self.chunk):
            stop = min(start + self.chunk, frames)
            low, high = max(0, start - halo), min(frames, stop + halo)
            begun = time.perf_counter()
            made = self._run(source[..., low * unit : high * unit])[..., (start - low) * hop : (stop - low) * hop]
            self.seconds += time.perf_counter() - begun
            made = made[..., :left]
            left -= made.shape[-1]
            self.made += made.shape[-1] / self.rate
            yield (made[0].clamp(-1, 1) / max(self.gain, 1e-6)).clamp(-1, 1).T.cpu().numpy()

    @torch.inference_mode()
    def _run(self, source: Tensor) -> Tensor:
        bundle = self.bundle
        return self.net(source.to(bundle.device, bundle.dtype)).float()

    def translate_files(self, inputs: Path, out: Path, *, ending: str | None, skip: bool, force: bool) -> str:
        """Translates a file, or all files of a folder or a zip; returns what to say of it.

        Raises:
            UserError: nothing to do, or an output that cannot be written.
            PartlyDone: some files could not be translated; the others are.
        """
        jobs, single = self._plan(inputs, out, ending)
        left = [job for job in jobs if not (skip and job[2].exists())]
        check_new(*(job[2] for job in left), force=force)
        failed: list[Refusal] = []
        with Stages(delay=1.0) as progress:
            for k, (name, store, target) in enumerate(left):
                try:
                    self._one(name, store, target)
                except (BadItem, OSError) as error:
                    failed.append(Refusal(name, str(error)))
                progress("sounds", k + 1, len(left))
        if single and failed:
            raise UserError(failed[0].why, code="translate.failed")
        done = len(left) - len(failed)
        speed = f", {self.made / self.seconds:.0f} times as fast as they play" if self.seconds else ""
        said = f"{done} sound{'s' * (done != 1)}{f', {len(failed)} failed' if failed else ''}: {out}{speed}"
        if not single and (file := listed(failed, out / "refused.json")):
            raise PartlyDone(failed, file)
        return said

    def _one(self, name: str, store: Any, target: Path) -> None:
        import soundfile

        held = self._read(Path(name), name, store.open(name))
        target.parent.mkdir(parents=True, exist_ok=True)
        part = target.with_name(f".{target.name}.part")
        try:
            with soundfile.SoundFile(
                str(part), "w", self.rate, self.channels, "PCM_16", format=WRITTEN[target.suffix.lower()]
            ) as file:
                for made in self.parts(*held):
                    file.write(made)
            part.replace(target)
        finally:
            part.unlink(missing_ok=True)

    def _plan(self, inputs: Path, out: Path, ending: str | None) -> tuple[list[tuple[str, Any, Path]], bool]:
        """(name, store, output) of each, and whether there is one only."""
        if ending is not None and "." + ending.lower().lstrip(".") not in WRITTEN:
            raise UserError(f"--format {ending}: sounds are written as wav or flac", code="output.unsupported_format")
        if not inputs.exists():
            raise UserError(f"{inputs}: no such file or folder", code="data.not_found")
        wanted = MELS + tuple(sounds.EXTENSIONS) if self.task.takes == "mel" else tuple(sounds.EXTENSIONS)
        several = inputs.is_dir() or inputs.suffix.lower() == ".zip"
        if not several:
            if out.suffix.lower() not in WRITTEN:
                raise UserError(f"--out {out}: the file name must end in .wav or .flac", code="output.wrong_extension")
            refuse_input(out, inputs)
            check_folder(out.parent)
            return [(inputs.name, FolderStore(inputs.parent), out)], True
        if out.suffix.lower() in WRITTEN or out.is_file():
            raise UserError(f"--out {out}: must be a folder for several sounds", code="output.not_a_folder")
        refuse_input(out, inputs)
        store = FolderStore(inputs) if inputs.is_dir() else ZipStore(inputs)
        names = [name for name in sorted(store.names()) if Path(name).suffix.lower() in wanted]
        if not names:
            raise UserError(f"{inputs}: contains no {'mels or ' * (self.task.takes == 'mel')}sounds", code="data.empty")
        check_folder(out)
        kind = "." + (ending or "wav").lower().lstrip(".")
        plain = [str(Path(name).with_suffix(kind)) for name in names]
        twice = {name for name in plain if plain.count(name) > 1}
        outs = [
            Path(name + kind).as_posix() if made in twice else made for name, made in zip(names, plain, strict=True)
        ]
        return [(name, store, out / made) for name, made in zip(names, outs, strict=True)], False
