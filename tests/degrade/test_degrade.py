"""Degradations: what each one promises, how they are written, and that draws depend on seed and sample alone."""

from __future__ import annotations

import math
import re
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor

from ganforge.core.component import build, fields_of, to_plain
from ganforge.core.rng import Rng
from ganforge.modalities.pair.degrade.base import Degrade
from ganforge.modalities.pair.degrade.resample import bicubic, kernel, weights
from ganforge.registry import load_all
from refused import refused

load_all()

TEXTS = {
    "bicubic": "bicubic2",
    "area": "area2",
    "chain": "blur1+bicubic2+gaussian10+jpeg50",
    "second_order": "second_order2",
}
KINDS = sorted(set(Degrade.kinds) - {"masks"})


def degrade(text: str) -> Degrade:
    return Degrade.parse(TEXTS.get(text, text))


def pictures(n: int = 3, side: int = 32, channels: int = 3) -> Tensor:
    """Smooth images with an edge, so that blur and noise both show: [N, C, H, W], whole numbers in 0..255."""
    y, x = torch.meshgrid(torch.linspace(0, 1, side), torch.linspace(0, 1, side), indexing="ij")
    base = torch.stack([127 + 60 * torch.sin(4 * x + k) + 60 * (y > 0.5) for k in range(n * channels)])
    return base.reshape(n, channels, side, side).round().clamp(0, 255)


def flat(level: float, n: int = 4, side: int = 64) -> Tensor:
    return torch.full((n, 3, side, side), float(level))


# --- what all share


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("channels", [1, 3])
class TestEveryDegradation:
    def test_gives_what_it_says(self, kind, channels):
        degradation, x = degrade(kind), pictures(channels=channels)
        before = x.clone()
        y = degradation.apply(x, Rng(1))
        size = 32 // degradation.scale
        assert y.shape == (3, degradation.channels(channels) + degradation.mask, size, size)
        assert y.dtype == torch.float32
        assert torch.equal(y, y.round()), "not whole numbers"
        assert y.min() >= 0
        assert y.max() <= 255
        assert torch.equal(x, before), "changed its input"
        if degradation.mask:
            assert set(y[:, -1].unique().tolist()) == {0, 255}, "a mask that hides nothing, or all, or is soft"
            known = y[:, -1:] == 0
            assert torch.equal((y[:, :-1] * known), x * known), "what is not hidden was touched"
            assert not (y[:, :-1] * ~known).any(), "what is hidden can be seen"

    def test_draws_hang_on_the_seed_alone(self, kind, channels):
        degradation, x = degrade(kind), pictures(channels=channels)
        one = degradation.apply(x, Rng(1, 5))
        torch.rand(3)  # no generator of torch's own is used
        assert torch.equal(one, degradation.apply(x, Rng(1, 5)))
        if kind not in ("bicubic", "area", "blur", "defocus", "gray", "jpeg"):  # these draw nothing as they are
            assert not torch.equal(one, degradation.apply(x, Rng(2, 5)))
            assert not torch.equal(one, degradation.apply(x, Rng(1, 6)))

    def test_a_half_of_a_batch_is_spoilt_as_in_the_whole(self, kind, channels):
        """A batch that is split over processes gives the same images."""
        degradation, x = degrade(kind), pictures(n=4, channels=channels)
        whole = degradation.apply(x, Rng(3))
        halves = [degradation.apply(x[2 * k : 2 * k + 2], Rng(3, shard=(k, 2))) for k in (0, 1)]
        assert (torch.cat(halves) - whole).abs().max() <= 1  # convolutions of other batches round another way

    def test_survives_yaml(self, kind, channels):
        degradation = degrade(kind)
        assert build(Degrade, to_plain(degradation)) == degradation


# --- texts


def test_a_number_behind_a_name_and_fields_in_brackets():
    assert to_plain(Degrade.parse("gaussian(sigma=5..50, gray=true)")) == {
        "kind": "gaussian", "p": 1.0, "sigma": [5, 50], "gray": True,
    }  # fmt: skip
    assert Degrade.parse("gaussian25") == Degrade.parse("gaussian(sigma=25)")
    assert Degrade.parse("bicubic4").scale == 4
    assert Degrade.parse("blur(sigma=.5..1.5)") == Degrade.parse({"kind": "blur", "sigma": [0.5, 1.5]})


