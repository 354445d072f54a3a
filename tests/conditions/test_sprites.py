"""The drawn set: deterministic, with conditions that an image really shows, and combinations left out."""

from __future__ import annotations

import numpy as np
import pytest

from ganforge.modalities.image.sources.sprite_drawing import COLORS, SHAPES, Sprite, draw
from ganforge.modalities.image.sources.sprites import CONDITIONS, Sprites, combinations


def plain(**fields) -> np.ndarray:
    given = {
        "shape": "arrow",
        "color": "red",
        "size": "large",
        "period": "night",
        "angle": 0.0,
        "light": 90.0,
        "x": 0.0,
        "y": 0.0,
    }
    return draw(Sprite(**(given | fields)), 32).astype(float)


def test_the_same_fields_give_the_same_images():
    first, again = Sprites(count=20).open(), Sprites(count=20).open()
    assert all(np.array_equal(first.read(k), again.read(k)) for k in range(20))
    assert np.array_equal(first.vectors, again.vectors)
    other = Sprites(count=20, seed=1).open()
    assert not np.array_equal(first.read(0), other.read(0))
    assert Sprites(size=64, count=2).open().read(0).shape == (64, 64, 3)
    assert first.read(0).dtype == np.uint8


def test_a_tenth_of_the_combinations_is_left_out():
    train, test = set(combinations("train")), set(combinations("test"))
    assert len(train) + len(test) == 216
    assert len(test) == 21
    assert not train & test
    for split, known in (("train", train), ("test", test)):
        data = Sprites(split=split, count=400).open()
        assert {row[:4] for row in data.conditions.decode(data.vectors)} <= known
    for place, values in enumerate((SHAPES, tuple(COLORS))):
        assert {c[place] for c in train} == set(values), "each value is still seen"


def test_the_conditions_of_an_image_are_those_it_was_drawn_with():
    data = Sprites(count=30).open()
    for sprite, row in zip(data.sprites, data.conditions.decode(data.vectors), strict=True):
        assert row[:4] == (sprite.shape, sprite.color, sprite.size, sprite.period)
        assert row[4:] == pytest.approx((sprite.angle, sprite.light, sprite.x, sprite.y), abs=2e-3)
    assert data.conditions.each == CONDITIONS.each


def body(image: np.ndarray) -> np.ndarray:
    """How red each point is, [32, 32]."""
    return np.maximum(image[..., 0] - image[..., 1:].max(2), 0)


def middle(weights: np.ndarray) -> tuple[float, float]:
    """The mean position along x and, upward, y; half of the image is 1."""
    axis = (np.arange(32) + 0.5) / 16 - 1
    return float((weights.sum(0) * axis).sum() / weights.sum()), float(-(weights.sum(1) * axis).sum() / weights.sum())


def test_x_is_to_the_right_and_y_upward():
    x, y = middle(body(plain()))
    moved = middle(body(plain(x=0.2, y=0.1)))
    assert moved[0] - x == pytest.approx(0.2, abs=0.03)
    assert moved[1] - y == pytest.approx(0.1, abs=0.03)


def test_an_angle_turns_counterclockwise():
    """The principal axis of an arrow, without light from a side."""
    for angle in (0, 30, 75, 120):
        weights = (body(plain(angle=angle)) > 20).astype(float)
        x, y = middle(weights)
        axis = (np.arange(32) + 0.5) / 16 - 1
        across, up = axis[None] - x, -axis[:, None] - y
        xx, yy, xy = ((weights * part).sum() for part in (across**2, up**2, across * up))
        found = np.degrees(np.arctan2(2 * xy, xx - yy) / 2) % 180
        assert abs((found - angle + 90) % 180 - 90) < 6


@pytest.mark.parametrize("light", [0, 45, 90, 180, 270])
def test_the_side_toward_the_light_is_brighter(light):
    """The gradient of the brightness over a drop's body; a light's effect cancels with that of the opposite one."""
    towards, away = (body(plain(shape="heart", light=light + turn)) for turn in (0, 180))
    difference = towards - away
    axis = (np.arange(32) + 0.5) / 16 - 1
    found = np.degrees(np.arctan2(-(difference * axis[:, None]).sum(), (difference * axis[None]).sum()))
    assert abs((found - light + 180) % 360 - 180) < 20


def test_no_shape_looks_like_itself_turned_and_all_differ():
    images = {shape: [body(plain(shape=shape, angle=angle)) > 20 for angle in range(0, 360, 45)] for shape in SHAPES}
    for shape, turned in images.items():
        for other in (one for k, one in enumerate(turned) if k):
            assert (turned[0] ^ other).sum() > 0.15 * turned[0].sum(), shape
        for name, others in images.items():
            assert name == shape or (turned[0] ^ others[0]).sum() > 0.2 * turned[0].sum()


def test_sizes_periods_and_colors_show():
    areas = [(body(plain(size=size)) > 20).sum() for size in ("small", "medium", "large")]
    assert areas[0] * 1.4 < areas[1]
    assert areas[1] * 1.4 < areas[2]
    assert plain(period="day")[:4].mean() > 2 * plain(period="night")[:4].mean()
    assert plain(color="blue")[14:18, 12:16].mean((0, 1)).argmax() == 2
