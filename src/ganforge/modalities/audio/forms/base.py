"""The form in which nets see sounds: the waveform itself, or spectra that can be turned into sound again.

x [N, C, T] waveforms in [-1, 1]; what the nets see is [N, *shape(C, T)].
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from torch import Tensor

from ganforge.core.component import Component


class Form(Component, family="sound_form"):
    """What nets see of a sound."""

    @property
    def statistics(self) -> str:
        """What it measures of the data; empty for nothing."""
        return ""

    def shape(self, channels: int, length: int) -> tuple[int, ...]:
        """Of what nets see of a clip of `length` samples."""
        raise NotImplementedError

    def measure(self, x: Tensor, rate: int) -> dict[str, Any]:
        """What encoding needs to know of the data, by some of its clips [N, C, T]; JSON."""
        return {}

    def encode(self, x: Tensor, known: Mapping[str, Any]) -> Tensor:
        """Waveforms as the nets see them.

        Args:
            known: what `measure` returned, and the `rate`.
        """
        raise NotImplementedError

    def decode(self, x: Tensor, known: Mapping[str, Any]) -> Tensor:
        """What nets made as waveforms [N, C, T]."""
        raise NotImplementedError


class Waveform(Form, kind="waveform"):
    """The samples themselves."""

    def shape(self, channels: int, length: int) -> tuple[int, ...]:
        return channels, length

    def encode(self, x: Tensor, known: Mapping[str, Any]) -> Tensor:
        return x

    def decode(self, x: Tensor, known: Mapping[str, Any]) -> Tensor:
        return x
