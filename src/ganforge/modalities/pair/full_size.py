"""Images that are evaluated at their own sizes, each with its target.

There are two kinds: the outputs of a model of pairs that was trained on patches, and two sets of files paired by
name.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np

from ganforge.core.language import listed, phrase, sentences
from ganforge.core.types import Spec
from ganforge.evaluation.report.content import Panel
from ganforge.evaluation.report.gallery import spread
from ganforge.evaluation.subject import Run, Sets, Subject, Subjects, title_of
from ganforge.metrics.base import SampleSet
from ganforge.modalities.image.pixels import to_depth, to_mode
from ganforge.modalities.image.signal import Image
from ganforge.modalities.pair.full_images import SAME, FullImages, by_name, translated
from ganforge.modalities.pair.signal import Pair
from ganforge.modalities.pair.translate import ImageTranslator
from ganforge.signals import Signal

NOT_RESIZED = phrase("Pairs were compared at their own sizes; --size applies only to metrics that compare sets.")
ROWS, PART = 6, 192
"""Images that are shown, and how many px of each."""


class FullSize(Subjects, kind="full-size"):
    """Images of any size, evaluated pair by pair; metrics of sets see patches, or images resized to one size."""

    def of_run(self, run: Run) -> Subject | None:
        signal = run.model.recipe.signal
        pairwise = run.metrics is None or any(metric.any_size for metric in run.metrics)
        if not isinstance(signal, Pair) or not signal.patches or not pairwise:
            return None
        use = run.model.translator()
        assert isinstance(use, ImageTranslator)
        full = translated(use, run.source.open(), run.name, run.seed, run.n, run.progress)
        model = run.model
        trained = phrase(
            "Recipe {recipe}, {seen:,} real samples seen in training.", recipe=model.recipe.name, seen=model.samples
        )

        def patches() -> Subject:
            sets = run.general()
            return replace(sets, provenance=sets.provenance | {"pictures": "patches"})

        return Subject(
            run.name, signal, model.spec, full.real, full.made, run.provenance | {"pictures": "whole"},
            model=model, folder=run.folder, notes=(*run.notes, *unread(full.left_out)), paired=True,
            baseline=full.baseline, sizes=full.sizes, as_sets=patches,
            lead=sentences([lead_of(run.name, full), trained]), facts=facts_of(full),
            panels=lambda: side_by_side(full, signal, model.spec, "generated"),
        )  # fmt: skip

    def of_sets(self, sets: Sets) -> Subject | None:
        if not any(metric.any_size for metric in sets.metrics or ()):
            return None
        fields = dict(sets.fields)
        resized = fields.pop("size", None) is not None
        mode = fields.get("mode")
        full = by_name(*sets.sets, mode, sets.progress)
        signal = Image(mode=mode or "auto")
        spec = signal.spec(sets.sets[0], lambda shape: shape)
        return Subject(
            title_of(sets.names), signal, spec, full.real, full.made,
            {"split": "all", "pictures": "whole", **fields},
            notes=(*unread(full.left_out), *([NOT_RESIZED] if resized else [])), paired=True,
            sizes=full.sizes, as_sets=sets.general,
            lead=lead_of(full.made.name, full), facts=facts_of(full),
            panels=lambda: side_by_side(full, signal, spec, "judged"),
        )  # fmt: skip


def lead_of(maker: str, full: FullImages) -> str:
    return phrase(
        "{n:,} full-size images of {maker}, each compared with its target in {real}.",
        n=full.made.n, maker=maker, real=full.real.name,
    )  # fmt: skip


def facts_of(full: FullImages) -> dict[str, str]:
    sides = sorted({f"{width}×{height}" for height, width in full.sizes})
    images = sides[0] if len(sides) == 1 else phrase("{count} sizes", count=len(sides))
    return {"images": images, "targets": full.real.name}


def unread(reasons: Sequence[str]) -> tuple[str, ...]:
    """A sentence on images that could not be read; none where all could."""
    if not reasons:
        return ()
    return (phrase("Left out because they cannot be read: {names}.", names=listed(reasons, 3)),)


def side_by_side(full: FullImages, signal: Signal, spec: Spec, title: str) -> Iterator[Panel]:
    """Crops at full resolution: the source, the result without a model, the output, the target."""
    columns: dict[str, SampleSet | None] = {
        phrase("source"): full.source, phrase("made"): full.made, phrase("real"): full.real
    }  # fmt: skip
    if full.baseline is not None and full.baseline.name != SAME:
        columns = {phrase("source"): full.source, full.baseline.name: full.baseline, **columns}
    shown = {name: side for name, side in columns.items() if side is not None}
    rows = spread(full.real.n, ROWS)
    side = min(PART, *(min(full.sizes[row]) for row in rows))
    found = {name: middles(one, rows, side) for name, one in shown.items()}
    samples = np.stack([found[name][k] for k in range(len(rows)) for name in shown])
    yield Panel(
        title,
        phrase("The center {side} px of each image, at full resolution.", side=side),
        tuple(signal.render(samples, spec, len(shown))),
        tuple(full.names[row] for row in rows),
        tuple(shown),
    )


def middles(side: SampleSet, rows: Sequence[int], length: int) -> list[np.ndarray]:
    """The middle `length` px of some images of any size, uint8 [length, length, 3]."""
    found = []
    for k, part in enumerate(side.draw(1)):
        if k in rows:
            item = to_mode(to_depth(part[0], 8), "RGB", 255)
            top, left = ((size - length) // 2 for size in item.shape[:2])
            found.append(item[top : top + length, left : left + length])
    return found
