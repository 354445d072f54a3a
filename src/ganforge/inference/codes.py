"""Saved points of a model's latent space, and directions in it: JSON files that belong to the weights of one model.

    z [N, L]           latents: what the generator is given
    w [N, layers, K]   styles: what each of its layers is given, in models that have them (`Task.styles`)

N: points, L: dimension of the latents, K: dimension of a style.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from ganforge.artifacts.bundle import Bundle
from ganforge.core.errors import UserError
from ganforge.core.files import atomic_file, output_to
from ganforge.core.types import Request
from ganforge.recipes.sampling import labeled

FORMAT = 1


def digest_of(bundle: Bundle) -> str:
    """A short hash of the weights of a model's nets: the same for its run directory and for a copy of its file."""
    found = hashlib.sha256()
    for name, net in bundle.nets.items():
        for key, value in net.state_dict().items():
            found.update(f"{name}.{key}{tuple(value.shape)}".encode())
            found.update(value.detach().float().cpu().contiguous().numpy().tobytes())
    return found.hexdigest()[:16]


@dataclass(frozen=True)
class Codes:
    """Points of the latent space of a model.

    Attributes:
        model: hash of its weights (`digest_of`).
        values: float, z [N, L] or w [N, layers, K].
        labels: what each is a sample of, int64 [N], or conditions float [N, K]; None without either.
    """

    model: str
    values: Tensor
    labels: Tensor | None = None

    def __len__(self) -> int:
        return len(self.values)

    @property
    def space(self) -> str:
        """z or w."""
        return "z" if self.values.ndim == 2 else "w"

    def placed(self, request: Request) -> Request:
        """The request with these points, in turn, in place of seeded latents."""
        return at_points(request, self.values[torch.arange(request.start, request.start + request.n) % len(self)])

    def to_plain(self) -> dict[str, Any]:
        labels = None if self.labels is None else self.labels.tolist()
        return {"space": self.space, "labels": labels, "values": self.values.tolist()}


def at_points(request: Request, points: Tensor) -> Request:
    """The request with these points of the latent space, z [n, L] or w [n, layers, K], in place of seeded latents."""
    return replace(request, latents=points) if points.ndim == 2 else replace(request, styles=points)


def save_codes(path: Path, codes: Codes) -> None:
    """Writes points of a latent space.

    Raises:
        UserError: the file cannot be written.
    """
    write_document(path, "latents", codes.model, codes.to_plain())


def load_codes(path: Path | str, bundle: Bundle) -> Codes:
    """Points of the latent space of this model that were saved before.

    Raises:
        UserError: no such file, not one of latents, or one of another model.
    """
    path = Path(path)
    plain = read_document(path, "latents", bundle)
    with file_errors(path):
        values = torch.tensor(plain["values"], dtype=torch.float32)
        labels = None if plain["labels"] is None else torch.tensor(plain["labels"])
        wanted = bundle.recipe.task.latents(Request(1)).shape[1:] if plain["space"] == "z" else styles_of(bundle)
        fits = values.ndim >= 2 and values.shape[1:] == wanted and len(values) >= 1
        if not fits or not values.isfinite().all() or (labels is not None and len(labels) != len(values)):
            raise ValueError(f"values of shape {list(values.shape)}")
    return Codes(plain["model"], values, labels)


@torch.inference_mode()
def styles_of(bundle: Bundle) -> torch.Size | None:
    """The shape (layers, K) of the styles of a sample; None of a model without."""
    request = labeled(Request(1, device=bundle.device, dtype=bundle.dtype), bundle.spec)
    found = bundle.recipe.task.styles(bundle.nets, request)
    return None if found is None else found.shape[1:]


def write_document(path: Path, what: str, model: str, content: Mapping[str, Any]) -> None:
    """Writes a JSON file of latents or directions; a file of that name is replaced.

    Raises:
        UserError: the file cannot be written.
    """
    head = {"ganforge": what, "format": FORMAT, "model": model}
    text = json.dumps(head | dict(content), ensure_ascii=False, allow_nan=False)
    with output_to(path), atomic_file(path) as file:
        file.write_text(text + "\n", encoding="utf-8")


def read_document(path: Path, what: str, bundle: Bundle) -> dict[str, Any]:
    """The content of a JSON file of latents or directions of this model.

    Raises:
        UserError: no such file, another kind of file, or one of another model.
    """
    try:
        plain = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise UserError(f"{path}: cannot be read ({error.strerror or error})", code="latents.not_found") from None
    except ValueError:
        plain = None
    if not isinstance(plain, dict) or plain.get("ganforge") != what or plain.get("format") != FORMAT:
        raise UserError(
            f"{path}: not a file of {what} that this version reads; `ganforge explore directions` writes directions, "
            "and `ganforge project` latents",
            code="latents.other_file",
        )
    if plain.get("model") != digest_of(bundle):
        raise UserError(
            f"{path}: these {what} belong to the weights of another model, in which they have no meaning. Compute them "
            f"for this one ({bundle.path}); training that goes on changes the weights, too",
            code="latents.other_model",
        )
    return plain


@contextlib.contextmanager
def file_errors(path: Path) -> Iterator[None]:
    """The context for reading the content of a file that a user may have edited.

    Raises:
        UserError: in place of the errors of missing or wrong entries.
    """
    try:
        yield
    except (KeyError, ValueError, TypeError, IndexError, RuntimeError) as error:
        raise UserError(
            f"{path}: its content is damaged ({type(error).__name__}: {str(error)[:100]})", code="latents.damaged"
        ) from None
