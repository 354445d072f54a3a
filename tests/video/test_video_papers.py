"""VGAN, TGAN, MoCoGAN and StyleGAN-V: the sizes of their papers, and what sets each of them apart."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from ganforge.core.rng import Rng
from ganforge.core.types import Batch, Nets, Request, Spec
from ganforge.modalities.video.nets.mocogan import MocoganDiscriminator, MocoganGenerator
from ganforge.modalities.video.nets.stylegan_v import Motion, StyleGanVDiscriminator, StyleGanVGenerator
from ganforge.modalities.video.nets.vgan import VganGenerator
from ganforge.modalities.video.singular import SingularRMSprop, clip_singular_values
from ganforge.modalities.video.tasks.mocogan import one_frame
from ganforge.recipes import get, make_recipe
from ganforge.registry import load_all
from refused import refused

load_all()

SMALL = ["task.generator.channels=4", "task.discriminator.channels=4"]
SPEC = Spec((3, 16, 16, 16), state={"fps": 10.0})


def conv(inputs: int, outputs: int, kernel: int, bias: bool = True) -> int:
    return inputs * outputs * kernel + bias * outputs


def norm(width: int) -> int:
    return 2 * width


def counts(name: str, *shape: int, classes: int = 0) -> dict[str, int]:
    words = ["task.conditional=true"] if classes else []
    task = make_recipe(name, (), words, ()).task
    with torch.device("meta"):  # sizes alone
        players = task.players(Spec(shape, classes, tuple("abcd"[:classes]), {"fps": 10.0}))
    return {player: sum(p.numel() for p in net.parameters()) for player, net in players.items()}


def test_parameters_of_vgan():
    moving = conv(100, 512, 32) + conv(512, 256, 64) + conv(256, 128, 64) + conv(128, 64, 64)
    moving += conv(64, 3, 64) + conv(64, 1, 64)
    still = conv(100, 512, 16) + conv(512, 256, 16) + conv(256, 128, 16) + conv(128, 64, 16) + conv(64, 3, 16)
    norms = 2 * (norm(512) + norm(256) + norm(128) + norm(64))
    d = conv(3, 64, 64) + conv(64, 128, 64) + conv(128, 256, 64) + conv(256, 512, 64) + conv(512, 1, 32)
    assert counts("vgan", 3, 32, 64, 64) == {"G": moving + still + norms, "D": d + norm(128) + norm(256) + norm(512)}
    assert 16.1e6 < moving + still + norms < 16.3e6, "16.2 million"


def test_parameters_of_tgan():
    time = conv(100, 512, 1) + conv(512, 256, 4) + conv(256, 128, 4) + conv(128, 128, 4) + conv(128, 100, 4)
    time += norm(512) + norm(256) + 2 * norm(128)
    frame = 2 * conv(100, 256 * 16, 1) + conv(512, 256, 16) + conv(256, 128, 16) + conv(128, 64, 16) + conv(64, 32, 16)
    frame += conv(32, 3, 9) + norm(512) + norm(256) + norm(128) + norm(64) + norm(32)
    d = conv(3, 64, 64) + conv(64, 128, 64) + conv(128, 256, 64) + conv(256, 512, 64) + conv(512, 1, 16)
    assert counts("tgan", 3, 16, 64, 64) == {"G": time + frame, "D": d + norm(128) + norm(256) + norm(512)}


def test_parameters_of_mocogan():
    gru = 2 * (3 * 10 * 10 + 3 * 10)
    frame = sum(conv(a, b, 16, False) for a, b in ((64, 512), (512, 256), (256, 128), (128, 64), (64, 3)))
    norms = norm(512) + norm(256) + norm(128) + norm(64)
    d_i = sum(conv(a, b, 16, False) for a, b in ((3, 64), (64, 128), (128, 256), (256, 1))) + norm(128) + norm(256)
    d_v = sum(conv(a, b, 64, False) for a, b in ((3, 64), (64, 128), (128, 256), (256, 512), (512, 5)))
    d_v += norm(128) + norm(256) + norm(512)
    found = counts("mocogan", 3, 16, 64, 64, classes=4)
    assert found == {"G": gru + frame + norms, "D_I": d_i, "D_V": d_v}
    assert 3.2e6 < found["G"] < 3.4e6, "3.3 million"
    assert 11.1e6 < found["D_V"] < 11.4e6, "11.3 million"


def test_parameters_of_stylegan_v():
    image = get("stylegan2-256").task.generator
    with torch.device("meta"):
        plain = type(image)(latent=512, mapping=8, channels=64, max_channels=512).build(Spec((3, 256, 256)))
    motion = 2 * conv(512, 512, 11) + 2 * conv(512, 512, 1) + 2 * conv(512, 512, 1, False)
    first = 512 * 512 * 9 + 512 * 513  # the code of motion beside the constant: weights, and styles of its channels
    of_plain = sum(p.numel() for p in plain.parameters())
    assert counts("stylegan-v", 3, 32, 256, 256)["G"] == of_plain + motion + first


# --- VGAN


def test_the_background_of_vgan_stands_still_and_the_mask_lies_between():
    net = VganGenerator(latent=6, channels=4).build(SPEC).eval()
    z = torch.randn(2, 6)
    foreground, mask, background = net.parts(z)
    assert background.shape == (2, 3, 1, 16, 16)
    assert 0 < mask.min() <= mask.max() < 1
    assert torch.allclose(net(z), mask * foreground + (1 - mask) * background)


def test_vgan_keeps_the_mask_small():
    task = make_recipe("vgan", (), [*SMALL, "task.generator.latent=6"], ()).task
    nets = Nets(task.players(SPEC), task.memory(SPEC))
    terms = task.g_loss(nets, Batch(torch.rand(4, *SPEC.shape)), Rng(0))
    assert torch.allclose(terms.losses["sparsity"], 0.1 * terms.stats["mask"])
    assert terms.losses["sparsity"].shape == (4,)
    with refused("task.unsuitable_net", "mask"):
        make_recipe("vgan", (), ["task.generator=tgan"], ()).task.adapt(SPEC)


# --- TGAN


def test_singular_values_are_clipped_and_small_ones_stay():
    torch.manual_seed(0)
    net = nn.Sequential(nn.Conv3d(2, 6, 2), nn.BatchNorm3d(6), nn.Linear(4, 4))
    with torch.no_grad():
        net[0].weight.mul_(20)
        net[1].weight.copy_(torch.tensor([-1.0, 0.5, 5, 1, 1, 1]))
    before = net[0].weight.flatten(1).clone()
    weak = 0.9 * net[2].weight / torch.linalg.matrix_norm(net[2].weight, 2)
    net[2].weight.data.copy_(weak)
    clip_singular_values(net)
    u, _, v = torch.linalg.svd(before, full_matrices=False)
    assert torch.allclose(net[0].weight.flatten(1), u @ v, atol=1e-5), "all of its values were above 1"
    assert torch.allclose(net[2].weight, weak, atol=1e-5)
    assert net[1].weight.tolist() == pytest.approx([0, 0.5, 1, 1, 1, 1], abs=1e-4)


def test_they_are_clipped_every_fifth_step():
    net = nn.Linear(3, 3)
    nn.init.eye_(net.weight).data.mul_(5)
    optimizer = SingularRMSprop(lr=1e-6).build(net)
    largest = []
    for _ in range(6):
        net(torch.randn(4, 3)).sum().backward()
        optimizer.step()
        largest.append(float(torch.linalg.matrix_norm(net.weight.detach(), 2)))
    assert largest[:4] == pytest.approx([5] * 4, abs=1e-3)
    assert largest[4:] == pytest.approx([1] * 2, abs=1e-3)


# --- MoCoGAN


def test_content_stays_and_motion_comes_from_noise():
    torch.manual_seed(0)
    net = MocoganGenerator(latent=6, channels=4).build(Spec(SPEC.shape, 2, ("a", "b"), SPEC.state)).eval()
    z, noise, c = torch.randn(1, 6), torch.randn(1, 41, 10), torch.tensor([0])
    long = net(z, c, noise)
    assert long.shape == (1, 3, 40, 16, 16), "as long as its noise"
    assert torch.allclose(net(z, c, noise[:, :17]), long[:, :, :16], atol=1e-6), "the past does not know the future"
    assert not torch.allclose(net(z, 1 - c, noise), long)


def test_the_critics_of_mocogan():
    films = Spec((3, 16, 64, 64), 4)
    D = MocoganDiscriminator(channels=2)
    found = D.of_films(films, 4)(torch.randn(2, 3, 16, 64, 64))
    assert found.logits.shape == (2, 4), "2×2 patches and no time left"
    assert found.classes.shape == (2, 4)
    assert D.of_frames(films)(torch.randn(2, 3, 64, 64)).logits.shape == (2, 16)
    with refused("nets.unreachable_size", "at least 16"):
        D.of_films(Spec((3, 12, 64, 64)), 0)


def test_a_frame_of_each_film_is_drawn():
    x = torch.arange(16.0).view(1, 1, 16, 1, 1).expand(400, 1, 16, 1, 1)
    found = one_frame(x, "real", Rng(0)).flatten()
    assert set(found.tolist()) == set(range(16))


def test_losses_of_mocogan():
    task = make_recipe("mocogan", (), [*SMALL, "task.conditional=true"], ()).task
    spec = Spec(SPEC.shape, 2, ("a", "b"), SPEC.state)
    nets = Nets(task.players(spec), task.memory(spec))
    batch = Batch(torch.rand(4, *spec.shape), torch.tensor([0, 1, 0, 1]))
    names = {phase.name: set(phase.loss(nets, batch, Rng(0)).losses) for phase in task.phases()}
    assert names == {
        "D_I": {"adversarial"},
        "D_V": {"adversarial", "category"},
        "G": {"frames", "films", "category"},
    }
    walk = task.sample(nets, Request(n=2, latents=torch.zeros(2, 50), labels=torch.tensor([0, 0])))
    assert torch.allclose(walk[0], walk[1], atol=1e-5), "a walk keeps to one motion"
    with refused("task.not_for_shape"):
        task.adapt(Spec((3, 16, 16)))


# --- StyleGAN-V


def test_motion_codes_are_continuous_and_do_not_come_again():
    torch.manual_seed(0)
    net = Motion(8, 16)
    nn.init.normal_(net.strength.weight)
    noise = torch.randn(1, 60, 8)
    times = torch.tensor([[15.99, 16.0, 16.01, 40.0, 400.0]])
    v = net(noise, times)[0]
    assert (v[0] - v[2]).abs().max() < 0.1 * (v[1] - v[3]).abs().max(), "no jump from one code to the next"
    at_codes = net(noise, torch.tensor([[0.0, 16.0, 32.0]]))
    u = net.second(torch.nn.functional.leaky_relu(net.first(noise.transpose(1, 2)), 0.2)).transpose(1, 2)
    assert torch.allclose(at_codes, net.align(u[:, :3]), atol=1e-5), "at the codes themselves no wave is left"


def test_frames_of_stylegan_v_do_not_depend_on_which_others_are_made():
    net = StyleGanVGenerator(latent=8, motion=8, channels=4, max_channels=8).build(SPEC).eval()
    z = torch.randn(2, 8)
    assert torch.allclose(net(z)[:, :, [0, 5, 11]], net(z, times=torch.tensor([[0, 5, 11]] * 2)), atol=1e-5)


def test_the_critic_of_stylegan_v_joins_frames_and_knows_their_distances():
    torch.manual_seed(0)
    spec = Spec((3, 16, 32, 32), state=SPEC.state)
    D = StyleGanVDiscriminator(channels=4, max_channels=8).of_frames(spec, 3).eval()
    assert len(D.single) == 1, "32 px become 16 before frames are joined"
    assert D.join.weight.shape[1] == 3 * D.single[-1].second.weight.shape[0]
    x = torch.randn(4, 9, 32, 32)
    near, far = (D(x, gaps=torch.full((4, 2), gap)).logits for gap in (1.0, 8.0))
    assert not torch.allclose(near, far)
    with refused("task.unsuitable_net", "filming"):
        make_recipe("stylegan-v", (), ["task.discriminator=r3gan"], ()).task.players(spec)
