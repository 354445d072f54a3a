"""Writes what the package computes, so that two commits can be compared byte for byte on one machine.

    python tools/pin.py before.json --jobs 2                    all sections
    python tools/pin.py after.json --only losses --recipes dcgan wgan
    python tools/pin.py --compare before.json after.json        exit 1 where they differ
    python tools/pin.py --make-old runs-of-old                  four runs, to be used by later commits:
    python tools/pin.py after.json --old runs-of-old            loads, resumes and samples copies of them

    losses      of every recipe in its small form (tests/golden/systems.py): the losses of 50 steps, the state after 5
    samples     of the same runs after 5 steps: what they make, its preview and the files that it is written to
    cli         recipes, help texts, `data inspect` and `train --dry-run`, as they are printed; and what `train`,
                `sample`, `walk`, `translate` and `export` print and write
    evaluate    report.json and report.html of runs, of folders and of tables
    resume      runs that were killed or stopped and go on: the same as those in one piece
    old         runs that an older commit wrote
    time        seconds of 200 steps; never part of the comparison, which prints their ratio

Every value is a text: a number as `float.hex` has it, a SHA-256, or what was printed. It uses the package of the tree
that it lies in. What it needs of it beyond the Python API and the command line is imported in one place, below.
"""

from __future__ import annotations

import os
import sys

os.environ["OMP_NUM_THREADS"] = "1"  # before numpy and torch are imported: they read it once
os.environ["MKL_NUM_THREADS"] = "1"
os.environ["OPENBLAS_NUM_THREADS"] = "1"
os.environ["COLUMNS"] = "100"  # and before a console is made
os.environ["NO_COLOR"] = "1"
os.environ["TERM"] = "dumb"

import argparse
import base64
import concurrent.futures
import contextlib
import difflib
import hashlib
import io
import json
import multiprocessing
import platform
import re
import shutil
import signal
import subprocess
import tempfile
import time
import traceback
import zipfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any
from unittest import mock

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests" / "golden"))
sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "src"))

import numpy as np
import pandas as pd
import safetensors
import safetensors.torch
import torch
import typer.main
from PIL import Image
from systems import SMALL, SYSTEMS

import ganforge as gf

# --- All that is used of the inside of the package. A refactor that moves one of these changes these lines alone.
from ganforge.cli.main import app, main
from ganforge.core.rng import Rng
from ganforge.core.types import Request
from ganforge.engine.build import make_loader, open_data
from ganforge.engine.trainer import Trainer
from ganforge.recipes import make_recipe
from ganforge.recipes import names as recipe_names
from ganforge.recipes.base import Recipe


def make_trainer(recipe: Recipe) -> Any:
    """What trains the recipe, before its first step."""
    dataset, spec = open_data(recipe)
    loader = make_loader(recipe, dataset, spec, CPU)
    kind = Trainer.of(recipe)
    return kind(kind.finalize(recipe, spec, loader), spec, loader, CPU)


def encoded(trainer: Any) -> torch.Tensor:
    """Some of the data as a translator takes it, the same at every call."""
    stored, labels, extra = trainer.loader.batch(0)
    batch = trainer.recipe.signal.deterministic().batch(stored, labels, trainer.spec, Rng(0))
    return (batch.extra | extra).get("source", batch.x)[:2]


def made(trainer: Any) -> Any:
    """Eight samples as a user gets them, or of a translator two."""
    task, signal_of = trainer.recipe.task, trainer.recipe.signal
    if task.can_sample:
        return trainer.generate(Request(8, seed=1))
    source = encoded(trainer)
    result = trainer.translate(source)
    if result.ndim == 3 and result.shape[2] < trainer.spec.shape[1]:  # a forecast: the end of a window
        result = torch.cat([source[..., : -result.shape[2]], result], 2)
    return signal_of.decode(result, trainer.spec)


# --- Up to here.

ROOT = Path(__file__).resolve().parent.parent
CPU = torch.device("cpu")
Values = dict[str, str]
"""Name → value: a number, a hash or a text."""
STEPS = (1, 5, 20, 50)
"""Those whose losses are written."""
HASHED = 5
"""The step after which state and samples are: late enough that every player has learned, early for short runs."""
SECTIONS = ("losses", "samples", "cli", "evaluate", "resume", "old", "time")
OF_RECIPES = ("losses", "samples")
TINY = {"task.generator.channels": 8, "task.discriminator.channels": 8, "task.generator.latent": 8}
QUIET = {"device": "cpu", "progress": False}


