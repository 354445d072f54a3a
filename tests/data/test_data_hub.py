"""Sets of the Hugging Face hub; those here were saved to a folder, so no network is needed."""

from __future__ import annotations

import sys

import numpy as np
import pytest
from PIL import Image

from ganforge.core.dataset import BadItem
from ganforge.core.errors import MissingExtra
from ganforge.modalities.image.sources.hub import Hub
from refused import refused

IMAGES = np.random.default_rng(0).integers(0, 256, (6, 5, 4, 3), np.uint8)


def test_without_the_package_the_extra_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "datasets", None)
    with pytest.raises(MissingExtra, match=r"ganforge\[hub\]"):
        Hub(name="a/b").open()


@pytest.fixture
def saved(tmp_path, monkeypatch):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")  # read when the package is imported
    datasets = pytest.importorskip("datasets")
    features = datasets.Features(
        {
            "picture": datasets.Image(),
            "kind": datasets.ClassLabel(names=["dog", "cat"]),
            "word": datasets.Value("string"),
        }
    )
    rows = {
        "picture": [Image.fromarray(i) for i in IMAGES],
        "kind": [0, 1, 1, 0, 1, 0],
        "word": ["b", "a", "c", "a", "b", "c"],
    }
    table = datasets.Dataset.from_dict(rows, features=features)
    table.save_to_disk(tmp_path / "one")
    datasets.DatasetDict({"train": table, "test": table.select([0, 1])}).save_to_disk(tmp_path / "two")
    broken = {"picture": [None, {"bytes": b"no", "path": None}]}
    pictures = datasets.Features({"picture": datasets.Image()})
    datasets.Dataset.from_dict(broken, features=pictures).save_to_disk(tmp_path / "broken")
    return tmp_path


def test_pictures_and_labels_are_found(saved):
    data = Hub(name=str(saved / "one")).open()
    assert np.array_equal(np.stack([data.read(k) for k in range(6)]), IMAGES)
    assert data.classes == ("dog", "cat")
    assert data.labels.tolist() == [0, 1, 1, 0, 1, 0]
    assert data.shapes() == {((5, 4, 3), "uint8"): 6}


def test_splits_and_columns_can_be_chosen(saved):
    assert len(Hub(name=str(saved / "two"), split="test").open()) == 2
    data = Hub(name=str(saved / "one"), label_column="word").open()
    assert data.classes == ("a", "b", "c")
    assert data.labels.tolist() == [1, 0, 2, 0, 1, 2]


@pytest.mark.parametrize(
    ("fields", "code", "named"),
    [
        ({"split": "dev"}, "data.split_not_found", "no split 'dev'"),
        ({"image_column": "pictures"}, "column.not_found", "did you mean 'picture'"),
        ({"image_column": "word"}, "data.not_images", "column 'word'"),
        ({"label_column": "x"}, "column.not_found", "no column 'x'"),
    ],
)
def test_wrong_names_are_said(fields, code, named, saved):
    with refused(code, named):
        Hub(name=str(saved / "two"), **fields).open()


def test_a_set_that_cannot_be_loaded_is_an_error(saved):
    with refused("data.not_loaded", "nobody/nothing-at-all"):
        Hub(name="nobody/nothing-at-all").open()


def test_rows_without_a_picture_are_bad_items(saved):
    data = Hub(name=str(saved / "broken")).open()
    for k, why in enumerate(("no image in this row", "not an image")):
        with pytest.raises(BadItem, match=why):
            data.read(k)
    assert data.shapes() == {}
