"""Tables: the conditional GAN that the field uses, and the two baselines it is compared with.

`ctgan` and `tvae` train as long as 300 passes over 26,000 rows take, which is what CTGAN's paper gives the smaller of
its tables, the others a quarter of that; `samples=` says otherwise. `data=` is a CSV, TSV or Parquet file.
"""

from __future__ import annotations

from dataclasses import replace

from ganforge.core.schedule import falling
from ganforge.engine.callbacks.usual import seen
from ganforge.losses.adversarial import Wasserstein
from ganforge.losses.penalties import GradientPenalty
from ganforge.modalities.table.likelihood import TableColumns
from ganforge.modalities.table.marginals import Marginals
from ganforge.modalities.table.nets import TabularDiscriminator, TabularGenerator
from ganforge.modalities.table.signal import Table
from ganforge.modalities.table.tasks.tabular import Tabular
from ganforge.nets.encoders import MlpEncoder
from ganforge.nets.mlp import MlpGenerator
from ganforge.recipes import recipe
from ganforge.recipes.base import Recipe
from ganforge.recipes.ema import Ema
from ganforge.recipes.optimizer import Adam
from ganforge.recipes.statistics import Standing
from ganforge.tasks.autoencode import Autoencode

SAMPLES = 7_800_000
FAST_SAMPLES = 3_000_000  # an estimate of what five minutes on two idle cores make of a table as wide as adult


@recipe("ctgan")
def ctgan() -> Recipe:
    """New rows of a table of mixed columns, on condition of any category: CTGAN.

    Paper: Xu et al. 2019: modes of each column of numbers, training by sampling, packs of 10, WGAN-GP with λ 10, one
    step of D for one of G, Gumbel-softmax with τ 0.2, nets of 2 × 256 units, Adam 2e-4 (0.5, 0.9), batch 500.
    Departures: weight decay 1e-6 in both; the running average of G that all recipes here sample from, and standing
    statistics that fit it; D's slope is taken with respect to rows, not to conditions.
    Command: `ganforge train ctgan data=adult.csv target=income`, then `ganforge sample RUN -n 1000 --out new.csv`
    """
    return Recipe(
        samples=SAMPLES,
        batch=500,
        checkpoint_every=1_000_000,
        log_every=50_000,
        precision="fp32",
        signal=Table(),
        task=Tabular(
            generator=TabularGenerator(),
            discriminator=TabularDiscriminator(),
            objective=Wasserstein(),
            penalties=(GradientPenalty(weight=10.0),),
        ),
        optimizers={
            "G": Adam(lr=2e-4, betas=(0.5, 0.9), weight_decay=1e-6),
            "D": Adam(lr=2e-4, betas=(0.5, 0.9), weight_decay=1e-6),
        },
        ema=Ema(half_life=50_000),
        statistics=Standing(batches=8, size=4_000),
        callbacks=seen(400_000, rows=40, columns=50),
    )


@recipe("ctgan-fast")
def ctgan_fast() -> Recipe:
    """`ctgan` in a fraction of its time: D scores rows one by one and sees more of each.

    Paper: Xu et al. 2019, as `ctgan`. Departures: columns that heap up at some number are seen by ranges in place of
    modes, no packs, a quarter of D's units left out where the paper leaves out half, half of the rows on condition of
    the target, a net that learns a discrete target from the other columns, Adam 3e-4 that falls to 0 in the second
    half, a third of the samples and at most 1,700 passes over the table, shares of values as in the table.
    How its rows compare: docs/results.md, "Tables".
    Command: `ganforge train ctgan-fast data=adult.csv target=income`
    """
    base = ctgan()
    return replace(
        base,
        samples=FAST_SAMPLES,
        max_passes=1_700,
        checkpoint_every=400_000,
        signal=Table(numbers="auto"),
        task=replace(
            base.task,
            discriminator=TabularDiscriminator(dropout=0.25),
            pack=1,
            target_share=0.5,
            target_widths="auto",
        ),
        optimizers={
            **{name: replace(adam, lr=falling(3e-4, FAST_SAMPLES)) for name, adam in base.optimizers.items()},
            "C": Adam(),
        },
        ema=Ema(half_life=100_000),
        statistics=Marginals(),
        callbacks=seen(100_000, rows=40, columns=50),
    )


@recipe("table-gan")
def table_gan() -> Recipe:
    """New rows of a table by a plain WGAN-GP, without conditions, packs or training by sampling: a baseline.

    Paper: Gulrajani et al. 2017, on the encoded rows and with the nets of Xu et al. 2019, whose ablation this is.
    Departures: all else is as in `ctgan-fast`, so that what differs is what conditions add.
    Command: `ganforge train table-gan data=adult.csv target=income`
    """
    base = ctgan_fast()
    return replace(
        base,
        task=replace(base.task, conditional=False, target_share=None, target_widths=()),
        optimizers={name: base.optimizers[name] for name in ("G", "D")},
    )


@recipe("tvae")
def tvae() -> Recipe:
    """New rows of a table by a variational autoencoder: the baseline that table GANs are compared with.

    Paper: Xu et al. 2019, section 4.5: nets of 2 × 128 units, 128 latents, the reconstruction counts twice, Adam 1e-3
    with weight decay 1e-5, batch 500. Departures: LeakyReLU 0.2 in G where the paper has ReLU; running average of G.
    Command: `ganforge train tvae data=adult.csv target=income`
    """
    base = ctgan()
    adam = Adam(lr=1e-3, betas=(0.9, 0.999), weight_decay=1e-5)
    return replace(
        base,
        task=Autoencode(
            encoder=MlpEncoder(widths=(128, 128)),
            generator=MlpGenerator(latent=128, widths=(128, 128), norm="none", bounded=False),
            likelihood=TableColumns(),
            reconstruction=2.0,
        ),
        optimizers={"E": adam, "G": adam},
    )
