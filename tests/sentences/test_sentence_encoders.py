"""Text encoders: what they ignore, and CLIP's from small weights that are made here."""

from __future__ import annotations

import json
import math

import pytest
import torch
from safetensors.torch import save_file

from ganforge.core.allowance import WithoutWeights
from ganforge.core.conditions import Conditions
from ganforge.core.text_condition import Text
from ganforge.core.types import Spec
from ganforge.nets.sentences import bpe
from ganforge.nets.sentences.clip import Clip
from ganforge.nets.sentences.small import Gru, Transformer
from refused import refused

TEXT = Text("text", ("a", "red", "heart", "moon"), 6)
SPEC = Spec((3, 8, 8), conditions=Conditions((TEXT,)))
PIECES = [bpe.START, bpe.END, "a</w>", "r", "e", "d</w>", "re", "red</w>", "m", "o", "n</w>", "oo", "h", "a", "t</w>"]
WIDTH, HEADS, INNER = 8, 2, 12


def rows(*sentences: str) -> torch.Tensor:
    return torch.from_numpy(TEXT.encode(sentences)[:, :-1]).long()


@pytest.mark.parametrize(
    "encoder", [Gru(width=10, embedding=6), Transformer(width=12, heads=3)], ids=["gru", "transformer"]
)
def test_places_without_words_do_not_matter(encoder):
    torch.manual_seed(0)
    net = encoder.build(TEXT, SPEC).eval()
    k = rows("a red heart", "a", "", "a red heart a red heart")
    found = net(k)
    assert found.sentence.shape == (4, encoder.width)
    assert found.words.shape[2] == encoder.width
    assert found.there.sum(1).tolist() == [3, 1, 1, 6]
    alone = net(k[:1])
    assert torch.allclose(alone.sentence[0], found.sentence[0], atol=1e-6), "nor do other sentences of the batch"
    assert torch.allclose(alone.words[0][:3], found.words[0][:3], atol=1e-6)
    assert not torch.allclose(net(rows("heart red a")).sentence, alone.sentence), "but the order of words does"
    assert torch.isfinite(found.sentence).all()


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A CLIP model with two layers."""
    path = tmp_path_factory.mktemp("clip")
    draws = torch.Generator().manual_seed(0)
    sizes = {"token_embedding": (len(PIECES), WIDTH), "position_embedding": (10, WIDTH)}
    tensors = {f"text_model.embeddings.{k}.weight": torch.randn(s, generator=draws) for k, s in sizes.items()}
    for k in range(2):
        parts = {f"self_attn.{p}_proj": (WIDTH, WIDTH) for p in ("q", "k", "v", "out")}
        parts |= {
            "mlp.fc1": (INNER, WIDTH),
            "mlp.fc2": (WIDTH, INNER),
            "layer_norm1": (WIDTH,),
            "layer_norm2": (WIDTH,),
        }
        for name, shape in parts.items():
            stem = f"text_model.encoder.layers.{k}.{name}"
            tensors |= {f"{stem}.weight": torch.randn(shape, generator=draws) / 2}
            tensors |= {f"{stem}.bias": torch.randn(shape[:1], generator=draws) / 2}
    tensors |= {f"text_model.final_layer_norm.{p}": torch.randn(WIDTH, generator=draws) for p in ("weight", "bias")}
    tensors |= {"text_projection.weight": torch.randn(5, WIDTH, generator=draws), "logit_scale": torch.zeros(())}
    save_file(tensors, path / "model.safetensors")
    config = {"hidden_size": WIDTH, "intermediate_size": INNER, "num_attention_heads": HEADS, "num_hidden_layers": 2,
              "vocab_size": len(PIECES), "max_position_embeddings": 10, "hidden_act": "quick_gelu"}  # fmt: skip
    (path / "config.json").write_text(json.dumps({"text_config": config}))
    (path / "vocab.json").write_text(json.dumps({piece: k for k, piece in enumerate(PIECES)}))
    (path / "merges.txt").write_text("#version: 0.2\nr e\nre d</w>\no o\n")
    return path


def test_words_become_pieces(folder):
    table = bpe.read(folder / "vocab.json", folder / "merges.txt")
    named = {word: [PIECES[k] for k in bpe.pieces(word, *table)] for word in ("red", "moon", "a", "heart", "月")}
    assert named == {"red": ["red</w>"], "moon": ["m", "oo", "n</w>"], "a": ["a</w>"],
                     "heart": ["h", "e", "a", "r", "t</w>"], "月": []}  # fmt: skip


def by_hand(t: dict[str, torch.Tensor], pieces: list[int]) -> torch.Tensor:
    """The projected last place, written plainly."""

    def norm(x, name):
        centered = x - x.mean(-1, keepdim=True)
        scaled = centered / (centered.square().mean(-1, keepdim=True) + 1e-5).sqrt()
        return scaled * t[f"{name}.weight"] + t[f"{name}.bias"]

    def linear(x, name):
        return x @ t[f"{name}.weight"].T + t[f"{name}.bias"]

    x = t["text_model.embeddings.token_embedding.weight"][pieces]
    x = x + t["text_model.embeddings.position_embedding.weight"][: len(pieces)]
    for k in range(2):
        stem = f"text_model.encoder.layers.{k}"
        y = norm(x, f"{stem}.layer_norm1")
        q, key, v = (linear(y, f"{stem}.self_attn.{p}_proj").view(len(y), HEADS, -1).transpose(0, 1) for p in "qkv")
        scores = q @ key.transpose(1, 2) / math.sqrt(WIDTH // HEADS)
        scores = scores.masked_fill(torch.ones(len(y), len(y)).triu(1).bool(), -math.inf)
        x = x + linear((scores.softmax(-1) @ v).transpose(0, 1).flatten(1), f"{stem}.self_attn.out_proj")
        h = linear(norm(x, f"{stem}.layer_norm2"), f"{stem}.mlp.fc1")
        x = x + linear(h * torch.sigmoid(1.702 * h), f"{stem}.mlp.fc2")
    found = t["text_projection.weight"] @ norm(x, "text_model.final_layer_norm")[-1]
    return found / found.norm()


def test_clip_is_computed_as_in_the_paper(folder):
    from safetensors.torch import load_file

    encoder = Clip(width=7, weights=str(folder))
    spec = encoder.adapt(SPEC)
    net = encoder.build(TEXT, Spec.from_plain(json.loads(json.dumps(spec.to_plain())))).eval()
    found = net(rows("a red moon", "a"))
    pieces = [PIECES.index(p) for p in (bpe.START, "a</w>", "red</w>", "m", "oo", "n</w>", bpe.END)]
    with torch.no_grad():
        wanted = net.sentence(by_hand(load_file(folder / "model.safetensors"), pieces))
    assert torch.allclose(found.sentence[0], wanted, atol=1e-5)
    assert found.there.sum(1).tolist() == [7, 3]
    long = net(rows("heart heart heart"))
    assert long.there.shape[1] == 10, "cut to what CLIP takes"
    assert {n.partition(".")[0] for n, _ in net.named_parameters()} == {"sentence", "word"}, "the rest is frozen"
    with WithoutWeights():  # as a trained model is loaded: no file is read
        again = Clip(width=7, weights="nowhere").build(TEXT, spec)
    again.load_state_dict(net.state_dict())
    assert torch.equal(again.eval()(rows("a red moon", "a")).sentence, found.sentence)


def test_what_is_no_clip_model_is_refused(folder, tmp_path):
    with refused("clip.not_found", "is not set"):
        Clip().adapt(SPEC)
    with refused("clip.not_found", "merges.txt"):
        Clip(weights=str(tmp_path)).adapt(SPEC)
    for name in ("config.json", "vocab.json", "merges.txt", "model.safetensors"):
        (tmp_path / name).write_bytes((folder / name).read_bytes())
    (tmp_path / "vocab.json").write_text("[1, 2]")
    with refused("clip.not_a_model", "weights"):
        Clip(weights=str(tmp_path)).adapt(SPEC)
    (tmp_path / "vocab.json").write_bytes((folder / "vocab.json").read_bytes())
    config = json.loads((folder / "config.json").read_text())
    config["text_config"]["num_hidden_layers"] = 3
    (tmp_path / "config.json").write_text(json.dumps(config))
    encoder = Clip(weights=str(tmp_path))
    with refused("clip.not_a_model", "layers.2"):
        encoder.build(TEXT, encoder.adapt(SPEC))
