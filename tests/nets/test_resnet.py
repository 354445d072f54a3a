"""The residual family: published parameter counts, the rule of sizes, what its layers compute, and what they refuse."""

from __future__ import annotations

import math
from collections.abc import Iterator

import pytest
import torch
from torch import Tensor, nn
from torch.nn.functional import conv2d, interpolate

from ganforge.core.types import Spec
from ganforge.modalities.image.layers.residual import DownBlock, UpBlock
from ganforge.modalities.image.layers.shapes import layout
from ganforge.modalities.image.nets.biggan import BigganDiscriminator, BigganGenerator
from ganforge.modalities.image.nets.biggan_deep import BigganDeepDiscriminator, BigganDeepGenerator
from ganforge.modalities.image.nets.resnet import ResnetDiscriminator, ResnetGenerator, attended, stages, widths
from ganforge.nets.base import Discriminator, Generator, couples_batch
from ganforge.nets.layers.attention import SelfAttention
from ganforge.nets.layers.conditional_norm import by_label, by_vector
from ganforge.nets.layers.init import orthogonal_init, xavier_init
from ganforge.nets.layers.truncation import truncated_normal
from ganforge.nets.mlp import MlpDiscriminator, MlpGenerator
from refused import refused

TEN = tuple("0123456789")
CIFAR, PLAIN = Spec((3, 32, 32), 10, TEN), Spec((3, 32, 32))
PAIRS: dict[str, tuple[type[Generator], type[Discriminator]]] = {
    "resnet": (ResnetGenerator, ResnetDiscriminator),
    "biggan": (BigganGenerator, BigganDiscriminator),
    "biggan_deep": (BigganDeepGenerator, BigganDeepDiscriminator),
}
SMALL_G = {"channels": 2, "latent": 10}


def count(net: nn.Module) -> int:
    return sum(p.numel() for p in net.parameters())


class TestPublishedCounts:
    """What StudioGAN's logs print for CIFAR-10: RGB 32×32, ten classes, its widths (64, for BigGAN 96)."""

    @pytest.fixture(autouse=True)
    def _sizes_alone(self) -> Iterator[None]:
        with torch.device("meta"):
            yield

    def test_sngan_with_labels(self):
        """64 channels, 128 latents, conditional batch norm and projection."""
        assert count(ResnetGenerator().build(CIFAR)) == 4_304_387
        assert count(ResnetDiscriminator().build(CIFAR)) == 1_055_105

    def test_wgan_gp_without_labels(self):
        """64 channels. Its critic has batch norm: before every convolution's ReLU, and on the skips of the halving
        blocks (the image's 3 channels, then 128), which a penalty on a sample's gradient cannot live with. Ours has
        layer norm in the former places, none on the skips: 2·(3 + 128) numbers less."""
        assert count(ResnetGenerator().build(PLAIN)) == 4_276_739
        assert count(ResnetDiscriminator(norm="layer").build(PLAIN)) == 1_055_879 - 2 * (3 + 128)

    def test_sagan(self):
        """SNGAN's with attention on the 16×16 grid of both."""
        assert count(ResnetGenerator(attention=32, spectral=True).build(CIFAR)) == 4_386_308
        assert count(ResnetDiscriminator(attention=32).build(CIFAR)) == 1_075_586

    def test_biggan(self):
        """96 channels, 80 latents in four parts of 20, a shared vector of 128, attention on the 16×16 grid of both."""
        assert count(BigganGenerator(latent=80).build(CIFAR)) == 9_416_196
        assert count(BigganDiscriminator().build(CIFAR)) == 2_415_170

    def test_the_norm_of_the_weights_adds_none(self):
        assert count(ResnetDiscriminator(norm="none").build(PLAIN)) == count(ResnetDiscriminator().build(PLAIN))


SMALLER = [((1, 28, 28), 3), ((4, 48, 48), 0), ((3, 48, 64), 3)]
LARGER = [((3, 32, 32), 0), ((3, 96, 160), 0), ((1, 128, 128), 3)]


