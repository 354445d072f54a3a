"""Text features of CLIP, from a local folder: the text encoder is frozen, and a linear layer after it is trained.

Radford et al. 2021, "Learning Transferable Visual Models From Natural Language Supervision". The folder holds what
models on the Hugging Face Hub consist of: config.json, vocab.json, merges.txt and model.safetensors.

    words → pieces by merges of bytes (`bpe`) → start, pieces, end → embeddings + positions → layers → norm
    layer      x + attention(norm x), each piece sees those before it; then x + W₂ gelu(W₁ norm x)
    sentence   the last place, by the projection of CLIP, to length 1;   words: all places

The vocabulary stays that of the captions, each word of which is several pieces: words that no caption has are left
unread here too. A trained model holds the weights, so that it works without the folder.

N sentences, T tokens, S ≤ 77 pieces, H width of CLIP, E width of the result.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn
from torch.nn.functional import gelu, normalize, scaled_dot_product_attention

from ganforge.core.allowance import without_weights
from ganforge.core.errors import UserError
from ganforge.core.text_condition import Text
from ganforge.core.types import Spec
from ganforge.nets.sentences import bpe
from ganforge.nets.sentences.base import Encoded, SentenceEncoder

STATE = "clip"
"""Where a spec holds the sizes of the net and the pieces of the words."""
FILES = ("config.json", "vocab.json", "merges.txt", "model.safetensors")


class Layer(nn.Module):
    """One layer of the transformer; the names of its weights are those of the file."""

    def __init__(self, width: int, inner: int, heads: int, quick: bool):
        super().__init__()
        self.heads, self.quick = heads, quick
        self.layer_norm1, self.layer_norm2 = nn.LayerNorm(width), nn.LayerNorm(width)
        self.self_attn = nn.ModuleDict({f"{k}_proj": nn.Linear(width, width) for k in ("q", "k", "v", "out")})
        self.mlp = nn.ModuleDict({"fc1": nn.Linear(width, inner), "fc2": nn.Linear(inner, width)})

    def forward(self, x: Tensor) -> Tensor:
        y = self.layer_norm1(x)
        parts = [self.self_attn[f"{k}_proj"](y).unflatten(2, (self.heads, -1)).transpose(1, 2) for k in "qkv"]
        found = scaled_dot_product_attention(*parts, is_causal=True).transpose(1, 2).flatten(2)
        x = x + self.self_attn["out_proj"](found)
        h = self.mlp["fc1"](self.layer_norm2(x))
        return x + self.mlp["fc2"](h * torch.sigmoid(1.702 * h) if self.quick else gelu(h))


class Tower(nn.Module):
    """CLIP's text encoder: pieces int64 [N, S] → the last hidden states [N, S, H]."""

    def __init__(self, sizes: dict[str, Any]):
        super().__init__()
        width, self.projected = sizes["width"], sizes["projected"]
        self.token_embedding = nn.Embedding(sizes["pieces_known"], width)
        self.position_embedding = nn.Embedding(sizes["places"], width)
        self.layers = nn.ModuleList(
            Layer(width, sizes["inner"], sizes["heads"], sizes["quick"]) for _ in range(sizes["layers"])
        )
        self.final_layer_norm = nn.LayerNorm(width)
        self.text_projection = nn.Linear(width, self.projected, bias=False) if self.projected else None

    def forward(self, pieces: Tensor) -> Tensor:
        x = self.token_embedding(pieces) + self.position_embedding.weight[: pieces.shape[1]]
        for layer in self.layers:
            x = layer(x)
        return self.final_layer_norm(x)


class ClipNet(nn.Module):
    """The net of `Clip`."""

    def __init__(self, state: dict[str, Any], length: int, width: int):
        super().__init__()
        sizes = state["sizes"]
        self.start, self.end, self.most = sizes["start"], sizes["end"], sizes["places"]
        longest = max(map(len, state["pieces"]), default=1)
        rows = [[], [], *state["pieces"]]  # of no token, and of an unknown word
        self.pieces: Tensor
        self.register_buffer("pieces", torch.tensor([[*row, *[-1] * (longest - len(row))] for row in rows]))
        self.tower = Tower(sizes)
        freeze(self.tower)
        self.sentence = nn.Linear(sizes["projected"] or sizes["width"], width)
        self.word = nn.Linear(sizes["width"], width)

    def forward(self, k: Tensor) -> Encoded:
        pieces, count = self.in_a_row(k)
        with torch.no_grad():
            states = self.tower(pieces)
            last = states[torch.arange(len(k), device=k.device), count - 1]
            last = last if self.tower.text_projection is None else self.tower.text_projection(last)
        there = torch.arange(pieces.shape[1], device=k.device) < count[:, None]
        return Encoded(self.sentence(normalize(last, dim=1)), self.word(states), there)

    def in_a_row(self, k: Tensor) -> tuple[Tensor, Tensor]:
        """start, the pieces of all words, end: int64 [N, S]; and how many that is, [N]. What is too long is cut."""
        found = self.pieces[k].flatten(1)
        order = (found < 0).to(torch.uint8).argsort(dim=1, stable=True)
        found = found.gather(1, order)[:, : self.most - 2]
        count = (found >= 0).sum(1)
        edge = found.new_full((len(k), 1), self.end)
        found = torch.cat([torch.full_like(edge, self.start), found.where(found >= 0, edge), edge], 1)
        return found[:, : int(count.max()) + 2], count + 2


