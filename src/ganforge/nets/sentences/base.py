"""Base class of text encoders: the tokens of a sentence → a vector of the sentence and one of each word.

N sentences, T tokens, E width.  k int64 [N, T] numbers of tokens, 0 where there is none (`core.text_condition`).
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from pydantic import Field
from torch import Tensor, nn

from ganforge.core.component import Component
from ganforge.core.text_condition import Text
from ganforge.core.types import Spec


class Encoded(NamedTuple):
    """Sentences as nets see them."""

    sentence: Tensor
    """[N, E]"""
    words: Tensor
    """[N, T, E]"""
    there: Tensor
    """bool [N, T]: where there is a word; at least one place of each sentence is true."""


class SentenceEncoder(Component, family="sentence_encoder"):
    """Encodes sentences: the module takes k int64 [N, T] and returns `Encoded`."""

    width: int = Field(default=128, ge=1)
    """E, the length of the vectors of sentences and words."""

    def adapt(self, spec: Spec) -> Spec:
        """The spec with what this encoder must know to be built again without its files.

        Raises:
            UserError: its files are missing, or are something else.
        """
        return spec

    def build(self, text: Text, spec: Spec) -> nn.Module:
        """A newly initialized module for the sentences of a condition; uses torch's global random generator."""
        raise NotImplementedError


def places(k: Tensor) -> Tensor:
    """Where there is a word, bool [N, T]; the first place of a sentence without words counts as one, so that attention
    and means are defined."""
    first = torch.arange(k.shape[1], device=k.device) == 0
    return (k > 0) | first
