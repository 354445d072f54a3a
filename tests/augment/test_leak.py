"""Whether the augmentation leaks: what `benchmarks/augment_leak.py` measures, as much of it as a second can show."""

from __future__ import annotations

import pytest

from augment_leak import Found, learn, traits
from ganforge.augment.base import Augment
from ganforge.modalities.image.augment.ada import Ada, FixedAda
from ganforge.modalities.image.augment.diffaugment import DiffAugment

MOST = Ada().limit
TURNS = {"geometry": 0.0, "color": 0.0}


def behind(augment: Augment, trait: str) -> Found:
    return learn(augment, traits()[trait], draws=512, chunk=256, steps=200)


@pytest.mark.parametrize(
    ("augment", "trait"),
    [
        (FixedAda(p=MOST), "light"),
        (FixedAda(p=MOST, **TURNS), "way up"),
        (FixedAda(p=MOST, **TURNS), "mirror"),
        (DiffAugment(), "way up"),
    ],
)
def test_g_finds_the_truth_behind_the_strongest_augmentation_by_default(augment, trait):
    found = behind(augment, trait)
    assert found.left > 5 * found.sd
    assert found.error < 0.1 < found.start


@pytest.mark.parametrize(
    ("augment", "trait"), [(FixedAda(p=1, **TURNS), "way up"), (FixedAda(p=1, geometry=0), "light")]
)
def test_nobody_can_tell_where_nothing_stays_in_place(augment, trait):
    """With p = 1 each way up is as likely as any: this is the leak that the limit is there for."""
    assert abs(behind(augment, trait).left) < 0.003
