"""A trained model as a folder to hand on: the bundle, a picture of its samples, and a card that says what it is.

The card is Markdown with the YAML header of the Hugging Face Hub. Everything in it is read from the run; what nobody
but its maker knows (the licence) is left open in so many words, and never guessed.
"""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from ganforge.core import overrides
from ganforge.core.errors import UserError
from ganforge.core.media import first_image
from ganforge.core.version import __version__
from ganforge.engine.build import make_nets
from ganforge.evaluation.output import JSON
from ganforge.evaluation.report.page import number, plain, shared
from ganforge.evaluation.report.words import meaning_of
from ganforge.inference.film import check_folder
from ganforge.inference.model import Model, load

UNKNOWN = "unknown — fill in"
BUNDLE, CARD, PICTURE = "model.safetensors", "README.md", "samples.png"
TAGS = ("gan", "ganforge")
NAMES = ("real", "fake", "train", "trained_on", "test")
"""Entries of a protocol that name data."""
PIPELINE = {"image": "unconditional-image-generation"}
"""The Hub's name for what a model does, by the kind of its signal."""
PARTS = ("source", "target", "a", "b")
"""Fields of data that comes from two places."""


@dataclass(frozen=True)
class Export:
    """What `export` wrote. `to_fill_in` names what the card leaves open."""

    folder: Path
    files: tuple[Path, ...]
    to_fill_in: tuple[str, ...]


def export(
    source: Path | str,
    out: Path | str | None = None,
    *,
    license: str | None = None,
    name: str | None = None,
    force: bool = False,
) -> Export:
    """Writes a folder with the bundle, a grid of samples and the card.

    Args:
        source: a run directory or a bundle.
        out: the folder; by default `exports/` and the run's name.
        license: of the model, as the Hub names them; by default the card says that it is unknown.
        name: what the card calls the model.
        force: replace the files of an earlier export.

    Raises:
        UserError: no model there, a file that is in the way, or no right to write. Nothing is written then.
    """
    source = Path(source)
    model = load(source, "cpu")
    folder = (
        Path(out) if out is not None else Path("exports") / (source.stem if source.is_file() else source.resolve().name)
    )
    check_folder(folder)
    taken = [file for file in (BUNDLE, CARD, PICTURE) if (folder / file).exists()]
    if taken and not force:
        raise UserError(f"{folder / taken[0]}: is there already; --force replaces the files of an earlier export")
    if license is not None and not license.strip():
        raise UserError("--license: give its name, for instance apache-2.0, or leave the option out")
    run = source if source.is_dir() else source.parent
    figures = read_figures(run if source.is_dir() else None)
    bundle = source / BUNDLE if source.is_dir() else source
    try:
        folder.mkdir(parents=True, exist_ok=True)
        partial = Path(tempfile.mkdtemp(prefix=".writing-", dir=folder))
        try:
            shutil.copyfile(bundle, partial / BUNDLE)
            drawn = draw(model, partial / PICTURE)
            text = card(model, name or folder.resolve().name, license, figures, drawn)
            (partial / CARD).write_text(text, encoding="utf-8")
            files = tuple(folder / file.name for file in sorted(partial.iterdir()))
            for file in files:
                (partial / file.name).replace(file)
        finally:
            shutil.rmtree(partial, ignore_errors=True)
    except OSError as error:
        raise UserError(f"{folder}: cannot be written ({error.strerror or error})") from None
    open_ends = [] if license else ["the licence (--license, or in README.md)"]
    open_ends += [] if figures else [f"the figures: ganforge evaluate {source}, then export again"]
    return Export(folder, files, tuple(open_ends))


def read_figures(run: Path | None) -> list[dict[str, Any]]:
    """The figures of a run's last evaluation; none where there is no report of this format."""
    path = None if run is None else run / "evaluation" / JSON
    if path is None or not path.is_file():
        return []
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
        return [{"name": f["name"], "value": f["value"], "protocol": named(f["protocol"])} for f in found]
    except (ValueError, KeyError, TypeError) as error:
        raise UserError(
            f"{path}: is no report of ganforge ({type(error).__name__}: {error}). Evaluate the run again, or remove it"
        ) from None


def named(protocol: Mapping[str, Any]) -> dict[str, Any]:
    """A protocol in which data has its name alone: a card tells nobody of somebody's folders."""
    return {
        key: Path(value).name if isinstance(value, str) and key in NAMES else value for key, value in protocol.items()
    }


