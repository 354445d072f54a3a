"""What every generator and every discriminator must do, whatever it is made of."""

from __future__ import annotations

import functools
import itertools
import math
from collections.abc import Callable, Iterator
from typing import Literal, get_args, get_origin, get_type_hints

import pytest
import torch
from small import reached, reached_by
from torch import Tensor, nn
from torch.nn.functional import softplus

from ganforge.core.component import fields_of
from ganforge.core.errors import UserError
from ganforge.core.types import Nets, Spec
from ganforge.inference.prepared import prepared
from ganforge.modalities.image.layers.growth import Growing
from ganforge.nets.base import Discriminator, DiscriminatorOutput, Generator, couples_batch
from ganforge.registry import load_all
from selected import slow_ones

load_all()

FEW = [Spec((1, 8, 8)), Spec((2,))]  # for choices of words other than the default
SMALL = {"latent": 6, "channels": 4, "max_channels": 16, "widths": (12, 16), "reference": 5}
SMALL |= {"features": (8,) * 6, "motion": 8}
N = 4


def own(family: type) -> list[type]:
    """The nets of the package, in the order of their names; other tests register toys."""
    kinds = sorted(family.kinds.items())
    return [cls for _, cls in kinds if cls.__module__.startswith("ganforge.")]


def small(cls: type, **options: str) -> Generator | Discriminator:
    return cls(**{name: value for name, value in SMALL.items() if name in fields_of(cls)}, **options)


@functools.cache
def variants(cls: type) -> list[dict[str, str]]:
    """Every choice of words among the fields of a net, each with each; the default first."""
    hints = get_type_hints(cls)
    words = {name: get_args(hints[name]) for name in fields_of(cls) if get_origin(hints[name]) is Literal}
    return [dict(zip(words, choice, strict=True)) for choice in itertools.product(*words.values())]


def few(net: Generator | Discriminator) -> list[Spec]:
    """Small specs that a net can work with; at least one."""
    return reached(net, FEW) or reached_by(net)[:1]


def cases_of(cls: type, every: bool) -> list:
    """What a net is tried with; never nothing.

    Daily: the default words with labels and the first shape (of images one that is small and not square), and each
    other word once. The rest is slow and left out unless `every`: each word with each, every shape, without labels.
    """
    found = []
    default = {name: getattr(cls(), name) for name in variants(cls)[0]}
    for options in variants(cls):
        net = small(cls, **options)
        changed = [value for name, value in options.items() if value != default[name]]
        shapes = few(net) if changed else reached_by(net)
        for near in shapes:
            for classes in (3 if len(near.shape) == 3 else 0,) if changed else (3, 0):
                daily = near is shapes[0] and (len(changed) == 1 or (not changed and classes > 0))
                if daily or every:
                    spec = Spec(near.shape, classes, tuple("abc"[:classes]), near.state)
                    name = [cls.kind, *changed, "x".join(map(str, near.shape)), *(["state"] if near.state else [])]
                    marks = () if daily else pytest.mark.slow
                    found.append(pytest.param(net, spec, id=f"{'-'.join(name)}-{classes}", marks=marks))
    return found


COSTLY: set[Callable[..., None]] = set()


def costly(test: Callable[..., None]) -> Callable[..., None]:
    """Tried daily with the first case of each net alone: the default words, with labels."""
    COSTLY.add(test)
    return test


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """To list the 10,000 slow cases takes each process seconds, so they are made only where slow tests run."""
    family, every = getattr(metafunc.cls, "family", None), slow_ones(metafunc.config)
    if family is None:
        return
    found = []
    for cls in own(family):
        first, *others = cases_of(cls, every)
        if metafunc.function in COSTLY:
            others = [pytest.param(*case.values, id=case.id, marks=pytest.mark.slow) for case in others if every]
        found += [first, *others]
    metafunc.parametrize(("net_of", "spec"), found)


def labels(spec: Spec, shift: int = 0) -> Tensor | None:
    return (torch.arange(N) + shift) % spec.classes if spec.classes else None


def built(net: Generator | Discriminator, spec: Spec, seed: int = 0) -> nn.Module:
    torch.manual_seed(seed)
    return net.build(spec)


LENT: dict[str, nn.Module] = {}


def lent(net: Generator | Discriminator, spec: Spec) -> nn.Module:
    """A net that is built once for all tests that leave its weights as they are; each sets the mode that it needs."""
    case = repr((net, spec))
    if case not in LENT:
        LENT[case] = built(net, spec)
    torch.manual_seed(0)  # of what the test draws
    return LENT[case]


def laid_out_plainly(net: nn.Module) -> bool:
    """Fused optimizers pair weights with their state by place in memory, and checkpoints want plain tensors."""
    return all(tensor.is_contiguous() for tensor in net.state_dict().values())


