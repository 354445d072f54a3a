"""The task of sentences: its losses in closed form, and data that it refuses."""

from __future__ import annotations

import torch
from torch import nn

from ganforge import recipes
from ganforge.core.conditions import Conditions
from ganforge.core.rng import Rng
from ganforge.core.text_condition import Text
from ganforge.core.types import Batch, DiscriminatorOutput, Nets, Spec
from ganforge.losses.adversarial import Hinge
from ganforge.nets.mlp import MlpDiscriminator, MlpGenerator
from ganforge.nets.sentences.small import Gru
from ganforge.registry import load_all
from ganforge.tasks.matching import SHARPNESS, Matching, contrast
from refused import refused

load_all()

SAID = ["a red heart", "a blue moon", "a red heart", "moon"]
TEXT = Text.of("text", SAID)
CONDITIONS = Conditions((TEXT,)).with_observed([(one,) for one in SAID])
SPEC = Spec((6,), conditions=CONDITIONS)
C = torch.from_numpy(CONDITIONS.encode([(one,) for one in SAID]))


def task(**fields) -> Matching:
    nets = {
        "generator": MlpGenerator(latent=5, widths=(8,), norm="none"),
        "discriminator": MlpDiscriminator(widths=(8,)),
    }
    return Matching(**nets, objective=Hinge(), sentence_encoder=Gru(width=4, embedding=3), **fields)


def nets_of(one: Matching) -> Nets:
    torch.manual_seed(0)
    return Nets(one.players(SPEC.for_nets), one.memory(SPEC.for_nets))


def batch() -> Batch:
    return Batch(torch.randn(4, 6, generator=torch.Generator().manual_seed(1)), C)


def test_wrong_pairs_count_as_fakes_do():
    """The sum is twice the loss of Reed et al.; a sentence that is the same is no wrong one."""
    one = task()
    nets, given = nets_of(one), batch()
    terms = one.d_loss(nets, given, Rng(0))
    real, wrong = nets.D(given.x, C).logits, nets.D(given.x, C.roll(1, 0)).logits
    z = one._latents(given, Rng(0))
    fake = nets.D(nets.G(z, C), C).logits
    hinge = torch.relu(1 - real)
    assert torch.allclose(terms.losses["adversarial"], hinge + torch.relu(1 + fake), atol=1e-6)
    assert torch.allclose(terms.losses["mismatch"], hinge + torch.relu(1 + wrong), atol=1e-6)
    same = torch.cat([C[:1], C[:1]])
    repeated = one.d_loss(nets, Batch(given.x[:2], same), Rng(0))
    assert repeated.losses["mismatch"].tolist() == [0, 0]
    assert "mismatch" not in task(mismatch=0.0).d_loss(nets, given, Rng(0)).losses


def test_contrast_in_closed_form():
    one = task(contrast=0.5)
    nets, given = nets_of(one), batch()
    output = nets.D(given.x, C)
    seen, meant = (nn.functional.normalize(v, dim=1) for v in (nets.D.seen(output), nets.D.reading(C)[0]))
    scores = SHARPNESS * seen @ meant.T
    wanted = []
    for k in range(4):
        others = [j for j in range(4) if j == k or SAID[j] != SAID[k]]
        wanted.append(-2 * scores[k, k] + scores[k, others].logsumexp(0) + scores[others, k].logsumexp(0))
    assert torch.allclose(contrast(nets.D, output, C), torch.stack(wanted), atol=1e-5)
    assert torch.allclose(one.d_loss(nets, given, Rng(0)).losses["contrast"], torch.stack(wanted) / 2, atol=1e-5)
    made = one.g_loss(nets, given, Rng(0))
    assert made.losses["contrast"].requires_grad


class Linear(nn.Module):
    """D(x, e) = 3 x₀ + 4 e₀."""

    def forward(self, x, c):
        return DiscriminatorOutput(3 * x[:, 0] + 4 * c[:, 0])


def test_the_gradient_penalty_of_a_linear_critic():
    one = task(gradient_penalty=2.0)
    nets = nets_of(one)
    nets.D.net = Linear()
    loss = one.penalty(nets, batch(), Rng(0)).losses["gradient_penalty"]
    assert torch.allclose(loss, torch.full((4,), 2.0 * 7**6), rtol=1e-4)
    assert [phase.name for phase in one.phases()] == ["D", "D/matching", "G"]


