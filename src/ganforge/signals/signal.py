"""What a sample is, and everything that depends on it: `Signal`, the base class of all signals."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np
from torch import Tensor

from ganforge.core.commands import command
from ganforge.core.component import Component
from ganforge.core.dataset import Dataset
from ganforge.core.errors import UserError
from ganforge.core.language import phrase
from ganforge.core.media import Media
from ganforge.core.rng import Rng
from ganforge.core.types import Batch, Spec
from ganforge.signals.data_hooks import DataHooks
from ganforge.signals.evaluation_hooks import EvaluationHooks
from ganforge.signals.records import (
    Appender,
    Card,
    Condition,
    Exporter,
    FileUse,
    Nearest,
    Steps,
    Usage,
    Writer,
    save_array,
)


class Signal(DataHooks, EvaluationHooks, Component, family="signal"):
    """What a sample is: how a raw item becomes a tensor, and a tensor what people can see or use.

    Hooks for data sets and for evaluation are in the two bases; `records` holds the types that hooks return.
    """

    # --- what samples are called, what they can be made from and written to

    array_name: ClassVar[str] = "samples"
    """What an array of decoded samples is called in an .npz file; empty: decoded samples are no array."""
    hub_task: ClassVar[str] = ""
    """What the Hugging Face Hub calls what a model of such samples does; empty where it has no name for it."""
    reads: ClassVar[tuple[str, ...]] = ()
    """The signals whose data it can be made from, beside its own: their kinds."""
    exporters: ClassVar[Mapping[str, Exporter]] = {".npy": save_array}
    """How any number of decoded samples become one file: writers by the ending of its name, in small letters."""
    appenders: ClassVar[Mapping[str, Appender]] = {}
    """File extension → exporter that can also write in parts, so that memory never holds all samples: it opens a file
    and returns a function that appends samples to it."""
    file_formats: ClassVar[Mapping[str, Writer]] = {}
    """Other formats than that of `write` in which each sample becomes files of its own, by name (gif, frames)."""
    privacy_hint: ClassVar[str] = ""
    """Where it measures the data, and can do without: what to do for that, as a sentence."""
    tolerates_bf16: ClassVar[bool] = False
    """Whether what bf16 changes in a sample is hardly visible, as measured; `precision auto` then uses it."""
    one_record: ClassVar[str] = ""
    """Why a guarantee for single samples has no meaning, where the data is one sample; empty: it has one."""

    # --- what a sample is, as the data says

    def items(self, dataset: Dataset) -> Dataset:
        """The data set as this signal counts its items: as it is, or cut into parts that each are one. Comes first."""
        return dataset

    def spec(self, dataset: Dataset, nearest: Nearest) -> Spec:
        """The shape of a sample and all that `decode` will need, from the data and from what the nets can reach.

        Raises:
            UserError: the fields of this signal ask for what the nets cannot make (says the nearest that they can).
        """
        raise NotImplementedError

    def at(self, spec: Spec) -> Self:
        """This signal with what it would find in the data, such as a size, fixed to what a spec says."""
        return self

    @property
    def data_statistics(self) -> str:
        """What of the samples' values its spec, and so every model file, holds; empty: sizes and names alone."""
        return ""

    def describe(self, spec: Spec) -> str:
        """What one sample is, as a short phrase: `28×28×1`, `a row of 15 columns`."""
        return "×".join(map(str, spec.shape))

    # --- from the data to batches

    def stored(self, spec: Spec) -> tuple[int, ...]:
        """The shape of a prepared item; by default that of a sample."""
        return spec.shape

    def prepare(self, item: np.ndarray, spec: Spec) -> np.ndarray:
        """A raw item in the compact form that is kept in memory, `stored(spec)`. Deterministic; runs once an item."""
        raise NotImplementedError

    def prepare_all(self, dataset: Dataset, spec: Spec) -> np.ndarray | None:
        """All items as `prepare` gives them, [N, ...], where that is quicker than one by one; else None.

        Prepared items that come this way may have any shape, the same for all.
        """
        return None

    def encode(self, stored: Tensor, spec: Spec, rng: Rng) -> Tensor:
        """Prepared items, [N, *stored(spec)], as the nets see them. May draw (a flip) from `rng`.

        Float32, or `rng.dtype` where that is no more work: the trainer brings what it gets to the dtype of the nets.
        """
        raise NotImplementedError

    def batch(self, stored: Tensor, labels: Tensor | None, spec: Spec, rng: Rng) -> Batch:
        """Prepared items as the tasks see them: encoded, with their labels and, in `extra`, what they were made from.

        Args:
            stored: prepared items, [N, ...], on the device.
            labels: int64 [N], or vectors of conditions float [N, K], or None; left out where the task uses none.
        """
        return Batch(self.encode(stored, spec, rng), labels if spec.for_nets.classes else None)

    def deterministic(self) -> Self:
        """This signal with nothing drawn at each look (no flips, no random crops): how real samples are evaluated."""
        return self

    def batch_size(self, spec: Spec) -> int:
        """How many samples are generated or read together, unless the user says."""
        return 64

    # --- from what the nets made to samples

    def decode(self, x: Tensor, spec: Spec) -> Any:
        """What the nets made, float [N, *spec.shape] on any device, as a user gets it: an array [N, ...] or a table."""
        raise NotImplementedError

    def join(self, parts: Sequence[Any], spec: Spec) -> Any:
        """Decoded parts, one after the other, as one."""
        return np.concatenate(parts)

    def returned(self, samples: Any, spec: Spec) -> Any:
        """Decoded samples as a Python caller gets them who handed over the data: by default as they are."""
        return samples

    def nbytes(self, samples: Any) -> int:
        """What decoded samples take in memory."""
        return samples.nbytes

    def present(self, stored: Tensor, spec: Spec) -> Any:
        """Prepared items, [N, ...], as `decode` would give them if a net made just them, with nothing drawn at random:
        how real samples are shown and evaluated. By default they go through `batch` and `decode`."""
        deterministic = self.deterministic()
        return deterministic.decode(deterministic.batch(stored, None, spec, Rng(0)).x, spec)

    def where(self, texts: Sequence[str], spec: Spec) -> Condition:
        """What `--where` asks for.

        Raises:
            UserError: it has no meaning for such samples.
        """
        raise UserError(
            f"where {' '.join(texts)}: conditions apply to columns of a table, and these samples have no columns. "
            "To sample one class of a conditional model, use --label",
            code="signal.no_columns",
        )

    def where_columns(self, spec: Spec) -> Sequence[Mapping[str, Any]]:
        """What `where` may name, for forms: `name` and `kind` of each column, with its `values` or its `low` and
        `high`; empty of samples without columns."""
        return ()

    def lasting(self, spec: Spec, frames: int | None, fps: float | None) -> tuple[Spec, Mapping[str, Tensor]]:
        """The spec of samples with another length and frame rate than in training, and what produces them: of one
        sample, by name, what goes into `Request.extra`.

        Args:
            frames: number of frames; None: as in training.
            fps: frames per second; None: as in training.

        Raises:
            UserError: the samples have no frames, or a number is out of range.
        """
        raise UserError(
            f"--frames and --fps are for videos, and this model makes {self.noun.many}. Leave them out",
            code="signal.no_frames",
        )

    # --- samples as media, images and files

    def render(self, samples: Any, spec: Spec, columns: int = 8) -> list[Media]:
        """Decoded samples as people can see or hear them; an empty list from a signal that shows nothing.

        Args:
            columns: samples a row, where they are laid out in rows.
        """
        return []

    def frame(self, sample: Any, spec: Spec) -> Any:
        """One decoded sample as uint8 [H, W, 3], for walks and timelapses. Only where `has_frames`."""
        raise NotImplementedError

    @property
    def has_frames(self) -> bool:
        """Whether a sample can be drawn as one image."""
        return type(self).frame is not Signal.frame

    def frames_of(self, samples: Any, spec: Spec) -> list[Any]:
        """Each of several decoded samples as `frame` draws it."""
        return [self.frame(sample, spec) for sample in samples]

    def write(self, samples: Any, folder: Path, start: int, spec: Spec) -> list[Path]:
        """Writes decoded samples as files of their own, numbered from `start`."""
        raise NotImplementedError

    # --- a trained model: what is said of it, and what to do with it

    def file_use(self, model: Any) -> FileUse | None:
        """What a trained model (`inference.Model`) makes of a given file besides translations; None: nothing."""
        return None

    def card(self, spec: Spec) -> Card:
        """What the card of an exported model says of its samples."""
        return Card(phrase("samples of {shape} numbers", shape="×".join(map(str, spec.shape))))

    def usage(self, file: str, spec: Spec) -> Usage:
        """How a model file that makes such samples is used."""
        label = spec.labels[0] if spec.labels else "0" if spec.classes else None
        asked, word = ("", ()) if label is None else (f", label={label!r}", ("--label", label))
        return Usage(
            f'model = gf.load("{file}")\n'
            f"samples = model.sample(64, seed=0{asked})  # sample k of a seed is always the same one",
            command("sample", file, "-n", 64, *word, "--grid", "grid.png"),
        )

    def next_steps(self, folder: Path, spec: Spec) -> Steps:
        """What to do with a trained run that makes such samples."""
        return [
            ("make more", command("sample", folder, "-n", 64, "--grid", "grid.png")),
            ("walk", command("walk", folder, "--from", 1, "--to", 2, "--out", "walk.gif")),
        ]


def signal_of(dataset: Dataset) -> type[Signal]:
    """The class of the signal that a data set is for; the base of all where its source names none."""
    return Signal.kinds.get(dataset.signal, Signal)