def test_chains_multiply_scales_and_keep_the_last_mask():
    chain = Degrade.parse("bicubic2 + blur(sigma=1) + area2 + gray + boxes2")
    assert (chain.scale, chain.mask, chain.channels(3)) == (4, True, 1)
    assert chain.apply(pictures(), Rng(0)).shape == (3, 2, 8, 8)


@pytest.mark.parametrize(
    ("text", "problem", "named"),
    [
        ("gausian25", "unknown_kind", "did you mean 'gaussian'"),
        ("gaussian(25)", "invalid_value", "name=value"),
        ("gaussian(sigm=25)", "unknown_field", "did you mean 'sigma'"),
        ("gaussian(sigma=50..5)", "invalid_value", "50..5: "),
        ("gaussian(sigma=300)", "invalid_value", "not within 0..255"),
        ("gaussian(p=0)", "invalid_value", "greater than 0"),
        ("jpeg0", "invalid_value", "not within 1..100"),
        ("bicubic0", "invalid_value", "greater than or equal to 1"),
        ("gray5", "unknown_kind", "'gray5'"),
        ("boxes+gaussian5", "invalid_value", "come last"),
        ("blur++jpeg", "invalid_value", "'' is not a degradation"),
        ("masks", "missing_value", "path"),
    ],
)
def test_what_cannot_be_meant_is_refused(text, problem, named):
    with refused(f"config.{problem}", named):
        build(Degrade, {"kind": text})


def test_a_share_of_the_pictures():
    x = flat(128, n=400, side=4)
    changed = (Degrade.parse("gaussian(sigma=50,p=0.3)").apply(x, Rng(0)) != x).flatten(1).any(1)
    assert 0.2 < changed.float().mean() < 0.4


# --- smaller images


def test_keys_kernel():
    """Its values in the paper: 1 at 0, 0 at the other whole numbers, and its parts meet."""
    assert torch.equal(kernel(torch.tensor([0.0, 1, -1, 2, 3])), torch.tensor([1.0, 0, 0, 0, 0]))
    assert math.isclose(float(kernel(torch.tensor(0.5))), 0.5625)
    assert math.isclose(float(kernel(torch.tensor(1.5))), -0.0625)


def test_bicubic_keeps_ramps_and_the_place_of_things():
    """A ramp stays one, and its values are those at the middle of the pixels that each new one covers."""
    ramp = torch.arange(64.0)[None, None, None].expand(1, 1, 64, 64)
    small = bicubic(ramp, 16, 16)[0, 0, 8]
    inner = slice(3, 13)  # the mirrored edges bend it
    assert torch.allclose(small[inner], (torch.arange(16.0) * 4 + 1.5)[inner], atol=1e-3)


def test_bicubic_agrees_with_pillows_but_for_the_edges():
    """Pillow's bicubic is the same widened kernel with a = −0.5, cut off at the edges in place of mirrored."""
    picture = np.random.default_rng(0).integers(0, 256, (64, 48), np.uint8)
    theirs = np.asarray(Image.fromarray(picture.astype(np.float32)).resize((12, 16), Image.Resampling.BICUBIC))
    ours = bicubic(torch.from_numpy(picture).float()[None, None], 16, 12)[0, 0].numpy()
    assert np.abs(ours - theirs)[2:-2, 2:-2].max() < 0.01


@pytest.mark.parametrize(("old", "new"), [(32, 8), (30, 7), (8, 32), (3, 1), (1, 5)])
def test_weights_sum_to_one(old, new):
    assert torch.allclose(weights(old, new).sum(1), torch.ones(new, dtype=torch.float64))


def test_bicubic_is_that_of_the_papers(real_data):
    """Set5's low-resolution files were made with MATLAB's imresize, by which all published PSNRs go."""
    files = sorted((real_data / "sr" / "Set5").glob("*_HR.png"))
    assert len(files) == 5
    for file in files:
        high, low = (
            torch.from_numpy(np.array(Image.open(f).convert("RGB"))).permute(2, 0, 1)[None].float()
            for f in (file, file.with_name(file.name.replace("_HR", "_LR")))
        )
        made = Degrade.parse("bicubic4").apply(high, Rng(0))
        assert made.shape == low.shape
        assert (made - low).abs().mean() < 0.3  # gray levels; measured: 0.10 to 0.15


