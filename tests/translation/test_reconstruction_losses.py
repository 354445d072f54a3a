"""Each term against its formula, worked out by hand or in numpy; lenses and what they are made of."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor

from ganforge.core.types import Memory
from ganforge.losses.base import ReconstructionLoss, TranslatedPair
from ganforge.modalities.pair.losses import perceptual as lens
from ganforge.modalities.pair.losses.reconstruction import (
    L1,
    L2,
    Charbonnier,
    FeatureMatch,
    Perceptual,
    Style,
    TotalVariation,
)
from ganforge.nets.base import DiscriminatorOutput
from refused import refused

N, C, H, W = 3, 2, 5, 4


def picture(seed: int, *shape: int) -> Tensor:
    return torch.rand(shape or (N, C, H, W), generator=torch.Generator().manual_seed(seed)) * 2 - 1


def look(**fields) -> TranslatedPair:
    made, target = picture(0), picture(1)
    return TranslatedPair(**({"made": made, "target": target, "raw": made} | fields))


def by_hand(pixel_loss, a: Tensor, b: Tensor) -> list[float]:
    return [float(pixel_loss(x - y).mean()) for x, y in zip(a.double().numpy(), b.double().numpy(), strict=True)]


@pytest.mark.parametrize(
    ("term", "pixel_loss"),
    [
        (L1(), np.abs),
        (L2(), np.square),
        (Charbonnier(eps=0.1), lambda d: np.sqrt(d**2 + 0.01)),
    ],
)
def test_terms_of_pixels(term: ReconstructionLoss, pixel_loss):
    seen = look()
    assert term.loss(seen).tolist() == pytest.approx(by_hand(pixel_loss, seen.made, seen.target), rel=1e-6)


def test_a_mask_weighs_what_was_to_be_filled_and_what_was_known():
    mask = torch.zeros(N, 1, H, W)
    mask[:, :, :2] = 1
    made, target = torch.zeros(N, C, H, W), torch.ones(N, C, H, W)
    pixel_loss = L1(hole=6.0, rest=0.5).loss(look(made=made, raw=made, target=target, mask=mask))
    assert pixel_loss.tolist() == pytest.approx([(6 * 2 + 0.5 * 3) / 5] * N)
    assert L1(hole=6.0).loss(look(made=made, raw=made, target=target)).tolist() == pytest.approx([1.0] * N)


def test_terms_of_pixels_look_at_what_the_net_made_before_the_known_part_was_put_back():
    seen = look(made=torch.ones(N, C, H, W), target=torch.ones(N, C, H, W), raw=torch.zeros(N, C, H, W))
    assert L1().loss(seen).tolist() == [1.0] * N


def test_total_variation():
    y = torch.tensor([[0.0, 1.0, 0.0], [2.0, 0.0, 0.0]])[None, None]
    across, down = (1 + 1 + 2 + 0) / 4, (2 + 1 + 0) / 3
    assert TotalVariation().loss(look(made=y)).tolist() == pytest.approx([across + down])


def test_feature_match_is_a_mean_over_layers_and_critics():
    layers = [[picture(k, N, 4, 3, 3), picture(k + 10, N, 2, 2, 2)] for k in range(4)]
    said = [DiscriminatorOutput(torch.zeros(N), layers=maps) for maps in layers]
    seen = look(on_made=tuple(said[:2]), on_target=tuple(said[2:]))
    pairs = [(layers[c][k], layers[c + 2][k]) for c in (0, 1) for k in (0, 1)]
    wanted = np.mean([by_hand(np.abs, a, b) for a, b in pairs], 0)
    assert FeatureMatch().loss(seen).tolist() == pytest.approx(wanted.tolist(), rel=1e-5)
    assert Perceptual().loss(seen).tolist() == pytest.approx(wanted.tolist(), rel=1e-5), "the critics are the lens"


def test_critics_that_show_no_layers_are_named():
    silent = (DiscriminatorOutput(torch.zeros(N)),)
    with refused("task.unsuitable_net", "task.terms", "hidden layers"):
        FeatureMatch().loss(look(on_made=silent, on_target=silent))


def test_perceptual_and_style_through_a_lens():
    def through(x: Tensor) -> list[Tensor]:
        return [torch.cat([x, 2 * x], 1), x[:, :, ::2]]

    seen = look(perceptual_features=through)
    made, target = through(seen.made), through(seen.target)
    near = [by_hand(np.abs, a, b) for a, b in zip(made, target, strict=True)]
    wanted = 3 * np.array(near[0]) + 0.5 * np.array(near[1])
    assert Perceptual(shares=(3.0, 0.5)).loss(seen).tolist() == pytest.approx(wanted.tolist(), rel=1e-5)

    def gram(m: Tensor) -> np.ndarray:
        f = m.double().numpy()
        return np.einsum("nihw,njhw->nij", f, f) / (f.shape[1] * f.shape[2] * f.shape[3])

    apart = [((gram(a) - gram(b)) ** 2).sum((1, 2)) for a, b in zip(made, target, strict=True)]
    assert Style().loss(seen).tolist() == pytest.approx(np.mean(apart, 0).tolist(), rel=1e-4)


def test_shares_must_fit_the_lens():
    with refused("loss.wrong_number_of_shares", "3 shares", "2 maps"):
        Style(shares=(1.0, 1.0, 1.0)).loss(look(perceptual_features=lambda x: [x, x]))


def test_the_target_sends_no_gradient_and_what_was_made_does():
    made, target = picture(0).requires_grad_(), picture(1).requires_grad_()
    seen = look(made=made, raw=made, target=target, perceptual_features=lambda x: [x.square()])
    (Style().loss(seen) + Perceptual().loss(seen)).sum().backward()
    assert made.grad is not None
    assert float(made.grad.abs().sum()) > 0
    assert target.grad is None


class TestRandomLens:
    def test_the_same_filters_every_time_and_a_map_a_scale(self):
        config = lens.Random(filters=4, scales=3)
        memory, again = config.memory(), lens.Random(filters=4, scales=3).memory()
        assert all(torch.equal(memory[k], again[k]) for k in memory)
        maps = config.maps(picture(0, 2, 3, 16, 12), Memory(memory))
        assert [tuple(m.shape) for m in maps] == [(2, 16, 16, 12), (2, 16, 8, 6), (2, 16, 4, 3)]

    def test_it_sees_texture_and_not_place(self):
        stripes = torch.tensor([1.0, -1.0]).repeat(16).expand(1, 3, 32, 32).contiguous()
        spots = stripes * stripes.transpose(2, 3)
        config = lens.Random()
        memory = Memory(config.memory())

        def apart(x: Tensor, y: Tensor) -> float:
            return float(
                Style().loss(look(made=x, target=y, raw=x, perceptual_features=lambda x: config.maps(x, memory)))
            )

        assert apart(stripes, stripes.roll(2, 3)) < 0.05 * apart(stripes, spots)

    def test_even_filters_are_refused(self):
        with refused("loss.even_filter", "task.lens.widths: 4"):
            lens.Random(widths=(4,)).memory()


class TestVgg:
    @pytest.fixture
    def weights(self, tmp_path):
        draw = torch.Generator().manual_seed(0)
        tensors, before = {}, 3
        for number, channels in zip((0, 2, 5, 7, 10), (64, 64, 128, 128, 256), strict=True):
            tensors[f"features.{number}.weight"] = torch.randn(channels, before, 3, 3, generator=draw) * 0.05
            tensors[f"features.{number}.bias"] = torch.randn(channels, generator=draw) * 0.05
            before = channels
        path = tmp_path / "vgg.safetensors"
        save_file(tensors | {"classifier.0.weight": torch.zeros(2)}, path)
        return path, tensors

    def test_it_is_the_trunk_up_to_the_places_asked_for(self, weights):
        path, tensors = weights
        config = lens.Vgg(weights=str(path), places=("conv1_2", "conv2_1"))
        memory = Memory(config.memory())
        assert set(memory.buffers) == {
            f"{p}.{w}" for p in ("conv1_1", "conv1_2", "conv2_1") for w in ("weight", "bias")
        }
        x = picture(3, 2, 3, 8, 8)
        net = torch.nn.Sequential(
            torch.nn.Conv2d(3, 64, 3, padding=1), torch.nn.ReLU(), torch.nn.Conv2d(64, 64, 3, padding=1),
            torch.nn.ReLU(), torch.nn.MaxPool2d(2), torch.nn.Conv2d(64, 128, 3, padding=1),
        )  # fmt: skip
        net.load_state_dict({k.removeprefix("features."): v for k, v in tensors.items() if int(k.split(".")[1]) < 7})
        seen = (x * 0.5 + 0.5 - torch.tensor(lens.MEAN).view(1, 3, 1, 1)) / torch.tensor(lens.SPREAD).view(1, 3, 1, 1)
        with torch.no_grad():
            wanted = [net[:3](seen), net(seen)]
        for found, right in zip(config.maps(x, memory), wanted, strict=True):
            assert torch.allclose(found, right, atol=1e-5)

    def test_the_places_are_those_of_the_public_files(self):
        # conv3_1, conv4_4 and conv5_4 of VGG-19 are layers 10, 25 and 34 of the usual model zoo
        assert [lens.numbers()[p] for p in ("conv3_1", "conv4_4", "conv5_4")] == [10, 25, 34]

    def test_gray_and_alpha(self, weights):
        config = lens.Vgg(weights=str(weights[0]), places=("conv1_1",))
        memory = Memory(config.memory())
        gray = picture(1, 1, 1, 4, 4)
        assert torch.equal(config.maps(gray, memory)[0], config.maps(gray.expand(-1, 3, -1, -1), memory)[0])
        assert config.maps(picture(1, 1, 4, 4, 4), memory)[0].shape == (1, 64, 4, 4)

    def test_bad_files_are_named(self, tmp_path, weights):
        with refused("weights.not_found", str(tmp_path / "none"), "task.lens=critic"):
            lens.Vgg(weights=str(tmp_path / "none")).memory()
        with refused("weights.other_net", "features.12.weight is missing"):
            lens.Vgg(weights=str(weights[0])).memory()
        (tmp_path / "vgg.pth").write_bytes(b"PK\x03\x04")
        with refused("weights.pickle", "vgg.pth", "convert_weights.py"):
            lens.Vgg(weights=str(tmp_path / "vgg.pth")).memory()
