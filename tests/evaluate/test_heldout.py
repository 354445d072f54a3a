"""Which part of the data no run is trained on: one answer for all kinds of data."""

from __future__ import annotations

import numpy as np
from judged import folder_of, shades

from ganforge import recipes
from ganforge.core.component import build
from ganforge.data.base import DataSource
from ganforge.evaluation.heldout import held_out
from ganforge.registry import load_all
from ganforge.signals import Signal

load_all()
IMAGE = build(Signal, {"kind": "image"})


def found(source: DataSource, signal: Signal = IMAGE):
    return held_out(source, signal, signal.items(source.open()))


def source_of(folder, **fields) -> DataSource:
    return build(DataSource, {"kind": "path", "path": str(folder), **fields})


def test_a_test_folder_is_held_out_though_it_holds_as_many_images_of_the_same_size(tmp_path):
    folder_of(shades(6), tmp_path / "set" / "train")
    folder_of(shades(6, seed=1), tmp_path / "set" / "test")
    other, kept, why = found(source_of(tmp_path / "set"))
    assert kept is not None
    assert (other.part_name, len(kept), why) == ("test", 12, "")
    assert found(source_of(tmp_path / "set", split="test")) == (None, None, ""), "it is that part itself"


def test_a_test_folder_of_pairs_side_by_side_is_held_out(tmp_path):
    folder_of(np.concatenate([shades(6), shades(6)], 2), tmp_path / "set" / "train")
    folder_of(np.concatenate([shades(6, seed=1), shades(6, seed=1)], 2), tmp_path / "set" / "test")
    source = build(DataSource, {"kind": "pairs", "path": str(tmp_path / "set")})
    _, kept, _ = found(source, build(Signal, {"kind": "pair", "size": 8}))
    assert kept is not None
    assert len(kept) == 12


def test_the_same_images_under_another_name_are_not_unseen(tmp_path):
    for part in ("train", "test"):
        folder_of(shades(6), tmp_path / "set" / part)
    assert found(source_of(tmp_path / "set")) == (None, None, "")


def test_data_without_parts(tmp_path):
    folder_of(shades(6), tmp_path / "set")
    _, kept, why = found(source_of(tmp_path / "set"))
    assert kept is None
    assert "folders train and test" in why
    ring = build(DataSource, {"kind": "ring8", "count": 20})
    assert (ring.part_name, ring.part("test"), ring.whole()) == ("all", None, ring)


def test_rows_that_are_held_back_by_a_draw(tmp_path):
    path = tmp_path / "numbers.csv"
    path.write_text("x,y\n" + "".join(f"{k},{k % 7}\n" for k in range(400)))
    source = source_of(path, holdout=0.2)
    _, kept, _ = found(source, build(Signal, {"kind": "table"}))
    assert kept is not None
    assert len(kept) + len(source.open()) == len(source.whole().open()) == 400


def test_the_mode_of_every_recipe():
    modes = {name: recipes.get(name).task.mode for name in recipes.names()}
    assert {modes[name] for name in ("dcgan", "vae", "toy", "ctgan", "dp-gan")} == {"generate"}
    assert {modes[name] for name in ("pix2pix", "cyclegan", "restyle")} == {"translate"}
    for name, mode in modes.items():
        assert (mode == "translate") == bool(recipes.get(name).task.directions())