class TestRuleOfSizes:
    @pytest.mark.parametrize(
        ("size", "base", "g", "d"),
        [
            (32, 4, [256] * 4, [(128, 1), (128, 1), (128, 0), (128, 0)]),
            (28, 7, [256] * 3, [(128, 1), (128, 1), (128, 0), (128, 0)]),
            (48, 6, [512, 256, 128, 64], [(64, 1), (128, 1), (256, 1), (512, 1), (1024, 0)]),
            (64, 4, [1024, 512, 256, 128, 64], [(64, 1), (128, 1), (256, 1), (512, 1), (1024, 1)]),
            (
                128, 4, [1024, 1024, 512, 256, 128, 64],
                [(64, 1), (128, 1), (256, 1), (512, 1), (1024, 1), (1024, 0)],
            ),
        ],
    )  # fmt: skip
    def test_the_papers_tables(self, size, base, g, d):
        plan = layout(Spec((3, size, size)), "a net")
        assert plan.base == (base, base)
        assert widths(plan, 64, 1024) == g
        assert stages(plan, 64, 1024) == d

    @pytest.mark.parametrize("kind", PAIRS)
    @pytest.mark.parametrize(
        ("shape", "classes"),
        [*SMALLER, *(pytest.param(*each, marks=pytest.mark.slow) for each in LARGER)],
    )
    def test_pictures_of_every_size(self, kind, shape, classes):
        """Square or not, gray, RGB or RGBA, with labels or without; G and D reach the same sizes."""
        G, D = PAIRS[kind][0](**SMALL_G), PAIRS[kind][1](channels=2)
        assert G.nearest(shape) == D.nearest(shape) == shape
        spec = Spec(shape, classes, TEN[:classes])
        c = torch.tensor([0, 2]) if classes else None
        x = G.build(spec)(torch.randn(2, 10), c)
        assert x.shape == (2, *shape)
        assert D.build(spec)(x, c).logits.shape == (2,)

    @pytest.mark.slow
    @pytest.mark.parametrize("kind", PAIRS)
    @pytest.mark.parametrize("size", [256, 512])
    def test_the_largest_end_on_four_cells(self, kind, size):
        with torch.device("meta"):  # shapes alone: the nets are large and nothing is computed
            plan = layout(Spec((3, size, size)), "a net")
        assert plan.base == (4, 4)
        D = PAIRS[kind][1](channels=1).build(Spec((3, size, size)))
        grids: list[tuple[int, ...]] = []
        last = [block for block in D.blocks if not isinstance(block, SelfAttention)][-1]  # type: ignore[union-attr]
        last.register_forward_hook(lambda _, __, out: grids.append(tuple(out.shape[2:])))
        D(torch.zeros(1, 3, size, size))
        assert grids == [(4, 4)]

    def test_what_cannot_be_reached_is_refused_with_the_nearest(self):
        for G, D in PAIRS.values():
            for component in (G(), D()):
                with refused("nets.unreachable_size", "100×100", "96×96"):
                    component.build(Spec((3, 100, 100)))
                with refused("nets.not_for_shape", "[2]", "mlp"):
                    component.nearest((2,))

    def test_attention_lies_on_half_the_picture_at_most(self):
        grids = [(4, 4), (8, 8), (16, 16), (32, 32)]
        assert attended(grids, (32, 32), 64) == 2
        assert attended(grids[::-1], (32, 32), 64) == 1
        assert attended([*grids, (64, 64), (128, 128)], (128, 128), 32) == 3
        assert attended([(3, 3), (6, 6)], (6, 6), 2) == 0, "the coarsest where none is small enough"
        assert attended([(16, 16), (8, 8), (8, 8), (8, 8)], (32, 32), 8) == 1, "the first of equals"


