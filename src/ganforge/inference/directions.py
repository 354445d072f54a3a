"""Directions in a model's latent space, and moves along them: `directions.json:2=2.5`.

    z' = z + a σ d        or, in models with styles,        w'_l = w_l + a σ d    for the chosen layers l

a: how far, in standard deviations σ of the points along the direction d (for z always 1), |d| = 1.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from ganforge.artifacts.bundle import Bundle
from ganforge.core.errors import UserError, did_you_mean
from ganforge.inference.codes import file_errors, read_document, styles_of, write_document

MOVE = re.compile(r"(?P<path>.+):(?P<name>[^:=]+)=(?P<start>[^.=]+(?:\.\d+)?)(?:\.\.(?P<stop>.+))?")


@dataclass(frozen=True)
class Directions:
    """Directions in the latent space of a model, the strongest first.

    Attributes:
        model: hash of its weights.
        space: "z" or "w". layers: the first and the last layer whose styles are moved, or None for z.
        method: sefa, pca or jacobian.
        vectors: float [k, D], orthonormal.
        names: how a user calls each: "1", "2", ... until the file is edited.
        sigmas: standard deviations of the points of the space along each.
        energies: what the method orders them by, as shares of the total.
        moves: how far 3σ along each moves samples, as a root mean square of encoded values.
        random: the mean of that for random directions.
    """

    model: str
    space: str
    method: str
    vectors: Tensor
    names: tuple[str, ...]
    sigmas: tuple[float, ...]
    energies: tuple[float, ...]
    moves: tuple[float, ...]
    random: float
    layers: tuple[int, int] | None = None

    def __len__(self) -> int:
        return len(self.vectors)

    def shift(self, name: str, amounts: Tensor, styles: torch.Size | None) -> Tensor:
        """What is to be added for moves of `amounts` [n] standard deviations: [n, L], or [n, layers, K] for styles."""
        k = self.names.index(name)
        moved = amounts.float()[:, None] * self.sigmas[k] * self.vectors[k]  # [n, D]
        if self.layers is None:
            return moved
        assert styles is not None, "directions of styles belong to a model with styles"
        whole = torch.zeros(len(amounts), *styles)
        whole[:, self.layers[0] : self.layers[1] + 1] = moved[:, None]
        return whole

    def facts(self) -> list[dict[str, Any]]:
        """Each direction without its vector."""
        rows = zip(self.names, self.sigmas, self.energies, self.moves, strict=True)
        return [{"name": n, "sigma": s, "energy": e, "moves": m} for n, s, e, m in rows]


def save_directions(path: Path, found: Directions) -> None:
    """Writes directions as JSON; a file of that name is replaced.

    Raises:
        UserError: the file cannot be written.
    """
    rows = [fact | {"vector": v} for fact, v in zip(found.facts(), found.vectors.tolist(), strict=True)]
    content = {"space": found.space, "layers": found.layers, "method": found.method, "random": found.random}
    write_document(path, "directions", found.model, content | {"directions": rows})


def load_directions(path: Path | str, bundle: Bundle) -> Directions:
    """Directions of this model that were saved before.

    Raises:
        UserError: no such file, not one of directions, or one of another model.
    """
    path = Path(path)
    plain = read_document(path, "directions", bundle)
    with file_errors(path):
        rows = plain["directions"]
        vectors = torch.tensor([row["vector"] for row in rows], dtype=torch.float32)
        layers = None if plain["layers"] is None else (int(plain["layers"][0]), int(plain["layers"][1]))
        if vectors.ndim != 2 or (plain["space"] == "w") != (layers is not None):
            raise ValueError(f"vectors of shape {list(vectors.shape)} in {plain['space']}")
        sigma, energy, moves = (tuple(float(row[key]) for row in rows) for key in ("sigma", "energy", "moves"))
        names = tuple(str(row["name"]) for row in rows)
        random = float(plain["random"])
    return Directions(
        plain["model"], plain["space"], plain["method"], vectors, names, sigma, energy, moves, random, layers
    )


@dataclass(frozen=True)
class Moves:
    """Moves along directions, from start to end.

    Attributes:
        start, stop: shifts [1, L] or [1, layers, K].
        text: as they were asked.
    """

    start: Tensor
    stop: Tensor
    text: str

    @property
    def still(self) -> bool:
        """Whether all samples are moved equally far."""
        return bool(torch.equal(self.start, self.stop))

    def shifts(self, n: int, loop: bool = False) -> Tensor:
        """Shifts of n samples on the way from start to stop; with `loop` there and back."""
        t = torch.linspace(0, 1, n)
        t = 1 - (1 - 2 * torch.arange(n) / n).abs() if loop else t
        return torch.lerp(self.start, self.stop, t.reshape(n, *[1] * (self.start.ndim - 1)))


def read_moves(texts: str | Sequence[str], bundle: Bundle) -> Moves | None:
    """`directions.json:2=2.5`, or `directions.json:2=-3..3` for a way; several are added. None of no texts.

    Raises:
        UserError: a text is not of this form, its file cannot be used, it has no such direction, or two files are of
            different spaces.
    """
    texts = [texts] if isinstance(texts, str) else list(texts)
    start = stop = None
    styles = styles_of(bundle)
    for text in texts:
        match = MOVE.fullmatch(text.strip())
        try:
            ends = [float(match["start"]), float(match["stop"] or match["start"])] if match else []
        except ValueError:
            ends = []
        if match is None or not ends or not all(abs(end) < float("inf") for end in ends):
            raise UserError(
                f"direction {text!r}: expected FILE:NAME=AMOUNT in standard deviations, as in directions.json:2=2.5, "
                "or a way in a walk, as in directions.json:2=-3..3",
                code="direction.invalid",
            )
        found, name = load_directions(match["path"], bundle), match["name"].strip()
        if name not in found.names:
            raise UserError(
                f"direction {text!r}: {match['path']} has no direction {name!r}{did_you_mean(name, found.names)} "
                f"(it has: {', '.join(found.names)})",
                code="direction.unknown",
            )
        shifts = found.shift(name, torch.tensor(ends), styles).split(1)
        if start is not None and start.shape != shifts[0].shape:
            raise UserError(
                f"direction {text!r}: the directions are of different spaces (z and w); use files of one of them",
                code="direction.spaces_differ",
            )
        start, stop = (shifts[0], shifts[1]) if start is None or stop is None else (start + shifts[0], stop + shifts[1])
    return None if start is None or stop is None else Moves(start, stop, ", ".join(texts))
