"""GANs of texts as in their papers: sizes, draws, and that what D likes becomes likelier."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from ganforge import recipes
from ganforge.artifacts import checkpoint
from ganforge.core.rng import Rng
from ganforge.core.types import Batch, Nets, Spec
from ganforge.engine.resume import resume_recipe
from ganforge.engine.train import train
from ganforge.losses.relativistic import RpGan
from ganforge.modalities.text import tokens
from ganforge.modalities.text.model import TokenModel
from ganforge.modalities.text.relational import RelganG
from ganforge.modalities.text.scratch import ScratchD, ScratchG
from ganforge.modalities.text.stepwise import Stepwise
from ganforge.modalities.text.tasks.relgan import RelGan
from ganforge.modalities.text.tasks.scratchgan import ScratchGan, discounted
from ganforge.modalities.text.tasks.seqgan import SeqGan, weights_of
from ganforge.modalities.text.tasks.straight_through import StraightThrough, straight_through
from ganforge.recipes import make_recipe
from ganforge.recipes.optimizer import Adam
from ganforge.registry import load_all
from golden.systems import SYSTEMS

load_all()


def count(net: nn.Module) -> int:
    return sum(weight.numel() for weight in net.parameters())


def linear(inputs: int, outputs: int) -> int:
    return inputs * outputs + outputs


def lstm(inputs: int, units: int) -> int:
    return 4 * units * (inputs + units + 2)  # torch has two biases, of which one would do


def spec_of(vocabulary: int, steps: int) -> Spec:
    state = {"tokenizer": "characters", "tokens": [chr(0x4E00 + k) for k in range(vocabulary - tokens.FIRST)]}
    return Spec((tokens.bits(vocabulary), steps), state=state)


def test_sizes_are_those_of_the_papers():
    v, t = 5_000, 20
    with torch.device("meta"):  # sizes alone
        found = {k: recipes.get(k).task.players(spec_of(v, t)) for k in ("seqgan", "relgan", "scratchgan", "arae")}
    sizes = {name: {player: count(net) for player, net in nets.items()} for name, nets in found.items()}
    groups = [*zip((1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 15, 20), (100, *[200] * 4, *[100] * 5, 160, 160), strict=True)]
    assert sizes["seqgan"] == {
        "G": v * 32 + lstm(32, 32) + linear(32, v),
        "D": v * 64 + sum(linear(w * 64, f) for w, f in groups) + 2 * linear(1_720, 1_720) + linear(1_720, 2),
    }
    memory = linear(32, 512) + 512 * 1_536 + 2 * 1_536 + 2 * 2 * 512 + 2 * linear(512, 512) + 2 * 512 * 1_024
    assert sizes["relgan"] == {
        "G": v * 32 + memory + linear(512, v),
        "D": v * 64 + sum(linear(w, 300) for w in (2, 3, 4, 5)) + 2 * linear(1_200, 1_200) + linear(1_200, 100) + 101,
    }
    assert sizes["scratchgan"] == {
        "G": v * 364 + v + 364 * 512 + 364 * 1_024 + lstm(512, 512) + lstm(1_024, 512),
        "D": v * 364 + linear(372, 512) + linear(1_024, 2_048) + 2 * 2_048 + linear(512, 1),
    }
    assert sizes["arae"] == {
        "E": v * 300 + lstm(300, 300),
        "R": v * 300 + lstm(600, 300) + linear(300, v),
        "G": linear(100, 300) + 2 * linear(300, 300) + 2 * 2 * 300,
        "D": 2 * linear(300, 300) + linear(300, 1),
    }


# --- nets that draw token by token

MAKERS = {
    "lstm": lambda v, t: TokenModel(v, t, embed=4, units=4, cell="lstm", tied=False),
    "relational": lambda v, t: RelganG(v, t, embed=4, slots=2, heads=2, head=4),
    "two lstms": lambda v, t: ScratchG(v, t, embed=4, units=4),
}


@pytest.mark.parametrize("name", MAKERS)
class TestStepwise:
    def test_likelihoods_of_all_texts_sum_to_one(self, name):
        torch.manual_seed(0)
        net = MAKERS[name](3, 2).double()
        every = torch.tensor([(0, 0), (1, 0), (2, 0), *((a, b) for a in (1, 2) for b in (1, 2))])
        assert float(net.log_p(every).detach().sum(1).exp().sum()) == pytest.approx(1.0)
        drawn = torch.tensor([(2, 0), (2, 2)])
        assert float(net.log_p(drawn, drawn=True).detach().sum(1).exp().sum()) == pytest.approx(1.0)

    def test_steps_and_whole_texts_agree(self, name):
        torch.manual_seed(0)
        net = MAKERS[name](9, 5)
        known = torch.randint(2, 9, (3, 5))
        assert torch.allclose(net.all_logits(known), Stepwise.all_logits(net, known), atol=1e-6)

    def test_draws_follow_the_probabilities(self, name):
        torch.manual_seed(0)
        net = MAKERS[name](6, 3)
        with torch.no_grad():
            drawn = net.draw(torch.rand(20_000, 3))
            p = net.log_p(drawn, drawn=True).sum(1).exp()
        texts, place, times = drawn.unique(dim=0, return_inverse=True, return_counts=True)
        likely = p.new_zeros(len(texts)).scatter_reduce(0, place, p, "mean", include_self=False)
        assert (times / len(drawn) - likely).abs().max() < 0.012


def test_d_of_scratchgan_reads_no_token_ahead():
    torch.manual_seed(0)
    D = ScratchD(9, 4, 6, 6, 0.0)
    a, b = torch.tensor([[2, 3, 4, 5]]), torch.tensor([[2, 3, 7, 0]])
    assert torch.equal(D(a)[:, :2], D(b)[:, :2])
    assert not torch.equal(D(a)[:, 2], D(b)[:, 2])


# --- what D likes becomes likelier


class Likes(nn.Module):
    """A critic of token 3."""

    def forward(self, texts: Tensor) -> Tensor:
        return 8.0 * (texts == 3).float() - 4

    def probability(self, texts: Tensor) -> Tensor:
        return (texts == 3).float().mean(1)


@pytest.mark.parametrize("task", [ScratchGan(embed=6, units=6), SeqGan(embed=6, units=6, rollouts=2)])
def test_policy_gradient_goes_where_d_sends_it(task):
    torch.manual_seed(0)
    spec = spec_of(6, 3)
    nets = Nets({"G": task.players(spec)["G"], "D": Likes()}, task.memory(spec))
    optimizer = Adam(lr=0.05).build(nets.G)
    batch = Batch(torch.zeros(32, *spec.shape))

    def share() -> float:
        return float((task.made(nets, 256, Rng(1)) == 3).float().mean())

    before = share()
    for step in range(40):
        optimizer.zero_grad()
        (loss,) = task.g_loss(nets, batch, Rng(0, step)).losses.values()
        loss.mean().backward()
        optimizer.step()
    assert before < 0.5
    assert share() > 0.8


def test_the_value_of_a_token_is_what_follows_it():
    """With a policy that always goes on with token 3, the value of any beginning is that of what is left."""
    torch.manual_seed(0)
    task, spec = SeqGan(embed=4, units=4, rollouts=3), spec_of(6, 4)
    nets = Nets({"G": task.players(spec)["G"], "D": Likes()}, task.memory(spec))
    G: Any = nets.G
    with torch.no_grad():
        G.narrow.bias[3] = 1e3
    values = task.values(nets, torch.tensor([[2, 2, 3, 2]]), Rng(0))
    assert values[0].tolist() == pytest.approx([0.75, 0.5, 0.5, 0.25])


def test_the_roll_out_policy_follows_g():
    torch.manual_seed(0)
    task, spec = SeqGan(embed=4, units=4, decay=0.8), spec_of(6, 4)
    nets = Nets({"G": task.players(spec)["G"]}, task.memory(spec))
    G: Any = nets.G
    own = G.narrow.bias.detach().clone()
    task.follow(nets)
    with torch.no_grad():
        G.narrow.bias += 1.0
    task.follow(nets)
    policy = nets.memory.part("rollout")
    assert torch.allclose(policy["narrow.bias"], own + 0.2)
    with weights_of(G, policy):
        assert torch.allclose(G.narrow.bias, own + 0.2)
    assert torch.allclose(G.narrow.bias, own + 1.0)


def test_rewards_are_discounted():
    assert discounted(torch.tensor([[1.0, 0.0, 4.0]]), 0.5).tolist() == [[2.0, 2.0, 4.0]]


# --- one-hots with a gradient


def test_straight_through_is_hard_forwards_and_soft_backwards():
    torch.manual_seed(0)
    sums = torch.tensor([[[0.0, -9.0, 2.0], [3.0, -9.0, 1.0], [0.0, -9.0, 5.0]]], requires_grad=True)
    table, weight = torch.randn(3, 2), torch.randn(1, 3, 2)
    found = straight_through(sums, table, 0.5)
    assert torch.allclose(found, table[torch.tensor([[2, 0, 0]])], atol=1e-6), "after the end of a text all is end"
    (gradient,) = torch.autograd.grad((weight * found).sum(), sums)
    (wanted,) = torch.autograd.grad((weight * ((sums / 0.5).softmax(2) @ table))[:, :2].sum(), sums)
    assert torch.allclose(gradient, wanted)


def test_gumbel_softmax_gets_colder():
    torch.manual_seed(0)
    task, spec = RelGan(objective=RpGan(), embed=4, head=4, views=2, filters=2, pretrain=10, cooling=100), spec_of(9, 4)
    nets = Nets(task.players(spec))
    warm, cold = (task.soft(nets, 64, Rng(0, samples)) for samples in (10, 110))
    assert torch.allclose(warm.sum(2), torch.ones(64, 4), atol=1e-5)
    assert cold.amax(2).mean() > 0.95 > warm.amax(2).mean()
    assert (warm[:, :, tokens.UNKNOWN] == 0).all()
    assert (warm[:, 0, tokens.END] == 0).all()


def test_embeddings_of_the_critic_are_standardized():
    torch.manual_seed(0)
    task, spec = StraightThrough(objective=RpGan(), embed=4, units=4, channels=4, critic_channels=4), spec_of(40, 3)
    nets = Nets(task.players(spec))
    G: Any = nets.G
    L: Any = nets.L
    G.take(3 + 5 * L.embed.weight)
    assert torch.allclose(G.table.mean(0), torch.zeros(4), atol=1e-5)
    assert torch.allclose(G.table.std(0), torch.ones(4), atol=1e-5)


# --- runs


def final_state(folder: Path) -> dict[str, bytes]:
    """Every tensor of a run's newest checkpoint, as bytes."""
    point = checkpoint.newest(folder / "checkpoints")
    assert point is not None
    return {name: tensor.numpy().tobytes() for name, tensor in checkpoint.read(point)[0].items()}


@pytest.mark.parametrize("name", ["seqgan", pytest.param("scratchgan", marks=pytest.mark.slow), "arae"])
def test_a_resumed_run_is_the_whole_run_bit_for_bit(name, tmp_path):
    """With what outlives a step: the roll-out policy, the baseline of rewards, the noise that fades."""

    def run(folder: str, *more: str) -> Path:
        words = [*SYSTEMS[name], "samples=96", "checkpoint_every=48", "callbacks=[]", *more]
        return train(make_recipe(name, overrides=words), run_dir=tmp_path / folder, device="cpu").folder

    whole, part = run("whole"), run("part", "samples=48")
    train(resume_recipe(part, None, ["samples=96"]), resume=part)
    assert final_state(part) == final_state(whole)
