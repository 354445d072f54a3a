"""Sentences about sprites say what is drawn, in both languages, and are parsed back to it."""

from __future__ import annotations

import pytest

from ganforge.modalities.image.sources import sprite_sentences as told
from ganforge.modalities.image.sources.sprites import Sprites, combinations, sprites_of

SPRITES = sprites_of("train", 60, 0)


@pytest.mark.parametrize("language", told.LANGUAGES)
def test_every_wording_is_parsed_back(language):
    text = told.condition((language,))
    for sprite in SPRITES:
        for forms, whole in ((told.FORMS, True), (told.SHORT, False)):
            for form in forms[language]:
                sentence = told.worded(form, language, sprite)
                found = told.said(sentence)
                truth = {name: getattr(sprite, name) for name in told.NAMED[:-1]}
                truth["light"] = 45.0 * told.side_of(sprite.light)
                assert found.items() <= truth.items(), sentence
                assert len(found) == 5 or not whole
                assert not text.strange(sentence), "the vocabulary holds every word"
                assert told.said(text.decode(text.encode([sentence]))[0]) == found, "also as the nets get it"


def test_sentences_are_deterministic_and_held_out_combinations_stay_held_out():
    first, again = Sprites(captions="both", count=300).open(), Sprites(captions="both", count=300).open()
    assert (first.vectors == again.vectors).all()
    assert first.conditions == again.conditions
    sentences = [row[0] for row in first.conditions.decode(first.vectors)]
    chinese = sum(not sentence.isascii() for sentence in sentences)
    assert 100 < chinese < 200
    unseen = Sprites(captions="both", split="test", count=300).open()
    left_out = set(combinations("test"))
    for sentence in (row[0] for row in unseen.conditions.decode(unseen.vectors)):
        found = told.said(sentence)
        assert len(found) == 5, "all is said, or it would not be a combination that is left out"
        assert tuple(found[name] for name in ("shape", "color", "size", "period")) in left_out
    for sentence in sentences:
        found = told.said(sentence)
        if len(found) == 5:
            assert tuple(found[name] for name in ("shape", "color", "size", "period")) not in left_out
