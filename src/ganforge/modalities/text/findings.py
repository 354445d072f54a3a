"""What is wrong with generated texts, if something is."""

from __future__ import annotations

from collections.abc import Iterator

from ganforge.core.language import phrase
from ganforge.evaluation.report.content import Finding
from ganforge.evaluation.report.evidence import Evidence

BEHIND, AHEAD = -0.02, 0.02  # of BLEU-4, beyond what two samples of one model differ by
COPIED = 0.01  # share of copies beyond that of unseen texts
ALIKE = 0.1  # of self-BLEU beyond that of real texts
REVERSE = 1.3  # times the reverse perplexity of as many real texts
REPEATED = 0.7  # share of distinct texts
UNCHANGED = 0.15  # of the classifier's accuracy, by which rewritten texts may have the class asked for less often
LOST = 0.1  # of BLEU-4 beyond that of two texts that have nothing to do with each other


def not_begun(evidence: Evidence) -> Iterator[Finding]:
    ticks = [event for event in evidence.events if event.get("event") == "tick"]
    if any("loss/AE" in tick for tick in ticks) and not any("loss/G" in tick for tick in ticks):
        yield Finding(
            "bad",
            phrase("the GAN has not begun"),
            phrase(
                "Training ended while the autoencoder still learned: the samples come from a generator that never did."
            ),
            phrase("Train longer (--resume), or begin earlier: task.autoencoder=20k."),
        )


def baseline(evidence: Evidence) -> Iterator[Finding]:
    gap = evidence.value("text_bleu_gap")
    if gap is None:
        return
    if gap < BEHIND:
        yield Finding(
            "warn",
            phrase("a language model is better"),
            phrase(
                "At the same diversity (self-BLEU) a small language model reaches {gap:.3f} more BLEU-4, an n-gram "
                "model {counted:.3f} more.",
                gap=-gap,
                counted=-evidence.detail_of("text_bleu_gap").get("n_gram", gap),
            ),
            phrase("Train longer, or use the recipe lm with a temperature; the curves show where each is better."),
        )
    elif gap > AHEAD:
        yield Finding(
            "good",
            phrase("better than a language model"),
            phrase(
                "At the same diversity (self-BLEU) the texts have {gap:.3f} more BLEU-4 than those of a small language "
                "model.",
                gap=gap,
            ),
        )  # fmt: skip


def alike(evidence: Evidence) -> Iterator[Finding]:
    own, real = evidence.value("text_self_bleu"), evidence.detail_of("text_self_bleu").get("floor")
    distinct = evidence.value("text_distinct")
    collapsed = distinct is not None and distinct < REPEATED
    if collapsed or (own is not None and real is not None and own > real + ALIKE):
        detail = evidence.detail_of("text_distinct")
        yield Finding(
            "bad" if collapsed else "warn",
            phrase("the texts are too much alike"),
            phrase(
                "Self-BLEU-4 is {own:.3f}, of real texts {real:.3f}; {distinct:.0%} of the texts occur once, and the "
                "most frequent one occurs {times:,} times.",
                own=own or 0.0, real=real or 0.0, distinct=1.0 if distinct is None else distinct,
                times=detail.get("times", 1),
            ),
            phrase("A higher temperature; train longer; more texts."),
        )  # fmt: skip


def missing(evidence: Evidence) -> Iterator[Finding]:
    reverse, floor = evidence.value("reverse_perplexity"), evidence.detail_of("reverse_perplexity").get("floor")
    if reverse is not None and floor and reverse > REVERSE * floor:
        yield Finding(
            "warn",
            phrase("parts of the real texts are missing"),
            phrase(
                "A language model trained on the generated texts has a perplexity of {reverse:.4g} on unseen real "
                "ones; trained on as many real texts {floor:.4g}.",
                reverse=reverse, floor=floor,
            ),
            phrase("Train longer; a higher temperature."),
        )  # fmt: skip


def copies(evidence: Evidence) -> Iterator[Finding]:
    value = evidence.value("text_copies")
    chance = evidence.detail_of("text_copies").get("of_heldout", 0.0)
    if value is not None and value > chance + COPIED:
        yield Finding(
            "bad",
            phrase("training texts are repeated"),
            phrase(
                "{value:.1%} of the generated texts are training texts, word for word; of unseen real texts "
                "{chance:.1%}.",
                value=value, chance=chance,
            ),
            phrase("More texts; a higher temperature; less training. If they are private, do not share the model."),
        )  # fmt: skip


def style(evidence: Evidence) -> Iterator[Finding]:
    value, accuracy = evidence.value("text_as_asked"), evidence.detail_of("text_as_asked").get("floor", 0.0)
    if value is not None and value < accuracy - UNCHANGED:
        yield Finding(
            "warn",
            phrase("many texts do not have the class asked for"),
            phrase(
                "A classifier takes {value:.0%} of the rewritten texts for the class asked for; of unseen real texts "
                "it knows {accuracy:.0%}.",
                value=value, accuracy=accuracy,
            ),
            phrase("Train longer, or raise task.adversarial."),
        )  # fmt: skip


def content(evidence: Evidence) -> Iterator[Finding]:
    value, chance = evidence.value("text_kept"), evidence.detail_of("text_kept").get("chance", 0.0)
    if value is not None and value < chance + LOST:
        yield Finding(
            "bad",
            phrase("rewritten texts say something else"),
            phrase(
                "They share hardly more with their source (BLEU-4 {value:.3f}) than with that of another text "
                "({chance:.3f}).",
                value=value, chance=chance,
            ),
            phrase("Train longer, lower task.adversarial, or use shorter texts."),
        )  # fmt: skip


RULES = (not_begun, baseline, alike, missing, copies, style, content)
