"""What a run's weights start from: fresh draws, or a trained model."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import Field

from ganforge.core.component import Component


class Init(Component, family="init"):
    """What the weights start from instead of a random initialization. A bare string is the path of a trained model."""

    freeze: int = Field(default=0, ge=0)
    """Number of D's first layers that stay frozen (FreezeD), counting layers with weights from the input on."""

    @classmethod
    def from_text(cls, text: str) -> Mapping[str, Any]:
        return {"kind": text} if text in cls.kinds else {"kind": "bundle", "path": text}


class FromBundle(Init, kind="bundle"):
    """A trained model of the same nets: a run directory (all players), or a `model.safetensors` (the generators)."""

    path: str
    """The run directory or the file."""
