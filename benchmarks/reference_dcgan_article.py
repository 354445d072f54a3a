"""The `dcgan-article` network in plain eager PyTorch, as people write it: the yardstick for the speed of the recipe.

Random images stand in for MNIST, so no data loading is measured. Prints one line of JSON with the images a second.

    python benchmarks/reference_dcgan_article.py --steps 20 --warmup 3 --threads 2
"""

from __future__ import annotations

import argparse
import json
import time

import torch
from torch import Tensor, nn


def make_generator() -> nn.Module:
    """z [N, 100] → [N, 1, 28, 28]."""
    return nn.Sequential(
        nn.Linear(100, 256 * 7 * 7, bias=False),
        nn.BatchNorm1d(256 * 7 * 7, eps=1e-3, momentum=0.01),
        nn.LeakyReLU(0.3),
        nn.Unflatten(1, (256, 7, 7)),
        nn.ConvTranspose2d(256, 128, 5, stride=1, padding=2, bias=False),
        nn.BatchNorm2d(128, eps=1e-3, momentum=0.01),
        nn.LeakyReLU(0.3),
        nn.ConvTranspose2d(128, 64, 5, stride=2, padding=2, output_padding=1, bias=False),
        nn.BatchNorm2d(64, eps=1e-3, momentum=0.01),
        nn.LeakyReLU(0.3),
        nn.ConvTranspose2d(64, 1, 5, stride=2, padding=2, output_padding=1, bias=False),
        nn.Tanh(),
    )


def make_discriminator() -> nn.Module:
    """[N, 1, 28, 28] → logit [N, 1]."""
    return nn.Sequential(
        nn.Conv2d(1, 64, 5, stride=2, padding=2),
        nn.LeakyReLU(0.3),
        nn.Dropout(0.3),
        nn.Conv2d(64, 128, 5, stride=2, padding=2),
        nn.LeakyReLU(0.3),
        nn.Dropout(0.3),
        nn.Flatten(),
        nn.Linear(128 * 7 * 7, 1),
    )


class Loop:
    """One net of each, their Adams, and the usual step."""

    def __init__(self, batch: int):
        self.batch = batch
        self.G, self.D = make_generator(), make_discriminator()
        self.optimizer_g = torch.optim.Adam(self.G.parameters(), lr=1e-4)
        self.optimizer_d = torch.optim.Adam(self.D.parameters(), lr=1e-4)
        self.criterion = nn.BCEWithLogitsLoss()
        self.ones, self.zeros = torch.ones(batch, 1), torch.zeros(batch, 1)

    def step(self, real: Tensor) -> None:
        """D on real and detached fake samples, then G on the same fakes through the new D."""
        fake = self.G(torch.randn(self.batch, 100))

        self.optimizer_d.zero_grad()
        loss_d = self.criterion(self.D(real), self.ones) + self.criterion(self.D(fake.detach()), self.zeros)
        loss_d.backward()
        self.optimizer_d.step()

        self.optimizer_g.zero_grad()
        loss_g = self.criterion(self.D(fake), self.ones)
        loss_g.backward()
        self.optimizer_g.step()


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n\n")[0])
    parser.add_argument("--steps", type=int, default=20, help="steps to measure")
    parser.add_argument("--warmup", type=int, default=3, help="steps before that")
    parser.add_argument("--batch", type=int, default=256)
    parser.add_argument("--threads", type=int, default=0, help="of torch; 0 leaves its own choice")
    args = parser.parse_args()
    if args.threads:
        torch.set_num_threads(args.threads)
    torch.manual_seed(0)
    loop = Loop(args.batch)
    data = [torch.rand(args.batch, 1, 28, 28) * 2 - 1 for _ in range(4)]
    for k in range(args.warmup):
        loop.step(data[k % 4])
    start = time.perf_counter()
    for k in range(args.steps):
        loop.step(data[k % 4])
    seconds = time.perf_counter() - start
    rate = args.steps * args.batch / seconds
    print(
        json.dumps(
            {
                "images_per_second": round(rate, 1),
                "steps": args.steps,
                "batch": args.batch,
                "seconds": round(seconds, 3),
                "threads": torch.get_num_threads(),
                "torch": torch.__version__,
            }
        )
    )


if __name__ == "__main__":
    main()
