"""Metrics of texts notice what is wrong with them: corrupted sets score worse than real ones."""

from __future__ import annotations

import itertools
import math
from collections import Counter
from collections.abc import Sequence

import numpy as np
import pytest

from ganforge.evaluation.report.evidence import Evidence
from ganforge.metrics.base import Comparison, Result, SampleSet
from ganforge.modalities.text import bleu, findings
from ganforge.modalities.text.example import sentences
from ganforge.modalities.text.metrics import sides
from ganforge.modalities.text.metrics.copies import Runs, TextCopies
from ganforge.modalities.text.metrics.curves import TextBleu, at_same
from ganforge.modalities.text.metrics.distance import TextDistance
from ganforge.modalities.text.metrics.form import TextForm, form
from ganforge.modalities.text.metrics.perplexity import TextPerplexity
from ganforge.modalities.text.metrics.verse import TextVerse, ends
from ganforge.modalities.text.model import TokenModel
from ganforge.modalities.text.ngram import NGram

ALL = sentences(700)
TRAIN, UNSEEN, FRESH = ALL[:400], ALL[400:550], ALL[550:]
METRICS = (TextBleu(texts=60, steps=30), TextPerplexity(steps=30), TextDistance(steps=30), TextCopies())


def shuffled(text: str) -> str:
    letters = np.random.default_rng(len(text)).permutation(list(text))
    return "".join(letters)


SETS = {
    "real": FRESH,
    "shuffled": [shuffled(text) for text in FRESH],
    "one line": FRESH[:1] * 150,
    "copies": TRAIN[:150],
}


def side(texts: list[str], name: str) -> SampleSet:
    return SampleSet.of(np.array(texts), name=name)


@pytest.fixture(scope="module")
def found() -> dict[str, dict[str, Result]]:
    """Of each set: results by their stems. Models of the same texts are trained once."""
    results, models = {}, {}

    def once(comparison: Comparison, texts: Sequence[bleu.Words], steps: int) -> TokenModel:
        case = (tuple(texts), steps)
        if case not in models:
            models[case] = train(comparison, texts, steps)
        return models[case]

    with pytest.MonkeyPatch.context() as patch:
        train = sides.model_of
        patch.setattr(sides, "model_of", once)
        for name, texts in SETS.items():
            real = side(TRAIN, "real")
            comparison = Comparison(real, side(texts, name), train=real, heldout=side(UNSEEN, "unseen"))
            metrics = METRICS if name == "real" else METRICS[1:]
            results[name] = {r.name.split("[")[0]: r for metric in metrics for r in metric.compute(comparison)}
    return results


def values(found: dict[str, dict[str, Result]], stem: str) -> dict[str, float]:
    return {name: results[stem].value for name, results in found.items()}


@pytest.mark.slow
def test_shuffled_characters_are_noticed(found):
    for stem in ("forward_perplexity", "reverse_perplexity", "text_fd"):
        scores = values(found, stem)
        assert scores["shuffled"] > 2 * scores["real"], stem


@pytest.mark.slow
def test_one_repeated_line_is_noticed(found):
    assert values(found, "reverse_perplexity")["one line"] > 3 * values(found, "reverse_perplexity")["real"]
    assert values(found, "text_fd")["one line"] > 3 * values(found, "text_fd")["real"]
    assert values(found, "text_distinct")["one line"] == 0
    assert values(found, "text_distinct")["real"] == 1
    assert found["one line"]["text_distinct"].detail["times"] == 150


@pytest.mark.slow
def test_copies_are_noticed(found):
    copies, runs = values(found, "text_copies"), values(found, "copied_run")
    assert copies["copies"] == 1
    assert copies["real"] == 0
    assert runs["copies"] == 1 > runs["real"] + 0.2


@pytest.mark.slow
def test_real_texts_are_near_their_floors(found):
    assert found["real"]["text_fd"].value < 2 * found["real"]["text_fd"].detail["floor"]
    reverse = found["real"]["reverse_perplexity"]
    assert reverse.value < 1.3 * reverse.detail["floor"]


@pytest.mark.slow
def test_curves_of_the_baselines_are_measured_beside(found):
    detail = found["real"]["text_bleu"].detail
    assert set(detail["curves"]) == {"lm", "n-gram"}
    assert "svg" in detail["plots"][0]["drawing"].svg()
    for curve in detail["curves"].values():
        own = [x for _, x, _ in curve]
        assert own[0] > own[-1], "texts at a low temperature repeat each other more"
    assert math.isfinite(found["real"]["text_bleu_gap"].value)


@pytest.mark.slow
def test_a_finding_for_each_fault(found):
    def titles(name: str, gap: float) -> set[str]:
        figures = [result.to_plain() for result in found[name].values() if result.name.split("[")[0] != "text_bleu_gap"]
        figures.append({"name": "text_bleu_gap[60]", "value": gap, "protocol": {}})
        return {finding.title for rule in findings.RULES for finding in rule(Evidence(figures))}

    assert titles("real", 0.0) == set()
    assert titles("real", 0.1) == {"better than a language model"}
    assert titles("real", -0.1) == {"a language model is better"}
    assert titles("shuffled", 0.0) == {"parts of the real texts are missing"}
    assert titles("one line", 0.0) == {"the texts are too much alike", "parts of the real texts are missing"}
    assert titles("copies", 0.0) == {"training texts are repeated"}


