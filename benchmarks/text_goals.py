"""Goals of texts: trains recipes for the same minutes with several seeds, `lm` among them, and prints each value beside
its goal.

    python benchmarks/text_goals.py captions --data image_coco.txt --minutes 10 --seeds 2
    python benchmarks/text_goals.py quatrains --data shi.txt --minutes 30 --seeds 2
    python benchmarks/text_goals.py quatrains --data shi.txt --minutes 30 --seeds 2 --recipes text-st-small lm
    python benchmarks/text_goals.py captions --data image_coco.txt --minutes 10 --seeds 2 --recipes arae scratchgan lm
    python benchmarks/text_goals.py captions --data image_coco.txt --minutes 10 --seeds 1 --markdown > captions.md

Run it when the machine is idle: the time is that of the clock. Runs are kept in `--out` (default: runs/goals) and not
trained again; `field=value` words go to every run but those of `lm`. Beside each run `samples.txt` holds its first 50
samples at a temperature of 0.9, to be read. With `--markdown` nothing is measured: the first 20 samples of each run are
printed, with how it was trained, as they stand in docs/text.md.

gap           BLEU-4 beyond that of the `lm` of the same seed at the same self-BLEU-4, at the temperature of the largest
              gap (of those within the curve of `lm`)
reverse       reverse perplexity as a multiple of that of `lm`
BLEU-2, -3    of 500 samples against all real texts; self-BLEU-3 among the samples
temperature   of these samples, and of form, rhyme and tones: the lowest of 0.1 to 1 with a self-BLEU-3 of at most 0.25
"""

from __future__ import annotations

import argparse
import json
import re
import subprocess
import sys
from pathlib import Path

import numpy as np

import ganforge as gf
from ganforge.core.events import read_events
from ganforge.metrics.base import Result
from ganforge.modalities.text.bleu import References, bleu, self_bleu
from ganforge.modalities.text.metrics.curves import at_same
from ganforge.modalities.text.metrics.form import form
from ganforge.modalities.text.metrics.sides import as_words
from ganforge.modalities.text.metrics.verse import ends, leveled, rhyming
from ganforge.modalities.text.source import TextFile

BASELINE, CHOSEN = "lm", "text-latent-small"
STAGES = ("autoencoder", "pretrain")
"""Fields of tasks: samples until the GAN begins."""
TEMPERATURE, DRAWN, READ, SHOWN = 0.9, 500, 50, 20
TEMPERATURES, ALIKE, POEMS = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0), 0.25, 2_000
COUNT = re.compile(r"(\d+[kM]?)?(\[.*\])?$")  # of samples, at the end of a result's name
GOALS: dict[str, tuple[tuple[str, ...], tuple[str, ...], dict[str, str]]] = {
    "captions": (
        ("text-latent-small",),
        ("text_bleu", "text_perplexity", "text_fd", "text_copies"),
        {"gap": "≥ 0", "text_copies": "≤ 0.01", "reverse": "≤ 1.3"},
    ),
    "quatrains": (
        ("text-latent-small", "text-st-small"),
        ("text_bleu", "text_perplexity", "text_fd", "text_copies"),
        {
            "text_form": "≥ 1", "text_rhyme": "≥ 0.25", "text_level": "≥ 0.7", "BLEU-2": "≥ 0.8", "BLEU-3": "≥ 0.45",
            "self-BLEU-3": "≤ 0.25", "text_copies": "≤ 0.001",
        },
    ),
}  # fmt: skip


def trained(recipe: str, words: list[str], data: str, minutes: float, seed: int, out: Path) -> Path:
    """The run of a recipe, trained unless it is there."""
    folder = out / f"{recipe}-{seed}"
    if not (folder / "model.safetensors").is_file():
        named = [] if recipe == CHOSEN else [recipe]  # the choice also divides the time between its two phases
        command = ["train", *named, f"data={data}", *words, "--minutes", f"{minutes:g}", f"seed={seed}"]
        subprocess.run([sys.executable, "-m", "ganforge", *command, "--run-dir", str(folder)], check=True)
    return folder