def test_area_is_the_mean():
    x = pictures()
    y = Degrade.parse("area4").apply(x, Rng(0))
    assert y[1, 2, 3, 5] == x[1, 2, 12:16, 20:24].mean().round()


# --- blur


@pytest.mark.parametrize("text", ["blur2", "blur(sigma=1,aspect=3)", "motion9", "defocus3"])
def test_blur_keeps_what_is_flat_and_the_mean(text):
    assert torch.equal(Degrade.parse(text).apply(flat(77), Rng(0)), flat(77))
    dot = torch.zeros(1, 3, 65, 65)
    dot[..., 32, 32] = 255
    spread = Degrade.parse(text).alter(dot, Rng(0))  # type: ignore[attr-defined]
    assert torch.allclose(spread.sum((2, 3)), dot.sum((2, 3)), rtol=1e-4)


def test_gaussian_blur_has_its_deviation():
    dot = torch.zeros(1, 1, 65, 65)
    dot[..., 32, 32] = 1
    spread = Degrade.parse("blur3").alter(dot, Rng(0))[0, 0]  # type: ignore[attr-defined]
    along = torch.arange(-32.0, 33)
    assert math.isclose(float((spread.sum(0) * along**2).sum()) ** 0.5, 3, rel_tol=0.02)


def test_motion_goes_along_its_angle():
    """0° to the right: a row is smeared, a column is not."""
    dot = torch.zeros(1, 1, 41, 41)
    dot[..., 20, 20] = 1
    spread = Degrade.parse("motion(length=11,angle=0)").alter(dot, Rng(0))[0, 0]  # type: ignore[attr-defined]
    assert (spread[20] > 0.01).sum() == 11
    assert (spread[:, 20] > 0.01).sum() == 1
    up = Degrade.parse("motion(length=11,angle=90)").alter(dot, Rng(0))[0, 0]  # type: ignore[attr-defined]
    assert torch.allclose(up, spread.T, atol=1e-6)


# --- noise, JPEG, light


def test_noise_is_as_strong_as_it_says():
    x = flat(128)
    noise = Degrade.parse("gaussian10").apply(x, Rng(0)) - x
    assert abs(noise.std() - 10) < 0.2
    assert abs(noise.mean()) < 0.2
    gray = Degrade.parse("gaussian(sigma=10,gray=true)").apply(x, Rng(0)) - x
    assert torch.equal(gray[:, 0], gray[:, 1])
    x = flat(100)
    shot = Degrade.parse("poisson60").apply(x, Rng(0))
    assert abs(shot.mean() - 100) < 1
    assert abs(shot.std() - (100 * 255 / 60) ** 0.5) < 0.5  # k has the variance λx/255
    dots = Degrade.parse("salt_pepper10").apply(x, Rng(0))
    for level in (0, 255):
        assert abs((dots == level).float().mean() - 0.05) < 0.01


def test_every_picture_has_a_strength_of_its_own():
    noise = Degrade.parse("gaussian(sigma=5..50)").apply(flat(128, n=8), Rng(0)) - 128
    found = noise.flatten(1).std(1)
    assert found.min() < 20 < 30 < found.max()


def test_jpeg_is_worse_the_lower_its_quality():
    x = pictures(n=1, side=64)
    errors = [(Degrade.parse(f"jpeg{q}").apply(x, Rng(0)) - x).abs().mean() for q in (95, 50, 10)]
    assert errors[0] < errors[1] < errors[2]


def test_gray_is_luma():
    x = torch.tensor([255.0, 0, 0])[None, :, None, None].expand(1, 3, 2, 2)
    assert Degrade.parse("gray").apply(x, Rng(0)).unique().tolist() == [76]  # 0.299 · 255


def test_light():
    x = pictures()
    dark = Degrade.parse("low_light(gamma=2,gain=1,exposure=1)").apply(x, Rng(0))
    assert torch.equal(dark, (255 * (x / 255) ** 2).round())
    haze = Degrade.parse("haze(density=2,air=255)").apply(flat(0), Rng(0))
    assert haze[:, :, 0].mean() > 200 > 20 > haze[:, :, -1].mean()  # thick above, clear below
    rain = Degrade.parse("rain").apply(flat(60), Rng(0))
    assert rain.min() == 60
    assert 0.01 < (rain > 60).float().mean() < 0.5


# --- masks


