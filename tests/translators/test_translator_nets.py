"""The nets that make images from images: the sizes of their papers, no checkerboards, no seams at the edge."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import nn

from ganforge.core.types import Spec
from ganforge.modalities.pair.critics.patchgan import Multiscale, PatchGan, PixelCritic
from ganforge.modalities.pair.critics.unet import UnetCritic
from ganforge.modalities.pair.critics.vgg import VggCritic
from ganforge.modalities.pair.layers.translating import bounce, conv, doubling, mirrored, normal_start, reach
from ganforge.modalities.pair.nets.fourier import Fourier
from ganforge.modalities.pair.nets.gated import Gated
from ganforge.modalities.pair.nets.resnet import ResnetTranslator
from ganforge.modalities.pair.nets.super_resolution import RrdbNet, SrResNet
from ganforge.modalities.pair.nets.unet import Unet, halvings

S256 = Spec((3, 256, 256))


def millions(net: nn.Module) -> float:
    return sum(p.numel() for p in net.parameters()) / 1e6


@pytest.mark.parametrize(
    ("net", "source", "target", "published"),
    [
        (Unet(), S256, S256, 54.41),  # pix2pix's U-Net-256
        (ResnetTranslator(), S256, S256, 11.37),  # CycleGAN; 11.38 with the offsets that instance norm takes off again
        (ResnetTranslator(blocks=6), S256, S256, 7.83),
        (RrdbNet(), Spec((3, 32, 32)), Spec((3, 128, 128)), 16.70),  # ESRGAN
        (SrResNet(norm="none"), Spec((3, 24, 24)), Spec((3, 96, 96)), 1.55),  # 1.52 with conv3 at its ends
        (Fourier(), Spec((4, 256, 256)), S256, 27.0),  # LaMa-Fourier
    ],
    ids=["unet", "resnet9", "resnet6", "rrdb", "srresnet", "lama"],
)
def test_as_many_parameters_as_published(net, source, target, published):
    with torch.device("meta"):  # sizes alone
        assert millions(net.build(source, target)) == pytest.approx(published, rel=0.01)


@pytest.mark.parametrize(
    ("critic", "shape", "published"),
    [
        (PatchGan(), (6, 256, 256), 2.769),  # pix2pix
        (PatchGan(norm="instance"), (3, 256, 256), 2.765),  # CycleGAN
        (UnetCritic(), (3, 64, 64), 4.377),  # Real-ESRGAN
    ],
    ids=["pix2pix", "cyclegan", "real-esrgan"],
)
def test_critics_have_as_many_parameters_as_published(critic, shape, published):
    with torch.device("meta"):
        assert millions(critic.build(Spec(shape))) == pytest.approx(published, rel=0.001)


@pytest.mark.parametrize(("layers", "patch"), [(1, 16), (2, 34), (3, 70), (4, 142)])
def test_patches_are_as_large_as_the_paper_says(layers, patch):
    net = PatchGan(channels=2, layers=layers, norm="none").build(Spec((1, 256, 256)))
    x = torch.rand(1, 1, 256, 256, requires_grad=True)
    logits = net(x).logits
    assert logits.ndim == 2
    side = int(logits.shape[1] ** 0.5)
    (gradient,) = torch.autograd.grad(logits[0, side // 2 * side + side // 2], x)
    rows = gradient.abs().sum((0, 1, 3)).nonzero()
    assert int(rows.max() - rows.min()) + 1 == patch


def test_pixels_are_judged_each_for_itself():
    net = PixelCritic(norm="none").build(Spec((3, 8, 8)))
    x = torch.rand(1, 3, 8, 8, requires_grad=True)
    (gradient,) = torch.autograd.grad(net(x).logits[0, 11], x)
    assert gradient.abs().sum((0, 1)).nonzero().tolist() == [[1, 3]]


def test_scales_weigh_alike():
    """Each PatchGAN has a third of the logits, whatever its grid; and they see images of different sizes."""
    net = Multiscale(channels=2).build(Spec((3, 128, 128)))
    output = net(torch.rand(2, 3, 128, 128))
    own = [net.nets[0].judge(torch.rand(2, 3, 128 >> k, 128 >> k), None)[0][0].numel() for k in range(3)]
    assert own[0] > own[1] > own[2]
    assert output.logits.shape == (2, 3 * own[0])
    assert len({hidden.shape[2] for hidden in output.layers}) > 4


def test_critics_of_patches_take_other_sizes():
    for critic in (PatchGan(channels=2), UnetCritic(channels=2), PixelCritic(channels=2)):
        net = critic.build(Spec((1, 64, 64)))
        assert net(torch.rand(1, 1, 50, 71)).logits.shape[0] == 1


def test_the_critic_of_whole_pictures_gives_one_number():
    assert VggCritic(channels=2).build(Spec((3, 50, 40)))(torch.rand(2, 3, 50, 40)).logits.shape == (2,)


def checkerboard(layer: nn.Module) -> float:
    """How much a doubled grid of one level varies from pixel to pixel: the spectrum beyond frequency 0, inside."""
    made = layer(torch.ones(1, 4, 16, 16))[:, :, 4:-4, 4:-4]
    spectrum = torch.fft.fft2(made).abs()
    return float((spectrum.sum() - spectrum[..., 0, 0].sum()) / spectrum[..., 0, 0].sum())


@pytest.mark.parametrize("how", ["nearest", "shuffle"])
def test_no_checkerboard_where_none_is_promised(how):
    torch.manual_seed(0)
    layer = doubling(4, 3, how, "reflect")
    normal_start(layer)
    with torch.no_grad():
        assert checkerboard(layer) < 1e-5


def test_a_transposed_convolution_of_kernel_three_leaves_one():
    """What the options are there against: CycleGAN's own layer, on a grid of one level."""
    torch.manual_seed(0)
    layer = doubling(4, 3, "transposed", "zero", kernel=3)
    normal_start(layer)
    with torch.no_grad():
        assert checkerboard(layer) > 0.1


