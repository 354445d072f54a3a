"""Models in bf16: nearly the same samples and translations, the original untouched, and who gets which precision."""

from __future__ import annotations

import copy
import json

import numpy as np
import pytest
import torch

import ganforge as gf
from ganforge.artifacts import bundle as bundles
from ganforge.core.types import Spec
from ganforge.inference import prepared as module
from ganforge.inference.prepared import CONVERTED, given_precision, prepared, quicker
from ganforge.modalities.image.nets.stylegan2 import StyledConv, StyleGan2Generator
from ganforge.modalities.pair.layers import phases
from ganforge.modalities.pair.layers.translating import conv
from ganforge.modalities.pair.nets.super_resolution import SrResNet
from ganforge.nets.layers.equalized import EqualLinear
from ganforge.nets.layers.upconv import UpConv
from ganforge.recipes import make_recipe
from ganforge.registry import load_all
from refused import refused

load_all()


def model_of(path, name: str, *fields: str, shape: tuple[int, ...] = (3, 16, 16)):
    """Writes a model of a recipe with weights large enough for samples to differ."""
    recipe = make_recipe(name, overrides=list(fields))
    torch.manual_seed(0)
    generator = recipe.task.players(Spec(shape))["G"]
    with torch.no_grad():
        for weight in generator.parameters():
            weight.copy_(torch.randn(weight.shape) * (1.0 if weight.ndim > 1 else 0.1))
    bundles.save(path, recipe, Spec(shape, state={"mode": "RGB", "depth": 8}), {"G": generator.eval()}, samples=0)
    return path


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    small = ("task.generator.channels=8", "task.generator.latent=8", "task.generator.finest=8")
    return model_of(tmp_path_factory.mktemp("model") / "model.safetensors", "r3gan-small", *small)


@pytest.fixture
def has_bf16(monkeypatch):
    """Decides whether the processor says that it has bf16 instructions."""
    return lambda answer: monkeypatch.setattr(module, "has_bf16_cpu", lambda: answer)


# --- faster forms of layers


@torch.inference_mode()
@pytest.mark.parametrize("lr", [1.0, 0.01])
def test_an_equalized_layer_is_a_linear_layer(lr):
    layer = EqualLinear(5, 7, lr=lr, bias=0.5)
    x = torch.randn(3, 5)
    assert torch.allclose(layer.for_inference()(x), layer(x), atol=1e-6)


@torch.inference_mode()
def test_kernels_that_are_added_up_once_give_the_same_bits():
    layer, x = UpConv(3, 5), torch.randn(2, 3, 6, 4)
    assert torch.equal(layer.for_inference()(x), layer(x))