def opened(net: nn.Module) -> nn.Module:
    """With all that starts at 0 moved a little: behind a gate that is shut (attention, fix-up) nothing learns."""
    with torch.no_grad():
        for parameter in net.parameters():
            if not parameter.any():
                parameter.normal_(0, 0.1)
    return net


def pictures(net: nn.Module, z: Tensor, c: Tensor | None) -> list[Tensor]:
    """All that a generator can make of latents: one that grows paints on each grid, and so does one of many scales."""
    if isinstance(net, Growing):
        return [net(z, c) for _ in on_each_grid(net)]
    return net.scales(z, c) if hasattr(net, "scales") else [net(z, c)]  # type: ignore[operator]


def on_each_grid(net: nn.Module) -> Iterator[tuple[int, ...] | None]:
    """The sizes that a growing net works with, one after the other, each while it does; None for any other net."""
    if not isinstance(net, Growing):
        yield None
        return
    for grid in range(net.top + 1):
        net.grow(grid)
        yield net.sizes[grid]  # type: ignore[index]


def every_parameter_learns(net: nn.Module, loss: Tensor) -> None:
    loss.backward()
    for name, parameter in net.named_parameters():
        assert parameter.grad is not None, f"{name} gets no gradient"
        assert torch.isfinite(parameter.grad).all(), name
        assert parameter.grad.abs().sum() > 0, f"the gradient of {name} is 0"


def steepness(net: nn.Module, x: Tensor, c: Tensor | None) -> Tensor:
    """What gradient penalties look at, differentiable."""
    x = x.detach().requires_grad_()
    with torch.enable_grad():
        (gradient,) = torch.autograd.grad(net(x, c).logits.sum(), x, create_graph=True)
    return 0.5 * gradient.square().sum()


def reloads(net: nn.Module, twin: nn.Module) -> None:
    assert any(not torch.equal(a, b) for a, b in zip(net.parameters(), twin.parameters(), strict=True))
    twin.load_state_dict(net.state_dict())
    for (name, a), b in zip(net.state_dict().items(), twin.state_dict().values(), strict=True):
        assert torch.equal(a, b), name


def goes_on_exactly(net: nn.Module, twin: nn.Module, step: Callable[[nn.Module], Tensor]) -> None:
    """Whatever was done since the last step, a net with the state of another one goes on as that one does.

    The state is copied in place, as a checkpoint is loaded.
    """
    for looks in (0, 2):  # at the new weights, before the state is taken
        for _ in range(looks):
            step(net)
            net.zero_grad()
        with torch.no_grad():
            for a, b in zip(net.state_dict().values(), twin.state_dict().values(), strict=True):
                b.copy_(a)
        for _ in range(2 if looks else 1):
            torch.manual_seed(5)
            wanted = step(net)
            torch.manual_seed(5)
            assert torch.equal(step(twin), wanted)
            with torch.no_grad():
                for player in (net, twin):
                    for p in player.parameters():
                        if p.grad is not None:
                            p -= 1e-3 * p.grad.sign()
                    player.zero_grad()


class TestGenerator:
    family = Generator

    def test_makes_samples_of_the_shape(self, net_of, spec):
        net = lent(net_of, spec).train()
        assert laid_out_plainly(net)
        x = net(torch.randn(N, SMALL["latent"]), labels(spec))
        assert x.shape == (N, *spec.shape)
        assert x.dtype == torch.float32
        assert torch.isfinite(x).all()
        if len(spec.shape) == 3 and net_of.within_one:
            assert x.abs().max() <= 1

    @pytest.mark.slow
    def test_prepared_for_bf16_it_is_as_exact_as_autocast(self, net_of, spec):
        net = lent(net_of, spec).eval()
        fast, z = prepared(Nets({"G": net})).G, torch.randn(N, SMALL["latent"])
        with torch.inference_mode():
            exact = net(z, labels(spec))
            with torch.autocast("cpu", torch.bfloat16):
                usual, x = net(z, labels(spec)).float(), fast(z, labels(spec)).float()
        scale, error, least = (y.square().mean().sqrt() for y in (exact, x - exact, usual - exact))
        assert error <= 2 * least + 0.01 * scale + 1e-6
        assert all(tensor.dtype != torch.bfloat16 for tensor in net.state_dict().values()), "the net itself is changed"

    def test_latents_matter(self, net_of, spec):
        net = lent(net_of, spec).eval()
        z = torch.randn(N, SMALL["latent"])
        x = net(z, labels(spec))
        assert not torch.allclose(x, net(-z, labels(spec)))

    @costly
    def test_every_parameter_learns(self, net_of, spec):
        net = opened(built(net_of, spec))
        made = pictures(net, torch.randn(N, SMALL["latent"]), labels(spec))
        every_parameter_learns(net, torch.stack([(x * torch.randn_like(x)).sum() for x in made]).sum())

    @costly
    def test_same_seed_same_net(self, net_of, spec):
        a, b = built(net_of, spec, 3), built(net_of, spec, 3)
        z = torch.randn(N, SMALL["latent"])
        for p, q in zip(a.parameters(), b.parameters(), strict=True):
            assert torch.equal(p, q)
        assert torch.equal(a(z, labels(spec)), b(z, labels(spec)))

    @costly
    def test_state_is_read_back_and_a_net_goes_on_exactly_from_it(self, net_of, spec):
        net, twin = built(net_of, spec, 1), built(net_of, spec, 2)
        z = torch.randn(N, SMALL["latent"])
        target = torch.randn(N, *spec.shape)
        net(z, labels(spec))  # moves the statistics of batch norm, which belong to the state
        reloads(net, twin)
        assert torch.equal(net.eval()(z, labels(spec)), twin.eval()(z, labels(spec)))

        def step(net: nn.Module) -> Tensor:
            x = net(z, labels(spec))
            (x * target).sum().backward()
            return x.detach()

        goes_on_exactly(net.train(), twin.train(), step)

    def test_labels(self, net_of, spec):
        net = lent(net_of, spec).eval()
        z = torch.randn(8 * N, SMALL["latent"])  # of samples of choices, a label changes some
        c = torch.arange(8 * N) % max(1, spec.classes)
        if spec.classes:
            assert not torch.allclose(net(z, c), net(z, (c + 1) % spec.classes))
            with pytest.raises(ValueError, match="label"):
                net(z, None)
        else:
            assert torch.equal(net(z, None), net(z, torch.arange(8 * N)))


