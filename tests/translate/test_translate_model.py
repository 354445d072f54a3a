"""`Model.translate`: modes, depths, alpha and masks go in and come out as they should."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from translate_models import TwoWays, model_file, photo_like, save, spec_of

import ganforge as gf
from ganforge.core.types import Spec
from ganforge.modalities.image.signal import Image as ImageSignal
from ganforge.modalities.pair.coloring import in_colors
from ganforge.modalities.pair.critics.patchgan import PatchGan
from ganforge.modalities.pair.nets.fourier import Fourier
from ganforge.modalities.pair.nets.gated import Gated
from ganforge.modalities.pair.nets.resnet import ResnetTranslator
from ganforge.modalities.pair.nets.super_resolution import SrResNet
from ganforge.modalities.pair.source import Domains
from ganforge.modalities.pair.tasks.unpaired import Unpaired
from refused import refused

SMALL = ResnetTranslator(channels=4, blocks=1, norm="batch")
PLAIN = SrResNet(channels=4, blocks=1)


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    return tmp_path_factory.mktemp("models")


@pytest.fixture(scope="module")
def color(folder):
    return gf.load(model_file(folder / "color.safetensors", SMALL, spec_of()), "cpu")


@pytest.fixture(scope="module")
def larger(folder):
    return gf.load(model_file(folder / "larger.safetensors", PLAIN, spec_of(scale=2)), "cpu")


@pytest.fixture(scope="module")
def filler(folder):
    return gf.load(model_file(folder / "filler.safetensors", Gated(channels=2), spec_of(mask=True)), "cpu")


def by_hand(model, picture: np.ndarray) -> np.ndarray:
    """What the net makes of an RGB image, without any of the code that is tried."""
    x = torch.from_numpy(picture.astype(np.float32).transpose(2, 0, 1))[None] / 127.5 - 1
    with torch.no_grad():
        made = model.bundle.nets.G(x)[0].clamp(-1, 1)
    return ((made + 1) * 127.5).round().to(torch.uint8).permute(1, 2, 0).numpy()


def test_a_picture_of_any_size(color):
    for size in ((32, 32), (45, 70), (3, 5), (1, 1)):
        picture = photo_like(*size)
        made = color.translate(picture)
        assert made.dtype == np.uint8
        np.testing.assert_array_equal(made, by_hand(color, picture))


def test_tiled_is_within_a_gray_level_of_the_whole(color):
    picture = photo_like(300, 410)
    whole, tiled = color.translate(picture), color.translate(picture, tile=200)
    assert np.abs(whole.astype(int) - tiled).max() <= 1
    assert whole.std() > 2


def test_a_file_and_a_list(color, tmp_path):
    picture = photo_like(20, 24)
    file = save(tmp_path / "a.png", picture)
    made = color.translate([picture, file, str(file)])
    assert len(made) == 3
    assert all(np.array_equal(one, made[0]) for one in made)
    with refused("data.unreadable", "b.png"):
        color.translate(tmp_path / "b.png")
    with refused("data.wrong_array", "uint8, uint16", "int32 [4, 4]"):
        color.translate(np.zeros((4, 4), np.int32))


def test_alpha_comes_back_as_it_was(color, larger):
    picture = photo_like(20, 24, 4)
    made = color.translate(picture)
    np.testing.assert_array_equal(made[..., 3], picture[..., 3])
    np.testing.assert_array_equal(made[..., :3], color.translate(picture[..., :3]))
    twice = larger.translate(picture)
    assert twice.shape == (40, 48, 4)
    small = twice[..., 3].astype(float).reshape(20, 2, 24, 2).mean((1, 3))
    assert np.abs(small - picture[..., 3])[1:-1, 1:-1].mean() < 12
    gray = photo_like(20, 24, 2)
    assert color.translate(gray).shape == (20, 24, 4)
    np.testing.assert_array_equal(color.translate(gray)[..., 3], gray[..., 1])


def test_16_bits_stay_16(color):
    picture = photo_like(20, 24).astype(np.uint16) * 257
    fine = picture + np.random.default_rng(0).integers(0, 200, picture.shape, np.uint16)
    made = color.translate(fine)
    assert made.dtype == np.uint16
    coarse = color.translate((picture // 257).astype(np.uint8))
    # half a level from rounding to 8 bits, and a little: next to a half, the last digit of float32 decides
    assert np.abs(color.translate(picture) / 257 - coarse).max() < 0.51
    assert len(np.unique(made)) > 256, "more levels than 8 bits have"
    assert not np.array_equal(made, color.translate(picture)), "the finer levels went in"


def test_gray_pictures_for_a_model_of_colors_and_back(color, folder):
    gray = photo_like(20, 24, 1)
    made = color.translate(gray)
    np.testing.assert_array_equal(made, color.translate(np.repeat(gray, 3, 2)))
    np.testing.assert_array_equal(made, color.translate(gray[..., 0]))
    coloring = gf.load(model_file(folder / "gray.safetensors", SMALL, spec_of(source="L")), "cpu")
    assert coloring.translate(photo_like(20, 24)).shape == (20, 24, 3)


def test_label_maps(folder):
    spec = spec_of(source="classes", classes=(0, 3, 7))
    model = gf.load(model_file(folder / "labels.safetensors", SMALL, spec), "cpu")
    labels = np.random.default_rng(0).choice([0, 3, 7], (20, 24, 1)).astype(np.uint8)
    assert model.translate(labels).shape == (20, 24, 3)
    with refused("data.unknown_class", " 5,"):
        model.translate(np.full((20, 24, 1), 5, np.uint8))
    with refused("data.wrong_label_map_mode", "label maps"):
        model.translate(photo_like(20, 24))


def test_label_maps_of_a_domain_are_shown_in_the_colors_of_the_training(folder, tmp_path):
    """`cyclegan data.a=labels/ data.b=photos/` colors gray maps; what it makes of a gray map later is of the same."""
    rng = np.random.default_rng(0)
    for name, high, channels in (("label", 12, 1), ("photo", 256, 3)):
        (tmp_path / name).mkdir()
        for k in range(2):
            save(tmp_path / name / f"{k}.png", rng.integers(0, high, (20, 24, channels), np.uint8))
    dataset = Domains(a=str(tmp_path / "label"), b=str(tmp_path / "photo")).open()
    task = Unpaired(translator=SMALL, critic=PatchGan(channels=2, layers=1, norm="none"))
    spec = task.adapt(ImageSignal(size=16).spec(dataset, nearest=lambda shape: shape))
    model = gf.load(model_file(folder / "streets.safetensors", SMALL, spec, task), "cpu")
    levels = rng.integers(0, 12, (20, 24, 1), np.uint8)
    np.testing.assert_array_equal(model.translate(levels), model.translate(in_colors(levels)))
    shown_as_it_is = model.translate(np.repeat(levels, 3, 2))
    assert not np.array_equal(model.translate(levels), shown_as_it_is)
    back = model.translate(levels, direction="ba")
    np.testing.assert_array_equal(back, model.translate(np.repeat(levels, 3, 2), direction="ba"))


class TestFilling:
    @pytest.mark.parametrize("channels", [1, 2, 3, 4])
    @pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
    def test_everything_else_comes_back_bit_for_bit(self, filler, channels, dtype):
        picture = np.random.default_rng(channels).integers(0, np.iinfo(dtype).max, (90, 70, channels), dtype)
        mask = np.zeros((90, 70), np.uint8)
        mask[20:40, 10:60] = 255
        made = filler.translate(picture, mask=mask)
        assert made.shape == picture.shape
        assert made.dtype == picture.dtype
        np.testing.assert_array_equal(made[mask == 0], picture[mask == 0])
        assert (made[..., 0][mask > 0] != picture[..., 0][mask > 0]).mean() > 0.8, "and the hole is filled"
        if channels in (2, 4):
            np.testing.assert_array_equal(made[..., -1], picture[..., -1])

    def test_what_is_hidden_does_not_show(self, filler):
        """The hole is filled alike whatever was in it."""
        picture, mask = photo_like(60, 60), np.zeros((60, 60), np.uint8)
        mask[20:40, 20:40] = 255
        other = picture.copy()
        other[mask > 0] = 9
        np.testing.assert_array_equal(filler.translate(picture, mask=mask), filler.translate(other, mask=mask))

    def test_tiles_without_a_hole_are_not_computed(self, filler):
        picture, mask = photo_like(300, 300), np.zeros((300, 300), np.uint8)
        mask[5:9, 5:9] = 255
        use = filler.translator(tile=96)
        calls = []
        net = use.net
        use.net = lambda x: calls.append(1) or net(x)
        list(use(picture, mask[..., None]).bands)
        assert len(calls) == 1

    def test_masks_that_do_not_go_with_the_picture(self, filler, color):
        picture = photo_like(20, 24)
        with refused("translate.mask_size_differs", "30×20 px", "24×20"):
            filler.translate(picture, mask=np.zeros((20, 30), np.uint8))
        with refused("translate.mask_missing", "--mask FILE"):
            filler.translate(picture)
        with refused("translate.mask_not_taken", "mask"):
            color.translate(picture, mask=np.zeros((20, 24), np.uint8))


def test_two_directions(folder):
    spec = Spec((3, 32, 32), state={"mode": "RGB", "depth": 8, "domains": ["horses", "deer"]})
    model = gf.load(model_file(folder / "both.safetensors", SMALL, spec, TwoWays(translator=SMALL)), "cpu")
    picture = photo_like(20, 24)
    there, back = (model.translate(picture, direction=way) for way in ("ab", "ba"))
    assert not np.array_equal(there, back)
    np.testing.assert_array_equal(model.translate(picture), there)
    with refused("translate.unknown_direction", "ab (horses → deer), ba (deer → horses)"):
        model.translate(picture, direction="bc")


def test_a_net_that_looks_at_the_whole_says_that_tiles_are_not_exact(folder, notices):
    model = gf.load(model_file(folder / "whole.safetensors", Fourier(channels=2, blocks=1), spec_of()), "cpu")
    model.translate(photo_like(64, 64))
    assert not notices.records
    model.translate(photo_like(200, 200), tile=64)
    assert "the whole image" in notices.records[0].getMessage()


@pytest.fixture(scope="module")
def instance(folder):
    net = ResnetTranslator(channels=4, blocks=1, upsample="nearest")
    return gf.load(model_file(folder / "instance.safetensors", net, spec_of()), "cpu")


class TestInstanceNorm:
    """It looks at the whole image; tiles that looked at themselves alone would differ in brightness."""

    def picture(self) -> np.ndarray:
        """Dark on the left and bright on the right: no part is as the whole."""
        return (photo_like(300, 420) * np.linspace(0.1, 1, 420)[None, :, None]).astype(np.uint8)

    @pytest.mark.slow
    def test_tiles_are_near_to_the_whole(self, instance):
        whole, tiled = (instance.translate(self.picture(), tile=side).astype(int) for side in (None, 200))
        own = np.concatenate([instance.translate(self.picture()[:, k : k + 140]) for k in (0, 140, 280)], 1).astype(int)
        assert np.abs(tiled - whole).mean() < 0.3 * np.abs(own - whole).mean()

    def test_no_seams(self, instance):
        """Where the tiles lie does not matter: their core is exact once the moments are fixed."""
        use = instance.translator(tile=200)
        assert use.plan.fade == 0
        assert use.settles
        picture = self.picture()
        tiled = np.concatenate(list(use(picture).bands)).astype(int)
        edge = use.plan.core
        across = np.abs(np.diff(tiled, axis=1)).mean((0, 2))  # from each column to the next
        assert across[edge - 1] < 1.5 * np.median(across[edge - 20 : edge + 20])

    def test_nothing_of_a_picture_stays_for_the_next(self, instance):
        use = instance.translator(tile=200)
        small = photo_like(40, 40)
        before = np.concatenate(list(use(small).bands))
        list(use(self.picture()).bands)
        np.testing.assert_array_equal(np.concatenate(list(use(small).bands)), before)


def test_translators_do_not_sample_and_others_do_not_translate(color, folder):
    for use in (lambda: color.sample(4), lambda: color.walk(), lambda: color.latents([1])):
        with refused("model.not_a_generator", "ganforge translate"):
            use()


def test_a_translation_in_bf16_is_nearly_that_in_fp32(folder):
    path = model_file(folder / "srresnet.safetensors", SrResNet(channels=8, blocks=1), spec_of(scale=4))
    image = photo_like(60, 50)
    exact, fast = (gf.load(path, "cpu", precision) for precision in ("fp32", "bf16"))
    wanted, made = exact.translate(image).astype(float), fast.translate(image)
    assert made.dtype == np.uint8
    assert 0 < np.square(made - wanted).mean() < 255**2 / 10**3.5, "PSNR above 35 dB, and not the same"
    tiled = fast.translate(image, tile=48)
    assert np.abs(tiled.astype(int) - made).max() <= 1, "tiles have the margins that the prepared net needs"
