"""What `ganforge train PATH` chooses, against `dcgan`, in the same minutes on the same machine, and a page of grids.

    python benchmarks/auto_choice.py --data DATA --out runs/auto --minutes 10 --images docs/images
    python benchmarks/auto_choice.py --data DATA --out runs/auto --sets mnist emoji.zip --rival "dcgan precision=bf16"

DATA holds the sets by name. For each, the choice for these minutes and this machine is trained, and then the rival at
the same size of images (whatever the choice says of `signal`), each for `--minutes` with all threads. Then samples of
both are compared with real images, up to 5,000 a side, in the features of one small net, trained on these real
images (`ganforge evaluate REAL SAMPLES`): on their labels, where they have any:

    fd          Fréchet distance of the features; 0 is right
    kid         kernel distance of the same
    precision   share of the samples that lie among real images
    recall      share of the real images that lie among samples
    swd         sliced Wasserstein distance of patches at several scales, which needs no net

Runs that have left their result in `--out` are not repeated. Prints a table, and writes all figures to
`OUT/results.json` and a page for each set to `OUT/auto-SET.jpg`: real images, the rival's, the choice's.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image, ImageDraw

from equal_minutes import trained

if TYPE_CHECKING:
    from ganforge.core.types import Spec
    from ganforge.signals import Signal

SETS = ("mnist", "fashion_mnist", "cifar10.zip", "emoji.zip", "sign_digits", "clothing")
MOST, FEWEST = 5_000, 1_000
COLUMNS, ROWS = 8, 8
FIGURES = ("fd", "kid", "pr", "swd")
CAPTION = 16  # px above each grid


def real_pictures(data: str, fields: list[str]) -> tuple[np.ndarray, np.ndarray | None, Signal, Spec]:
    """Up to 5,000 real images [N, H, W, C] as a run with such a signal sees them, shuffled, and their labels."""
    from ganforge.engine.build import open_data
    from ganforge.evaluation.sides import real_samples
    from ganforge.recipes import make_recipe

    recipe = make_recipe("r3gan-small", (), [f"data={data}", *fields])
    dataset, spec = open_data(recipe)
    side = real_samples(recipe.signal, dataset, spec, most=MOST, shuffled=True)
    return np.concatenate([*side.draw(256)]), side.labels, recipe.signal, spec


def run(
    words: list[str], data: str, folder: Path, labels: np.ndarray | int, args: argparse.Namespace
) -> dict[str, Any]:
    """Trains one recipe and keeps its samples in `samples.npz`; what is known of the run, from its file where done.

    Args:
        labels: of real images, whose shares a conditional model is asked for; without them their number.
    """
    done = folder / "run.json"
    if done.is_file():
        return json.loads(done.read_text())
    recipe, *items = words
    fields = dict(item.split("=", 1) for item in items) | {"data": data, "seed": "0"}
    start = time.perf_counter()
    model = trained(recipe, folder, args.minutes, fields)
    wall = time.perf_counter() - start
    real = labels if isinstance(labels, int) else len(labels)
    count = min(MOST, max(FEWEST, real))
    asked = None
    if model.labels and not isinstance(labels, int):
        asked = [int(labels[k % real]) for k in range(count)]
    np.savez(folder / "samples.npz", images=model.sample(count, seed=0, label=asked, batch=100))
    told = {"words": " ".join(words), "wall_seconds": round(wall, 1), "samples": model.samples}
    done.write_text(json.dumps(told))
    return told


def figures(real: Path, samples: Path, out: Path) -> dict[str, float]:
    """The figures of samples against real images."""
    import ganforge

    found = ganforge.evaluate(real, samples, metrics=list(FIGURES), out=out, progress=False)
    names = [re.match("[a-z]+", result.name) for result in found.results]  # fd of fd5k[small@1a2b3c4d]
    return {name[0]: float(result.value) for name, result in zip(names, found.results, strict=True) if name}


def panel(samples: np.ndarray, caption: str, signal: Signal, spec: Spec, folder: Path) -> Image.Image:
    """A grid of samples with a caption above it."""
    path = folder / "panel.png"
    path.write_bytes(signal.render(samples[: COLUMNS * ROWS], spec, COLUMNS)[0].data)
    grid = Image.open(path).convert("RGB")
    path.unlink()
    page = Image.new("RGB", (grid.width, grid.height + CAPTION), "white")
    page.paste(grid, (0, CAPTION))
    ImageDraw.Draw(page).text((2, 2), caption, fill="black")
    return page


def beside(panels: list[Image.Image], gap: int = 8) -> Image.Image:
    """Panels in one row."""
    page = Image.new("RGB", (sum(p.width + gap for p in panels) - gap, max(p.height for p in panels)), "white")
    left = 0
    for each in panels:
        page.paste(each, (left, 0))
        left += each.width + gap
    return page


def compare(name: str, args: argparse.Namespace) -> dict[str, Any]:
    """One set: the choice and the rival trained, judged and drawn."""
    from ganforge.api import choose_recipe

    data, folder = str(args.data / name), args.out / Path(name).stem
    folder.mkdir(parents=True, exist_ok=True)
    choice = choose_recipe(data, minutes=args.minutes)
    signal_fields = [field for field in choice.fields if field.startswith("signal.")]
    real, labels, signal, spec = real_pictures(data, signal_fields)
    if labels is None:
        np.savez(folder / "real.npz", images=real)
    else:
        np.savez(folder / "real.npz", images=real, labels=labels)
    entries = {"rival": [*args.rival.split(), *signal_fields], "choice": [choice.recipe, *choice.fields]}
    result: dict[str, Any] = {"set": name, "facts": choice.facts, "reasons": choice.reasons, "minutes": args.minutes}
    panels = [panel(real, f"{name}: real", signal, spec, folder)]
    for who, words in entries.items():
        told = run(words, data, folder / who, len(real) if labels is None else labels, args)
        told |= figures(folder / "real.npz", folder / who / "samples.npz", folder / who / "judged")
        result[who] = told
        with np.load(folder / who / "samples.npz") as stored:
            panels.append(panel(stored["images"], f"{words[0]}: fd {told['fd']:.1f}", signal, spec, folder))
        print(json.dumps({"set": name, who: told}), file=sys.stderr, flush=True)
    for out in {args.out, args.images or args.out}:
        out.mkdir(parents=True, exist_ok=True)
        beside(panels).save(out / f"auto-{Path(name).stem}.jpg", quality=88, subsampling=0, optimize=True)
    return result


def table(results: list[dict[str, Any]]) -> str:
    """The results as Markdown, a row a set."""
    keys = [key for key in results[0]["choice"] if key not in ("words", "wall_seconds", "samples")]
    head = ["set", "chosen", *keys, "samples seen"]
    lines = [f"| {' | '.join(head)} |", "|---" * len(head) + "|"]
    for result in results:
        ours, theirs = result["choice"], result["rival"]
        pairs = [f"{ours[key]:.3g} ({theirs[key]:.3g})" for key in keys]
        seen = f"{ours['samples'] / 1e3:.0f} k ({theirs['samples'] / 1e3:.0f} k)"
        lines.append(f"| {result['set']} | `{ours['words']}` | {' | '.join(pairs)} | {seen} |")
    return "\n".join([*lines, "", f"In brackets: `{results[0]['rival']['words']}`."])


def main() -> None:
    from ganforge.registry import load_all

    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n\n")[0])
    parser.add_argument("--data", type=Path, required=True, help="folder with the sets")
    parser.add_argument("--out", type=Path, required=True, help="folder for the runs, the pages and results.json")
    parser.add_argument("--sets", nargs="+", default=list(SETS), help="names in that folder")
    parser.add_argument("--minutes", type=float, default=10.0, help="of training for each run")
    parser.add_argument("--rival", default="dcgan", help="recipe field=value ...")
    parser.add_argument("--images", type=Path, help="folder that the pages are copied to")
    args = parser.parse_args()
    load_all()
    args.out.mkdir(parents=True, exist_ok=True)
    results = [compare(name, args) for name in args.sets]
    (args.out / "results.json").write_text(json.dumps(results, indent=1) + "\n")
    print(table(results))


if __name__ == "__main__":
    main()
