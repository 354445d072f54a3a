"""What every translator must do, whatever it is made of."""

from __future__ import annotations

import itertools
from typing import Literal, get_args, get_origin, get_type_hints

import pytest
import torch
from torch import Tensor, nn

from ganforge.core.component import fields_of
from ganforge.core.errors import UserError
from ganforge.core.types import Nets, Spec
from ganforge.inference.prepared import prepared
from ganforge.modalities.pair.layers.translating import TranslatorNet
from ganforge.nets.base import Translator
from ganforge.registry import load_all
from refused import refused

load_all()

SMALL = {"channels": 4, "max_channels": 16, "blocks": 2, "growth": 3}
SCALES = (1, 2, 4)
CHANNELS = [(3, 3), (1, 3), (4, 1)]  # colors; colorising; a mask beside what it covers
SIDE = 16
N = 2

OWN = [cls for _, cls in sorted(Translator.kinds.items()) if cls.__module__.startswith("ganforge.")]


def small(cls: type[Translator], **options: object) -> Translator:
    return cls(**{name: value for name, value in SMALL.items() if name in fields_of(cls)}, **options)


def variants(cls: type[Translator]) -> list[dict[str, object]]:
    """Every choice of words and every switch among the fields; the default first."""
    hints = get_type_hints(cls)
    words = {name: get_args(hints[name]) for name in fields_of(cls) if get_origin(hints[name]) is Literal}
    default = {name: getattr(cls(), name) for name in words}
    changed = [default | {name: word} for name in words for word in words[name] if word != default[name]]
    return [default, *changed]


def scales(cls: type[Translator]) -> list[int]:
    found = []
    for scale in SCALES:
        try:
            small(cls).check(Spec((3, SIDE, SIDE)), Spec((3, SIDE * scale, SIDE * scale)))
        except UserError:
            continue
        found.append(scale)
    assert found, f"translator {cls.kind!r} refuses every scale of {SCALES}, so no test would try it"
    return found


def cases() -> list:
    found = []
    for cls in OWN:
        for k, options in enumerate(variants(cls)):
            combined = itertools.product(CHANNELS, scales(cls)) if k == 0 else [(CHANNELS[0], scales(cls)[-1])]
            for (before, after), scale in combined:
                source, target = Spec((before, SIDE, SIDE)), Spec((after, SIDE * scale, SIDE * scale))
                said = "-".join(f"{name}={word}" for name, word in options.items()) if k else "default"
                name = f"{cls.kind}-{said}-{before}to{after}x{scale}"
                usual = k > 0 or ((before, after) == CHANNELS[0] and scale == scales(cls)[0])
                marks = () if usual else pytest.mark.slow
                found.append(pytest.param(small(cls, **options), source, target, id=name, marks=marks))
    return found


def built(translator: Translator, source: Spec, target: Spec, seed: int = 0) -> TranslatorNet:
    torch.manual_seed(seed)
    net = translator.build(source, target)
    assert isinstance(net, TranslatorNet)
    return net


def pictures(spec: Spec, seed: int = 1) -> Tensor:
    return torch.rand(N, *spec.shape, generator=torch.Generator().manual_seed(seed)) * 2 - 1


def opened(net: nn.Module) -> nn.Module:
    """With all that starts at 0 moved a little: behind a gate that is shut nothing learns."""
    with torch.no_grad():
        for parameter in net.parameters():
            if not parameter.any():
                parameter.normal_(0, 0.1)
    return net