# --- BLEU


def by_hand(text: bleu.Words, references: list[bleu.Words], n: int) -> float:
    """BLEU-n straight from its definition."""
    logs = 0.0
    for k in range(1, n + 1):
        own = bleu.grams(text, k)
        most: Counter[bleu.Words] = Counter()
        for reference in references:
            most |= bleu.grams(reference, k)
        matched = sum(min(count, most[gram]) for gram, count in own.items())
        logs += math.log((matched or 0.1) / max(1, sum(own.values()))) / n
    near = min((abs(len(r) - len(text)), len(r)) for r in references)[1]
    return (1.0 if len(text) >= near else math.exp(1 - near / len(text))) * math.exp(logs)


def test_bleu_is_that_of_its_definition():
    texts = [bleu.words(text) for text in (*FRESH[:20], "a a a cat", "one", "the red cat sees the cat")]
    references = [bleu.words(text) for text in (*TRAIN[:30], "a cat a cat")]
    table = bleu.References(references, 4)
    assert [table.score(text) for text in texts] == pytest.approx([by_hand(text, references, 4) for text in texts])
    assert bleu.bleu(references[:5], table) == pytest.approx(1.0)


def test_self_bleu_leaves_each_text_out_once():
    texts = [bleu.words(text) for text in (*FRESH[:12], FRESH[0], "one", "a a a")]
    others = [by_hand(text, texts[:k] + texts[k + 1 :], 4) for k, text in enumerate(texts)]
    assert bleu.self_bleu(texts, 4) == pytest.approx(sum(others) / len(others))


def test_words_are_characters_of_chinese_and_runs_of_others():
    assert bleu.words("春眠, don't café!") == ("春", "眠", ",", "don", "'", "t", "café", "!")


def test_a_curve_is_read_between_its_points():
    curve = [(0.5, 0.8, 0.6), (1.0, 0.4, 0.3)]
    assert at_same(0.6, curve) == pytest.approx(0.45)
    assert (at_same(0.1, curve), at_same(0.9, curve)) == (0.3, 0.6)


def test_verse_that_breaks_its_form_is_noticed():
    lines = ["床前明月光，疑是地上霜。举头望明月，低头思故乡。", "春眠不觉晓，处处闻啼鸟。夜来风雨声，花落知多少。"]
    broken = [line.replace("明", "").replace("处", "") for line in lines]
    real, whole, other = (side(texts * 30, "poems") for texts in (lines, lines[::-1], broken))
    (kept,), (lost,) = (TextForm().compute(Comparison(real, fake)) for fake in (whole, other))
    assert (kept.value, lost.value) == (1.0, 0.0)
    assert kept.detail["most_often"] == "5，5。5，5。"
    assert form(bleu.words("a cat, a dog")) == "2,2"


# --- the n-gram model and copied runs


def test_rhymes_and_tones_are_noticed():
    pytest.importorskip("pypinyin")
    rhymed = "千山鸟飞绝，万径人踪灭。孤舟蓑笠翁，独钓寒江雪。".replace("雪", "铁")  # miè and tiě
    level = "移舟泊烟渚，日暮客愁新。野旷天低树，江清月近人。"  # xīn and rén are of two finals
    level = level.replace("人", "亲")  # xīn and qīn
    neither = level.replace("新", "日")
    metric = TextVerse()

    def values_of(texts: list[str]) -> dict[str, float]:
        comparison = Comparison(side([level, rhymed] * 20, "real"), side(texts, "fake"), None, seed=0)
        return {r.name.partition("[")[0]: r.value for r in metric.compute(comparison)}

    assert values_of([level] * 20 + [rhymed] * 20) == {"text_rhyme": 1.0, "text_level": 0.5}
    assert values_of([neither] * 40) == {"text_rhyme": 0.0, "text_level": 0.5}
    assert values_of([level] * 20 + ["床前明月光"] * 20)["text_rhyme"] == 0.5, "what is no poem does not rhyme"
    assert ends([tuple("一行，乐，三行，觉。")])[0] == (("e", "4"), ("ve", "2"))
    assert ends([tuple("一行，a，三行，9。")])[0] == (("a", ""), ("9", ""))


def test_an_ngram_model_makes_runs_of_its_texts():
    texts = [bleu.words(text) for text in TRAIN]
    model = NGram(texts, 3)
    p = model.next((model.words.index("the"), model.words.index("red")))
    assert p.sum() == pytest.approx(1.0)
    draws = np.random.default_rng(0)
    made = model.draw(200, 0.2, draws)
    known = {pair for text in texts for pair in itertools.pairwise(text)}
    pairs = [pair for text in made for pair in itertools.pairwise(text)]
    assert sum(pair in known for pair in pairs) > 0.95 * len(pairs)
    assert len({*made}) < len({*model.draw(200, 1.5, draws)})


def test_the_longest_run_is_found():
    runs = Runs([bleu.words("a b c d e"), bleu.words("x y b c")])
    assert [runs.longest(bleu.words(text)) for text in ("q b c d z", "x y z", "nothing here", "a b c d e")] == [
        3,
        2,
        0,
        5,
    ]
