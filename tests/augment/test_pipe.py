"""What every augmentation must do, and each change of ADA and of DiffAugment by hand."""

from __future__ import annotations

import colorsys
import math

import pytest
import torch
from forced import Forced
from torch import Tensor

from ganforge.augment.base import Augment
from ganforge.augment.draws import Draws
from ganforge.core.rng import Rng
from ganforge.core.types import Spec
from ganforge.modalities.image.augment.ada import Ada, FixedAda
from ganforge.modalities.image.augment.diffaugment import DiffAugment
from ganforge.modalities.image.augment.pipe import add_noise, band_gains, blits, cut, draw_warp, geometry, recolour
from refused import refused

EVERYTHING = {"filter": 1.0, "noise": 1.0, "cutout": 1.0}
ALL = [DiffAugment(), FixedAda(p=0.9, **EVERYTHING), FixedAda(p=1.0, **EVERYTHING), Ada(start=0.5)]
SHAPES = [(1, 6, 6), (3, 6, 6), (4, 8, 8), (3, 5, 9), (3, 1, 1)]


def pictures(n: int, shape: tuple[int, ...], dtype: torch.dtype = torch.float32) -> Tensor:
    return torch.rand(n, *shape, dtype=dtype, generator=torch.Generator().manual_seed(n)) * 2 - 1


def by_name(augment: Augment) -> str:
    return f"{augment.kind}-{getattr(augment, 'p', '')}"


def test_every_augmentation_is_tried_here():
    ours = {kind for kind, cls in Augment.kinds.items() if cls.__module__.startswith("ganforge.")}
    assert {augment.kind for augment in ALL} == ours


@pytest.mark.parametrize("augment", ALL, ids=by_name)
class TestEveryAugmentation:
    @pytest.mark.parametrize("shape", SHAPES, ids=str)
    def test_pictures_of_every_mode_and_size(self, augment, shape):
        augment.check(Spec(shape))
        x = pictures(7, shape)
        y = augment.apply(x, Rng(3, 64), augment.memory())
        assert y.shape == x.shape
        assert y.dtype == torch.float32
        assert torch.isfinite(y).all()
        assert not torch.equal(y, x)

    def test_draws_hang_on_the_rng_alone(self, augment):
        x, memory = pictures(6, (3, 8, 8)), augment.memory()
        once = augment.apply(x, Rng(0, 64, "real"), memory)
        torch.manual_seed(1)
        assert torch.equal(augment.apply(x, Rng(0, 64, "real"), memory), once)
        for other in (Rng(1, 64, "real"), Rng(0, 128, "real"), Rng(0, 64, "fake")):
            assert not torch.equal(augment.apply(x, other, memory), once)

    def test_parts_of_a_batch_are_the_whole(self, augment):
        x, memory = pictures(12, (3, 8, 8)), augment.memory()
        whole = augment.apply(x, Rng(0, 64), memory)
        parts = [augment.apply(x[4 * k : 4 * k + 4], Rng(0, 64, shard=(k, 3)), memory) for k in range(3)]
        torch.testing.assert_close(torch.cat(parts), whole)

    def test_second_derivatives(self, augment):
        x = pictures(3, (4, 6, 6), torch.float64).requires_grad_()
        memory = augment.memory()
        assert torch.autograd.gradgradcheck(lambda x: augment.apply(x, Rng(5, 64), memory), (x,), fast_mode=True)

    def test_a_gradient_penalty_through_it(self, augment):
        """R1 with D's weights: what Adam would get is the derivative of a derivative."""
        x, memory = pictures(2, (1, 6, 6), torch.float64), augment.memory()

        def price(weight: Tensor) -> Tensor:
            leaf = x.clone().requires_grad_()
            logits = torch.tanh(augment.apply(leaf, Rng(5, 64), memory).flatten(1) @ weight).sum(1)
            (slope,) = torch.autograd.grad(logits.sum(), leaf, create_graph=True)
            return slope.square().sum((1, 2, 3))

        weight = (pictures(36, (2,), torch.float64) * 0.2).requires_grad_()
        assert torch.autograd.gradcheck(price, (weight,), fast_mode=True)

    def test_half_precision_comes_back_wide(self, augment):
        x, memory = pictures(4, (3, 8, 8)).bfloat16().float(), augment.memory()
        wanted = augment.apply(x, Rng(2, 64), memory)
        assert torch.equal(augment.apply(x.bfloat16(), Rng(2, 64), memory), wanted)
        with torch.autocast("cpu", torch.bfloat16):
            close = augment.apply(x, Rng(2, 64), memory)
        assert close.dtype == torch.float32
        assert (close - wanted).abs().max() < 0.1

    @pytest.mark.parametrize("shape", [(2,), (3, 4, 8, 8), (2, 8, 8), (5, 8, 8), (24, 6)], ids=str)
    def test_refuses_what_is_no_picture(self, augment, shape):
        with refused("task.not_for_shape", "task.augment", str(list(shape))):
            augment.check(Spec(shape))


