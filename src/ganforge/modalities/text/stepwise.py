"""Nets that draw a text token by token: what they share, whatever is inside.

A subclass says what it thinks of the next token (`step`); drawing, going on from a state and likelihoods are here.

N: texts, T: tokens, V: vocabulary.  tokens int64 [N, T], logits [N, V], uniform [N, T] in [0, 1).
"""

from __future__ import annotations

from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from ganforge.core.types import wide
from ganforge.modalities.text.tokens import END, UNKNOWN

NEVER = -1e9  # logit of a token that must not be drawn


class Stepwise(nn.Module):
    """A distribution of texts of up to T tokens, one token after the other.

    Args:
        vocabulary, steps: V, T.

    Attributes:
        texts_axis: axis of the texts in each tensor of a state; None: texts that have ended are computed with the
            others.
    """

    texts_axis: ClassVar[int | None] = None

    def __init__(self, vocabulary: int, steps: int):
        super().__init__()
        self.vocabulary, self.steps = vocabulary, steps

    def begin(self, condition: Tensor | None) -> Any:
        """The state before the first token; None for the usual one."""
        return None

    def step(self, token: Tensor, state: Any, here: Tensor | None = None, c: Tensor | None = None) -> Any:
        """The logits [N, V] of the next token, and the next state.

        Args:
            token: the token before, [N, 1]; `END` at the start.
            here: the condition of this step, [N, C, 1]. c: labels.
        """
        raise NotImplementedError

    def all_logits(self, tokens: Tensor) -> Tensor:
        """The logits [N, T, V] of each token, given those before it."""
        state, found = None, []
        before = torch.cat([torch.full_like(tokens[:, :1], END), tokens[:, :-1]], 1)
        for t in range(tokens.shape[1]):
            logits, state = self.step(before[:, t : t + 1], state)
            found.append(logits)
        return torch.stack(found, 1)

    def log_p(self, tokens: Tensor, drawn: bool = False) -> Tensor:
        """log p of each token given those before it, [N, T]; 0 after the end.

        Args:
            drawn: of texts as they are drawn, which hold no unknown token and are not empty.
        """
        return self.picked(wide(self.all_logits(tokens)), tokens, drawn)

    def picked(self, logits: Tensor, tokens: Tensor, drawn: bool) -> Tensor:
        """log p of tokens by logits [N, T, V]; 0 after the end, [N, T]."""
        if drawn:
            logits = torch.cat([allowed(logits[:, :1], True), allowed(logits[:, 1:], False)], 1)
        found = logits.log_softmax(2).gather(2, tokens[:, :, None])[:, :, 0]
        return found * until_end(tokens)

    def draw(
        self, uniform: Tensor, condition: Tensor | None = None, c: Tensor | None = None, temperature: float = 1.0
    ) -> Tensor:
        """Texts as tokens int64 [N, T], drawn with one uniform number a token.

        The likeliest token comes first, so that 0 takes it; no text is empty.
        """
        begun = torch.full_like(uniform[:, :1], END, dtype=torch.long)
        return self.onward(self.begin(condition), begun, 0, uniform[:, : self.steps], condition, c, temperature)

    def onward(
        self, state: Any, token: Tensor, t: int, uniform: Tensor, condition: Tensor | None = None,
        c: Tensor | None = None, temperature: float = 1.0,
    ) -> Tensor:  # fmt: skip
        """The tokens from step t on, [N, T'], one for each uniform number [N, T'], after `token` [N, 1] and its state.

        A text that has ended stays so. Once a quarter of those that are computed has ended, they are left out.
        """
        ended = (token == END) if t else torch.zeros_like(token, dtype=torch.bool)
        going, found = torch.arange(len(token), device=token.device), torch.full_like(uniform, END, dtype=torch.long)
        for k in range(uniform.shape[1]):
            here = None if condition is None else condition[:, :, t + k : t + k + 1]
            logits, state = self.step(token, state, here, c)
            p = allowed(wide(logits) / temperature, t + k == 0).softmax(1)
            token = torch.where(ended, END, chosen(p, uniform[:, k : k + 1]))
            ended = ended | (token == END)
            found[going, k] = token[:, 0]
            left = (~ended[:, 0]).nonzero()[:, 0]
            if not len(left):
                break
            if self.texts_axis is not None and len(left) <= 0.75 * len(ended):
                going, token, ended, uniform = (one[left] for one in (going, token, ended, uniform))
                condition, c = (None if one is None else one[left] for one in (condition, c))
                states = state if isinstance(state, tuple) else (state,)
                states = tuple(one.index_select(self.texts_axis, left) for one in states)
                state = states if isinstance(state, tuple) else states[0]
        return found


def allowed(logits: Tensor, first: bool) -> Tensor:
    """Logits [..., V] without the unknown token and, of the first token of a text, without its end."""
    never = torch.zeros(logits.shape[-1], dtype=torch.bool, device=logits.device)
    never[UNKNOWN] = True
    never[END] = first
    return logits.masked_fill(never, NEVER)


def chosen(p: Tensor, uniform: Tensor) -> Tensor:
    """Tokens int64 [N, 1] of probabilities [N, V] by uniform numbers [N, 1]: the likeliest first, then in order."""
    most, first = p.max(1, keepdim=True)
    others = p.scatter(1, first, 0.0).cumsum(1)
    rest = torch.searchsorted(others, (uniform - most).clamp_min(0) * (1 - 1e-6), right=True)
    return torch.where(uniform < most, first, rest.clamp_max(p.shape[1] - 1))


def trimmed(tokens: Tensor) -> Tensor:
    """Tokens [N, T] without the columns in which all texts have ended."""
    return tokens[:, : max(1, int(until_end(tokens).sum(1).max()))]


def until_end(tokens: Tensor) -> Tensor:
    """1 for the tokens of a text and the one that ends it, 0 for what follows, [N, T]."""
    ends = (tokens == END).long()
    return ((ends.cumsum(1) - ends) == 0).float()