# --- Hashes


def digest(value: Any) -> str:
    """SHA-256 of arrays, tensors, tables, texts and what is nested of them: types, shapes and order count."""
    found = hashlib.sha256()
    _feed(found, value)
    return found.hexdigest()


def _feed(found: Any, value: Any) -> None:
    if isinstance(value, torch.Tensor):
        value = value.detach().cpu().contiguous()
        found.update(f"tensor {value.dtype} {tuple(value.shape)}\n".encode())
        found.update(value.flatten().view(torch.uint8).numpy().tobytes())
    elif isinstance(value, np.ndarray):
        found.update(f"array {value.dtype} {value.shape}\n".encode())
        found.update(np.ascontiguousarray(value).tobytes())
    elif isinstance(value, pd.DataFrame):
        found.update(f"table {[str(kind) for kind in value.dtypes]}\n".encode())
        found.update(value.to_csv(float_format=float.hex).encode())
    elif isinstance(value, dict):
        found.update(f"dict {len(value)}\n".encode())
        for name in sorted(value):
            found.update(f"{name}\n".encode())
            _feed(found, value[name])
    elif isinstance(value, (list, tuple)):
        found.update(f"list {len(value)}\n".encode())
        for item in value:
            _feed(found, item)
    elif isinstance(value, bytes):
        found.update(value)
    elif isinstance(value, str):
        found.update(f"text {value}\n".encode())
    else:
        raise TypeError(f"no hash of a {type(value).__name__}")


def of_file(path: Path) -> str:
    """SHA-256 of a file; of formats that hold dates or the writer's version, of what is read back from it."""
    if path.suffix == ".parquet":
        return digest(pd.read_parquet(path))
    if path.suffix == ".npz":
        with np.load(path) as arrays:
            return digest({name: arrays[name] for name in arrays.files})
    if path.suffix == ".safetensors":
        return digest(safetensors.torch.load_file(path))
    return hashlib.sha256(path.read_bytes()).hexdigest()


# --- Losses and samples


def pin_recipe(name: str, sections: Sequence[str]) -> Values:
    """The losses of a recipe's small form, its state, and what it makes."""
    values: Values = {}
    with torch.random.fork_rng(), fixed_secret():
        trainer = make_trainer(make_recipe(name, overrides=[*SMALL, *SYSTEMS[name]]))
        try:
            for step in range(1, (max(STEPS) if "losses" in sections else HASHED) + 1):
                trainer.iterate()
                told = trainer.stats.take()
                if step in STEPS and "losses" in sections:
                    values |= {f"losses/{name}/step {step:02d}/{key}": float(x).hex() for key, x in told.items()}
                if step == HASHED and "losses" in sections:
                    values |= {f"losses/{name}/state/{key}": x for key, x in by_player(trainer.state()).items()}
                if step == HASHED and "samples" in sections:
                    values |= {f"samples/{name}/{key}": x for key, x in pin_samples(trainer).items()}
        finally:
            trainer.loader.close()
    return values


def by_player(state: dict[str, torch.Tensor]) -> Values:
    """A hash for each part of a state (net.G, optim.G, memory, ...), names of tensors included."""
    parts: dict[str, dict[str, torch.Tensor]] = {}
    for key, tensor in state.items():
        words = key.split(".")
        parts.setdefault(words[0] if words[0] == "memory" else ".".join(words[:2]), {})[key] = tensor
    return {part: digest(tensors) for part, tensors in parts.items()}


def pin_samples(trainer: Any) -> Values:
    """What a trainer makes, and each file that its signal writes of it."""
    samples, spec, kind = made(trainer), trainer.spec, trainer.recipe.signal
    values = {"made": digest(samples)}
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        (folder / "preview.png").write_bytes(kind.render(samples, spec, 4)[0].data)
        (folder / "single").mkdir()
        kind.write(samples, folder / "single", 3, spec)
        for ending, write in kind.exporters.items():
            if ending != ".npy":
                write(samples, folder / f"all{ending}", spec)
        for path in sorted(path for path in folder.rglob("*") if path.is_file()):
            values[path.relative_to(folder).as_posix()] = of_file(path)
    return values


@contextlib.contextmanager
def fixed_secret() -> Iterator[None]:
    """Private runs draw a secret from the system; here it is the same one in every run."""
    with mock.patch("secrets.token_bytes", lambda size=32: bytes(k % 256 for k in range(size))):
        yield


# --- Data to work on


