"""Which recipe and which tokens for texts, where nobody names them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ganforge.core.choice import Choice, Machine
from ganforge.core.dataset import Dataset
from ganforge.core.errors import UserError
from ganforge.modalities.text import tokens
from ganforge.modalities.text.reading import IDEOGRAPH
from ganforge.modalities.text.text_set import TextSet
from ganforge.modalities.text.tokens import Tokenizer

FEWEST = 32
USUAL_BATCH = 32
PER_LABEL = 20
PROBED = 1_000
SENTENCES = 4.0  # words of a text, on average, from which on tokens are words
SHARE, MORE, MOST_SHARE = 0.4, 0.04, 0.7  # of two minutes, for the autoencoder; more for each further one; at most
USUAL_AE, MOST_AE, PASSES = 300_000, 600_000, 30  # samples: usual, at most, and passes over many texts, in a long time


def tokenizer_for(texts: Sequence[str]) -> Tokenizer:
    """Characters for scripts without spaces and for names, else words."""
    some = texts[:: max(1, len(texts) // PROBED)]
    letters = sum(map(len, some))
    if sum(len(IDEOGRAPH.findall(text)) for text in some) > 0.2 * letters:
        return "characters"
    return "words" if np.mean([len(text.split()) for text in some]) >= SENTENCES else "characters"


def choose(dataset: Dataset, machine: Machine) -> Choice:
    """The recipe for texts.

    Raises:
        UserError: too few of them.
    """
    assert isinstance(dataset, TextSet)
    if len(dataset) < FEWEST:
        raise UserError(
            f"data {dataset.name}: {len(dataset)} texts are too few to learn from; at least {FEWEST} are needed. A "
            "text is a line by default; of one long document: data.kind=texts data.path=FILE data.unit=sentence",
            code="text.too_few",
        )
    kind = tokenizer_for(dataset.texts)
    many = len(dataset.classes)
    labeled = many > 1 and len(dataset) >= PER_LABEL * many
    fields = [f"task.conditional={'true' if labeled else 'false'}"]
    why = f"{many} labels" if labeled else f"fewer than {PER_LABEL} texts a label" if many > 1 else "no labels"
    reasons = ["text-latent-small: an autoencoder of texts, and a GAN on its latents", f"{fields[0]}: {why}"]
    if len(dataset) < 2 * USUAL_BATCH:
        fields.append(f"batch={max(8, len(dataset) // 2)}")
        reasons.append(f"{fields[-1]}: its usual {USUAL_BATCH} would be most of {len(dataset)} texts")
    if machine.minutes is not None and machine.device == "cpu":
        speed = samples_per_second(dataset.texts, kind, machine.cores)
        share = min(MOST_SHARE, SHARE + MORE * max(0.0, machine.minutes - 2))
        most = min(MOST_AE, max(USUAL_AE, PASSES * len(dataset)))
        first = min(most, max(USUAL_BATCH, int(share * 60 * machine.minutes * speed) // 1_000 * 1_000))
        if first != USUAL_AE:
            fields += [f"task.autoencoder={first}", f"optimizers.E.lr.over={first}", f"optimizers.R.lr.over={first}"]
            enough = f"{first / len(dataset):.0f} passes over the texts"
            why = f"about {share:.0%} of the time" if first < most else enough
            reasons.append(f"task.autoencoder={first}: {why}; the GAN gets the rest")
    facts = f"{len(dataset):,} texts, tokens are {kind}; {machine}"
    return Choice(facts, "text-latent-small", tuple(fields), tuple(reasons))


def samples_per_second(texts: Sequence[str], kind: Tokenizer, cores: int) -> float:
    """About how many texts a second the autoencoder of text-latent-small is trained on, on a CPU."""
    some = list(texts[:: max(1, len(texts) // PROBED)])
    codec = tokens.Codec({"tokenizer": kind, "tokens": tokens.vocabulary(texts, kind, 4_094)})
    lengths = np.array([min(128, 1 + len(codec.encode(text))) for text in some])
    longest = float(np.quantile(lengths, 1 - 1 / USUAL_BATCH))  # of a batch: recurrent layers run up to there
    recurrent, last = 3.2e6, 6 * 128 * (len(codec.tokens) + 2 + 256)  # FLOP a token, forwards and back
    return SPEED * cores**0.7 / (longest * recurrent + float(lengths.mean()) * last)


SPEED = 55e9  # FLOP a second of one core in these nets, measured
