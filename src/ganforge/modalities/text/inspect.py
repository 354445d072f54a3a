"""What `ganforge data inspect` says of texts."""

from __future__ import annotations

from collections import Counter

import numpy as np

from ganforge.core.dataset import Dataset
from ganforge.modalities.text import choose, tokens
from ganforge.modalities.text.text_set import TextSet
from ganforge.recipes import fitting
from ganforge.signals import Inspection

SHOWN, WIDE = 5, 100


def inspection(dataset: Dataset) -> Inspection:
    """Number, lengths, characters, labels, and what was assumed or repaired."""
    assert isinstance(dataset, TextSet)
    kind = choose.tokenizer_for(dataset.known)
    codec = tokens.Codec({"tokenizer": kind, "tokens": tokens.vocabulary(dataset.known, kind, 4_094)})
    lengths = np.array([len(codec.encode(text)) for text in dataset.texts])
    letters = Counter(letter for text in dataset.texts for letter in text)
    fits = fitting.fitting(dataset)
    labels = {} if dataset.labels is None else {
        name: int((dataset.labels == k).sum()) for k, name in enumerate(dataset.classes)
    }  # fmt: skip
    facts = {
        "name": dataset.name,
        "count": len(dataset),
        "distinct": len(set(dataset.texts)),
        "tokenizer": kind,
        "tokens": {"min": int(lengths.min()), "median": float(np.median(lengths)), "max": int(lengths.max())},
        "vocabulary": tokens.size({"tokenizer": kind, "tokens": codec.tokens}),
        "characters": len(letters),
        "labels": labels,
        "notes": list(dataset.understood),
        "skipped": [f"{where}: {why}" for where, why in dataset.skipped],
        "recipes": fitting.to_plain(fits),
        "hints": [],
    }

    def shown():
        span = f"{lengths.min()} to {lengths.max()} tokens ({kind}), half of them up to {np.median(lengths):.0f}"
        lines = [
            f"{dataset.name}: {len(dataset):,} texts, {facts['distinct']:,} of them distinct; {span}",
            f"{len(letters):,} different characters; vocabulary of {facts['vocabulary']:,} tokens",
            *dataset.understood,
        ]
        if labels:
            many = sorted(labels.items(), key=lambda item: -item[1])
            more = f" and {len(many) - 12} more" if len(many) > 12 else ""
            lines.append(f"{len(many)} labels: {', '.join(f'{name} ({n:,})' for name, n in many[:12])}{more}")
        lines += [f"skipped: {where}: {why}" for where, why in dataset.skipped[:SHOWN]]
        places = np.unique(np.linspace(0, len(dataset) - 1, SHOWN).round().astype(int))
        lines += ["", *(f"  {dataset.texts[k][:WIDE]}{'…' * (len(dataset.texts[k]) > WIDE)}" for k in places)]
        return [*lines, "", fitting.as_table(fits)]

    return Inspection(facts, shown)