@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_nothing_happens_at_probability_0(shape):
    x = pictures(8, shape)
    assert torch.equal(FixedAda(p=0, **EVERYTHING).apply(x, Rng(0), {}), x)
    assert torch.equal(Ada(**EVERYTHING).apply(x, Rng(0), Ada().memory()), x)
    off = DiffAugment(brightness=0, saturation=0, contrast=0, translation=0, cutout=0)
    assert torch.equal(off.apply(x, Rng(0), {}), x)


def test_each_change_happens_to_a_share_p():
    draws = Draws(Rng(0), 20_000, torch.float32)
    for p in (0.2, 0.8):
        assert draws.chosen("mirror", p).float().mean().item() == pytest.approx(p, abs=0.015)
        warp = draw_warp(draws, p, 8, 8)
        deterministic = (1 - p) ** 4  # neither scaled, stretched, turned nor moved
        assert warp.touched.float().mean().item() == pytest.approx(1 - deterministic, abs=0.015)


def test_a_schedule_of_the_probability():
    augment = FixedAda(p={"kind": "linear", "start": 0.0, "end": 1.0, "over": 1000})  # type: ignore[arg-type]
    x = pictures(8, (3, 8, 8))
    assert torch.equal(augment.apply(x, Rng(0, 0), {}), x)
    torch.testing.assert_close(augment.apply(x, Rng(0, 500), {}), FixedAda(p=0.5).apply(x, Rng(0, 500), {}))


def test_refuses_an_impossible_probability():
    with refused("augment.probability_out_of_range", "task.augment.p", "between 0 and 1", "1.5"):
        FixedAda(p=1.5).check(Spec((3, 8, 8)))
    with refused("augment.start_above_limit", "start=0.9", "limit"):
        Ada(start=0.9).check(Spec((3, 8, 8)))


# --- blits -------------------------------------------------------------------------------------------------------

CORNER = torch.tensor([[1.0, 2, 3], [4, 5, 6], [7, 8, 9]], dtype=torch.float64)[None, None]


@pytest.mark.parametrize(
    ("values", "wanted"),
    [
        ({}, [[1, 2, 3], [4, 5, 6], [7, 8, 9]]),
        ({"mirror": 0}, [[1, 2, 3], [4, 5, 6], [7, 8, 9]]),
        ({"mirror": 1}, [[3, 2, 1], [6, 5, 4], [9, 8, 7]]),
        ({"quarters": 1}, [[3, 6, 9], [2, 5, 8], [1, 4, 7]]),
        ({"quarters": 2}, [[9, 8, 7], [6, 5, 4], [3, 2, 1]]),
        ({"quarters": 3}, [[7, 4, 1], [8, 5, 2], [9, 6, 3]]),
        ({"move": 1, "down": 1 / 3, "right": -1 / 3}, [[2, 3, 3], [2, 3, 3], [5, 6, 6]]),
    ],
)
def test_blits(values, wanted):
    assert blits(CORNER, Forced(values), 1)[0, 0].tolist() == wanted


def test_blits_of_pictures_that_are_not_square():
    x = pictures(1, (1, 2, 3), torch.float64)
    assert torch.equal(blits(x, Forced({"quarters": 1}), 1), x)
    assert torch.equal(blits(x, Forced({"quarters": 3}), 1), x.flip((2, 3)))


