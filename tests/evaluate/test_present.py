"""Real samples are read once and looked at as they are kept, and are the same as if a net had made just them."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
import torch
from judged import TINY, folder_of, shades

from ganforge.core.component import build
from ganforge.core.rng import Rng
from ganforge.core.types import Spec
from ganforge.data.path import PathData
from ganforge.engine.train import train
from ganforge.evaluation.sides import real_samples
from ganforge.modalities.image.signal import Image
from ganforge.modalities.image.sources.folder import PictureDataset
from ganforge.recipes import make_recipe
from ganforge.signals import Signal


def through_the_nets_form(signal: Signal, stored: torch.Tensor, spec: Spec) -> np.ndarray:
    deterministic = signal.deterministic()
    return deterministic.decode(deterministic.batch(stored, None, spec, Rng(3)).x, spec)


@pytest.mark.parametrize("depth", [8, 16])
def test_every_level_is_shown_as_it_is(depth):
    levels = np.arange(2**depth, dtype=np.uint8 if depth == 8 else np.uint16).reshape(-1, 16, 1)
    signal = Image(size=[len(levels), 16], depth=depth)
    spec = Spec((1, len(levels), 16), state={"mode": "L", "depth": depth})
    stored = torch.from_numpy(signal.prepare(levels, spec)[None])
    shown = signal.present(stored, spec)
    assert shown.dtype == levels.dtype
    assert (shown[0] == levels).all()
    assert (shown == through_the_nets_form(signal, stored, spec)).all()


@pytest.mark.parametrize("fields", [{"jitter": 3, "flip": True}, {"jitter": 4}, {"mode": "RGBA", "jitter": 2}])
def test_the_middle_is_shown_of_images_that_are_kept_larger(fields):
    signal = Image(**{"size": 8, "mode": "RGB", **fields})
    spec = Spec((4 if signal.mode == "RGBA" else 3, 8, 8), state={"mode": signal.mode, "depth": 8})
    items = np.random.default_rng(0).integers(0, 256, (5, 20, 17, 4)).astype(np.uint8)
    stored = torch.from_numpy(np.stack([signal.prepare(item, spec) for item in items]))
    assert (signal.present(stored, spec) == through_the_nets_form(signal, stored, spec)).all()


@pytest.mark.parametrize("fields", [{"degrade": "bicubic2"}, {"degrade": "strokes", "flip": True, "turn": True}, {}])
def test_of_pairs_the_target_is_shown(fields):
    signal = build(Signal, {"kind": "pair", "size": 8, "jitter": 4, **fields})
    draws = np.random.default_rng(0)
    state = {"mode": "RGB", "source": {"shape": [3], "mode": "RGB", "classes": [], "scale": 2, "mask": False}}
    if fields.get("degrade") != "bicubic2":
        state["source"] |= {"scale": 1, "mask": "degrade" in fields}
    spec = Spec((3, 8, 8), state=state)
    stored = torch.from_numpy(draws.integers(0, 256, (5, *signal.stored(spec))).astype(np.uint8))
    assert (signal.present(stored, spec) == through_the_nets_form(signal, stored, spec)).all()


@pytest.fixture
def reads(monkeypatch) -> Counter:
    """How often each file is read, and under "opened" how often the data is."""
    found: Counter = Counter()
    read, opened = PictureDataset.read, PathData.open

    def counting(self, index):
        found[self.files[index]] += 1
        return read(self, index)

    def opening(self):
        found["opened"] += 1
        return opened(self)

    monkeypatch.setattr(PictureDataset, "read", counting)
    monkeypatch.setattr(PathData, "open", opening)
    return found


def run(data, folder, *items: str):
    small = [*TINY, f"data={data}", "samples=64", "batch=16", "callbacks=[]", "metrics=[swd30,nn30]", "every=32"]
    return train(make_recipe("dcgan", (), [*small, *items]), run_dir=folder)


def test_a_run_with_metrics_reads_its_data_once(tmp_path, reads):
    data = folder_of(shades(20), tmp_path / "data")
    run(data, tmp_path / "run")
    assert reads.pop("opened") == 1
    (first, *_) = sorted(reads)
    assert reads.pop(first) == 2, "one more, by which the loader learns what an item is"
    assert (len(reads), set(reads.values())) == (39, {1})


def test_a_run_that_streams_its_data_reads_it_for_the_metrics_too(tmp_path, reads):
    data = folder_of(shades(20), tmp_path / "data")
    run(data, tmp_path / "run", "data.in_memory=false")
    assert reads.pop("opened") == 1
    assert min(reads.values()) > 1


def test_items_that_cannot_be_read_are_left_out_of_both(tmp_path):
    """What the loader shows in place of a bad item is no second sample of the real side."""
    data = folder_of(shades(20), tmp_path / "data")
    (data / "bad.png").write_bytes(b"not an image")
    (data / "000a.png").write_bytes(b"not an image either")
    from ganforge.engine.build import make_loader, open_data

    recipe = make_recipe("dcgan", (), [*TINY, f"data={data}", "batch=16"])
    dataset, spec = open_data(recipe)
    loader = make_loader(recipe, dataset, spec, torch.device("cpu"))
    read = real_samples(recipe.signal, dataset, spec)
    kept = real_samples(recipe.signal, dataset, spec, stored=loader.stored)
    assert (kept.n, kept.fingerprint) == (read.n, read.fingerprint) == (40, kept.fingerprint)
    assert (np.concatenate([*kept.draw(7)]) == np.concatenate([*read.draw(16)])).all()
