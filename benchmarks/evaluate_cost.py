"""What an evaluation costs beyond the forward passes of its extractor.

    python benchmarks/evaluate_cost.py --samples 1000 --threads 2

The extractor is the Inception-v3 of FID with random weights, which cost as much as trained ones. Random images of
32×32, as many real as made. First each goes through the extractor and nothing else is done; then `fd`, `kid`, `is` and
`prdc` are measured on the same images, again. Prints one JSON object: seconds of the processor for both, their ratio,
and how many images went through the extractor.
"""

from __future__ import annotations

import argparse
import json
import time

import numpy as np
import scipy.linalg  # noqa: F401  # loaded before the limit on threads, which else would not reach it
import torch
from threadpoolctl import threadpool_limits
from torch import Tensor

from ganforge.metrics.base import CHUNK, Comparison, Metric, SampleSet, measure
from ganforge.modalities.image.extractors.inception import InceptionEncoder, InceptionV3
from ganforge.registry import load_all


class Counted(InceptionEncoder):
    """Counts what it is shown."""

    seen = 0

    def encode(self, samples: np.ndarray) -> tuple[Tensor, Tensor | None]:
        self.seen += len(samples)
        return super().encode(samples)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--samples", type=int, default=1000, help="on each side")
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    threadpool_limits(args.threads)
    load_all()
    torch.manual_seed(0)
    encoder = Counted(InceptionV3().eval(), "random", "tf-bilinear", False, "cpu")
    draws = np.random.default_rng(0)
    sides = [SampleSet.of(draws.integers(0, 256, (args.samples, 32, 32, 3), dtype=np.uint8), name=s) for s in "ab"]
    encoder.encode(next(sides[0].parts(8, 8)))  # the first call allocates

    encoder.seen, begun = 0, time.process_time()
    for side in sides:
        for part in side.parts(CHUNK, side.n):
            encoder.encode(part)
    passes, alone = encoder.seen, time.process_time() - begun

    encoder.seen, begun = 0, time.process_time()
    comparison = Comparison(sides[0], sides[1], encoder)
    found = measure([Metric.parse(name) for name in ("fd", "kid", "is", "prdc")], comparison)
    whole = time.process_time() - begun
    result = {
        "samples": args.samples,
        "threads": args.threads,
        "passes": {"alone": passes, "evaluation": encoder.seen},
        "processor": {"alone": round(alone, 1), "evaluation": round(whole, 1)},
        "ratio": round(whole / alone, 3),
        "figures": {one.name: one.value for one in found},
    }
    print(json.dumps(result, indent=1))


if __name__ == "__main__":
    main()
