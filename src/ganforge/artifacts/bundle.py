"""The file of a trained model, `model.safetensors`: the averaged generators, with the recipe and the spec in its
header.

Weights are tensors; everything else is JSON. Loading it runs no code from the file.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable, Iterable, Iterator, Mapping
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
from ganforge.core.allowance import Allowance, Exceeded, WithoutWeights
from ganforge.core.component import build_stored, to_plain
from ganforge.core.device import building, pick_device, weights_dtype
from ganforge.core.errors import GanforgeError, UserError
from ganforge.core.files import atomic_file
from ganforge.core.names import writable
from ganforge.core.types import Nets, Request, Spec
from ganforge.core.version import __version__
from ganforge.recipes import sampling
from ganforge.recipes.base import Recipe
from ganforge.recipes.statistics import CachedNets
from ganforge.registry import load_for

FORMAT = "1"
MAX_HEADER = 2**24  # bytes
SPARE = 96 * 2**20
"""Bytes that nets may allocate beyond twice the weights in the file: constants, and temporaries of initialization."""
SPARE_TENSORS = 20_000


@dataclass(frozen=True)
class FastPath:
    """A faster way to compute samples and translations than with the nets as they are (`inference.prepared`).

    Attributes:
        precision: its name. nets: prepared for it.
        prepare: prepares further nets, such as those for a truncation.
        arithmetic: the context in which prepared nets run.
    """

    precision: str
    nets: Nets
    prepare: Callable[[Nets], Nets]
    arithmetic: Callable[[], contextlib.AbstractContextManager[None]]


@dataclass
class Bundle:
    """A trained model, ready to use.

    Attributes:
        recipe: how it was trained.
        spec: what its samples are.
        nets: the averaged generators, in evaluation mode on `device`.
        samples: how many real samples it was trained on.
        privacy: the privacy guarantee for its training samples (ε, δ and the method); empty without one.
        average: the length of the average of the weights, and how it was chosen, if that was done after training
            (`ganforge ema`); else empty.
        path: where it was loaded from.
        proven: whether it has already generated samples, so that its header is known to be valid.
        fast: how samples and translations are computed; None: with `nets`, in the dtype of their weights.
        spread: how the samples of several requests are made, in their order; None: one request after the other.
    """

    recipe: Recipe
    spec: Spec
    nets: Nets
    samples: int
    device: torch.device
    privacy: dict[str, Any] = field(default_factory=dict)
    average: dict[str, Any] = field(default_factory=dict)

    truncated: CachedNets = field(default_factory=CachedNets)
    path: str = ""
    proven: bool = False
    fast: FastPath | None = None
    spread: Callable[[Iterable[Request]], Iterator[Any]] | None = None

    @property
    def dtype(self) -> torch.dtype:
        """The dtype of the weights and of the inputs of the nets."""
        return weights_dtype(self.recipe.precision, self.device)

    @property
    def precision(self) -> str:
        """In which samples and translations are computed: fp32, fp64 or bf16."""
        own = "fp64" if self.dtype == torch.float64 else "fp32"
        return self.fast.precision if self.fast else own

    @property
    def running(self) -> Nets:
        """The nets that compute samples and translations."""
        return self.fast.nets if self.fast else self.nets

    @torch.inference_mode()
    def generate(self, request: Request) -> np.ndarray:
        """Decoded samples."""
        with self.on_trial():
            return self.recipe.signal.decode(self.encoded(request), self.spec)

    @torch.inference_mode()
    def encoded(self, request: Request) -> Tensor:
        """Encoded samples [n, *spec.shape] on `device`."""
        nets, t = self.running, request.truncation
        if t < 1:  # the file contains the statistics without truncation
            nets = self.truncated.at(t, lambda: self._calibrated(t))
        with self._arithmetic():
            return self._in_full(sampling.encoded(self.recipe, nets, sampling.labeled(request, self.spec), self.device))

    def _calibrated(self, truncation: float) -> Nets:
        nets = sampling.calibrate(self.recipe, self.spec, self.nets, truncation, self.device)
        return self.fast.prepare(nets) if self.fast else nets

    def _arithmetic(self) -> contextlib.AbstractContextManager[None]:
        return self.fast.arithmetic() if self.fast else contextlib.nullcontext()

    def _in_full(self, x: Tensor) -> Tensor:
        """What the nets made, in the dtype of `nets`."""
        return x.to(self.dtype) if self.fast and x.is_floating_point() else x

    def generate_each(self, requests: Iterable[Request]) -> Iterator[Any]:
        """The decoded samples of each request, in their order."""
        return map(self.generate, requests) if self.spread is None else self.spread(requests)

    @contextlib.contextmanager
    def on_trial(self) -> Iterator[None]:
        """The context for the first use of the model: any failure in it is reported as an invalid header.

        Raises:
            UserError: in place of any other exception, except out of memory.
        """
        with contextlib.nullcontext() if self.proven else header_errors(self.path):
            yield
        self.proven = True

    @torch.inference_mode()
    def translate(self, source: Tensor, direction: str = "") -> np.ndarray:
        """Translates an encoded source [N, Cs, h, w] to float32 [N, C, h·s, w·s], not clipped to [-1, 1]."""
        return self.translated(source, direction).float().cpu().numpy()

    @torch.inference_mode()
    def translated(self, source: Tensor, direction: str = "") -> Tensor:
        """Translates an encoded source [N, Cs, h, w] to [N, C, h·s, w·s] on `device`."""
        with self.on_trial():
            with self._arithmetic():
                made = self.recipe.task.translate(self.running, source.to(self.device, self.dtype), direction)
            return self._in_full(made)


def save(
    path: Path,
    recipe: Recipe,
    spec: Spec,
    averages: Mapping[str, nn.Module],
    samples: int,
    privacy: Mapping[str, Any] | None = None,
    average: Mapping[str, Any] | None = None,
) -> None:
    """Writes a bundle. An existing file is replaced atomically, and stays unchanged if writing fails."""
    shared = replace(recipe, data=recipe.data.unlocated())  # paths on this machine are not to be shared
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
    if average:
        header["average"] = json.dumps(average)
    tensors = {
        k: v.detach().cpu().contiguous()
        for n, net in averages.items()
        for k, v in checkpoint.module_state(n, net).items()
    }
    with atomic_file(path, durable=True) as file:
        file.write_bytes(safetensors.torch.save(tensors, metadata=header))


def read(path: Path | str) -> tuple[Recipe, Spec, dict[str, Tensor]]:
    """Reads recipe, spec and tensors of a model from a run directory or a bundle file.

    Raises:
        UserError: it does not exist, is not trained yet, or is not a bundle (a pickle, a truncated file, weights of
            another tool).
    """
    recipe, spec, tensors, _ = _read(Path(path))
    return recipe, spec, tensors


def _read(path: Path) -> tuple[Recipe, Spec, dict[str, Tensor], dict[str, str]]:
    if path.is_dir():
        stored_recipe(path)
        if not (path / "model.safetensors").is_file():
            raise UserError(
                f"{path}: this run has not written a model yet; the first is written with the first checkpoint",
                code="model.not_written_yet",
            )
        path = path / "model.safetensors"
    elif not path.is_file():
        raise UserError(f"{path}: no such file or run directory", code="model.not_found")
    with path.open("rb") as file:
        start = file.read(8)
    checkpoint.refuse_pickle(start, path)
    if (length := int.from_bytes(start, "little")) > MAX_HEADER:
        raise UserError(
            f"{path}: its header is {length:,} bytes long, more than the maximum of {MAX_HEADER:,}: damaged, or not a "
            "safetensors file. Nothing was loaded",
            code="model.damaged",
        )
    try:
        with safetensors.safe_open(path, framework="pt") as file:
            header = file.metadata() or {}
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118  # not a mapping
    except (safetensors.SafetensorError, UnicodeDecodeError) as error:
        raise UserError(
            f"{path}: not a complete safetensors file ({error}). Nothing was loaded", code="model.damaged"
        ) from None
    if header.get("format") != FORMAT or "recipe" not in header:
        raise UserError(
            f"{path}: a safetensors file, but not a ganforge bundle of format {FORMAT} (according to its header)",
            code="model.not_a_bundle",
        )
    with header_errors(path):
        plain = json.loads(header["recipe"])
        load_for(plain)
        recipe = build_stored(Recipe, plain, f"{path}, header")
        spec = Spec.from_plain(json.loads(header["spec"]))
    if (path.parent / "recipe.yaml").is_file():  # the run directory's recipe contains the path of its data
        recipe = replace(recipe, data=stored_recipe(path.parent).data)
    return recipe, spec, tensors, header


@contextlib.contextmanager
def header_errors(path: Path | str) -> Iterator[None]:
    """The context for using an untrusted header: any failure in it is reported as an error of the file.

    A header can hold any value for any field, and nets, signals and tasks fail on invalid values in various ways.

    Raises:
        UserError: in place of any other exception.
    """
    try:
        yield
    except (torch.OutOfMemoryError, GanforgeError):  # a fault of the machine, or already a clear message
        raise
    except Exception as error:
        raise UserError(
            f"{path}: its header does not describe a model ({type(error).__name__}: {str(error)[:200]}). Nothing was "
            "loaded",
            code="model.header_does_not_fit",
        ) from error


def load(path: Path | str, device: str | None = None) -> Bundle:
    """Loads a trained model from a run directory or a bundle file.

    The file may be untrusted: its nets are built only if they need no more memory than the size of its weights
    suggests.

    Raises:
        UserError: it does not exist, is not trained yet, or is not a bundle (a pickle, a truncated file, weights of
            another tool).
    """
    recipe, spec, tensors, header = _read(Path(path))
    place = pick_device(device)
    dtype = weights_dtype(recipe.precision, place)
    with header_errors(path):
        nets = generators(recipe, spec, tensors, dtype, path).to(place, dtype)
        for name, net in nets.items():
            checkpoint.load_module(name, net, tensors, str(path))
            net.eval().requires_grad_(False)
        privacy = json.loads(header.get("privacy", "{}"))
        average = dict(json.loads(header.get("average", "{}")))
        return Bundle(recipe, spec, nets, int(header["samples"]), place, privacy, average, path=str(path))


def generators(recipe: Recipe, spec: Spec, tensors: Mapping[str, Tensor], dtype: torch.dtype, path: Path | str) -> Nets:
    """Newly built generators, if their size is plausible for the tensors in the file.

    Raises:
        UserError: the nets of the recipe are much larger than the weights in the file. They are not built.
    """
    held = sum(tensor.numel() * tensor.element_size() for tensor in tensors.values())
    allowance = Allowance(2 * held + SPARE, 4 * len(tensors) + SPARE_TENSORS)
    try:
        with building(dtype), WithoutWeights(), allowance:
            players = recipe.task.players(spec.for_nets)
    except Exceeded:
        raise UserError(
            f"{path}: the nets in its recipe are much larger than the {held:,} bytes of weights in the file. "
            "They were not built",
            code="model.weights_do_not_fit",
        ) from None
    return Nets({name: players[name] for name in recipe.task.generators()})
