"""What a run does with conditions that its recipe, its signal or its privacy cannot use."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from ganforge import recipes
from ganforge.core.dataset import Dataset
from ganforge.data.path import PathData
from ganforge.engine.build import fingerprint, make_loader, open_data
from ganforge.engine.privacy.checks import finalize
from ganforge.modalities.image.signal import Image
from ganforge.registry import load_all
from refused import refused

load_all()


@pytest.fixture
def recipe(photos, labels):
    return replace(recipes.get("cdcgan"), data=PathData(path=str(photos), labels=str(labels)), batch=8)


def test_batches_hold_vectors_of_conditions(recipe):
    dataset, spec = open_data(recipe)
    loader = make_loader(recipe, dataset, spec, torch.device("cpu"))
    stored, c, _ = loader.batch(0)
    loader.close()
    assert c.shape == (len(stored), spec.conditions.width)
    assert spec.classes == 0
    assert dataset.vectors is not None
    assert any(np.allclose(c[0].numpy(), row) for row in dataset.vectors)


def test_a_recipe_without_labels_says_that_it_does_not_use_them(recipe, notices):
    _, spec = open_data(replace(recipe, task=replace(recipe.task, conditional=False)))
    assert not spec.conditions
    assert "color, angle, width, stars, tags are not used" in notices.text


def test_parts_of_items_without_conditions_are_refused(recipe, clean_registries):
    class Cut(Image, kind="cut-for-a-test"):
        """Images in parts that know no conditions."""

        def items(self, dataset: Dataset) -> Dataset:
            part = Dataset()
            part.name, part.skipped = dataset.name, []
            return part

    with refused("data.conditions_of_parts", "photos"):
        open_data(replace(recipe, signal=Cut()))


def test_patches_have_the_conditions_of_their_image(recipe):
    dataset, spec = open_data(replace(recipe, signal=Image(size=6, patches=True)))
    assert len(dataset) == 4 * 40
    assert dataset.vectors is not None
    assert np.array_equal(dataset.vectors[0], dataset.vectors[3])
    assert spec.conditions.names[0] == "color"


def test_other_values_are_other_data(recipe):
    dataset, _ = open_data(recipe)
    known = fingerprint(dataset)
    assert dataset.vectors is not None
    dataset.vectors = dataset.vectors[::-1]
    assert fingerprint(dataset) != known


def test_privacy_refuses_conditions(recipe):
    dataset, spec = open_data(recipe)
    loader = make_loader(recipe, dataset, spec, torch.device("cpu"))
    private = recipes.get("dp-gan")
    with refused("privacy.conditions_disclose_data", "photos"):
        finalize(replace(private, data=recipe.data), loader)
    loader.close()
