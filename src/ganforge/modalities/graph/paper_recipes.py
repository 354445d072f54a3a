"""A recipe for many graphs as its paper has it."""

from __future__ import annotations

from ganforge.core.schedule import Linear
from ganforge.data.path import PathData
from ganforge.engine.callbacks.usual import seen
from ganforge.modalities.graph.signal import Graphs
from ganforge.modalities.graph.tasks.spectre import Spectre
from ganforge.recipes import recipe
from ganforge.recipes.base import Recipe
from ganforge.recipes.ema import Ema
from ganforge.recipes.optimizer import Adam, Optimizer

PASS = 128
"""Graphs of the paper's planar set that are trained on; its stages are counted in passes over them."""


@recipe("spectre")
def spectre() -> Recipe:
    """SPECTRE: graphs from their dominant eigenvalues and eigenvectors, by three GANs in a row. Days on a CPU.

    Paper: Martinkus et al. 2022, the published settings of planar graphs: 64 nodes, two eigenvectors, 8 PPGN layers of
    64 channels, three rotations, one-sided penalty of 5, Adam 1e-4, gradients clipped at 1, batch 10, 12,000 passes of
    128 graphs, real spectra for 2,000 passes and then for 80 %. Departures: one gradient norm over all inputs of a
    critic; no penalty at permuted graphs, no noise on real spectra; PointNetST nets of 64 channels, a bank of 10
    matrices and the rank of rotations (4) are ours.
    Command: `ganforge train spectre data=graphs/ signal.nodes=64`
    """
    adam: Optimizer = Adam(lr=1e-4, betas=(0.5, 0.9), clip=1.0)
    return Recipe(
        data=PathData(path="./graphs"),
        samples=12_000 * PASS,
        batch=10,
        checkpoint_every=50_000,
        log_every=1_000,
        precision="fp32",
        signal=Graphs(nodes=64),
        task=Spectre(
            forcing=Linear(start=1.0, end=0.8, over=2_000 * PASS, after=2_000 * PASS),
            temperature=Linear(start=1.0, end=0.1, over=10_000 * PASS, after=2_000 * PASS),
        ),
        optimizers=dict.fromkeys(Spectre().generators(), adam)
        | {f"D_{part}": adam for part in ("values", "vectors", "graph")},
        ema=Ema(half_life=1_383),  # 0.995 a step of 10 graphs
        callbacks=seen(50_000, rows=4),
    )
