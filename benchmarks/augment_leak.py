"""Does the augmentation leak into what G makes? A generator small enough to look into, against a perfect critic.

    python benchmarks/augment_leak.py                        all traits, some minutes
    python benchmarks/augment_leak.py --traits hue light --p 0.6 1

G mixes a few fixed images that differ in one trait (which way up, which hue, ...); all that it learns is the share of
each. The truth is an uneven mixture. Both are seen through the whole pipe, with draws of their own, and G takes the
shares that bring the energy distance of the two (Székely and Rizzo 2013) lowest. It is 0 for equal distributions alone,
so it stands for a critic that sees all there is to see in `draws` augmented images of each kind. G starts with even
shares. With p = 1 every way up, hue and light is as likely as any other, whatever G makes: nothing can be learned.

    left    how much of the distance between the truth and even shares the augmentation leaves: what there is to learn
            from; sd is the standard error of that
    error   half the sum of |learned share − true share|: 0 is the truth; `start` is what even shares have

Prints one JSON object a line.
"""

from __future__ import annotations

import argparse
import json
import math
from dataclasses import dataclass

import torch
from torch import Tensor

from ganforge.augment.base import Augment
from ganforge.core.rng import Rng
from ganforge.core.types import Memory
from ganforge.modalities.image.augment.ada import FixedAda
from ganforge.modalities.image.augment.diffaugment import DiffAugment

SIDE = 12
DRAWS = 16_384
TRUTH = {2: (0.8, 0.2), 4: (0.6, 0.3, 0.1, 0.0), 6: (0.5, 0.3, 0.2, 0.0, 0.0, 0.0)}


def picture(
    angle: float = 0.0,
    hue: float = 0.0,
    sign: float = 1.0,
    brightness: float = 0.0,
    size: float = 1.0,
    right: float = 0.0,
    mirrored: bool = False,
) -> Tensor:
    """[3, SIDE, SIDE]: two colored blobs, unlike each other, so that it has no symmetry at all."""
    along = (torch.arange(SIDE) + 0.5) / SIDE * 2 - 1
    y, x = torch.meshgrid(along, along, indexing="ij")
    x = (-x if mirrored else x) - right
    u, v = (math.cos(angle) * x + math.sin(angle) * y) / size, (math.cos(angle) * y - math.sin(angle) * x) / size
    large = torch.exp(-((u - 0.35).square() + v.square()) / 0.08)
    small = torch.exp(-((u + 0.1).square() + (v - 0.5).square()) / 0.03)
    shape = (large + 0.8 * small).clamp(max=1)
    third = 2 * math.pi / 3
    chroma = torch.tensor([math.cos(hue - k * third) for k in range(3)])
    return sign * (1.2 * shape - 0.6) + brightness + 0.4 * chroma[:, None, None] * shape


def traits() -> dict[str, Tensor]:
    """The images [K, 3, SIDE, SIDE] that G mixes, by what they differ in."""
    made = {
        "mirror": [picture(mirrored=m) for m in (False, True)],
        "way up": [picture(angle=k * math.pi / 2) for k in range(4)],
        "angle": [picture(angle=k * math.pi / 3) for k in range(6)],
        "size": [picture(size=0.6 * 1.3**k) for k in range(4)],
        "place": [picture(right=0.2 * k - 0.3) for k in range(4)],
        "light": [picture(sign=s) for s in (1.0, -1.0)],
        "brightness": [picture(brightness=0.25 * k - 0.375) for k in range(4)],
        "hue": [picture(hue=k * math.pi / 3) for k in range(6)],
    }
    return {name: torch.stack(pictures) for name, pictures in made.items()}


@dataclass(frozen=True)
class Found:
    """What G learned.

    Attributes:
        shares: of each kind, learned [K]. truth: the true ones.
        left: see above; with its standard error `sd`.
    """

    shares: Tensor
    truth: Tensor
    left: float
    sd: float

    @property
    def error(self) -> float:
        return (self.shares - self.truth).abs().sum().item() / 2

    @property
    def start(self) -> float:
        return (1 / len(self.truth) - self.truth).abs().sum().item() / 2


def apart(here: Tensor, there: Tensor) -> Tensor:
    """Mean distance of the images of each kind in `here` to those of each kind in `there`, both [K, M, D]: [K, K]."""
    distance = torch.cdist(here.flatten(0, 1), there.flatten(0, 1))
    mean = distance.view(len(here), here.shape[1], len(there), there.shape[1]).mean((1, 3))
    return (mean + mean.T) / 2


def augmented(augment: Augment, atoms: Tensor, draws: int, rng: Rng) -> Tensor:
    """[K, draws, D]. All kinds get the same draws: what differs between them is then the kind alone."""
    return torch.stack([augment.apply(x.expand(draws, -1, -1, -1), rng, Memory()).flatten(1) for x in atoms])


def learn(
    augment: Augment, atoms: Tensor, draws: int = DRAWS, seed: int = 0, chunk: int = 1024, steps: int = 1000
) -> Found:
    """The shares of `atoms` [K, C, H, W] that G ends at.

    The energy distance of fakes X and reals Y is 2·E|X − Y| − E|X − X′| − E|Y − Y′|. With shares w and t it is
    2·wᵀB t − wᵀA w − tᵀA t. A (between fakes) and B (from fakes to reals) are the same in the limit; they are measured
    with draws of their own, so that the truth is found if it can be seen and not because it is known.
    """
    k = len(atoms)
    truth = torch.tensor(TRUTH[k])
    uneven = 1 / k - truth
    among, across = [], []
    for n in range(draws // chunk):
        fake, other, more, real = (augmented(augment, atoms, chunk, Rng(seed, n, name)) for name in "abcd")
        among.append(apart(fake, other))
        across.append(apart(more, real))
    A, B = torch.stack(among), torch.stack(across)
    plain = atoms.flatten(1)[:, None]
    left = -torch.einsum("k,nkl,l->n", uneven, torch.cat([A, B]), uneven) / -(uneven @ apart(plain, plain) @ uneven)
    scale = 1 / left.mean().abs().clamp_min(1e-6)  # Adam does not mind, but for its epsilon
    A, B = A.mean(0) * scale, B.mean(0) * scale
    logits = torch.zeros(k, requires_grad=True)
    optimizer = torch.optim.Adam([logits], lr=0.03)
    for _ in range(steps):
        shares = logits.softmax(0)
        optimizer.zero_grad()
        (2 * shares @ B @ truth - shares @ A @ shares).backward()
        optimizer.step()
    return Found(logits.detach().softmax(0), truth, left.mean().item(), (left.std() / len(left) ** 0.5).item())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--traits", nargs="*", default=list(traits()), help=", ".join(traits()))
    parser.add_argument("--p", nargs="*", type=float, default=[0.2, 0.4, 0.6, 0.8, 1.0], help="of ADA's default pipe")
    parser.add_argument("--draws", type=int, default=DRAWS, help="augmented images of each kind, a multiple of 1024")
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    pipes: dict[str, Augment] = {f"ada p={p:g}": FixedAda(p=p) for p in args.p}
    pipes["diffaugment"] = DiffAugment()
    for trait in args.traits:
        for name, augment in pipes.items():
            found = learn(augment, traits()[trait], args.draws, args.seed)
            result = {
                "trait": trait,
                "augment": name,
                "left": round(found.left, 5),
                "sd": round(found.sd, 5),
                "start": round(found.start, 3),
                "error": round(found.error, 3),
            }
            print(json.dumps(result), flush=True)


if __name__ == "__main__":
    main()