def test_what_is_unknown_has_an_embedding_and_the_rest_is_handed_on():
    nets = nets_of(task())
    empty = torch.from_numpy(CONDITIONS.encode([(None,)]))
    assert torch.allclose(nets.G.reading(empty)[0], nets.G.reading.unknown)


def test_between_two_sentences():
    nets = nets_of(task())
    z, share = torch.randn(3, 5), torch.tensor([0.0, 0.5, 1.0])
    first, last = C[:1].expand(3, -1), C[1:2].expand(3, -1)
    made = nets.G(z, first, toward=last, share=share)
    assert torch.allclose(made[0], nets.G(z, first)[0], atol=1e-6)
    assert torch.allclose(made[2], nets.G(z, last)[2], atol=1e-6)
    assert not torch.allclose(made[1], nets.G(z, first)[1])


def test_data_that_does_not_fit():
    with refused("task.no_captions", "captions"):
        task().adapt(Spec((6,), 3, ("a", "b", "c")))
    with refused("task.captions_not_read", "text2image-small"):
        recipes.get("cdcgan").task.adapt(Spec((3, 32, 32), conditions=CONDITIONS))
    with refused("task.must_be_conditional"):
        task(conditional=False).adapt(SPEC)
    with refused("task.pack_unsupported"):
        task(pack=2).adapt(SPEC)
    assert recipes.get("dcgan").task.adapt(Spec((3, 32, 32), conditions=CONDITIONS)).conditions == Conditions()


def test_the_size_of_the_large_recipe():
    """G and D of DF-GAN at 256 px have 19 million parameters in the paper; these two have 17.95 million; attention to
    words adds less than a fiftieth."""
    from ganforge.modalities.image.nets.dfgan import DfganDiscriminator, DfganGenerator

    spec = Spec((3, 256, 256), 256)
    with torch.device("meta"):  # sizes alone
        plain, critic = DfganGenerator(attention=()).build(spec), DfganDiscriminator().build(spec)
        attentive = DfganGenerator().build(Spec((3, 256, 256), 256, state={"word_width": 256}))
    sizes = [sum(p.numel() for p in net.parameters()) for net in (plain, critic, attentive)]
    assert sizes[:2] == [11_235_971, 6_717_766]
    assert sizes[0] < sizes[2] < 1.02 * sizes[0]


def test_regions_attend_to_words_that_are_there():
    from ganforge.modalities.image.nets.dfgan import WordAttention
    from ganforge.nets.sentences.base import Encoded

    torch.manual_seed(0)
    layer, x = WordAttention(4, 3), torch.randn(2, 4, 2, 2)
    words, there = torch.randn(2, 5, 3), torch.arange(5)[None] < torch.tensor([[2], [5]])
    found = layer(x, Encoded(words[:, 0], words, there))
    words[0, 2:] = 100.0
    assert torch.allclose(layer(x, Encoded(words[:, 0], words, there)), found), "what is no word is not attended to"
    first = x[0, :, 0, 0] @ layer.keys(words[0, :2]).T / 2
    wanted = x[0, :, 0, 0] + 0.1 * first.softmax(0) @ layer.values(words[0, :2])
    assert torch.allclose(found[0, :, 0, 0], wanted, atol=1e-6)


def test_modulation_scales_every_layer_and_needs_a_mapping():
    from ganforge.modalities.image.nets.dcgan import DcganGenerator
    from ganforge.nets.layers.conditional_norm import ConditionalBatchNorm

    with refused("nets.no_modulation"):
        DcganGenerator(modulation=True).build(Spec((3, 32, 32), 4))
    net = DcganGenerator(channels=4, mapping=1, modulation=True, latent=3).build(Spec((3, 32, 32), 4)).eval()
    first = [m for m in net.modules() if isinstance(m, ConditionalBatchNorm)]
    assert len(first) == 3
    made = net(torch.zeros(2, 3), torch.tensor([0, 1]))
    first[-1].gain.weight.data.zero_()
    first[-1].offset.weight.data.zero_()
    assert not torch.allclose(net(torch.zeros(2, 3), torch.tensor([0, 1])), made)
