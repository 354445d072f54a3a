"""A label must not drown the latents: a generator in which it does soon draws one image a class."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from small import reached_by

from ganforge.core.component import fields_of
from ganforge.nets.base import Generator
from ganforge.registry import load_all

load_all()
EQUAL = {"stylegan2", "stylegan_v"}  # label and latent enter its mapping at the same length, as the paper has it
GENERATORS = sorted(
    kind for kind, cls in Generator.kinds.items() if cls.__module__.startswith("ganforge.") and kind not in EQUAL
)


@pytest.mark.slow
@pytest.mark.parametrize("kind", GENERATORS)
def test_latents_move_a_fresh_generator_more_than_labels_do(kind):
    cls = Generator.kinds[kind]
    component = cls(channels=16) if "channels" in fields_of(cls) else cls()  # whole nets would take minutes
    spec = replace(reached_by(component)[0], classes=10, labels=tuple("0123456789"))  # an image, if it makes any
    torch.manual_seed(0)
    net = component.build(spec)
    z = torch.randn(20, component.latent)
    labels = torch.arange(20) % 10
    with torch.no_grad():
        crossed = net(z.repeat_interleave(5, 0), torch.arange(0, 10, 2).repeat(20))  # [20 latents · 5 labels, ...]
        crossed = crossed.unflatten(0, (20, 5))
        assert crossed.std(0).mean() > 2 * crossed.std(1).mean()
        assert not torch.equal(net(z, labels), net(z, labels.flip(0))), "and yet they move it"
