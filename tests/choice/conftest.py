from __future__ import annotations

import numpy as np
import pytest
from PIL import Image


@pytest.fixture
def place(tmp_path, monkeypatch):
    """The working folder, with ./photos in it: two classes of forty images of 8×8 px, and ten/ of ten images."""
    draws = np.random.default_rng(0)
    for folder, count in (("photos/a", 40), ("photos/b", 40), ("ten", 10)):
        (tmp_path / folder).mkdir(parents=True)
        for k in range(count):
            picture = draws.integers(0, 255, (8, 8), np.uint8)
            Image.fromarray(picture).save(tmp_path / folder / f"{k}.png")
    monkeypatch.chdir(tmp_path)
    return tmp_path