@pytest.mark.parametrize(("translator", "source", "target"), cases())
class TestTranslator:
    def test_makes_pictures_of_the_shape(self, translator, source, target):
        x = built(translator, source, target)(pictures(source))
        assert x.shape == (N, *target.shape)
        assert x.dtype == torch.float32
        assert torch.isfinite(x).all()

    @pytest.mark.slow
    def test_prepared_for_bf16_it_is_as_exact_as_autocast(self, translator, source, target):
        net = opened(built(translator, source, target)).eval()
        fast = prepared(Nets({"G": net})).G
        assert (fast.halo, fast.scale, fast.multiple) == (net.halo, net.scale, net.multiple)
        with torch.inference_mode():
            exact = net(pictures(source))
            with torch.autocast("cpu", torch.bfloat16):
                usual, x = net(pictures(source)).float(), fast(pictures(source)).float()
        scale, error, least = (y.square().mean().sqrt() for y in (exact, x - exact, usual - exact))
        assert error <= 2 * least + 0.01 * scale + 1e-6

    def test_any_size_will_do(self, translator, source, target):
        net = built(translator, source, target).eval()
        scale = target.shape[1] // source.shape[1]
        for h, w in ((1, 1), (3, 40), (19, 21)):
            made = net(torch.rand(1, source.shape[0], h, w))
            assert made.shape == (1, target.shape[0], h * scale, w * scale)
            assert torch.isfinite(made).all()

    def test_every_parameter_learns(self, translator, source, target):
        net = opened(built(translator, source, target))
        x = net(pictures(source))
        (x * torch.randn_like(x)).sum().backward()
        for name, parameter in net.named_parameters():
            assert parameter.grad is not None, f"{name} gets no gradient"
            assert torch.isfinite(parameter.grad).all(), name
            assert parameter.grad.abs().sum() > 0, f"the gradient of {name} is 0"

    def test_same_seed_same_net(self, translator, source, target):
        a, b = built(translator, source, target, 3), built(translator, source, target, 3)
        assert all(torch.equal(p, q) for p, q in zip(a.parameters(), b.parameters(), strict=True))
        outputs = []
        for net in (a, b):
            torch.manual_seed(7)  # of dropout
            outputs.append(net(pictures(source)))
        assert torch.equal(*outputs)

    def test_state_round_trip(self, translator, source, target):
        net, twin = built(translator, source, target, 1), built(translator, source, target, 2)
        net(pictures(source))  # moves the statistics of batch norm, which belong to the state
        twin.load_state_dict(net.state_dict())
        assert torch.equal(net.eval()(pictures(source)), twin.eval()(pictures(source)))

    def test_a_picture_does_not_hang_on_its_neighbors_in_use(self, translator, source, target):
        net = built(translator, source, target).eval()
        x = pictures(source)
        torch.testing.assert_close(net(x)[:1], net(x[:1]), atol=1e-5, rtol=1e-4)

    def test_says_how_far_it_looks(self, translator, source, target):
        """No pixel beyond the halo has a gradient, and one at the halo's edge has; all have where it is None."""
        net = built(translator, source, target).double().eval()
        halo, scale = net.halo, net.scale
        place = 24 if halo is None else -(-halo // net.multiple) * net.multiple
        side = place + (24 if halo is None else net.multiple + halo + 1)
        x = torch.rand(1, source.shape[0], 1, side, dtype=torch.float64).expand(-1, -1, max(net.least, 1), -1)
        x = x.clone().requires_grad_()
        furthest = 0
        for k in range(net.multiple):  # the places of one period look differently far
            made = net(x)[:, :, 0, (place + k) * scale : (place + k + 1) * scale]
            (gradient,) = torch.autograd.grad(made.sum(), x)
            reached = gradient.abs().sum((0, 1, 2)).nonzero().flatten()  # columns that matter
            furthest = max(furthest, int(place + k - reached.min()), int(reached.max() - place - k))
        if halo is None:
            assert furthest >= 23
        else:
            assert furthest == halo

    def test_features_are_its_hidden_layers(self, translator, source, target):
        net = built(translator, source, target).eval()
        x = pictures(source)
        found = net.features(x, range(net.depth + 1))
        assert len(found) == net.depth + 1
        assert torch.equal(found[0][:, :, :SIDE, :SIDE], x)
        assert all(hidden.ndim == 4 and hidden.shape[0] == N for hidden in found)
        one = net.features(x, [1])[0]
        assert torch.equal(one, found[1])
        with pytest.raises(ValueError, match=f"0 to {net.depth}"):
            net.features(x, [net.depth + 1])

    @pytest.mark.slow
    def test_learns_to_copy(self, translator, source, target):
        """A step or two towards a target brings it nearer."""
        net = opened(built(translator, source, target))
        x, y = pictures(source), pictures(target, 2) * 0.5
        optimizer = torch.optim.Adam(net.parameters(), 2e-3)
        losses = []
        for _ in range(4):
            torch.manual_seed(5)
            loss = (net(x) - y).abs().mean()
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            losses.append(loss.item())
        assert losses[-1] < losses[0]

    @pytest.mark.slow
    def test_bf16_autocast(self, translator, source, target):
        net = built(translator, source, target)
        with torch.autocast("cpu", torch.bfloat16):
            x = net(pictures(source))
        assert torch.isfinite(x).all()
        x.float().sum().backward()

    def test_weights_are_laid_out_plainly(self, translator, source, target):
        assert all(t.is_contiguous() for t in built(translator, source, target).state_dict().values())


@pytest.mark.parametrize("cls", OWN, ids=lambda cls: cls.kind)
def test_what_is_no_picture_is_refused(cls):
    picture, point = Spec((3, SIDE, SIDE)), Spec((2,))
    for source, target in ((picture, point), (point, picture)):
        with refused("nets.not_for_shape", "[C, H, W]", "[2]"):
            cls().build(source, target)


@pytest.mark.parametrize("cls", OWN, ids=lambda cls: cls.kind)
def test_sizes_that_do_not_go_together_are_refused(cls):
    with refused("nets.wrong_scale", "16×16 is to become 16×32"):
        cls().build(Spec((3, 16, 16)), Spec((3, 16, 32)))


@pytest.mark.parametrize("cls", OWN, ids=lambda cls: cls.kind)
def test_pictures_too_small_are_refused_with_the_least_size(cls):
    with refused("nets.images_too_small", "1×16 px") as caught:
        cls().build(Spec((3, 1, 16)), Spec((3, 1, 16)))
    assert any(f"at least {least} px" in str(caught.value) for least in (2, 4, 8))