class TestDiscriminator:
    family = Discriminator

    def test_gives_a_verdict(self, net_of, spec):
        net = lent(net_of, spec).train()
        assert laid_out_plainly(net)
        output = net(torch.randn(N, *spec.shape), labels(spec))
        assert isinstance(output, DiscriminatorOutput)
        assert output.logits.shape[0] == N
        assert output.logits.ndim in (1, 2)  # one number a sample, or one a patch
        assert output.logits.dtype == torch.float32
        assert torch.isfinite(output.logits).all()
        assert output.features is not None
        assert output.features.shape[0] == N
        assert output.features.ndim == 2
        if output.logits.ndim == 2:
            assert output.layers, "a net that judges patches shows its maps"
        assert all(hidden.shape[0] == N and hidden.ndim == 4 for hidden in output.layers or ())

    @costly
    def test_every_parameter_learns(self, net_of, spec):
        net = opened(built(net_of, spec))
        loss = torch.zeros(())
        for size in on_each_grid(net):
            output = net(torch.randn(N, spec.shape[0], *(size or spec.shape[1:])), labels(spec))
            rebuilt = output.rebuilt() if output.rebuilt else torch.zeros(N)
            logits = output.logits
            loss = loss + (logits * torch.randn_like(logits)).sum() + rebuilt.sum()
        every_parameter_learns(net, loss)

    def test_samples_learn(self, net_of, spec):
        x = torch.randn(N, *spec.shape, requires_grad=True)
        (gradient,) = torch.autograd.grad(lent(net_of, spec).eval()(x, labels(spec)).logits.sum(), x)
        assert torch.isfinite(gradient).all()
        assert (gradient.flatten(1).abs().sum(1) > 0).all()

    @pytest.mark.slow
    def test_second_derivative(self, net_of, spec):
        """A penalty on the gradient reaches the weights, and is what finite differences say it is."""
        net = built(net_of, spec).double().eval()
        x = torch.randn(N, *spec.shape, dtype=torch.float64)
        c = labels(spec)

        def price() -> Tensor:
            return steepness(net, x, c)

        weight = next(net.parameters())
        (gradient,) = torch.autograd.grad(price(), weight)
        assert torch.isfinite(gradient).all()
        direction = torch.randn_like(weight)
        with torch.no_grad():
            step = 1e-9 / direction.abs().max()  # so small that no leaky unit changes sides, where the loss jumps
            weight += step * direction
            up = price()
            weight -= 2 * step * direction
            down = price()
        slope = ((up - down) / (2 * step)).item()
        assert math.isclose(slope, (gradient * direction).sum().item(), rel_tol=1e-3, abs_tol=1e-9)

    @costly
    def test_second_derivative_in_training(self, net_of, spec):
        net = built(net_of, spec)
        x, c = torch.randn(N, *spec.shape), labels(spec)
        steepness(net, x, c).backward()
        reached = [p.grad for p in net.parameters() if p.grad is not None]
        assert reached
        assert all(torch.isfinite(g).all() for g in reached)

    @costly
    def test_same_seed_same_net(self, net_of, spec):
        a, b = built(net_of, spec, 3), built(net_of, spec, 3)
        x = torch.randn(N, *spec.shape)
        outputs = []
        for net in (a, b):
            torch.manual_seed(7)  # of dropout
            outputs.append(net(x, labels(spec)).logits)
        assert torch.equal(*outputs)

    @costly
    def test_state_is_read_back_and_a_net_goes_on_exactly_from_it(self, net_of, spec):
        net, twin = built(net_of, spec, 1), built(net_of, spec, 2)
        x = torch.randn(N, *spec.shape)
        net(x, labels(spec))
        reloads(net, twin)
        assert torch.equal(net.eval()(x, labels(spec)).logits, twin.eval()(x, labels(spec)).logits)

        def step(net: nn.Module) -> Tensor:
            logits = net(x, labels(spec)).logits
            (logits.reshape(N, -1).mean(1) * torch.arange(1, N + 1)).sum().backward()
            return logits.detach()

        goes_on_exactly(net.train(), twin.train(), step)

    @costly
    def test_learns_to_tell_two_kinds_apart(self, net_of, spec):
        net = built(net_of, spec)
        real, fake = torch.randn(N, *spec.shape) + 0.5, torch.randn(N, *spec.shape) - 0.5
        optimizer = torch.optim.Adam(net.parameters(), 1e-3)
        losses = []
        for _ in range(3):
            torch.manual_seed(5)  # the same units are dropped each time, so that the losses can be compared
            loss = softplus(-net(real, labels(spec)).logits).mean() + softplus(net(fake, labels(spec)).logits).mean()
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            losses.append(loss.item())
        assert losses[-1] < losses[0]

    def test_says_whether_it_looks_across_the_batch(self, net_of, spec):
        """True to `couples_batch`, the gradient of one output reaches the other samples, or it does not."""
        net = lent(net_of, spec).train()
        x = torch.randn(N, *spec.shape, requires_grad=True)
        (gradient,) = torch.autograd.grad(net(x, labels(spec)).logits[0].sum(), x)
        assert (gradient[1:].abs().sum() > 0).item() == couples_batch(net)

    def test_labels(self, net_of, spec):
        net = lent(net_of, spec).eval()
        x = torch.randn(N, *spec.shape)
        if spec.classes:
            assert not torch.allclose(net(x, labels(spec)).logits, net(x, labels(spec, 1)).logits)
            with pytest.raises(ValueError, match="label"):
                net(x, None)
        else:
            assert torch.equal(net(x, None).logits, net(x, torch.arange(N)).logits)


