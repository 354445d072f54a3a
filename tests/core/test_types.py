"""The values that travel between the families."""

from __future__ import annotations

import copy
import json

import pytest
import torch
from torch import nn

from ganforge.core.dataset import BadItem
from ganforge.core.types import Batch, Memory, Nets, Spec


def test_spec_survives_json():
    spec = Spec((3, 28, 28), 2, ("cat", "dog"), {"mode": "RGB", "range": [0, 255]})
    assert Spec.from_plain(json.loads(json.dumps(spec.to_plain()))) == spec
    assert Spec.from_plain(json.loads(json.dumps(Spec((2,)).to_plain()))) == Spec((2,))


def test_rows_of_a_batch():
    batch = Batch(torch.arange(6.0).reshape(6, 1), torch.arange(6), {"mask": torch.arange(6) * 2})
    part = batch.rows(2, 5)
    assert len(batch) == 6
    assert len(part) == 3
    assert part.x.flatten().tolist() == [2, 3, 4]
    assert part.c is not None
    assert part.c.tolist() == [2, 3, 4]
    assert part.extra["mask"].tolist() == [4, 6, 8]
    assert Batch(torch.zeros(4, 1)).rows(0, 2).c is None


def test_memory_holds_what_was_declared_and_no_graph():
    memory = Memory({"p": torch.zeros(())})
    weight = torch.ones((), requires_grad=True)
    memory["p"] = weight * 2
    assert memory["p"] == 2
    assert not memory["p"].requires_grad
    with pytest.raises(KeyError, match=r"'q' was not declared by the task \(declared: p\)"):
        memory["q"] = torch.zeros(())


def test_nets_by_name_and_attribute():
    nets = Nets({"G": nn.Linear(1, 1), "D": nn.Linear(1, 2)}, Memory({"p": torch.zeros(2)}))
    assert nets.G is nets["G"]
    assert list(nets) == ["G", "D"]
    assert len(nets) == 2
    assert not hasattr(nets, "F")
    assert nets.to(torch.device("cpu")) is nets
    twin = copy.deepcopy(nets)
    assert twin.G is not nets.G
    assert torch.equal(twin.G.weight, nets.G.weight)


def test_bad_items_say_where_and_why():
    error = BadItem("cat.png", "cut short")
    assert (error.where, error.why, str(error)) == ("cat.png", "cut short", "cat.png: cut short")
