"""Using a trained model.

model = load("runs/0003-dcgan")
images = model.sample(64, seed=0, label=3)
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, TypeVar, overload

import numpy as np

from ganforge.core.errors import UserError
from ganforge.inference.prepared import load as load_prepared
from ganforge.inference.walking import Walking
from ganforge.inference.where import Where, as_texts
from ganforge.tasks.user_translators import ChangesAttributes, TranslatesFile, TranslatesFiles, UserTranslator

T = TypeVar("T")

Image = Any
"""An image in memory (a Pillow image, an array, a tensor), or the path of an image file."""


def load(path: Path | str, device: str | None = None, precision: str = "fp32") -> Model:
    """Loads the model of a run directory or of a `model.safetensors` file.

    Args:
        path: a run directory such as `runs/0003-dcgan`, or the model file in it.
        device: "cpu", "cuda", "cuda:1", "mps"; by default the best available.
        precision: of sampling, walks and translations. "fp32": as the weights are; "bf16": 1.5 to 3 times as fast
            on CPUs with AVX-512 BF16 or AMX, with slightly different samples (docs/performance.md); "auto": bf16 for
            images on such a CPU or a GPU that supports it, else fp32.

    Raises:
        UserError: it does not exist, is truncated, or is of another kind (pickles are never loaded).
    """
    return Model(load_prepared(path, device, precision), Path(path))


class Model(Walking):
    """A trained generator, ready to use. Sampling does not use global random state.

    Attributes:
        folder: the run directory or model file that it was loaded from.
        recipe: the recipe that it was trained with.
        spec: shape, labels and decoding of a sample.
        samples: number of real samples seen during training, over all passes.
        labels: the names of its classes; empty for an unconditional model.
        privacy: the privacy guarantee for its training samples (ε, δ and the method); empty without one.
    """

    @overload
    def translate(
        self,
        image: Path | str,
        mask: Image | None = None,
        direction: str | None = None,
        tile: int | None = None,
        where: Where = (),
    ) -> np.ndarray: ...
    @overload
    def translate(
        self,
        image: list[T],
        mask: Image | None = None,
        direction: str | None = None,
        tile: int | None = None,
        where: Where = (),
    ) -> list[T]: ...
    @overload
    def translate(
        self,
        image: T,
        mask: Image | None = None,
        direction: str | None = None,
        tile: int | None = None,
        where: Where = (),
    ) -> T: ...
    def translate(
        self,
        image: Image | Sequence[Image],
        mask: Image | None = None,
        direction: str | None = None,
        tile: int | None = None,
        where: Where = (),
    ) -> Any:
        """Translates images of any size.

            fixed = gf.load("runs/0010-inpaint").translate(image, mask=mask)

        Args:
            image: a file; a Pillow image; an array or a tensor [H, W], [H, W, C] or [C, H, W] with C 1 (gray),
                2 (gray, alpha), 3 or 4, of uint8, uint16 or floats in [0, 1] or [-1, 1]; several of these in one array
                [N, ...] of images of one size; or a list.
            mask: white where images are to be filled in, of the same size; for inpainting models.
            direction: "ab" or "ba", for models with both directions; by default the first.
            tile: side in px of the tiles into which large images are split; by default about a million px per tile.
            where: for models that change attributes, what images are to have: "color=blue", {"color": "blue"}.

        Returns:
            The type of the input: for a file uint8 [H, W, C] (uint16 for 16-bit images); for a Pillow image a Pillow
                image; for an array or tensor one of the same layout and range; for a list a list. Alpha is kept.

        Raises:
            UserError: the model is not a translator, has no such direction, or was trained on images of another kind.
        """
        use = self.translator(direction, tile, where)
        if isinstance(image, (list, tuple)):
            return [use.translated(one, mask) for one in image]
        return use.translated(image, mask)

    def translate_file(
        self,
        source: Path,
        out: Path,
        mask: Path | None = None,
        direction: str | None = None,
        tile: int | None = None,
        where: Where = (),
    ) -> None:
        """Translates one file to a new file, as `ganforge translate SOURCE --out OUT` does.

        Raises:
            UserError: as `translate`, or the output cannot be written in the format that its name asks for.
        """
        use = self.translator(direction, tile, where)
        if isinstance(use, TranslatesFiles):
            if mask is not None:
                raise UserError("this model takes no mask: leave it out", code="translate.mask_not_taken")
            use.translate_files(source, out, ending=None, skip=False, force=True)
        elif isinstance(use, TranslatesFile):
            use.translate_file(source, out, mask)
        else:
            raise UserError(
                f"{self.folder}: this model ({self.recipe.name}) translates no files", code="translate.not_a_translator"
            )

    def translator(self, direction: str | None = None, tile: int | None = None, where: Where = ()) -> UserTranslator:
        """The translator that `translate` uses; raises the same errors."""
        found = self.recipe.task.user_translator(self.bundle, str(self.folder), direction, tile)
        if texts := as_texts(where):
            if not isinstance(found, ChangesAttributes):
                raise UserError(
                    f"where {texts[0]!r}: this model ({self.recipe.name}) was not trained to change attributes, as "
                    "stargan-small is. Leave it out",
                    code="translate.where_not_taken",
                )
            found.ask(texts)
        return found
