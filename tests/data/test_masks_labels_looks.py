"""Masks of other levels, labels that are numbers, endings that do not tell the content, sets of one color."""

from __future__ import annotations

import numpy as np
import pytest

from ganforge.core.files import atomic_file
from ganforge.data.store import FolderStore
from ganforge.inference.labels import label_id
from ganforge.modalities.image.appearance import compare_appearance
from ganforge.modalities.pair.batch_translate import outputs
from ganforge.modalities.pair.holes import refuse_black
from refused import refused
from strategies.folders import image


def mask(level: int, channels: int = 1) -> np.ndarray:
    found = np.zeros((8, 8, channels), np.uint8)
    found[2:5, 2:5] = level
    return found


@pytest.mark.parametrize("level", [1, 127])
def test_a_mask_without_white_is_refused(level):
    with refused("translate.mask_is_black", f"highest level {level}"):
        refuse_black(mask(level))


def test_a_black_mask_is_said(notices):
    refuse_black(mask(0))
    assert "nothing is filled" in notices.text


def test_red_and_alpha_masks_are_refused():
    red, clear = mask(0, 3), mask(0, 4)
    red[2:5, 2:5, 0], clear[2:5, 2:5, 3] = 255, 255
    for found in (red, clear):
        with refused("translate.mask_is_black"):
            refuse_black(found)
    refuse_black(mask(255))


def test_levels_that_are_dropped_are_counted(notices):
    found = mask(255)
    found[6, :] = 90
    refuse_black(found)
    assert "8 px of levels 1 to 127" in notices.text


def test_where_names_are_numbers_a_number_is_a_name():
    ten = [*map(str, range(1, 11))]
    assert label_id(3, ten) == label_id("3", ten) == 2
    for label in (0, "0", 11):
        with refused("sample.unknown_label", "(the labels of this model: 1, 2, 3"):
            label_id(label, ten)
    with refused("sample.unknown_label", "(the labels of this model: 0 cat, 1 dog)"):
        label_id("emu", ["cat", "dog"])
    assert label_id(7, ["007", "8"]) == 0
    assert label_id(1, ["cat", "dog"]) == 1
    assert label_id("e\u0301", ["b", "é"]) == 1


def test_equal_sets_of_one_color_have_no_contrast_to_judge():
    flat = np.full((5, 4, 4, 3), 128, np.uint8)
    found = compare_appearance(flat, flat)
    assert (found.brightness, found.contrast) == (0, 1)


def test_a_png_named_jpg_is_written_as_png(tmp_path):
    (tmp_path / "a.jpg").write_bytes(image(".png"))
    (tmp_path / "b.jpg").write_bytes(image(".jpg"))
    (tmp_path / "c.jpeg").write_bytes(image(".jpg"))
    found = outputs(["a.jpg", "b.jpg", "c.jpeg"], tmp_path / "o", False, None, FolderStore(tmp_path))
    assert [path.name for path in found] == ["a.png", "b.jpg", "c.jpeg"]


@pytest.mark.parametrize("name", ["图" * 82 + ".png", "l" * 246 + ".png"])
def test_the_longest_names_can_be_written(name, tmp_path):
    with atomic_file(tmp_path / name, durable=True) as partial:
        partial.write_text("whole")
        assert partial.suffix == ".png"
    assert [path.name for path in tmp_path.iterdir()] == [name]