class TestLayers:
    def test_an_up_block_is_what_it_says(self):
        """Against the same sum written out, with the skip convolved after the doubling."""
        torch.manual_seed(0)
        block = UpBlock(3, 5, lambda n: nn.Identity())
        for name in ("norm1", "norm2"):
            setattr(block, name, Through())
        x = torch.randn(2, 3, 4, 6)
        double = lambda t: interpolate(t, scale_factor=2)  # noqa: E731
        h = conv2d(double(x.relu()), block.conv1.weight, block.conv1.bias, padding=1)
        h = conv2d(h.relu(), block.conv2.weight, block.conv2.bias, padding=1)
        expected = h + conv2d(double(x), block.skip.weight, block.skip.bias)
        torch.testing.assert_close(block(x, None), expected)

    @pytest.mark.parametrize("first", [False, True])
    def test_a_down_block_is_what_it_says(self, first):
        torch.manual_seed(0)
        block = DownBlock(3, 4, 5, True, lambda n: nn.Identity(), first=first)
        x = torch.randn(2, 3, 4, 6)
        before = x.clone()
        h = conv2d(x if first else x.relu(), block.conv1.weight, block.conv1.bias, padding=1)
        h = conv2d(h.relu(), block.conv2.weight, block.conv2.bias, padding=1)
        assert isinstance(block.skip, nn.Conv2d)
        whole = h + conv2d(x, block.skip.weight, block.skip.bias)  # the skip sees x, not its ReLU
        expected = whole.unflatten(2, (2, 2)).unflatten(4, (3, 2)).mean((3, 5))
        torch.testing.assert_close(block(x), expected)
        assert torch.equal(x, before), "nothing works in place"

    def test_attention_is_what_it_says(self):
        """One cell's sum over the pooled cells, by hand; and nothing at all at the start."""
        torch.manual_seed(0)
        layer = SelfAttention(16)
        x = torch.randn(2, 16, 4, 4)
        assert torch.equal(layer(x), x)
        with torch.no_grad():
            layer.gamma.fill_(0.7)
        one = lambda conv, cell: conv.weight[:, :, 0, 0] @ cell  # noqa: E731
        n, i, j = 1, 2, 3
        patches = [x[n, :, r : r + 2, s : s + 2].flatten(1) for r in (0, 2) for s in (0, 2)]
        keys = torch.stack([(layer.phi.weight[:, :, 0, 0] @ p).amax(1) for p in patches])  # [Q, 2]
        values = torch.stack([(layer.g.weight[:, :, 0, 0] @ p).amax(1) for p in patches])  # [Q, 8]
        beta = (keys @ one(layer.theta, x[n, :, i, j])).softmax(0)
        expected = x[n, :, i, j] + 0.7 * one(layer.out, beta @ values)
        torch.testing.assert_close(layer(x)[n, :, i, j], expected)

    @pytest.mark.slow
    def test_attention_twice_differentiable(self):
        torch.manual_seed(0)
        layer = SelfAttention(8).double()
        with torch.no_grad():
            layer.gamma.fill_(0.5)
        x = torch.randn(1, 8, 3, 4, dtype=torch.float64, requires_grad=True)
        assert torch.autograd.gradcheck(layer, (x,))
        assert torch.autograd.gradgradcheck(layer, (x,))

    @pytest.mark.parametrize(
        ("norm", "code"), [(by_label(3, 4), torch.tensor([1, 3])), (by_vector(3, 5), torch.randn(2, 5))]
    )
    def test_conditional_batch_norm(self, norm, code):
        torch.manual_seed(0)
        with torch.no_grad():
            for p in norm.parameters():
                p.normal_()
        x = torch.randn(2, 3, 4, 4) * 3 + 1
        even = (x - x.mean((0, 2, 3), keepdim=True)) / (x.var((0, 2, 3), unbiased=False, keepdim=True) + 1e-5).sqrt()
        expected = even * (1 + norm.gain(code))[:, :, None, None] + norm.offset(code)[:, :, None, None]
        torch.testing.assert_close(norm(x, code), expected)
        assert couples_batch(norm)

    def test_no_relu_works_in_place(self):
        """In a residual net it would change what the skip carries (a known trap of other implementations)."""
        for G, D in PAIRS.values():
            for net in (G(**SMALL_G).build(CIFAR), D(channels=2).build(CIFAR)):
                assert not [m for m in net.modules() if getattr(m, "inplace", False)]

    def test_the_critic_has_no_batch_norm(self):
        for _, D in PAIRS.values():
            assert not couples_batch(D(channels=2).build(CIFAR))

    def test_orthogonal_weights(self):
        torch.manual_seed(0)
        net = nn.Sequential(nn.Conv2d(4, 6, 3), nn.Linear(9, 5), nn.Embedding(3, 8))
        orthogonal_init(net)
        for weight in (net[0].weight.flatten(1), net[1].weight, net[2].weight):
            torch.testing.assert_close(weight @ weight.T, torch.eye(len(weight)), atol=1e-5, rtol=0)
        assert not net[0].bias.any()

    def test_xavier_has_twice_the_variance_behind_a_relu(self):
        torch.manual_seed(0)
        block = DownBlock(64, 64, 64, True, lambda n: nn.Identity())
        xavier_init(block)
        assert isinstance(block.skip, nn.Conv2d)
        assert block.conv1.weight.var().item() == pytest.approx(2 * 2 / (2 * 64 * 9), rel=0.05)
        assert block.skip.weight.var().item() == pytest.approx(2 / (2 * 64), rel=0.1)