def draw(model: Model, path: Path) -> bool:
    """Writes a grid of samples, one row a class; returns whether there are any and the signal can be drawn."""
    signal = model.recipe.signal
    if not model.recipe.task.can_sample:
        return False
    rows = min(len(model.labels), 10) or 6
    label = [k for k in range(rows) for _ in range(10)] if model.labels else None
    image = first_image(signal.render(model.sample(rows * 10, seed=0, label=label), model.spec, 10))
    if image is None:
        return False
    path.write_bytes(image.data)
    return True


def card(model: Model, name: str, license: str | None, figures: Sequence[Mapping[str, Any]], drawn: bool) -> str:
    """README.md."""
    parts = [
        f"---\n{yaml.safe_dump(header(model, license, figures), sort_keys=False, allow_unicode=True)}---",
        f"# {name}",
        summary(model),
        f"![Samples of one seed, drawn without choice]({PICTURE})" if drawn else "",
        f"## How to use it\n\n{usage(model, name)}",
        f"## Data\n\n{data(model)}",
        f"## How it was trained\n\n{training(model)}",
        f"## Figures\n\n{table(figures, model)}",
        f"## Limits\n\n{limits(model, license)}",
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def header(model: Model, license: str | None, figures: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """The fields that the Hub reads."""
    fields: dict[str, Any] = {"library_name": "ganforge", "license": license or UNKNOWN}
    if model.recipe.task.directions():
        fields["pipeline_tag"] = "image-to-image"
    elif model.recipe.signal.kind in PIPELINE:
        fields["pipeline_tag"] = PIPELINE[model.recipe.signal.kind]
    fields["tags"] = [*TAGS, model.recipe.name, *(["conditional"] if model.labels else [])]
    fields["datasets"] = [data_name(model)]
    names = list(dict.fromkeys(str(figure["name"]).split("[")[0] for figure in figures))
    if names:
        fields["metrics"] = names
    return fields


def data_name(model: Model) -> str:
    """What the data is called; of a path the last part alone."""
    source = model.recipe.data
    found = [getattr(source, name, None) for name in ("path", "name", *PARTS)]
    names = [Path(str(where)).name for where in found if where]
    return " and ".join(name for name in names if name) or source.kind


def shape_of(model: Model) -> str:
    shape = model.spec.shape
    if len(shape) == 3:
        colour = {1: "grey", 3: "colour", 4: "colour with transparency"}.get(shape[0], f"{shape[0]} channels")
        return f"pictures of {shape[2]}×{shape[1]} pixels (width × height), {colour}"
    if names := model.spec.state.get("names"):
        return f"rows of a table with {len(names)} column{'s' * (len(names) != 1)}"
    return f"samples of {'×'.join(map(str, shape))} numbers"


def summary(model: Model) -> str:
    if model.recipe.task.directions():
        return (
            f"A generative adversarial network that changes pictures, trained on {shape_of(model)} with the recipe "
            f"`{model.recipe.name}` of ganforge on {data_name(model)}. It takes pictures of any size."
        )
    asked = f" It draws the class that it is asked for, one of {len(model.labels)}." if model.labels else ""
    return (
        f"A generative adversarial network that makes {shape_of(model)}, trained with the recipe "
        f"`{model.recipe.name}` of ganforge on {data_name(model)}.{asked}"
    )


def usage(model: Model, name: str) -> str:
    if "names" in model.spec.state:
        return table_usage(name)
    if ways := model.recipe.task.directions():
        return translator_usage(model, name, ways)
    label = f", label={model.labels[0]!r}" if model.labels else ""
    word = f" --label {model.labels[0]}" if model.labels else ""
    return (
        "```python\nimport ganforge as gf\n\n"
        f'model = gf.load("{name}/{BUNDLE}")\n'
        f"samples = model.sample(64, seed=0{label})  # sample k of a seed is always the same one\n```\n\n"
        f"```sh\nganforge sample {name}/{BUNDLE} -n 64{word} --grid grid.png\n```\n\n"
        "The file holds tensors and JSON only; loading it runs no code."
    )


def translator_usage(model: Model, name: str, ways: tuple[str, ...]) -> str:
    """As `usage`, for a model that changes pictures."""
    way = f', direction="{ways[0]}"' if len(ways) > 1 else ""
    word = f" --direction {ways[0]}" if len(ways) > 1 else ""
    masked = bool(model.spec.state.get("source", {}).get("mask"))
    hole, holes = (', mask="mask.png"', " --mask masks/") if masked else ("", "")
    return (
        "```python\nimport ganforge as gf\n\n"
        f'model = gf.load("{name}/{BUNDLE}")\n'
        f'made = model.translate("photo.png"{hole}{way})  # uint8 [H, W, C]\n```\n\n'
        f"```sh\nganforge translate {name}/{BUNDLE} photos/{holes}{word} --out made/\n```\n\n"
        "The file holds tensors and JSON only; loading it runs no code."
    )


def table_usage(name: str) -> str:
    """As `usage`, for a model of tables."""
    return (
        "```python\nimport ganforge as gf\n\n"
        f'model = gf.TableGAN.load("{name}/{BUNDLE}")\n'
        "rows = model.sample(1000)  # a DataFrame; row k of a seed is always the same one\n```\n\n"
        f"```sh\nganforge sample {name}/{BUNDLE} -n 1000 --out rows.csv\n```\n\n"
        "The file holds tensors and JSON only; loading it runs no code."
    )


def data(model: Model) -> str:
    lines = [f"Trained on **{data_name(model)}**."]
    if names := model.spec.state.get("names"):
        lines.append(f"Columns: {', '.join(names[:30])}{f', ... {len(names)} in all' if len(names) > 30 else ''}.")
    if model.labels:
        shown = ", ".join(model.labels[:20]) + (f", ... {len(model.labels)} in all" if len(model.labels) > 20 else "")
        lines.append(f"Classes: {shown}.")
    lines.append(
        "Whether the data may be used for this, and what is in it, the maker of the model has to say: fill in."
    )
    return " ".join(lines)


def training(model: Model) -> str:
    players = make_nets(model.recipe, model.spec, model.bundle.device)
    counts = ", ".join(f"{key} {sum(p.numel() for p in net.parameters()):,}" for key, net in players.items())
    ema = model.recipe.ema.half_life
    kept = f"an average of its weights over training (half-life {ema:,} samples)" if ema else "its last weights"
    return (
        f"{model.samples:,} real samples seen, batch {model.recipe.batch}, seed {model.recipe.seed}; "
        f"parameters: {counts}. The file holds the generator alone, as {kept}. "
        f"Made with ganforge {__version__}.\n\n"
        f"<details><summary>The whole recipe</summary>\n\n```yaml\n{overrides.to_yaml(public(model))}```\n\n</details>"
    )


def public(model: Model) -> dict[str, Any]:
    """The recipe without the maker's folders."""
    from ganforge.core.component import to_plain

    recipe = to_plain(model.recipe)
    for name in ("path", *PARTS):
        if recipe["data"].get(name):
            recipe["data"][name] = Path(recipe["data"][name]).name
    return recipe


def table(figures: Sequence[Mapping[str, Any]], model: Model) -> str:
    """Every figure with its protocol: what all have in common above, the rest in each row."""
    if not figures:
        return "None have been measured: fill in, or run `ganforge evaluate` and export again."
    common = shared([figure["protocol"] for figure in figures])
    rows = [
        f"| `{figure['name']}` | {number(figure['value'])} | {meaning_of(figure['name']).better or '–'} | "
        f"{stamp({k: v for k, v in figure['protocol'].items() if k not in common}) or '–'} |"
        for figure in figures
    ]
    measured = figures[0]["protocol"].get("samples")
    other = measured is not None and measured != model.samples
    warning = f"\n\n**Measured on another state of the model** ({measured:,} samples seen)." if other else ""
    head = "| figure | value | better | protocol |\n|---|---|---|---|\n"
    said = f"All of them: {stamp(common)}.\n\n" if common else ""
    return said + head + "\n".join(rows) + warning + "\n\nFigures can be compared only where their protocols agree."


def stamp(protocol: Mapping[str, Any]) -> str:
    return ", ".join(f"{name} {plain(value)}" for name, value in protocol.items()).replace("|", "\\|")


def limits(model: Model, license: str | None) -> str:
    missing, near = "recall and coverage", "`copies`"
    if "names" in model.spec.state:
        missing, near = "`tv` and `contingency`", "`dcr` and `exact_copies`"
    points = [
        "It makes samples like its training data, with the biases of that data, and nothing else.",
        f"Parts of the data may be missing among its samples (see {missing}, where measured).",
        f"A sample may resemble a training sample closely (see {near}, where measured): of private data the model is "
        "private too.",
        f"Made for {shape_of(model)} only.",
    ]
    if model.recipe.signal.measures:
        points.append(
            f"Beside the weights the file holds what was measured of the real data: {model.recipe.signal.measures}. "
            "Anybody who has the file can read that."
        )
    if license is None:
        points.append(
            "No licence is stated: without one nobody has a right to use it. Fill in the field `license` above."
        )
    return "\n".join(f"- {point}" for point in points)