@pytest.mark.parametrize(("padding", "frame"), [("reflect", False), ("replicate", False), ("zero", True)])
def test_only_zeros_leave_a_frame(padding, frame):
    """Of one level everywhere, an image stays of one level up to its edge, unless the edge is zeros."""
    torch.manual_seed(0)
    layer = nn.Sequential(conv(3, 8, 7, padding), nn.ReLU(), conv(8, 3, 3, padding))
    with torch.no_grad():
        made = layer(torch.full((1, 3, 20, 20), 0.7))
    assert (float((made - made[:, :, 10:11, 10:11]).abs().max()) > 1e-4) == frame


def test_the_halo_is_what_one_works_out_by_hand():
    """A convolution adds half its kernel, in px of its grid: two of a residual block on a quarter of it add 8."""
    assert reach(nn.Sequential(nn.Conv2d(1, 1, 9, padding=4), nn.Conv2d(1, 1, 3, padding=1)), 1, 1) == 5
    assert reach(nn.Sequential(nn.Conv2d(1, 1, 3, padding=2, dilation=2)), 1, 1) == 2
    enlarging = nn.Sequential(nn.Conv2d(1, 4, 3, padding=1), nn.PixelShuffle(2), nn.Conv2d(1, 1, 3, padding=1))
    assert reach(enlarging, 2, 1) == 2
    folded = nn.Sequential(nn.PixelUnshuffle(2), nn.Conv2d(4, 4, 3, padding=1), nn.PixelShuffle(2))
    assert reach(folded, 1, 2) == 3
    fewer, more = (ResnetTranslator(norm="none", channels=2, blocks=k).build(S256, S256).halo for k in (1, 2))
    assert more - fewer == 8
    assert ResnetTranslator(channels=2).build(S256, S256).halo is None


@pytest.mark.parametrize(
    ("size", "times"), [((256, 256), 8), ((512, 512), 8), ((128, 128), 7), ((96, 64), 5), ((31, 33), 3)]
)
def test_a_unet_halves_as_often_as_both_sides_can_be(size, times):
    assert halvings(*size) == times


def test_mirrors_go_back_and_forth():
    assert bounce(3, 8).tolist() == [0, 1, 2, 1, 0, 1, 2, 1]
    assert bounce(1, 3).tolist() == [0, 0, 0]
    x = torch.arange(4.0).view(1, 1, 2, 2)
    assert mirrored(x, 3, 2)[0, 0].tolist() == [[0, 1], [2, 3], [0, 1]]
    assert mirrored(x, 2, 2) is x


def test_a_residual_net_starts_from_the_enlarged_source():
    torch.manual_seed(0)
    net = SrResNet(channels=8, blocks=2).build(Spec((3, 16, 16)), Spec((3, 32, 32))).eval()
    x = torch.rand(1, 3, 16, 16) * 2 - 1
    wanted = nn.functional.interpolate(x, scale_factor=2, mode="bilinear")
    with torch.no_grad():
        assert float((net(x) - wanted).abs().max()) < 0.1


@pytest.mark.slow
def test_the_page_says_how_far_each_net_looks():
    """The table of docs/translate.md, for the papers' sizes."""
    small, one = Spec((3, 64, 64)), {"channels": 1}
    nets = [
        (SrResNet(**one), small, S256, 40), (RrdbNet(growth=1, **one), small, S256, 349),
        (ResnetTranslator(**one), S256, S256, 84), (ResnetTranslator(blocks=6, **one), S256, S256, 60),
        (Gated(**one), S256, S256, 153), (Gated(residual=True, **one), Spec((4, 256, 256)), S256, 373),
        (Fourier(**one), S256, S256, None),
        *((Unet(halvings=k, **one), S256, S256, px) for k, px in ((5, 93), (6, 189), (7, 381), (8, 765))),
    ]  # fmt: skip
    page = (Path(__file__).parents[2] / "docs" / "translate.md").read_text(encoding="utf-8")
    for net, source, target, px in nets:
        with torch.device("meta"):
            assert net.build(source, target).settled_halo == px
        assert px is None or f"{px}" in page


@pytest.mark.parametrize(
    "net",
    [
        Unet(channels=8), ResnetTranslator(channels=8), SrResNet(channels=8), RrdbNet(channels=8, growth=4, blocks=4),
        SrResNet(channels=8, norm="none", fold=2), Gated(channels=8), Fourier(channels=8, blocks=3),
    ],
    ids=lambda net: net.kind,
)  # fmt: skip
def test_the_picture_comes_through_before_any_training(net):
    """Sixteen gated layers with torch's weights let nothing through, and the net learned the mean color and no more."""
    torch.manual_seed(0)
    small = Spec((3, 64, 64))
    built = net.build(small, small)
    with torch.no_grad():
        (last,) = built.features(torch.rand(4, 3, 64, 64) * 2 - 1, [built.depth])
    assert float(last.std(0).mean()) > 0.03
    assert float(last.std(0).mean() / last.abs().mean()) > 0.3, "pictures differ, and so does what is made of them"
