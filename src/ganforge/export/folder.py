"""A trained model as a folder to hand on: the bundle, an image of its samples, and a card that says what it is."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ganforge.core.commands import command
from ganforge.core.errors import UserError
from ganforge.core.files import atomic_files, check_folder, output_to
from ganforge.core.language import language_for
from ganforge.core.media import first_image
from ganforge.evaluation import calibration
from ganforge.evaluation.output import JSON, results_in
from ganforge.export.card import BUNDLE, PICTURE, card
from ganforge.inference.model import Model, load

CARD = "README.md"
NAMES = ("real", "fake", "train", "trained_on", "test")
"""Entries of a protocol that name data."""


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
    language: str | None = None,
) -> Export:
    """Writes a folder with the bundle, a grid of samples and the card.

    Args:
        source: a run directory or a bundle.
        out: the folder; by default `exports/` and the run's name.
        license: of the model, as the Hub names them; by default the card says that it is unknown.
        name: what the card calls the model.
        force: replace the files of an earlier export.
        language: of the card, "en" or "zh"; by default what the environment variable GANFORGE_LANG says, else English.

    Raises:
        UserError: no model there, a file that already exists, or no permission to write. Nothing is written then.
    """
    source = Path(source)
    written_in = language_for(language)
    model = load(source, "cpu")
    folder = (
        Path(out) if out is not None else Path("exports") / (source.stem if source.is_file() else source.resolve().name)
    )
    check_folder(folder)
    taken = [file for file in (BUNDLE, CARD, PICTURE) if (folder / file).exists()]
    if taken and not force:
        raise UserError(
            f"{folder / taken[0]}: already exists; --force overwrites the files of an earlier export",
            code="output.exists",
        )
    if license is not None and not license.strip():
        raise UserError(
            "--license: the name is empty; give one, for example apache-2.0, or leave the option out",
            code="export.empty_license",
        )
    run = source if source.is_dir() else source.parent
    figures = read_figures(run if source.is_dir() else None)
    bundle = source / BUNDLE if source.is_dir() else source
    with output_to(folder), atomic_files(folder) as partial:
        shutil.copyfile(bundle, partial / BUNDLE)
        if (known := calibration.stored(model)) is not None and known.data:
            shutil.copyfile(run / calibration.CALIBRATION, partial / calibration.CALIBRATION)
        drawn = draw(model, partial / PICTURE)
        text = card(model, name or folder.resolve().name, license, figures, drawn, written_in)
        (partial / CARD).write_text(text, encoding="utf-8")
        files = tuple(folder / file.name for file in sorted(partial.iterdir()))
    open_ends = [] if license else ["the license (--license, or in README.md)"]
    open_ends += [] if figures else [f"the figures: {command('evaluate', source)}, then export again"]
    return Export(folder, files, tuple(open_ends))


def read_figures(run: Path | None) -> list[dict[str, Any]]:
    """The figures of a run's last evaluation; none where there is no report of this format."""
    path = None if run is None else run / "evaluation" / JSON
    if path is None or not path.is_file():
        return []
    return [one | {"protocol": named(one["protocol"])} for one in results_in(path)]


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
    label = [name for name in model.labels[:rows] for _ in range(10)] or None
    image = first_image(signal.render(model.sample(rows * 10, seed=0, label=label), model.spec, 10))
    if image is None:
        return False
    path.write_bytes(image.data)
    return True