def freeze(net: nn.Module) -> None:
    """Makes the weights of a net buffers, which no optimizer changes."""
    for module in net.modules():
        for name, weight in list(module._parameters.items()):
            del module._parameters[name]
            module.register_buffer(name, None if weight is None else weight.detach())


class Clip(SentenceEncoder, kind="clip"):
    """The text encoder of CLIP, frozen, from a local folder (English)."""

    weights: str = ""
    """The folder of the model, with config.json, vocab.json, merges.txt and model.safetensors; needed for training
    only."""

    def adapt(self, spec: Spec) -> Spec:
        folder = self._folder()
        text = spec.conditions.texts[0]
        try:
            config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
            config = config.get("text_config") or config
            table = bpe.read(folder / "vocab.json", folder / "merges.txt")
            pieces = [bpe.pieces(word, *table) for word in text.vocabulary]
            sizes = {
                "width": config["hidden_size"], "inner": config["intermediate_size"], "places":
                config["max_position_embeddings"], "heads": config["num_attention_heads"], "layers":
                config["num_hidden_layers"], "pieces_known": config["vocab_size"], "quick":
                config.get("hidden_act", "quick_gelu") == "quick_gelu", "start": table[0][bpe.START], "end":
                table[0][bpe.END], "projected": self._projected(folder),
            }  # fmt: skip
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise UserError(
                f"task.sentence_encoder.weights={self.weights}: not a CLIP model ({type(error).__name__}: {error})",
                code="clip.not_a_model",
            ) from None
        return Spec(
            spec.shape, spec.classes, spec.labels, spec.state | {STATE: {"sizes": sizes, "pieces": pieces}},
            spec.conditions,
        )  # fmt: skip

    def _folder(self) -> Path:
        folder = Path(self.weights).expanduser()
        missing = [name for name in FILES if not (folder / name).is_file()]
        if not self.weights or missing:
            where = f"={self.weights}: has no {', '.join(missing)}" if self.weights else " is not set"
            raise UserError(
                f"task.sentence_encoder.weights{where}. Name a folder with {', '.join(FILES)}, as that of "
                "openai/clip-vit-base-patch32 on the Hugging Face Hub",
                code="clip.not_found",
            )
        return folder

    def _projected(self, folder: Path) -> int:
        """The width after the projection; 0 if the file has none."""
        weight = self._tensors(folder).get("text_projection.weight")
        return 0 if weight is None else weight.shape[0]

    def _tensors(self, folder: Path) -> dict[str, Tensor]:
        """The weights of the text encoder, by the names of `Tower`."""
        try:
            found = load_file(folder / "model.safetensors")
        except (SafetensorError, OSError) as error:
            raise UserError(
                f"task.sentence_encoder.weights={self.weights}: model.safetensors cannot be read ({error})",
                code="clip.not_a_model",
            ) from None
        short = {name.removeprefix("text_model."): tensor for name, tensor in found.items()}
        short = {name.removeprefix("embeddings.").removeprefix("encoder."): t for name, t in short.items()}
        return {name: t for name, t in short.items() if not name.endswith("position_ids")}

    def build(self, text: Text, spec: Spec) -> nn.Module:
        net = ClipNet(spec.state[STATE], text.length, self.width)
        if without_weights():  # a trained model is loaded, which holds them
            return net
        tensors = self._tensors(self._folder())
        own = net.tower.state_dict()
        wrong = [n for n, t in own.items() if n not in tensors or tensors[n].shape != t.shape]
        if wrong:
            raise UserError(
                f"task.sentence_encoder.weights={self.weights}: model.safetensors lacks {wrong[0]} of the shape "
                f"{list(own[wrong[0]].shape)} ({len(wrong)} tensors in all are missing or of another shape)",
                code="clip.not_a_model",
            )
        net.tower.load_state_dict({name: tensors[name] for name in own})
        return net
