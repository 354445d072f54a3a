"""GANs for tables whose samples give away no single row of the training data."""

from __future__ import annotations

from ganforge.engine.callbacks.usual import seen
from ganforge.losses.adversarial import NonSaturating
from ganforge.modalities.table.nets import TabularGenerator
from ganforge.modalities.table.signal import Table
from ganforge.modalities.table.tasks.private_tabular import PrivateTabular
from ganforge.nets.mlp import MlpDiscriminator
from ganforge.recipes import recipe
from ganforge.recipes.base import Recipe
from ganforge.recipes.ema import Ema
from ganforge.recipes.health import Off
from ganforge.recipes.optimizer import Adam
from ganforge.recipes.privacy import DpSgd


@recipe("dp-ctgan")
def dp_ctgan() -> Recipe:
    """New rows of a table with differential privacy: whether a given row was in the training data stays uncertain.

    Papers: Xu et al. 2019 (heads and modes of CTGAN); Xie et al. 2018 and Bie et al. 2023 (as `dp-gan`). Departures
    from CTGAN: no training by sampling, no conditions, no packs, since with them the guarantee would not hold; a
    small D; columns are described by hand (`signal.public`) instead of measured.
    Command: `ganforge train dp-ctgan data=adult.csv signal.public=adult.columns.yaml privacy.epsilon=3`
    See docs/privacy.md for what is guaranteed and what is not.
    """
    return Recipe(
        samples=500_000,
        batch=500,
        checkpoint_every=125_000,
        log_every=10_000,
        precision="fp32",
        signal=Table(),
        task=PrivateTabular(
            generator=TabularGenerator(),
            discriminator=MlpDiscriminator(widths=(128, 64)),
            objective=NonSaturating(),
            d_steps=1,
        ),
        optimizers={"G": Adam(lr=1e-3), "D": Adam(lr=1e-3)},
        ema=Ema(half_life=50_000),
        health=Off(),
        privacy=DpSgd(epsilon=10.0),
        callbacks=seen(50_000, rows=40, columns=50),
    )
