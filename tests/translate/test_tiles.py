"""Large images in tiles: what comes out is what the whole would give, and no border can be seen."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from translate_models import awake, photo_like

from ganforge.core.types import Spec
from ganforge.modalities.pair.nets.gated import Gated
from ganforge.modalities.pair.nets.resnet import ResnetTranslator
from ganforge.modalities.pair.nets.super_resolution import RrdbNet, SrResNet
from ganforge.modalities.pair.nets.unet import Unet
from ganforge.modalities.pair.tiles import assembled, tiling
from ganforge.nets.base import Translator

GRAY_LEVEL = 2 / 255


def tiled(net, x: torch.Tensor, plan) -> np.ndarray:
    def make(row, column):
        with torch.no_grad():
            return net(x[:, :, row.low : row.high, column.low : column.high])[0].numpy()

    bands = list(assembled(plan, x.shape[2], x.shape[3], 3, make))
    assert len(bands) > 1, "or nothing is tried"
    return np.concatenate(bands)


def source(height: int, width: int) -> torch.Tensor:
    return torch.from_numpy(photo_like(height, width).transpose(2, 0, 1)[None] / 127.5 - 1).float()


def built(translator: Translator, scale: int = 1):
    torch.manual_seed(0)
    net = translator.build(Spec((3, 32, 32)), Spec((3, 32 * scale, 32 * scale))).eval()
    awake({"G": net})
    return net


@pytest.mark.parametrize(
    ("translator", "scale"),
    [
        (ResnetTranslator(channels=4, blocks=1, norm="batch"), 1),
        (ResnetTranslator(channels=4, blocks=1, norm="none", upsample="nearest", padding="zero"), 1),
        (SrResNet(channels=8, blocks=2), 4),
        pytest.param(SrResNet(channels=8, blocks=1, padding="reflect"), 3, marks=pytest.mark.slow),
        (SrResNet(channels=8, blocks=2, fold=2), 1),
        pytest.param(SrResNet(channels=8, blocks=1, fold=2), 2, marks=pytest.mark.slow),
        pytest.param(RrdbNet(channels=4, growth=2, blocks=1), 2, marks=pytest.mark.slow),
        (Unet(channels=4, halvings=3), 1),
    ],
    ids=["resnet", "resnet-nearest", "srresnet-x4", "srresnet-x3", "folded", "folded-x2", "rrdb-x2", "unet"],
)
def test_tiles_give_what_the_whole_gives(translator, scale):
    """With margins no smaller than the halo every pixel agrees, those at the image's own edge too."""
    net = built(translator, scale)
    assert net.halo is not None
    height, width = (151, 233) if scale < 3 else (71, 109)
    x = source(height, width)
    plan = tiling(net.halo, net.multiple, scale, tile=4 * net.halo + 4 * net.multiple)
    assert plan.fade == 0
    with torch.no_grad():
        whole = net(x)[0].numpy().transpose(1, 2, 0)
    made = tiled(net, x, plan)
    assert made.shape == whole.shape == (height * scale, width * scale, 3)
    assert np.abs(made - whole).max() < GRAY_LEVEL / 10
    assert whole.std() > 0.01, "or nothing is tried"


def test_a_margin_that_is_too_small_is_found_out():
    """The test above can fail: exact tiles without the halo differ from the whole."""
    net = built(ResnetTranslator(channels=4, blocks=1, norm="batch"))
    x = source(151, 151)
    with torch.no_grad():
        whole = net(x)[0].numpy().transpose(1, 2, 0)
    assert np.abs(tiled(net, x, tiling(0, 4, 1, tile=64)) - whole).max() > GRAY_LEVEL


def test_tiles_that_cannot_be_exact_are_blended_without_seams():
    """Where neighbors disagree the step from one to the next is spread out, nowhere larger than between pixels."""
    plan = tiling(None, 4, 1, tile=64)
    assert plan.fade > 0
    levels = iter(np.linspace(-1, 1, 100))

    def make(row, column):  # each tile of a level of its own: the worst that can be
        return np.full((1, row.high - row.low, column.high - column.low), next(levels), np.float32)

    made = np.concatenate(list(assembled(plan, 100, 260, 1, make)))[..., 0]
    assert made.shape == (100, 260)
    steps = [np.abs(np.diff(made, axis=axis)).max() for axis in (0, 1)]
    apart = 2 / 99 * 8  # of tiles below one another, at most eight in a row
    assert 0 < max(steps) <= apart / plan.fade
    assert made.min() >= -1
    assert made.max() <= 1


@pytest.mark.parametrize(
    ("halo", "multiple", "scale", "tile"), [(None, 8, 1, 80), (5, 1, 2, 40), (500, 4, 1, 96), (3, 16, 1, 64)]
)
@pytest.mark.parametrize("side", [1, 39, 80, 81, 97, 250])
def test_weights_add_up_to_one_everywhere(halo, multiple, scale, tile, side):
    plan = tiling(halo, multiple, scale, tile)
    assert plan.core % multiple == 0
    assert plan.margin % multiple == 0
    total = np.zeros(side * scale)
    for span in plan.spans(side):
        assert span.low % multiple == 0, "a tile begins where the net's grid does"
        assert span.low <= span.used[0] <= span.start
        assert span.end <= span.used[1] <= span.high
        first, last = span.used
        total[first * scale : last * scale] += span.weights(scale)
    np.testing.assert_allclose(total, 1, atol=1e-5)


def test_no_more_than_a_row_of_tiles_is_held():
    plan = tiling(4, 1, 1, tile=40)
    bands = [len(band) for band in assembled(plan, 400, 50, 1, lambda row, column: None)]
    assert sum(bands) == 400
    assert max(bands) <= 2 * plan.core


def test_a_dilated_net_is_exact_too():
    net = built(Gated(channels=2))
    assert 100 < net.halo < 250  # the widest dilation is 16 on a quarter of the grid
    plan = tiling(net.halo, net.multiple, 1, None)
    assert plan.fade == 0, "tiles are large enough by themselves"
