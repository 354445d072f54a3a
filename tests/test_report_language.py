"""Reports and cards in Chinese: nothing of what the code says is left in English, and names stay as they are."""

from __future__ import annotations

import ast
import functools
import html
import json
import re
import string
from pathlib import Path

import pytest

import ganforge
from ganforge.core.language import (
    CATALOGS,
    LANGUAGES,
    catalog_of,
    joined,
    language_for,
    listed,
    phrase,
    sentences,
    translated,
)
from ganforge.core.media import Media
from ganforge.core.plot.charts import Chart
from ganforge.engine.health.diagnosis import explanation
from ganforge.evaluation.report import page
from ganforge.evaluation.report.classes import Classes
from ganforge.evaluation.report.content import Bars, Panel, Report
from ganforge.evaluation.report.evidence import Evidence
from ganforge.evaluation.report.findings import find
from ganforge.modalities.audio import findings as of_sounds
from ganforge.modalities.image.appearance import RULES, Appearance
from ganforge.modalities.table import findings as of_tables
from ganforge.modalities.text import findings as of_texts
from ganforge.modalities.video import findings as of_films
from refused import refused
from sources import MODULES, nodes_of

SOURCE = Path(ganforge.__file__).parent
CALLS = {"phrase": slice(0, 1), "say": slice(0, 1), "Meaning": slice(0, 1), "Finding": slice(1, 4),
         "Panel": slice(0, 2), "Bars": slice(0, 2), "Chart": slice(0, 2), "Noun": slice(1, 2)}  # fmt: skip
"""Functions and classes whose texts a page shows, and which of their arguments these are."""
OTHERS = ("cli/doctor.py",)
"""Files whose `Finding` is another one."""


def letters(pattern: str) -> str:
    """What a pattern says beside its values."""
    return "".join(text for text, *_ in string.Formatter().parse(pattern))


def fields(pattern: str) -> set[tuple[str, str]]:
    return {(name, spec) for _, name, spec, _ in string.Formatter().parse(pattern) if name is not None}


@functools.cache
def written() -> tuple[dict[str, str], set[str]]:
    """Texts that pages show, with the file of each; and all texts of the source."""
    shown: dict[str, str] = {}
    everything: set[str] = set()
    for path in MODULES:
        name = path.relative_to(SOURCE).as_posix()
        nodes = nodes_of(path)
        everything |= {n.value for n in nodes if isinstance(n, ast.Constant) and isinstance(n.value, str)}
        named = {
            target.id: node.value.value
            for node in nodes
            if isinstance(node, ast.Assign) and isinstance(node.value, ast.Constant)
            for target in node.targets
            if isinstance(target, ast.Name)
        }
        for call in (node for node in nodes if isinstance(node, ast.Call) and name not in OTHERS):
            function = getattr(call.func, "id", getattr(call.func, "attr", ""))
            if function == "say" and name != "export/card.py":  # elsewhere it prints on a terminal
                continue
            for argument in call.args[CALLS.get(function, slice(0))]:
                assert not isinstance(argument, ast.JoinedStr), f"{name}:{call.lineno}: an f-string has no pattern"
                value = named.get(argument.id) if isinstance(argument, ast.Name) else getattr(argument, "value", None)
                if isinstance(value, str) and re.search("[A-Za-z]", letters(value)):
                    shown[value] = name
    return shown, everything


def test_every_text_that_a_page_shows_is_in_every_catalog():
    shown, _ = written()
    assert len(shown) > 250
    for language in LANGUAGES.keys() - {"en"}:
        lacking = {text: file for text, file in shown.items() if text not in catalog_of(language)}
        assert not lacking


def test_every_catalog_holds_texts_of_the_source_alone_with_the_same_values_in_them():
    _, everything = written()
    for language in LANGUAGES.keys() - {"en"}:
        sections = json.loads((CATALOGS / f"{language}.json").read_text(encoding="utf-8"))
        assert sum(len(section) for section in sections.values()) == len(catalog_of(language)), "twice the same"
        for pattern, text in catalog_of(language).items():
            assert pattern in everything, pattern
            assert fields(pattern) == fields(text), pattern
            assert text.strip(), pattern


