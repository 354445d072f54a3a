"""A GAN of graphs, a low-rank model of one network, and those of papers."""

from __future__ import annotations

from ganforge.core.schedule import Cosine, Linear
from ganforge.data.path import PathData
from ganforge.engine.callbacks.curves import Curves
from ganforge.engine.callbacks.previews import Previews
from ganforge.engine.callbacks.usual import seen
from ganforge.losses.penalties import R1, R2
from ganforge.losses.relativistic import RpGan
from ganforge.modalities.graph.nets.choosing import ChoosingGenerator
from ganforge.modalities.graph.nets.critic import GraphDiscriminator
from ganforge.modalities.graph.network import Network
from ganforge.modalities.graph.signal import Graphs
from ganforge.modalities.graph.tasks.cell import Cell
from ganforge.modalities.graph.tasks.netgan import NetGan
from ganforge.modalities.graph.tasks.synthesis import GraphSynthesis
from ganforge.recipes import recipe
from ganforge.recipes.base import Recipe
from ganforge.recipes.ema import Ema
from ganforge.recipes.optimizer import Adam


@recipe("graphs-small")
def graphs_small() -> Recipe:
    """Many graphs of up to 48 nodes, with types and classes, by R3GAN's losses, for CPUs.

    Papers: De Cao & Kipf 2018 (MolGAN: types drawn by Gumbel noise), Huang et al. 2024 (RpGAN + R1 + R2). Departures:
    no reward net; in G each node chooses a few others; nodes without an order in G and D; D counts closed walks.
    Measured: 350 graphs of ENZYMES (400,000 samples, two seeds): distances to unseen graphs 1.4 (degrees), 1.5
    (clustering) and 2.5 (spectra) times those of the training graphs, and no copies.
    Command: `ganforge train data=graphs/ --minutes 30`; then `ganforge sample RUN -n 50 --out new/ --format graphml`
    """
    samples = 400_000
    memory = (0.0, 0.99)
    rate = Cosine(start=1e-3, end=1e-4, over=samples)
    fading = Cosine(start=0.1, end=0.01, over=samples // 2)
    return Recipe(
        data=PathData(path="./graphs"),
        samples=samples,
        batch=32,
        checkpoint_every=10_000,
        log_every=1_000,
        signal=Graphs(),
        task=GraphSynthesis(
            generator=ChoosingGenerator(),
            discriminator=GraphDiscriminator(),
            objective=RpGan(),
            penalties=(R1(weight=fading), R2(weight=fading)),
            noise=Linear(start=0.1, end=0.0, over=samples // 2),
        ),
        optimizers={"G": Adam(lr=rate, betas=memory), "D": Adam(lr=rate, betas=memory)},
        ema=Ema(half_life=4_000),
        callbacks=seen(10_000, rows=4),
    )


@recipe("network")
def network() -> Recipe:
    """One network by CELL, a low-rank model without a GAN: seconds to minutes on a CPU.

    Paper: Rendsburg, Heidrich & von Luxburg 2020: rank 9, Adam 0.1, weight decay 1e-7, all edges in each step, stopped
    at an edge overlap of 0.5. Departures: 16,384 directions of edges in each step.
    Command: `ganforge train data=friends.txt`; then `ganforge sample RUN -n 1 --out new/ --format graphml`
    """
    return Recipe(
        data=PathData(path="edges.txt"),
        samples=16_384 * 200,
        batch=16_384,
        checkpoint_every=16_384 * 100,
        log_every=16_384 * 20,
        precision="fp32",
        signal=Network(),
        task=Cell(),
        optimizers={"G": Adam(lr=0.1, betas=(0.9, 0.999), weight_decay=1e-7)},
        ema=Ema(half_life=0),
        callbacks=(Previews(every=16_384 * 100, rows=1, columns=1), Curves()),
    )


@recipe("netgan")
def netgan() -> Recipe:
    """NetGAN: one network from random walks that a GAN of LSTMs makes.

    Paper: Bojchevski et al. 2018: walks of 16 nodes, LSTMs of 40 and 30 units, 128 numbers a node, τ from 5 to 0.5,
    WGAN-GP 10, three steps of D, Adam 3e-4, batch 128, L2 1e-7 (G) and 5e-5 (D). Departures: no early stopping at an
    edge overlap (end it with samples= or --minutes); 20,000 walks for the scores.
    Command: `ganforge train netgan data=friends.txt --minutes 60`
    """
    return Recipe(
        data=PathData(path="edges.txt"),
        samples=128 * 3 * 20_000,
        batch=128,
        checkpoint_every=128 * 3 * 500,
        log_every=128 * 3 * 50,
        precision="fp32",
        signal=Network(),
        task=NetGan(),
        optimizers={
            "G": Adam(lr=3e-4, betas=(0.5, 0.9), weight_decay=1e-7),
            "D": Adam(lr=3e-4, betas=(0.5, 0.9), weight_decay=5e-5),
        },
        ema=Ema(half_life=0),
        callbacks=(Previews(every=128 * 3 * 500, rows=1, columns=1), Curves()),
    )