def test_boxes_have_their_size():
    y = Degrade.parse("boxes(count=1,side=0.5)").apply(pictures(n=8), Rng(0))
    assert (y[:, -1] == 255).sum((1, 2)).tolist() == [256] * 8  # 16 × 16
    corners = {tuple((row == 255).nonzero()[0].tolist()) for row in y[:, -1]}
    assert len(corners) > 4


def test_painted_marks_leave_no_mask():
    x = flat(90, n=2)
    y = Degrade.parse("scratches(paint=true,level=255)+dust(paint=true,level=0)").apply(x, Rng(0))
    assert y.shape == x.shape
    assert y.max() > 200
    assert y.min() < 20
    assert ((y - 90).abs() < 1).float().mean() > 0.5


def test_masks_from_files(tmp_path):
    mask = np.zeros((8, 8), np.uint8)
    mask[:4] = 255
    Image.fromarray(mask).save(tmp_path / "upper.png")
    (tmp_path / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\nnothing")
    for invert, hidden in ((False, slice(0, 16)), (True, slice(16, 32))):
        degradation = build(Degrade, {"kind": "masks", "path": str(tmp_path), "invert": invert})
        degradation.check()
        y = degradation.apply(pictures(n=6), Rng(0))
        wanted = torch.zeros(32, 32)
        wanted[hidden] = 255
        assert all(torch.equal(found, wanted) for found in y[:, -1])


def test_a_folder_of_masks_that_is_of_no_use(tmp_path):
    with refused("data.empty", "masks: ", str(tmp_path)):
        build(Degrade, {"kind": "masks", "path": str(tmp_path)}).check()
    with refused("data.not_found", "masks: ", str(tmp_path / "nowhere")):
        build(Degrade, f"gaussian5+masks(path={tmp_path / 'nowhere'})").check()  # type: ignore[arg-type]
    (tmp_path / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\nnothing")
    with refused("data.none_readable", "masks", "none of its 1 images"):
        build(Degrade, {"kind": "masks", "path": str(tmp_path)}).check()


def test_the_second_order_leaves_something_of_the_picture():
    """Strong as it is, what comes out is still of its image, not of the others."""
    x = torch.cat([flat(40, n=2), flat(200, n=2)])
    y = Degrade.parse("second_order4").apply(x, Rng(0))
    assert y[:2].mean() < 90
    assert y[2:].mean() > 150
    assert len({tuple(one.flatten().tolist()) for one in y}) == 4


def test_pictures_as_they_come_from_files():
    """Of any size: cut to what the scale divides, as papers do before they make an image smaller."""
    picture = np.random.default_rng(0).integers(0, 256, (30, 21, 3), np.uint8)
    small = Degrade.parse("area4").apply_to_images(picture)
    assert small.shape == (7, 5, 3)
    assert small.dtype == np.uint8
    assert abs(int(small[0, 0, 0]) - picture[:4, :4, 0].mean()) <= 0.5
    noisy = Degrade.parse("gaussian25")
    both = noisy.apply_to_images(np.stack([picture, picture]), seed=3)
    assert both.shape == (2, 30, 21, 3)
    assert np.array_equal(both, noisy.apply_to_images(np.stack([picture, picture]), seed=3))
    assert not np.array_equal(both[0], both[1])
    with refused("data.wrong_array", "uint8 [H, W, C]", "float32"):
        noisy.apply_to_images(picture.astype(np.float32))
    with refused("data.wrong_array", "(C = 1)", "(C = 3)", "[8, 8, 4]"):
        noisy.apply_to_images(np.zeros((8, 8, 4), np.uint8))


def test_the_page_tells_of_every_degradation_and_nothing_else():
    page = (Path(__file__).parents[2] / "docs" / "degradations.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| `([^`]+)` \| .+? \|(.*)\|$", page, re.MULTILINE)
    documented = {Degrade.parse(text).kind: set(re.findall(r"`(\w+)`", fields)) for text, fields in rows}
    assert set(documented) == set(Degrade.kinds) - {"chain"}
    shared = {"p", "paint", "level"}  # described in the text around
    for kind, fields in documented.items():
        assert fields == set(fields_of(Degrade.kinds[kind])) - shared, kind
    for command in re.findall(r'"?degrade=([^"\s]+)', page):
        if command != "`":
            Degrade.parse(command)