@torch.inference_mode()
@pytest.mark.parametrize("up", [False, True])
@pytest.mark.parametrize("size", [(8, 8), (7, 11)])
def test_a_styled_convolution_is_the_same_in_fewer_passes(up, size):
    torch.manual_seed(0)
    layer = StyledConv(6, 5, 4, size, up).eval()
    layer.strength.fill_(0.7)
    layer.bias.normal_()
    h = torch.randn(3, *((side + 1) // 2 if up else side for side in size), 5)
    w = torch.randn(3, 6)
    assert torch.allclose(layer.for_inference()(h, w), layer(h, w), atol=1e-5)


@torch.inference_mode()
@pytest.mark.parametrize("shape", [(3, 16, 16), (1, 14, 9)])
def test_stylegan2_is_the_same_in_its_faster_form(shape):
    torch.manual_seed(0)
    net = StyleGan2Generator(latent=8, mapping=2, channels=4, max_channels=8).build(Spec(shape, classes=3)).eval()
    z, c = torch.randn(3, 8), torch.tensor([0, 1, 2])
    fast = quicker(copy.deepcopy(net))
    assert not any(isinstance(layer, (StyledConv, EqualLinear)) for layer in fast.modules())
    assert torch.allclose(fast(z, c), net(z, c), atol=1e-5)


@pytest.mark.parametrize("factor", [2, 3, 4])
@pytest.mark.parametrize("kernel", [1, 3, 9])
def test_a_convolution_before_the_shuffle_is_that_after_it(factor, kernel):
    layer = conv(2, 3, kernel, "zero").double()
    x = torch.randn(2, 2 * factor**2, 5, 6, dtype=torch.float64)
    wanted = layer(torch.nn.functional.pixel_shuffle(x, factor))
    moved = phases.shuffled(x, layer, factor)
    assert torch.allclose(moved, wanted, atol=1e-12)
    assert torch.equal(phases.before_shuffle(layer, factor)(x), moved)
    up = torch.randn_like(wanted)
    gradients = [torch.autograd.grad((made * up).sum(), [layer.weight, layer.bias]) for made in (wanted, moved)]
    assert all(torch.allclose(a, b, atol=1e-11) for a, b in zip(*gradients, strict=True)), "training goes on alike"


def test_small_kernels_stay_behind_the_shuffle():
    assert [phases.pays(conv(2, 3, kernel, "zero"), 2) for kernel in (1, 3, 9)] == [False, False, True]


def test_a_mirrored_edge_cannot_be_moved_before_the_shuffle():
    assert not phases.fits(conv(2, 3, 3, "reflect"))
    assert not phases.fits(torch.nn.Conv2d(2, 3, 3, stride=2, padding=1))


@torch.inference_mode()
@pytest.mark.parametrize(("scale", "fold"), [(4, 1), (3, 1), (1, 2), (1, 1)])
def test_srresnet_is_the_same_with_its_last_convolution_before_the_shuffle(scale, fold, monkeypatch):
    torch.manual_seed(0)
    net = SrResNet(channels=4, blocks=1, fold=fold).build(Spec((3, 12, 12)), Spec((3, 12 * scale, 12 * scale))).eval()
    torch.nn.init.normal_(net.paint.weight, 0.0, 0.1)
    ready, x = quicker(copy.deepcopy(net)), torch.rand(2, 3, 7, 10) * 2 - 1
    assert (ready.paint.__class__ is net.paint.__class__) == (scale == fold == 1), "nothing is shuffled there"
    moved = net(x)
    with monkeypatch.context() as patch:
        patch.setattr(phases, "fits", lambda of: False)
        plain = net(x)
    assert torch.equal(moved, plain) == (scale == fold == 1), "the other way is not taken"
    assert torch.allclose(moved, plain, atol=1e-5)
    assert torch.allclose(ready(x), plain, atol=1e-5)
    assert ready.halo == net.halo


# --- models


def test_only_copies_are_converted(path):
    before = {key: value.clone() for key, value in gf.load(path, "cpu").bundle.nets.G.state_dict().items()}
    model = gf.load(path, "cpu", "bf16")
    model.sample(2)
    state = model.bundle.nets.G.state_dict()
    assert state.keys() == before.keys()
    assert all(torch.equal(state[key], value) for key, value in before.items())
    weights = [layer.weight for layer in model.bundle.running.G.modules() if type(layer) in CONVERTED]
    assert weights
    assert all(weight.dtype == torch.bfloat16 for weight in weights)


def test_bf16_changes_samples_by_little_and_fp32_not_at_all(path):
    exact, fast = gf.load(path, "cpu"), gf.load(path, "cpu", "bf16")
    assert (exact.precision, fast.precision) == ("fp32", "bf16")
    assert exact.bundle.running is exact.bundle.nets, "the default computes with the nets as they are"
    wanted, made = exact.sample(16, seed=3), fast.sample(16, seed=3)
    assert wanted.std() > 20, "samples that are all alike would prove nothing"
    assert made.dtype == np.uint8
    assert not np.array_equal(made, wanted), "bf16 is not used"
    assert np.square(made.astype(float) - wanted).mean() < 255**2 / 10**4, "PSNR above 40 dB"
    assert np.array_equal(fast.sample(16, seed=3), made), "sample k of a seed is always the same one"
    assert np.abs(fast.sample(16, seed=3, batch=5).astype(int) - made).max() <= 1


def test_truncation_and_walks_are_in_bf16_too(path):
    exact, fast = gf.load(path, "cpu"), gf.load(path, "cpu", "bf16")
    for a, b in (
        (exact.sample(8, truncation=0.5), fast.sample(8, truncation=0.5)),
        (exact.walk([1, 2], 5), fast.walk([1, 2], 5)),
    ):
        assert not np.array_equal(a, b)
        assert np.square(a.astype(float) - b).mean() < 255**2 / 10**4


def test_auto_takes_bf16_for_images_on_processors_that_have_it(path, has_bf16):
    has_bf16(False)
    assert gf.load(path, "cpu", "auto").precision == "fp32"
    has_bf16(True)
    model = gf.load(path, "cpu", "auto")
    assert model.precision == given_precision(model.bundle) == "bf16"


def test_auto_leaves_what_was_not_measured_in_fp32(tmp_path, has_bf16):
    has_bf16(True)
    points = model_of(tmp_path / "model.safetensors", "toy", shape=(2,))
    assert gf.load(points, "cpu", "auto").precision == "fp32"
    assert gf.load(points, "cpu", "bf16").precision == "bf16", "who asks for it gets it"


def test_a_processor_without_bf16_is_told(ganforge, path, tmp_path, has_bf16):
    has_bf16(False)
    said = ganforge("sample", path, "-n", "2", "--precision", "bf16", "--device", "cpu", "--out", tmp_path / "a.npy")
    assert said.status == 0
    assert "no bf16 instructions" in said.err
    has_bf16(True)
    said = ganforge("sample", path, "-n", "2", "--precision", "bf16", "--device", "cpu", "--out", tmp_path / "b.npy")
    assert "instructions" not in said.err


def test_unknown_precisions_and_fp64_models_are_refused(path, tmp_path, has_bf16):
    with refused("precision.unknown", "bf61", "bf16"):
        gf.load(path, "cpu", "bf61")
    has_bf16(True)
    doubles = model_of(tmp_path / "model.safetensors", "toy", "precision=fp64", shape=(2,))
    with refused("precision.fp64_model", str(doubles)):
        gf.load(doubles, "cpu", "bf16")
    model = gf.load(doubles, "cpu", "auto")
    assert (model.precision, given_precision(model.bundle)) == ("fp64", "fp32")


def test_settings_keep_the_precision(path):
    model = gf.load(path, "cpu", "bf16")
    assert model.with_settings().precision == "bf16"
    assert prepared(model.bundle.nets).G is not model.bundle.nets.G


def test_the_command_says_in_which_precision_it_sampled(ganforge, path, tmp_path):
    made = {}
    for precision in ("fp32", "bf16"):
        said = ganforge(
            "sample", path, "-n", "4", "--precision", precision, "--out", tmp_path / f"{precision}.npy", "--json"
        )
        assert json.loads(said.out)["precision"] == precision
        made[precision] = np.load(tmp_path / f"{precision}.npy")
    assert np.array_equal(made["fp32"], gf.load(path).sample(4))
    assert np.array_equal(made["bf16"], gf.load(path, precision="bf16").sample(4))
    assert not np.array_equal(*made.values())
    said = ganforge("sample", path, "-n", "4", "--precision", "half", "--out", tmp_path / "half.npy")
    assert said.status == 2
    assert "auto, fp32, bf16" in said.err
