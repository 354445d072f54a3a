"""The same on the command line and in Python: text that can be pasted, with all names quoted."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ganforge.core.commands import command
from ganforge.web.asks import Translate
from ganforge.web.studio.asking import Conditions, Dragging, Film, Mixing, Place, Projecting, Several, UsingFile


class Translating(Translate):
    """A translation. mask: whether there is one."""

    mask: bool = False


def shown_path(path: Path) -> str:
    """A path as it can be pasted into a terminal in the folder where the studio was started, or anywhere."""
    here = Path.cwd()
    return str(path.relative_to(here)) if path.is_relative_to(here) else str(path)


def as_python(call: str, *args: Any, **named: Any) -> str:
    """A call with its arguments: `model.sample(1, seed=5)`. Those that are None or empty are left out."""
    given = [repr(arg) for arg in args]
    given += [f"{name}={value!r}" for name, value in named.items() if value is not None and value not in ([], "")]
    return f"{call}({', '.join(given)})"


def options(ask: Conditions) -> list[Any]:
    """The words of conditions, as `sample` and `walk` take them."""
    words: list[Any] = []
    if ask.label is not None:
        words += ["--label", ask.label if not isinstance(ask.label, list) else ask.label[0]]
    if ask.truncation != 1:
        words += ["--truncation", f"{ask.truncation:g}"]
    for text in ask.where:
        words += ["--where", text]
    for text in ask.text:
        words += ["--text", text]
    if ask.temperature is not None:
        words += ["--temperature", f"{ask.temperature:g}"]
    if ask.guidance is not None:
        words += ["--guidance", f"{ask.guidance:g}"]
    return words


def arguments(ask: Conditions) -> dict[str, Any]:
    """The same as arguments of `Model.sample` and `Model.walk`."""
    truncation = None if ask.truncation == 1 else ask.truncation
    return {"label": ask.label, "truncation": truncation, "where": ask.where, "text": ask.text}


def loaded(path: str, ask: Conditions | None = None) -> list[str]:
    """The lines that load a model, with the settings that change it."""
    lines = ["import ganforge as gf", "", f"model = gf.load({path!r})"]
    if ask is not None and ask.temperature is not None:
        lines.append(f"model = model.tempered({ask.temperature!r})")
    if ask is not None and ask.guidance is not None:
        lines.append(f"model = model.guided({ask.guidance!r})")
    return lines


def directed(path: str, methods: list[str]) -> list[str]:
    """The commands that write the directions of some methods."""
    return [
        command("explore", "directions", path, "--method", method, "--out", f"{method}/")
        for method in dict.fromkeys(methods)
    ]


def of_place(path: str, ask: Place) -> dict[str, Any]:
    """One sample. Its point is a file where no seed gives it: `latent` says so."""
    latent = bool(ask.path or ask.projected is not None or (ask.to is not None and ask.share > 0))
    moves = [f"{move.method}/directions.json:{move.name}={move.amount:g}" for move in ask.moves if move.amount]
    if latent:  # the file knows what its sample is of
        ask = ask.model_copy(update={"label": None, "where": [], "text": []})
    words: list[Any] = [path, "-n", 1]
    words += ["--latent", "latent.json"] if latent else ["--seed", ask.seed]
    words += options(ask)
    for move in moves:
        words += ["--direction", move]
    lines = loaded(path, ask)
    if latent:
        lines.append("model = model.at('latent.json')")
    if moves:
        lines.append(f"model = model.moved({moves!r})")
    lines.append("sample = " + as_python("model.sample", 1, seed=None if latent else ask.seed, **arguments(ask)))
    commands = [*directed(path, [move.method for move in ask.moves if move.amount])]
    commands.append(command("sample", *words, "--out", "sample/"))
    return {"command": "\n".join(commands), "python": "\n".join(lines), "latent": latent}


def of_several(path: str, ask: Several) -> dict[str, Any]:
    """Several samples as a file."""
    file = "samples/" if ask.format in (None, "zip") else f"samples.{ask.format}"
    option = {"png": "--grid", "npz": "--npz"}.get(ask.format or "", "--out")
    text = command("sample", path, "-n", ask.n, "--seed", ask.seed, *options(ask), option, file)
    lines = [
        *loaded(path, ask),
        "samples = " + as_python("model.sample", ask.n, seed=ask.seed, **arguments(ask)),
    ]
    return {"command": text, "python": "\n".join(lines), "latent": False}


def of_film(path: str, ask: Film) -> dict[str, Any]:
    """A film."""
    words: list[Any] = [path]
    commands, along = [], None
    if ask.along is not None:
        commands = directed(path, [ask.along.method])
        along = f"{ask.along.method}/directions.json:{ask.along.name}={-ask.along.amount:g}..{ask.along.amount:g}"
        words += ["--from", ask.seeds[0], "--direction", along]
    elif len(ask.seeds) == 2:
        words += ["--from", ask.seeds[0], "--to", ask.seeds[1]]
    else:
        through = ",".join(str(seed) for seed in ask.seeds[1:-1])
        words += ["--from", ask.seeds[0], "--to", ask.seeds[-1], "--through", through]
    words += ["--frames", ask.count, "--fps", f"{ask.rate:g}", *(["--loop"] if ask.loop else []), *options(ask)]
    commands.append(command("walk", *words, "--out", f"walk.{ask.format}"))
    named = arguments(ask)
    named |= {"frames": ask.count, "loop": ask.loop or None, "direction": along}
    python = [*loaded(path, ask), "frames = " + as_python("model.walk", ask.seeds, **named)]
    return {"command": "\n".join(commands), "python": "\n".join(python), "latent": False}


def of_mixing(path: str, ask: Mixing) -> dict[str, Any]:
    """Mixed styles; a command alone, whose file `gf.load(...).at` takes."""
    words: list[Any] = [path, "--base", ",".join(map(str, ask.base)), "--style", ",".join(map(str, ask.style))]
    words += [] if ask.layers is None else ["--layers", f"{ask.layers[0]}-{ask.layers[1]}"]
    words += [] if ask.label is None else ["--label", ask.label if not isinstance(ask.label, list) else ask.label[0]]
    words += [] if ask.truncation == 1 else ["--truncation", f"{ask.truncation:g}"]
    text = command("mix", *words, "--out", "mix.png", "--latents", "mixed.json")
    n = len(ask.base) * len(ask.style)
    lines = [*loaded(path), "samples = model.at('mixed.json')" + as_python(".sample", n)]
    return {"command": text, "python": "\n".join(lines), "latent": False}


def of_projecting(path: str, ask: Projecting, file: str = "image.png") -> dict[str, Any]:
    """A projection; Python reads the file that the command writes."""
    words: list[Any] = [path, file, "--steps", ask.steps]
    words += [] if ask.label is None else ["--label", ask.label if not isinstance(ask.label, list) else ask.label[0]]
    words += [] if ask.bound is None else ["--bound", f"{ask.bound:g}"]
    text = command("project", *words, "--out", "projected/")
    lines = [*loaded(path), "sample = model.at('projected/latent.json').sample(1)"]
    return {"command": text, "python": "\n".join(lines), "latent": False}


def begun(path: str, ask: Place) -> tuple[bool, list[Any]]:
    """The words that name the sample at a place for commands that take a seed and a label alone; and whether its latent
    has to be a file."""
    plain = ask.to is None or ask.share == 0
    latent = not plain or bool(ask.path or ask.projected is not None or ask.moves or ask.where or ask.text)
    latent = latent or ask.truncation != 1
    if latent:
        return True, [path, "--latent", "latent.json"]
    label = [] if ask.label is None else ["--label", ask.label if not isinstance(ask.label, list) else ask.label[0]]
    return False, [path, "--seed", ask.seed, *label]


def of_neighbors(path: str, ask: Place) -> dict[str, Any]:
    """The training samples that a sample is nearest to."""
    latent, words = begun(path, ask)
    given = {} if latent else {"seed": ask.seed, "label": ask.label}
    lines = [
        "import ganforge as gf",
        "from ganforge.explore.nearest import neighbors",
        "",
        f"model = gf.load({path!r})",
    ]
    lines += ["model = model.at('latent.json')"] if latent else []
    more = "".join(f", {name}={value!r}" for name, value in given.items() if value is not None)
    lines.append(f"found = neighbors(model, 1, 5{more})")
    text = command("explore", "neighbors", *words, "-n", 1, "--out", "neighbors.png")
    return {"command": text, "python": "\n".join(lines), "latent": latent}


def of_dragging(path: str, ask: Dragging) -> dict[str, Any]:
    """Points that are moved; Python reads the file that the command writes."""
    latent, words = begun(path, ask)
    for pull in ask.pulls:
        words += ["--point", ":".join(f"{x:g},{y:g}" for x, y in (pull.handle, pull.target))]
    words += ["--mask", "mask.png"] if ask.mask else []
    text = command("explore", "drag", *words, "--steps", ask.steps, "--out", "dragged/")
    lines = [*loaded(path), "sample = model.at('dragged/latent.json').sample(1)"]
    return {"command": text, "python": "\n".join(lines), "latent": latent}


def of_file(path: str, ask: UsingFile, use: Mapping[str, Any]) -> dict[str, Any]:
    """What a model makes of a file. use: as `file_uses.described` gives it."""
    values = {one["name"]: (one["option"], ask.settings.get(one["name"], one["usual"])) for one in use["settings"]}
    words: list[Any] = [use["verb"], path, "--data", use["example"]]
    for option, value in values.values():
        words += [option, value]
    words += ["--out", use["result"], *(["--chart", use["chart"]] if use["chart"] else [])]
    more = "".join(f", {name}={value!r}" for name, (_, value) in values.items())
    lines = use["python"].format(model=path, file=use["example"], more=more)
    return {"command": command(*words), "python": lines, "latent": False}


def of_translating(path: str, ask: Translating) -> dict[str, Any]:
    """A translated file."""
    words: list[Any] = [path, f"input.{ask.format}", "--out", f"translated.{ask.format}"]
    words += ["--mask", "mask.png"] if ask.mask else []
    words += ["--direction", ask.direction] if ask.direction else []
    for text in ask.where:
        words += ["--where", text]
    mask = "mask.png" if ask.mask else None
    call = as_python("model.translate", f"input.{ask.format}", mask=mask, direction=ask.direction, where=ask.where)
    lines = [*loaded(path), f"translated = {call}"]
    return {"command": command("translate", *words), "python": "\n".join(lines), "latent": False}
