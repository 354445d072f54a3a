"""The shares of values that a table's generator is set to, and the share of rows on condition of the target."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import torch
from tabular_spec import CONDITIONS, rows

from ganforge.core.types import Batch, Nets, Request
from ganforge.modalities.table.marginals import Marginals
from ganforge.modalities.table.nets import TabularGenerator
from ganforge.modalities.table.signal import Table
from ganforge.modalities.table.source import from_frame
from ganforge.modalities.table.tasks.conditions import BySampling, column_shares, with_conditions
from ganforge.modalities.table.tasks.rowmaker import RowMaker, rows_of

DRAWS = np.random.default_rng(2)


def table_spec(**fields):
    frame = pd.DataFrame(
        {
            "kind": DRAWS.choice(["a", "b", "c"], 500, p=[0.7, 0.2, 0.1]),
            "x": np.where(DRAWS.random(500) < 0.3, np.nan, DRAWS.normal(size=500)),
            "y": DRAWS.choice(["no", "yes"], 500, p=[0.8, 0.2]),
        }
    )
    return Table(**fields).spec(from_frame("t", frame), lambda shape: shape)


def maker(found, of_target=None):
    torch.manual_seed(0)
    return RowMaker(TabularGenerator(latent=8, widths=(16,)).build(with_conditions(found)), found, 0.2, of_target)


@torch.inference_mode()
def sampled(nets: Nets, request: Request) -> torch.Tensor:
    latents = torch.randn(request.n, 8, generator=torch.Generator().manual_seed(request.start))
    return rows_of(nets["G"], request, latents)


def test_values_come_as_often_as_in_the_table():
    found = table_spec()
    nets = Nets({"G": maker(found)})
    before = {k: v.clone() for k, v in nets["G"].state_dict().items()}
    settled = Marginals(batches=2, size=1_000, rounds=8).calibrate(nets, 0, sampled, 1.0, torch.device("cpu"))
    G = settled["G"]
    made = sampled(settled, Request(4_000, 3, 50_000)).mean(0)
    known = G.known
    assert known.sum() == found.shape[0] - 1, "all but the place of x within its mode"
    assert (made - G.shares)[known].abs().max() < 0.03
    plain = sampled(Nets({"G": maker(found).eval()}), Request(4_000, 3, 50_000)).mean(0)
    assert (plain - G.shares)[known].abs().max() > 0.1, "which an untrained net is far from"
    assert all(torch.equal(v, before[k]) for k, v in nets["G"].state_dict().items()), "what was given stays"


def test_nothing_is_shifted_where_shares_are_not_known():
    described = {"kind": {"kind": "categorical", "values": ["a", "b", "c"]}, "x": {"kind": "continuous", "min": -5,
                 "max": 5, "missing": True}, "y": {"kind": "categorical", "values": ["no", "yes"]}}  # fmt: skip
    G = maker(table_spec(public=described))
    assert not G.known.any()
    settled = Marginals(batches=1, size=100).calibrate(Nets({"G": G}), 0, sampled, 1.0, torch.device("cpu"))
    assert torch.equal(settled["G"].net.last.bias, G.net.last.bias)


def test_the_target_has_its_share_of_the_conditions():
    found = table_spec(target="y")
    assert column_shares(found, None) == [0.5, 0.5]
    assert column_shares(found, 0.8) == pytest.approx([0.2, 0.8])
    assert column_shares(table_spec(target="x"), 0.8) == [0.5, 0.5], "a target of numbers is no condition"
    drawn = maker(found, 0.8).conditions(torch.linspace(0, 1, 2_000), None)
    assert (drawn >= 3).float().mean() == pytest.approx(0.8, abs=0.01)


def test_rows_are_chosen_by_the_shares():
    order = BySampling(CONDITIONS, [Batch(rows())], [0.1, 0.9])
    _, extra = order.rows(0, 0, 4_000)
    assert (extra["condition"] >= 3).mean() == pytest.approx(0.9, abs=0.02)