class Through(nn.Module):
    def forward(self, x: Tensor, code: Tensor | None = None) -> Tensor:
        return x


class TestBiggan:
    def test_spectral_norm_of_all_but_the_shared_vectors(self):
        for G, D in list(PAIRS.values())[1:]:
            for net, free in ((G(**SMALL_G).build(CIFAR), {"label.weight"}), (D(channels=2).build(CIFAR), set())):
                names = {name for name, p in net.named_parameters() if p.ndim > 1}
                assert {name for name in names if not name.endswith("parametrizations.weight.original")} == free

    def test_each_grid_hears_its_own_part_of_the_latent(self):
        """With the other parts held, the last part changes the last block alone; BigGAN-deep has no parts."""
        torch.manual_seed(0)
        net = BigganGenerator(channels=2, latent=8).build(PLAIN).eval()
        seen: list[Tensor] = []
        net.blocks[1].register_forward_hook(lambda _, __, out: seen.append(out))  # type: ignore[index]
        z = torch.randn(4, 8)
        other = torch.cat([z[:, :6], torch.randn(4, 2)], 1)
        a, b = net(z), net(other)
        assert torch.equal(seen[0], seen[1])
        assert not torch.allclose(a, b)

    def test_a_latent_that_need_not_divide(self):
        net = BigganGenerator(channels=2, latent=10).build(PLAIN)
        assert net.parts == [3, 3, 2, 2]
        with refused("nets.latent_too_small", "task.generator.latent=3", "at least 4"):
            BigganGenerator(channels=2, latent=3).build(PLAIN)

    def test_truncated_normal(self):
        """Within its bounds, with the moments of a truncated normal, in the order of the latents; whole at 1."""
        z = torch.randn(200_000, 1, generator=torch.Generator().manual_seed(0))
        assert torch.equal(truncated_normal(z, 1.0), z)
        for t in (0.9, 0.5, 0.02):
            tau = 2 * t
            cut = truncated_normal(z, t)
            assert cut.abs().max() <= tau
            density = math.exp(-tau * tau / 2) / math.sqrt(2 * math.pi)
            variance = 1 - 2 * tau * density / math.erf(tau / math.sqrt(2))
            assert cut.var().item() == pytest.approx(variance, rel=0.02)
            assert (cut[z.flatten().argsort()].diff(dim=0) >= 0).all()
        assert torch.isfinite(truncated_normal(torch.tensor([[-9.0, 9.0]]), 0.5)).all()

    def test_its_own_latents_are_cut_and_others_scaled(self):
        z = torch.full((1, 4), 3.0)
        assert BigganGenerator().truncate(z, 0.5).max() < 1
        assert torch.equal(ResnetGenerator().truncate(z, 0.5), z * 0.5)


class TestMixing:
    @pytest.mark.slow
    @pytest.mark.parametrize("other", [MlpDiscriminator(widths=(8,)), *(D(channels=2) for _, D in PAIRS.values())])
    @pytest.mark.parametrize("own", [MlpGenerator(latent=10, widths=(8,)), *(G(**SMALL_G) for G, _ in PAIRS.values())])
    def test_any_player_with_any_other(self, own, other):
        spec = Spec((3, 16, 16), 3, TEN[:3])
        c = torch.tensor([0, 1, 2])
        x = own.build(spec)(torch.randn(3, 10), c)
        other.build(spec)(x, c).logits.sum().backward()


@pytest.mark.slow
@pytest.mark.parametrize("kind", PAIRS)
def test_a_step_at_512(kind):
    """G's step through D on two 512×512 images, narrow: the process grows by 0.7 to 0.9 GB (measured).

    At the published widths (resnet 64, biggan 96, biggan_deep 128) it is 3.1, 4.6 and 5.1 GB.
    """
    spec = Spec((3, 512, 512))
    G, D = PAIRS[kind][0](channels=16).build(spec), PAIRS[kind][1](channels=16).build(spec)
    x = G(torch.randn(2, PAIRS[kind][0]().latent))
    D(x).logits.sum().backward()
    assert all(p.grad is not None for p in G.parameters())