def measured(folder: Path, data: str, metrics: tuple[str, ...], is_verse: bool) -> dict[str, Result]:
    """The results of a run by name; its samples are written beside it."""
    found = {COUNT.sub("", r.name): r for r in gf.evaluate(folder, progress=False, metrics=metrics).results}
    model = gf.load(folder)
    texts = model.tempered(TEMPERATURE).sample(READ)
    (folder / "samples.txt").write_text("\n".join(texts) + "\n", encoding="utf-8")
    real = as_words(TextFile(path=data, split="all").open().texts)
    values = varied(model)
    made = as_words(model.tempered(values["temperature"]).sample(POEMS))
    values |= {f"BLEU-{n}": bleu(made[:DRAWN], References(real, n)) for n in (2, 3)}
    if is_verse:
        poems, known = ends(made), {form(text) for text in real}
        values |= {
            "text_form": sum(form(text) in known for text in made) / len(made),
            "text_rhyme": rhyming(poems) * len(poems) / len(made),
            "text_level": leveled(poems) * len(poems) / len(made),
        }
    return found | {name: Result(name, value, {}) for name, value in values.items()}


def varied(model: gf.Model) -> dict[str, float]:
    """The lowest temperature at which texts are not too much alike, else the highest, and how much they are there."""
    own, t = 1.0, 1.0
    for t in TEMPERATURES:
        own = self_bleu(as_words(model.tempered(t).sample(DRAWN)), 3)
        if own <= ALIKE:
            break
    return {"temperature": t, "self-BLEU-3": own}


def as_markdown(folder: Path) -> str:
    """The first samples of a run, with its own length and seed."""
    model = gf.load(folder)
    seconds = max(event.get("seconds", 0.0) for event in read_events(folder / "events.jsonl"))
    steps = " ".join(f"{name}={value:,}" for name in STAGES if (value := getattr(model.recipe.task, name, None)))
    said = (
        f"`{model.recipe.name}`, {seconds / 60:.1f} minutes, {model.samples:,} texts{f' ({steps})' if steps else ''}, "
        f"seed {model.recipe.seed}. The first {SHOWN} samples of seed 0, not chosen, at a temperature of {TEMPERATURE}:"
    )
    return "\n".join([said, "```", *model.tempered(TEMPERATURE).sample(SHOWN), "```", ""])


def beside(own: dict[str, Result], baseline: dict[str, Result]) -> dict[str, float]:
    """The values of a run, with those that compare it with the baseline's."""
    found = {name: result.value for name, result in own.items()}
    curve, other = (r["text_bleu"].detail["curves"].get("model", []) for r in (own, baseline))
    span = [x for _, x, _ in other]
    gaps = [y - at_same(x, other) for _, x, y in curve if span and min(span) <= x <= max(span)]
    if gaps:
        found["gap"] = max(gaps)
    found["reverse"] = own["reverse_perplexity"].value / baseline["reverse_perplexity"].value
    return found


def met(value: float, bound: str) -> str:
    holds = value <= float(bound[2:]) if bound[0] == "≤" else value >= float(bound[2:])
    return f"{bound}: {'met' if holds else 'missed'}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("goal", choices=GOALS)
    parser.add_argument("--data", required=True)
    parser.add_argument("--minutes", type=float, required=True)
    parser.add_argument("--seeds", type=int, default=2)
    parser.add_argument("--recipes", nargs="+")
    parser.add_argument("--markdown", action="store_true")
    parser.add_argument("--out", type=Path, default=Path("runs/goals"))
    asked, more = parser.parse_known_args()
    usual, metrics, bounds = GOALS[asked.goal]
    recipes = list(dict.fromkeys([BASELINE, *(asked.recipes or usual)]))
    found: dict[str, dict[str, list[float]]] = {}
    for seed in range(asked.seeds):
        baseline: dict[str, Result] = {}
        for recipe in recipes:
            own = [] if recipe == BASELINE else more
            folder = trained(recipe, own, asked.data, asked.minutes, seed, asked.out / asked.goal)
            if asked.markdown:
                print(as_markdown(folder), flush=True)
                continue
            results = measured(folder, asked.data, metrics, "text_form" in bounds)
            baseline = baseline or results
            for name, value in beside(results, baseline).items():
                found.setdefault(name, {}).setdefault(recipe, []).append(value)
    if asked.markdown:
        return
    for name, by_recipe in found.items():
        for recipe, values in by_recipe.items():
            mean, bound = float(np.mean(values)), bounds.get(name, "")
            note = met(mean, bound) if bound and recipe != BASELINE else ""
            print(f"{name:20} {recipe:20} {mean:.4g} {[round(v, 4) for v in values]} {note}")
    asked.out.mkdir(parents=True, exist_ok=True)
    (asked.out / f"{asked.goal}.json").write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