# --- geometry ----------------------------------------------------------------------------------------------------


def centre_of(x: Tensor) -> tuple[float, float]:
    """Where the weight of an image [1, 1, H, W] lies: (x, y) from its middle, in pixels."""
    height, width = x.shape[2:]
    mass = x[0, 0] / x.sum()
    across = (mass.sum(0) * (torch.arange(width) - (width - 1) / 2)).sum().item()
    down = (mass.sum(1) * (torch.arange(height) - (height - 1) / 2)).sum().item()
    return across, down


@pytest.mark.parametrize(
    ("values", "wanted"),
    [
        ({"scale": 5}, (8, 4)),  # 2^(0.2·5) = 2: twice as large, so twice as far from the middle
        ({"stretch": 2.5}, (4 * 2**0.5, 2 / 2**0.5)),
        ({"first turn": math.pi / 2}, (-2, 4)),  # x to the right, y down: clockwise
        ({"second turn": math.pi / 2}, (-2, 4)),
        ({"stretch": 2.5, "first turn": math.pi / 2}, (-2 * 2**0.5, 4 / 2**0.5)),
        ({"stretch": 2.5, "second turn": math.pi / 2}, (-2 / 2**0.5, 4 * 2**0.5)),
        ({"float": 1, "float right": 0.5, "float down": -1}, (4 + 0.5 * 4, 2 - 4)),
        ({"scale": 5, "float": 1, "float right": -1}, (8 - 4, 4)),
    ],
)
def test_geometry(values, wanted):
    x = torch.zeros(1, 1, 32, 32, dtype=torch.float64)
    x[..., 16:20, 18:22] = 1  # its middle at (4, 2)
    assert centre_of(x) == (4, 2)
    assert centre_of(geometry(x, Forced(values), 1)) == pytest.approx(wanted, abs=0.3)


def test_geometry_in_pictures_that_are_not_square_turns_and_does_not_shear():
    x = torch.zeros(1, 1, 16, 48, dtype=torch.float64)
    x[..., 7:9, 26:30] = 1  # middle at (4, 0)
    assert centre_of(geometry(x, Forced({"first turn": math.pi / 2}), 1)) == pytest.approx((0, 4), abs=0.2)


def test_geometry_leaves_the_rest_of_a_batch_exact():
    x = pictures(64, (3, 8, 8))
    draws = Draws(Rng(0), 64, torch.float32)
    touched = draw_warp(draws, 0.1, 8, 8).touched
    assert 5 < touched.sum() < 60
    y = geometry(x, draws, 0.1)
    assert torch.equal(y[~touched], x[~touched])
    assert (y[touched] != x[touched]).flatten(1).any(1).all()


# --- color ------------------------------------------------------------------------------------------------------

RED = torch.tensor([0.5, -0.25, 0.0], dtype=torch.float64).view(1, 3, 1, 1)


@pytest.mark.parametrize(
    ("values", "wanted"),
    [
        ({}, [0.5, -0.25, 0.0]),
        ({"brightness": 1}, [0.7, -0.05, 0.2]),
        ({"contrast": 2}, [1.0, -0.5, 0.0]),
        ({"brightness": 1, "contrast": 2}, [1.4, -0.1, 0.4]),
        ({"hue": 2 * math.pi / 3}, [0.0, 0.5, -0.25]),  # what was red is green
        ({"hue": -2 * math.pi / 3}, [-0.25, 0.0, 0.5]),
        ({"saturation": 1}, [1 / 12 + 2 * (0.5 - 1 / 12), 1 / 12 + 2 * (-0.25 - 1 / 12), 1 / 12 - 2 / 12]),
        ({"negative": 1}, [0.5 - 2 / 12, -0.25 - 2 / 12, -2 / 12]),
    ],
)
def test_colour(values, wanted):
    assert recolour(RED, Forced(values), 1).flatten().tolist() == pytest.approx(wanted)


