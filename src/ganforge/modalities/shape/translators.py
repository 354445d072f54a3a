"""Trained models that make volumes, at work on files and arrays: of parts of volumes, and of images.

A part keeps its place in the grid. A mesh has no place in one, since only its visible part is known: it is refused.
"""

from __future__ import annotations

from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from ganforge.core.dataset import BadItem
from ganforge.core.errors import UserError
from ganforge.core.files import atomic_files, check_new, refuse_input
from ganforge.core.progress import Stages
from ganforge.core.refusals import PartlyDone, Refusal, listed
from ganforge.core.words import counted
from ganforge.data.store import FolderStore, Store
from ganforge.data.zip_store import ZipStore
from ganforge.modalities.shape import images
from ganforge.modalities.shape.formats.parts import Grid
from ganforge.modalities.shape.signal import Shaped
from ganforge.modalities.shape.source import ShapeSet, ending, is_shape
from ganforge.modalities.shape.views import Volumes

if TYPE_CHECKING:
    from ganforge.artifacts.bundle import Bundle

IMAGES = (".png", ".jpg", ".jpeg", ".webp", ".bmp", ".tif", ".tiff")


class VolumeMaker:
    """A model that makes volumes of something else.

    Args:
        bundle: the trained model.
        name: what the user calls it, for messages.
    """

    reads: str
    """What it makes volumes of, in the plural."""

    def __init__(self, bundle: Bundle, name: str):
        self.bundle, self.name, self.spec = bundle, name, bundle.spec
        signal = bundle.recipe.signal.at(bundle.spec)
        assert isinstance(signal, Shaped)
        self.signal: Any = signal

    def takes(self, name: str) -> bool:
        """Whether a file in a folder is an input, by its name."""
        raise NotImplementedError

    def stem(self, name: str) -> str:
        """A file's name without its extension."""
        return str(PurePosixPath(name).with_suffix(""))

    def source_of_file(self, store: Store, name: str) -> Tensor:
        """A file as the nets see it, [1, ...]; raises `BadItem`."""
        raise NotImplementedError

    def source_of_object(self, source: Any) -> Tensor:
        """An array or another object as the nets see it, [1, ...]; raises `BadItem`."""
        raise NotImplementedError

    def translated(self, source: Any, mask: Any = None) -> np.ndarray:
        """The volume, as the model's samples are, of a file or of an array.

        Raises:
            UserError: nothing that can be read, or a mask.
        """
        if mask is not None:
            raise UserError(f"{self.name}: volumes take no mask: leave it out", code="translate.mask_not_taken")
        try:
            if isinstance(source, (str, Path)):
                return self._made(self.source_of_file(FolderStore(Path(source).parent), Path(source).name))
            return self._made(self.source_of_object(source))
        except BadItem as error:
            raise UserError(str(error), code="data.unreadable") from None

    def _made(self, source: Tensor) -> np.ndarray:
        return self.signal.decode(self.bundle.translated(source), self.spec)[0]

    def translate_files(self, inputs: Path, out: Path, *, ending: str | None, skip: bool, force: bool) -> str:
        """Makes volumes of a file, or of all in a folder or a zip; returns what to say of it.

        Raises:
            UserError: nothing to do, or an output that cannot be written.
            PartlyDone: some could not be made; the others are.
        """
        jobs = self._plan(inputs, out, ending)
        form = jobs[0][2].suffix.removeprefix(".")
        left = [job for job in jobs if not (skip and job[2].exists())]
        check_new(*(job[2] for job in left), force=force)
        failed: list[Refusal] = []
        with Stages(delay=1.0) as progress:
            for k, (store, name, target) in enumerate(left):
                try:
                    volume = self._made(self.source_of_file(store, name))
                    with atomic_files(target.parent) as folder:
                        (written,) = self.signal.file_formats[form](volume[None], folder, 0, self.spec)
                        written.rename(folder / target.name)
                except (BadItem, OSError) as error:
                    failed.append(Refusal(name, str(error)))
                progress("volumes", k + 1, len(left))
        if failed and (len(jobs) == 1 or len(failed) == len(left)):
            raise UserError(failed[0].why, code="translate.failed")
        if (inputs.is_dir() or len(jobs) > 1) and (file := listed(failed, out / "refused.json")):
            raise PartlyDone(failed, file)
        return f"{counted(len(left), 'volume')}: {out}"

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
            refuse_input(target, inputs)
            return [(FolderStore(inputs.parent), inputs.name, target)]
        refuse_input(out, inputs)
        store: Store = FolderStore(inputs) if inputs.is_dir() else ZipStore(inputs)
        names = [name for name in sorted(store.names()) if self.takes(name)]
        if not names:
            raise UserError(f"{inputs}: contains no {self.reads}", code="data.empty")
        return [(store, name, out / f"{self.stem(name)}{kind}") for name in names]


class FileCompleter(VolumeMaker):
    """Makes whole volumes of parts."""

    reads = "volumes"

    def takes(self, name: str) -> bool:
        return is_shape(name)

    def stem(self, name: str) -> str:
        return name.removesuffix(".gz").removesuffix(ending(name))

    def source_of_file(self, store: Store, name: str) -> Tensor:
        return self._source(ShapeSet(name, "volume", store, [(name, None)]))

    def source_of_object(self, source: Any) -> Tensor:
        arrays = {"the array": np.asarray(source)[None]}
        return self._source(ShapeSet("the array", "volume", None, [("the array", 0)], arrays=arrays))

    def _source(self, one: ShapeSet) -> Tensor:
        if not isinstance(one.shape(0), Grid):
            raise BadItem(
                one.describe(0), "no volume: only volumes (npy, npz, binvox) say where in the grid a part lies"
            )
        item = Volumes(one, self.spec.shape[1]).read(0)
        if item.shape[0] != self.spec.shape[0]:
            raise BadItem(one.describe(0), f"has {item.shape[0]} channels, and the model takes {self.spec.shape[0]}")
        return torch.from_numpy(self.signal.prepare(item, self.spec)).float()[None]


class ImageReader(VolumeMaker):
    """Makes volumes of images: files, Pillow images, or uint8 arrays [H, W], [H, W, 3] or [H, W, 4]."""

    reads = "images"

    def takes(self, name: str) -> bool:
        return name.lower().endswith(IMAGES)

    def source_of_file(self, store: Store, name: str) -> Tensor:
        from PIL import Image

        try:
            with Image.open(store.open(name)) as image:
                return self._source(image)
        except (OSError, ValueError, SyntaxError) as error:  # as Pillow fails on damaged files
            raise BadItem(name, f"no image that can be read ({error})") from None

    def source_of_object(self, source: Any) -> Tensor:
        from PIL import Image

        if isinstance(source, Image.Image):
            return self._source(source)
        array = np.asarray(source)
        if array.dtype != np.uint8 or array.ndim not in (2, 3) or (array.ndim == 3 and array.shape[2] not in (3, 4)):
            raise BadItem(
                "the image", f"expected uint8 [H, W], [H, W, 3] or [H, W, 4], got {array.dtype} {list(array.shape)}"
            )
        return self._source(Image.fromarray(array))

    def _source(self, image: Any) -> Tensor:
        return torch.from_numpy(images.of_file(image, self.spec.state["image"]))[None]
