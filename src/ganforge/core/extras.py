"""Packages that only a part of the users needs: which extra brings each."""

from __future__ import annotations

import importlib.util

from ganforge.core.errors import MissingExtra

EXTRAS = {
    "pandas": ("pandas", "tables"),
    "pyarrow": ("pyarrow", "tables"),
    "sklearn": ("scikit-learn", "tables"),
    "soundfile": ("soundfile", "sound"),
    "scipy": ("scipy", "sound"),
    "networkx": ("networkx", "graph"),
    "tokenizers": ("tokenizers", "text"),
    "jieba": ("jieba", "text"),
    "pypinyin": ("pypinyin", "text"),
    "opacus": ("opacus", "privacy"),
    "imageio": ("imageio", "video"),
    "imageio_ffmpeg": ("imageio-ffmpeg", "video"),
    "rdkit": ("rdkit", "molecules"),
    "selfies": ("selfies", "molecules"),
    "fcd": ("fcd", "chemnet"),
    "datasets": ("datasets", "hub"),
    "transformers": ("transformers", "metrics"),
    "tensorboard": ("tensorboard", "tensorboard"),
    "wandb": ("wandb", "wandb"),
    "starlette": ("starlette", "studio"),
    "uvicorn": ("uvicorn", "studio"),
    "python_multipart": ("python-multipart", "studio"),
}
"""What is imported → the package that holds it, and the extra that brings it."""


def need(module: str, purpose: str) -> None:
    """To be called where a part of ganforge that needs an optional package is entered.

    Args:
        purpose: what needs it, as the start of a sentence: "a table".

    Raises:
        MissingExtra: it is not installed.
    """
    if importlib.util.find_spec(module) is None:
        raise MissingExtra(*EXTRAS[module], purpose)


def missing(error: ImportError) -> MissingExtra | None:
    """What a failed import of an optional package asks the user for; None of any other import."""
    module = (error.name or "").partition(".")[0]
    return MissingExtra(*EXTRAS[module], "this") if module in EXTRAS else None
