"""The card of an exported model: Markdown with the YAML header of the Hugging Face Hub.

Everything in it is read from the model and its run; what only its maker knows (the license, whether the data may be
used) is left open and said to be open, never guessed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from ganforge.core import overrides
from ganforge.core.component import to_plain
from ganforge.core.version import __version__
from ganforge.engine.build import make_nets
from ganforge.evaluation.report.values import number, plain, shared
from ganforge.evaluation.report.words import meaning_of
from ganforge.inference.model import Model

UNKNOWN = "unknown"
"""The Hub's own word for a license that nobody stated."""
BUNDLE, PICTURE = "model.safetensors", "samples.png"
"""What the files beside the card are called."""
TAGS = ("gan", "ganforge")


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
    if tag := model.recipe.task.hub_task or model.recipe.signal.hub_task:
        fields["pipeline_tag"] = tag
    fields["tags"] = [*TAGS, model.recipe.name, *(["conditional"] if model.labels else [])]
    if of_hub := model.recipe.data.hub_id:
        fields["datasets"] = [of_hub]
    names = list(dict.fromkeys(str(figure["name"]).split("[")[0] for figure in figures))
    if names:
        fields["metrics"] = names
    return fields


def summary(model: Model) -> str:
    recipe, samples = model.recipe, model.recipe.signal.card(model.spec).samples
    by = f"with the recipe `{recipe.name}` of ganforge on {recipe.data.display_name}."
    if recipe.task.mode == "translate":
        changes = recipe.task.changes or recipe.signal.noun.many
        return (
            f"A generative adversarial network that changes {changes}, trained on {samples} {by} "
            f"It takes {changes} of any size."
        )
    asked = f" It generates samples of a given class, one of {len(model.labels)}." if model.labels else ""
    return f"A generative adversarial network that makes {samples}, trained {by}{asked}"


def usage(model: Model, name: str) -> str:
    file = f"{name}/{BUNDLE}"
    recipe = model.recipe
    lines = recipe.task.usage(file, model.spec) or recipe.signal.usage(file, model.spec)
    return (
        f"```python\nimport ganforge as gf\n\n{lines.python}\n```\n\n```sh\n{lines.shell}\n```\n\n"
        "The file holds tensors and JSON only; loading it runs no code."
    )


def data(model: Model) -> str:
    lines = [f"Trained on **{model.recipe.data.display_name}**.", *model.recipe.signal.card(model.spec).contents]
    if model.labels:
        shown = ", ".join(model.labels[:20]) + (f", ... {len(model.labels)} in all" if len(model.labels) > 20 else "")
        lines.append(f"Classes: {shown}.")
    lines.append("To fill in by the author of the model: whether the data may be used for this, and what it contains.")
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
    recipe = to_plain(model.recipe)
    for name in model.recipe.data.places:
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
        f"{provenance({k: v for k, v in figure['protocol'].items() if k not in common}) or '–'} |"
        for figure in figures
    ]
    measured = figures[0]["protocol"].get("samples")
    other = measured is not None and measured != model.samples
    warning = f"\n\n**Measured on another state of the model** ({measured:,} samples seen)." if other else ""
    head = "| figure | value | better | protocol |\n|---|---|---|---|\n"
    said = f"All of them: {provenance(common)}.\n\n" if common else ""
    return said + head + "\n".join(rows) + warning + "\n\nFigures can be compared only where their protocols agree."


def provenance(protocol: Mapping[str, Any]) -> str:
    return ", ".join(f"{name} {plain(value)}" for name, value in protocol.items()).replace("|", "\\|")


def limits(model: Model, license: str | None) -> str:
    about = model.recipe.signal.card(model.spec)
    points = [
        "It makes samples like its training data, with the biases of that data, and nothing else.",
        f"Parts of the data may be missing among its samples (see {about.missing}, where measured).",
        f"A sample may resemble a training sample closely (see {about.copied}, where measured): with private data, "
        "the model is private too.",
        f"Made for {about.samples} only.",
    ]
    if model.recipe.signal.data_statistics:
        points.append(
            "Beside the weights the file holds what was measured of the real data: "
            f"{model.recipe.signal.data_statistics}. Anyone who has the file can read it."
        )
    if license is None:
        points.append(
            "No license is stated: without one others may not use the model. Fill in the field `license` above."
        )
    return "\n".join(f"- {point}" for point in points)
