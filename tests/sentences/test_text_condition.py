"""Sentences as values of a condition: tokens, numbers, what is not known."""

from __future__ import annotations

import numpy as np
import pytest

from ganforge.core.condition_kinds import Category
from ganforge.core.conditions import Conditions
from ganforge.core.text_condition import Text, joined, tokens_of
from refused import refused

CAPTIONS = ["a red heart", "A blue moon, lit from the left", "黑夜里一个红色的爱心", "the dog's 2nd ball"]
TEXT = Text.of("text", CAPTIONS)


def test_tokens_are_words_and_chinese_characters():
    assert tokens_of("A RED Heart, (small)") == ["a", "red", "heart", "small"]
    assert tokens_of("红色 heart！ｆｕｌｌ") == ["红", "色", "heart", "full"], "full-width letters are letters"
    assert tokens_of("the dog's 2nd") == ["the", "dog's", "2nd"]
    assert tokens_of(" ... ") == []
    assert joined(["红", "色", "heart", "of", "gold"]) == "红色 heart of gold"


def test_numbers_and_back():
    found = TEXT.decode(TEXT.encode([*CAPTIONS, None, "a green heart"]))
    assert found[0] == "a red heart"
    assert found[1] == "a blue moon lit from the left"
    assert found[2] == "黑夜里一个红色的爱心"
    assert found[4] is None
    assert found[5] == "a ? heart", "what the captions lack"
    assert TEXT.length == 10
    assert TEXT.vocabulary[0] == "a", "most frequent first"


def test_a_condition_among_others_survives_json():
    conditions = Conditions((Category("color", ("red", "blue")), TEXT)).with_observed([("red", "a red heart")])
    again = Conditions.from_plain(conditions.to_plain())
    assert again == conditions
    assert again.texts == (TEXT,)
    assert again.besides_texts.names == ("color",)
    vectors = conditions.encode([("blue", "a red heart"), (None, None)])
    assert np.array_equal(
        conditions.numbers_of(again.besides_texts, vectors), again.besides_texts.encode([("blue",), (None,)])
    )


def test_what_cannot_be_asked_for():
    assert TEXT.read("A red, heart") == "a red heart"
    assert TEXT.strange("a green haert") == ["green", "haert"]
    assert TEXT.nearest("haert") == "; did you mean 'heart'?"
    with refused("condition.empty_text", "text"):
        TEXT.read(" ,.")
    with refused("condition.text_too_long", "12", "10"):
        TEXT.read("a " * 12)
    with refused("condition.unknown_words", "did you mean 'moon'"):
        TEXT.read("mooon")


@pytest.mark.parametrize("fields", [{"vocabulary": ()}, {"length": 0}, {"length": 1000}, {"vocabulary": (1,)}])
def test_a_damaged_condition_is_refused(fields):
    with pytest.raises(ValueError, match="text"):
        Text(**({"name": "text", "vocabulary": ("a",), "length": 3} | fields))
