"""A trained model that completes volumes, at work on files and arrays.

A volume keeps its place in the grid. A mesh has no place in one, since only its visible part is known: it is refused.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from ganforge.core.dataset import BadItem
from ganforge.core.errors import UserError
from ganforge.core.files import atomic_files
from ganforge.core.progress import Stages
from ganforge.core.refusals import PartlyDone, Refusal, listed
from ganforge.data.store import FolderStore, Store, ZipStore
from ganforge.modalities.shape.formats.parts import Grid
from ganforge.modalities.shape.signal import Shaped
from ganforge.modalities.shape.source import ShapeSet, ending, is_shape
from ganforge.modalities.shape.views import Volumes

if TYPE_CHECKING:
    from ganforge.artifacts.bundle import Bundle


class FileCompleter:
    """A model that makes whole volumes of parts.

    Args:
        bundle: the trained model.
        name: what the user calls it, for messages.
    """

    def __init__(self, bundle: Bundle, name: str):
        self.bundle, self.name, self.spec = bundle, name, bundle.spec
        signal = bundle.recipe.signal.at(bundle.spec)
        assert isinstance(signal, Shaped)
        self.signal: Any = signal

    def translated(self, source: Any, mask: Any = None) -> np.ndarray:
        """The whole volume, as the model's samples are, of a file or of an array [S, S, S].

        Raises:
            UserError: nothing that can be read, or a mask.
        """
        if mask is not None:
            raise UserError(f"{self.name}: volumes take no mask: leave it out", code="translate.mask_not_taken")
        try:
            if isinstance(source, (str, Path)):
                return self._completed(ShapeSet(str(source), "volume", FolderStore(Path(source).parent),
                                                [(Path(source).name, None)]))  # fmt: skip
            arrays = {"the array": np.asarray(source)[None]}
            return self._completed(ShapeSet("the array", "volume", None, [("the array", 0)], arrays=arrays))
        except BadItem as error:
            raise UserError(str(error), code="data.unreadable") from None

    @torch.inference_mode()
    def _completed(self, one: ShapeSet) -> np.ndarray:
        if not isinstance(one.shape(0), Grid):
            raise BadItem(
                one.describe(0), "no volume: only volumes (npy, npz, binvox) say where in the grid a part lies"
            )
        item = Volumes(one, self.spec.shape[1]).read(0)
        if item.shape[0] != self.spec.shape[0]:
            raise BadItem(one.describe(0), f"has {item.shape[0]} channels, and the model takes {self.spec.shape[0]}")
        stored = torch.from_numpy(self.signal.prepare(item, self.spec)).float()[None]
        bundle = self.bundle
        made = bundle.nets["G"](stored.to(bundle.device, bundle.dtype))
        return self.signal.decode(made, self.spec)[0]

    def translate_files(self, inputs: Path, out: Path, *, ending: str | None, skip: bool, force: bool) -> str:
        """Completes a file, or all volumes of a folder or a zip; returns what to say of it.

        Raises:
            UserError: nothing to do, or an output that cannot be written.
            PartlyDone: some could not be completed; the others are.
        """
        jobs = self._plan(inputs, out, ending)
        form = jobs[0][2].suffix.removeprefix(".")
        left = [job for job in jobs if not (skip and job[2].exists())]
        there = [job[2] for job in left if job[2].exists()]
        if there and not force:
            raise UserError(f"{there[0]}: already exists; --force replaces it", code="output.exists")
        failed: list[Refusal] = []
        with Stages(delay=1.0) as progress:
            for k, (store, name, target) in enumerate(left):
                try:
                    whole = self._completed(ShapeSet(name, "volume", store, [(name, None)]))
                    with atomic_files(target.parent) as folder:
                        (written,) = self.signal.file_formats[form](whole[None], folder, 0, self.spec)
                        written.rename(folder / target.name)
                except (BadItem, OSError) as error:
                    failed.append(Refusal(name, str(error)))
                progress("volumes", k + 1, len(left))
        if failed and (len(jobs) == 1 or len(failed) == len(left)):
            raise UserError(failed[0].why, code="translate.failed")
        if (inputs.is_dir() or len(jobs) > 1) and (file := listed(failed, out / "refused.json")):
            raise PartlyDone(failed, file)
        return f"{len(left)} volume{'s' * (len(left) != 1)}: {out}"

    def _plan(self, inputs: Path, out: Path, form: str | None) -> list[tuple[Store, str, Path]]:
        """(store, name, output) of each volume."""
        if not inputs.exists():
            raise UserError(f"{inputs}: no such file or folder", code="data.not_found")
        several = inputs.is_dir() or inputs.suffix.lower() == ".zip"
        form = form or (out.suffix.removeprefix(".") if not several and out.suffix else "npy")
        if form.lower().lstrip(".") not in self.signal.file_formats:
            raise UserError(
                f"--format {form}: volumes are written as {', '.join(self.signal.file_formats)}",
                code="output.unsupported_format",
            )
        kind = "." + form.lower().lstrip(".")
        if not several:
            target = out if out.suffix else out / f"{inputs.stem}{kind}"
            if target.exists() and target.samefile(inputs):
                raise UserError(f"{target}: is the input, which is never overwritten", code="output.is_the_input")
            return [(FolderStore(inputs.parent), inputs.name, target)]
        if out.exists() and inputs.is_dir() and out.samefile(inputs):
            raise UserError(f"--out {out}: is the folder of the inputs; choose another", code="output.is_the_input")
        store: Store = FolderStore(inputs) if inputs.is_dir() else ZipStore(inputs)
        names = [name for name in sorted(store.names()) if is_shape(name)]
        if not names:
            raise UserError(f"{inputs}: contains no volumes", code="data.empty")
        return [(store, name, out / f"{name.removesuffix('.gz').removesuffix(ending(name))}{kind}") for name in names]
