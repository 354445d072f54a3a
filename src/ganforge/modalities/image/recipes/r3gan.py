"""R3GAN: relativistic pairing with R1 and R2 at every step, and residual nets without normalization.

γ by resolution: the factor of ½‖∇D‖² in R1 and R2 starts at `gamma(side)` and decays to a tenth of it. The paper uses 1
for stacked MNIST, 0.05 for CIFAR-10 and 0.5 for ImageNet at 32 pixels, 2 for FFHQ and 1 for ImageNet at 64, 150 for
FFHQ at 256: it depends on the data, but mainly on the side, by about its third power.
"""

from __future__ import annotations

from dataclasses import replace

from ganforge.core.schedule import Cosine
from ganforge.engine.callbacks.usual import seen
from ganforge.losses.penalties import R1, R2
from ganforge.losses.relativistic import RpGan
from ganforge.modalities.image.augment.ada import FixedAda
from ganforge.modalities.image.nets.r3gan import R3ganDiscriminator, R3ganGenerator
from ganforge.modalities.image.nets.upconv import UpconvGenerator
from ganforge.modalities.image.signal import Image
from ganforge.modalities.image.sources.named import Cifar10, Mnist
from ganforge.modalities.image.sources.stacked import StackedMnist
from ganforge.recipes import recipe
from ganforge.recipes.base import Recipe
from ganforge.recipes.ema import Ema
from ganforge.recipes.optimizer import Adam
from ganforge.tasks.synthesis import Synthesis


def gamma(side: int) -> float:
    """The initial γ for images of `side` pixels: 0.25 at 32, 2 at 64, 16 at 128, 128 at 256."""
    return 2.0 * (side / 64) ** 3


def gradient_penalties(start: float, over: int, every: int = 1) -> tuple[R1, R2]:
    """R1 and R2 with a γ that decays from `start` to a tenth of it."""
    fading = Cosine(start=start, end=start / 10, over=over)
    return R1(weight=fading, every=every), R2(weight=fading, every=every)


def pipe(p: float, over: int) -> FixedAda:
    """The paper's augmentation: its probability rises from 0 to `p`."""
    return FixedAda(p=Cosine(start=0.0, end=p, over=over), blit=1.0, geometry=1.0, color=0.5, cutout=1.0)


def adam(start: float, end: float, over: int) -> Adam:
    """Adam with β1 = 0, and β2 rising from 0.9 to 0.99."""
    return Adam(lr=Cosine(start=start, end=end, over=over), betas=(0.0, Cosine(start=0.9, end=0.99, over=over)))


@recipe("r3gan-cifar10")
def r3gan_cifar10() -> Recipe:
    """R3GAN as in its paper for CIFAR-10, class-conditional (FID 1.96 in the paper). For large GPUs.

    Paper: Huang et al. 2024, configuration E and its appendix: 768 channels on four grids, two blocks each, batch 512,
    rates 2e-4 to 5e-5, β2 0.9 to 0.99, γ 0.05 to 0.005 and augmentation 0 to 0.55 over 20 M samples, 250 M in all.
    Departures: bf16 on all grids if the device supports it (in the paper, the finest three); the half-life of the EMA
    grows linearly; batches are split into four parts, which only reduces memory.
    Command: `ganforge train r3gan-cifar10`; on a CPU use `r3gan-small`
    """
    burn_in = 20_000_000
    return Recipe(
        data=Cifar10(),
        samples=250_000_000,
        batch=512,
        accumulate=4,
        checkpoint_every=1_000_000,
        log_every=50_000,
        signal=Image(),
        task=Synthesis(
            generator=R3ganGenerator(channels=768, wide=4, blocks=2),
            discriminator=R3ganDiscriminator(channels=768, wide=4, blocks=2),
            objective=RpGan(),
            penalties=gradient_penalties(0.05, burn_in),
            augment=pipe(0.55, burn_in),
            conditional=True,
        ),
        optimizers={"G": adam(2e-4, 5e-5, burn_in), "D": adam(2e-4, 5e-5, burn_in)},
        ema=Ema(half_life=5_000_000, warmup=0.25),
        callbacks=seen(500_000),
    )


