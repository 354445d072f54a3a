"""Texts go the whole way: trained, sampled at a temperature, written, evaluated."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch

import ganforge as gf
from ganforge.core.choice import Machine
from ganforge.core.types import Spec
from ganforge.modalities.text import choose, tokens
from ganforge.modalities.text.example import sentences, write_example
from ganforge.modalities.text.model import TokenModel, until_end
from ganforge.modalities.text.signal import Text
from ganforge.modalities.text.text_set import TextSet
from refused import refused

SMALL = {
    "task.autoencoder": 64, "task.measured": 32, "task.encoder.units": 16, "task.encoder.embed": 16,
    "task.likelihood.units": 16, "task.likelihood.embed": 16, "task.latent": 8,
    "task.generator.widths": [16], "task.discriminator.widths": [16], "task.generator.latent": 8,
    "samples": 128, "batch": 16, "log_every": 64, "checkpoint_every": 128,
}  # fmt: skip


@pytest.fixture(scope="module")
def run(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("texts")
    gf.train("text-latent-small", data=write_example(folder, 64), fields=SMALL, run_dir=folder / "run", device="cpu")
    return folder / "run"


def test_previews_are_texts(run):
    assert len((run / "previews" / "latest.txt").read_text(encoding="utf-8").splitlines()) >= 20
    assert not list((run / "previews").glob("*.png"))


def test_samples_are_written_in_every_format(run, ganforge, tmp_path):
    for ending in ("txt", "jsonl", "csv"):
        out = tmp_path / f"new.{ending}"
        assert ganforge("sample", run, "-n", 5, "--temperature", 0.9, "--out", out).status == 0
        lines = out.read_text(encoding="utf-8").splitlines()
        assert len(lines) == (6 if ending == "csv" else 5)
    texts = [json.loads(line)["text"] for line in (tmp_path / "new.jsonl").read_text(encoding="utf-8").splitlines()]
    assert texts == (tmp_path / "new.txt").read_text(encoding="utf-8").splitlines()


def test_a_temperature_changes_samples_and_not_their_seed(run):
    model = gf.load(run, device="cpu")
    assert model.tempered(1.0).sample(8) == model.sample(8)
    cold = model.tempered(0.01).sample(64)
    assert cold == model.tempered(0.01).sample(64)
    cold_walk, hot_walk = (list(model.tempered(t).walk((0, 1), frames=8)) for t in (0.01, 50.0))
    assert cold_walk != hot_walk
    assert cold[:3] == model.tempered(0.01).sample(3), "sample k of a seed does not depend on how many there are"
    assert cold != model.sample(64)
    with refused("sample.temperature_out_of_range", "-1"):
        model.tempered(-1)


def test_models_without_tokens_have_no_temperature(tmp_path):
    fields = {"samples": 8, "batch": 4, "callbacks": []}
    model = gf.train("toy", fields=fields, run_dir=tmp_path / "toy", device="cpu")
    with refused("model.no_temperature", "toy"):
        model.tempered(0.5)


def test_a_report_shows_texts_side_by_side(run, tmp_path):
    metrics = ["text_bleu(steps=3,texts=20)", "text_copies"]
    found = gf.evaluate(run, metrics=metrics, n=40, out=tmp_path / "report", progress=False, device="cpu")
    assert found.html is not None
    page = found.html.read_text(encoding="utf-8")
    assert page.count("<pre>") >= 2
    curves = next(r for r in found.results if r.name.startswith("text_bleu[")).detail["curves"]
    assert set(curves) == {"model", "lm", "n-gram"}, "the model's own curve along temperatures is beside the others"


# --- models of tokens


def model_of(**fields) -> TokenModel:
    torch.manual_seed(0)
    return TokenModel(12, 6, embed=8, units=8, **fields)


def test_likelihoods_of_all_texts_sum_to_one():
    torch.manual_seed(0)
    model = TokenModel(3, 2, embed=4, units=4).double().eval()
    texts = [(0, 0), (1, 0), (2, 0), *((a, b) for a in (1, 2) for b in (1, 2))]
    nll = model.nll(torch.tensor(texts))
    assert float((-nll).exp().sum().detach()) == pytest.approx(1.0)


def test_what_follows_the_end_does_not_count():
    nll = model_of().eval().nll(torch.tensor([[3, 4, 0, 0, 0, 0], [3, 4, 0, 7, 7, 7]]))
    assert float(nll[0]) == pytest.approx(float(nll[1]))
    assert until_end(torch.tensor([[3, 0, 0], [3, 4, 5]])).tolist() == [[1, 1, 0], [1, 1, 1]]


def test_losses_do_not_depend_on_the_rest_of_the_batch():
    model = model_of(condition=2).eval()
    texts, conditions = torch.tensor([[3, 0, 0, 0, 0, 0], [3, 4, 5, 6, 7, 8]]), torch.randn(2, 2, 6)
    alone = torch.cat([model.nll(texts[k : k + 1], conditions[k : k + 1]) for k in (0, 1)])
    assert torch.allclose(model.nll(texts, conditions), alone, atol=1e-5)


@pytest.mark.parametrize("cell", ["gru", "lstm"])
def test_draws_follow_the_probabilities(cell):
    model = model_of(cell=cell).eval()
    uniform = (torch.arange(20_000)[:, None] + 0.5).repeat(1, 6) / 20_000
    with torch.no_grad():
        drawn = model.draw(uniform)
        first = model.logits(model(torch.zeros(1, 6, dtype=torch.long))[:, 0])[0]
        first[[tokens.END, tokens.UNKNOWN]] = -torch.inf
        cold = model.draw(uniform, temperature=1e-5)
    shares = torch.bincount(drawn[:, 0], minlength=12) / len(drawn)
    assert torch.allclose(shares, first.softmax(0), atol=1e-3)
    assert cold[:, 0].unique().tolist() == [int(first.argmax())]
    assert not (drawn == tokens.UNKNOWN).any()
    assert (drawn[:, 0] != tokens.END).all(), "no text is empty"


@pytest.mark.parametrize("cell", ["gru", "lstm"])
def test_texts_that_have_ended_are_left_out_and_the_others_go_on(cell, monkeypatch):
    model = model_of(cell=cell, condition=3, classes=2, started=False).eval()
    assert model.bias is not None
    with torch.no_grad():
        model.bias[tokens.END] = 2.0  # texts of many lengths
        given = torch.rand(50, 6), torch.randn(50, 3, 6), torch.arange(50) % 2
        sizes = []
        step = model.step
        monkeypatch.setattr(model, "step", lambda token, *rest: sizes.append(len(token)) or step(token, *rest))
        drawn = model.draw(*given)
        monkeypatch.setattr(TokenModel, "texts_axis", None)
        assert torch.equal(drawn, model.draw(*given))
    assert sizes[0] == 50 > sizes[len(sizes) // 2 - 1], "fewer and fewer texts are computed"
    lengths = until_end(drawn).sum(1).unique()
    assert len(lengths) > 3


def test_a_likelihood_of_numbers_needs_a_decoder(tmp_path):
    with refused("task.no_decoder", "optimal_gaussian", "task.decoder=mlp"):
        gf.train(
            "text-latent-small", data=sentences(80), device="cpu", run_dir=tmp_path / "run",
            fields={"task.likelihood.kind": "optimal_gaussian"},
        )  # fmt: skip


def test_a_language_model_learns_and_takes_labels(tmp_path):
    lines = sentences(80)
    data = (lines, np.arange(80) % 2)
    fields = {"samples": 960, "batch": 16, "task.units": 16, "task.embed": 16, "log_every": 64, "callbacks": []}
    model = gf.train("lm", data=data, fields=fields | {"task.conditional": True}, run_dir=tmp_path / "lm", device="cpu")
    losses = model.losses()["loss/ML"]
    assert losses.iloc[-1] < 0.85 * losses.iloc[0]
    assert len(model.tempered(0.5).sample(4, label=1)) == 4
    with refused("text.too_little_noise", "task.noise=4"):
        gf.train("lm", data=lines, fields=fields | {"task.noise": 4}, run_dir=tmp_path / "short", device="cpu")


# --- choices


def test_the_time_limit_decides_when_the_gan_begins():
    dataset = TextSet("lines", sentences(300))
    free = choose.choose(dataset, Machine())
    short, longer = (choose.choose(dataset, Machine(minutes=minutes)) for minutes in (0.02, 0.2))
    assert not any("autoencoder" in field for field in free.fields)
    begins = [
        int(next(f for f in c.fields if f.startswith("task.autoencoder=")).split("=")[1]) for c in (short, longer)
    ]
    assert 0 < int(begins[0]) < int(begins[1]) < choose.USUAL_AE


def test_a_text_is_drawn_where_an_image_is_needed():
    signal = Text()
    spec = Spec((3, 4), state={"tokenizer": "characters", "tokens": list("ab")})
    frames = [signal.frame(text, spec) for text in ("a", "ab\nb", "春" * 400)]
    assert all(frame.shape == frames[0].shape and frame.dtype == np.uint8 for frame in frames)
    assert not np.array_equal(frames[0], frames[1])
