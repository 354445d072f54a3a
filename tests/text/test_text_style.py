"""Style transfer: what the losses are, how a user asks for a class, and how it is evaluated."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

import ganforge as gf
from ganforge import recipes
from ganforge.core.condition_kinds import Category
from ganforge.core.conditions import Conditions
from ganforge.core.rng import Rng
from ganforge.core.types import Batch, Nets, Spec
from ganforge.metrics.base import Comparison, SampleSet
from ganforge.modalities.text import tokens
from ganforge.modalities.text.example import in_old_style, sentences, write_styles
from ganforge.modalities.text.metrics.style import TextStyleMetric
from ganforge.modalities.text.style_subject import in_classes
from ganforge.modalities.text.tasks.arae import at_each
from ganforge.modalities.text.tasks.style import TextStyle, not_told
from ganforge.modalities.text.text_set import TextSet
from ganforge.web.description import attributes
from refused import refused

FIELDS = {
    "task.encoder.units": 8, "task.encoder.embed": 8, "task.latent": 8, "task.embed": 8, "task.units": 8,
    "task.widths": [8], "task.noise": 0.0, "task.hide": 0.0,
}  # fmt: skip
SHORT = FIELDS | {"samples": 64, "batch": 16, "log_every": 32, "checkpoint_every": 64}
SPEC = Spec((4, 6), 3, ("a", "b", "c"), {"tokenizer": "characters", "tokens": list("ABCDEFGHIJ")})


@pytest.fixture(scope="module")
def task() -> TextStyle:
    words = [f"{name}={value}".replace(" ", "") for name, value in FIELDS.items()]
    return recipes.make_recipe("text-style-small", overrides=words).task  # type: ignore[return-value]


@pytest.fixture(scope="module")
def nets(task) -> Nets:
    torch.manual_seed(0)
    return Nets(task.players(SPEC))


@pytest.fixture(scope="module")
def batch() -> Batch:
    numbers = torch.tensor([[3, 4, 5, 0, 0, 0], [6, 7, 0, 0, 0, 0], [8, 9, 10, 11, 3, 0], [5, 0, 0, 0, 0, 0]])
    return Batch(tokens.to_bits(numbers, 4), torch.tensor([0, 1, 2, 1]))


# --- the task


def test_what_must_not_be_told_is_minus_the_log_of_the_other_classes():
    logits, y = torch.randn(5, 3, generator=torch.Generator().manual_seed(0)), torch.tensor([0, 1, 2, 1, 0])
    p = logits.softmax(1).gather(1, y[:, None])[:, 0]
    assert torch.allclose(not_told(logits, y), -(1 - p).log())
    two = logits[:, :2].requires_grad_()
    loss = not_told(two, torch.tensor([0, 1, 0, 1, 0]))
    other = -two.log_softmax(1)[torch.arange(5), torch.tensor([1, 0, 1, 0, 1])]
    assert torch.allclose(loss, other), "of two classes, what the paper has"
    (slope,) = torch.autograd.grad(loss.sum(), [two])
    assert torch.isfinite(slope).all()


def test_losses(task, nets, batch):
    h = nets.E(batch.x)[0]
    assert torch.equal(h, nets.E(batch.x, batch.c)[0]), "the encoder does not get the class"
    rng = Rng(0)
    told = nets.D(h).log_softmax(1)[torch.arange(4), batch.c]
    assert torch.allclose(task.d_loss(nets, batch, rng).losses["classify"], -told)
    losses = task.e_loss(nets, batch, rng).losses
    nll = nets.R.nll(tokens.to_numbers(batch.x, 12), at_each(h, 6), batch.c)
    assert torch.allclose(losses["reconstruction"], nll / (15 / 4), atol=1e-6)
    assert torch.allclose(losses["adversarial"], task.adversarial * not_told(nets.D(h), batch.c))
    assert {phase.name: phase.trains for phase in task.phases()} == {"D": ("D",), "E": ("E", "R")}


def test_the_class_asked_for_is_what_the_decoder_gets(task, nets, batch):
    h = nets.E(batch.x)[0]
    for k in range(3):
        plane = torch.eye(3)[k][None, :, None].expand(4, -1, 6)
        made = task.translate(nets, torch.cat([batch.x, plane], 1))
        likeliest = nets.R.draw(torch.zeros(4, 6), at_each(h, 6), torch.full((4,), k))
        assert torch.equal(made, tokens.to_bits(likeliest, 4))
    columns = task.visualize(nets, batch)
    assert len(columns) == 4, "the text, and one of each class"
    assert torch.equal(task.translate(nets, batch.x)[1], columns[2][1]), "without a class: all in turn"


def test_texts_without_classes_are_refused(task):
    with refused("data.no_labels"):
        task.adapt(Spec((4, 6)))
    conditions = Conditions((Category("color", ("red", "blue")),))
    with refused("task.no_attributes", "color", "data.label=COLUMN"):
        task.adapt(Spec((4, 6), conditions=conditions))


# --- a run


@pytest.fixture(scope="module")
def run(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("styles")
    data = write_styles(folder, 60)
    gf.train("text-style-small", data=data, fields=SHORT, run_dir=folder / "run", device="cpu")
    return folder / "run"


def test_a_page_knows_the_classes(run):
    (one,) = attributes(gf.load(run))
    assert (one["name"], one["kind"], one["values"]) == ("label", "category", ["modern", "old"])


def test_lines_of_a_file_are_rewritten(run, ganforge, tmp_path):
    (tmp_path / "in.txt").write_text("the old cat sees one house.\n\nevery child likes a road.\n", encoding="utf-8")
    words = ["translate", run, tmp_path / "in.txt", "--where", "label=old", "--out", tmp_path / "new.txt"]
    assert ganforge(*words).status == 0
    lines = (tmp_path / "new.txt").read_text(encoding="utf-8").split("\n")
    model = gf.load(run, device="cpu")
    made = [str(model.translate(text, where={"label": "old"})) for text in ("the old cat sees one house.",)]
    assert lines[0] == " ".join(made[0].split())
    assert lines[1] == ""
    assert len(lines) == 4
    entries = '{"id": 1, "text": "the old cat sees one house."}\n'
    (tmp_path / "in.jsonl").write_text(entries, encoding="utf-8")
    words[2], words[-1] = tmp_path / "in.jsonl", tmp_path / "more.txt"
    assert ganforge(*words).status == 0
    assert (tmp_path / "more.txt").read_text(encoding="utf-8") == lines[0] + "\n"


def test_a_class_must_be_asked_for(run):
    model = gf.load(run, device="cpu")
    for code, asked, named in (
        ("translate.nothing_asked", (), "modern, old"),
        ("translate.nothing_asked", "label is missing", "--where"),
        ("condition.unknown_value", "label=olt", "did you mean 'old'"),
        ("condition.not_found", "style=old", "label"),
        ("translate.one_value", "label in modern,old", "label=VALUE"),
    ):
        with refused(code, named):
            model.translate("the old cat sees one house.", where=asked)
    with refused("data.not_text"):
        model.translate(" ", where="label=old")
    with refused("model.not_a_generator", "translates texts"):
        model.sample(1)


def test_evaluation_rewrites_the_texts_that_were_held_back(run, tmp_path):
    metrics = ["text_style(steps=20)"]
    found = gf.evaluate(run, metrics=metrics, out=tmp_path / "report", progress=False, device="cpu")
    by_name = {r.name.split("[")[0]: r for r in found.results}
    assert by_name["text_as_asked"].detail["unchanged"] < 0.5
    assert by_name["text_as_asked"].protocol["asked"] == "another class"
    assert found.html is not None
    page = found.html.read_text(encoding="utf-8")
    assert "modern: " in page
    assert "the model gives it back" in page


def test_classes_are_those_of_the_model():
    other = TextSet("lines", ["x"], np.array([0]), ("b",))
    side = SampleSet.of(np.array(["x"]), np.array([0]))
    assert in_classes(side, other, SPEC).labels.tolist() == [1]  # type: ignore[union-attr]
    with refused("text.unknown_class", "'d'", "a, b, c"):
        in_classes(side, TextSet("lines", ["x"], np.array([0]), ("d",)), SPEC)
    with refused("data.no_labels", "lines"):
        in_classes(SampleSet.of(np.array(["x"])), TextSet("lines", ["x"]), SPEC)


# --- the metric


def measured(made: list[str], asked: list[int], real: list[str], labels: list[int], sources: list[str]):
    fake = SampleSet("made", len(made), SampleSet.of(np.array(made)).draw, np.array(asked), sources=SampleSet.of(
        np.array(sources)))  # fmt: skip
    comparison = Comparison(SampleSet.of(np.array(real), np.array(labels)), fake, classes=("modern", "old"))
    return {r.name.split("[")[0]: r for r in TextStyleMetric(steps=200).compute(comparison)}


@pytest.fixture
def one_classifier(monkeypatch):
    """The classifier of the same real texts is the same each time, and trained once."""
    train, found = TextStyleMetric.trained, []

    def trained(self, comparison):
        found.append(found[0] if found else train(self, comparison))
        return found[0]

    monkeypatch.setattr(TextStyleMetric, "trained", trained)


def test_a_true_transfer_scores_high_and_a_copy_or_another_text_does_not(one_classifier):
    both = sentences(120, seed=3)
    real = [*both[:60], *map(in_old_style, both[60:])]
    labels, sources = [0] * 60 + [1] * 60, sentences(40, seed=9)
    true = measured([in_old_style(text) for text in sources], [1] * 40, real, labels, sources)
    copied = measured(sources, [1] * 40, real, labels, sources)
    others = [in_old_style(text) for text in sentences(40, seed=11)]
    other = measured(others, [1] * 40, real, labels, sources)
    assert true["text_as_asked"].value > 0.9
    assert true["text_as_asked"].detail["floor"] > 0.9
    assert true["text_as_asked"].detail["unchanged"] < 0.1
    assert copied["text_kept"].value == pytest.approx(1.0)
    assert copied["text_as_asked"].value < 0.1
    assert other["text_as_asked"].value > 0.9
    assert other["text_kept"].value < 0.6 * true["text_kept"].value
    assert true["text_kept"].value > 1.5 * true["text_kept"].detail["chance"]


@pytest.mark.slow
def test_a_style_is_learned_from_sentences_that_are_not_paired(tmp_path):
    fields = {
        "samples": 20_000, "optimizers.E.lr.over": 20_000, "optimizers.R.lr.over": 20_000, "callbacks": [],
        "task.units": 96, "task.encoder.units": 64,
    }  # fmt: skip
    data = write_styles(tmp_path, 2_000)
    model = gf.train("text-style-small", data=data, fields=fields, run_dir=tmp_path / "run", device="cpu")
    new = sentences(4_200)[-100:]
    made = model.translate(new, where="label=old")
    right = sum(a == in_old_style(b) for a, b in zip(made, new, strict=True))
    assert right > 80
