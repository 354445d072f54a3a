"""What there is to see or to hear: some of the fakes and of the reals, walks through latent space, nearest neighbors.

A sample is drawn by its signal (`Signal.render`), whatever it is, and laid out as its signal says (`Signal.gallery`).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from ganforge.core.language import phrase
from ganforge.core.types import Request
from ganforge.evaluation.report.content import Panel
from ganforge.evaluation.subject import Subject
from ganforge.inference.conditions import strip
from ganforge.inference.model import Model
from ganforge.metrics.base import SampleSet
from ganforge.signals import Gallery

MOST_ROWS = 10
WALK = 12
PAIRS = 12
PAIR_ROWS = 8
"""Pairs whose source, output and target are shown."""


def panels(subject: Subject, neighbors: Sequence[dict[str, Any]], seed: int) -> Iterator[Panel]:
    """All that can be shown of a subject.

    Args:
        neighbors: pairs {sample, train, distance} of fakes and their nearest training samples, nearest first.
        seed: the latents of the walks.
    """
    layout = subject.signal.gallery
    if layout is None:
        return
    if subject.panels is not None:
        yield from subject.panels()
    elif subject.paired and subject.real.sources is not None:
        yield from beside(subject)
    else:
        yield from sides(subject, layout)
    if layout.walks:
        yield from walks(subject, seed)
    yield from nearest(subject, neighbors[:PAIRS])


def sides(subject: Subject, layout: Gallery) -> Iterator[Panel]:
    """Real next to fake: one row a class where both have labels, else some that are spread over each."""
    real, fake = subject.real, subject.fake
    rows, names = [(spread(side.n, layout.most), side) for side in (fake, real)], ()
    said = phrase("Spread evenly over all of them.")
    if layout.together:
        said = phrase("{n:,} of each.", n=min(fake.n, layout.most))
    elif real.labels is not None and fake.labels is not None:
        both = [k for k in range(len(subject.classes)) if (real.labels == k).any() and (fake.labels == k).any()]
        rows = [(places(side, both[:MOST_ROWS], layout.columns), side) for side in (fake, real)]
        names, said = tuple(subject.classes[k] for k in both[:MOST_ROWS]), phrase("One row per class.")
    for (indices, side), title in zip(rows, ("generated" if subject.model else "evaluated", "real"), strict=True):
        samples = pick(subject, side, indices)
        caption = phrase("{name}. {said}", name=side.name, said=said)
        yield from shown(subject, title, caption, samples, layout.columns, names, half=True)


def beside(subject: Subject) -> Iterator[Panel]:
    """Of pairs: each source, what was made of it and the real image, side by side."""
    rows = spread(subject.real.n, PAIR_ROWS)
    signal = subject.signal
    targets = pick(subject, subject.real, rows)
    assert subject.real.sources is not None
    sources = signal.shown_sources(pick(subject, subject.real.sources, rows), targets, subject.spec)
    parts = [sources, pick(subject, subject.fake, rows), targets]
    samples = signal.join([part[k : k + 1] for k in range(len(rows)) for part in parts], subject.spec)
    caption = phrase("{name}. Spread evenly over all of them.", name=subject.real.name)
    heads = (phrase("source"), phrase("made"), phrase("real"))
    for side in (0, 1):  # two blocks of rows that stand next to each other
        half = range(side * len(rows) // 2, (side + 1) * len(rows) // 2)
        some = signal.join([samples[3 * k : 3 * k + 3] for k in half], subject.spec) if half else None
        media = signal.render(some, subject.spec, 3) if half else []
        if media:
            yield Panel("source, made, real", caption, tuple(media), columns=heads, half=True)


def walks(subject: Subject, seed: int) -> Iterator[Panel]:
    """Rows from one latent to the next: a generator that memorizes jumps, another one changes smoothly."""
    model = subject.model
    if model is None or not model.recipe.task.can_sample:
        return
    if model.spec.conditions:
        yield from strips(subject, model, seed)
        return
    labels = model.labels[:4] or [None] * 4
    rows = [model.walk([seed + 2 * k, seed + 2 * k + 1], frames=WALK, label=label) for k, label in enumerate(labels)]
    names = tuple(label or "" for label in labels)
    yield from shown(
        subject,
        "interpolation",
        "Each row leads from one latent to another along an arc. Smooth is good; jumps between a few images are not.",
        subject.signal.join(rows, subject.spec),
        WALK,
        names if any(names) else (),
    )


def strips(subject: Subject, model: Model, seed: int) -> Iterator[Panel]:
    """One row per condition, from one end of it to the other, with everything else unchanged."""
    conditions = model.spec.conditions
    latents = model.latents([seed]).expand(WALK, -1)
    rows = [
        model.bundle.generate(Request(WALK, latents=latents, labels=strip(one.name, conditions, WALK, seed)))
        for one in conditions.each[:MOST_ROWS]
    ]
    yield from shown(
        subject,
        "conditions",
        "In each row one condition goes from one end to the other, and the latent and all other conditions stay. "
        "Nothing else should change.",
        subject.signal.join(rows, subject.spec),
        WALK,
        conditions.names[:MOST_ROWS],
    )


def nearest(subject: Subject, pairs: Sequence[dict[str, Any]]) -> Iterator[Panel]:
    if not pairs:
        return
    fake = pick(subject, subject.fake, [pair["sample"] for pair in pairs])
    train = pick(subject, subject.real, [pair["train"] for pair in pairs])
    yield from shown(
        subject,
        "nearest training samples",
        phrase(
            "The {count} fakes that come nearest to a training sample, of all {n:,}, each above that sample. Copies "
            "would be seen here first.",
            count=len(pairs),
            n=subject.fake.n,
        ),
        subject.signal.join([fake, train], subject.spec),
        len(pairs),
        (phrase("fake"), phrase("nearest real")),
    )


def shown(
    subject: Subject, title: str, caption: str, samples: Any, columns: int, rows: Sequence[str], half: bool = False
) -> Iterator[Panel]:
    """Samples as their signal renders them; nothing where it renders nothing."""
    media = subject.signal.render(samples, subject.spec, columns)
    if media:
        yield Panel(title, caption, tuple(media), tuple(rows), half=half)


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
