"""Files of series for tests, and the way of their windows through the nets' view and back."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from pathlib import Path

import numpy as np
import pandas as pd
import torch

from ganforge.core.rng import Rng
from ganforge.modalities.series.files import to_frame
from ganforge.modalities.series.signal import Series
from ganforge.modalities.series.source import SeriesFile, SeriesSet

DAYS = [date(2023, 1, 1) + timedelta(days=k) for k in range(120)]
HOURS = [datetime(2023, 5, 1) + timedelta(hours=k) for k in range(200)]


def written(folder: Path, lines: list[str], name: str = "data.csv") -> str:
    path = folder / name
    path.parent.mkdir(exist_ok=True)
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return str(path)


def opened(path: str, **fields) -> SeriesSet:
    found = SeriesFile(path=path, holdout=0.0, **fields).open()
    assert isinstance(found, SeriesSet)
    return found


def said(dataset: SeriesSet, *words: str) -> bool:
    return any(all(word in note for word in words) for note in dataset.notes)


def there_and_back(dataset: SeriesSet, window: int = 24) -> tuple[Series, np.ndarray, pd.DataFrame]:
    """Real windows through the nets' view of them and back: as an array and as a table."""
    signal = Series(window=window)
    items = signal.items(dataset)
    spec = signal.spec(items, lambda shape: shape)
    stored = torch.from_numpy(np.stack([signal.prepare(items.read(k), spec) for k in range(len(items))]))
    assert stored.shape[1:] == spec.shape
    x = signal.encode(stored, spec, Rng(0))
    values = signal.decode(x, spec)
    assert np.array_equal(values, signal.present(stored, spec), equal_nan=True), "noise changes no word and no flag"
    return signal, values, to_frame(values, spec)