@pytest.mark.parametrize("cls", [*own(Generator), *own(Discriminator)], ids=lambda cls: f"{cls.family}-{cls.kind}")
class TestEveryNet:
    def test_it_is_tried(self, cls):
        """Every choice of words is among the cases of the tests above, and one is really built."""
        tried = [case.values for case in cases_of(cls, every=True)]
        assert {net for net, _ in tried} == {small(cls, **options) for options in variants(cls)}
        assert isinstance(built(*tried[0]), nn.Module)

    def test_sizes_out_of_reach_are_refused_with_the_nearest(self, cls):
        net = small(cls)
        for spec in reached_by(net):
            assert net.nearest(spec.shape) == spec.shape
        for spec in reached(net, [Spec((3, 31, 33))]):  # none of a net that is not for images
            near = spec.shape
            assert net.nearest(near) == near
            if near != (3, 31, 33):
                with pytest.raises(UserError, match=f"{near[1]}×{near[2]}") as caught:
                    net.build(Spec((3, 31, 33)))
                assert caught.value.code in ("nets.unreachable_size", "nets.images_too_small")

    @pytest.mark.slow
    def test_bf16_autocast(self, cls):
        """Under autocast nothing fails and nothing overflows."""
        for options in variants(cls):
            net_of = small(cls, **options)
            spec = few(net_of)[0]
            net = built(net_of, spec)
            data = torch.randn(N, *((net_of.latent,) if isinstance(net_of, Generator) else spec.shape))
            with torch.autocast("cpu", torch.bfloat16):
                out = net(data, None)
            out = out if isinstance(out, Tensor) else out.logits
            assert torch.isfinite(out).all()
            out.float().sum().backward()


class Picky(Discriminator, kind="picky"):
    """A net for samples of one form only."""

    axes: int = 2

    def nearest(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        if len(shape) != self.axes:
            raise UserError("samples of another kind")
        return shape


@pytest.mark.parametrize("axes", [1, 2, 3, 4])
def test_a_net_for_one_kind_of_sample_is_tried(axes):
    found = reached_by(Picky(axes=axes))
    assert {len(spec.shape) for spec in found} == {axes}


def test_a_net_that_refuses_everything_is_a_failure():
    with pytest.raises(AssertionError, match="no test would try it"):
        reached_by(Picky(axes=7))
