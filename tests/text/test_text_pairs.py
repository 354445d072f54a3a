"""Texts made from others: pairs are read, words are copied, files are written, and ROUGE is that of its definition."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch

import ganforge as gf
from ganforge.data.path import PathData
from ganforge.modalities.text import tokens
from ganforge.modalities.text.example import write_pairs
from ganforge.modalities.text.metrics.rouge import common, of_grams, of_sequence
from ganforge.modalities.text.pair_signal import TextPairs
from ganforge.modalities.text.pointer import PointerG
from ganforge.modalities.text.source import TextFile
from ganforge.modalities.text.text_set import PairedTexts
from refused import refused

ROWS = [("the old cat sleeps on the mat", "cat sleeps"), ("a dog runs far away", "dog runs")] * 20


def table(path: Path, head: str = "article,summary", rows=ROWS) -> str:
    path.write_text("\ufeff" + "\n".join([head, *(f"{a},{b}" for a, b in rows)]) + "\n", encoding="utf-8")
    return str(path)


def test_columns_that_say_so_are_pairs(tmp_path):
    dataset = PathData(path=table(tmp_path / "t.csv"), holdout=0.0).open()
    assert isinstance(dataset, PairedTexts)
    assert list(zip(dataset.sources.texts, dataset.texts, strict=True)) == ROWS
    long = "far " * 500  # the key of the summary is not at the start of the file
    lines = [json.dumps({"id": k, "document": a + long, "headline": b}) for k, (a, b) in enumerate(ROWS)]
    (tmp_path / "t.jsonl").write_text("\n".join(lines), encoding="utf-8")
    found = PathData(path=str(tmp_path / "t.jsonl"), holdout=0.0).open()
    assert isinstance(found, PairedTexts)
    assert found.texts == dataset.texts
    edges = table(tmp_path / "e.csv", "source,target")
    assert PathData(path=edges).open().signal == "table", "may be edges, unless asked for"
    assert PathData(path=edges, signal="text_pairs").open().signal == "text_pairs"
    other = table(tmp_path / "o.csv", "long,short")
    with refused("text.not_paired", "data.source=ARTICLE"):
        PathData(path=other, signal="text_pairs").open()
    asked = TextFile(path=other, column="short", source="long", holdout=0.0).open()
    assert isinstance(asked, PairedTexts)
    with refused("text.no_such_column", "far", "long, short"):
        TextFile(path=other, column="short", source="far").open()


def test_pairs_with_an_empty_side_are_left_out_and_sides_stay_together(tmp_path):
    rows = [("first source", "one"), ("", "two"), ("third source", " "), ("\u200b", "four"), ("fifth source", "five")]
    dataset = TextFile(path=table(tmp_path / "t.csv", rows=rows), column="summary", source="article", holdout=0).open()
    assert isinstance(dataset, PairedTexts)
    assert list(zip(dataset.sources.texts, dataset.texts, strict=True)) == [
        ("first source", "one"),
        ("fifth source", "five"),
    ]
    signal = TextPairs()
    spec = signal.spec(dataset, lambda shape: shape)
    stored = torch.from_numpy(signal.prepare_all(dataset, spec))
    batch = signal.batch(stored, None, spec, rng=None)  # type: ignore[arg-type]  # nothing is drawn
    assert signal.decode(batch.x, spec).tolist() == ["one", "five"]
    assert signal.sources(batch, spec).tolist() == ["first source", "fifth source"]
    assert signal.prepare(dataset.read(1), spec).tolist() == stored[1].tolist()


def test_texts_without_sources_are_refused(tmp_path):
    (tmp_path / "t.txt").write_text("\n".join(b + str(k) for k, (_, b) in enumerate(ROWS)))
    with refused("text.not_paired", "data.source=ARTICLE"):
        gf.train("text2text-small", data=str(tmp_path / "t.txt"), run_dir=tmp_path / "run", progress=False)


def test_a_shut_gate_copies_and_an_open_one_does_not():
    torch.manual_seed(0)
    G = PointerG(20, 3, embed=4, units=4, dropout=0.0).eval()
    source = torch.tensor([[7, 9, 7, 0, 0]])
    before = torch.zeros(1, 1, dtype=torch.long)
    with torch.no_grad():
        G.gate.weight.zero_()
        G.gate.bias.fill_(-1e3)
        p = G.mixed(before, *G.read(source))[0].exp()[0, 0]
        assert float(p[7] + p[9]) == pytest.approx(1.0)
        G.gate.bias.fill_(1e3)
        p = G.mixed(before, *G.read(source))[0].exp()[0, 0]
        assert float(p.sum()) == pytest.approx(1.0)
        assert float(p[7] + p[9]) < 0.5


def test_writing_and_likelihood_agree():
    torch.manual_seed(0)
    G = PointerG(6, 3, embed=4, units=4, dropout=0.0).eval()
    source = torch.tensor([[4, 5, 0]]).expand(20_000, -1)
    with torch.no_grad():
        made = G.write(source, torch.rand(20_000, 3))
        p = G.given(made, source, drawn=True).sum(1).exp()
    texts, place, times = made.unique(dim=0, return_inverse=True, return_counts=True)
    likely = p.new_zeros(len(texts)).scatter_reduce(0, place, p, "mean", include_self=False)
    assert (times / len(made) - likely).abs().max() < 0.012


def test_rouge_is_that_of_its_definition():
    one, other = ("the", "cat", "sat", "on", "the", "mat"), ("the", "cat", "on", "a", "mat")
    assert of_grams(one, other, 1) == pytest.approx(2 * 4 / 11)
    assert of_grams(one, other, 2) == pytest.approx(2 * 1 / 9)
    assert common(one, other) == 4
    assert of_sequence(one, one) == 1.0
    assert of_grams((), other, 1) == 0.0


@pytest.fixture(scope="module")
def run(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("pairs")
    fields = {
        "task.embed": 16, "task.units": 16, "task.filters": 8, "task.pretrain": 32, "samples": 64, "batch": 16,
        "log_every": 32, "checkpoint_every": 64,
    }  # fmt: skip
    gf.train("text2text-small", data=write_pairs(folder, 64), fields=fields, run_dir=folder / "run", device="cpu")
    return folder / "run"


def test_lines_become_as_many_lines(run, ganforge, tmp_path):
    (tmp_path / "new.txt").write_text("the old cat sees one house.\n\nevery child likes a road.\n", encoding="utf-8")
    assert ganforge("translate", run, tmp_path / "new.txt", "--out", tmp_path / "short.txt").status == 0
    lines = (tmp_path / "short.txt").read_text(encoding="utf-8").split("\n")
    model = gf.load(run, device="cpu")
    made = [str(model.translate(text)) for text in ("the old cat sees one house.", "every child likes a road.")]
    assert all(made)
    assert [" ".join(made[0].split()), "", " ".join(made[1].split()), ""] == lines
    with refused("output.exists", "short.txt"):
        model.translator().translate_files(  # type: ignore[attr-defined]
            tmp_path / "new.txt", tmp_path / "short.txt", ending=None, skip=False, force=False
        )
    with refused("data.not_text"):
        model.translate(" ")


def test_entries_are_found_by_the_column_of_the_training(run, ganforge, tmp_path):
    rows = [json.dumps({"id": k, "article": text}) for k, (text, _) in enumerate(ROWS[:3])]
    (tmp_path / "new.jsonl").write_text("\n".join(rows), encoding="utf-8")
    assert ganforge("translate", run, tmp_path / "new.jsonl", "--out", tmp_path / "short.jsonl").status == 0
    assert [set(json.loads(line)) for line in (tmp_path / "short.jsonl").read_text().splitlines()] == [{"text"}] * 3
    table(tmp_path / "odd.csv", "x,y")
    done = ganforge("translate", run, tmp_path / "odd.csv", "--out", tmp_path / "odd.txt")
    assert done.status == 2
    assert "article" in done.err


def test_a_model_that_writes_from_sources_makes_no_texts_from_nothing(run):
    assert tokens.vocabulary_of(gf.load(run, device="cpu").spec) > 10
    with refused("model.not_a_generator", "translates texts"):
        gf.load(run, device="cpu").sample(3)


@pytest.mark.slow
def test_the_words_to_keep_are_learned(tmp_path):
    fields = {"samples": 8_000, "batch": 32, "task.pretrain": 7_000, "task.units": 64, "callbacks": []}
    data = write_pairs(tmp_path, 600)
    gf.train("text2text-small", data=data, fields=fields, run_dir=tmp_path / "run", device="cpu")
    found = {r.name[:11]: r for r in gf.evaluate(tmp_path / "run", progress=False, device="cpu").results}
    assert found["text_rouge2"].value > 0.8
    assert found["text_rouge2"].value > found["text_rouge2"].detail["lead"]
