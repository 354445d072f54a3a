"""The card of an exported model: Markdown with the YAML header of the Hugging Face Hub.

Everything in it is read from the model and its run; what only its maker knows (the license, whether the data may be
used) is left open and said to be open, never guessed.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from ganforge.core import overrides
from ganforge.core.component import to_plain
from ganforge.core.language import joined, listed, named, phrase, sentences, translated
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


Say = Callable[..., str]
"""From a pattern and its values to the text in the card's language."""


def card(
    model: Model, name: str, license: str | None, figures: Sequence[Mapping[str, Any]], drawn: bool,
    language: str = "en",
) -> str:  # fmt: skip
    """README.md, in a language of `LANGUAGES`; the header is the Hub's and in English."""

    def say(pattern: str, **values: Any) -> str:
        return translated(phrase(pattern, **values), language)

    parts = [
        f"---\n{yaml.safe_dump(header(model, license, figures), sort_keys=False, allow_unicode=True)}---",
        f"# {name}",
        summary(model, say),
        f"![{say('Samples of one seed, not selected')}]({PICTURE})" if drawn else "",
        f"## {say('How to use it')}\n\n{usage(model, name, say)}",
        f"## {say('Data')}\n\n{data(model, say)}",
        f"## {say('How it was trained')}\n\n{training(model, say)}",
        f"## {say('Metrics')}\n\n{table(figures, model, say)}",
        f"## {say('Limits')}\n\n{limits(model, license, say)}",
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


def summary(model: Model, say: Say) -> str:
    recipe, samples = model.recipe, model.recipe.signal.card(model.spec).samples
    facts = {"recipe": recipe.name, "data": recipe.data.display_name}
    if recipe.task.mode == "translate":
        changes = phrase(recipe.task.changes or recipe.signal.noun.many)
        return say(
            "A generative adversarial network that changes {changes}, trained on {samples} with the recipe `{recipe}` "
            "of ganforge on {data}. It takes {changes} of any size.",
            changes=changes, samples=samples, **facts,
        )  # fmt: skip
    first = phrase(
        "A generative adversarial network that makes {samples}, trained with the recipe `{recipe}` of ganforge on "
        "{data}.",
        samples=samples, **facts,
    )  # fmt: skip
    asked = phrase("It generates samples of a given class, one of {n}.", n=len(model.labels)) if model.labels else ""
    return say("{text}", text=sentences([first, asked]))


def usage(model: Model, name: str, say: Say) -> str:
    file = f"{name}/{BUNDLE}"
    recipe = model.recipe
    lines = recipe.task.usage(file, model.spec) or recipe.signal.usage(file, model.spec)
    safe = say("The file holds tensors and JSON only; loading it runs no code.")
    return f"```python\nimport ganforge as gf\n\n{lines.python}\n```\n\n```sh\n{lines.shell}\n```\n\n{safe}"


def data(model: Model, say: Say) -> str:
    parts: list[str] = [phrase("Trained on **{data}**.", data=model.recipe.data.display_name)]
    parts += model.recipe.signal.card(model.spec).contents
    if model.labels:
        parts.append(phrase("Classes: {names}.", names=listed(model.labels, 20)))
    parts.append(
        phrase("To fill in by the author of the model: whether the data may be used for this, and what it contains.")
    )
    return say("{text}", text=sentences(parts))


def training(model: Model, say: Say) -> str:
    players = make_nets(model.recipe, model.spec, model.bundle.device)
    counts = joined([f"{key} {sum(p.numel() for p in net.parameters()):,}" for key, net in players.items()])
    ema = model.recipe.ema.half_life
    average = phrase("an average of its weights over training (half-life {ema:,} samples)", ema=ema)
    text = say(
        "{samples:,} real samples seen, batch {batch}, seed {seed}; parameters: {counts}. The file holds the generator "
        "alone, as {weights}. Made with ganforge {version}.",
        samples=model.samples, batch=model.recipe.batch, seed=model.recipe.seed, counts=counts,
        weights=average if ema else phrase("its last weights"), version=__version__,
    )  # fmt: skip
    whole = say("The whole recipe")
    return (
        f"{text}\n\n<details><summary>{whole}</summary>\n\n```yaml\n{overrides.to_yaml(public(model))}```\n\n</details>"
    )


def public(model: Model) -> dict[str, Any]:
    """The recipe without the maker's folders."""
    recipe = to_plain(model.recipe)
    for name in model.recipe.data.places:
        if recipe["data"].get(name):
            recipe["data"][name] = Path(recipe["data"][name]).name
    return recipe


def table(figures: Sequence[Mapping[str, Any]], model: Model, say: Say) -> str:
    """Every score with its protocol: what all have in common above, the rest in each row."""
    if not figures:
        return say("None have been measured: fill in, or run `ganforge evaluate` and export again.")
    common = shared([figure["protocol"] for figure in figures])
    rows = [
        (
            f"`{figure['name']}`",
            number(figure["value"]),
            say("{way}", way=meaning_of(figure["name"]).better) or "–",
            provenance({k: v for k, v in figure["protocol"].items() if k not in common}) or "–",
        )
        for figure in figures
    ]
    head = tuple(say(name) for name in ("metric", "value", "better", "protocol"))
    parts = [say("The same for all of them: {entries}.", entries=provenance(common))] if common else []
    parts.append("\n".join(f"| {' | '.join(row)} |" for row in (head, ("---",) * 4, *rows)))
    measured = figures[0]["protocol"].get("samples")
    if measured is not None and measured != model.samples:
        parts.append(say("**Measured on another state of the model** ({measured:,} samples seen).", measured=measured))
    parts.append(say("Values can be compared only where their protocols agree."))
    return "\n\n".join(parts)


def provenance(protocol: Mapping[str, Any]) -> str:
    return ", ".join(f"{name} {plain(value)}" for name, value in protocol.items()).replace("|", "\\|")


def limits(model: Model, license: str | None, say: Say) -> str:
    about = model.recipe.signal.card(model.spec)
    points = [
        say("It makes samples like its training data, with the biases of that data, and nothing else."),
        say(
            "Parts of the data may be missing among its samples (see {metrics}, where measured).",
            metrics=joined([f"`{name}`" for name in about.missing]),
        ),
        say(
            "A sample may resemble a training sample closely (see {metrics}, where measured): with private data, the "
            "model is private too.",
            metrics=joined([f"`{name}`" for name in about.copied]),
        ),
        say("Made for {samples} only.", samples=about.samples),
    ]
    if statistics := model.recipe.signal.data_statistics:
        points.append(
            say(
                "Beside the weights the file holds what was measured of the real data: {statistics}. Anyone who has "
                "the file can read it.",
                statistics=named(statistics),
            )
        )
    if license is None:
        points.append(
            say("No license is stated: without one others may not use the model. Fill in the field `license` above.")
        )
    return "\n".join(f"- {point}" for point in points)