def test_colour_is_the_product_of_its_4x4_matrices():
    """Each change written as the paper writes it, and multiplied out."""
    values = {"brightness": 0.7, "contrast": -0.6, "negative": 1, "hue": 1.1, "saturation": 0.4}
    eye, v = torch.eye(4, dtype=torch.float64), torch.tensor([1, 1, 1, 0], dtype=torch.float64) / math.sqrt(3)
    along = torch.outer(v, v)
    brightness = eye.clone()
    brightness[:3, 3] = 0.2 * values["brightness"]
    contrast = torch.diag(torch.tensor([2 ** (0.5 * values["contrast"])] * 3 + [1.0], dtype=torch.float64))
    negative = eye - 2 * along
    cross = torch.zeros(4, 4, dtype=torch.float64)
    cross[0, 1], cross[0, 2], cross[1, 2] = -v[2], v[1], -v[0]
    cross = cross - cross.T
    spatial = torch.diag(torch.tensor([1.0, 1, 1, 0], dtype=torch.float64))
    c, s = math.cos(values["hue"]), math.sin(values["hue"])
    hue = c * spatial + s * cross + (1 - c) * along
    hue[3, 3] = 1
    saturation = along + (eye - along) * 2 ** values["saturation"]
    saturation[3, 3] = 1
    matrix = saturation @ hue @ negative @ contrast @ brightness
    x = pictures(1, (3, 4, 4), torch.float64)
    wanted = (matrix @ torch.cat([x[0].flatten(1), torch.ones(1, 16, dtype=torch.float64)]))[:3].view(1, 3, 4, 4)
    torch.testing.assert_close(recolour(x, Forced(values), 1), wanted)


def test_hue_turns_the_way_of_the_colour_wheel():
    x = torch.tensor([0.3, 0.1, 0.1], dtype=torch.float64).view(1, 3, 1, 1)
    turned = recolour(x, Forced({"hue": math.pi / 3}), 1).flatten()
    before, after = (colorsys.rgb_to_hsv(*(t + 1).tolist())[0] for t in (x.flatten(), turned))
    assert (after - before) % 1 == pytest.approx(1 / 6, abs=0.02)


def test_colour_of_grey_is_the_luma_of_the_same_in_rgb():
    grey = pictures(1, (1, 4, 4), torch.float64)
    values = {"brightness": 0.7, "contrast": -0.6, "negative": 1, "hue": 1.1, "saturation": 0.4}
    in_rgb = recolour(grey.expand(-1, 3, -1, -1), Forced(values), 1)
    torch.testing.assert_close(recolour(grey, Forced(values), 1), in_rgb.mean(1, keepdim=True))


def test_colour_filter_and_noise_leave_alpha_alone():
    x = pictures(16, (4, 8, 8))
    y = FixedAda(p=1, blit=0, geometry=0, filter=1, noise=1).apply(x, Rng(0), {})
    assert torch.equal(y[:, 3:], x[:, 3:])
    assert (y[:, :3] != x[:, :3]).flatten(1).any(1).all()
    y = DiffAugment(translation=0, cutout=0).apply(x, Rng(0), {})
    assert torch.equal(y[:, 3:], x[:, 3:])
    moved = FixedAda(p=1, colour=0).apply(x, Rng(0), {})
    assert (moved[:, 3:] != x[:, 3:]).any()


# --- filter, noise, cutout ---------------------------------------------------------------------------------------


def test_bands_add_up():
    x = pictures(1, (3, 8, 8), torch.float64)
    draws = Forced({"band 0": 0, "band 1": 0, "band 2": 0, "band 3": 0})
    torch.testing.assert_close(band_gains(x, draws, 1), x)


