"""Films of people in motion: `r3gan-video-small` and `mocogan` after the same minutes, over several seeds.

    python benchmarks/video_goals.py --data DATA/video_actions --out runs/video --minutes 30 --seeds 0 1

Prints, of each run: the share of films with the action asked for, by the classifier of `clip_fd`, which is trained on
the real clips with their labels (its accuracy on held-out films stands in the first row); `pace` (mean change from
frame to frame as a share of the real one) of pixels and of blocks; `clip_fd` with its floor; the motion in the last
quarter of films four times as long as trained, as a share of that in the first; and the same values of real clips that
are frozen and shuffled. Runs that lie in `--out` are not trained again. Writes OUT/goals.json.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import numpy as np

import ganforge as gf
from ganforge.data.path import PathData
from ganforge.metrics.base import Comparison, Encoder, SampleSet, measure
from ganforge.modalities.video.extractors.films import FilmClassifier
from ganforge.modalities.video.metrics import ClipDistance, Motion, clip_facts
from ganforge.modalities.video.signal import Video
from ganforge.registry import load_all

RECIPES = ("r3gan-video-small", "mocogan")
EACH = 33
"""Films of each action."""


def clips_of(data: Path, split: str) -> tuple[np.ndarray, np.ndarray, tuple[str, ...]]:
    """Clips of 32 frames of 64 px with their labels."""
    clips = Video(frames=32, size=64).items(PathData(path=str(data), split=split).open())  # type: ignore[arg-type]
    assert clips.labels is not None
    return np.stack([clips.read(k) for k in range(len(clips))]), clips.labels, clips.classes


def told(encoder: Encoder, clips: np.ndarray, labels: np.ndarray) -> float:
    """Share of clips that the classifier gives their label."""
    chances = encoder.encode(clips)[1]
    assert chances is not None
    return float((chances.argmax(1).cpu().numpy() == labels).mean())


def values(encoder: Encoder, real: np.ndarray, fake: np.ndarray) -> dict[str, float]:
    comparison = Comparison(SampleSet.of(real), SampleSet.of(fake), encoder)
    results = measure([ClipDistance(), Motion()], comparison)
    found = {one.name.split("[")[0].rstrip("0123456789"): one.value for one in results}
    return {name: found[name] for name in ("clip_fd", "pace", "pace_blocks", "frozen", "looping", "flicker")} | {
        "floor": float(results[0].detail["floor"])
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--out", type=Path, default=Path("runs/video"))
    parser.add_argument("--minutes", type=float, default=30)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1])
    parser.add_argument("--recipes", nargs="+", default=RECIPES)
    parser.add_argument("--precision", default="bf16")
    asked = parser.parse_args()
    load_all()
    real, labels, classes = clips_of(asked.data, "train")
    held, held_labels, _ = clips_of(asked.data, "test")
    encoder = FilmClassifier().open(SampleSet.of(real, labels), classes=classes)
    draws = np.random.default_rng(0)
    found = {
        "real (held-out films)": {"asked": told(encoder, held, held_labels), **values(encoder, real, held)},
        "real, frozen": values(encoder, real, np.repeat(real[:, 16:17], 32, 1)),
        "real, shuffled": values(encoder, real, np.stack([clip[draws.permutation(32)] for clip in real])),
    }
    for name in asked.recipes:
        for seed in asked.seeds:
            folder = asked.out / f"{name}-{seed}"
            fields = {"task.conditional": True, "signal.frames": 32, "signal.size": 64}
            if not (folder / "model.safetensors").exists():
                gf.train(
                    name, data=str(asked.data), minutes=asked.minutes, run_dir=folder, seed=seed,
                    precision=asked.precision, fields=fields,
                )  # fmt: skip
            model = gf.load(folder)
            clips = np.concatenate([model.sample(EACH, seed=k, label=label) for k, label in enumerate(classes)])
            own = np.repeat(np.arange(len(classes)), EACH)
            row = {"asked": told(encoder, clips, own), **values(encoder, real, clips), "samples": float(model.samples)}
            if model.recipe.task.takes_times:
                long = model.lasting(frames=128)
                parts = [long.sample(8, seed=k, label=label) for k, label in enumerate(classes)]
                quarters = [np.concatenate([part[:, a : a + 32] for part in parts]) for a in (0, 96)]
                first, last = (clip_facts(part)["motion"].mean() for part in quarters)
                row["last quarter of 4x"] = float(last / first)
            found[f"{name}, seed {seed}"] = row
            asked.out.mkdir(parents=True, exist_ok=True)
            (asked.out / "goals.json").write_text(json.dumps(found, indent=1))
    for name, row in found.items():
        print(f"{name:28}", ", ".join(f"{key} {value:.3g}" for key, value in row.items()))


if __name__ == "__main__":
    main()