def make_data(folder: Path) -> None:
    """Small sets of every kind, the same at every call."""
    draws = np.random.default_rng(0)
    for name, low in (("cat", 0), ("dog", 120)):
        save_images(folder / "photos" / name, draws.integers(low, low + 130, (30, 16, 16, 3), np.uint8))
    save_images(folder / "generated", draws.integers(0, 256, (70, 16, 16, 3), np.uint8))
    with zipfile.ZipFile(folder / "photos.zip", "w") as archive:
        for path in sorted((folder / "photos").rglob("*.png")):
            entry = zipfile.ZipInfo(path.relative_to(folder / "photos").as_posix())  # of a fixed date
            archive.writestr(entry, path.read_bytes())
    gray = draws.integers(0, 256, (120, 8, 8), np.uint8)
    np.savez(folder / "gray.npz", images=gray, labels=np.arange(120) % 2)
    np.save(folder / "points.npy", draws.normal(size=(300, 2)).astype(np.float32))
    shutil.copy(ROOT / "tests" / "golden" / "people.csv", folder / "people.csv")
    people = pd.read_csv(folder / "people.csv")
    mixed = {name: people[name].sample(frac=1, random_state=k).to_numpy() for k, name in enumerate(people.columns)}
    pd.DataFrame(mixed).to_csv(folder / "mixed.csv", index=False)
    for part, count in (("train", 12), ("test", 12)):
        coarse = draws.integers(0, 256, (count, 4, 4, 3), np.uint8)
        target = [np.asarray(Image.fromarray(x).resize((32, 32), Image.Resampling.BICUBIC)) for x in coarse]
        save_images(folder / "target" / part, target)
        save_images(folder / "source" / part, [np.asarray(Image.fromarray(x).convert("L")) for x in target])
    noisy = [np.clip(x + draws.normal(0, 9, x.shape), 0, 255).astype(np.uint8) for x in target]
    save_images(folder / "restored", noisy)
    save_images(folder / "whole", target)


def save_images(folder: Path, images: Sequence[np.ndarray] | np.ndarray) -> None:
    folder.mkdir(parents=True)
    for k, image in enumerate(images):
        Image.fromarray(image).save(folder / f"{k:02d}.png")


@contextlib.contextmanager
def workplace() -> Iterator[Path]:
    """A folder with the data, in which everything runs: names in outputs are relative to it and always the same."""
    here = Path.cwd()
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place).resolve()
        make_data(folder)
        os.chdir(folder)
        try:
            with mock.patch.dict(os.environ, {"GANFORGE_CACHE": str(folder / "cache"), "TMPDIR": str(folder)}):
                yield folder
        finally:
            os.chdir(here)


# --- The command line


def said(*words: str) -> str:
    """What a command prints, stdout and stderr after each other, and how it ends."""
    out, err = io.StringIO(), io.StringIO()
    status: Any = 0
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try:
            main(list(words))
        except SystemExit as end:
            status = end.code or 0
    text = out.getvalue() + (f"[stderr]\n{err.getvalue()}" if err.getvalue() else "") + f"[exit {status}]\n"
    return text.replace(str(Path.cwd()), "HERE").replace(str(Path.home()), "HOME")


def pin_shows() -> Values:
    shown = {f"cli/recipes show {name}": said("recipes", "show", name, "--bare") for name in recipe_names()}
    schema = {f"cli/recipes schema {name}": said("recipes", "schema", name) for name in ("dcgan", "ctgan")}
    return {**shown, **schema, "cli/recipes": said("recipes")}


