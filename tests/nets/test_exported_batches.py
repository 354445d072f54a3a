"""Exported graphs take batches of any size: a net that asks for the length of a tensor in Python would freeze it."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from ganforge.core.types import Spec
from ganforge.modalities.image.nets.lapgan import LapganRefiner
from ganforge.modalities.image.nets.stylegan2 import StyleGan2Generator
from ganforge.modalities.pair.nets.fourier import Fourier
from ganforge.modalities.table.heads import Columns

IMAGE = Spec((3, 16, 16))


def grown(net: nn.Module, *examples: Tensor) -> tuple[Tensor, Tensor]:
    """What a graph that was exported with a batch of three makes of a larger one, and what the net does."""
    batch = torch.export.Dim("batch")  # not above: a process that only lists the tests need not load it
    with torch.no_grad():
        shapes = tuple({0: batch} for _ in examples)
        graph = torch.export.export(net.eval(), examples, dynamic_shapes=shapes).module()
        larger = [torch.cat([example, example.flip(0)]) for example in examples]
        return graph(*larger), net(*larger)


@pytest.mark.slow
def test_stylegan2():
    net = StyleGan2Generator(channels=4, max_channels=8, latent=8).build(IMAGE)
    made, wanted = grown(net, torch.randn(3, 8))
    torch.testing.assert_close(made, wanted)
    assert made.shape == (6, 3, 16, 16)


def test_lapgan():
    made, wanted = grown(LapganRefiner().build(IMAGE), torch.randn(3, 256), torch.randn(3, 3, 16, 16))
    torch.testing.assert_close(made, wanted)


@pytest.mark.slow
def test_fourier():
    net = Fourier(channels=4, blocks=1).build(IMAGE, IMAGE)
    made, wanted = grown(net, torch.randn(3, 3, 32, 32))
    torch.testing.assert_close(made, wanted)


class Highest(nn.Module):
    def __init__(self):
        super().__init__()
        widths = (1, 4, 3)
        blocks = [
            {"start": sum(widths[:k]), "width": width, "activation": "softmax" if width > 1 else "tanh"}
            for k, width in enumerate(widths)
        ]
        self.columns = Columns(sum(widths), blocks)

    def forward(self, raw: Tensor) -> Tensor:
        return self.columns.log_softmax(raw)


def test_columns():
    made, wanted = grown(Highest(), torch.randn(3, 8))
    torch.testing.assert_close(made, wanted)
