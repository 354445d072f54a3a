"""Trained translators as users have them, for samples of any size: what `Task.user_translator` returns.

Each is a `UserTranslator`; what else it can do is said by the protocols that it implements besides.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

from ganforge.core.conditions import Conditions


class UserTranslator(Protocol):
    """A trained translator, as returned by `Task.user_translator`."""

    def translated(self, source: Any, mask: Any = None) -> Any:
        """Translates one sample, given as decoded data or as a file.

        Args:
            mask: the part of the sample to fill in, in the same form; for inpainting models.

        Raises:
            UserError: the sample is of another kind than the training data, or a required mask is missing.
        """
        ...


@runtime_checkable
class TranslatesFiles(Protocol):
    """A trained translator that goes through files by itself, for samples that are no images."""

    def translate_files(self, inputs: Path, out: Path, *, ending: str | None, skip: bool, force: bool) -> str:
        """Translates a file, or all files of a folder or a zip.

        Args:
            ending: of the outputs, where they lie in a folder; None: the usual one.
            skip: leave out what has an output already. force: replace outputs that exist.

        Returns:
            What to say of it.

        Raises:
            UserError: nothing to do, or outputs that cannot be written.
            PartlyDone: some could not be translated; the others are.
        """
        ...


@runtime_checkable
class TranslatesFile(Protocol):
    """A trained translator that writes what it makes of an image file to a file."""

    def translate_file(self, source: Path, out: Path, mask: Path | None = None) -> None:
        """Translates one file, of which depth, alpha and color profile are kept where the output can hold them.

        Raises:
            UserError: as `translated`, or the output cannot be written.
        """
        ...


@runtime_checkable
class ChangesAttributes(Protocol):
    """A trained translator that is given the attributes which a sample is to have."""

    @property
    def attributes(self) -> Conditions:
        """The attributes that can be asked for."""
        ...

    def ask(self, where: Sequence[str]) -> None:
        """What samples are to have, as `color=blue`.

        Raises:
            UserError: no such attribute or value.
        """
        ...