def test_a_phrase_is_a_text_that_remembers_its_values():
    text = phrase("{n:,} of {name}", n=1200, name="mnist")
    assert text == "1,200 of mnist"
    assert translated(text, "en") == "1,200 of mnist"
    assert translated(text, "zh") == "mnist 中的 1,200 个"
    assert json.dumps([text]) == '["1,200 of mnist"]'
    assert translated("speed", "zh") == "速度"
    assert translated("what a plugin says", "zh") == "what a plugin says"


def test_lists_and_sentences_are_put_together_as_the_language_does():
    assert listed(["a", "b", "c"], 2) == "a, b and 1 more"
    assert translated(listed(["a", "b", "c"], 2), "zh") == "a、b，另有 1 项"
    assert joined([]) == ""
    two = sentences([phrase("few samples"), "", phrase("{values}.", values="x")])
    assert two == "few samples x."
    assert translated(two, "zh") == "样本过少x。"


def test_the_language_is_the_one_asked_for_else_that_of_the_environment(monkeypatch):
    monkeypatch.delenv("GANFORGE_LANG", raising=False)
    assert language_for(None) == "en"
    assert language_for("zh-CN") == "zh"
    monkeypatch.setenv("GANFORGE_LANG", "zh_CN.UTF-8")
    assert language_for(None) == "zh"
    assert language_for("en") == "en"
    with refused("language.unknown"):
        language_for("fr")
    monkeypatch.setenv("GANFORGE_LANG", "tlh")
    with refused("language.unknown"):
        language_for(None)


def figure(name: str, value: float, **detail):
    return {"name": f"{name}5k", "value": value, "protocol": {"n_real": 90, "n_fake": 90}, "detail": detail}


def known(**more) -> Evidence:
    """Of a run in which everything is wrong."""
    return Evidence(
        [
            figure("precision", 0.02), figure("recall", 0.01), figure("copies", 0.4, copying=True, by_chance=0.01),
            figure("psnr", 20.0, baseline={"of": phrase("bicubic ×{scale}", scale=4), "value": 21.0}),
            figure("fd", 3.0), figure("kid", 1.0, sd=0.5), figure("ks", 0.4, per_column={"c": 0.4}, often={}),
            figure("detection", 0.99, per_column={"c": 0.2}), figure("usefulness", 0.1),
            figure("usefulness_of_real", 0.9), figure("usefulness_of_constant", 0.2),
            figure("exact_copies", 0.3, copying=True, by_chance=0.01), figure("dcr", 0.7, closer=True),
            figure("membership", 0.7, told=True),
        ],
        appearance=Appearance(1.5, 0.5, {"R": 20.0, "G": -10.0, "B": -10.0}),
        events=[
            {"event": "health", "state": "D wins", "samples": 9, "advice": ["lower both learning rates"],
             "why": explanation([{"auc": 0.99, "gap": 3, "diversity": 0.5, "distance": 0.4, "coverage": 0.1}])},
            {"event": "skipped", "count": 3},
        ],
        notes=[phrase("blocks of {size}, as there are no more samples", size=5)], **more,
    )  # fmt: skip


def chinese(facts: Evidence) -> str:
    caption = phrase("{name}. {said}", name="photos", said=phrase("One row per class."))
    heads = (phrase("source"), phrase("made"), phrase("real"))
    found = find(facts, (*RULES, *of_tables.RULES))
    return page.render(
        Report(
            title="0001-dcgan",
            lead=phrase("{n:,} {them} of {fake} against {count:,} of {real}.", n=9, them=phrase("samples"), fake="a",
                        count=7, real="b"),
            facts={"recipe": "dcgan", "samples seen": phrase("{seen:,} of {all:,}", seen=1, all=2)},
            results=facts.results,
            findings=found,
            panels=[Panel("source, made, real", caption, [Media(b"png", "image/png")], ("0", "1"), heads)],
            charts=[Chart(phrase("speed"), phrase("real samples seen per second"), {"": [(0, 100.0), (10, 104.0)]},
                          axis=phrase("samples per second"))],
            bars=[Bars("generated as requested", "within each class", {"0": 0.5})],
            command="ganforge evaluate runs/0001-dcgan",
        ),
        "zh",
    )  # fmt: skip


