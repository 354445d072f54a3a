"""The one file to share, `model.safetensors`: the averaged generators, with the recipe and the spec in its header.

Weights are tensors; everything else is JSON. Loading it runs no code from the file.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import safetensors
import safetensors.torch
import torch
from torch import Tensor, nn

from ganforge.artifacts import checkpoint
from ganforge.artifacts.rundir import stored_recipe
from ganforge.core.component import build, to_plain
from ganforge.core.device import building, pick_device, weights_dtype
from ganforge.core.errors import UserError
from ganforge.core.files import atomic_file
from ganforge.core.names import writable
from ganforge.core.types import Nets, Request, Spec
from ganforge.core.version import __version__
from ganforge.recipes import sampling
from ganforge.recipes.base import Recipe
from ganforge.recipes.statistics import CachedNets
from ganforge.registry import load_all

FORMAT = "1"


@dataclass
class Bundle:
    """A trained model, ready to use.

    Attributes:
        recipe: how it was trained.
        spec: what its samples are.
        nets: the averaged generators, in evaluation mode on `device`.
        samples: how many real samples it was trained on.
        privacy: what is promised of its training samples (ε, δ and how they were reached); empty without a promise.
    """

    recipe: Recipe
    spec: Spec
    nets: Nets
    samples: int
    device: torch.device
    privacy: dict[str, Any] = field(default_factory=dict)

    truncated: CachedNets = field(default_factory=CachedNets)

    @property
    def dtype(self) -> torch.dtype:
        """Of the weights and of what the nets are given."""
        return weights_dtype(self.recipe.precision, self.device)

    @torch.inference_mode()
    def generate(self, request: Request) -> np.ndarray:
        """Decoded samples."""
        nets, t = self.nets, request.truncation
        if t < 1:  # the statistics in the file are those without truncation
            nets = self.truncated.at(t, lambda: sampling.calibrate(self.recipe, self.spec, self.nets, t, self.device))
        return sampling.generate(self.recipe, self.spec, nets, request, self.device)

    @torch.inference_mode()
    def translate(self, source: Tensor, direction: str = "") -> np.ndarray:
        """What is made of an encoded source [N, Cs, h, w]: float32 [N, C, h·s, w·s], not yet cut to [-1, 1]."""
        return self.translated(source, direction).float().cpu().numpy()

    @torch.inference_mode()
    def translated(self, source: Tensor, direction: str = "") -> Tensor:
        """What is made of an encoded source [N, Cs, h, w], [N, C, h·s, w·s] on `device`."""
        return self.recipe.task.translate(self.nets, source.to(self.device, self.dtype), direction)


def save(
    path: Path,
    recipe: Recipe,
    spec: Spec,
    averages: Mapping[str, nn.Module],
    samples: int,
    privacy: Mapping[str, Any] | None = None,
) -> None:
    """Writes a bundle; one that was there is replaced in one step, or left alone when writing fails."""
    shared = replace(recipe, data=recipe.data.unlocated())  # what lies where on this disk is nobody's business
    header = {
        "format": FORMAT,
        "ganforge": __version__,
        "recipe": writable(json.dumps(to_plain(shared), ensure_ascii=False)),
        "spec": writable(json.dumps(spec.to_plain(), ensure_ascii=False)),
        "samples": str(samples),
        "classes": json.dumps({name: type(net).__qualname__ for name, net in averages.items()}),
    }
    if privacy:
        header["privacy"] = json.dumps(privacy)
    tensors = {
        k: v.detach().cpu().contiguous()
        for n, net in averages.items()
        for k, v in checkpoint.module_state(n, net).items()
    }
    with atomic_file(path, durable=True) as file:
        file.write_bytes(safetensors.torch.save(tensors, metadata=header))


def read(path: Path | str) -> tuple[Recipe, Spec, dict[str, Tensor]]:
    """How a model was trained, what its samples are, and its tensors: from a run directory or from a bundle file.

    Raises:
        UserError: nothing there, not trained yet, or not a bundle (a pickle, a cut file, another tool's weights).
    """
    recipe, spec, tensors, _ = _read(Path(path))
    return recipe, spec, tensors


def _read(path: Path) -> tuple[Recipe, Spec, dict[str, Tensor], dict[str, str]]:
    load_all()
    if path.is_dir():
        stored_recipe(path)
        if not (path / "model.safetensors").is_file():
            raise UserError(
                f"{path}: this run has not written a model yet; the first one is written with its first checkpoint",
                code="model.not_written_yet",
            )
        path = path / "model.safetensors"
    elif not path.is_file():
        raise UserError(f"{path}: no such file or run directory", code="model.not_found")
    with path.open("rb") as file:
        checkpoint.refuse_pickle(file.read(2), path)
    try:
        with safetensors.safe_open(path, framework="pt") as file:
            header = file.metadata() or {}
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118  # not a mapping
    except safetensors.SafetensorError as error:
        raise UserError(
            f"{path}: not a complete safetensors file ({error}). Nothing was loaded", code="model.damaged"
        ) from None
    if header.get("format") != FORMAT or "recipe" not in header:
        raise UserError(
            f"{path}: a safetensors file, but not a ganforge bundle of format {FORMAT} (according to its header)",
            code="model.not_a_bundle",
        )
    recipe = build(Recipe, json.loads(header["recipe"]), what=f"{path}, header")
    if (path.parent / "recipe.yaml").is_file():  # the run that wrote it knows where its data lies
        recipe = replace(recipe, data=stored_recipe(path.parent).data)
    spec = Spec.from_plain(json.loads(header["spec"]))
    return recipe, spec, tensors, header


def load(path: Path | str, device: str | None = None) -> Bundle:
    """A trained model from a run directory or from a bundle file.

    Raises:
        UserError: nothing there, not trained yet, or not a bundle (a pickle, a cut file, another tool's weights).
    """
    recipe, spec, tensors, header = _read(Path(path))
    place = pick_device(device)
    dtype = weights_dtype(recipe.precision, place)
    with building(dtype):
        players = recipe.task.players(spec)
    nets = Nets({name: players[name] for name in recipe.task.generators()}).to(place, dtype)
    for name, net in nets.items():
        checkpoint.load_module(name, net, tensors, str(path))
        net.eval().requires_grad_(False)
    privacy = json.loads(header.get("privacy", "{}"))
    return Bundle(recipe, spec, nets, int(header["samples"]), place, privacy)