@pytest.mark.parametrize(("band", "period"), [(0, 64), (1, 12), (2, 6), (3, 3)])
def test_the_gain_of_a_band_acts_on_its_waves(band, period):
    """A wave in the middle of a band gets that band's gain, and the others lose what keeps the power even."""
    along = torch.cos(2 * math.pi * (torch.arange(96, dtype=torch.float64) + 0.5) / period)
    x = along.expand(1, 1, 96, 96)
    power = [10 / 13, 1 / 13, 1 / 13, 1 / 13]
    common = 1 / math.sqrt(sum(p * (4 if k == band else 1) for k, p in enumerate(power)))
    changed = band_gains(x, Forced({f"band {band}": 1}), 1)
    middle = slice(36, 60)
    gain = (changed * x)[0, 0, 48, middle].sum() / x.square()[0, 0, 48, middle].sum()
    assert gain.item() == pytest.approx(2 * common, rel=0.08)


def test_noise_has_the_strength_that_is_drawn():
    x = torch.zeros(4, 3, 32, 32, dtype=torch.float64)
    assert torch.equal(add_noise(x, Forced({}, n=4), 1), x)
    noisy = add_noise(x, Forced({"noise": 1, "strength": -2}, n=4), 1)
    assert noisy.std().item() == pytest.approx(0.2, rel=0.05)
    assert not torch.equal(noisy[0], noisy[1])


def test_cutout_of_ada():
    x = torch.ones(1, 4, 8, 4, dtype=torch.float64)
    y = cut(x, Forced({"cutout": 1, "centre y": 0.5, "centre x": 0.0}), 1)
    assert (y[0, :, 2:6, :1] == 0).all()
    assert y.sum() == x.sum() - 4 * 4
    assert torch.equal(cut(x, Forced({"centre y": 0.5}), 1), x)


# --- DiffAugment -------------------------------------------------------------------------------------------------


def test_diffaugment_colours():
    x = torch.tensor([[0.5, -0.1, 0.2], [0.1, -0.5, -0.2]], dtype=torch.float64).T.reshape(1, 3, 1, 2)
    augment = DiffAugment()
    only = {"saturation": 1, "contrast": 1}
    brighter = augment.coloured(x, Forced({**only, "brightness": 0.25}))
    torch.testing.assert_close(brighter, x + 0.25)
    grey = augment.coloured(x, Forced({**only, "saturation": 0}))
    torch.testing.assert_close(grey[0, :, 0], torch.tensor([[0.2, -0.2]], dtype=torch.float64).expand(3, 2))
    flat = augment.coloured(x, Forced({**only, "contrast": 0.5}))
    torch.testing.assert_close(flat, x * 0.5)  # the mean over all is 0
    lone = pictures(1, (1, 4, 4), torch.float64)
    torch.testing.assert_close(augment.coloured(lone, Forced({"contrast": 1})), lone)


def test_diffaugment_moves_into_grey():
    x = torch.ones(1, 1, 8, 16, dtype=torch.float64)  # up to 1 down, up to 2 to the right
    y = DiffAugment().moved(x, Forced({"down": 0, "right": 4}))  # one up, two to the right
    assert (y[..., :-1, 2:] == 1).all()
    assert y.sum() == 7 * 14


def test_diffaugment_cuts():
    x = torch.ones(1, 1, 8, 6, dtype=torch.float64)  # a box of 4 × 3
    for top, left, wanted in ((0, 0, 2 * 2), (4, 3, 4 * 3), (8, 5, 2 * 2), (8, 0, 2 * 2)):
        y = DiffAugment().cut(x, Forced({"top": top, "left": left}))
        assert (y == 0).sum() == wanted
    y = DiffAugment().cut(x, Forced({"top": 4, "left": 3}))
    assert (y[..., 2:6, 2:5] == 0).all()


def test_diffaugment_stays_in_its_ranges():
    draws = Draws(Rng(0), 5000, torch.float32)
    x = torch.ones(5000, 1, 8, 8)
    shift = (DiffAugment(contrast=0).coloured(x, draws) - x)[:, 0, 0, 0]
    assert -0.5 <= shift.min() < -0.49
    assert 0.49 < shift.max() <= 0.5
    empty = (DiffAugment().moved(x, draws) == 0).flatten(1).sum(1)
    assert sorted(set(empty.tolist())) == [0, 8, 15]  # one pixel along a side of eight
    boxes = (DiffAugment().cut(x, draws) == 0).flatten(1).sum(1)
    assert boxes.min() == 4
    assert boxes.max() == 16