@pytest.mark.parametrize(
    "facts",
    [
        known(samples=9_000, wanted=10_000, run="runs/0001-dcgan", classes=Classes({"0": 1.0}, {"0": 1.0}, {"0": 0.1})),
        known(samples=9, wanted=10_000, run="runs/0001-dcgan", classes=Classes({"0": 1.0}, {"0": 0.0}, None)),
    ],
    ids=["late", "young"],
)
def test_a_chinese_page_has_no_english_sentence(facts):
    made = chinese(facts)
    assert '<html lang="zh-CN">' in made
    body = made.split("</style>")[1]
    body = re.sub(r"(?s)<pre>.*?</pre>|<ul class=\"protocol\">.*?</ul>|ganforge train --resume \S+", "", body)
    told = " ".join(re.findall(r'(?:aria-label|alt)="([^"]*)"', body))
    text = html.unescape(re.sub(r"<[^>]+>", "\n", body)) + "\n" + told
    english = re.findall(r"[A-Za-z]{2,}(?: [a-z]{2,})+", text)
    assert set(english) <= {"D wins"}, english
    assert text.count("。") > 20
    for heading in ("诊断结果", "指标", "训练过程", "重新运行此评估"):
        assert heading in text


def english_in(rules, facts: Evidence, count: int) -> set[str]:
    """English words in a row in the Chinese findings of some rules, which are `count`."""
    found = [finding for rule in rules for finding in rule(facts)]
    assert len(found) == count
    texts = [translated(part, "zh") for one in found for part in (one.title, one.why, one.advice)]
    return {words for text in texts for words in re.findall(r"[A-Za-z]{2,}(?: [a-z]{2,})+", text)}


def test_findings_on_sounds_have_no_english_sentence():
    facts = Evidence(
        [figure("as_asked", 0.1, floor=0.9, per_class={"sax": 0.1}), figure("near_duplicates", 0.4, copying=True)],
        appearance=of_sounds.SoundLook((0.0, 0.6), (0.0, 0.6), (0.0, 0.6), {16: (0.0, 20.0)}),
    )
    assert english_in(of_sounds.RULES, facts, count=6) <= {"phase shuffle"}


@pytest.mark.parametrize("pace", [0.5, 1.5])
def test_findings_on_films_have_no_english_sentence(pace):
    still = Evidence([figure("frozen", 0.6), figure("looping", 0.5), figure("flicker", 2.0)])
    assert not english_in(of_films.RULES, still, count=3)
    assert not english_in(of_films.RULES, Evidence([figure("pace", pace)]), count=1)


def test_findings_on_texts_have_no_english_sentence():
    faults = [
        figure("text_bleu_gap", -0.1, n_gram=-0.2), figure("text_self_bleu", 0.9, floor=0.2),
        figure("text_distinct", 0.1, times=40), figure("reverse_perplexity", 90.0, floor=30.0),
        figure("text_copies", 0.4, of_heldout=0.01),
    ]  # fmt: skip
    assert english_in(of_texts.RULES, Evidence(faults), count=4) <= {"n-gram"}
    assert not english_in(of_texts.RULES, Evidence([figure("text_bleu_gap", 0.1)]), count=1)
    early = Evidence([], events=[{"event": "tick", "loss/AE": 50.0}])
    assert not english_in(of_texts.RULES, early, count=1)
    rewritten = Evidence([figure("text_as_asked", 0.5, floor=0.95), figure("text_kept", 0.05, chance=0.04)])
    assert not english_in(of_texts.RULES, rewritten, count=2)


def test_names_of_users_are_never_translated():
    made = page.Page("zh").panel(Panel("real", "", [Media(b"png", "image/png")], ("rows", "speed")))
    assert re.findall(r"<li>(\w+)</li>", made) == ["rows", "speed"]
    assert "<strong>真实</strong>" in made
