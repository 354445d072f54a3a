"""What is there to look at: grids of fakes and of reals, walks through latent space, nearest training samples.

A sample is drawn by its signal (`Signal.render`), whatever it is; a signal that draws nothing gets no pictures.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from ganforge.evaluation.report.content import Picture
from ganforge.evaluation.subject import Subject
from ganforge.metrics.base import Side
from ganforge.modalities.image.pixels import to_depth, to_mode
from ganforge.modalities.pair.full_images import SAME
from ganforge.signals import Signal

COLUMNS = 10
MOST_ROWS = 10
WALK = 12
PAIRS = 12
PICTURES = ("image", "pair")
ROWS, PART = 6, 192
"""Whole pictures that are shown, and how many px of each."""


def pictures(subject: Subject, neighbours: Sequence[dict[str, Any]], seed: int) -> Iterator[Picture]:
    """All that can be shown of a subject.

    Args:
        neighbours: pairs {sample, train, distance} of fakes and their nearest training samples, nearest first.
        seed: the latents of the walks.
    """
    if type(subject.signal).render is Signal.render or subject.signal.kind == "table":
        return  # what a table looks like, its metrics draw column by column
    yield from sides(subject) if subject.wholes is None else side_by_side(subject)
    if subject.model is not None:
        yield from walks(subject, seed)
    yield from nearest(subject, neighbours[:PAIRS])


def sides(subject: Subject) -> Iterator[Picture]:
    """Real beside fake: one row a class where both have labels, else the first ones of each."""
    real, fake = subject.real, subject.fake
    if real.labels is not None and fake.labels is not None:
        shown = [k for k in range(len(subject.classes)) if (real.labels == k).any() and (fake.labels == k).any()]
        rows = [(places(side, shown[:MOST_ROWS]), side) for side in (fake, real)]
        names = tuple(subject.classes[k] for k in shown[:MOST_ROWS])
        said = "One row a class."
    else:
        rows = [(spread(side.n, COLUMNS * 8), side) for side in (fake, real)]
        names, said = (), "Drawn without choice."
    if subject.signal.kind not in PICTURES:  # points are drawn into one picture, for which two rows are few
        rows = [(spread(side.n, 2_000), side) for side in (fake, real)]
        names, said = (), f"{min(subject.fake.n, 2_000):,} of each."
    for (indices, side), title in zip(rows, ("generated" if subject.model else "judged", "real"), strict=True):
        yield Picture(title, f"{side.name}. {said}", drawn(subject, pick(side, indices), COLUMNS), names, half=True)


def side_by_side(subject: Subject) -> Iterator[Picture]:
    """Parts of whole pictures, px for px: source, what it is without a model, what was made of it, the real one."""
    wholes = subject.wholes
    assert wholes is not None
    columns = {"source": wholes.source, "made": wholes.made, "real": wholes.real}
    if wholes.baseline is not None and wholes.baseline.name != SAME:
        columns = {"source": wholes.source, wholes.baseline.name: wholes.baseline, **columns}
    shown = {title: side for title, side in columns.items() if side is not None}
    rows = spread(wholes.real.n, ROWS)
    side = min(PART, *(min(wholes.sizes[row]) for row in rows))
    found = {title: parts_of_pictures(one, rows, side) for title, one in shown.items()}
    samples = np.stack([found[title][k] for k in range(len(rows)) for title in shown])
    yield Picture(
        "generated" if subject.model else "judged",
        f"The middle {side} px of each picture, px for px. From left to right: {', '.join(shown)}.",
        drawn(subject, samples, len(shown)),
        tuple(wholes.names[row] for row in rows),
    )


def parts_of_pictures(side: Side, rows: Sequence[int], length: int) -> list[np.ndarray]:
    """The middle `length` px of some pictures of any size, uint8 [length, length, 3]."""
    found = []
    for k, part in enumerate(side.draw(1)):
        if k in rows:
            item = to_mode(to_depth(part[0], 8), "RGB", 255)
            top, left = ((size - length) // 2 for size in item.shape[:2])
            found.append(item[top : top + length, left : left + length])
    return found


def walks(subject: Subject, seed: int) -> Iterator[Picture]:
    """Rows from one latent to the next: a generator that learnt by heart jumps, another changes smoothly."""
    model = subject.model
    assert model is not None
    if subject.signal.kind != "image" or not model.recipe.task.can_sample:
        return
    labels = list(range(len(model.labels)))[:4] if model.labels else [None] * 4
    rows = [model.walk([seed + 2 * k, seed + 2 * k + 1], frames=WALK, label=label) for k, label in enumerate(labels)]
    names = tuple("" if label is None else model.labels[label] for label in labels)
    yield Picture(
        "interpolation",
        "Each row leads from one latent to another along an arc. Smooth is good; jumps between a few pictures are not.",
        drawn(subject, np.concatenate(rows), WALK),
        names if any(names) else (),
    )


def nearest(subject: Subject, pairs: Sequence[dict[str, Any]]) -> Iterator[Picture]:
    if not pairs:
        return
    fake = pick(subject.fake, [pair["sample"] for pair in pairs])
    train = pick(subject.real, [pair["train"] for pair in pairs])
    yield Picture(
        "nearest training samples",
        f"The {len(pairs)} fakes that come nearest to a training sample, of all {subject.fake.n:,}, each above that "
        "sample. Copies would be seen here first.",
        drawn(subject, np.concatenate([fake, train]), len(pairs)),
        ("fake", "nearest real"),
    )


def places(side: Side, classes: Sequence[int]) -> list[int]:
    """The first `COLUMNS` samples of each class, row by row; where a class has fewer they come again."""
    assert side.labels is not None
    found = []
    for k in classes:
        of_class = np.flatnonzero(side.labels == k)
        found += [int(of_class[i % len(of_class)]) for i in range(COLUMNS)]
    return found


def spread(n: int, wanted: int) -> list[int]:
    """Up to `wanted` positions, evenly over all `n`: real sets are often sorted."""
    return sorted(set(np.linspace(0, n - 1, min(n, wanted)).round().astype(int).tolist()))


def pick(side: Side, indices: Sequence[int]) -> np.ndarray:
    """The samples of a side at some positions, in the order asked for."""
    wanted, found, start = set(indices), {}, 0
    for part in side.parts(256, min(side.n, max(indices) + 1)):
        for k in range(start, start + len(part)):
            if k in wanted:
                found[k] = part[k - start]
        start += len(part)
    return np.stack([found[k] for k in indices])


def drawn(subject: Subject, samples: np.ndarray, columns: int) -> bytes:
    """Samples as a PNG."""
    (media,) = subject.signal.render(samples, subject.spec, columns)
    return media.data