def pin_help() -> Values:
    """The help of the program, of every verb and of every verb below it."""

    def verbs(command: Any, path: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
        yield path
        for name, inner in getattr(command, "commands", {}).items():
            yield from verbs(inner, (*path, name))

    return {f"cli/help {' '.join(path)}": said(*path, "--help") for path in verbs(typer.main.get_command(app), ())}


INSPECTED = (
    ("photos",), ("photos.zip",), ("gray.npz",), ("points.npy",), ("people.csv",), ("source", "target"), ("nowhere",),
)  # fmt: skip
DRY = {
    "photos": ["photos", "batch=8"],
    "photos, minutes": ["photos", "batch=8", "--minutes", "5"],
    "zip": ["photos.zip", "batch=8"],
    "points": ["toy", "data.count=1000", "batch=16"],
    "points of a file": ["points.npy", "batch=16"],
    "table": ["people.csv", "batch=50"],
    "named": ["dcgan", "data=digits", "batch=8"],
    "pairs": ["line2color-small", "source", "target", "batch=2", "signal.size=24", "signal.jitter=0"],
    "unknown field": ["dcgan", "data=digits", "bacth=8"],
}
MEASURED = re.compile(r"^((?:memory|speed|time) +)\S.*$", re.MULTILINE)


def pin_inspect() -> Values:
    values: Values = {}
    with workplace():
        for words in INSPECTED:
            values[f"cli/data inspect {' '.join(words)}"] = said("data", "inspect", *words)
            values[f"cli/data inspect {' '.join(words)} --json"] = said("data", "inspect", *words, "--json")
    return values


def pin_dry_run(name: str) -> Values:
    with workplace():
        text = said("train", *DRY[name], "--dry-run", "--device", "cpu")
    text = MEASURED.sub(r"\1MEASURED", text)
    text = re.sub(r" +$", "", text, flags=re.MULTILINE)  # a table is as wide as the widest figure
    return {f"cli/train --dry-run {name}": text}


USED = {
    "image": ("sample {run} -n 10 --seed 1 --grid out/grid.png --npz out/all.npz", "sample {run} -n 3 --out out/each",
              "sample {run} -n 3 --label 1 --out out/ones", "walk {run} --frames 6 --out out/walk.gif",
              "walk {run} --through 5 --frames 8 --loop --out out/walk.png",
              "export {run} --license mit --out out/share"),
    "points": ("sample {run} -n 10 --out out/all.csv", "export {run} --license mit --out out/share"),
    "table": ("sample {run} -n 20 --out out/all.csv", "sample {run} -n 5 --where city=Oslo --out out/oslo.csv",
              "export {run} --license mit --out out/share"),
    "pairs": ("translate {run} source/test --out out/made",
              "translate {run} source/test/00.png --tile 16 --out out/a.png",
              "export {run} --license mit --out out/share"),
}  # fmt: skip
"""What is done with each of `RUNS`."""


def pin_use(name: str) -> Values:
    """What commands print and write that train a run with all that watches it, and use it."""
    recipe, fields = RUNS[name]
    words = [f"{path}={json.dumps(value)}".replace('"', "") for path, value in fields.items() if path != "callbacks"]
    words += ["callbacks=[{kind: previews, every: 32}, {kind: curves}, {kind: timelapse, frames: 3}]"]
    words += [f"log_every={fields['checkpoint_every']}"]
    values: Values = {}
    with workplace() as folder:
        run = f"runs/{name}"
        (folder / "out").mkdir()
        for k, command in enumerate(["train", *USED[name]]):
            verb, *rest = command.format(run=run).split()
            if verb == "train":
                rest = [recipe, *words, "--run-dir", run, "--device", "cpu", "--quiet"]
            elif verb != "export":
                rest += ["--device", "cpu"]
            values[f"cli/use {name}/{k} {verb}"] = said(verb, *rest)
        for path in sorted(path for place in ("runs", "out") for path in Path(place).rglob("*") if path.is_file()):
            if path.name not in (
                "events.jsonl",
                "environment.json",
                "state.json",
            ):  # with times and versions, as curves
                values[f"cli/use {name}/{path.as_posix()}"] = of_file(path) if path.name != "curves.png" else "there"
    return values


# --- Evaluation

VOLATILE = {
    "ganforge",
    "version",
    "versions",
    "torch",
    "numpy",
    "python",
    "time",
    "seconds",
    "date",
    "host",
    "machine",
    "model",
}
"""Entries of a report that depend on when and where it was written. `model` is the hash of a file whose header has no
fixed order."""
FIGURES = {"metrics": ["fd", "kid", "pr"], "n": 64}
GRAY = {"data": "gray.npz", **TINY, "samples": 64, "batch": 16, "callbacks": [], "checkpoint_every": 32, "seed": 3}
RINGS = {
    "data": "ring8", "data.count": 1000, "task.generator.widths": [16, 16], "task.discriminator.widths": [16, 16],
    "samples": 320, "batch": 32, "callbacks": [], "checkpoint_every": 160, "seed": 3,
}  # fmt: skip
PEOPLE = {
    "data": "people.csv", "task.generator.widths": [16, 16], "task.discriminator.widths": [16, 16], "samples": 400,
    "batch": 20, "callbacks": [], "checkpoint_every": 200, "seed": 3,
}  # fmt: skip
PAIRS = {
    "data.source": "source", "data.target": "target", "signal.size": 16, "signal.jitter": 0, "batch": 4,
    "task.translator.channels": 4, "task.translator.max_channels": 8, "task.critics.0.channels": 4,
    "task.critics.0.layers": 1, "samples": 48, "callbacks": [], "checkpoint_every": 24, "seed": 3,
}  # fmt: skip
RUNS: dict[str, tuple[str, dict[str, Any]]] = {
    "image": ("cdcgan", GRAY),
    "points": ("toy", RINGS),
    "table": ("ctgan-fast", PEOPLE),
    "pairs": ("line2color-small", PAIRS),
}
EVALUATED: dict[str, dict[str, Any]] = {
    "image": {**FIGURES, "features": "raw"},
    "image, small": {"source": "image", **FIGURES, "metrics": ["fd"]},
    "points": {"n": 200},
    "table": {"n": 100},
    "pairs": {},
    "two folders": {"source": "photos", "against": "generated", **FIGURES, "features": "raw"},
    "two tables": {"source": "people.csv", "against": "mixed.csv", "target": "city"},
    "two folders by name": {"source": "whole", "against": "restored", "metrics": ["psnr", "ssim"]},
}
"""What is judged and how: a run of `RUNS`, or two sets."""


def pin_evaluate(name: str) -> Values:
    asked = dict(EVALUATED[name])
    source = asked.pop("source", name)
    with workplace():
        if source in RUNS:
            recipe, fields = RUNS[source]
            gf.train(recipe, run_dir=source, **fields, **QUIET)
        gf.evaluate(source, out="report", **asked, **QUIET)
        found = json.loads(Path("report/report.json").read_text(encoding="utf-8"))["results"]
        page = Path("report/report.html").read_text(encoding="utf-8")
    for model in {figure["protocol"]["model"] for figure in found if "model" in figure["protocol"]}:
        page = page.replace(model, "MODEL")
    values = {f"evaluate/{name}/html": plain_page(page)}
    for k, figure in enumerate(found):
        text = json.dumps(without(figure, VOLATILE), indent=1, sort_keys=True)
        values[f"evaluate/{name}/{k:02d} {figure['name']}"] = text
    return values


def without(value: Any, names: set[str]) -> Any:
    """Plain data without the entries of some names, however deep."""
    if isinstance(value, dict):
        return {key: without(item, names) for key, item in value.items() if key not in names}
    return [without(item, names) for item in value] if isinstance(value, list) else value


def plain_page(page: str) -> str:
    """A report without what depends on the moment and the version; each image is told by the hash of its content."""

    def content(match: re.Match[str]) -> str:
        raw = base64.b64decode(match[2])
        if match[1].startswith("image/") and "svg" not in match[1]:
            with Image.open(io.BytesIO(raw)) as image:
                return f"image {image.size} {digest(np.asarray(image.convert('RGBA')))}"
        return f"{match[1]} {digest(raw)}"

    page = re.sub(r"data:([\w/+.-]+);base64,([A-Za-z0-9+/=]+)", content, page)
    page = re.sub(r"<style>.*?</style>", lambda found: f"<style>{digest(found[0])}</style>", page, flags=re.DOTALL)
    return re.sub(r"Made by ganforge [\w.+-]+", "Made by ganforge", page)


# --- Runs that stop and go on


def of_run(folder: Path) -> Values:
    """Hashes of a run's last checkpoint, of its model file and of what it logged."""
    last = max((folder / "checkpoints").iterdir(), key=lambda path: path.name)
    model = folder / "model.safetensors"
    with safetensors.safe_open(model, framework="pt") as file:
        header = file.metadata()
    events = [json.loads(line) for line in (folder / "events.jsonl").read_text(encoding="utf-8").splitlines()]
    timed = {"t", "seconds", "sps", "data_share"}
    ticks = [json.dumps(without(event, timed), sort_keys=True) for event in events if event["event"] == "tick"]
    return {
        "checkpoint": f"{last.name} {of_file(last / 'state.safetensors')}",
        "model": of_file(model),
        "model's recipe": header["recipe"],
        "model's spec": digest(header["spec"]),
        "ticks": "\n".join(ticks),
    }


STOPPED: dict[str, tuple[str, dict[str, Any]]] = {
    "dcgan": ("dcgan", {"data": "digits", **TINY, "samples": 640, "batch": 16, "checkpoint_every": 320}),
    "ctgan-fast": ("ctgan-fast", PEOPLE),
    "cyclegan-small": (
        "cyclegan-small",
        {
            "data.a": "photos", "data.b": "generated", "signal.size": 16, "signal.jitter": 4, "samples": 40, "batch": 2,
            "task.translator.channels": 4, "task.translator.blocks": 2, "task.critic.channels": 4,
            "task.critic.layers": 1, "task.pool": 4, "checkpoint_every": 20,
        },
    ),
    "dp-gan": (
        "dp-gan",
        {
            "data": "digits", "task.generator.channels": 4, "task.discriminator.widths": [16, 16], "batch": 32,
            "samples": 1280, "checkpoint_every": 640, "privacy.noise_multiplier": 1.5, "privacy.epsilon": 100,
        },
    ),
}  # fmt: skip


def pin_stopped(name: str) -> Values:
    """A run that ends half-way and goes on, beside the same one in one piece."""
    recipe, fields = STOPPED[name]
    fields = {**fields, "callbacks": [], "log_every": fields["checkpoint_every"]}
    with workplace() as folder, fixed_secret():
        gf.train(recipe, run_dir="whole", **fields, **QUIET)
        gf.train(recipe, run_dir="parts", **{**fields, "samples": fields["samples"] // 2}, **QUIET)
        gf.train(resume="parts", samples=fields["samples"], **QUIET)
        whole, parts = of_run(folder / "whole"), of_run(folder / "parts")
    return {f"resume/{name}/{key}": same(whole[key], parts[key]) for key in whole}


def same(whole: str, parts: str) -> str:
    return whole if whole == parts else f"in one piece: {whole}\nin parts: {parts}"


KILLED = ["dcgan", "data=digits", "batch=16", "samples=4800", "checkpoint_every=320", "log_every=320", "callbacks=[]"]
KILLED += [f"{path}={value}" for path, value in TINY.items()]


def pin_killed() -> Values:
    """A process that is killed right after a checkpoint, and its run that goes on, beside the same one in one piece."""
    with workplace() as folder:
        command = [sys.executable, "-c", f"import sys; sys.path.insert(0, {str(ROOT / 'src')!r}); {MAIN}", "train"]
        words = [*KILLED, "--device", "cpu", "--quiet"]
        process = subprocess.Popen([*command, *words, "--run-dir", "parts"], stdout=subprocess.DEVNULL)
        try:
            deadline = time.monotonic() + 120
            while not any((folder / "parts").glob("checkpoints/0*")):
                if process.poll() is not None or time.monotonic() > deadline:
                    raise RuntimeError("the run that should be killed ended, or wrote no checkpoint for two minutes")
                time.sleep(0.01)
            process.send_signal(signal.SIGKILL)
        finally:
            process.kill()
            process.wait()
        reached = max(path.name for path in (folder / "parts" / "checkpoints").iterdir() if path.name.isdigit())
        if int(reached) >= 4800:
            raise RuntimeError("the run had ended before it was killed: give it more samples")
        gf.train(resume="parts", **QUIET)
        gf.train("dcgan", run_dir="whole", **dict(word.split("=") for word in KILLED[1:]), **QUIET)
        whole, parts = of_run(folder / "whole"), of_run(folder / "parts")
    return {f"resume/killed/{key}": same(whole[key], parts[key]) for key in whole}


MAIN = f"from {main.__module__} import main; main()"


# --- Runs of an older commit


def make_old(folder: Path) -> None:
    """Four runs with their data, for later commits to use."""
    folder.mkdir(parents=True)
    make_data(folder)
    os.chdir(folder)
    for name, (recipe, fields) in RUNS.items():
        gf.train(recipe, run_dir=name, **fields, **QUIET)


def pin_old(name: str, folder: Path) -> Values:
    """A run of an older commit: what its model makes, and how it goes on."""
    here = Path.cwd()
    with tempfile.TemporaryDirectory() as place:
        shutil.copytree(folder, place, dirs_exist_ok=True)
        os.chdir(place)
        try:
            values = {"from the run": digest(use(name)), "from the file": digest(use(f"{name}/model.safetensors"))}
            seen = RUNS[name][1]["samples"]
            gf.train(resume=name, samples=2 * seen, **QUIET)
            values |= of_run(Path(name)) | {"gone on": digest(use(name))}
        finally:
            os.chdir(here)
    return {f"old/{name}/{key}": value for key, value in values.items()}


def use(path: str) -> Any:
    """Eight samples of a model, or what it makes of the sources kept for tests."""
    model = gf.load(path, device="cpu")
    if path.startswith("pairs"):
        return model.translate(sorted(Path("source/test").iterdir()))
    return model.sample(8, seed=1)


# --- Time


def measure(name: str, steps: int = 200, times: int = 5) -> float:
    """Processor seconds of some steps of a recipe's small form, the best of a few times: other processes hardly
    change them."""
    found = []
    for _ in range(times):
        trainer = make_trainer(make_recipe(name, overrides=[*SMALL, *SYSTEMS[name]]))
        trainer.iterate()
        start = time.process_time()
        for _ in range(steps):
            trainer.iterate()
        found.append(time.process_time() - start)
        trainer.loader.close()
    return round(min(found), 4)


# --- All together

Job = tuple[str, str, tuple[Any, ...]]
"""The section, the name of a function, and what it is called with."""


def jobs_of(sections: Sequence[str], recipes: Sequence[str], old: Path | None) -> list[Job]:
    """What there is to do, the longest first."""
    found: list[Job] = []
    if "resume" in sections:
        found += [("resume", "pin_killed", ()), *(("resume", "pin_stopped", (name,)) for name in STOPPED)]
    if "evaluate" in sections:
        found += [("evaluate", "pin_evaluate", (name,)) for name in EVALUATED]
    if "cli" in sections:
        found += [("cli", "pin_dry_run", (name,)) for name in DRY]
        found += [("cli", "pin_use", (name,)) for name in RUNS]
        found += [("cli", name, ()) for name in ("pin_shows", "pin_help", "pin_inspect")]
    if "old" in sections and old is not None:
        found += [("old", "pin_old", (name, old.resolve())) for name in RUNS]
    wanted = [section for section in OF_RECIPES if section in sections]
    if wanted:
        found += [("losses" if "losses" in wanted else "samples", "pin_recipe", (name, wanted)) for name in recipes]
    return found


def settle() -> None:
    """The same conditions in every process."""
    torch.set_num_threads(1)
    make_recipe("demo")  # loads every component


def work(job: Job) -> tuple[Job, Values, float]:
    """The values of one job. What goes wrong is a value too, so that the rest is written and the comparison sees it."""
    section, function, words = job
    start = time.perf_counter()
    try:
        values = globals()[function](*words)
    except Exception as error:
        traceback.print_exc()
        label = " ".join(word for word in words if isinstance(word, str))
        values = {f"{section}/{label or function}": f"ERROR {type(error).__name__}: {error}"}
    return job, values, time.perf_counter() - start


def run_all(todo: Sequence[Job], processes: int) -> tuple[Values, dict[str, float]]:
    """The values of all jobs, and the seconds that each section took, all processes together."""
    values: Values = {}
    seconds: dict[str, float] = {}

    def take(done: tuple[Job, Values, float]) -> None:
        (section, _, _), found, took = done
        values.update(found)
        seconds[section] = seconds.get(section, 0.0) + took

    if processes == 1:
        settle()
        for job in todo:
            take(work(job))
        return values, seconds
    context = multiprocessing.get_context("spawn")
    with concurrent.futures.ProcessPoolExecutor(processes, mp_context=context, initializer=settle) as pool:
        for done in pool.map(work, todo):
            take(done)
    return values, seconds


def commit() -> str:
    """The commit of this tree, with a + where files differ from it."""
    git: Callable[..., str] = lambda *words: subprocess.run(  # noqa: E731
        ["git", "-C", str(ROOT), *words], capture_output=True, text=True, check=False
    ).stdout.strip()
    return git("rev-parse", "HEAD") + ("+" if git("status", "--porcelain", "--untracked-files=no") else "")


def about(sections: Sequence[str], recipes: Sequence[str] | None) -> dict[str, Any]:
    versions = {"python": platform.python_version(), "torch": torch.__version__, "numpy": np.__version__}
    asked = {"sections": sorted(sections), "recipes": None if recipes is None else sorted(recipes)}
    return {"commit": commit(), "machine": platform.platform(), **versions, **asked}


# --- Comparison


def compare(a: dict[str, Any], b: dict[str, Any]) -> tuple[list[str], list[str]]:
    """What differs between two results, a paragraph each, and what there is to say beside. Only what both were asked
    for is compared."""
    notes = [
        f"{name}: {a['about'][name]} and {b['about'][name]}; figures may differ for that alone"
        for name in ("machine", "python", "torch", "numpy")
        if a["about"][name] != b["about"][name]
    ]
    sections = set(a["about"]["sections"]) & set(b["about"]["sections"])
    skipped = sorted((set(a["about"]["sections"]) ^ set(b["about"]["sections"])) - {"time"})
    if skipped:
        notes.append(f"not in both, so not compared: {', '.join(skipped)}")
    limits = [set(side["about"]["recipes"]) for side in (a, b) if side["about"]["recipes"] is not None]

    def compared(name: str) -> bool:
        section, _, rest = name.partition("/")
        if section not in sections:
            return False
        return section not in OF_RECIPES or all(rest.partition("/")[0] in limit for limit in limits)

    names = sorted(name for name in {*a["values"], *b["values"]} if compared(name))
    notes.append(f"{len(names)} values compared")
    found = []
    for name in names:
        old, new = a["values"].get(name), b["values"].get(name)
        if old != new:
            found.append(f"{name}\n{difference(old, new)}")
    for name in sorted({*a["time"]} & {*b["time"]}):
        ratio = b["time"][name] / a["time"][name]
        notes.append(f"time of {name}: {a['time'][name]:.3f} s → {b['time'][name]:.3f} s, times {ratio:.3f}")
    return found, notes


def difference(old: str | None, new: str | None, most: int = 30) -> str:
    """Two values below each other, or the lines in which two texts differ."""
    if old is None or new is None:
        return "  only in the first" if new is None else "  only in the second"
    if "\n" not in old + new:
        return f"  - {shown(old)}\n  + {shown(new)}"
    lines = list(difflib.unified_diff(old.splitlines(), new.splitlines(), lineterm="", n=0))[2:]
    cut = [f"  {line[:300]}" for line in lines[:most]]
    return "\n".join(cut + [f"  ... {len(lines) - most} more lines"] * (len(lines) > most))


def shown(value: str) -> str:
    """A value for people: a number beside its hexadecimal form."""
    try:
        return f"{value} = {float.fromhex(value):.9g}" if "0x" in value else value[:300]
    except ValueError:
        return value[:300]


def run(arguments: Sequence[str] | None = None) -> int:
    """Does what the command line asks for; returns the exit status."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n\n")[0])
    parser.add_argument("out", nargs="?", type=Path, help="the JSON file to write")
    parser.add_argument("--only", nargs="+", choices=SECTIONS, help="these sections; by default all of them")
    parser.add_argument("--recipes", nargs="+", metavar="NAME", help="losses and samples of these alone")
    parser.add_argument("--jobs", type=int, default=1, help="processes, of one thread each")
    parser.add_argument("--old", type=Path, metavar="FOLDER", help="runs that --make-old wrote")
    parser.add_argument("--make-old", type=Path, metavar="FOLDER", help="write four runs there, and nothing else")
    parser.add_argument("--compare", nargs=2, type=Path, metavar=("A", "B"), help="print where two results differ")
    asked = parser.parse_args(arguments)

    if asked.compare:
        found, notes = compare(*(json.loads(path.read_text(encoding="utf-8")) for path in asked.compare))
        print("\n\n".join(found))
        print("\n".join([*notes, f"{len(found)} differ"]))
        return 1 if found else 0
    if asked.make_old:
        settle()
        make_old(asked.make_old)
        return 0
    if asked.out is None:
        parser.error("name the file to write, or --compare or --make-old")
    known = recipe_names() or (settle(), recipe_names())[1]
    unknown = sorted(set(asked.recipes or ()) - set(known))
    if unknown:
        parser.error(f"unknown recipes: {', '.join(unknown)}")
    if asked.old is None and "old" in (asked.only or ()):
        parser.error("old: name the runs with --old FOLDER")
    sections = [name for name in asked.only or SECTIONS if name != "old" or asked.old is not None]
    out = asked.out.resolve()
    values, seconds = run_all(jobs_of(sections, asked.recipes or known, asked.old), asked.jobs)
    times: dict[str, float] = {}
    if "time" in sections:  # last and alone, so that nothing else takes its processor
        settle()
        times = {name: measure(name) for name in ("dcgan", "ctgan")}
    result = {"about": about(sections, asked.recipes), "time": times, "values": values}
    out.write_text(json.dumps(result, indent=1, sort_keys=True, ensure_ascii=False) + "\n", encoding="utf-8")
    for name, took in seconds.items():
        print(f"{name}: {took:.1f} s", file=sys.stderr)
    wrong = [name for name, value in values.items() if value.startswith("ERROR ")]
    for name in wrong:
        print(f"{name}: {values[name]}", file=sys.stderr)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(run())
