"""Initial weights of a run: random, or those of a trained model."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import Field

from ganforge.core.component import Component


class Init(Component, family="init"):
    """Initial weights in place of a random initialization. A bare string is the path of a trained model."""

    freeze: int = Field(default=0, ge=0)
    """Freeze this many layers of D (FreezeD): layers with weights, counted from the input."""

    @classmethod
    def from_text(cls, text: str) -> Mapping[str, Any]:
        return {"kind": text} if text in cls.kinds else {"kind": "bundle", "path": text}


class FromBundle(Init, kind="bundle"):
    """A trained model with the same nets: a run directory (weights of all nets), or a `model.safetensors` (generators
    only)."""

    path: str
    """Path of the run directory or file."""
