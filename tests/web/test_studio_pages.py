"""The files of the pages: the same words in each language, no foreign address, nothing that runs text."""

from __future__ import annotations

import json
import re

import pytest

from ganforge.core.language import LANGUAGES
from ganforge.web.studio.app import STATIC

SCRIPTS = sorted(STATIC.rglob("*.js"))
WORDS = {name: json.loads((STATIC / "words" / f"{name}.json").read_text(encoding="utf-8")) for name in LANGUAGES}
USED = re.compile(r"""\b(?:t|known)\((?:"([^"]*)"|`([^`]*)`)""")


def flat(words) -> dict[str, str]:
    return {f"{section}.{key}": text for section, inner in words.items() for key, text in inner.items()}


def test_all_languages_have_the_same_words_with_the_same_values():
    english = flat(WORDS["en"])
    assert len(english) > 200
    for words in WORDS.values():
        other = flat(words)
        assert other.keys() == english.keys()
        for name, text in other.items():
            assert text.strip()
            assert set(re.findall(r"\{(\w+)\}", text)) == set(re.findall(r"\{(\w+)\}", english[name])), name


def test_every_word_that_a_page_uses_is_there():
    english, found = flat(WORDS["en"]), set()
    for script in SCRIPTS:
        for plain, template in USED.findall(script.read_text(encoding="utf-8")):
            parts = re.split(r"\$\{.*?\}(?=[^}]*$|[^}]*\$\{)", template) if template else [plain]
            pattern = r"\w+".join(map(re.escape, parts))
            found |= {name for name in english if re.fullmatch(pattern, name)} or {plain or template}
    assert not found - english.keys()
    assert not english.keys() - found, "words that no page uses"


@pytest.mark.parametrize("path", [*SCRIPTS, STATIC / "style.css", STATIC / "index.html"], ids=lambda path: path.name)
def test_pages_ask_no_other_host_and_run_no_text(path):
    text = path.read_text(encoding="utf-8").replace("http://www.w3.org/2000/svg", "")
    assert not re.search(r"https?://|//\w+\.\w+/|@import", text)
    for word in (
        "innerHTML",
        "outerHTML",
        "insertAdjacentHTML",
        "document.write",
        "eval(",
        "new Function",
        "DOMParser",
    ):
        assert word not in text
    if path.suffix == ".js":
        assert 'setAttribute("style"' not in text  # the policy of the pages forbids it
        assert len(text.splitlines()) < 320


def test_every_page_is_reached():
    listed = re.findall(r'from "\./(\w+)\.js"', (STATIC / "pages" / "index.js").read_text(encoding="utf-8"))
    assert sorted(listed) == sorted(path.stem for path in (STATIC / "pages").glob("*.js") if path.stem != "index")