@recipe("r3gan-stacked-mnist")
def r3gan_stacked_mnist() -> Recipe:
    """R3GAN for the thousand modes of stacked MNIST, all of which it finds in the paper. For large GPUs.

    Paper: Huang et al. 2024: as on CIFAR-10 without labels or augmentation, γ 1 to 0.1 over 2 M samples, 10 M in all.
    Departures: as in `r3gan-cifar10`.
    Command: `ganforge train r3gan-stacked-mnist`; on a CPU use `r3gan-small data=stacked-mnist`
    """
    base = r3gan_cifar10()
    burn_in = 2_000_000
    return replace(
        base,
        data=StackedMnist(),
        signal=Image(size=32),
        samples=10_000_000,
        task=replace(base.task, conditional=False, penalties=gradient_penalties(1.0, burn_in), augment=None),
        optimizers={"G": adam(2e-4, 5e-5, burn_in), "D": adam(2e-4, 5e-5, burn_in)},
        ema=Ema(half_life=500_000, warmup=0.25),
    )


@recipe("r3gan-64")
def r3gan_64() -> Recipe:
    """R3GAN for images of 64 pixels, as in its paper for faces (FID 1.95 in the paper). For large GPUs.

    Paper: Huang et al. 2024, FFHQ-64: 384 channels on the finest grid and 768 on the others, batch 256, γ 2 to 0.2 and
    augmentation 0 to 0.3 over 20 M samples. Departures: 150 M samples in all; as in `r3gan-cifar10`.
    Command: `ganforge train r3gan-64 data=./photos`
    """
    base = r3gan_cifar10()
    burn_in = 20_000_000
    return replace(
        base,
        data="digits",
        signal=Image(size=64),
        samples=150_000_000,
        batch=256,
        task=replace(
            base.task, conditional=False, penalties=gradient_penalties(gamma(64), burn_in), augment=pipe(0.3, burn_in)
        ),
        ema=Ema(half_life=500_000, warmup=0.25),
    )


@recipe("r3gan-256")
def r3gan_256() -> Recipe:
    """R3GAN for images of 256 pixels, as in its paper for faces (FID 2.75 in the paper). For several large GPUs.

    Paper: Huang et al. 2024, FFHQ-256: as `r3gan-64` with two more grids, of 192 and 96 channels; γ 150 to 15, and all
    schedules over 200 M samples. Departures: 250 M samples in all; as in `r3gan-cifar10`.
    Command: `ganforge train r3gan-256 data=./photos`
    """
    base = r3gan_64()
    burn_in = 200_000_000
    return replace(
        base,
        signal=Image(size=256),
        samples=250_000_000,
        task=replace(base.task, penalties=gradient_penalties(150.0, burn_in), augment=pipe(0.3, burn_in)),
        optimizers={"G": adam(2e-4, 5e-5, burn_in), "D": adam(2e-4, 5e-5, burn_in)},
    )


@recipe("r3gan-small")
def r3gan_small() -> Recipe:
    """R3GAN reduced for CPUs: its loss and a small version of its discriminator. Recommended for two cores.

    Paper: Huang et al. 2024: the loss, both penalties, D's blocks and their initialization, the shape of the schedules.
    Departures, all to save time: the penalties at every fourth step, with four times the weight; a generator of
    nearest-neighbor enlargement, convolutions and batch norm, which learns in fewer steps; a D of 128 to 32 channels
    with one block per grid, and cells of 2×2 pixels on the finest grid; batch 32; learning rates of 2e-3 to 3e-4 and γ
    of 0.3 to 0.03, tuned for images of 28 to 64 pixels.
    Result: docs/results.md, "Image generation".
    Command: `ganforge train r3gan-small data=mnist`, or `data=./photos`; with labels `task.conditional=true`; with few
    images `task.augment=ada`; `precision=bf16` is faster on CPUs that support it
    """
    learning = adam(2e-3, 3e-4, 100_000)
    return Recipe(
        data=Mnist(),
        samples=1_200_000,
        batch=32,
        checkpoint_every=60_000,
        log_every=2_000,
        signal=Image(),
        task=Synthesis(
            generator=UpconvGenerator(latent=64, channels=48),
            discriminator=R3ganDiscriminator(channels=128, patch=2),
            objective=RpGan(),
            penalties=gradient_penalties(0.3, 20_000, every=4),
        ),
        optimizers={"G": learning, "D": learning},
    )
