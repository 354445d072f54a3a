"""What there is to see or to hear: some of the fakes and of the reals, walks through latent space, nearest neighbors.

A sample is drawn by its signal (`Signal.render`), whatever it is, and laid out as its signal says (`Signal.gallery`).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from ganforge.evaluation.report.content import Panel
from ganforge.evaluation.subject import Subject
from ganforge.metrics.base import SampleSet
from ganforge.signals import Gallery

MOST_ROWS = 10
WALK = 12
PAIRS = 12


def panels(subject: Subject, neighbors: Sequence[dict[str, Any]], seed: int) -> Iterator[Panel]:
    """All that can be shown of a subject.

    Args:
        neighbors: pairs {sample, train, distance} of fakes and their nearest training samples, nearest first.
        seed: the latents of the walks.
    """
    layout = subject.signal.gallery
    if layout is None:
        return
    yield from sides(subject, layout) if subject.panels is None else subject.panels()
    if layout.walks:
        yield from walks(subject, seed)
    yield from nearest(subject, neighbors[:PAIRS])


def sides(subject: Subject, layout: Gallery) -> Iterator[Panel]:
    """Real next to fake: one row a class where both have labels, else some that are spread over each."""
    real, fake = subject.real, subject.fake
    rows, names, said = [(spread(side.n, layout.most), side) for side in (fake, real)], (), "Not cherry-picked."
    if layout.together:
        said = f"{min(fake.n, layout.most):,} of each."
    elif real.labels is not None and fake.labels is not None:
        both = [k for k in range(len(subject.classes)) if (real.labels == k).any() and (fake.labels == k).any()]
        rows = [(places(side, both[:MOST_ROWS], layout.columns), side) for side in (fake, real)]
        names, said = tuple(subject.classes[k] for k in both[:MOST_ROWS]), "One row per class."
    for (indices, side), title in zip(rows, ("generated" if subject.model else "evaluated", "real"), strict=True):
        samples = pick(subject, side, indices)
        yield from shown(subject, title, f"{side.name}. {said}", samples, layout.columns, names, half=True)


def walks(subject: Subject, seed: int) -> Iterator[Panel]:
    """Rows from one latent to the next: a generator that memorizes jumps, another one changes smoothly."""
    model = subject.model
    if model is None or not model.recipe.task.can_sample:
        return
    labels = list(range(len(model.labels)))[:4] if model.labels else [None] * 4
    rows = [model.walk([seed + 2 * k, seed + 2 * k + 1], frames=WALK, label=label) for k, label in enumerate(labels)]
    names = tuple("" if label is None else model.labels[label] for label in labels)
    yield from shown(
        subject,
        "interpolation",
        "Each row leads from one latent to another along an arc. Smooth is good; jumps between a few images are not.",
        subject.signal.join(rows, subject.spec),
        WALK,
        names if any(names) else (),
    )


def nearest(subject: Subject, pairs: Sequence[dict[str, Any]]) -> Iterator[Panel]:
    if not pairs:
        return
    fake = pick(subject, subject.fake, [pair["sample"] for pair in pairs])
    train = pick(subject, subject.real, [pair["train"] for pair in pairs])
    yield from shown(
        subject,
        "nearest training samples",
        f"The {len(pairs)} fakes that come nearest to a training sample, of all {subject.fake.n:,}, each above that "
        "sample. Copies would be seen here first.",
        subject.signal.join([fake, train], subject.spec),
        len(pairs),
        ("fake", "nearest real"),
    )


def shown(
    subject: Subject, title: str, caption: str, samples: Any, columns: int, rows: Sequence[str], half: bool = False
) -> Iterator[Panel]:
    """Samples as their signal renders them; nothing where it renders nothing."""
    media = subject.signal.render(samples, subject.spec, columns)
    if media:
        yield Panel(title, caption, tuple(media), tuple(rows), half)


def places(side: SampleSet, classes: Sequence[int], columns: int) -> list[int]:
    """The first `columns` samples of each class, row by row; where a class has fewer they come again."""
    assert side.labels is not None
    found = []
    for k in classes:
        of_class = np.flatnonzero(side.labels == k)
        found += [int(of_class[i % len(of_class)]) for i in range(columns)]
    return found


def spread(n: int, wanted: int) -> list[int]:
    """Up to `wanted` positions, evenly over all `n`: real sets are often sorted."""
    return sorted(set(np.linspace(0, n - 1, min(n, wanted)).round().astype(int).tolist()))


def pick(subject: Subject, side: SampleSet, indices: Sequence[int]) -> Any:
    """The samples of a side at some positions, in the order asked for."""
    wanted, found, start = set(indices), {}, 0
    for part in side.parts(256, min(side.n, max(indices) + 1)):
        for k in range(start, start + len(part)):
            if k in wanted:
                found[k] = part[k - start : k - start + 1]
        start += len(part)
    return subject.signal.join([found[k] for k in indices], subject.spec)
