"""Texts become tokens and bits, and the same texts again."""

from __future__ import annotations

import sys

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from ganforge.modalities.text import pieces, tokens
from ganforge.modalities.text.choose import tokenizer_for
from ganforge.modalities.text.reading import normalized
from ganforge.modalities.text.signal import Text
from ganforge.modalities.text.text_set import TextSet
from refused import refused

ANY = st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=40)
TEXTS = st.lists(ANY.map(normalized).filter(bool), min_size=1, max_size=8)
TOKENIZERS = ("characters", "words", "bytes", "bpe", "jieba")
PACKAGES = {"bpe": "tokenizers", "jieba": "jieba"}


@pytest.mark.parametrize("tokenizer", TOKENIZERS)
@settings(deadline=None, max_examples=50)  # jieba reads its dictionary the first time
@given(texts=TEXTS)
def test_decoding_gives_back_what_was_encoded(tokenizer, texts):
    if tokenizer in PACKAGES:
        pytest.importorskip(PACKAGES[tokenizer])
    signal = Text(tokenizer=tokenizer, length=512)
    dataset = TextSet("texts", texts)
    spec = signal.spec(dataset, lambda shape: shape)
    stored = torch.from_numpy(signal.prepare_all(dataset, spec))
    batch = signal.batch(stored, None, spec, rng=None)  # type: ignore[arg-type]  # nothing is drawn
    assert tuple(batch.x.shape) == (len(texts), *spec.shape)
    assert signal.decode(batch.x, spec).tolist() == texts
    assert [signal.prepare(dataset.read(k), spec).tolist() for k in range(len(texts))] == stored.tolist()


@given(numbers=st.lists(st.lists(st.integers(0, 999), min_size=3, max_size=3), min_size=1, max_size=5))
def test_bits_are_tokens(numbers):
    given = torch.tensor(numbers)
    x = tokens.to_bits(given, tokens.bits(1_000))
    assert set(x.unique().tolist()) <= {-1.0, 1.0}
    assert tokens.to_numbers(x, 1_000).tolist() == numbers
    assert tokens.to_numbers(0.01 * x, 500).tolist() == [
        [n if n < 500 else tokens.UNKNOWN for n in row] for row in numbers
    ]


def test_frequent_words_are_tokens_and_all_others_are_spelled():
    texts = ["the cat sees the dog", "the dog sees a bird"]
    few = tokens.Codec({"tokenizer": "words", "tokens": tokens.vocabulary(texts, "words", 17)})
    assert " sees" in few.tokens
    assert " bird" not in few.tokens
    assert few.decode(few.encode("the bird sees")) == "the bird sees"
    assert few.encode("Zzz") == [tokens.UNKNOWN] * 3
    assert few.decode(few.encode("Zzz")) == "\ufffd" * 3


def test_rare_characters_are_counted(notices):
    texts = ["abcdefghijklmno" * 9, "xyz"]
    spec = Text(tokenizer="characters", vocabulary=17).spec(TextSet("t", texts), lambda shape: shape)
    assert spec.state["unknown"] == 3
    assert "3 of 138 characters are rare" in notices.text


def test_tokens_suit_the_language():
    assert tokenizer_for(["a man rides a horse."] * 9) == "words"
    assert tokenizer_for(["床前明月光，疑是地上霜。"] * 9) == "characters"
    assert tokenizer_for(["Novak", "Van Dyk"]) == "characters"


def test_pairs_become_tokens_and_any_text_can_be_encoded():
    pytest.importorskip("tokenizers")
    texts = ["the cat sees the dog", "the dog sees a bird"] * 20
    spec = Text(tokenizer="bpe", vocabulary=300).spec(TextSet("t", texts), lambda shape: shape)
    codec = tokens.Codec(spec.state)
    assert spec.state["unknown"] == 0
    assert len(codec.encode(texts[0])) < 8
    assert codec.decode(codec.encode("春眠 Zebra 👩‍👧")) == "春眠 Zebra 👩‍👧"
    assert sorted(pieces.byte_of().values()) == list(range(256))
    with refused("text.vocabulary_too_small", "258"):
        Text(tokenizer="bpe", vocabulary=100).spec(TextSet("t", texts), lambda shape: shape)


def test_a_model_with_pairs_decodes_without_their_package(monkeypatch):
    pytest.importorskip("tokenizers")
    state = Text(tokenizer="bpe", vocabulary=300).spec(TextSet("t", ["one two"] * 9), lambda shape: shape).state
    numbers = tokens.Codec(state).encode("two one")
    monkeypatch.setitem(sys.modules, "tokenizers", None)
    assert tokens.Codec(state).decode(numbers) == "two one"
    with refused("extra.text", "tokenizers"):
        tokens.Codec(state).encode("two")


def test_chinese_words_are_tokens():
    pytest.importorskip("jieba")
    codec = tokens.Codec(tokens.learned(["我们喜欢北京", "北京的冬天"] * 5, "jieba", 99))
    assert len(codec.encode("我们喜欢北京")) == 3
    assert codec.decode(codec.encode("冬天的我们")) == "冬天的我们"
