"""FastGAN: excitation across grids, and a critic that draws what it saw."""

from __future__ import annotations

import pytest
import torch

from ganforge.core.rng import Rng
from ganforge.core.types import Batch, Nets, Spec
from ganforge.losses.adversarial import Hinge
from ganforge.modalities.image.nets.dcgan import DcganDiscriminator
from ganforge.modalities.image.nets.fastgan import FastGanDiscriminator, FastGanGenerator, quarters
from ganforge.modalities.image.tasks.fastgan import FastGan
from refused import refused

SMALL = {"channels": 4, "max_channels": 16}


def task(**options) -> FastGan:
    return FastGan(
        generator=FastGanGenerator(latent=8, **SMALL), discriminator=FastGanDiscriminator(**SMALL), objective=Hinge(),
        **options,
    )  # fmt: skip


@pytest.mark.parametrize("shape", [(1, 4, 4), (1, 28, 28), (4, 17, 40), (3, 64, 48), (3, 256, 256), (1, 512, 512)])
def test_every_size(shape):
    G = FastGanGenerator(latent=8, channels=1, max_channels=4).build(Spec(shape))
    D = FastGanDiscriminator(channels=1, max_channels=4).build(Spec(shape))
    x = G(torch.randn(2, 8))
    assert x.shape == (2, *shape)
    output = D(x)
    assert output.logits.shape == (2,)
    assert output.rebuilt().shape == (2,)


@pytest.mark.parametrize(("side", "links"), [(256, [(4, 64), (8, 128), (16, 256)]), (32, [(4, 16), (8, 32)])])
def test_excitation_goes_from_coarse_grids_to_fine_ones(side, links):
    net = FastGanGenerator(latent=8, channels=1, max_channels=8).build(Spec((1, side, side)))
    assert [(4 << k, 4 << k + net.span) for k in range(len(net.excite))] == links


def test_a_gate_of_nothing_closes_the_fine_grid():
    """What the coarse grid says multiplies the fine one: with all gates shut the image is the same everywhere."""
    net = FastGanGenerator(latent=8, **SMALL).build(Spec((1, 32, 32))).eval()
    net.excite[-1].forward = lambda h: torch.zeros(len(h), 1, 1, 1)
    assert net(torch.randn(2, 8)).std() == 0


def test_quarters_are_the_corners():
    h = torch.arange(36.0).view(1, 1, 6, 6)
    found = quarters(h, 3, 3)
    assert found.shape == (4, 1, 1, 3, 3)
    assert [part.flatten()[0].item() for part in found] == [0, 3, 18, 21]


def test_the_critic_learns_to_rebuild():
    torch.manual_seed(0)
    net = FastGanDiscriminator(channels=8, max_channels=32).build(Spec((1, 16, 16)))
    x = torch.zeros(8, 1, 16, 16) - 1
    x[:4, :, :8] = 1  # two kinds: light above, light on the left
    x[4:, :, :, :8] = 1
    optimizer, far = torch.optim.Adam(net.parameters(), 3e-3), []
    for _ in range(40):
        loss = net(x).rebuilt().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        far.append(loss.item())
    assert far[-1] < 0.4 * far[0]


def test_the_critic_pays_for_real_samples_alone():
    played, spec = task(rebuild=3.0), Spec((1, 16, 16))
    torch.manual_seed(0)
    nets = Nets(played.players(spec), played.memory(spec))
    batch = Batch(torch.rand(4, 1, 16, 16) * 2 - 1)
    torch.manual_seed(1)  # of the corner
    d = played.d_loss(nets, batch, Rng(0)).losses
    assert set(d) == {"adversarial", "rebuild"}
    assert d["rebuild"].shape == (4,)
    torch.manual_seed(1)
    nets.G(torch.zeros(4, 8))  # whose noise is drawn before the corner is
    torch.testing.assert_close(d["rebuild"], 3 * nets.D(batch.x).rebuilt(), atol=1e-4, rtol=1e-3)
    assert set(played.g_loss(nets, batch, Rng(0)).losses) == {"adversarial"}


def test_critics_that_cannot_draw_are_refused():
    played = FastGan(generator=FastGanGenerator(), discriminator=DcganDiscriminator(), objective=Hinge())
    with refused("task.unsuitable_net", "task.discriminator: 'dcgan'", "kind=fastgan"):
        played.players(Spec((1, 32, 32)))
    with refused("task.pack_unsupported", "pack=2"):
        task(pack=2).players(Spec((1, 32, 32)))
